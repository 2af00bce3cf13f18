"""Passwords: what one may be, and their hashes (argon2id, with the library's own parameters).

A hash takes 64 MiB and some fifty milliseconds on purpose. So only two are made at once in a process, in threads kept
for that; a few more may wait, of them only so many for one who asks, and whoever comes then is told to come again: a
flood takes neither the memory nor the threads that others need.
"""

import asyncio
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from earnest.ledger.errors import BusyError

LEAST_PASSWORD, MOST_PASSWORD = 10, 200
"""How many characters a password has. Which ones is nobody's business: length is what helps."""

HASHES_AT_ONCE, HASHES_WAITING = 2, 20
HASHES_FOR_ONE = 10
"""How many are under way at most, at once or waiting, for one network or person."""

COMMON = frozenset(
    {
        *("1234567890", "0123456789", "12345678910", "0987654321", "1q2w3e4r5t", "qwertyuiop", "qwerty12345"),
        *("password123", "password1234", "passwordpassword", "letmein123", "administrator", "iloveyou123"),
    }
)
"""What is tried first by everybody who guesses."""

T = TypeVar("T")

_HASHER = PasswordHasher()
_THREADS = ThreadPoolExecutor(HASHES_AT_ONCE, "earnest-passwords")
_counting = threading.Lock()
_under_way = 0
_for_each: Counter[str] = Counter()


def checked_password(name: str, password: str, email: str) -> str:
    """Return a password as it is hashed; raises ValueError, without the password, for one that is no good."""
    if type(password) is not str:
        raise ValueError(f"{name}: expected a text, got {type(password).__name__}")
    normal = _normal(password)
    if not LEAST_PASSWORD <= len(normal) <= MOST_PASSWORD:
        raise ValueError(f"{name}: expected {LEAST_PASSWORD} to {MOST_PASSWORD} characters, got {len(normal):,}")
    plain = normal.casefold()
    if plain == _normal(email).casefold() or plain in COMMON or len(set(plain)) == 1:
        raise ValueError(f"{name}: expected one that is not the address, and not among those guessed first")
    return normal


def _normal(text: str) -> str:
    """Return a text as it is the same on every keyboard."""
    return unicodedata.normalize("NFKC", text)


async def hashed(password: str, by: str) -> str:
    """Return a password's hash, salted anew, for somebody who asks; raises BusyError."""
    return await _in_turn(lambda: _HASHER.hash(_bytes(password)), by)


async def verify(kept: str | None, password: str, by: str) -> bool:
    """Say whether a hash is a password's; without one it takes as long, and is none's. Raises BusyError."""
    if type(password) is not str or len(password) > MOST_PASSWORD:
        # As fast for everybody, whether there is such a person or not.
        return False
    return await _in_turn(lambda: _matches(kept, _normal(password)), by)


def outdated(kept: str) -> bool:
    """Say whether a hash was made with other parameters than new ones are."""
    return _HASHER.check_needs_rehash(kept)


def _matches(kept: str | None, password: str) -> bool:
    # Always asked for, so that the first one takes as long for everybody too.
    nobodys = _nobodys()
    try:
        _HASHER.verify(nobodys if kept is None else kept, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash("of nobody")


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


async def _in_turn(do: Callable[[], T], by: str) -> T:
    """Do something in one of the threads for hashes; raises BusyError where too much waits for them."""
    global _under_way
    with _counting:
        if _under_way >= HASHES_AT_ONCE + HASHES_WAITING or _for_each[by] >= HASHES_FOR_ONE:
            raise BusyError("too many passwords are being checked")
        _under_way += 1
        _for_each[by] += 1
    work = _THREADS.submit(do)
    # When it is done, and not when nobody waits for it any more.
    work.add_done_callback(lambda _: _ended(by))
    return await asyncio.wrap_future(work)


def _ended(by: str) -> None:
    global _under_way
    with _counting:
        _under_way -= 1
        _for_each[by] -= 1
        if not _for_each[by]:
            del _for_each[by]
