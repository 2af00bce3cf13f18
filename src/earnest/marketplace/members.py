"""The members of an agency (RULES 8)."""

from typing import ClassVar

import msgspec

from earnest.ledger import reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import already_done
from earnest.ledger.ids import MEMBER, NOBODY, numbered
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import unpack_member
from earnest.ledger.rows import MemberRow
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.given import (
    MOST_NAME,
    cursor_number,
    find,
    idempotency_key,
    one_of,
    optional_text,
    optional_truth,
    page_size,
)
from earnest.marketplace.shown import MemberShown, Page
from earnest.rules.member import Member, Role, bar_for_changing
from earnest.rules.outcome import Refusal, Refused

ROLES = ("owner", "admin", "member")

_NAMES = "select seq, name from member where account_id = id(:account)"


def by_member(member_id: str | None) -> tuple[str, int] | None:
    """Return where the member is kept who asks for something, None where none is named; nowhere for what is no id."""
    return None if member_id is None else numbered(member_id, MEMBER) or (NOBODY, 1)


def need_who(needs: Needs, account: str, by: tuple[str, int] | None) -> None:
    """Say that the member who asks for something of their agency has to be read."""
    if by is not None and by[0] == account:
        needs.members.add(by)


def who(batch: Batch, account: str, by: tuple[str, int] | None) -> Member | Refused | None:
    """Return the member who asks for something, None where it is the marketplace itself."""
    if by is None:
        return None
    known = batch.member(*by) if by[0] == account else None
    return Refused(Refusal.UNKNOWN_MEMBER) if known is None else known


async def named_member(ledger: Ledger, account: str, member_id: str) -> Member | Refused:
    """Return a member of an agency, for what is decided on paper; `unknown_member` for whoever is none of its own."""
    where = numbered(member_id, MEMBER)
    row = await reads.member(ledger, *where) if where is not None and where[0] == account else None
    if row is None or row.removed_at is not None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    return unpack_member(row)


class AddMember(Act[MemberShown], frozen=True):
    """Add a person to an agency."""

    answers: ClassVar[type] = MemberShown

    account: str
    name: str | None
    role: Role
    can_propose: bool | None
    by: tuple[str, int] | None = None

    @property
    def account_id(self) -> str:
        """The agency's account."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        need_who(needs, self.account, self.by)

    def decide(self, batch: Batch) -> MemberShown | Refused:
        """Add them under the account's next number."""
        account = batch.account(self.account)
        if account is None:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        if account.kind != "agency":
            return Refused(Refusal.NOT_FOR_THIS_KIND, {"kind": account.kind})
        by = who(batch, self.account, self.by)
        barred = by if isinstance(by, Refused) else bar_for_changing(by, None, self.role)
        if barred is not None:
            return barred
        row = MemberRow(self.account, batch.next_seq(self.account), self.role, batch.at, self.name, self.can_propose)
        batch.put(row)
        return showing.member(msgspec.structs.replace(row, name=None))


