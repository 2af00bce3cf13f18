"""People: who may sign in to the pages, and what each may act as there.

A person is an e-mail address, and sits on seats: as the holder of an individual's account, as a member of an agency,
as a client, or as an operator. Several people may have a seat at the same place, and one person several seats. A
member's seat holds only while they are a member of the agency: every read here asks that anew.

An address is kept as it was given, and compared without regard to capitals; no two people share one.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import already_done
from earnest.ledger.ids import ACCOUNT, CLIENT, MEMBER, NOBODY, PERSON, numbered, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant
from earnest.ledger.rows import ExternalRow, PersonRow, SeatRow
from earnest.ledger.sql import SEAT_HOLDS, names
from earnest.ledger.store import Needs, Params
from earnest.ledger.writer import Key
from earnest.marketplace.given import (
    MOST_NAME,
    cursor_id,
    find,
    idempotency_key,
    one_of,
    optional_text,
    page_size,
    text,
)
from earnest.marketplace.members import by_member, need_who, who
from earnest.marketplace.shown import Page
from earnest.rules.member import bar_for_changing
from earnest.rules.outcome import Refusal, Refused

SeatKind = Literal["account", "member", "client", "operator"]

SEAT_KINDS: tuple[SeatKind, ...] = ("account", "member", "client", "operator")

MOST_EMAIL = 254
MOST_SEATS = 100
"""Seats that one person may be given at once."""

EMAIL = "email"
"""The kind under which addresses stand among external ids, each once."""

_UNKNOWN = Refused(Refusal.UNKNOWN_PERSON)

COLUMNS = f"{names(PersonRow, 'p.')}, s.kind, s.target_id, s.seq"
SEATS = f"left join seat s on s.person_id = p.person_id and {SEAT_HOLDS.format(seat='s')}"
ORDER = "order by p.person_id, s.added_at, s.kind, s.target_id, s.seq"

_PERSON = f"select {COLUMNS} from person p {SEATS} where p.person_id = id(:person) {ORDER}"  # noqa: S608
_BY_EMAIL = (
    f"select {COLUMNS} from external e join person p on p.person_id = e.id {SEATS}"  # noqa: S608
    f" where e.kind = 'email' and e.external_id = :email {ORDER}"
)
_THERE = (
    f"select {COLUMNS} from person p {SEATS}"  # noqa: S608
    f" where p.person_id in (select t.person_id from seat t where t.target_id = id(:target)"
    f" and (:seq = 0 or t.seq = :seq)) {ORDER}"
)
_PEOPLE = (
    f"select {COLUMNS} from (select {names(PersonRow)} from person where person_id > id(:after)"  # noqa: S608
    " and (lower(email) like :q escape '!' or lower(name) like :q escape '!')"
    f" order by person_id limit :limit) p {SEATS} {ORDER}"
)


class Seat(msgspec.Struct, frozen=True):
    """What a person may act as. `target` is the account's `acc_…`, the member's `mem_…` or the client's `cli_…`."""

    kind: SeatKind
    target: str | None = None


class PersonShown(msgspec.Struct, frozen=True):
    """Who may sign in, by which address, and the seats that hold now, the earliest first.

    `gets_mail` says whether they are written about what they hold.
    """

    id: str
    email: str
    name: str | None
    seats: list[Seat]
    has_password: bool
    created_at: datetime
    gets_mail: bool = True


class Place(msgspec.Struct, frozen=True):
    """A seat as the tables have it. `seq` is a member's number, `target_id` an operator's is nobody's."""

    kind: SeatKind
    target_id: str
    seq: int = 0


