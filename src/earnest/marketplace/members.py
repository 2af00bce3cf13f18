"""The members of an agency (RULES 8)."""

from typing import ClassVar

import msgspec

from earnest.ledger import reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import already_done
from earnest.ledger.ids import MEMBER, numbered
from earnest.ledger.ledger import Ledger
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
from earnest.rules.member import Role
from earnest.rules.outcome import Refusal, Refused

ROLES = ("owner", "admin", "member")

_NAMES = "select seq, name from member where account_id = id(:account)"


class AddMember(Act[MemberShown], frozen=True):
    """Add a person to an agency."""

    answers: ClassVar[type] = MemberShown

    account: str
    name: str | None
    role: Role
    can_propose: bool | None

    @property
    def account_id(self) -> str:
        """The agency's account."""
        return self.account

    def decide(self, batch: Batch) -> MemberShown | Refused:
        """Add them under the account's next number."""
        account = batch.account(self.account)
        if account is None:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        if account.kind != "agency":
            return Refused(Refusal.NOT_FOR_THIS_KIND, {"kind": account.kind})
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

    @property
    def account_id(self) -> str:
        """The agency's account."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.members.add((self.account, self.seq))

    def decide(self, batch: Batch) -> MemberShown | Refused:
        """Change what is asked for, and leave the rest."""
        if batch.account(self.account) is None:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        row = batch.member_row(self.account, self.seq)
        if row is None or row.removed_at is not None:
            return Refused(Refusal.UNKNOWN_MEMBER)
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
    key: str | Key | None = None,
) -> MemberShown | Refused:
    """Add a person to an agency. Who may propose follows from the role unless `can_propose` says otherwise.

    Refused as `unknown_account`, `not_for_this_kind` for an individual's account.
    """
    one_of("role", role, ROLES)
    optional_truth("can_propose", can_propose)
    found = await find(ledger, "account", account_id)
    if found is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    act = AddMember(found, optional_text("name", name, MOST_NAME), role, can_propose)
    answer = await ledger.do(act, idempotency_key(key))
    return answer if isinstance(answer, Refused) else msgspec.structs.replace(answer, name=name)


async def change_member(
    ledger: Ledger,
    member_id: str,
    *,
    name: str | None = None,
    role: Role | None = None,
    can_propose: bool | msgspec.UnsetType | None = msgspec.UNSET,
    key: str | Key | None = None,
) -> MemberShown | Refused:
    """Change a member's name, role, or leave to propose; what is left out stays. Refused as `unknown_member`."""
    if role is not None:
        one_of("role", role, ROLES)
    if not isinstance(can_propose, msgspec.UnsetType):
        optional_truth("can_propose", can_propose)
    where = numbered(member_id, MEMBER)
    if where is None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    act = ChangeMember(*where, optional_text("name", name, MOST_NAME), role, can_propose)
    return await _on_member(ledger, act, key)


async def remove_member(ledger: Ledger, member_id: str, *, key: str | Key | None = None) -> MemberShown | Refused:
    """Let a member go. Their proposals go on naming them. Refused as `unknown_member`."""
    where = numbered(member_id, MEMBER)
    if where is None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    return await _on_member(ledger, ChangeMember(*where, leaves=True), key)


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
