"""What holders are shown of their own months, and the advice that follows from them (RULES 10)."""

import asyncio
from datetime import date, datetime

from earnest.ledger import packing, reads
from earnest.ledger.ledger import Ledger
from earnest.ledger.reads import Paper
from earnest.marketplace.given import find, whole
from earnest.marketplace.shown import AdviceShown, StatsShown
from earnest.rules import advice as advice_rules
from earnest.rules import stats as stats_rules
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.price import JobSize, JobType, price
from earnest.rules.stats import Month, Moved

MOST_MONTHS = 120
ADVISED_MONTHS = 3
FEWEST_LETTERS = 2
MOST_LETTERS = 50
"""How many of the latest letters are compared."""

USUAL_JOBS = 1_000

_USUAL_PRICE = (
    "select price, count(*) as jobs from (select price from job order by job_id desc limit :limit) as latest"
    " group by price order by jobs desc, price limit 1"
)


async def stats(ledger: Ledger, account_id: str, *, months: int = 6) -> StatsShown | Refused:
    """Show proposals, hires, invitations, and connects spent, returned and expired, month by month up to now's.

    With them how alike the letters are that were sent in these months, the latest 50 of them: the share of a letter
    that stands in another one too.
    """
    whole("months", months, 1, MOST_MONTHS)
    found = await find(ledger, "account", account_id)
    now = ledger.now
    paper = None if found is None else await reads.paper(ledger, found, now)
    if paper is None or found is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    shown = await _months(ledger, found, paper, now, months)
    first = await reads.latest_since(ledger, found, _start_of(ledger, shown[0].start), MOST_LETTERS)
    letters = [] if first is None else [row.letter for row in await reads.letters(ledger, found, first)]
    if len(letters) < FEWEST_LETTERS:
        return StatsShown(shown, None)
    # Long letters take milliseconds each, in which nobody else would be answered.
    return StatsShown(shown, await asyncio.to_thread(stats_rules.alikeness, letters))


def _start_of(ledger: Ledger, month: date) -> datetime:
    return ledger.pack.calendar.day_start(month.toordinal())


async def _months(ledger: Ledger, account_id: str, paper: Paper, now: datetime, months: int) -> list[Month]:
    calendar = ledger.pack.calendar
    starts = stats_rules.month_starts(calendar, now, months)
    written = await reads.moved(ledger, account_id, starts)
    due = [Moved(line.effective_at, line.kind, line.connects) for line in paper.due]
    sent = await reads.sent(ledger, account_id, starts)
    invited = await reads.invitations(ledger, account_id, starts)
    return stats_rules.by_month([*written, *due], sent, invited, calendar, now, months)


async def advice(ledger: Ledger, account_id: str) -> AdviceShown | Refused:
    """Advise whether to upgrade or to buy, from the last three whole months and what most jobs cost."""
    found = await find(ledger, "account", account_id)
    now = ledger.now
    paper = None if found is None else await reads.paper(ledger, found, now)
    if paper is None or found is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    opened = await reads.profile(ledger, found)
    whole_months = (await _months(ledger, found, paper, now, ADVISED_MONTHS + 1))[:-1]
    if opened is not None:
        # The month of the opening wasn't a whole one, and those before it were none.
        whole_months = [m for m in whole_months if _start_of(ledger, m.start) >= packing.instant(opened.opened_at)]
    usual = await _usual_price(ledger, now)
    return AdviceShown(advice_rules.advise(paper.account, whole_months, usual, ledger.pack, now), usual)


async def _usual_price(ledger: Ledger, now: datetime) -> int:
    """Return what most of the latest jobs cost; before there are any, what one without a budget does."""
    row = await ledger.fetch_one(_USUAL_PRICE, {"limit": USUAL_JOBS})
    usual = price(JobSize(JobType.FIXED), ledger.pack.at(now).price_card) if row is None else int(row[0])
    return max(1, usual)