class CreatePerson(Act[PersonShown], frozen=True):
    """Make a person known, with their seats."""

    answers: ClassVar[type] = PersonShown

    email: str
    name: str | None
    places: tuple[Place, ...]
    by: tuple[str, int] | None = None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.externals.add((EMAIL, folded(self.email)))
        _need(needs, self.places, self.by)

    def decide(self, batch: Batch) -> PersonShown | Refused:
        """Keep them under a new id."""
        refused = _wrong_place(batch, self.places, self.by)
        if refused is not None:
            return refused
        if batch.external(EMAIL, folded(self.email)) is not None:
            return Refused(Refusal.EMAIL_TAKEN, {"email": self.email})
        person_id = batch.ids.new(batch.now)
        row = PersonRow(person_id, self.email, batch.at, self.name)
        batch.put(row)
        batch.put(ExternalRow(EMAIL, folded(self.email), person_id))
        for place in self.places:
            batch.put(SeatRow(person_id, place.kind, place.target_id, place.seq, batch.at))
        # What is kept of this answer names nobody.
        return PersonShown(f"{PERSON}{person_id}", "", None, [], False, instant(batch.at))


class ChangePerson(Act[None], frozen=True):
    """Change what a person may act as or is called, or let them go. What they already have, or have not, stays so."""

    person: str
    name: str | None = None
    renames: bool = False
    sits: Place | None = None
    leaves: Place | None = None
    removed: bool = False
    by: tuple[str, int] | None = None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.people.add(self.person)
        if self.sits is not None:
            _need(needs, (self.sits,), self.by)

    def decide(self, batch: Batch) -> Refused | None:
        """Change it."""
        row = batch.person(self.person)
        if row is None:
            return _UNKNOWN
        if self.removed:
            batch.remove_person(self.person)
        if self.renames:
            batch.put(msgspec.structs.replace(row, name=self.name), new=False)
        if self.leaves is not None:
            batch.execute(
                "delete from seat where person_id = id(:person)"
                " and kind = :kind and target_id = id(:target) and seq = :seq",
                _seat_params(self.person, self.leaves),
            )
        if self.sits is not None:
            refused = _wrong_place(batch, (self.sits,), self.by)
            if refused is not None:
                return refused
            batch.execute(
                "insert into seat (person_id, kind, target_id, seq, added_at)"
                " values (id(:person), :kind, id(:target), :seq, :at) on conflict do nothing",
                {**_seat_params(self.person, self.sits), "at": batch.at},
            )
        return None


def _seat_params(person_id: str, place: Place) -> Params:
    return {"person": person_id, "kind": place.kind, "target": place.target_id, "seq": place.seq}


def _need(needs: Needs, places: Iterable[Place], by: tuple[str, int] | None) -> None:
    for place in places:
        if place.kind == "account":
            needs.accounts.add(place.target_id)
        elif place.kind == "member":
            needs.members.add((place.target_id, place.seq))
            need_who(needs, place.target_id, by)
        elif place.kind == "client":
            needs.clients.add(place.target_id)


def _wrong_place(batch: Batch, places: Iterable[Place], by: tuple[str, int] | None) -> Refused | None:
    """Return why somebody can't sit on one of some seats, None where nothing is in the way."""
    for place in places:
        if place.kind == "account":
            account = batch.account(place.target_id)
            if account is None:
                return Refused(Refusal.UNKNOWN_ACCOUNT)
            # An agency is entered by its members, each as themselves.
            if account.kind != "individual":
                return Refused(Refusal.NOT_FOR_THIS_KIND, {"kind": account.kind, "seat": place.kind})
        elif place.kind == "member":
            known, asking = batch.member(place.target_id, place.seq), who(batch, place.target_id, by)
            if known is None:
                return Refused(Refusal.UNKNOWN_MEMBER)
            barred = asking if isinstance(asking, Refused) else bar_for_changing(asking, known, known.role)
            if barred is not None:
                return barred
        elif place.kind == "client" and not batch.has_client(place.target_id):
            return Refused(Refusal.UNKNOWN_CLIENT)
    return None


