"""What is asked of job postings: price, simulate; and reading them, bad rows and all."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich import box
from rich.console import RenderableType
from rich.table import Table

from earnest.cli.options import JsonOption, PackOption, load_pack
from earnest.cli.show import complain, end, progress, put_json, sentences, show, table
from earnest.lab import postings
from earnest.lab.circulation import FIGURES, Circulated
from earnest.lab.postings import BadRow, Posting, PostingsError
from earnest.ledger.conservation import ConservationError
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize
from earnest.rules.price import price as price_of

if TYPE_CHECKING:
    from earnest.lab.simulate import SimulationResult

BAD_ROWS_SHOWN = 20
MOST_MONTHS = 1200
BAR_WIDTH = 40


def column_option(*fields: str) -> Any:
    """Return the option --column of a command that reads these fields."""
    return typer.Option("--column", metavar="FIELD=COLUMN", help=f"The column of a field: {', '.join(fields)}.")


ColumnOption = Annotated[list[str] | None, column_option(*postings.COLUMNS)]


# Reading


class Postings:
    """The postings of a file; its bad rows are counted, and the first of them complained about.

    `columns` is what --column said, `details` are the fields of `postings.DETAILS` that are wanted beside the sizes.
    """

    def __init__(self, file: str, columns: list[str] | None, pack: Pack, details: Collection[str] = ()) -> None:
        self.skipped = 0
        self._file = file
        digits = pack.file.currency.minor_digits
        named = _columns(columns or [], [*postings.COLUMNS, *details])
        self._rows = postings.read_postings(postings.lines_of(file), named, digits, details)

    def __iter__(self) -> Iterator[Posting]:
        """Yield the postings; complains and ends the command where the file as a whole can't be read."""
        try:
            for row in self._rows:
                if isinstance(row, Posting):
                    yield row
                else:
                    self.skip(row)
        except PostingsError as error:
            end(f"{self._file}: {error}")
        except OSError as error:
            end(f"{self._file}: expected a file that can be read, got: {error.strerror or error}")

    def skip(self, row: BadRow) -> None:
        """Count a row as bad, and complain about it if it is among the first."""
        self.skipped += 1
        if self.skipped <= BAD_ROWS_SHOWN:
            complain(f"{self._file}: line {row.line}: {row.reason}")

    def sum_up(self) -> None:
        """Complain about how many more rows were bad than were complained about."""
        if self.skipped > BAD_ROWS_SHOWN:
            complain(f"{self._file}: and {self.skipped - BAD_ROWS_SHOWN:,} more")


def _columns(given: list[str], fields: Collection[str]) -> dict[str, str]:
    """Return what --column said, by field; ends the command for one that isn't among the fields it reads."""
    columns: dict[str, str] = {}
    for each in given:
        field, equals, name = each.partition("=")
        if field not in fields or not equals or not name:
            raise typer.BadParameter(
                f"expected FIELD=COLUMN with a field of {', '.join(fields)}, got {each!r}",
                param_hint="--column",
            )
        if field in columns:
            raise typer.BadParameter(f"expected {field} once, got it again in {each!r}", param_hint="--column")
        columns[field] = name
    return columns


# price


