"""Webhook endpoints: where events are sent, what became of each, and sending again.

E-mail has a row among them (mailing.py), which is neither shown nor changed here.

What concerns the world outside (attempts, pauses, the life of an old secret) goes by the machine's clock, as a
sandbox's may stand still; when something was recorded goes by the ledger's.
"""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

import msgspec

from earnest.ledger import outbox
from earnest.ledger.act import Act, Batch
from earnest.ledger.ids import DELIVERY, ENDPOINT, MAIL, NOBODY, plain
from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import micros
from earnest.ledger.rows import DeliveryRow, EndpointRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.addresses import webhook_url
from earnest.marketplace.given import (
    MOST_NAME,
    cursor_id,
    idempotency_key,
    one_of,
    optional_text,
    page_size,
    whole,
)
from earnest.marketplace.shown import DeliveryShown, EndpointShown, Page
from earnest.rules.outcome import Refusal, Refused

SECRET_BYTES = 32
MOST_OVERLAP_HOURS = 720

STATUSES = (outbox.WAITING, outbox.DELIVERED, outbox.FAILED)

_UNKNOWN = Refused(Refusal.UNKNOWN_ENDPOINT)
_UNKNOWN_DELIVERY = Refused(Refusal.UNKNOWN_DELIVERY)
_ENDPOINT = f"select {names(EndpointRow)} from endpoint where endpoint_id = id(:endpoint)"  # noqa: S608
_ENDPOINTS = (
    f"select {names(EndpointRow)} from endpoint where endpoint_id > id(:after) and endpoint_id <> id(:mail)"  # noqa: S608
    " order by endpoint_id limit :limit"
)
# The status stands in the statement, as the indices of what waits and what failed hold nothing else.
_DELIVERIES = {
    status: (
        f"select {names(DeliveryRow)} from delivery where endpoint_id = id(:endpoint)"  # noqa: S608
        " and (recorded_at, account_id, seq) < (:at, id(:account), :seq)"
        + (f" and status = '{status}'" if status else "")
        + " order by recorded_at desc, account_id desc, seq desc limit :limit"
    )
    for status in (None, *STATUSES)
}
_DUE_AGAIN = (
    "update delivery set status = 'waiting', attempts = 0, next_at = :now"
    " where endpoint_id = id(:endpoint) and status = 'failed'",
    "update delivery set attempts = 0, next_at = :now"
    " where endpoint_id = id(:endpoint) and status = 'waiting' and attempts > 0",
)
_CURSOR = re.compile(r"([0-9]{1,18})_([0-9a-f]{32})_([1-9][0-9]{0,9})")
_DELIVERY = re.compile(DELIVERY + r"([0-9a-f]{32})_([1-9][0-9]{0,9})_([0-9a-f]{32})")
_LATEST = (2**62, "f" * 32, 2**31 - 1)


class CreateEndpoint(Act[EndpointShown], frozen=True):
    """Make an endpoint."""

    answers: ClassVar[type] = EndpointShown

    url: str
    kinds: str | None
    description: str | None
    secret: str

    def fingerprint(self) -> str:
        """Return what tells this request from any other: all but the secret, which is made anew each time."""
        return super(CreateEndpoint, msgspec.structs.replace(self, secret="")).fingerprint()

    def decide(self, batch: Batch) -> EndpointShown:
        """Keep it under a new id."""
        id_ = batch.ids.new(batch.now)
        row = EndpointRow(id_, self.url, batch.at, self.secret, self.kinds, self.description)
        batch.put(row)
        return showing.endpoint(row)


class ActOnEndpoint(Act[EndpointShown], frozen=True):
    """Something done to an endpoint, which is held for it."""

    answers: ClassVar[type] = EndpointShown

    endpoint: str

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.endpoints.add(self.endpoint)

    def change(self, row: EndpointRow, batch: Batch, /) -> EndpointRow | Refused:
        """Return what becomes of it."""
        raise NotImplementedError

    def decide(self, batch: Batch) -> EndpointShown | Refused:
        """Change it."""
        row = batch.endpoint(self.endpoint)
        if row is None:
            return _UNKNOWN
        changed = self.change(row, batch)
        if isinstance(changed, Refused):
            return changed
        if changed != row:
            batch.put(changed, new=False)
        return showing.endpoint(changed)


class ChangeEndpoint(ActOnEndpoint, frozen=True):
    """Change where an endpoint is, what it is told of, or what it is said to be for."""

    url: str | None
    kinds: str | msgspec.UnsetType | None = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET

    def change(self, row: EndpointRow, _: Batch, /) -> EndpointRow:
        """Change what is asked for; what another URL failed at is not held against a new one."""
        moves = self.url is not None and self.url != row.url
        return msgspec.structs.replace(
            row,
            url=row.url if self.url is None else self.url,
            kinds=row.kinds if isinstance(self.kinds, msgspec.UnsetType) else self.kinds,
            description=row.description if isinstance(self.description, msgspec.UnsetType) else self.description,
            failing_since=None if moves else row.failing_since,
        )


