"""The clock of a sandbox: it stands until it is moved, only ever forward, and is kept in the database.

A database is a sandbox's from its founding or never. So no clock that can be moved ever comes to a real marketplace,
and nothing that reads the machine's clock ever settles a sandbox.
"""

from datetime import datetime

from earnest.ledger.errors import SandboxError
from earnest.ledger.packing import instant, micros
from earnest.ledger.store import Store

_KEPT = "select now from sandbox where number = 1"
_BEGIN = "insert into sandbox (number, now) values (1, :now) on conflict (number) do nothing"
_MOVE = "update sandbox set now = :now where number = 1 and now < :now"
_USED = "select 1 from revision limit 1"


class SandboxClock:
    """Tells the time of a sandbox."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self._now

    async def refresh(self) -> None:
        """Learn how far another process has moved the clock."""
        [(now,)] = await self._store.fetch(_KEPT)
        self._now = max(self._now, instant(now))

    async def move(self, now: datetime) -> bool:
        """Move the clock forward; say whether it stands at that time now, and not already at a later one."""
        await self.refresh()
        if now < self._now:
            return False
        await self._store.change(_MOVE, {"now": micros(now)})
        self._now = now
        return True


async def clock_of(store: Store) -> SandboxClock | None:
    """Return the clock of a sandbox's database, None for any other."""
    found = await store.fetch(_KEPT)
    return SandboxClock(store, instant(found[0][0])) if found else None


async def found(store: Store, now: datetime) -> SandboxClock:
    """Return the clock of a sandbox; a database that nothing has happened in becomes one, at the given time.

    Raises SandboxError for the database of a real marketplace.
    """
    if await clock_of(store) is None:
        if await store.fetch(_USED):
            raise SandboxError("the database is a real marketplace's; a sandbox wants one of its own")
        await store.change(_BEGIN, {"now": micros(now)})
    clock = await clock_of(store)
    assert clock is not None, "it has just been kept"  # noqa: S101
    return clock
