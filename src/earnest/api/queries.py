"""The parameters in a query: read as strictly as a body, and complained of in the same words."""

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from litestar.params import HeaderParameter, ParameterKwarg

from earnest.api.problems import MalformedError
from earnest.wanted import A_TIME

MOST_PARAMETERS = 100

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{8,18}([Zz]|[+-][0-9]{2}:[0-9]{2})")


class _Query(msgspec.Struct, frozen=True):
    """One parameter: whether it has to be there, what it is to be, and whether a text is that."""

    required: bool
    expected: str
    fits: Callable[[str], bool]


class Queries:
    """The parameters that the query of a path can have."""

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self._known: dict[str, _Query] = {}
        types = get_type_hints(function)
        for name, parameter in inspect.signature(function).parameters.items():
            if name in ("request", "data") or f"{{{name}:" in path:
                continue
            given = _declared(parameter.annotation)
            if any(isinstance(each, HeaderParameter) for each in given):
                continue
            called = next((each.name for each in given if each.name), name)
            required = parameter.default is inspect.Parameter.empty
            self._known[called] = _query(types[name], given, required=required)
        self._needs_some = any(query.required for query in self._known.values())

    def check(self, query: bytes) -> None:
        """Raise MalformedError for a query that can't be meant."""
        if not query and not self._needs_some:
            return
        sent = _read(query)
        for name, value in sent.items():
            known = self._known.get(name)
            if known is None:
                raise MalformedError(name, "no parameter of this name")
            if not known.fits(value):
                # What stood for a plus is a space by now.
                hint = "; a + is sent as %2B" if known.expected is A_TIME and " " in value else ""
                raise MalformedError(name, known.expected + hint)
        for name, known in self._known.items():
            if known.required and name not in sent:
                raise MalformedError(name, "a value; it is required")


def _read(query: bytes) -> Mapping[str, str]:
    """Return what each parameter of a query is; raises MalformedError for what is no text, and for one sent twice."""
    try:
        pairs = parse_qsl(
            query.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError as error:
        raise MalformedError("query", "text in UTF-8, percent-encoded") from error
    except ValueError as error:
        raise MalformedError("query", f"at most {MOST_PARAMETERS} parameters") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedError(name, "one value")
        found[name] = value
    return found


def _declared(annotation: Any) -> list[ParameterKwarg]:
    return [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, ParameterKwarg)]


def _query(type_: Any, given: list[ParameterKwarg], *, required: bool) -> _Query:
    """Return what a parameter of a type has to be."""
    if get_origin(type_) in (Union, UnionType):
        (type_,) = (each for each in get_args(type_) if each is not NoneType)
    if type_ is int:
        least = next((int(each.ge) for each in given if each.ge is not None), 0)
        most = next((int(each.le) for each in given if each.le is not None), None)
        return _Query(required, _range(least, most), lambda value: _is_whole(value, least, most))
    if type_ is datetime:
        return _Query(required, A_TIME, _is_time)
    choices = _choices(type_)
    if choices:
        return _Query(required, f"one of {', '.join(choices)}", lambda value: value in choices)
    assert type_ is str, f"a parameter of {type_} can't be checked"  # noqa: S101
    return _Query(required, "a text", lambda _: True)


def _choices(type_: Any) -> tuple[str, ...]:
    if get_origin(type_) is Literal:
        return tuple(get_args(type_))
    return tuple(each.value for each in type_) if isinstance(type_, type) and issubclass(type_, Enum) else ()


def _range(least: int, most: int | None) -> str:
    return f"a whole number from {least}" + (" on" if most is None else f" to {most}")


def _is_whole(value: str, least: int, most: int | None) -> bool:
    return _WHOLE.fullmatch(value) is not None and least <= int(value) and (most is None or int(value) <= most)


def _is_time(value: str) -> bool:
    if _TIME.fullmatch(value) is None:
        return False
    try:
        msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return False
    return True
