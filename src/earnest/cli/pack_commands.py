"""What is asked of a rule pack alone: check-pack."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from earnest.cli.options import JsonOption, load_pack
from earnest.cli.show import heading, put_json, sentences, show, table
from earnest.lab import explain
from earnest.rules.pack import Pack, canonical_text, fingerprint


def check_pack(
    file: Annotated[str, typer.Argument(metavar="FILE.toml", help="A rule pack's file, or a built-in pack's name.")],
    as_json: JsonOption = False,
) -> None:
    """Check a rule pack and explain it in plain words.

    Each mistake is a line on standard error: the file, the field's path, what was expected and what was found.
    """
    pack = load_pack(file)
    if as_json:
        put_json(_pack_as_json(pack))
        return
    parts: list[RenderableType] = [Text(f"The rule pack {pack.file.name}", style="bold")]
    parts += sentences(explain.settings(pack))
    for index in range(len(pack.revisions)):
        parts += _revision(pack, index)
    show(*parts)


def _revision(pack: Pack, index: int) -> Iterator[RenderableType]:
    revision = pack.revisions[index]
    yield heading(f"Revision {revision.number}, in force {explain.since(revision)}")
    yield from sentences([f"sha-256 {fingerprint(canonical_text(pack, revision))}"])
    if index:
        yield heading(f"What differs from revision {pack.revisions[index - 1].number}")
        yield from sentences(explain.changes(pack, index))
    sentence, fixed, others = explain.prices(revision, pack)
    yield Text()
    yield _table(explain.plans(revision, pack))
    yield from sentences([sentence])
    yield Text()
    yield _table(fixed)
    yield _table(others)
    yield Text("Conduct", style="italic")
    yield from sentences(explain.conduct(revision, pack))
    yield Text("\nOther choices", style="italic")
    yield from sentences(explain.choices(revision, pack))


def _table(explained: explain.Table) -> Table:
    return table(explained.title, explained.columns, explained.rows)


def _pack_as_json(pack: Pack) -> dict[str, Any]:
    """Return a pack as its file states it, each revision with its fingerprint and what differs from the one before."""
    whole: dict[str, Any] = msgspec.to_builtins(pack.file)
    for index, revision in enumerate(whole["revisions"]):
        revision["fingerprint"] = fingerprint(canonical_text(pack, pack.revisions[index]))
        revision["differences"] = explain.changes(pack, index)
    return whole
