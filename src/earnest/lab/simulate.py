"""Months of a marketplace on the rules alone, with an auditor reading along.

The town lives (`town.Town`); every line written is folded by `conservation.Conservation`, which compares with every
account as kept at each month's end, and at the end what circulated is compared with what the journals say. The same
arguments give the same result to the last figure (`test_the_same_seed_gives_the_same_result`).
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from earnest.lab.circulation import Circulated, summed
from earnest.lab.town import Town
from earnest.ledger.conservation import ConservationError, Totals
from earnest.rules.outcome import NoticeKind, Refusal
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize


class SimulationResult(msgspec.Struct, frozen=True):
    """What came of a simulation; all of it follows from the arguments.

    `circulation` has a row for each month and plan, `refusals` counts by code, `warned` and `suspended` count
    accounts that ever were. `lines` are lines of journals, each of them audited.
    """

    pack: str
    freelancers: int
    months: int
    seed: int
    jobs: int
    closed_with_hire: int
    closed_without_hire: int
    proposals: int
    invited: int
    withdrawn: int
    declined: int
    hires: int
    returned_proposals: int
    warned: int
    suspended: int
    lines: int
    refusals: dict[str, int]
    circulation: tuple[Circulated, ...]
    totals: Totals

    def by_plan(self) -> tuple[Circulated, ...]:
        """Return one row for each plan over all months."""
        return summed(self.circulation, lambda row: ("all", row.plan))

    def by_month(self) -> tuple[Circulated, ...]:
        """Return one row for each month over all plans."""
        return summed(self.circulation, lambda row: (row.month, "all"))


def simulate(
    sizes: Iterable[JobSize],
    freelancers: int,
    months: int,
    seed: int,
    pack: Pack,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationResult:
    """Simulate months of a marketplace with as many accounts and with jobs of these sizes.

    `progress` is called after each day with the days done and the days in all. Raises ValueError without sizes,
    freelancers or months, and ConservationError, naming account and line, where connects are not conserved.
    """
    sizes = list(sizes)
    if not sizes:
        raise ValueError("postings: expected at least one, got none")
    if freelancers < 1:
        raise ValueError(f"freelancers: expected at least 1, got {freelancers}")
    if months < 1:
        raise ValueError(f"months: expected at least 1, got {months}")
    with _uncollected():
        town = Town(sizes, freelancers, months, seed, pack)
        for _ in town.live(progress):
            pass
    return result_of(town)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the cycle collector from walking all that lives again and again, a third of the time: nothing is cyclic."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def result_of(town: Town) -> SimulationResult:
    """Return the figures; raises ConservationError where what circulated is not what the journals say."""
    rows = town.circulation.rows()
    _compare(town, rows)
    counts = town.counts
    return SimulationResult(
        pack=town.pack.file.name,
        freelancers=len(town.freelancers),
        months=town.months,
        seed=town.seed,
        jobs=counts["jobs"],
        closed_with_hire=counts["closed_with_hire"],
        closed_without_hire=counts["closed_without_hire"],
        proposals=counts["proposals"],
        invited=counts["invited"],
        withdrawn=counts["withdrawn"],
        declined=counts["declined"],
        hires=counts["hires"],
        returned_proposals=counts["returned_proposals"],
        warned=len(town.told[NoticeKind.WARNED]),
        suspended=len(town.told[NoticeKind.SUSPENDED]),
        lines=counts["lines"],
        refusals={code.value: town.refusals[code] for code in Refusal if town.refusals[code]},
        circulation=rows,
        totals=town.totals,
    )


def _compare(town: Town, rows: tuple[Circulated, ...]) -> None:
    """Compare what circulated with the journals' totals, and what each plan holds with its accounts' lots."""
    held: Counter[str] = Counter()
    for account in town.market.accounts.values():
        held[account.plan] += sum(lot.remaining for lot in account.lots)
    lines = town.counts["lines"]
    for row in summed(rows, lambda row: ("all", row.plan)):
        if row.held != held[row.plan]:
            raise ConservationError(f"plan {row.plan}", lines, f"holds {held[row.plan]}, lines say {row.held}")
    (all_,) = summed(rows, lambda _: ("all", "all"))
    for name, value in msgspec.structs.asdict(town.totals).items():
        if getattr(all_, name) != value:
            raise ConservationError("all accounts", lines, f"{name}: {value}, by month {getattr(all_, name)}")
