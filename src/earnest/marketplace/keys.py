"""API keys: who may ask for what over HTTP, from how much a key may do to whose secret it is.

A key's secret is known to its bearer alone; what is kept is its SHA-256, which is enough for 256 bits of chance. The
bearer sends `ern_`, the key's id and the secret, so the id finds the row and the secret is compared in constant time.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from earnest.ledger.act import Act, Batch
from earnest.ledger.ids import KEY, NOBODY, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant as instant_of
from earnest.ledger.packing import micros
from earnest.ledger.rows import KeyRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace.given import MOST_NAME, cursor_id, find, idempotency_key, instant, one_of, page_size, text
from earnest.marketplace.shown import KeyShown, Page
from earnest.rules.outcome import Refusal, Refused

Scope = Literal["read", "propose", "manage", "operate"]

SCOPES: tuple[Scope, ...] = ("read", "propose", "manage", "operate")
"""From the least to the most; each may do what those before it may."""

SECRET_BYTES = 32
RATE_LIMIT = re.compile(r"[1-9]\d{0,8}/(second|minute|hour|day)")

_TOKEN = re.compile(r"ern_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
_KEY = f"select {names(KeyRow)} from api_key where key_id = id(:key)"  # noqa: S608
_KEYS = f"select {names(KeyRow)} from api_key where key_id > id(:after) order by key_id limit :limit"  # noqa: S608
_FIRST = "0" * 32
_UNKNOWN = Refused(Refusal.UNKNOWN_KEY)


class Bearer(msgspec.Struct, frozen=True):
    """Whoever asks with a key: which, what it may do, and the account's plain id it is bound to."""

    key_id: str
    scope: Scope
    bound_to: str | None
    rate_limit: str | None

    def may(self, scope: Scope) -> bool:
        """Say whether the key's scope includes another."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


class CreateKey(Act[KeyShown], frozen=True):
    """Make a key."""

    answers: ClassVar[type] = KeyShown

    name: str
    scope: Scope
    bound_to: str | None
    rate_limit: str | None
    expires_at: datetime | None
    digest: str

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        if self.bound_to is not None:
            needs.accounts.add(self.bound_to)

    def fingerprint(self) -> str:
        """Return what tells this request from any other: all but the secret, which is made anew each time."""
        return super(CreateKey, msgspec.structs.replace(self, digest="")).fingerprint()

    def decide(self, batch: Batch) -> KeyShown | Refused:
        """Keep it under a new id."""
        if self.bound_to is not None and batch.account(self.bound_to) is None:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        if self.expires_at is not None and self.expires_at <= batch.now:
            return Refused(Refusal.MALFORMED, {"field": "expires_at", "expected": "a time after now"})
        row = KeyRow(
            batch.ids.new(batch.now),
            self.name,
            self.scope,
            self.digest,
            batch.at,
            self.bound_to,
            self.rate_limit,
            None if self.expires_at is None else micros(self.expires_at),
        )
        batch.put(row)
        return _shown(row)


class RevokeKey(Act[KeyShown], frozen=True):
    """Revoke a key."""

    answers: ClassVar[type] = KeyShown

    key: str

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.keys.add(self.key)

    def decide(self, batch: Batch) -> KeyShown | Refused:
        """Revoke it, once."""
        row = batch.api_key(self.key)
        if row is None:
            return _UNKNOWN
        if row.revoked_at is None:
            row = msgspec.structs.replace(row, revoked_at=batch.at)
            batch.put(row, new=False)
        return _shown(row)


async def create_key(
    ledger: Ledger,
    *,
    name: str,
    scope: Scope,
    account_id: str | None = None,
    rate_limit: str | None = None,
    expires_at: datetime | None = None,
    key: str | Key | None = None,
) -> KeyShown | Refused:
    """Make an API key, for the whole marketplace or for one account; its secret is shown this once.

    `rate_limit` is as in `600/minute`. Asked again with the same idempotency key, the answer lacks the secret, which
    nobody knows any more. Refused as `unknown_account`, `malformed` for an expiry that has passed.
    """
    one_of("scope", scope, SCOPES)
    if rate_limit is not None and not (isinstance(rate_limit, str) and RATE_LIMIT.fullmatch(rate_limit)):
        raise ValueError(f"rate_limit: expected a number and a span, as in 600/minute, got {rate_limit!r}")
    bound_to = None if account_id is None else await find(ledger, "account", account_id) or NOBODY
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = idempotency_key(key)
    act = CreateKey(
        text("name", name, MOST_NAME),
        scope,
        bound_to,
        rate_limit,
        instant("expires_at", expires_at),
        _digest(secret),
    )
    answer = await ledger.do(act, made)
    if isinstance(answer, Refused) or (made is not None and made.replayed):
        return answer
    return msgspec.structs.replace(answer, secret=f"ern_{answer.id[len(KEY) :]}_{secret}")


async def keys(ledger: Ledger, *, limit: int = 100, cursor: str | None = None) -> Page[KeyShown]:
    """List the keys, the oldest first, revoked ones too."""
    limit = page_size(limit)
    rows = await ledger.fetch(_KEYS, {"after": cursor_id(cursor, _FIRST), "limit": limit + 1})
    known = [KeyRow(*row) for row in rows]
    return Page([_shown(row) for row in known[:limit]], known[limit - 1].key_id if len(known) > limit else None)


async def revoke_key(ledger: Ledger, key_id: str, *, key: str | Key | None = None) -> KeyShown | Refused:
    """Revoke a key, for good; twice is once. Refused as `unknown_key`."""
    return await ledger.do(RevokeKey(plain(key_id, KEY) or NOBODY), idempotency_key(key))


async def bearer(ledger: Ledger, token: str) -> Bearer | None:
    """Return who asks with a token, None where no key that is in force has this secret."""
    match = _TOKEN.fullmatch(token)
    found = None if match is None else await ledger.fetch_one(_KEY, {"key": match[1]})
    if match is None or found is None:
        return None
    row = KeyRow(*found)
    known = hmac.compare_digest(row.digest, _digest(match[2]))
    if not known or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= micros(ledger.now)):
        return None
    return Bearer(row.key_id, _scope(row), row.bound_to, row.rate_limit)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _scope(row: KeyRow) -> Scope:
    return next(scope for scope in SCOPES if scope == row.scope)


def _shown(row: KeyRow) -> KeyShown:
    return KeyShown(
        f"{KEY}{row.key_id}",
        row.name,
        _scope(row),
        None if row.bound_to is None else f"acc_{row.bound_to}",
        row.rate_limit,
        instant_of(row.created_at),
        None if row.expires_at is None else instant_of(row.expires_at),
        None if row.revoked_at is None else instant_of(row.revoked_at),
    )
