"""An account's standing, with the count behind it (RULES 9)."""

import msgspec

from earnest.ledger import reads
from earnest.ledger.ledger import Ledger
from earnest.marketplace import showing
from earnest.marketplace.given import find
from earnest.marketplace.shown import EvidenceShown, SuspensionShown
from earnest.rules import conduct
from earnest.rules.account import Status
from earnest.rules.outcome import Refusal, Refused


class StandingShown(msgspec.Struct, frozen=True):
    """Whether an account may propose, and what counts towards that today.

    `counted` are the proposals that count today, the earliest first, `count` their connects; at `warned_at` it is
    warned and at `suspended_at` suspended, both None where accounts of its kind are never judged. A proposal counts
    from `counts_from_day` days after it was sent to `counts_to_day`.
    """

    status: Status
    count: int
    counted: list[EvidenceShown]
    warned_at: int | None
    suspended_at: int | None
    counts_from_day: int
    counts_to_day: int
    suspension: SuspensionShown | None = None


async def standing(ledger: Ledger, account_id: str) -> StandingShown | Refused:
    """Show an account's standing as it is now, with the proposals that count. Refused as `unknown_account`."""
    found = await find(ledger, "account", account_id)
    now = ledger.now
    paper = None if found is None else await reads.paper(ledger, found, now)
    if paper is None or found is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    pack, rules = ledger.pack, ledger.pack.at(now).conduct
    since = pack.calendar.day_start(pack.calendar.day(now) - rules.counts_to_day)
    sent = await reads.proposals_since(ledger, found, since)
    counted = [
        EvidenceShown(f"prp_{found}_{each.n}", each.job_id, each.connects_spent, each.submitted_at)
        for each in conduct.counted(paper.account, sent, pack, now)
    ]
    limits = rules.thresholds(paper.account.kind)
    suspension = paper.account.suspension
    return StandingShown(
        paper.account.status,
        sum(each.connects for each in counted),
        counted,
        None if limits is None else limits.warned_at,
        None if limits is None else limits.suspended_at,
        rules.counts_from_day,
        rules.counts_to_day,
        None if suspension is None else showing.suspension(suspension, found),
    )
