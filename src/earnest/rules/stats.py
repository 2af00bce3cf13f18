"""A holder's own months in figures, and how alike their letters are (RULES 10)."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from earnest.rules.account import EntryKind
from earnest.rules.calendar import Calendar
from earnest.rules.proposal import ProposalStatus

RUN_OF_WORDS = 3
"""How many words in a row have to be the same to be the same words: fewer are said by everybody."""


class Month(msgspec.Struct, frozen=True):
    """One calendar month in the pack's zone."""

    start: Annotated[date, Meta(description="Its first day, in the pack's zone.", examples=["2026-01-01"])]
    proposals: Annotated[int, Meta(description="How many proposals were submitted.")] = 0
    invited: Annotated[int, Meta(description="How many of them answered an invitation.")] = 0
    hires: Annotated[int, Meta(description="How many of them led to a hire, whenever that came.")] = 0
    invitations: Annotated[int, Meta(description="How many invitations arrived.")] = 0
    spent: Annotated[int, Meta(description="Connects spent.")] = 0
    returned: Annotated[int, Meta(description="Connects returned.")] = 0
    expired: Annotated[int, Meta(description="Connects expired unused.")] = 0
    conversion: Annotated[
        int, Meta(description="Hires for a hundred proposals, rounded down; 0 where there were none.")
    ] = 0


class Moved(msgspec.Struct, frozen=True):
    """A line of a journal, or all lines of a kind in one month: what they moved, signed."""

    at: datetime
    kind: EntryKind
    connects: int


class Sent(msgspec.Struct, frozen=True):
    """A proposal, or so many of one month that are alike in this."""

    at: datetime
    status: ProposalStatus
    invited: bool
    count: int = 1


class Invited(msgspec.Struct, frozen=True):
    """An invitation, or so many of one month."""

    at: datetime
    count: int = 1


def percent(part: int, whole: int) -> int:
    """Return how many of a hundred a part is, rounded down; 0 of nothing."""
    return part * 100 // whole if whole else 0


def by_month(
    moved: Iterable[Moved],
    sent: Iterable[Sent],
    invited: Iterable[Invited],
    calendar: Calendar,
    now: datetime,
    months: int,
) -> list[Month]:
    """Return the last months up to now's, the earliest first, months without anything included.

    `moved` must hold the lines that settling to now would write, or what expired since goes unseen.
    """
    counts: dict[date, Counter[str]] = {start: Counter() for start in _months(calendar, now, months)}

    def note(at: datetime, what: str, count: int) -> None:
        month = counts.get(date.fromordinal(calendar.day(at)).replace(day=1))
        if month is not None:
            month[what] += count

    fields = {EntryKind.SPEND: "spent", EntryKind.RETURN: "returned", EntryKind.EXPIRE: "expired"}
    for lines in moved:
        if lines.kind in fields:
            note(lines.at, fields[lines.kind], abs(lines.connects))
    for proposals in sent:
        note(proposals.at, "proposals", proposals.count)
        note(proposals.at, "invited", proposals.count * proposals.invited)
        note(proposals.at, "hires", proposals.count * (proposals.status is ProposalStatus.HIRED))
    for invitations in invited:
        note(invitations.at, "invitations", invitations.count)
    return [
        Month(start, **month, conversion=percent(month["hires"], month["proposals"])) for start, month in counts.items()
    ]


def month_starts(calendar: Calendar, now: datetime, months: int) -> list[datetime]:
    """Return the first instants of the last months up to now's, the earliest first, and of the month to come."""
    starts = [calendar.day_start(start.toordinal()) for start in _months(calendar, now, months)]
    return [*starts, calendar.next_boundary(starts[-1])]


def _months(calendar: Calendar, now: datetime, months: int) -> list[date]:
    last = date.fromordinal(calendar.day(now))
    back = [divmod(last.year * 12 + last.month - 1 - ago, 12) for ago in reversed(range(months))]
    return [date(year, month + 1, 1) for year, month in back]


def alikeness(letters: Sequence[str]) -> int:
    """Return how alike letters are, from 0 to 100: the share of a letter that stands in another one too, on average.

    Letters are compared by their runs of three words, whatever their case and punctuation; those with fewer words, as
    in scripts that don't part them, by runs of three characters.
    """
    runs = [_runs(letter) for letter in letters]
    in_letters = Counter(run for letter in runs for run in letter)
    shares = [percent(sum(in_letters[run] > 1 for run in letter), len(letter)) for letter in runs if letter]
    return sum(shares) // len(shares) if shares else 0


def _runs(letter: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", letter.casefold())
    if len(words) < RUN_OF_WORDS:
        words = list("".join(words))
    return {tuple(words[at : at + RUN_OF_WORDS]) for at in range(len(words) - RUN_OF_WORDS + 1)}