class RotateSecret(ActOnEndpoint, frozen=True):
    """Give an endpoint another secret, beside which the present one signs for a while."""

    overlap_hours: int
    secret: str

    def fingerprint(self) -> str:
        """Return what tells this request from any other: all but the secret, which is made anew each time."""
        return super(RotateSecret, msgspec.structs.replace(self, secret="")).fingerprint()

    def change(self, row: EndpointRow, _: Batch, /) -> EndpointRow:
        """Sign with the new secret, and with the one it replaces until the overlap ends."""
        ends = micros(utc_now() + timedelta(hours=self.overlap_hours)) if self.overlap_hours else None
        return msgspec.structs.replace(
            row, secret=self.secret, old_secret=row.secret if ends else None, old_secret_until=ends
        )


class DeleteEndpoint(ActOnEndpoint, frozen=True):
    """Let an endpoint go."""

    def decide(self, batch: Batch) -> EndpointShown | Refused:
        """Remove its row; nobody is told through it from then on."""
        row = batch.endpoint(self.endpoint)
        if row is None:
            return _UNKNOWN
        batch.remove_endpoint(self.endpoint)
        return showing.endpoint(row)


class Redeliver(ActOnEndpoint, frozen=True):
    """Have one delivery sent once more, or all that have not arrived, and the endpoint told again if it was paused."""

    delivery: tuple[str, int] | None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.endpoints.add(self.endpoint)
        if self.delivery is not None:
            needs.deliveries.add((*self.delivery, self.endpoint))

    def change(self, row: EndpointRow, batch: Batch, /) -> EndpointRow | Refused:
        """Make them due at once, with all their attempts before them."""
        # The present, not zero: an attempt under way is told by it that it has been overtaken.
        now = micros(utc_now())
        if self.delivery is None:
            for sql in _DUE_AGAIN:
                batch.execute(sql, {"endpoint": self.endpoint, "now": now})
        else:
            known = batch.delivery(*self.delivery, self.endpoint)
            if known is None:
                return _UNKNOWN_DELIVERY
            batch.put(msgspec.structs.replace(known, status=outbox.WAITING, attempts=0, next_at=now), new=False)
        return msgspec.structs.replace(row, failing_since=None, paused_at=None, paused_because=None)


async def create_endpoint(
    ledger: Ledger,
    url: str,
    *,
    kinds: Sequence[str] | None = None,
    description: str | None = None,
    allow_private: bool = False,
    key: str | Key | None = None,
) -> EndpointShown | Refused:
    """Have events sent to a URL from now on: of some kinds, or all. The secret of the signatures is shown this once.

    With `allow_private`, for tests and development, it may be plain http and lead into one's own network. Asked again
    with the same idempotency key, the answer lacks the secret. Raises ValueError for a URL or kind that can't be meant.
    """
    secret, made = _new_secret(), idempotency_key(key)
    act = CreateEndpoint(
        webhook_url(url, allow_private=allow_private),
        _packed(kinds),
        optional_text("description", description, MOST_NAME),
        secret,
    )
    answer = await ledger.do(act, made)
    return answer if isinstance(answer, Refused) else _with_secret(answer, secret, made)


async def endpoints(ledger: Ledger, *, limit: int = 100, cursor: str | None = None) -> Page[EndpointShown]:
    """List the endpoints, the oldest first."""
    limit = page_size(limit)
    params = {"after": cursor_id(cursor, NOBODY), "mail": MAIL, "limit": limit + 1}
    rows = await ledger.fetch(_ENDPOINTS, params)
    known = [EndpointRow(*row) for row in rows]
    shown = [showing.endpoint(row) for row in known[:limit]]
    return Page(shown, known[limit - 1].endpoint_id if len(known) > limit else None)


async def endpoint(ledger: Ledger, endpoint_id: str) -> EndpointShown | Refused:
    """Show an endpoint, and how sending to it goes."""
    row = await _row(ledger, endpoint_id)
    return _UNKNOWN if row is None else showing.endpoint(row)


async def change_endpoint(
    ledger: Ledger,
    endpoint_id: str,
    *,
    url: str | None = None,
    kinds: Sequence[str] | msgspec.UnsetType | None = msgspec.UNSET,
    description: str | msgspec.UnsetType | None = msgspec.UNSET,
    allow_private: bool = False,
    key: str | Key | None = None,
) -> EndpointShown | Refused:
    """Change where an endpoint is, what it is told of (None: everything) and its description; what is left out stays.

    What waits goes to the new URL. A paused endpoint stays paused. Refused as `unknown_endpoint`.
    """
    found = _plain(endpoint_id) or NOBODY
    to = None if url is None else webhook_url(url, allow_private=allow_private)
    of = kinds if isinstance(kinds, msgspec.UnsetType) else _packed(kinds)
    if not isinstance(description, msgspec.UnsetType):
        optional_text("description", description, MOST_NAME)
    return await ledger.do(ChangeEndpoint(found, to, of, description), idempotency_key(key))


