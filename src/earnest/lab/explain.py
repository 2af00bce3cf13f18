"""A rule pack in plain words: sentences and tables made from its data, for the command line and for pages.

No number and no choice stands here; what the text says is what the pack says, in its currency and with its word for
connects.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

import msgspec

from earnest.rules.account import Kind
from earnest.rules.calendar import ANNIVERSARY_LAST_DAY
from earnest.rules.pack import Currency, Pack, Plan, PriceCard, Revision, Thresholds, canonical_text, differences
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours, price

_DURATIONS = {
    None: "no duration stated",
    Duration.UNDER_1_MONTH: "under 1 month",
    Duration.ONE_TO_THREE_MONTHS: "1 to 3 months",
    Duration.THREE_TO_SIX_MONTHS: "3 to 6 months",
    Duration.OVER_6_MONTHS: "over 6 months",
}
_WEEKLY_HOURS = {
    None: "no or other hours",
    WeeklyHours.UNDER_30: "under 30 hours a week",
    WeeklyHours.THIRTY_OR_MORE: "30 or more hours a week",
}
_KINDS = {
    "individual": ("individuals", "an individual"),
    "agency": ("companies", "an agency"),
}
_OTHER = {"free": "paid", "paid": "free"}


class Table(msgspec.Struct, frozen=True):
    """Rows of text under named columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def in_money(amount: int, currency: Currency) -> str:
    """Return an amount of minor units as a text in major units, such as `1,500.00 USD`."""
    whole, rest = divmod(amount, 10**currency.minor_digits)
    decimals = f".{rest:0{currency.minor_digits}}" if currency.minor_digits else ""
    return f"{whole:,}{decimals} {currency.code}"


def in_connects(connects: int, pack: Pack) -> str:
    """Return a number of connects with the pack's word for them, such as `1 connect` or `60 connects`."""
    token = pack.file.token
    return f"{connects:,} {token.singular if connects == 1 else token.plural}"


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def settings(pack: Pack) -> list[str]:
    """Return what a pack states for all its revisions, as sentences (RULES 3.1, 4.1)."""
    file = pack.file
    many = file.token.plural
    smallest = in_money(1, file.currency)
    if file.cycle == "calendar":
        cycle = "A cycle is a calendar month: it begins on the 1st, for every account."
    else:
        cycle = (
            "A cycle is a month of the account's own: it begins on the day of the month on which the account was "
            f"opened, and for one opened after the {_ordinal(ANNIVERSARY_LAST_DAY)} on the 1st."
        )
    return [
        f"What is spent on a proposal is called “{file.token.singular}”, several are “{many}”.",
        f"Prices and fees are in {file.currency.code}, and the smallest amount is {smallest}.",
        f"Days and months are counted in the time zone {file.time_zone}.",
        cycle,
        f"The {many} that expire soonest are spent first; of one expiry, {file.burn_first} ones before "
        f"{_OTHER[file.burn_first]} ones, then the oldest.",
    ]


def since(revision: Revision) -> str:
    """Return from when on a revision holds, as words."""
    day = revision.effective_from
    return "from the beginning" if day is None else f"from {day.day} {day:%B} {day.year}"


def choices(revision: Revision, pack: Pack) -> list[str]:
    """Return every choice of a revision that no table shows, as sentences (RULES 3.4, 3.5, 5.2, 5.5, 6.1, 7.1, 10)."""
    return [
        _first_month(revision),
        _carrying(revision, pack),
        _returning(revision, pack),
        _upgrading(revision, pack),
        *_lapsing(revision, pack),
        _pending(revision),
        _advising(revision, pack),
    ]


def _first_month(revision: Revision) -> str:
    if revision.first_month == "full":
        return "A first, partial month gets the whole allotment."
    return "A first, partial month gets the part of the allotment that its days left stand for, rounded down."


def _carrying(revision: Revision, pack: Pack) -> str:
    first = revision.carry_first
    order = f"{first} {pack.file.token.plural} are carried before {_OTHER[first]} ones, then the youngest first."
    if revision.carry_limit_counts == "carried":
        limit = "up to the plan's limit, and the allotment comes on top"
    else:
        limit = "as far as it stays, together with the allotment, within the plan's limit"
    return f"What a cycle leaves unused is carried into the next {limit}; {order}"


def _returning(revision: Revision, pack: Pack) -> str:
    many = pack.file.token.plural
    if revision.returns_above_most_held == "clip":
        return f"Returned {many} that would stand above the most an account may hold are forfeited."
    return f"Returned {many} may stand above the most an account may hold."


def _upgrading(revision: Revision, pack: Pack) -> str:
    what = {
        "difference": "the difference of the allotments",
        "prorated": "the part of the difference of the allotments that the cycle's days left stand for",
        "full": "the whole allotment of the new plan",
    }[revision.upgrade_grants]
    steps = []
    for kind in get_args(Kind):
        ladder = [revision.plan(code) for code in revision.plans_of(kind)]
        for lower, higher in pairwise(ladder):
            granted = higher.connects if revision.upgrade_grants == "full" else higher.connects - lower.connects
            most = "up to " if revision.upgrade_grants == "prorated" and granted > 0 else ""
            steps.append(f"from {lower.code} to {higher.code} {most}{in_connects(max(0, granted), pack)}")
    return f"A change to a higher plan grants {what} at once{': ' if steps else ''}{', '.join(steps)}."


