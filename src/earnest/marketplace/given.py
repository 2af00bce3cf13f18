"""Reading what callers give: ids, texts, and whatever else a request is made of.

A value that can't be meant raises ValueError with the argument's name, what was expected, and what was found. An id
that is well-formed and names nothing is answered with a refusal.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from earnest.ledger.ids import ACCOUNT, CLIENT, JOB, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.writer import Key
from earnest.rules.calendar import as_utc

MOST_NAME = 200
MOST_LETTER = 10_000
MOST_DESCRIPTION = 50_000
MOST_SKILLS = 50
MOST_PAGE = 500
MOST_KEY = 255

EXTERNAL = "ext:"

_PREFIXES = {"account": ACCOUNT, "client": CLIENT, "job": JOB}


def text(name: str, value: str, most: int, least: int = 1) -> str:
    """Return a text; raises ValueError for one too long, too short, or of characters no store keeps."""
    if type(value) is not str:
        raise ValueError(f"{name}: expected a text, got {type(value).__name__}")
    if not least <= len(value.strip()) or len(value) > most:
        raise ValueError(f"{name}: expected a text of {least} to {most:,} characters, got {len(value):,}")
    if not _is_kept(value):
        raise ValueError(f"{name}: expected a text without NUL characters and broken surrogates")
    return value


def optional_text(name: str, value: str | None, most: int, least: int = 1) -> str | None:
    """Return a text or None; raises ValueError like `text`."""
    return None if value is None else text(name, value, most, least)


def _is_kept(value: str) -> bool:
    """Say whether a text is of characters that every store keeps."""
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole(name: str, value: int, least: int, most: int) -> int:
    """Return a whole number in its range; raises ValueError for any other."""
    # type() and not isinstance(): True is no number.
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name}: expected a whole number from {least:,} to {most:,}, got {value!r}")
    return value


def one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return a choice; raises ValueError for what isn't one."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def optional_truth(name: str, value: bool | None) -> bool | None:
    """Return True, False or None; raises ValueError for what is none of them."""
    if value is not None and type(value) is not bool:
        raise ValueError(f"{name}: expected True, False or None, got {value!r}")
    return value


def instant(name: str, value: datetime | None) -> datetime | None:
    """Return a time in UTC, or None; raises ValueError for one without a zone."""
    if value is not None and not isinstance(value, datetime):
        raise ValueError(f"{name}: expected a datetime, got {type(value).__name__}")
    return None if value is None else as_utc(value, name)


def idempotency_key(key: str | Key | None) -> Key | None:
    """Return a caller's key; raises ValueError for one that can't be kept."""
    if key is None:
        return None
    made = key if isinstance(key, Key) else Key(key)
    text("key", made.value, MOST_KEY)
    text("caller", made.caller, MOST_KEY, 0)
    return made


async def find(ledger: Ledger, kind: str, id_: str) -> str | None:
    """Return the plain id of an account, a client or a job given by its id or as `ext:` and its external id."""
    if type(id_) is str and id_.startswith(EXTERNAL):
        external_id = id_[len(EXTERNAL) :]
        if not _is_kept(external_id):
            return None
        row = await ledger.fetch_one(
            "select id from external where kind = :kind and external_id = :external_id",
            {"kind": kind, "external_id": external_id},
        )
        return None if row is None else str(row[0])
    return plain(id_, _PREFIXES[kind])


async def of_many(
    ledger: Ledger, statement: str, plain_ids: Sequence[str], params: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Ask one question about many ids, which stand in the statement as `{ids}`."""
    if not plain_ids:
        return []
    named = {f"id{number}": id_ for number, id_ in enumerate(plain_ids)}
    asked = statement.format(ids=", ".join(f"id(:{name})" for name in named))
    return await ledger.fetch(asked, {**params, **named})


def page_size(limit: int) -> int:
    """Return how many items a page may have; raises ValueError for too many."""
    return whole("limit", limit, 1, MOST_PAGE)


def cursor_number(cursor: str | None, start: int) -> int:
    """Return the number a list goes on from; raises ValueError for what is no cursor."""
    if cursor is None:
        return start
    if not (type(cursor) is str and cursor.isascii() and cursor.isdigit() and len(cursor) < 11):
        raise ValueError(f"cursor: expected one that was answered before, got {cursor!r}")
    return int(cursor)


def cursor_id(cursor: str | None, start: str) -> str:
    """Return the plain id a list goes on from; raises ValueError for what is no cursor."""
    if cursor is None:
        return start
    found = plain(cursor, "")
    if found is None:
        raise ValueError(f"cursor: expected one that was answered before, got {cursor!r}")
    return found
