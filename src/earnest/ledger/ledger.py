"""A ledger: a database with the rules in force in it, its writer, and questions to it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from earnest import packs
from earnest.ending import end
from earnest.ledger import migrate, revisions, sandbox
from earnest.ledger.act import Act
from earnest.ledger.errors import BusyError, RevisionError, SchemaError, UnavailableError
from earnest.ledger.ids import Ids
from earnest.ledger.sandbox import SandboxClock
from earnest.ledger.store import NONE, Params, Snapshot, Store
from earnest.ledger.writer import Key, Meter, Writer
from earnest.rules.calendar import as_utc
from earnest.rules.outcome import Refused
from earnest.rules.pack import Pack

T = TypeVar("T")
Clock = Callable[[], datetime]

SNAPSHOTS, SNAPSHOTS_WANTED = 2, 50
"""Reports that are drawn up at once, each on a connection of its own, and how many may wait for that."""

_log = logging.getLogger("earnest.ledger")


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


async def open_store(url: str) -> Store:
    """Open a database by its address: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.

    Raises ValueError for another address, UnavailableError where it can't be reached.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and separator and rest.startswith("/") and len(rest) > 1:
        from earnest.ledger.sqlite import SQLiteStore

        return await SQLiteStore(Path(rest[1:])).open()
    if scheme in ("postgresql", "postgres") and separator:
        from earnest.ledger.postgresql import PostgreSQLStore

        return await PostgreSQLStore(url).open()
    raise ValueError(f"database: expected sqlite:///FILE or postgresql://USER@HOST/NAME, got {url!r}")


async def version_of(store: Store) -> str | None:
    """Return the version of a database's tables, None where it has none."""
    tables = (
        "select 1 from sqlite_master where name = 'alembic_version'"
        if store.lanes == 1
        else "select 1 where to_regclass('alembic_version') is not null"
    )
    if not await store.fetch(tables):
        return None
    found = await store.fetch("select version_num from alembic_version")
    return str(found[0][0]) if found else None


class Ledger:
    """A database with Earnest's tables, the rule pack in force in it, and the writer.

    `clock` tells the time; nothing here reads another one. `sandbox` is that clock where the database is a
    sandbox's, and can be moved.
    """

    def __init__(self, store: Store, pack: Pack, clock: Clock, ids: Ids, writer: Writer) -> None:
        self.store = store
        self.pack = pack
        self.clock = clock
        self.ids = ids
        self._writer = writer
        self._under_way: dict[str, asyncio.Task[bool]] = {}
        self._unfit: RevisionError | None = None
        self._snapshots = asyncio.Semaphore(SNAPSHOTS)
        self._snapshots_wanted = 0

    @property
    def sandbox(self) -> SandboxClock | None:
        """The clock of a sandbox, None where the marketplace is real."""
        return self.clock if isinstance(self.clock, SandboxClock) else None

    @classmethod
    async def open(
        cls,
        url: str,
        pack: Pack | str = "article",
        clock: Clock = utc_now,
        ids: Ids | None = None,
        lanes: int | None = None,
        *,
        founds: bool = True,
        sandbox_at: datetime | None = None,
    ) -> "Ledger":
        """Open a database. An empty one gets its tables first, and the pack's coming revisions are announced in it.

        With `sandbox_at`, an empty one becomes a sandbox's, whose clock stands at that time; and every other database
        than a sandbox's is refused. A sandbox's own clock goes before `clock`.

        With `founds` False an empty one is refused, and nothing is announced: for whoever only looks or helps out.

        Raises SchemaError for a database of another version, SandboxError for one that is no sandbox's, RevisionError
        where its rule pack was another one,
        PackError for a pack that can't be read, UnavailableError where the database can't be reached.
        """
        chosen = packs.load(pack) if isinstance(pack, str) else pack
        made = ids or Ids()
        store = await open_store(url)
        try:
            version = await version_of(store)
            if version is None and founds:
                await asyncio.to_thread(migrate.migrate, url)
                version = await version_of(store)
            migrate.check(version)
            if sandbox_at is None:
                clock = await sandbox.clock_of(store) or clock
            else:
                clock = await sandbox.found(store, as_utc(sandbox_at, "sandbox_at"))
            now = as_utc(clock(), "clock")
            if founds:
                await revisions.bring_into_force(store, chosen, now)
            else:
                await revisions.check(store, chosen, now)
            writer = await Writer.open(store, lambda: chosen, clock, made, lanes)
        except BaseException:
            await store.close()
            raise
        return cls(store, chosen, clock, made, writer)

    @property
    def now(self) -> datetime:
        """The time."""
        return self.clock()

    async def do(self, act: Act[T], key: Key | None = None) -> T | Refused:
        """Have something done by the writer; see `Writer.do`. Raises RevisionError where `check` has found one."""
        return await self.start(act, key)

    def start(self, act: Act[T], key: Key | None = None) -> asyncio.Future[T | Refused]:
        """Take something on for the writer, and return what its answer will come to; raises as `do` does."""
        if self._unfit is not None:
            raise RevisionError(str(self._unfit))
        return self._writer.start(act, key)

    @property
    def waiting(self) -> int:
        """How many requests wait for the writer."""
        return self._writer.waiting

    def measure(self, meter: Meter) -> None:
        """Tell somebody what the writer does from here on."""
        self._writer.measure(meter)

    async def check(self) -> None:
        """Learn what other processes have done to what is kept here in memory: the pack in force, a sandbox's clock.

        Whoever keeps a ledger open for long calls it once a second. Raises RevisionError where another revision of the
        pack is in force than this process knows, which then does nothing more; UnavailableError.
        """
        if self.sandbox is not None:
            await self.sandbox.refresh()
        try:
            await revisions.check(self.store, self.pack, self.now)
        except RevisionError as error:
            self._unfit = error
            raise
        self._unfit = None

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows of a question, as of now; raises UnavailableError."""
        return await self.store.fetch(sql, params)

    async def fetch_one(self, sql: str, params: Params = NONE) -> tuple[Any, ...] | None:
        """Return the first row of a question, None where there is none; raises UnavailableError."""
        rows: Sequence[tuple[Any, ...]] = await self.store.fetch(sql, params)
        return rows[0] if rows else None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Ask many questions to one moment; raises BusyError where too many want to, and UnavailableError."""
        if self._snapshots_wanted >= SNAPSHOTS_WANTED:
            raise BusyError(f"{SNAPSHOTS_WANTED} reports are waiting already")
        self._snapshots_wanted += 1
        try:
            async with self._snapshots, self.store.snapshot() as snapshot:
                yield snapshot
        finally:
            self._snapshots_wanted -= 1

    def once(self, name: str, start: Callable[[], Coroutine[Any, Any, bool]]) -> asyncio.Task[bool]:
        """Return the work under way of a name; start it where there is none. It goes on whoever stops waiting."""
        work = self._under_way.get(name)
        if work is None:
            work = self._under_way[name] = asyncio.get_running_loop().create_task(start())
            work.add_done_callback(lambda done: self._ended(name, done))
        return work

    def _ended(self, name: str, work: asyncio.Task[bool]) -> None:
        del self._under_way[name]
        if not work.cancelled() and work.exception() is not None:
            _log.warning("%s: %s; it will be gone on with", name, work.exception())

    async def close(self) -> None:
        """Do what waits, and let go of the database. Work across accounts is left for the next to go on with."""
        await end(list(self._under_way.values()))
        await self._writer.close()
        await self.store.close()


__all__ = ["Clock", "Ledger", "SchemaError", "UnavailableError", "open_store", "utc_now", "version_of"]