async def delete_endpoint(ledger: Ledger, endpoint_id: str, *, key: str | Key | None = None) -> EndpointShown | Refused:
    """Let an endpoint go: nothing is sent to it any more. Refused as `unknown_endpoint`.

    Its deliveries are no longer shown; `keep_up` drops them, a piece at a time.
    """
    found = _plain(endpoint_id) or NOBODY
    return await ledger.do(DeleteEndpoint(found), idempotency_key(key))


async def rotate_secret(
    ledger: Ledger, endpoint_id: str, *, overlap_hours: int = 24, key: str | Key | None = None
) -> EndpointShown | Refused:
    """Give an endpoint a new secret, shown this once. For so many hours the one before it signs too.

    A secret that was still signing beside the present one signs no more. Refused as `unknown_endpoint`.
    """
    whole("overlap_hours", overlap_hours, 0, MOST_OVERLAP_HOURS)
    found, secret, made = _plain(endpoint_id) or NOBODY, _new_secret(), idempotency_key(key)
    answer = await ledger.do(RotateSecret(found, overlap_hours, secret), made)
    return answer if isinstance(answer, Refused) else _with_secret(answer, secret, made)


async def deliveries(
    ledger: Ledger, endpoint_id: str, *, status: str | None = None, limit: int = 100, cursor: str | None = None
) -> Page[DeliveryShown] | Refused:
    """List what an endpoint was told, or is to be, the latest first; of a status, or all. For 30 days after it ended.

    Refused as `unknown_endpoint`.
    """
    limit = page_size(limit)
    if status is not None:
        one_of("status", status, STATUSES)
    at, account_id, seq = _LATEST if cursor is None else _from_cursor(cursor)
    row = await _row(ledger, endpoint_id)
    if row is None:
        return _UNKNOWN
    params = {"endpoint": row.endpoint_id, "at": at, "account": account_id, "seq": seq, "limit": limit + 1}
    known = [DeliveryRow(*each) for each in await ledger.fetch(_DELIVERIES[status], params)]
    last = known[limit - 1] if len(known) > limit else None
    return Page(
        [showing.delivery(each) for each in known[:limit]],
        None if last is None else f"{last.recorded_at}_{last.account_id}_{last.seq}",
    )


async def redeliver(
    ledger: Ledger, endpoint_id: str, delivery_id: str | None = None, *, key: str | Key | None = None
) -> EndpointShown | Refused:
    """Send one delivery once more, whatever became of it, or everything at once that has not arrived.

    An endpoint that was paused is told again. Refused as `unknown_endpoint`, `unknown_delivery`.
    """
    # An id that names nothing is refused by the act, as a key that is known goes before.
    found, of = _plain(endpoint_id) or NOBODY, None
    if delivery_id is not None:
        match = _DELIVERY.fullmatch(delivery_id) if type(delivery_id) is str else None
        if match is None or match[3] != found or int(match[2]) > _LATEST[2]:
            of = (NOBODY, 1)
        else:
            of = (match[1], int(match[2]))
    return await ledger.do(Redeliver(found, of), idempotency_key(key))


def _plain(endpoint_id: str) -> str | None:
    """Return a webhook endpoint's id; e-mail's, which is no webhook, is nobody's here."""
    found = plain(endpoint_id, ENDPOINT)
    return None if found == MAIL else found


async def _row(ledger: Ledger, endpoint_id: str) -> EndpointRow | None:
    found = _plain(endpoint_id)
    row = None if found is None else await ledger.fetch_one(_ENDPOINT, {"endpoint": found})
    return None if row is None else EndpointRow(*row)


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _with_secret(answer: EndpointShown, secret: str, key: Key | None) -> EndpointShown:
    """Return an answer with the secret that was kept; what was asked before made another, which nobody has any more."""
    return answer if key is not None and key.replayed else msgspec.structs.replace(answer, secret=secret)


def _packed(kinds: Sequence[str] | None) -> str | None:
    """Return kinds of events as a row has them; raises ValueError for what is none, and for none at all."""
    if kinds is None:
        return None
    if isinstance(kinds, str) or not isinstance(kinds, Sequence) or not kinds:
        raise ValueError("kinds: expected a list of kinds of events, or None for all")
    for kind in kinds:
        one_of("kinds", kind, outbox.KINDS)
    return msgspec.json.encode([kind for kind in outbox.KINDS if kind in kinds]).decode()


def _from_cursor(cursor: str) -> tuple[int, str, int]:
    match = _CURSOR.fullmatch(cursor) if type(cursor) is str else None
    if match is None or int(match[3]) > _LATEST[2]:
        raise ValueError(f"cursor: expected one that was answered before, got {cursor!r}")
    return int(match[1]), match[2], int(match[3])
