"""The rules and the simulation: figures in yardsticks of plain Python."""

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter

import msgspec
from msgspec.structs import replace

from bench.row import Row
from earnest.packs import load
from earnest.rules import job
from earnest.rules.account import Account, Kind, Lot, Source
from earnest.rules.commands import Grant, Open, Settle, Submit
from earnest.rules.decide import decide
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted
from earnest.rules.price import JobSize, JobType

REPEATS = 7
PACK = load("article")
OPENED = datetime(2016, 1, 5, 9, tzinfo=UTC)

SUBMISSIONS_PER_SECOND = 150_000
ACCOUNTS_PER_SECOND = 5_000
MONTHS = 120
LOT_COUNTS = (50, 100, 200, 350)
# Where spending all of seven times as many lots were quadratic, each would take seven times as long.
LOTS_RATIO = 2.0
SIMULATION_SECONDS = 60
SIMULATION_MB = 500


class Yardstick(msgspec.Struct, frozen=True):
    """Fifteen fields, about as many as an account has."""

    a: int
    b: str
    c: str
    d: int
    e: datetime
    f: datetime
    g: datetime
    h: datetime
    i: tuple[int, ...]
    j: int
    k: int
    m: int
    n: int
    o: bool
    p: None


def best(act: Callable[[], object], times: int) -> float:
    """Return the seconds one act took in the fastest of several runs of so many."""
    fastest = float("inf")
    gc.collect()
    gc.disable()
    for _ in range(REPEATS):
        began = perf_counter()
        for _ in range(times):
            act()
        fastest = min(fastest, (perf_counter() - began) / times)
    gc.enable()
    return fastest


def yardstick() -> float:
    """Return the seconds it takes to make one struct of 15 fields and one tuple of 5, over and over."""

    def make() -> tuple[object, ...]:
        made = Yardstick(1, "acc", "plus", 2, OPENED, OPENED, OPENED, OPENED, (), 3, 4, 5, 6, False, None)
        return (made, made.a, made.b, made.c, made.d)

    return best(make, 200_000)


def opened(kind: Kind, plan: str) -> Account:
    """Return an account just opened."""
    return accepted(decide(None, Open("acc_1", kind, plan), PACK, OPENED))


def accepted(outcome: object) -> Account:
    """Return the account after."""
    assert isinstance(outcome, Accepted), outcome
    return outcome.account


def rate(measure: str, seconds: float, unit: str, target: int) -> Row:
    """Return a row of how many a second, measured against a yardstick taken right after."""
    per_second = 1 / seconds
    cost = round(seconds / yardstick(), 1)
    return Row(measure, round(per_second), unit, f">= {target:,}", per_second >= target, cost)


def measure_decide() -> Iterator[Row]:
    """A submission on an account of 5 lots, the comparison for a due boundary included."""
    account = opened("individual", "plus")
    for days in range(4):
        account = accepted(decide(account, Grant(10, "a bonus", OPENED + timedelta(days=10 + days)), PACK, OPENED))
    assert len(account.lots) == 5
    posted = job.post("job_1", "cli_1", JobSize(JobType.FIXED, 10_000), PACK, OPENED)
    now = OPENED + timedelta(days=1)
    seconds = best(lambda: decide(account, Submit(posted), PACK, now), 20_000)
    yield rate("decide a submission", seconds, "/s", SUBMISSIONS_PER_SECOND)


def measure_settle() -> Iterator[Row]:
    """An account nobody touched for 120 months, settled whole."""
    # One microsecond before a boundary, so that exactly as many are crossed.
    now = datetime(OPENED.year + MONTHS // 12, OPENED.month + 1, 1, tzinfo=UTC) - timedelta(microseconds=1)
    for plan in ("basic", "plus"):
        account = opened("individual", plan)
        crossed = decide(account, Settle(), PACK, now)
        assert isinstance(crossed, Accepted)
        assert len({entry.effective_at for entry in crossed.entries}) == MONTHS
        seconds = best(partial(decide, account, Settle(), PACK, now), 200)
        yield rate(f"settle {MONTHS} months of {plan}", seconds, " accounts/s", ACCOUNTS_PER_SECOND)


def measure_lots() -> Iterator[Row]:
    """Accounts of many one-connect lots: all spent one by one, and carried over a boundary."""
    posted = job.post("job_1", "cli_1", JobSize(JobType.FIXED, 1_000), PACK, OPENED)
    assert posted.price == 1
    yard = yardstick()
    for name, act in (("spend", spend_all), ("cross a boundary with", cross)):
        each = {count: best(partial(act, many_lots(count), posted), 20) / count for count in LOT_COUNTS}
        for count, seconds in each.items():
            yield Row(f"{name} {count} lots, each", round(seconds * 1e6, 2), " us", "", None, round(seconds / yard, 1))
        few, many = LOT_COUNTS[0], LOT_COUNTS[-1]
        ratio = each[many] / each[few]
        yield Row(f"{name} {many} lots, to {few}", round(ratio, 2), "", f"<= {LOTS_RATIO}", ratio <= LOTS_RATIO)


def many_lots(count: int) -> Account:
    """Return an agency's account of so many one-connect lots."""
    account = opened("agency", "agency")
    lots = tuple(Lot(n, Source.REFUND, 1, n) for n in range(1, count + 1))
    return replace(account, n=count, lots=lots, balance=count)


def spend_all(account: Account, posted: job.Job) -> None:
    """Spend an account's connects one by one."""
    command = Submit(posted, worker=Member("mem_1", "owner"))
    while account.balance:
        account = accepted(decide(account, command, PACK, OPENED))


def cross(account: Account, _: job.Job) -> None:
    """Settle an account over its next boundary."""
    accepted(decide(account, Settle(), PACK, account.cycle_end))


def measure_simulate() -> Iterator[Row]:
    """10,000 freelancers and 12 months, in a process of its own."""
    command = [sys.executable, "-m", "bench.simulation"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    took = json.loads(done.stdout)
    proposals, seconds, memory = took["proposals"], took["seconds"], took["peak_rss_mb"]
    each = took["cpu_seconds"] / proposals / yardstick()
    target = f"< {SIMULATION_SECONDS}"
    yield Row("simulate 10,000 x 12", seconds, " s", target, seconds < SIMULATION_SECONDS)
    yield Row("simulate, processor time", took["cpu_seconds"], " s", "", None, round(each, 1))
    yield Row("simulate, peak memory", memory, " MB", f"< {SIMULATION_MB}", memory < SIMULATION_MB)
    yield Row("simulate, jobs", took["jobs"], "", "", None)
    yield Row("simulate, proposals", proposals, "", "", None)
    yield Row("simulate, journal lines", took["lines"], "", "", None)
