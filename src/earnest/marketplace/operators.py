"""What operators do to an account: grants, revocations, and suspensions with their appeal (RULES 9)."""

from datetime import datetime

from earnest.ledger import reads
from earnest.ledger.act import Batch
from earnest.ledger.ledger import Ledger
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.accounts import ActOnAccount, on_account
from earnest.marketplace.given import find, instant
from earnest.marketplace.given import text as checked
from earnest.marketplace.shown import AccountShown, SuspensionShown
from earnest.rules import commands
from earnest.rules.commands import MOST_TEXT, Command
from earnest.rules.outcome import Refusal, Refused


class GrantBonus(ActOnAccount, frozen=True):
    """Give connects."""

    connects: int
    reason: str
    expires_at: datetime | None

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return commands.Grant(self.connects, self.reason, self.expires_at)


class RevokeConnects(ActOnAccount, frozen=True):
    """Take connects."""

    connects: int
    reason: str

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return commands.Revoke(self.connects, self.reason)


class SuspendAccount(ActOnAccount, frozen=True):
    """Suspend from proposing."""

    reason: str

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return commands.Suspend(self.reason)


class AppealSuspension(ActOnAccount, frozen=True):
    """Appeal a suspension."""

    text: str

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return commands.Appeal(self.text)


class LiftSuspension(ActOnAccount, frozen=True):
    """Lift a suspension."""

    reason: str

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return commands.DecideSuspension("lifted", self.reason)


class UpholdSuspension(ActOnAccount, frozen=True):
    """Uphold a suspension."""

    reason: str

    def command(self, _: Batch) -> Command:
        """Return what is to be decided."""
        return commands.DecideSuspension("upheld", self.reason)


async def grant(
    ledger: Ledger,
    account_id: str,
    connects: int,
    *,
    reason: str,
    expires_at: datetime | None = None,
    key: str | Key | None = None,
) -> AccountShown | Refused:
    """Give a bonus, with an expiry of its own or to end with the cycle. What a plan's limit clips is forfeited.

    Refused as `malformed` for an expiry that has passed. Raises ValueError for a number or text out of range.
    """
    expires_at = instant("expires_at", expires_at)
    commands.Grant(connects, checked("reason", reason, MOST_TEXT), expires_at)
    return await on_account(
        ledger, account_id, GrantBonus, key, connects=connects, reason=reason, expires_at=expires_at
    )


async def revoke(
    ledger: Ledger, account_id: str, connects: int, *, reason: str, key: str | Key | None = None
) -> AccountShown | Refused:
    """Take connects, in burn order. Refused as `insufficient_connects` where fewer are held."""
    commands.Revoke(connects, checked("reason", reason, MOST_TEXT))
    return await on_account(ledger, account_id, RevokeConnects, key, connects=connects, reason=reason)


async def suspend(
    ledger: Ledger, account_id: str, *, reason: str, key: str | Key | None = None
) -> AccountShown | Refused:
    """Suspend an account from proposing, until that is lifted."""
    return await on_account(ledger, account_id, SuspendAccount, key, reason=checked("reason", reason, MOST_TEXT))


async def appeal(ledger: Ledger, account_id: str, text: str, *, key: str | Key | None = None) -> AccountShown | Refused:
    """Appeal a suspension, as its holder, once. Refused as `not_suspended`, `already_appealed`."""
    return await on_account(ledger, account_id, AppealSuspension, key, text=checked("text", text, MOST_TEXT))


async def lift_suspension(
    ledger: Ledger, account_id: str, *, reason: str = "", key: str | Key | None = None
) -> AccountShown | Refused:
    """Lift a suspension: its count starts anew. Refused as `not_suspended`."""
    return await on_account(ledger, account_id, LiftSuspension, key, reason=checked("reason", reason, MOST_TEXT, 0))


async def uphold_suspension(
    ledger: Ledger, account_id: str, *, reason: str = "", key: str | Key | None = None
) -> AccountShown | Refused:
    """Uphold a suspension. Refused as `not_suspended`."""
    return await on_account(ledger, account_id, UpholdSuspension, key, reason=checked("reason", reason, MOST_TEXT, 0))


async def suspension(ledger: Ledger, account_id: str) -> SuspensionShown | Refused | None:
    """Show an account's suspension with its evidence, None where it is not suspended."""
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    known = paper.account.suspension
    return None if known is None else showing.suspension(known, found)