def price(
    file: Annotated[str, typer.Argument(metavar="FILE.csv", help="Job postings, a row each.")],
    pack_name: PackOption = "article",
    column: ColumnOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Price nothing where any row is bad.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Price job postings and show how the prices are distributed.

    Postings are priced by the last revision of the pack. A bad row is reported on standard error and skipped.
    """
    pack = load_pack(pack_name)
    card = pack.revisions[-1].price_card
    rows = Postings(file, column, pack)
    counts = Counter(price_of(posting.size, card) for posting in rows)
    rows.sum_up()
    if strict and rows.skipped:
        end(f"{file}: nothing was priced, as {'1 row is' if rows.skipped == 1 else f'{rows.skipped:,} rows are'} bad")
    prices = {each: counts[each] for each in range(card.least, card.most + 1)}
    if as_json:
        put_json({"prices": {str(each): count for each, count in prices.items()}, "skipped": rows.skipped})
    else:
        show(_distribution(prices), f"{sum(prices.values()):,} priced, {rows.skipped:,} skipped")


def _distribution(prices: dict[int, int]) -> Table:
    """Return postings by price as a table, the longest bar at the most common price."""
    total, most = sum(prices.values()), max(prices.values())
    # Half blocks would be finer, but this one every font has, and it can be counted.
    block = "█" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"
    shown = Table(box=box.SIMPLE_HEAD)
    for name in ("price", "postings", "share"):
        shown.add_column(name, justify="right")
    shown.add_column("", no_wrap=True)
    for each, count in prices.items():
        share = f"{100 * count / total:.1f} %" if total else "–"
        shown.add_row(f"{each:,}", f"{count:,}", share, block * (-(-BAR_WIDTH * count // most) if most else 0))
    return shown


# simulate


PostingsOption = Annotated[
    str, typer.Option("--postings", metavar="FILE.csv", help="The jobs that are posted, by size.")
]
FreelancersOption = Annotated[int, typer.Option("--freelancers", min=1, metavar="N", help="Accounts that are opened.")]
MonthsOption = Annotated[int, typer.Option("--months", min=1, max=MOST_MONTHS, metavar="N", help="Months to live.")]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same figures.")]


def simulate_command(
    file: PostingsOption,
    freelancers: FreelancersOption,
    months: MonthsOption,
    seed: SeedOption,
    pack_name: PackOption = "article",
    column: ColumnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Live months of a marketplace on the rules alone, audit every line, and show what circulated."""
    from earnest.lab.simulate import simulate

    pack = load_pack(pack_name)
    sizes, skipped = sizes_of(file, column, pack)
    try:
        with progress("days") as tell:
            result = simulate(sizes, freelancers, months, seed, pack, tell)
    except ConservationError as error:
        end(f"connects are not conserved: {error}")
    except ValueError as error:
        end(f"{file}: {error}")
    if as_json:
        put_json({**msgspec.to_builtins(result), "skipped": skipped})
    else:
        show(*simulated(result, pack))


def sizes_of(file: str, columns: list[str] | None, pack: Pack) -> tuple[list[JobSize], int]:
    """Return the sizes of a file's postings, and how many rows were bad."""
    rows = Postings(file, columns, pack)
    sizes = [posting.size for posting in rows]
    rows.sum_up()
    return sizes, rows.skipped


def simulated(result: "SimulationResult", pack: Pack) -> Iterator[RenderableType]:
    """Yield what came of a simulation: what circulated by plan and by month, and what happened in plain words."""
    many = pack.file.token.plural
    yield _circulated(f"What circulated by plan, in {many}", "plan", result.by_plan())
    yield _circulated(f"What circulated by month, in {many}", "month", result.by_month())
    yield from sentences(_what_happened(result))


def _circulated(title: str, key: str, rows: Iterable[Circulated]) -> Table:
    """Return what circulated as a table, by what `key` names."""
    return table(
        title,
        (key, *(figure.replace("_", " ") for figure in FIGURES)),
        ((getattr(row, key), *(f"{getattr(row, figure):,}" for figure in FIGURES)) for row in rows),
    )


def _what_happened(result: "SimulationResult") -> Iterator[str]:
    yield (
        f"{result.jobs:,} jobs were posted; {result.closed_with_hire:,} were closed with a hire and "
        f"{result.closed_without_hire:,} without."
    )
    yield (
        f"{result.proposals:,} proposals were sent, {result.invited:,} of them by invitation; {result.hires:,} were "
        f"hired, {result.declined:,} declined, {result.withdrawn:,} withdrawn and {result.returned_proposals:,} given "
        "back."
    )
    yield f"{result.warned:,} accounts were warned and {result.suspended:,} suspended."
    refused = ", ".join(f"{code} {count:,}" for code, count in result.refusals.items())
    yield f"Refused: {refused or 'nothing'}."
    yield f"{result.lines:,} lines of journals were audited; connects are conserved."
