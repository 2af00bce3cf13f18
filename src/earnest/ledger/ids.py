"""Ids: 16 bytes from the application, never from a database (UUID version 7, so that later ones sort later).

Outside the ledger an id bears a prefix that says of what: `acc_0192…`. What belongs to an account is named by the
account's id and its number there: `prp_0192…_17`, so whoever has such an id knows whose it is.
"""

import re
from collections.abc import Callable
from datetime import datetime
from random import Random, SystemRandom

from earnest.ledger.packing import micros

_HEX = re.compile(r"[0-9a-f]{32}")
_NUMBERED = re.compile(r"([0-9a-f]{32})_([1-9][0-9]{0,9})")
_MOST_NUMBER = 2**31 - 1

ACCOUNT, CLIENT, JOB = "acc_", "cli_", "job_"
MEMBER, PURCHASE, PROPOSAL, ENTRY, LOT = "mem_", "pur_", "prp_", "ent_", "lot_"
KEY, ENDPOINT, DELIVERY, EVENT = "key_", "whe_", "del_", "evt_"
PERSON = "per_"
NOBODY = "0" * 32
MAIL = "0" * 31 + "1"
"""The endpoint that is no webhook: what is told to it goes to people, by e-mail."""


class Ids:
    """Makes ids: the given time, and chance. The same seed and times make the same ids."""

    def __init__(self, chance: Random | None = None) -> None:
        self._bits: Callable[[int], int] = (chance or SystemRandom()).getrandbits

    def new(self, now: datetime) -> str:
        """Return a new id's 32 hexadecimal digits."""
        milliseconds = micros(now) // 1000
        chance = self._bits(74)
        return f"{(milliseconds << 80) | (7 << 76) | ((chance >> 62) << 64) | (2 << 62) | (chance & (2**62 - 1)):032x}"


def plain(id_: str, prefix: str) -> str | None:
    """Return an id's hexadecimal digits, None where it isn't one with this prefix."""
    if type(id_) is str and id_.startswith(prefix) and _HEX.fullmatch(id_, len(prefix)):
        return id_[len(prefix) :]
    return None


def numbered(id_: str, prefix: str) -> tuple[str, int] | None:
    """Return the account's hexadecimal digits and the number, None where it isn't an id of this prefix."""
    match = _NUMBERED.fullmatch(id_, len(prefix)) if type(id_) is str and id_.startswith(prefix) else None
    if match is None or int(match[2]) > _MOST_NUMBER:
        return None
    return match[1], int(match[2])
