"""The log: one JSON object a line on standard error, and nothing in it that anybody sent or that is secret.

Messages are one line each. Of an exception stand there its kinds and where it was raised; what it says may quote what
somebody sent (a database's DETAIL, a KeyError's key), and so only what is known not to is told of that.
"""

import asyncio
import atexit
import logging
import os
import queue
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from traceback import extract_tb
from types import TracebackType
from typing import Any

import msgspec
import psycopg
import structlog
from structlog.typing import EventDict, WrappedLogger

from earnest.ledger.errors import LedgerError, StoreError

REQUEST: ContextVar[str | None] = ContextVar("earnest_request", default=None)
"""The id of the request that is being answered."""

MOST_MESSAGE = 500
MOST_PATH = 200
MOST_FRAMES = 40

_OWN = (LedgerError, StoreError, sqlite3.Error, AttributeError, NameError, ImportError, TimeoutError)
"""Exceptions whose first line never quotes what somebody sent."""

_PARAMETER = re.compile(r"\{(\w+)[^}]*\}")
_QUOTED = re.compile(r'"[^"]*"')
_encode = msgspec.json.Encoder().encode
STDERR = 2
WRITER = "earnest-log"
MOST_WAITING = 10_000
"""Pieces of the log that wait to be written; what comes when there are more is lost."""

_waiting: queue.Queue[bytes] = queue.Queue(MOST_WAITING)
_lost = 0
_answered: list[bytes] = []
"""Lines of requests that are still to be written, when this turn of the loop ends."""

_turn = ""
"""When the first of them was answered."""


def configure(level: str) -> None:
    """Have everything that is logged in this process go to standard error, from a level on."""
    if not any(thread.name == WRITER for thread in threading.enumerate()):
        threading.Thread(target=_write_on, name=WRITER, daemon=True).start()
        atexit.register(flush)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _when_and_which,
    ]
    handler = logging.StreamHandler(_Lines())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _scrub,
                structlog.processors.JSONRenderer(serializer=_text),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
    logging.captureWarnings(True)
    # What the server tells of its own doings at `info` is told better here.
    logging.getLogger("uvicorn.error").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


SECRET_PATHS = ("/password/", "/unsubscribe/")
"""Paths that bear a secret, which no log may hold."""


def access(id_: str, method: str, route: str, scope: Any, status: int, seconds: float, sent: int, code: str) -> None:
    """Write the line of a request that was answered."""
    global _turn
    if not _answered:
        # One write for all that are answered in this turn of the loop, and one time.
        asyncio.get_running_loop().call_soon(_write_answered)
        _turn = _now()
    line: dict[str, Any] = {
        "timestamp": _turn,
        "level": "info",
        "logger": "earnest.access",
        "event": "answered",
        "request_id": id_,
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(1000 * seconds, 3),
        "bytes": sent,
    }
    if route != "unmatched":
        # What leads nowhere may be anything.
        path = scope["path"]
        plain = path.isascii() and "ext:" not in path
        if path.startswith(SECRET_PATHS):
            line["path"] = route
        else:
            line["path"] = path[:MOST_PATH] if plain else _path(route, scope.get("path_params") or {})
    bearer = scope.get("user")
    if bearer is not None:
        line["key_id"] = f"key_{bearer.key_id}"
    if code:
        line["code"] = code
    _answered.append(_encode(line))


def _write_answered() -> None:
    lines = b"\n".join(_answered)
    _answered.clear()
    _write(lines)


def _path(route: str, parameters: Mapping[str, Any]) -> str:
    """Return the path of a route without the names that a caller has given things, which may be people's."""

    def shown(found: re.Match[str]) -> str:
        value = str(parameters.get(found[1], ""))
        return "ext:…" if value.startswith("ext:") else value.encode(errors="replace").decode()

    return _PARAMETER.sub(shown, route)[:MOST_PATH]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _when_and_which(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["timestamp"] = _now()
    request = REQUEST.get()
    if request is not None:
        event["request_id"] = request
    return event


def _scrub(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep a message's first line, and of an exception what can't quote anybody."""
    lines = str(event.get("event", "")).splitlines() or [""]
    event["event"] = lines[0][:MOST_MESSAGE]
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if given is True:
        error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = _told(error)
    event.pop("stack_info", None)
    event.pop("exc_text", None)
    return event


def _told(error: BaseException) -> list[dict[str, Any]]:
    """Return an exception and those behind it, the last one first."""
    told = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        one: dict[str, Any] = {"kind": _kind(at), "frames": _frames(at.__traceback__)}
        said = _said(at)
        if said:
            one["says"] = said
        told.append(one)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return told


def _said(error: BaseException) -> str | None:
    """Return what an exception says, as far as that never quotes what somebody sent."""
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or "no state"
        primary = error.diag.message_primary
        # A message may quote a value.
        return f"{state}: {_QUOTED.sub('…', primary)}" if primary else state
    if isinstance(error, _OWN):
        lines = str(error).splitlines()
        return lines[0][:MOST_MESSAGE] if lines else None
    if isinstance(error, OSError):
        return error.strerror
    return None


def _kind(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _frames(trace: TracebackType | None) -> list[str]:
    """Return where an exception passed, from the outermost place to where it was raised."""
    frames = extract_tb(trace)[-MOST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _text(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def _write(line: bytes) -> None:
    """Have lines written, as a whole. Where nobody takes them any more, they are lost, and requests are answered."""
    global _lost
    try:
        _waiting.put_nowait(line)
    except queue.Full:
        _lost += 1


def _write_on() -> None:
    """Write what waits, for as long as the process lives: whoever reads it may be slow, or gone."""
    global _lost
    while True:
        line = _waiting.get()
        if _lost:
            lost, _lost = _lost, 0
            line += b"\n" + _encode(
                {"timestamp": _now(), "level": "warning", "event": "lines were lost", "lines": lost}
            )
        line += b"\n"
        try:
            # Past the interpreter's own buffer, whose lock it would want when it ends.
            while line:
                line = line[os.write(STDERR, line) :]
        except OSError:
            pass
        finally:
            _waiting.task_done()


def flush(seconds: float = 1.0) -> None:
    """Wait till all is written that has been logged, but not for long."""
    until = time.monotonic() + seconds
    while _waiting.unfinished_tasks and time.monotonic() < until:
        time.sleep(0.005)


class _Lines:
    """Standard error, as the standard library's handler wants it."""

    def write(self, text: str) -> None:
        """Write a line that ends as it should."""
        _write(text.rstrip("\n").encode(errors="backslashreplace"))

    def flush(self) -> None:
        """Do nothing: each line is flushed."""
