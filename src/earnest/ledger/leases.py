"""Leases: work that one process at a time does, on whatever machine.

A lease ends by itself when its holder is killed, and nobody needs to notice. Times here are the machines' own, not
the ledger's: two machines' clocks may differ by less than a lease is renewed ahead of its end.
"""

import secrets
from datetime import timedelta

from earnest.ledger.ledger import utc_now
from earnest.ledger.packing import micros
from earnest.ledger.store import Store

_BEGIN = "insert into lease (name, holder, until) values (:name, '', 0) on conflict (name) do nothing"
_TAKE = "update lease set holder = :holder, until = :until where name = :name and (holder = :holder or until < :now)"
_END = "update lease set until = 0 where name = :name and holder = :holder"


class Lease:
    """The right to do some work, while it is renewed in time."""

    def __init__(self, store: Store, name: str, seconds: float) -> None:
        self._store = store
        self._name = name
        self._for = timedelta(seconds=seconds)
        self._holder = secrets.token_hex(8)
        self._until = 0
        self._begun = False

    def lasts(self, seconds: float) -> bool:
        """Say whether the lease is held for so much longer."""
        return self._until > micros(utc_now() + timedelta(seconds=seconds))

    async def take(self) -> bool:
        """Take the lease, or renew it; say whether it is held. Raises UnavailableError."""
        if not self._begun:
            await self._store.change(_BEGIN, {"name": self._name})
            self._begun = True
        now = utc_now()
        until = micros(now + self._for)
        params = {"name": self._name, "holder": self._holder, "until": until, "now": micros(now)}
        held = await self._store.change(_TAKE, params) == 1
        self._until = until if held else 0
        return held

    async def end(self) -> None:
        """Let somebody else have it. Raises UnavailableError."""
        self._until = 0
        await self._store.change(_END, {"name": self._name, "holder": self._holder})
