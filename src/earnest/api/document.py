"""The OpenAPI document: Litestar tells the paths, msgspec what bodies and answers look like, as it reads and writes.

Litestar's own account of a struct leaves out what stands behind a null, and knows nothing of what an answer always
has. So each schema it made is replaced by msgspec's, and its words for every answer by our own.
"""

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI
from litestar.params import ParameterKwarg
from msgspec import Meta

from earnest.api.events import PAYLOADS
from earnest.api.examples import example_of_problem, examples
from earnest.api.problems import MEDIA_TYPE, Problem
from earnest.marketplace.given import MOST_KEY
from earnest.marketplace.keys import SCOPES
from earnest.marketplace.members import ROLES
from earnest.rules.account import EntryKind, Source
from earnest.rules.advice import Verdict
from earnest.rules.job import JobStatus
from earnest.rules.outcome import Refusal
from earnest.rules.price import Duration, JobType, WeeklyHours

Json = dict[str, Any]

JSON = "application/json"
_REFERENCE = "#/components/schemas/{name}"
_CONSTRAINTS = ("ge", "le", "min_length", "max_length", "pattern")

CHOICES = (Refusal, EntryKind, Source, Verdict, JobStatus, Duration, JobType, WeeklyHours)

_NAMES = {
    "AdviceShown": "AccountAdvice",
    "ClosedShown": "ClosedJob",
    "ManyAnswered": "ManyProposalsAnswer",
    "OneOfMany": "ManyProposalsItem",
    "StatsShown": "AccountStats",
    "Trial": "PlanTrial",
    "WarningShown": "PurchaseWarning",
}
"""What schemas are called whose own name tells too little outside of its module."""

_ORDER: dict[frozenset[str], list[str]] = {
    frozenset(choices): list(choices) for choices in (SCOPES, ROLES, *(tuple(map(str, each)) for each in CHOICES))
}
"""Choices in the order that means something, where msgspec has them by the alphabet."""

_MAY_LACK = {"Problem", "ManyProposalsItem", "HolderTold"}
"""Answers that leave out what doesn't apply; all others have every field, null where there is nothing to tell."""

_SIGNED = {
    "webhook-id": "The event's id, `evt_…`: the same each time it is sent.",
    "webhook-timestamp": "When it was sent, in seconds since 1970.",
    "webhook-signature": "Signatures as of Standard Webhooks, with a space between; one of them has to fit.",
}

