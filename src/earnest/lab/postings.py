"""Job postings from a CSV file, a typed row at a time (docs/postings.md).

Nothing is held but the row at hand, so a file may be of any length. A row that can't be read becomes a `BadRow` with
its line and the reason, and reading goes on after it; what is wrong with the file as a whole is a `PostingsError`.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from os import PathLike
from typing import Any

import msgspec

from earnest.rules.account import MOST_MINOR_UNITS
from earnest.rules.calendar import as_utc
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours

COLUMNS: dict[str, tuple[str, ...]] = {
    "type": ("type",),
    "budget": ("fixed_budget_usd", "budget"),
    "duration": ("duration",),
    "weekly_hours": ("weekly_hours",),
}
"""The fields that price a posting, and where each is looked for: the first of these columns that the file has."""

DETAILS: dict[str, tuple[str, ...]] = {
    "posted_at": ("posted_at",),
    "client": ("client",),
    "title": ("title",),
    "description": ("description",),
    "category": ("category",),
    "external_id": ("external_id", "posting"),
}
"""What else a posting may say, read only where it is wanted; a file may lack these columns, and a cell be empty."""

MOST_LINE = 1_000_000
"""The longest line, in characters; a file with a longer one is no CSV of postings."""

_TYPES = {
    "fixed": JobType.FIXED,
    "fixed price": JobType.FIXED,
    "hourly": JobType.HOURLY,
    "unstated": None,
}
_DURATIONS = {
    "": None,
    "unstated": None,
    "under 1 month": Duration.UNDER_1_MONTH,
    "less than 1 month": Duration.UNDER_1_MONTH,
    "1 to 3 months": Duration.ONE_TO_THREE_MONTHS,
    "3 to 6 months": Duration.THREE_TO_SIX_MONTHS,
    "over 6 months": Duration.OVER_6_MONTHS,
    "more than 6 months": Duration.OVER_6_MONTHS,
}
_WEEKLY_HOURS = {
    "under 30": WeeklyHours.UNDER_30,
    "less than 30 hrs/week": WeeklyHours.UNDER_30,
    "30 or more": WeeklyHours.THIRTY_OR_MORE,
    "30+ hrs/week": WeeklyHours.THIRTY_OR_MORE,
}
_AMOUNT = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_LONGEST_SHOWN = 60


class PostingsError(ValueError):
    """What keeps a whole file from being read as postings; one line of text."""


class Posting(msgspec.Struct, frozen=True):
    """A job posting: the line it ends on, what sets its price, and what was wanted of `DETAILS` and stated."""

    line: int
    size: JobSize
    posted_at: datetime | None = None
    client: str | None = None
    title: str | None = None
    description: str | None = None
    category: str | None = None
    external_id: str | None = None


class BadRow(msgspec.Struct, frozen=True):
    """A row that is no posting: the line it ends on, and why."""

    line: int
    reason: str


class _Lines:
    """The lines of a file on their way to the CSV reader, which notices what is wrong with their bytes."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._flaw: str | None = None

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if "\0" in line:
            self._flaw = "expected text, got a NUL byte"
        elif not line.isascii() and (found := _UNDECODABLE.search(line)) is not None:
            self._flaw = f"expected UTF-8 text, got the byte 0x{ord(found[0]) - 0xDC00:02x}"
        return line

    def flaw(self) -> str | None:
        """Return what was wrong with the lines taken since this was last asked, if anything."""
        flaw, self._flaw = self._flaw, None
        return flaw


def lines_of(path: str | PathLike[str]) -> Iterator[str]:
    """Yield the lines of a file as `read_postings` takes them: a byte-order mark dropped, wrong bytes marked.

    Raises OSError for a file that can't be read and PostingsError for a line no CSV has.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        number = 0
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise PostingsError(f"line {number}: expected at most {MOST_LINE:,} characters, got more")
            yield line


def read_postings(
    lines: Iterable[str], columns: Mapping[str, str], minor_digits: int, details: Iterable[str] = ()
) -> Iterator[Posting | BadRow]:
    """Yield the postings of a CSV file, in its order, and a BadRow for each row that is none.

    `columns` says which column holds a field where `COLUMNS` or `DETAILS` do not fit; `minor_digits` is the
    currency's, as budgets are decimal amounts in major units; `details` are the fields of `DETAILS` that are wanted,
    and what the others say makes no row bad. Raises PostingsError for a file that lacks a column, if that is one that
    sets the price or was named in `columns`.
    """
    source = _Lines(lines)
    # Strict, so that a quote that is never closed is a mistake and not a cell of ten thousand lines.
    reader = csv.reader(source, strict=True)
    header = _header(reader, source)
    at = _places(header, columns, COLUMNS | {field: DETAILS[field] for field in details})
    while True:
        began = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num, source.flaw() or _unreadable(error, began, reader.line_num))
            continue
        if (flaw := source.flaw()) is not None:
            yield BadRow(reader.line_num, flaw)
        elif len(cells) != len(header):
            # An empty line, as many files end with, is no row.
            if cells:
                yield BadRow(reader.line_num, f"expected {len(header)} cells, got {len(cells)}")
        else:
            yield _posting(reader.line_num, cells, at, minor_digits)


def _unreadable(error: csv.Error, began: int, ended: int) -> str:
    if began == ended:
        return f"expected a row of a CSV file: {error}"
    return f"expected a row of a CSV file, got a quoted cell from line {began} on: {error}"


def _header(reader: Iterator[list[str]], source: _Lines) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise PostingsError(f"the header: {source.flaw() or f'expected the names of the columns: {error}'}") from error
    if (flaw := source.flaw()) is not None:
        raise PostingsError(f"the header: {flaw}")
    return header


def _places(header: list[str], columns: Mapping[str, str], fields: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return which cell of a row holds each field, without the details that the file lacks."""
    at = {}
    for field, usual in fields.items():
        names = (columns[field],) if field in columns else usual
        found = next((name for name in names if name in header), None)
        if found is None and field in DETAILS and field not in columns:
            continue
        if found is None:
            raise PostingsError(_missing(field, names, header))
        if header.count(found) > 1:
            raise PostingsError(f"{field}: expected one column {found!r}, got {header.count(found)}")
        at[field] = header.index(found)
    return at