async def create_person(
    ledger: Ledger,
    *,
    email: str,
    name: str | None = None,
    seats: Sequence[Seat] = (),
    by_member_id: str | None = None,
    key: str | Key | None = None,
) -> PersonShown | Refused:
    """Make known who may sign in by an e-mail address, and what they may act as. They have no password yet.

    Accounts and clients may be named as `ext:…` too. Refused as `unknown_account`, `unknown_client`, `unknown_member`,
    `email_taken`, as `not_for_this_kind` for an agency's account: agencies are entered as one of their members, and
    `not_permitted` to a member, if one is named, who may not change that one.
    Raises ValueError for what is no address or no seat.
    """
    if len(seats) > MOST_SEATS:
        raise ValueError(f"seats: expected at most {MOST_SEATS}, got {len(seats):,}")
    address = checked_email(email)
    called = optional_text("name", name, MOST_NAME)
    places = [await place_of(ledger, seat) for seat in seats]
    answer = await ledger.do(
        CreatePerson(address, called, tuple(dict.fromkeys(places)), by_member(by_member_id)), idempotency_key(key)
    )
    if isinstance(answer, Refused):
        return answer
    with already_done():
        made = await person(ledger, answer.id)
    # Removed again in the meantime, they are shown as they were made.
    return msgspec.structs.replace(answer, email=address, name=called) if isinstance(made, Refused) else made


async def person(ledger: Ledger, person_id: str) -> PersonShown | Refused:
    """Show a person. Refused as `unknown_person`."""
    known = plain(person_id, PERSON)
    found = [] if known is None else shown(await ledger.fetch(_PERSON, {"person": known}))
    return found[0] if found else _UNKNOWN


async def person_by_email(ledger: Ledger, email: str) -> PersonShown | None:
    """Show who has an e-mail address, None where nobody does."""
    row = await row_by_email(ledger, email)
    return None if row is None else row[1]


async def people(
    ledger: Ledger, *, q: str | None = None, limit: int = 100, cursor: str | None = None
) -> Page[PersonShown]:
    """List the people in the order in which they came; those whose address or name has `q` in it."""
    limit, after = page_size(limit), cursor_id(cursor, NOBODY)
    words = ("" if q is None else text("q", q, MOST_EMAIL, 0)).lower()
    words = words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    found = shown(await ledger.fetch(_PEOPLE, {"after": after, "q": f"%{words}%", "limit": limit + 1}))
    more = len(found) > limit
    return Page(found[:limit], found[limit - 1].id[len(PERSON) :] if more else None)


async def people_of(ledger: Ledger, target: str) -> list[PersonShown]:
    """Show everybody with a seat at an account, a member's place or a client; at an agency, every member's people."""
    where = numbered(target, MEMBER)
    target_id = where[0] if where is not None else plain(target, ACCOUNT) or plain(target, CLIENT)
    if target_id is None:
        return []
    found = shown(await ledger.fetch(_THERE, {"target": target_id, "seq": 0 if where is None else where[1]}))
    members = f"{MEMBER}{target_id}_"
    return [
        each
        for each in found
        if any(
            seat.target == target
            or (where is None and seat.kind == "member" and (seat.target or "").startswith(members))
            for seat in each.seats
        )
    ]


async def add_seat(
    ledger: Ledger, person_id: str, seat: Seat, *, by_member_id: str | None = None
) -> PersonShown | Refused:
    """Let a person act as one more; what they may already, they go on to. Refused as `create_person` is, and as
    `unknown_person`.
    """
    return await _changed(ledger, person_id, sits=await place_of(ledger, seat), by=by_member(by_member_id))


async def remove_seat(ledger: Ledger, person_id: str, seat: Seat) -> PersonShown | Refused:
    """Let a person act as that no more, from now on; twice is once. Refused as `unknown_person`."""
    return await _changed(ledger, person_id, leaves=await place_of(ledger, seat))


async def rename_person(ledger: Ledger, person_id: str, name: str | None) -> PersonShown | Refused:
    """Change what a person is called. Refused as `unknown_person`."""
    return await _changed(ledger, person_id, name=optional_text("name", name, MOST_NAME), renames=True)