_RETRY_AFTER = {
    "description": "In how many seconds to ask again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}


@dataclass
class Documentation(OpenAPIConfig):
    """How the handlers given are documented."""

    handlers: tuple[HTTPRouteHandler, ...] = ()

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document, before Litestar adds the paths."""
        plain = super().to_openapi_schema()
        document = _Document(**{field.name: getattr(plain, field.name) for field in fields(plain)})
        document.handlers = self.handlers
        return document


class _Document(OpenAPI):
    """Litestar's document, told in our own words when it is all there."""

    handlers: tuple[HTTPRouteHandler, ...] = ()

    def to_schema(self) -> Json:
        """Return it as JSON."""
        return _Telling(self.handlers).of(super().to_schema())


def written(document: Json) -> str:
    """Return a document as it is kept in a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class _Telling:
    """The handlers' types, and their schemas."""

    def __init__(self, handlers: Iterable[HTTPRouteHandler]) -> None:
        self._handlers = {str(handler.operation_id): handler for handler in handlers}
        known: list[Any] = [Problem, *(data for _, data in PAYLOADS.values())]
        sent: list[Any] = []
        for handler in self._handlers.values():
            known += [type_ for _, type_ in _answers(handler) if type_ is not bytes]
            sent += [type_ for type_, _ in _body(handler)]
        _, self.components = _components([*known, *sent])
        _, bodies = _components(sent)
        for name, schema in self.components.items():
            _tidy(name, schema, is_sent=name in bodies)

    def of(self, document: Json) -> Json:
        """Return Litestar's document with our schemas and words."""
        for path in document["paths"].values():
            for operation in path.values():
                handler = self._handlers.get(operation["operationId"])
                if handler is not None:
                    self._tell(operation, handler)
        document["components"]["schemas"] = dict(sorted(self.components.items()))
        document["components"]["responses"] = _share_problems(document["paths"])
        document["webhooks"] = {kind: {"post": self._event(kind)} for kind in PAYLOADS}
        return document

    def _tell(self, operation: Json, handler: HTTPRouteHandler) -> None:
        example = examples().get(operation["operationId"])
        operation.pop("deprecated", None)
        operation["description"] = _scoped(operation.get("description"), handler)
        operation["parameters"] = [_parameter(each, handler) for each in operation.get("parameters", ())]
        if handler.opt.get("keyed"):
            operation["parameters"].append(_IDEMPOTENCY_KEY)
        for type_, required in _body(handler):
            content: Json = {"schema": self._schema(type_)}
            if example is not None and example.body is not None:
                content["example"] = example.body
            operation["requestBody"] = {"content": {JSON: content}, "required": required}
        for status, type_ in _answers(handler):
            answer = operation["responses"][status]
            if type_ is bytes:
                answer["content"] = {media: {"schema": {"type": "string"}} for media in answer["content"]}
                answer["description"] = "The text."
                continue
            answer["content"] = {JSON: {"schema": self._schema(type_)}}
            if answer["description"].startswith(("Request fulfilled", "Document created")):
                answer["description"] = self._described(type_)
            if example is not None and status == str(handler.status_code):
                answer["content"][JSON]["example"] = example.answer
            if handler.opt.get("text") is not None and status == "200":
                answer["content"][handler.opt["text"]] = {"schema": {"type": "string"}}
        operation["responses"] = dict(sorted(operation["responses"].items()))
        for status, answer in operation["responses"].items():
            _headers(status, answer)

    def _event(self, kind: str) -> Json:
        """Return what an endpoint is asked with an event."""
        summary, data = PAYLOADS[kind]
        schema = {
            "type": "object",
            "description": "An event.",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"const": kind, "description": "The kind of event."},
                "timestamp": {"type": "string", "format": "date-time", "description": "When it was recorded."},
                "data": {"description": "What it tells.", **self._schema(data)},
            },
        }
        return {
            "tags": ["Events"],
            "summary": summary,
            "description": self._described(data),
            "operationId": kind.replace(".", "_"),
            "parameters": [
                {"name": name, "in": "header", "description": said, "required": True, "schema": {"type": "string"}}
                for name, said in _SIGNED.items()
            ],
            "requestBody": {"content": {JSON: {"schema": schema}}, "required": True},
            "responses": {
                "2XX": {"description": "It has arrived; it isn't sent again."},
                "410": {"description": "Nothing is sent to this endpoint any more, until somebody asks for it."},
                "default": {"description": "It is sent again, after growing pauses."},
            },
        }

    def _schema(self, type_: Any) -> Json:
        [schema], _ = _components([type_])
        return schema

    def _described(self, type_: Any) -> str:
        """Return what an answer is, in the words of its schema."""
        name = self._schema(type_)["$ref"].rpartition("/")[2]
        return str(self.components[name]["description"]).partition("\n")[0]


def _answers(handler: HTTPRouteHandler) -> Iterator[tuple[str, Any]]:
    """Yield the statuses of what a handler answers when all is well, each with its type."""
    [answered] = get_args(get_type_hints(handler.fn, include_extras=True)["return"])
    others = {str(status): spec for status, spec in (handler.responses or {}).items() if status < 300}
    if str(handler.status_code) not in others:
        yield str(handler.status_code), answered
    for status, spec in others.items():
        yield status, spec.data_container


_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Asked again with the same key, an accepted request is answered as it was then. Kept 30 days.",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MOST_KEY},
}
"""It is read by `Call.keyed`, and no parameter of each handler: what reads those goes through all headers."""


def _body(handler: HTTPRouteHandler) -> Iterator[tuple[Any, bool]]:
    """Yield the type of the body a handler takes, if it does, and whether it has to come."""
    taken = get_type_hints(handler.fn).get("data")
    if taken is not None:
        plain = _without_none(taken)
        yield plain, plain is taken


def _parameter(told: Json, handler: HTTPRouteHandler) -> Json:
    """Return a parameter's documentation, with the schema of what has to come if it comes at all."""
    for name, parameter in inspect.signature(handler.fn).parameters.items():
        hint = get_type_hints(handler.fn, include_extras=True).get(name)
        declared = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, ParameterKwarg)]
        known = next(iter(declared), None)
        if known is None or told["name"] not in (name, known.name):
            continue
        constraints: Any = {each: getattr(known, each) for each in _CONSTRAINTS if getattr(known, each) is not None}
        taken = _without_none(get_args(hint)[0])
        if taken is datetime:
            constraints["tz"] = True
        [schema], components = _components([Annotated[taken, Meta(**constraints)] if constraints else taken])
        if "$ref" in schema:
            # A choice stands where it is made.
            schema = {"enum": components[schema["$ref"].rpartition("/")[2]]["enum"]}
        _type_choices(schema)
        if parameter.default is not inspect.Parameter.empty and parameter.default is not None:
            schema["default"] = parameter.default
        schema |= known.schema_extra or {}
        return {
            "name": told["name"],
            "in": told["in"],
            "description": known.description,
            "required": bool(told["required"]),
            "schema": schema,
        }
    raise LookupError(f"{handler.operation_id}: nothing is said of its parameter {told['name']}")


