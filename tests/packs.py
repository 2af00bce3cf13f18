"""Rule packs for the tests: the article's, and the article's with fields changed."""

import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

from earnest.rules.pack import Pack, convert_pack


def raw_article() -> dict[str, Any]:
    """The article pack as its TOML file states it, free to change."""
    return tomllib.loads(files("earnest.packs").joinpath("article.toml").read_text(encoding="utf-8"))


def change(raw: dict[str, Any], changes: dict[str, Any], revision: int = 0) -> dict[str, Any]:
    """Set fields by dotted path: of a revision, or of the pack; a plan is named by its code (`plans.plus.fee`)."""
    for path, value in changes.items():
        steps = path.split(".")
        target: Any = raw if steps[0] in raw else raw["revisions"][revision]
        for step in steps[:-1]:
            target = next(p for p in target if p["code"] == step) if isinstance(target, list) else target[step]
        if value is None:
            del target[steps[-1]]
        else:
            target[steps[-1]] = value
    return raw


def raw_with(changes: dict[str, Any], later: dict[date, dict[str, Any]] | None = None) -> dict[str, Any]:
    """The article with fields changed, and later revisions that state it with more fields changed."""
    raw = change(raw_article(), changes)
    for number, (start, more) in enumerate((later or {}).items(), start=2):
        again = change(raw_article(), {k: v for k, v in changes.items() if k.split(".")[0] not in raw})
        revision = change(again, more)["revisions"][0]
        raw["revisions"].append({**revision, "number": number, "effective_from": start})
    return raw


def article(**changes: Any) -> Pack:
    """The article pack, with fields changed; a double underscore stands for the dot of a path."""
    return convert_pack(raw_with({path.replace("__", "."): value for path, value in changes.items()}))