def _lapsing(revision: Revision, pack: Pack) -> Iterator[str]:
    days = _count(revision.lapse_days, "day")
    yield f"A job not closed {days} after it was posted lapses and takes no more proposals."
    many = pack.file.token.plural
    if revision.lapse_gives_back:
        yield f"A lapse without a hire gives the {many} spent on the job back."
    else:
        yield f"A lapse by itself gives no {many} back; closing the job without a hire does."


def _pending(revision: Revision) -> str:
    if not revision.pending_purchase_hours:
        return "A purchase that awaits payment does not count towards the most an account may hold."
    hours = _count(revision.pending_purchase_hours, "hour")
    return f"A purchase that awaits payment counts towards the most an account may hold for {hours}."


def _advising(revision: Revision, pack: Pack) -> str:
    advice = revision.advice
    return (
        f"Whoever sent {_count(advice.many_proposals, 'proposal')} or more and was hired for less than "
        f"{advice.few_hires_percent} % of them is told that more {pack.file.token.plural} won't help."
    )


def plans(revision: Revision, pack: Pack) -> Table:
    """Return the plans, a row each, in the pack's order (RULES 2)."""
    many = pack.file.token.plural
    columns = ("plan", "for", f"{many} a month", "carried at most", "may buy", "most held", "fee a month", "benefits")
    return Table("Plans", columns, tuple(_plan(plan, pack.file.currency) for plan in revision.plans))


def _plan(plan: Plan, currency: Currency) -> tuple[str, ...]:
    return (
        plan.code,
        _KINDS[plan.kind][0],
        f"{plan.connects:,}",
        f"{plan.carry_limit:,}" if plan.carry_limit else "none",
        "no" if plan.connect_price is None else f"yes, {in_money(plan.connect_price, currency)} each",
        "no limit" if plan.most_held is None else f"{plan.most_held:,}",
        in_money(plan.fee, currency) if plan.fee else "none",
        plan.benefits,
    )


def prices(revision: Revision, pack: Pack) -> tuple[str, Table, Table]:
    """Return the price card: a sentence, what fixed prices cost by budget, and the others by size (RULES 1.2)."""
    card, many = revision.price_card, pack.file.token.plural
    costs = (
        in_connects(card.most, pack) if card.least == card.most else f"{card.least} to {in_connects(card.most, pack)}"
    )
    return (
        f"A proposal costs {costs}; by invitation it costs nothing.",
        Table(f"Fixed price, in {many}", ("budget", "price"), tuple(_bands(card, pack.file.currency))),
        Table(
            f"Hourly, or fixed price without a budget, in {many}",
            ("duration", *_WEEKLY_HOURS.values()),
            tuple(
                (name, *(f"{price(JobSize(JobType.HOURLY, None, duration, hours), card):,}" for hours in _WEEKLY_HOURS))
                for duration, name in _DURATIONS.items()
            ),
        ),
    )


def _bands(card: PriceCard, currency: Currency) -> Iterator[tuple[str, str]]:
    over = None
    for band in card.fixed:
        under = in_money(band.under, currency)
        yield f"under {under}" if over is None else f"from {over} to under {under}", f"{band.price:,}"
        over = under
    yield "any" if over is None else f"from {over}", f"{card.fixed_above:,}"


def conduct(revision: Revision, pack: Pack) -> list[str]:
    """Return how an account that keeps spending and is never hired is judged, as sentences (RULES 9.1)."""
    rules = revision.conduct
    judged = [(kind, limits) for kind in get_args(Kind) if (limits := rules.thresholds(kind)) is not None]
    if not judged:
        return ["Nobody is warned or suspended for proposals that lead to no hire."]
    if rules.counts_from_day == rules.counts_to_day:
        days = f"on the {_ordinal(rules.counts_from_day)} day after it was made"
    else:
        days = (
            f"from the {_ordinal(rules.counts_from_day)} to the {_ordinal(rules.counts_to_day)} day after it was made"
        )
    return [
        f"A proposal that was paid for and not returned counts {days}, until a hire or a lifted suspension starts the "
        "count anew.",
        *(_threshold(kind, limits, pack) for kind, limits in judged),
        *(
            f"{_KINDS[kind][1].capitalize()} is never warned or suspended for it."
            for kind in get_args(Kind)
            if rules.thresholds(kind) is None
        ),
    ]


def _threshold(kind: Kind, limits: Thresholds, pack: Pack) -> str:
    warned, suspended = in_connects(limits.warned_at, pack), in_connects(limits.suspended_at, pack)
    return f"{_KINDS[kind][1].capitalize()} is warned at {warned} counted, and suspended from proposing at {suspended}."


def changes(pack: Pack, index: int) -> list[str]:
    """Return what differs in a revision from the one before, a field a line; nothing for the first.

    Fields are named by their paths, and values are as the pack file states them: money in minor units.
    """
    if index == 0:
        return []
    old, new = (canonical_text(pack, revision) for revision in pack.revisions[index - 1 : index + 1])
    return [line.removeprefix("revision.") for line in differences(old, new)]
