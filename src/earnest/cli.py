"""The command line: it reads arguments, calls what does the work, and prints.

Figures go to standard output and complaints to standard error, a line each. It ends with 0 when all is well, 1 when
the input was wrong, 2 for wrong usage, 130 when interrupted and 141 when whoever read its output went away.
"""

import errno
import io
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Annotated, Any, NoReturn, TextIO

import msgspec
import typer
from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from earnest import packs
from earnest.lab import explain, postings
from earnest.lab.circulation import FIGURES, Circulated
from earnest.lab.conservation import ConservationError
from earnest.lab.postings import BadRow, Posting, PostingsError
from earnest.lab.simulate import SimulationResult, simulate
from earnest.rules.pack import Pack, PackError, canonical_text, fingerprint
from earnest.rules.price import price as price_of

WRONG_INPUT = 1
PIPE_BROKEN = 141
INTERRUPTED = 130

BAD_ROWS_SHOWN = 20
MOST_MONTHS = 1200
PLAIN_WIDTH = 120
"""Columns of what is printed when nobody looks at it on a terminal."""

FIGURE_WIDTH = 12
"""Columns of a table's inner column, unless one of its words is longer; texts stand first and last."""

BAR_WIDTH = 40

app = typer.Typer(
    name="earnest",
    help="Connects for freelance marketplaces: what a proposal costs, and where it went.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PackOption = Annotated[
    str, typer.Option("--pack", metavar="NAME|FILE", help="The rule pack: a built-in one's name or a file.")
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="FIELD=COLUMN", help="The column of a field: type, budget, duration, weekly_hours."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def main() -> None:
    """Run the command line and exit."""
    # Either is None where it was closed before we began.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - it stays open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # What the terminal's encoding lacks is escaped rather than fatal.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="earnest")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        # Help is printed past us.
        sys.exit(_unwritable(sys.stdout, error))


def _version(wanted: bool) -> None:
    if wanted:
        _put(f"earnest {version('earnest')}\n")
        raise typer.Exit


@app.callback()
def earnest(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Connects for freelance marketplaces: what a proposal costs, and where it went."""


# Printing


def _put(text: str, stream: TextIO | None = None) -> None:
    """Write a text to standard output, or to another stream; ends the command where it can't be written."""
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        raise typer.Exit(_unwritable(stream, error)) from error


def _unwritable(stream: TextIO, error: OSError) -> int:
    """Give a stream up that can't be written to, say so if anybody can hear it, and return the code to end with."""
    # What is still buffered would fail again, loudly, when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if error.errno == errno.EPIPE:
        return PIPE_BROKEN
    if stream is not sys.stderr:
        _complain(f"standard output: {error.strerror}")
    return WRONG_INPUT


def _complain(line: str) -> None:
    _put(f"{_plain(line)}\n", sys.stderr)


def _end(line: str) -> NoReturn:
    """Complain that the input is wrong, and end the command."""
    _complain(line)
    raise typer.Exit(WRONG_INPUT)


def _plain(text: str) -> str:
    """Return a text with what a terminal would obey, or break a line at, escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _put_json(value: Any) -> None:
    _put(f"{json.dumps(value)}\n")


def _show(*parts: RenderableType) -> None:
    """Print sentences and tables: at the terminal's width, or at a fixed one and without colour where there is none."""
    terminal = sys.stdout.isatty()
    page = io.TextIOWrapper(io.BytesIO(), encoding=sys.stdout.encoding or "utf-8", errors="backslashreplace")
    console = Console(
        file=page,
        force_terminal=True if terminal else None,
        width=shutil.get_terminal_size().columns if terminal else PLAIN_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        console.print(_plain(part) if isinstance(part, str) else part)
    page.seek(0)
    # Rich fills each line with spaces to the full width.
    _put("".join(f"{line.rstrip()}\n" for line in page))


def _table(table: explain.Table) -> Table:
    shown = Table(title=_plain(table.title), title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    for index, name in enumerate(table.columns):
        inner = 0 < index < len(table.columns) - 1
        words = [word for cell in (name, *(row[index] for row in table.rows)) for word in cell.split()]
        width = max(FIGURE_WIDTH, *map(len, words)) if inner else None
        figures = all(row[index].replace(",", "").isdecimal() for row in table.rows)
        shown.add_column(Text(_plain(name)), overflow="fold", max_width=width, justify="right" if figures else "left")
    for row in table.rows:
        shown.add_row(*(Text(_plain(cell)) for cell in row))
    return shown


def _list(sentences: Iterable[str]) -> list[RenderableType]:
    return [Padding(Text(_plain(sentence)), (0, 0, 0, 2)) for sentence in sentences]


def _heading(text: str) -> Text:
    return Text(f"\n{_plain(text)}", style="bold")


# check-pack


def _load(name_or_path: str) -> Pack:
    """Return a pack, or complain and end."""
    try:
        return packs.load(name_or_path)
    except PackError as error:
        for line in str(error).splitlines():
            _complain(line)
        raise typer.Exit(WRONG_INPUT) from error


@app.command("check-pack")
def check_pack(
    file: Annotated[str, typer.Argument(metavar="FILE.toml", help="A rule pack's file, or a built-in pack's name.")],
    as_json: JsonOption = False,
) -> None:
    """Check a rule pack and explain it in plain words.

    Each mistake is a line on standard error: the file, the field's path, what was expected and what was found.
    """
    pack = _load(file)
    if as_json:
        _put_json(_pack_as_json(pack))
        return
    parts: list[RenderableType] = [Text(f"The rule pack {pack.file.name}", style="bold")]
    parts += _list(explain.settings(pack))
    for index in range(len(pack.revisions)):
        parts += _revision(pack, index)
    _show(*parts)


def _revision(pack: Pack, index: int) -> Iterator[RenderableType]:
    revision = pack.revisions[index]
    yield _heading(f"Revision {revision.number}, in force {explain.since(revision)}")
    yield from _list([f"sha-256 {fingerprint(canonical_text(pack, revision))}"])
    if index:
        yield _heading(f"What differs from revision {pack.revisions[index - 1].number}")
        yield from _list(explain.changes(pack, index))
    sentence, fixed, others = explain.prices(revision, pack)
    yield Text()
    yield _table(explain.plans(revision, pack))
    yield from _list([sentence])
    yield Text()
    yield _table(fixed)
    yield _table(others)
    yield Text("Conduct", style="italic")
    yield from _list(explain.conduct(revision, pack))
    yield Text("\nOther choices", style="italic")
    yield from _list(explain.choices(revision, pack))


def _pack_as_json(pack: Pack) -> dict[str, Any]:
    """Return a pack as its file states it, each revision with its fingerprint and what differs from the one before."""
    whole: dict[str, Any] = msgspec.to_builtins(pack.file)
    for index, revision in enumerate(whole["revisions"]):
        revision["fingerprint"] = fingerprint(canonical_text(pack, pack.revisions[index]))
        revision["differences"] = explain.changes(pack, index)
    return whole


# Postings


class _Postings:
    """The postings of a file; its bad rows are counted, and the first of them complained about."""

    def __init__(self, file: str, columns: list[str] | None, pack: Pack) -> None:
        self.skipped = 0
        self._file = file
        digits = pack.file.currency.minor_digits
        self._rows = postings.read_postings(postings.lines_of(file), _columns(columns or []), digits)

    def __iter__(self) -> Iterator[Posting]:
        """Yield the postings; complains and ends the command where the file as a whole can't be read."""
        try:
            for row in self._rows:
                if isinstance(row, Posting):
                    yield row
                else:
                    self._skip(row)
        except PostingsError as error:
            _end(f"{self._file}: {error}")
        except OSError as error:
            _end(f"{self._file}: expected a file that can be read, got: {error.strerror or error}")
        if self.skipped > BAD_ROWS_SHOWN:
            _complain(f"{self._file}: and {self.skipped - BAD_ROWS_SHOWN:,} more")

    def _skip(self, row: BadRow) -> None:
        self.skipped += 1
        if self.skipped <= BAD_ROWS_SHOWN:
            _complain(f"{self._file}: line {row.line}: {row.reason}")


def _columns(given: list[str]) -> dict[str, str]:
    """Return what --column said, by field."""
    columns: dict[str, str] = {}
    for each in given:
        field, equals, name = each.partition("=")
        if field not in postings.COLUMNS or not equals or not name:
            raise typer.BadParameter(
                f"expected FIELD=COLUMN with a field of {', '.join(postings.COLUMNS)}, got {each!r}",
                param_hint="--column",
            )
        if field in columns:
            raise typer.BadParameter(f"expected {field} once, got it again in {each!r}", param_hint="--column")
        columns[field] = name
    return columns


# price


@app.command()
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
    pack = _load(pack_name)
    card = pack.revisions[-1].price_card
    rows = _Postings(file, column, pack)
    counts = Counter(price_of(posting.size, card) for posting in rows)
    if strict and rows.skipped:
        _end(f"{file}: nothing was priced, as {'1 row is' if rows.skipped == 1 else f'{rows.skipped:,} rows are'} bad")
    prices = {each: counts[each] for each in range(card.least, card.most + 1)}
    if as_json:
        _put_json({"prices": {str(each): count for each, count in prices.items()}, "skipped": rows.skipped})
    else:
        _show(_distribution(prices), f"{sum(prices.values()):,} priced, {rows.skipped:,} skipped")


def _distribution(prices: dict[int, int]) -> Table:
    """Return postings by price as a table, the longest bar at the most common price."""
    total, most = sum(prices.values()), max(prices.values())
    # Half blocks would be finer, but this one every font has, and it can be counted.
    block = "█" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("price", "postings", "share"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for each, count in prices.items():
        share = f"{100 * count / total:.1f} %" if total else "–"
        table.add_row(f"{each:,}", f"{count:,}", share, block * (-(-BAR_WIDTH * count // most) if most else 0))
    return table


# simulate


@app.command("simulate")
def simulate_command(
    file: Annotated[str, typer.Option("--postings", metavar="FILE.csv", help="The jobs that are posted, by size.")],
    freelancers: Annotated[int, typer.Option("--freelancers", min=1, metavar="N", help="Accounts that are opened.")],
    months: Annotated[int, typer.Option("--months", min=1, max=MOST_MONTHS, metavar="N", help="Months to live.")],
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same figures.")],
    pack_name: PackOption = "article",
    column: ColumnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Live months of a marketplace on the rules alone, audit every line, and show what circulated."""
    pack = _load(pack_name)
    rows = _Postings(file, column, pack)
    progress = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    try:
        with progress:
            days = progress.add_task("days")
            result = simulate(
                (posting.size for posting in rows),
                freelancers,
                months,
                seed,
                pack,
                lambda done, all_: progress.update(days, completed=done, total=all_),
            )
    except ConservationError as error:
        _end(f"connects are not conserved: {error}")
    except ValueError as error:
        _end(f"{file}: {error}")
    if as_json:
        _put_json({**msgspec.to_builtins(result), "skipped": rows.skipped})
    else:
        many = pack.file.token.plural
        _show(
            _table(_circulated(f"What circulated by plan, in {many}", "plan", result.by_plan())),
            _table(_circulated(f"What circulated by month, in {many}", "month", result.by_month())),
            *_list(_what_happened(result)),
        )


def _circulated(title: str, key: str, rows: Iterable[Circulated]) -> explain.Table:
    """Return what circulated as a table, by what `key` names."""
    return explain.Table(
        title,
        (key, *(figure.replace("_", " ") for figure in FIGURES)),
        tuple((getattr(row, key), *(f"{getattr(row, figure):,}" for figure in FIGURES)) for row in rows),
    )


def _what_happened(result: SimulationResult) -> Iterator[str]:
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
