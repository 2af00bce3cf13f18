"""Printing: sentences and tables, JSON, complaints and progress, and the codes a command ends with.

Whatever is printed goes through here, so that no text can command a terminal, an encoding that lacks a character is
no reason to fail, and output that can't be written ends the command with the right code.
"""

import errno
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

WRONG_INPUT = 1
DIFFERENCES = 1
NO_LEDGER = 3
PIPE_BROKEN = 141
INTERRUPTED = 130

ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}\S*")

PLAIN_WIDTH = 120
"""Columns of what is printed when nobody looks at it on a terminal."""

FIGURE_WIDTH = 12
"""Columns of a table's inner column, unless one of its words is longer; texts stand first and last."""


def put(text: str, stream: TextIO | None = None) -> None:
    """Write a text to standard output, or to another stream; ends the command where it can't be written."""
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        raise typer.Exit(unwritable(stream, error)) from error


def unwritable(stream: TextIO, error: OSError) -> int:
    """Give a stream up that can't be written to, say so if anybody can hear it, and return the code to end with."""
    # What is still buffered would fail again, loudly, when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if error.errno == errno.EPIPE:
        return PIPE_BROKEN
    if stream is not sys.stderr:
        complain(f"standard output: {error.strerror}")
    return WRONG_INPUT


def complain(line: str) -> None:
    """Write a line to standard error."""
    put(f"{plain(line)}\n", sys.stderr)


def end(line: str) -> NoReturn:
    """Complain that the input is wrong, and end the command."""
    complain(line)
    raise typer.Exit(WRONG_INPUT)


def plain(text: str) -> str:
    """Return a text with what a terminal would obey, or break a line at, escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def put_json(value: Any) -> None:
    """Print a value as JSON on one line."""
    put(f"{json.dumps(value)}\n")


def show(*parts: RenderableType) -> None:
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
        console.print(plain(part) if isinstance(part, str) else part)
    page.seek(0)
    # Rich fills each line with spaces to the full width.
    put("".join(f"{line.rstrip()}\n" for line in page))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return rows of texts as a table to show; a column of nothing but whole numbers stands at the right."""
    rows = list(rows)
    shown = Table(title=plain(title), title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    for index, name in enumerate(columns):
        inner = 0 < index < len(columns) - 1
        words = [word for cell in (name, *(row[index] for row in rows)) for word in cell.split()]
        width = max(FIGURE_WIDTH, *map(len, words)) if inner else None
        figures = all(row[index].replace(",", "").removeprefix("-").isdecimal() for row in rows)
        shown.add_column(
            Text(plain(name)),
            overflow="fold",
            max_width=width,
            # What is copied from here has to be whole: ids, which are long words.
            min_width=max(map(len, words), default=0) if any(ID.fullmatch(row[index]) for row in rows) else None,
            justify="right" if figures else "left",
        )
    for row in rows:
        shown.add_row(*(Text(plain(cell)) for cell in row))
    return shown


def sentences(texts: Iterable[str]) -> list[RenderableType]:
    """Return sentences to show, each indented on lines of its own."""
    return [Padding(Text(plain(text)), (0, 0, 0, 2)) for text in texts]


def heading(text: str) -> Text:
    """Return a heading to show, after an empty line."""
    return Text(f"\n{plain(text)}", style="bold")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error, if it is a terminal, how far something is.

    Yields what is to be called on the way, with how many of `what` are done and how many there are, 0 for unknown.
    """
    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task(what)
        yield lambda done, all_: bar.update(task, completed=done, total=all_ or None)
