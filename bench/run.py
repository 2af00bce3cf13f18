"""Measures Earnest, prints each figure beside its target, and keeps them in bench/results.

`python -m bench.run [measure…]`; README.md says what each means.
"""

import argparse
import json
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import msgspec

from bench import closing, http, month_end, pages, rules, size, submissions
from bench.row import Row
from bench.wrk import WrkMissingError
from tools.postgres import PostgresMissingError

RESULTS = Path(__file__).parent / "results"

MEASURES: dict[str, Callable[[], Iterator[Row]]] = {
    "decide": rules.measure_decide,
    "settle": rules.measure_settle,
    "lots": rules.measure_lots,
    "simulate": rules.measure_simulate,
    "submit32": submissions.measure_32,
    "submit512": submissions.measure_512,
    "subscribed": submissions.measure_subscribed,
    "few": submissions.measure_few,
    "sqlite": submissions.measure_sqlite,
    "closing": closing.measure_closing,
    "month-end": month_end.measure_month_end,
    "idle": size.measure_idle,
    "audit": size.measure_audit,
    "http": http.measure_http,
    "http-subscribed": http.measure_http_subscribed,
    "http-batch": http.measure_http_batch,
    "http-sqlite": http.measure_http_sqlite,
    "http-sqlite-subscribed": http.measure_http_sqlite_subscribed,
    "pages": pages.measure_pages,
}


def show(row: Row) -> None:
    """Print a row."""
    reached = {True: "reached", False: "MISSED", None: ""}[row.reached]
    cost = "" if row.yardsticks is None else f"{row.yardsticks:,.1f}"
    print(f"{row.measure:40}{row.figure:>12,}{row.unit:12}{row.target:>11} {reached:8}{cost:>10}", flush=True)


def busy() -> float:
    """Return how much of the machine is in use, in percent of all its processors, over a second in which we wait."""

    def ticks() -> tuple[int, int]:
        spent = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(spent), spent[3] + spent[4]

    before = ticks()
    sleep(1)
    passed, idle = (after - earlier for after, earlier in zip(ticks(), before, strict=True))
    return 100 * (1 - idle / passed)


def main() -> None:
    """Measure what was asked for, print it and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"of {', '.join(MEASURES)}; all if none")
    chosen = parser.parse_args().measures or list(MEASURES)
    for name in chosen:
        if name not in MEASURES:
            parser.error(f"expected one of {', '.join(MEASURES)}, got {name!r}")
    print(f"{'measure':40}{'figure':>12}{'':12}{'target':>11} {'':8}{'yardsticks':>10}")
    rows = [Row("the yardstick", round(rules.yardstick() * 1e9), " ns", "", None, 1.0)]
    show(rows[0])
    for name in chosen:
        rows.append(Row(f"in use before {name}", round(busy()), " %"))
        show(rows[-1])
        try:
            for row in MEASURES[name]():
                show(row)
                rows.append(row)
        except (PostgresMissingError, WrkMissingError) as why:
            print(f"{name} is left out: {why}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC).date().isoformat()}.json"
    kept = {"python": platform.python_version(), "rows": [msgspec.to_builtins(row) for row in rows]}
    path.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"kept in {path}")


if __name__ == "__main__":
    main()
