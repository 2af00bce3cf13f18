"""Memberships: moving between plans, and the monthly fee (RULES 7)."""

from earnest.ledger.act import Batch
from earnest.ledger.ledger import Ledger
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace.accounts import ActOnAccount, on_account
from earnest.marketplace.members import by_member, need_who, who
from earnest.marketplace.shown import AccountShown
from earnest.rules.commands import ChangePlan, Command, KeepPlan, ReportFee
from earnest.rules.member import Member
from earnest.rules.outcome import Refused


class ByMember(ActOnAccount, frozen=True):
    """A command that a member of an agency gives, or where none is named, the marketplace itself."""

    by: tuple[str, int] | None = None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        need_who(needs, self.account, self.by)

    def who(self, batch: Batch) -> Member | Refused | None:
        """Return who gives the command."""
        return who(batch, self.account, self.by)


class MovePlan(ByMember, kw_only=True, frozen=True):
    """Move to a plan."""

    plan: str

    def command(self, batch: Batch) -> Command | Refused:
        """Return what is to be decided."""
        who = self.who(batch)
        return who if isinstance(who, Refused) else ChangePlan(self.plan, who)


class StayOnPlan(ByMember, frozen=True):
    """Take a pending change of plan back."""

    def command(self, batch: Batch) -> Command | Refused:
        """Return what is to be decided."""
        who = self.who(batch)
        return who if isinstance(who, Refused) else KeepPlan(who)


class NoteFee(ActOnAccount, frozen=True):
    """Note the fee as unpaid, or as paid after all."""

    paid: bool

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return ReportFee(self.paid)


async def change_plan(
    ledger: Ledger, account_id: str, plan: str, *, by_member_id: str | None = None, key: str | Key | None = None
) -> AccountShown | Refused:
    """Move an account to a plan: up at once, down at the end of its cycle (RULES 7).

    The plan it is on takes a pending change back, or changes nothing. Refused as `malformed` for an unknown plan,
    `not_permitted`, `not_for_this_kind`.
    """
    return await on_account(ledger, account_id, MovePlan, key, by=by_member(by_member_id), plan=plan)


async def keep_plan(
    ledger: Ledger, account_id: str, *, by_member_id: str | None = None, key: str | Key | None = None
) -> AccountShown | Refused:
    """Take a pending change of plan back. Refused as `nothing_pending`, `not_permitted`."""
    return await on_account(ledger, account_id, StayOnPlan, key, by=by_member(by_member_id))


async def report_fee_unpaid(ledger: Ledger, account_id: str, *, key: str | Key | None = None) -> AccountShown | Refused:
    """Report a membership fee unpaid: the account falls to the lowest plan at the end of its cycle (RULES 7.2)."""
    return await on_account(ledger, account_id, NoteFee, key, paid=False)


async def report_fee_paid(ledger: Ledger, account_id: str, *, key: str | Key | None = None) -> AccountShown | Refused:
    """Report a membership fee paid after all."""
    return await on_account(ledger, account_id, NoteFee, key, paid=True)