class ChangeMember(Act[MemberShown], frozen=True):
    """Change a member's name, role or leave to propose, or let them go."""

    answers: ClassVar[type] = MemberShown

    account: str
    seq: int
    name: str | None = None
    role: Role | None = None
    can_propose: bool | msgspec.UnsetType | None = msgspec.UNSET
    leaves: bool = False
    by: tuple[str, int] | None = None

    @property
    def account_id(self) -> str:
        """The agency's account."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.members.add((self.account, self.seq))
        need_who(needs, self.account, self.by)

    def decide(self, batch: Batch) -> MemberShown | Refused:
        """Change what is asked for, and leave the rest."""
        if batch.account(self.account) is None:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        row = batch.member_row(self.account, self.seq)
        if row is None or row.removed_at is not None:
            return Refused(Refusal.UNKNOWN_MEMBER)
        by = who(batch, self.account, self.by)
        known = unpack_member(row)
        becomes = None if self.leaves else self.role or known.role
        barred = by if isinstance(by, Refused) else bar_for_changing(by, known, becomes)
        if barred is not None:
            return barred
        changed = msgspec.structs.replace(
            row,
            name=row.name if self.name is None else self.name,
            role=row.role if self.role is None else self.role,
            can_propose=row.can_propose if self.can_propose is msgspec.UNSET else self.can_propose,
            removed_at=batch.at if self.leaves else None,
        )
        batch.put(changed, new=False)
        return showing.member(msgspec.structs.replace(changed, name=None))


async def add_member(
    ledger: Ledger,
    account_id: str,
    *,
    name: str | None = None,
    role: Role = "member",
    can_propose: bool | None = None,
    by_member_id: str | None = None,
    key: str | Key | None = None,
) -> MemberShown | Refused:
    """Add a person to an agency. Who may propose follows from the role unless `can_propose` says otherwise.

    Refused as `unknown_account`, `not_for_this_kind` for an individual's account, and `not_permitted` to a member, if
    one is named, who may not do that.
    """
    one_of("role", role, ROLES)
    optional_truth("can_propose", can_propose)
    found = await find(ledger, "account", account_id)
    if found is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    act = AddMember(found, optional_text("name", name, MOST_NAME), role, can_propose, by_member(by_member_id))
    answer = await ledger.do(act, idempotency_key(key))
    return answer if isinstance(answer, Refused) else msgspec.structs.replace(answer, name=name)


async def change_member(
    ledger: Ledger,
    member_id: str,
    *,
    name: str | None = None,
    role: Role | None = None,
    can_propose: bool | msgspec.UnsetType | None = msgspec.UNSET,
    by_member_id: str | None = None,
    key: str | Key | None = None,
) -> MemberShown | Refused:
    """Change a member's name, role, or leave to propose; what is left out stays.

    Refused as `unknown_member`, and `not_permitted` to a member, if one is named, who may not do that.
    """
    if role is not None:
        one_of("role", role, ROLES)
    if not isinstance(can_propose, msgspec.UnsetType):
        optional_truth("can_propose", can_propose)
    where = numbered(member_id, MEMBER)
    if where is None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    act = ChangeMember(*where, optional_text("name", name, MOST_NAME), role, can_propose, by=by_member(by_member_id))
    return await _on_member(ledger, act, key)


async def remove_member(
    ledger: Ledger, member_id: str, *, by_member_id: str | None = None, key: str | Key | None = None
) -> MemberShown | Refused:
    """Let a member go. Their proposals go on naming them.

    Refused as `unknown_member`, and `not_permitted` to a member, if one is named, who may not do that.
    """
    where = numbered(member_id, MEMBER)
    if where is None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    return await _on_member(ledger, ChangeMember(*where, leaves=True, by=by_member(by_member_id)), key)


async def _on_member(ledger: Ledger, act: ChangeMember, key: str | Key | None) -> MemberShown | Refused:
    answer = await ledger.do(act, idempotency_key(key))
    if isinstance(answer, Refused) and answer.code is Refusal.UNKNOWN_ACCOUNT:
        return Refused(Refusal.UNKNOWN_MEMBER)
    if isinstance(answer, Refused):
        return answer
    if act.name is not None:
        return msgspec.structs.replace(answer, name=act.name)
    with already_done():
        row = await reads.member(ledger, act.account, act.seq)
    return answer if row is None else msgspec.structs.replace(answer, name=row.name)


async def members(
    ledger: Ledger, account_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[MemberShown] | Refused:
    """Show an agency's members, in the order in which they came."""
    limit = page_size(limit)
    found = await find(ledger, "account", account_id)
    if found is None or await reads.account(ledger, found) is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    rows = await reads.members(ledger, found, cursor_number(cursor, 0), limit + 1)
    return Page([showing.member(row) for row in rows[:limit]], str(rows[limit - 1].seq) if len(rows) > limit else None)


async def member(ledger: Ledger, member_id: str) -> MemberShown | Refused:
    """Show a member. Refused as `unknown_member`, of one who was let go too."""
    where = numbered(member_id, MEMBER)
    row = None if where is None else await reads.member(ledger, *where)
    if row is None or row.removed_at is not None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    return showing.member(row)


async def names_of_members(ledger: Ledger, account_id: str) -> dict[str, str | None]:
    """Return the names of an agency's people by their ids, also of those who have left; None for one that is erased."""
    found = await find(ledger, "account", account_id)
    rows = [] if found is None else await ledger.fetch(_NAMES, {"account": found})
    return {f"{MEMBER}{found}_{seq}": name for seq, name in rows}
