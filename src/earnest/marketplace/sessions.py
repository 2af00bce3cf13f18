"""Sessions: signing in with an e-mail address and a password, on which seat one sits, and signing out.

The browser has a secret, the database its SHA-256, which is enough for 256 bits of chance. The secret changes with the
seat, so one that was seen before is of no use after. A session ends after 12 hours in which nobody came, and after 14
days in any case.

Times are the machine's, not those of a sandbox's clock: moving that must neither end a session nor keep it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import BusyError, already_done
from earnest.ledger.ids import NOBODY, PERSON, plain
from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import instant, micros
from earnest.ledger.rows import SessionRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.marketplace import hashing, tries
from earnest.marketplace.people import (
    COLUMNS,
    ORDER,
    SEAT_KINDS,
    SEATS,
    PersonShown,
    Place,
    Seat,
    person,
    place_of,
    row_by_email,
    seat_of,
    shown,
)
from earnest.rules.outcome import Refusal, Refused

IDLE = timedelta(hours=12)
"""How long a session lasts without anybody coming."""

LASTS = timedelta(days=14)
"""How long a session lasts at most."""

SEEN_EVERY = timedelta(minutes=1)
"""How often it is written down that somebody came."""

MOST_SESSIONS = 20
"""How many sessions a person has at most; the oldest make room for a new one."""

SECRET_BYTES = 32

_WRONG = Refused(Refusal.WRONG_CREDENTIALS)
_UNKNOWN = Refused(Refusal.UNKNOWN_PERSON)

_LASTING = "x.until > :now and x.seen_at > :idle_since"
_SESSION = (
    f"select {names(SessionRow, 'x.')}, {COLUMNS} from session x join person p on p.person_id = x.person_id {SEATS}"  # noqa: S608
    f" where x.digest = :digest and {_LASTING} {ORDER}"
)
_SESSIONS = (
    f"select {names(SessionRow, 'x.')} from session x"  # noqa: S608
    f" where x.person_id = id(:person) and {_LASTING} order by x.created_at desc, x.digest"
)
_SEEN = "update session set seen_at = :now where digest = :digest and seen_at < :now"
# One statement, so that whoever signs out everywhere in this moment ends the old or the new one.
_TAKE_SEAT = (
    "update session set digest = :new, seat_kind = :kind, seat_target = id(:target), seat_seq = :seq"
    " where digest = :digest"
)
_IS_THERE = "select 1 from session where digest = :digest"
_SIGN_OUT = "delete from session where digest = :digest"
_SIGN_OUT_EVERYWHERE = "delete from session where person_id = id(:person)"
_MAKE_ROOM = (
    "delete from session where person_id = id(:person) and digest <> :new and digest not in ("  # noqa: S608
    "select digest from session where person_id = id(:person) and digest <> :new"
    f" order by created_at desc, digest limit {MOST_SESSIONS - 1})"
)
_DROP = "delete from session where until <= :now or seen_at <= :idle_since"


class SignedIn(msgspec.Struct, frozen=True):
    """Who has just signed in, and the secret for their browser, which nobody can look up later."""

    secret: str
    person: PersonShown


class Session(msgspec.Struct, frozen=True):
    """Whose session it is and the seat they sit on, None where they have several and chose none.

    `id` names it in a list; it is of no use for signing in.
    """

    id: str
    person: PersonShown
    seat: Seat | None
    created_at: datetime
    until: datetime


class SessionShown(msgspec.Struct, frozen=True):
    """A browser somebody is signed in with: since when, and when they came last, to the minute."""

    id: str
    seat: Seat | None
    created_at: datetime
    seen_at: datetime
    until: datetime


class BeginSession(Act[None], frozen=True):
    """Sign a person in. `password` is the hash that was matched, None where nobody asked for a password."""

    answers: ClassVar[type] = type(None)

    person: str
    digest: str
    at: int
    until: int
    password: str | None = None
    rehashed: str | None = None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.people.add(self.person)

    def decide(self, batch: Batch) -> Refused | None:
        """Keep the session, unless the password was changed since it was looked at."""
        row = batch.person(self.person)
        if row is None:
            return _UNKNOWN if self.password is None else _WRONG
        if self.password is not None and row.password != self.password:
            return _WRONG
        if self.rehashed is not None:
            batch.put(msgspec.structs.replace(row, password=self.rehashed), new=False)
        batch.put(SessionRow(self.digest, self.person, self.at, self.at, self.until))
        batch.execute(_MAKE_ROOM, {"person": self.person, "new": self.digest})
        return None


async def sign_in(ledger: Ledger, email: str, password: str, *, address: str) -> SignedIn | Refused:
    """Sign somebody in who comes from an IP address. An unknown e-mail address is answered like a wrong password.

    Refused as `too_many_tries` (`retry_after_seconds`) and `wrong_credentials`. Raises BusyError where too many
    passwords are being looked at.
    """
    tried = await tries.sign_in_try(ledger, email, address)
    if isinstance(tried, Refused):
        return tried
    found = await row_by_email(ledger, email)
    kept = None if found is None else found[0].password
    try:
        by = tries.network(address)
        matches = await hashing.verify(kept, password, by)
        rehashed = await hashing.hashed(password, by) if kept and matches and hashing.outdated(kept) else None
    except BusyError:
        await tried.take_back(ledger)
        raise
    if found is None or kept is None or not matches:
        return _WRONG
    answer = await _begin(ledger, found[0].person_id, kept, rehashed)
    if not isinstance(answer, Refused):
        with already_done():
            await tried.take_back(ledger)
            await tries.forgive(ledger, email, address)
    return answer


async def sign_in_as(ledger: Ledger, person_id: str) -> SignedIn | Refused:
    """Sign a person in whom nobody asked for a password: for a demonstration, where everybody may be anybody.

    Refused as `unknown_person`.
    """
    known = plain(person_id, PERSON)
    return _UNKNOWN if known is None else await _begin(ledger, known, None, None)


async def _begin(ledger: Ledger, person_id: str, password: str | None, rehashed: str | None) -> SignedIn | Refused:
    secret, now = new_secret(), utc_now()
    act = BeginSession(person_id, digest_of(secret), micros(now), micros(now + LASTS), password, rehashed)
    answer = await ledger.do(act)
    if isinstance(answer, Refused):
        return answer
    with already_done():
        made = await person(ledger, f"{PERSON}{person_id}")
    return made if isinstance(made, Refused) else SignedIn(secret, made)


async def session(ledger: Ledger, secret: str) -> Session | None:
    """Return whose session a secret is, None where it is nobody's, or has ended.

    It is asked for with every page. Whoever has one seat sits on it; on one that was taken from them nobody sits.
    """
    now = utc_now()
    digest = digest_of(secret)
    rows = await ledger.fetch(_SESSION, {"digest": digest, **_lasting(now)})
    if not rows:
        return None
    width = len(SessionRow.__struct_fields__)
    kept = SessionRow(*rows[0][:width])
    [who] = shown(row[width:] for row in rows)
    if kept.seen_at <= micros(now - SEEN_EVERY):
        await ledger.store.change(_SEEN, {"digest": digest, "now": micros(now)})
    seat = _chosen(kept)
    if seat not in who.seats:
        seat = who.seats[0] if len(who.seats) == 1 else None
    return Session(digest, who, seat, instant(kept.created_at), instant(kept.until))


async def take_seat(ledger: Ledger, secret: str, seat: Seat) -> str | Refused:
    """Act as another of one's own seats: returns the session's new secret, and the old one is of no use any more.

    Refused as `not_signed_in`, and as `not_permitted` for a seat that is not theirs.
    """
    known = await session(ledger, secret)
    if known is None:
        return Refused(Refusal.NOT_SIGNED_IN)
    if seat not in known.person.seats:
        return Refused(Refusal.NOT_PERMITTED, {"reason": "seat"})
    place = await place_of(ledger, seat)
    new = new_secret()
    taken = await ledger.store.change(
        _TAKE_SEAT,
        {
            "digest": digest_of(secret),
            "new": digest_of(new),
            "kind": place.kind,
            "target": place.target_id,
            "seq": place.seq,
        },
    )
    # Executed twice over a lost link, the second time found it done.
    if not taken and await ledger.fetch_one(_IS_THERE, {"digest": digest_of(new)}) is None:
        return Refused(Refusal.NOT_SIGNED_IN)
    return new


async def sign_out(ledger: Ledger, secret: str) -> None:
    """End a session."""
    await ledger.store.change(_SIGN_OUT, {"digest": digest_of(secret)})


async def sign_out_everywhere(ledger: Ledger, person_id: str) -> None:
    """End all sessions of a person."""
    known = plain(person_id, PERSON)
    if known is not None:
        await ledger.store.change(_SIGN_OUT_EVERYWHERE, {"person": known})


async def sessions_of(ledger: Ledger, person_id: str) -> list[SessionShown]:
    """Show the sessions of a person that last, the youngest first."""
    known = plain(person_id, PERSON)
    if known is None:
        return []
    rows = await ledger.fetch(_SESSIONS, {"person": known, **_lasting(utc_now())})
    return [
        SessionShown(row.digest, _chosen(row), instant(row.created_at), instant(row.seen_at), instant(row.until))
        for row in (SessionRow(*each) for each in rows)
    ]


async def drop_sessions(ledger: Ledger) -> None:
    """Forget the sessions that have ended."""
    await ledger.store.change(_DROP, _lasting(utc_now()))


def _lasting(now: datetime) -> dict[str, int]:
    return {"now": micros(now), "idle_since": micros(now - IDLE)}


def _chosen(row: SessionRow) -> Seat | None:
    """Return the seat that was chosen for a session."""
    for kind in SEAT_KINDS:
        if kind == row.seat_kind:
            return seat_of(Place(kind, row.seat_target or NOBODY, row.seat_seq or 0))
    return None


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
