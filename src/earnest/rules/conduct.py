"""Conduct: an account that keeps spending and is never hired is warned, then suspended from proposing (RULES 9).

A paid, unreturned proposal of day d, made after the last hire and the last lift, counts on the days d + 14 to
d + 89 (the pack's numbers). The status of a day follows from what was known before it, whether anybody looked or
not, so it is judged day by day over the days since the last touch. Only days on which the count changes are
visited, and `Account.judge_on` says before which day nothing can change, so proposals are seldom asked for.

While a suspension stands nothing ages out of its count: it is the sum of all unreturned proposals that have counted
on any of its days. Returns that take that sum below the limit end it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

import msgspec

from earnest.rules.account import Account, Evidence, Suspension
from earnest.rules.book import Book
from earnest.rules.calendar import NEVER_DAY, told
from earnest.rules.commands import Appeal, DecideSuspension, Suspend
from earnest.rules.outcome import Notice, NoticeKind, Refusal, Refused
from earnest.rules.pack import Conduct, Pack
from earnest.rules.proposal import Proposal


class HistoryNeededError(LookupError):
    """A standing had to be judged and the account's proposals were not given; ask `history_from` first."""


def counts(proposal: Proposal, counted_from: int) -> bool:
    """Say whether a proposal counts towards conduct at all: paid, not returned, after the last hire and lift."""
    return proposal.n > counted_from and proposal.connects_spent > 0 and proposal.returned_at is None


def history_from(account: Account, pack: Pack, now: datetime, *, gives_back: bool = False) -> datetime | None:
    """Say from when on the account's proposals are needed to judge it at a time, None where they are not.

    `gives_back`: for a `GiveBack`, which may end a warning or a suspension.
    """
    first = _first_day(account, pack, now)
    if first is None and gives_back and account.warned:
        first = pack.calendar.day(now)
    if account.suspension is not None:
        if account.suspension.by != "conduct" or not gives_back:
            return None
        first = pack.calendar.day(account.suspension.since)
    if first is None:
        return None
    longest = max(revision.conduct.counts_to_day for revision in pack.revisions)
    return pack.calendar.day_start(first - longest)


def _first_day(account: Account | Book, pack: Pack, now: datetime) -> int | None:
    """Return the first day, up to today, on which the standing may have changed by itself."""
    first = account.judge_on
    revised = pack.starts_between(account.touched_at, now)
    if revised:
        first = min(first, pack.calendar.day(revised[0]))
    return first if first <= pack.calendar.day(now) else None


def judge(book: Book, history: Collection[Proposal] | None) -> None:
    """Bring the standing up to now: warn, end a warning, suspend, as of the days on which it came about.

    Raises HistoryNeededError where that asks for the proposals and they were not given.
    """
    if book.suspension is not None:
        return
    first = _first_day(book, book.pack, book.now)
    if first is not None:
        if history is None:
            raise HistoryNeededError(book.id)
        _judge_from(book, history, first)


def _judge_from(book: Book, history: Collection[Proposal], first: int) -> None:
    """Judge the days from the first to today, and find the next one on which anything will change by itself."""
    calendar = book.pack.calendar
    counted = [proposal for proposal in history if counts(proposal, book.counted_from)]
    today = calendar.day(book.now)
    book.judge_on = NEVER_DAY
    for day, count, conduct in _counts_by_day(counted, book.pack, first):
        limits = conduct.thresholds(book.kind)
        warned = limits is not None and count >= limits.warned_at
        suspended = limits is not None and count >= limits.suspended_at
        if warned == book.warned and not suspended:
            continue
        if day > today:
            book.judge_on = day
            return
        at = calendar.day_start(day)
        if suspended:
            _suspend(book, counted, day, at)
            return
        book.warned = warned
        if warned:
            book.notices.append(Notice(NoticeKind.WARNED, at, count))


def _counts_by_day(counted: list[Proposal], pack: Pack, first: int) -> Iterator[tuple[int, int, Conduct]]:
    """Yield the first day and every later one on which the count or its rules change, with both."""
    calendar = pack.calendar
    day = first
    while day < NEVER_DAY:
        # The windows are those of the revision in force on the day.
        start = calendar.day_start(day)
        conduct = pack.at(start).conduct
        later = pack.starts_between(start, pack.last_start)
        until = calendar.day(later[0]) if later else NEVER_DAY
        changes: dict[int, int] = defaultdict(int)
        for proposal in counted:
            submitted = calendar.day(proposal.submitted_at)
            changes[max(day, submitted + conduct.counts_from_day)] += proposal.connects_spent
            changes[max(day, submitted + conduct.counts_to_day + 1)] -= proposal.connects_spent
        changes[day] += 0
        count = 0
        for change in sorted(changes):
            if change >= until:
                break
            count += changes[change]
            yield change, count, conduct
        day = until