def _without_none(hint: Any) -> Any:
    """Return a type, without the None it is united with."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return Union[tuple(each for each in get_args(hint) if each is not type(None))]  # noqa: UP007


def _headers(status: str, answer: Json) -> None:
    """Tell of an answer's headers."""
    headers = answer.setdefault("headers", {})
    for header in headers.values():
        header.pop("deprecated", None)
        header.setdefault("schema", {"const": "true"})
    if status in ("429", "503"):
        headers["Retry-After"] = _RETRY_AFTER
    if status == "401":
        headers["WWW-Authenticate"] = {"description": "`Bearer`.", "required": True, "schema": {"const": "Bearer"}}
    if not headers:
        del answer["headers"]


def _share_problems(paths: Json) -> Json:
    """Tell of each problem once, and refer to it wherever it may be answered."""
    shared: Json = {}
    for path in paths.values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if MEDIA_TYPE not in answer.get("content", {}):
                    continue
                codes = re.findall(r"`(\w+)`: ", answer["description"])
                name = "Or".join(code.title().replace("_", "") for code in codes)
                examples = {code: {"value": example_of_problem(code, int(status))} for code in codes}
                content = {"schema": {"$ref": _REFERENCE.format(name="Problem")}, "examples": examples}
                shared[name] = {**answer, "content": {MEDIA_TYPE: content}}
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _scoped(description: str | None, handler: HTTPRouteHandler) -> str:
    """Return an operation's description with what key it takes."""
    scope = handler.opt.get("scope")
    if scope is None:
        key = "Needs no key."
    elif handler.opt["for_one_account"]:
        key = f"Scope: `{scope}`; a key that is for one account will do for that one."
    else:
        key = f"Scope: `{scope}`; not for keys that are for one account."
    return f"{description}\n\n{key}" if description else key


def _components(types: list[Any]) -> tuple[tuple[Json, ...], dict[str, Json]]:
    """Return the schemas of types, and those they refer to, under the names they have for clients."""
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    names = {name: _name(name) for name in components}
    text = msgspec.json.encode([schemas, components]).decode()
    text = re.sub(r'"#/components/schemas/([^"]+)"', lambda found: f'"{_REFERENCE}"'.format(name=names[found[1]]), text)
    schemas, components = msgspec.json.decode(text)
    assert len(set(names.values())) == len(names), "two schemas have one name"  # noqa: S101
    return tuple(schemas), {names[name]: schema for name, schema in components.items()}


def _name(name: str) -> str:
    """Return a schema's name for clients: `Job` for JobShown, `JobPage` for a page of them."""
    page = re.fullmatch(r"Page_(\w+)_", name)
    if page is not None:
        return f"{_name(page[1])}Page"
    return _NAMES.get(name) or name.removesuffix("Shown")


def _tidy(name: str, schema: Json, *, is_sent: bool) -> None:
    """Make a component's schema as plain as it can be."""
    schema.pop("title", None)
    said = re.sub(r" \(RULES [^)]*\)", "", inspect.cleandoc(schema["description"]))
    schema["description"] = said.replace("\n", " ").replace("  ", "\n\n")
    _type_choices(schema)
    if name == "ManyProposals":
        # Each stands for itself, also where it is none.
        other = {"description": "Whatever else is sent is answered as `malformed`, in its place."}
        schema["properties"]["proposals"]["items"] = {"anyOf": [schema["properties"]["proposals"]["items"], other]}
    if "properties" in schema and not is_sent:
        for field in schema["properties"].values():
            field.pop("default", None)
        if name not in _MAY_LACK:
            schema["required"] = list(schema["properties"])


def _type_choices(schema: Any) -> None:
    """Say of each choice that it is a text."""
    if isinstance(schema, dict):
        if "enum" in schema:
            schema["type"] = "string"
            schema["enum"] = _ORDER.get(frozenset(schema["enum"]), schema["enum"])
        for part in schema.values():
            _type_choices(part)
    elif isinstance(schema, list):
        for part in schema:
            _type_choices(part)