def _missing(field: str, names: tuple[str, ...], header: list[str]) -> str:
    wanted = " or ".join(repr(name) for name in names)
    there = f"the columns {', '.join(_shown(name) for name in header)}" if any(header) else "no header"
    return f"{field}: expected a column {wanted}, got {there}"


def _posting(line: int, cells: list[str], at: Mapping[str, int], minor_digits: int) -> Posting | BadRow:
    try:
        size = _size(*(cells[at[field]] for field in COLUMNS), minor_digits=minor_digits)
        return Posting(line, size, **_details(cells, at))
    except ValueError as error:
        return BadRow(line, str(error))


def _size(type_: str, budget: str, duration: str, weekly_hours: str, *, minor_digits: int) -> JobSize:
    """Return what a row says of a job's type and size; raises ValueError naming the field."""
    how, lasts = _words(type_), _words(duration)
    if how not in _TYPES:
        raise ValueError(f"type: expected fixed, hourly or unstated, got {_shown(type_)}")
    amount = _minor_units(budget.strip(), minor_digits)
    if lasts not in _DURATIONS:
        known = ", ".join(each.value for each in Duration)
        raise ValueError(f"duration: expected one of {known}, or their plain words, got {_shown(duration)}")
    # Other hours count as no hours (RULES 1.2), so no text there is a mistake.
    hours = _WEEKLY_HOURS.get(_words(weekly_hours))
    if (type_stated := _TYPES[how]) is None:
        # A job that doesn't say how it pays names no fixed price either, so a budget beside it can't be one.
        return JobSize(JobType.FIXED, None, _DURATIONS[lasts], hours)
    return JobSize(type_stated, amount, _DURATIONS[lasts], hours)


def _details(cells: list[str], at: Mapping[str, int]) -> dict[str, Any]:
    """Return the wanted details that a row states; raises ValueError naming the field."""
    details: dict[str, Any] = {field: text for field in DETAILS if field in at and (text := cells[at[field]].strip())}
    if "posted_at" in details:
        details["posted_at"] = _time(details["posted_at"])
    return details


def title_of(size: JobSize, category: str | None = None) -> str:
    """Return a plain title for a job that has none of its own: how it pays, and in which category it is."""
    kind = "Hourly job" if size.type is JobType.HOURLY else "Fixed-price job"
    return kind if category is None else f"{kind} in {category}"


def _time(cell: str) -> datetime:
    """Return a cell's time in UTC; raises ValueError for what is none, and for a time without a zone."""
    try:
        time = msgspec.convert(cell, datetime)
    except msgspec.ValidationError as error:
        raise ValueError(f"posted_at: expected a time such as 2024-01-03T09:00:00Z, got {_shown(cell)}") from error
    return as_utc(time, "posted_at")


def _words(cell: str) -> str:
    """Return a cell as words to look up, so that the API's own `over_6_months` and `Over 6 months` are one."""
    return " ".join(cell.replace("_", " ").casefold().split())


def _minor_units(cell: str, minor_digits: int) -> int | None:
    """Return a decimal amount of major units in minor units, None for an empty cell; raises ValueError for others."""
    if not cell:
        return None
    plain = _AMOUNT.fullmatch(cell)
    if plain is None:
        raise ValueError(f"budget: expected an amount such as 1500, 1500.00 or 1,500.00, got {_shown(cell)}")
    if len(plain[1] or "") > minor_digits:
        raise ValueError(f"budget: expected at most {minor_digits} decimals, got {_shown(cell)}")
    amount = Decimal(cell.replace(",", "")) * 10**minor_digits
    if amount > MOST_MINOR_UNITS:
        raise ValueError(
            f"budget: expected at most {Decimal(MOST_MINOR_UNITS).scaleb(-minor_digits)}, got {_shown(cell)}"
        )
    return int(amount)


def _shown(cell: str) -> str:
    """Return a cell's text as a message quotes it, cut where it is long."""
    return repr(cell) if len(cell) <= _LONGEST_SHOWN else f"{cell[:_LONGEST_SHOWN]!r}…"