def _counted_on(counted: Iterable[Proposal], pack: Pack, first: int, last: int) -> list[Proposal]:
    """Return the proposals that count on any day from the first to the last, by each day's own rules."""
    calendar = pack.calendar
    starts = pack.starts_between(calendar.day_start(first), calendar.day_start(last))
    days = [first, *(calendar.day(start) for start in starts)]
    stretches = [
        (day, until - 1, pack.at(calendar.day_start(day)).conduct)
        for day, until in zip(days, [*days[1:], last + 1], strict=True)
    ]
    return [
        proposal
        for proposal in counted
        if any(
            day - conduct.counts_to_day <= calendar.day(proposal.submitted_at) <= until - conduct.counts_from_day
            for day, until, conduct in stretches
        )
    ]


def counted(account: Account, history: Iterable[Proposal], pack: Pack, now: datetime) -> list[Proposal]:
    """Return the proposals that count towards an account's conduct on the day of `now` (RULES 9.1).

    `history` are its proposals, at least as far back as they count.
    """
    day = pack.calendar.day(now)
    return _counted_on((each for each in history if counts(each, account.counted_from)), pack, day, day)


def _suspend(book: Book, counted: list[Proposal], day: int, at: datetime) -> None:
    evidence = tuple(
        Evidence(proposal.n, proposal.job_id, proposal.connects_spent, proposal.submitted_at)
        for proposal in _counted_on(counted, book.pack, day, day)
    )
    book.suspension = Suspension(at, "conduct", evidence=evidence)
    book.warned = False
    book.notices.append(Notice(NoticeKind.SUSPENDED, at, sum(proof.connects for proof in evidence)))


def proposed(book: Book) -> None:
    """Note a paid proposal: from the day it starts to count the standing has to be judged."""
    counts_on = book.pack.calendar.day(book.now) + book.rules.conduct.counts_from_day
    book.judge_on = min(book.judge_on, counts_on)


def returned(book: Book, history: Collection[Proposal] | None, given_back: set[int]) -> None:
    """Judge anew after proposals were returned: they no longer count (RULES 9.1, 9.2).

    Raises HistoryNeededError where that asks for the proposals and they were not given.
    """
    suspension = book.suspension
    if suspension is None and not book.warned:
        # What was returned can only put off the day on which the count reaches a limit.
        return
    if suspension is not None and suspension.by != "conduct":
        return
    if history is None:
        raise HistoryNeededError(book.id)
    calendar = book.pack.calendar
    today = calendar.day(book.now)
    left = [proposal for proposal in history if proposal.n not in given_back and counts(proposal, book.counted_from)]
    if suspension is not None:
        # Nothing ages out while a suspension stands.
        limits = book.rules.conduct.thresholds(book.kind)
        since = calendar.day(suspension.since)
        count = sum(p.connects_spent for p in _counted_on(left, book.pack, since, today))
        if limits is not None and count >= limits.suspended_at:
            return
        _reinstate(book)
    _judge_from(book, left, today)


def start_anew(book: Book) -> None:
    """Count from here on, after a hire or a lift (RULES 9.1); a suspension by conduct ends."""
    book.counted_from = book.n
    book.judge_on = NEVER_DAY
    book.warned = False
    if book.suspension is not None and book.suspension.by == "conduct":
        _reinstate(book)


def suspend(book: Book, command: Suspend) -> None:
    """Suspend as an operator. A suspension by conduct becomes the operator's: from then on only a lift ends it."""
    suspension = book.suspension
    if suspension is None:
        book.suspension = Suspension(book.now, "operator", command.reason)
        book.notices.append(Notice(NoticeKind.SUSPENDED, book.now, reason=command.reason))
    elif suspension.by == "conduct":
        book.suspension = msgspec.structs.replace(suspension, by="operator", reason=command.reason)


def appeal(book: Book, command: Appeal) -> Refused | None:
    """Note the holder's appeal, once for each suspension (RULES 9.3)."""
    suspension = book.suspension
    if suspension is None:
        return Refused(Refusal.NOT_SUSPENDED)
    if suspension.appealed_at is not None:
        return Refused(Refusal.ALREADY_APPEALED, {"appealed_at": told(suspension.appealed_at)})
    book.suspension = msgspec.structs.replace(suspension, appeal=command.text, appealed_at=book.now)
    return None


def decide_suspension(book: Book, command: DecideSuspension) -> Refused | None:
    """Lift the suspension, which starts the count anew, or uphold it (RULES 9.3)."""
    suspension = book.suspension
    if suspension is None:
        return Refused(Refusal.NOT_SUSPENDED)
    if command.decision == "upheld":
        book.suspension = msgspec.structs.replace(
            suspension, decision="upheld", decided_at=book.now, decision_reason=command.reason
        )
        return None
    _reinstate(book, command.reason)
    start_anew(book)
    return None


def _reinstate(book: Book, reason: str = "") -> None:
    book.suspension = None
    book.notices.append(Notice(NoticeKind.REINSTATED, book.now, reason=reason))
