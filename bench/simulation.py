"""One simulation in a process of its own; prints what it took as a line of JSON."""

import json
import resource
import sys
from collections.abc import Callable
from itertools import pairwise
from random import Random
from time import perf_counter, process_time

from earnest.lab.postings import Posting, lines_of, read_postings
from earnest.lab.simulate import simulate
from earnest.packs import load
from earnest.rules.pack import Pack
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from tests.real import POSTINGS

FREELANCERS, MONTHS, SEED = 10_000, 12, 1
MADE_UP = 10_000


def sizes(pack: Pack) -> tuple[str, list[JobSize]]:
    """Return the sizes of the shared sample of postings and its name, or made-up ones where it is missing."""
    if POSTINGS.exists():
        rows = read_postings(lines_of(POSTINGS), {}, pack.file.currency.minor_digits)
        return POSTINGS.name, [row.size for row in rows if isinstance(row, Posting)]
    return "made up from the pack's price card", made_up(pack, Random(SEED))


def made_up(pack: Pack, random: Random) -> list[JobSize]:
    """Return all the sizes the price card tells apart: half fixed, in every band alike, half hourly."""
    bounds = [0, *(band.under for band in pack.revisions[0].price_card.fixed)]
    bounds.append(2 * bounds[-1] + 2)
    bands = list(pairwise(bounds))
    durations: list[Duration | None] = [None, *Duration]
    hours: list[WeeklyHours | None] = [None, *WeeklyHours]
    kinds: tuple[Callable[[], JobSize], ...] = (
        lambda: JobSize(JobType.FIXED, random.randrange(*random.choice(bands))),
        lambda: JobSize(JobType.HOURLY, None, random.choice(durations), random.choice(hours)),
    )
    return [random.choice(kinds)() for _ in range(MADE_UP)]


def main() -> None:
    """Simulate, and print what it took."""
    pack = load("article")
    source, jobs = sizes(pack)
    began, began_cpu = perf_counter(), process_time()
    result = simulate(jobs, FREELANCERS, MONTHS, SEED, pack)
    figures = {
        "postings": source,
        "seconds": round(perf_counter() - began, 2),
        "cpu_seconds": round(process_time() - began_cpu, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "jobs": result.jobs,
        "proposals": result.proposals,
        "lines": result.lines,
    }
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