async def remove_person(ledger: Ledger, person_id: str) -> Refused | None:
    """Let a person go: address, name, password, seats and sessions are deleted, and nobody is signed in any more.

    The accounts they held, and what they did there, stay. Refused as `unknown_person`.
    """
    known = plain(person_id, PERSON)
    if known is None:
        return _UNKNOWN
    act = ChangePerson(known, removed=True)
    return await ledger.do(act)


async def _changed(ledger: Ledger, person_id: str, **fields: Any) -> PersonShown | Refused:
    known = plain(person_id, PERSON)
    if known is None:
        return _UNKNOWN
    act = ChangePerson(known, **fields)
    answer = await ledger.do(act)
    if isinstance(answer, Refused):
        return answer
    with already_done():
        return await person(ledger, person_id)


async def row_by_email(ledger: Ledger, email: str) -> tuple[PersonRow, PersonShown] | None:
    """Return who has an address, as they are kept and as they are shown, None where nobody does."""
    if type(email) is not str or not _may_be_kept(email):
        return None
    rows = await ledger.fetch(_BY_EMAIL, {"email": folded(email)})
    return (PersonRow(*rows[0][: len(PersonRow.__struct_fields__)]), shown(rows)[0]) if rows else None


def shown(rows: Iterable[Sequence[Any]]) -> list[PersonShown]:
    """Draw up people from rows of `COLUMNS`, one for each of their seats."""
    found: dict[str, PersonShown] = {}
    width = len(PersonRow.__struct_fields__)
    for each in rows:
        row = PersonRow(*each[:width])
        person_ = found.get(row.person_id)
        if person_ is None:
            id_, created_at = f"{PERSON}{row.person_id}", instant(row.recorded_at)
            person_ = PersonShown(id_, row.email, row.name, [], row.password is not None, created_at, not row.mail_off)
            found[row.person_id] = person_
        kind, target_id, seq = each[width:]
        if kind is not None:
            person_.seats.append(seat_of(Place(kind, target_id, seq)))
    return list(found.values())


def seat_of(place: Place) -> Seat:
    """Return a seat as it is shown."""
    match place.kind:
        case "account":
            return Seat("account", f"{ACCOUNT}{place.target_id}")
        case "member":
            return Seat("member", f"{MEMBER}{place.target_id}_{place.seq}")
        case "client":
            return Seat("client", f"{CLIENT}{place.target_id}")
    return Seat("operator")


async def place_of(ledger: Ledger, seat: Seat) -> Place:
    """Return a seat as the tables have it; what is well-formed and names nothing becomes a place at nobody's."""
    if not isinstance(seat, Seat):
        raise ValueError(f"seat: expected a Seat, got {type(seat).__name__}")
    one_of("seat.kind", seat.kind, SEAT_KINDS)
    if (seat.target is None) is not (seat.kind == "operator"):
        raise ValueError(f"seat.target: expected {'none' if seat.kind == 'operator' else 'an id'} with {seat.kind}")
    match seat.kind:
        case "account" | "client":
            return Place(seat.kind, await find(ledger, seat.kind, seat.target or "") or NOBODY)
        case "member":
            where = numbered(seat.target or "", MEMBER)
            return Place("member", *where) if where is not None else Place("member", NOBODY)
    return Place("operator", NOBODY)


def folded(email: str) -> str:
    """Return what two ways to write one address have in common."""
    return unicodedata.normalize("NFC", email.strip()).casefold()


def checked_email(email: str) -> str:
    """Return an e-mail address; raises ValueError for what can't be one."""
    address = text("email", email, MOST_EMAIL)
    before, _, after = address.partition("@")
    if not before or not after or "@" in after or not address.isprintable() or any(map(str.isspace, address)):
        raise ValueError(f"email: expected an address as in ana@example.com, got {email!r}")
    return address


def _may_be_kept(email: str) -> bool:
    """Say whether somebody could have this address."""
    try:
        checked_email(email.strip())
    except ValueError:
        return False
    return True
