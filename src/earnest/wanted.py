"""What is expected at a place of a body, in plain words, from the types it is read as."""

import re
from functools import lru_cache
from typing import Any

from msgspec import inspect

A_TIME = "a time with its zone, as in 2024-01-31T09:00:00Z"

_STEP = re.compile(r"\[(?:\d+|\.\.\.)\]|[^.\[\]]+")


RATE_LIMIT = r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$"
SENDER = r"^([^<>@\x00-\x1f]{0,100} <)?[^\s<>@,;\"]{1,64}@[A-Za-z0-9.-]{1,190}>?$"
_PATTERNS = {
    RATE_LIMIT: "a number and a span, as in 600/minute",
    SENDER: "an address as in Earnest <connects@example.com>",
}


@lru_cache(maxsize=1024)
def wanted(type_: Any, path: str) -> str | None:
    """Return what a type has at a path such as `proposals[3].bid.amount`, None where there is nothing there."""
    there: inspect.Type | None = inspect.type_info(type_)
    for step in _STEP.findall(path):
        there = None if there is None else _part(_plain(there)[0], step)
    return None if there is None else _words(there)


def _part(of: inspect.Type, step: str) -> inspect.Type | None:
    if isinstance(of, inspect.StructType):
        return next((field.type for field in of.fields if field.encode_name == step), None)
    return of.item_type if isinstance(of, inspect.ListType | inspect.VarTupleType) else None


def _plain(type_: inspect.Type) -> tuple[inspect.Type, bool]:
    """Return a type without what is only said about it, and whether null will do too."""
    if isinstance(type_, inspect.Metadata):
        return _plain(type_.type)
    if isinstance(type_, inspect.UnionType):
        inner = [each for each in type_.types if not isinstance(each, inspect.NoneType)]
        return _plain(inner[0])[0], len(inner) < len(type_.types)
    return type_, False


def _words(type_: inspect.Type) -> str | None:
    plain, nullable = _plain(type_)
    said = _of_plain(plain)
    return f"{said}, or null" if nullable and said is not None else said


def _of_plain(type_: inspect.Type) -> str | None:
    match type_:
        case inspect.FloatType():
            return (
                "a number"
                + ("" if type_.gt is None else f" over {type_.gt:g}")
                + ("" if type_.le is None else f" up to {type_.le:,.0f}")
            )
        case inspect.IntType():
            return f"a whole number{_range(type_.ge, type_.le)}"
        case inspect.StrType():
            return _text(type_)
        case inspect.BoolType():
            return "true or false"
        case inspect.DateTimeType():
            return A_TIME
        case inspect.EnumType():
            return f"one of {', '.join(each.value for each in type_.cls)}"
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, type_.values))}"
        case inspect.StructType():
            return "a JSON object"
        case inspect.ListType() | inspect.VarTupleType():
            return "a list" + (f" of at most {type_.max_length:,} items" if type_.max_length is not None else "")
    return None


def _range(least: int | None, most: int | None) -> str:
    if most is not None:
        return f" from {least or 0:,} to {most:,}"
    return "" if least is None else f" from {least:,} on"


def _text(type_: inspect.StrType) -> str:
    if type_.pattern is not None:
        return _PATTERNS.get(type_.pattern, f"a text that matches {type_.pattern}")
    if type_.max_length is not None:
        return f"a text of {type_.min_length or 0:,} to {type_.max_length:,} characters"
    return "a text" if type_.min_length is None else "a text that isn't empty"
