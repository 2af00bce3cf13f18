"""A journal as CSV (RFC 4180), for spreadsheets: a line of text for each line of the journal."""

import csv
import io
from collections.abc import Iterable

import msgspec

from earnest.marketplace.shown import EntryShown

COLUMNS = (
    "id",
    "kind",
    "connects",
    "lot_id",
    "source",
    "paid",
    "job_id",
    "proposal_id",
    "purchase_id",
    "effective_at",
    "recorded_at",
    "balance_after",
    "note",
)

_OBEYED = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes a formula to begin with."""


def header() -> str:
    """Return the line that names the columns."""
    return _text([COLUMNS])


def lines(entries: Iterable[EntryShown]) -> str:
    """Return the lines of some entries; what is not known is left empty, so `recorded_at` of one not yet written."""
    return _text(_cells(entry) for entry in entries)


def _cells(entry: EntryShown) -> list[object]:
    known = msgspec.to_builtins(entry)
    known["paid"] = "true" if entry.paid else "false"
    known["note"] = guarded(entry.note)
    return [known[column] for column in COLUMNS]


def guarded(text: str) -> str:
    """Return a text that somebody wrote with an apostrophe before it where a spreadsheet would execute it."""
    return f"'{text}" if text.lstrip(" ").startswith(_OBEYED) else text


def _text(rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
