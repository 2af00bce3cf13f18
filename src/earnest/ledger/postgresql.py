"""The store on PostgreSQL 15 and later: psycopg's pipeline mode, two round trips a batch.

A batch locks its accounts, in the order of their ids, and reads everything else in later statements: a join with the
lock would see the rows as they were before it. What another session has locked is passed over and tried again a
little later, so nobody waits for it, and no two batches ever wait for each other. A batch has its transaction's
number before it reads a job, and on that the fence rests: it waits until every number given out before it has ended.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection, AsyncPipeline, errors, pq
from psycopg.abc import PQGen
from psycopg.adapt import Loader
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from earnest.ledger import postgresql_statements as pg
from earnest.ledger import sql as statements
from earnest.ledger.errors import StoreError, UnavailableError
from earnest.ledger.rows import (
    TABLES,
    AccountRow,
    DeliveryRow,
    EndpointRow,
    EntryRow,
    ExternalRow,
    InvitationRow,
    JobRow,
    KeyRow,
    MemberRow,
    PersonRow,
    ProposalRow,
    PurchaseRow,
    RequestRow,
    Row,
    ToldRow,
)
from earnest.ledger.store import NONE, Changes, Facts, Needs, Params

LANES = 2
READERS = 4
STREAMED_ROWS = 5_000
CONNECT_SECONDS = 5

ANSWER_SECONDS = 30.0
"""How long a lane waits for an answer before it takes its connection for lost."""

# A server or a network that has vanished is noticed, and not waited for.
_LINK: dict[str, Any] = {
    "autocommit": True,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

_SETTINGS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        "application_name": "earnest",
        # Whoever vanishes in the middle of a transaction must not hold its locks for long.
        "idle_in_transaction_session_timeout": "30s",
        "idle_session_timeout": "0",
        "tcp_user_timeout": "10s",
        "client_min_messages": "warning",
    }.items()
)
_LANE_SETTINGS = (
    _SETTINGS
    + " "
    + " ".join(
        f"-c {name}={value}"
        for name, value in {
            # What is acknowledged is on the disk, whatever the server does for others.
            "synchronous_commit": "on",
            "lock_timeout": "2s",
            "statement_timeout": "60s",
            # Each statement of a lane finds its rows by their keys. Statistics of a table that is still small, or
            # was so yesterday, must not tell the planner otherwise.
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
        }.items()
    )
)

_encode = msgspec.json.Encoder().encode
_T = TypeVar("_T")


def _array(ids: Iterable[str]) -> str:
    """Return ids, or numbers, as the text of an array."""
    return "{" + ",".join(ids) + "}"


class _AtOnce(AsyncPipeline):
    """A pipeline that sends what was put into it when it ends, in one piece.

    psycopg's own sends each statement as it comes, and looks each time whether an answer is there: a tenth of what a
    submission costs, here and in the server. It is made where psycopg would make its own; should psycopg no longer ask
    for one there, or no longer communicate like this, the pipeline is psycopg's own again, and a test fails.
    """

    def _communicate_gen(self) -> PQGen[None]:
        if self.command_queue and self.command_queue[-1] == self.pgconn.pipeline_sync:
            yield from super()._communicate_gen()


def _pipeline(connection: AsyncConnection[Any]) -> AbstractAsyncContextManager[AsyncPipeline]:
    """Gather statements, and send them when that ends."""
    connection._pipeline = _AtOnce(connection)
    return connection.pipeline()


class _HexLoader(Loader):
    """Reads a uuid as its 32 hexadecimal digits."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> str:
        return bytes(data).hex()


# Classes of errors after which a transaction may go well another time: lost links, conflicts, locks not to be had,
# servers without a resource or on their way down or up, and defects of theirs.
_RETRIED = ("08", "40", "53", "55P03", "57", "58", "25P03", "25P04", "XX")
_LASTING = (
    errors.DiskFull,
    errors.ReadOnlySqlTransaction,
    errors.InsufficientPrivilege,
    errors.OutOfMemory,
)


def _store_error(error: Exception, *, committing: bool = False) -> StoreError | None:
    """Return a failure that lies with the store as one, None for any other.

    Which statement failed isn't asked: where the commit was among them, none may be taken for undone.
    """
    what = f"PostgreSQL: {str(error).strip() or type(error).__name__}"
    if isinstance(error, _LASTING):
        return StoreError(what, lasting=True)
    if isinstance(error, errors.UniqueViolation):
        return StoreError(what, committing=committing, conflict=True)
    state = getattr(error, "sqlstate", None)
    # Without a state nobody answered: the link is gone.
    lost = state is None and isinstance(
        error, psycopg.OperationalError | psycopg.InterfaceError | PoolTimeout | OSError
    )
    if lost or (state is not None and state.startswith(_RETRIED)):
        return StoreError(what, committing=committing)
    return None


async def connect(url: str, options: str = _SETTINGS) -> AsyncConnection[tuple[Any, ...]]:
    """Open a connection that reads ids as their hexadecimal digits."""
    connection = await AsyncConnection.connect(
        url, options=options, connect_timeout=CONNECT_SECONDS, prepare_threshold=0, **_LINK
    )
    await _prepare(connection)
    return connection


async def _prepare(connection: AsyncConnection[Any]) -> None:
    connection.adapters.register_loader("uuid", _HexLoader)


@contextlib.contextmanager
def _answering(connection: AsyncConnection[Any]) -> Iterator[None]:
    """End a connection that gives no answer in time, from below, so that whoever waits is told that none will come."""

    def hang_up() -> None:
        if not connection.closed:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as link:
                link.shutdown(socket.SHUT_RDWR)

    overdue = asyncio.get_running_loop().call_later(ANSWER_SECONDS, hang_up)
    try:
        yield
    finally:
        overdue.cancel()


class PostgreSQLSession:
    """One lane's connection.

    The first statement of a batch writes its number to the connection's own row, and so holds that row until the
    transaction has ended, however it ends. A new connection has a new row: what a lost one may hold for a while yet
    stays in nobody's way.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lane_id = ""
        self._batch = 0
        self._last = ("", 0)
        """Row and number of the last batch."""
        self._connection: AsyncConnection[tuple[Any, ...]] | None = None

    async def _open(self) -> AsyncConnection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            connection = await connect(self._url, _LANE_SETTINGS)
            lane_id = secrets.token_hex(16)
            try:
                with _answering(connection):
                    # Before its first batch: what asks whether a batch was kept must find a row to wait for.
                    await connection.execute(pg.BEGIN_LANE, [lane_id])
            except BaseException:
                await connection.close()
                raise
            self._lane_id, self._connection = lane_id, connection
        return self._connection

    async def read(self, needs: Needs) -> Facts:
        """Begin a transaction, lock, and read."""
        return await self._guarded(self._read(needs))

    async def _read(self, needs: Needs) -> Facts:
        connection = await self._open()
        self._batch += 1
        self._last = (self._lane_id, self._batch)
        wanted: list[tuple[str, type[Row] | None, str, Sequence[object]]] = []
        if needs.accounts:
            wanted.append(("accounts", AccountRow, pg.LOCK_ACCOUNTS, [_array(needs.accounts)]))
        if needs.held_jobs:
            wanted.append(("jobs", JobRow, pg.LOCK_JOBS, [_array(needs.held_jobs)]))
        if needs.jobs:
            # Also those that another act is to hold: where somebody else holds one, it was passed over above.
            wanted.append(("jobs", JobRow, pg.JOBS, [_array(needs.jobs)]))
        if needs.clients:
            wanted.append(("clients", None, pg.CLIENTS, [_array(needs.clients)]))
        if needs.requests:
            owners, keys = zip(*needs.requests, strict=True)
            wanted.append(("requests", RequestRow, pg.REQUESTS, [_array(owners), list(keys)]))
        if needs.externals:
            kinds, names = zip(*needs.externals, strict=True)
            wanted.append(("externals", ExternalRow, pg.EXTERNALS, [list(kinds), list(names)]))
        if needs.attempts:
            accounts, jobs_ = (_array(each) for each in zip(*needs.attempts, strict=True))
            wanted.append(("proposals", ProposalRow, pg.ATTEMPTS, [accounts, jobs_]))
            wanted.append(("invitations", InvitationRow, pg.INVITATIONS, [accounts, jobs_]))
        for name, row_, sql, pairs in (
            ("proposals", ProposalRow, pg.PROPOSALS, needs.proposals),
            ("members", MemberRow, pg.MEMBERS, needs.members),
            ("purchases", PurchaseRow, pg.PURCHASES, needs.purchases),
            ("entries", EntryRow, pg.OWED, needs.owed),
            ("told", ToldRow, pg.TOLD, needs.told),
        ):
            if pairs:
                owners, numbers = zip(*pairs, strict=True)
                wanted.append((name, row_, sql, [_array(owners), _array(map(str, numbers))]))
        by_id: tuple[tuple[str, type[Row], str, set[str]], ...] = (
            ("purchases", PurchaseRow, pg.PENDING, needs.pending),
            ("endpoints", EndpointRow, pg.LOCK_ENDPOINTS, needs.endpoints),
            ("keys", KeyRow, pg.LOCK_KEYS, needs.keys),
            ("people", PersonRow, pg.LOCK_PEOPLE, needs.people),
        )
        wanted += [(name, row, sql, [_array(ids)]) for name, row, sql, ids in by_id if ids]
        if needs.deliveries:
            # After the lock on their endpoints.
            owners, numbers, endpoints = zip(*needs.deliveries, strict=True)
            triples = [_array(owners), _array(map(str, numbers)), _array(endpoints)]
            wanted.append(("deliveries", DeliveryRow, pg.DELIVERIES, triples))
        with _answering(connection):
            return await self._read_in(connection, needs, wanted)

    async def _read_in(
        self,
        connection: AsyncConnection[tuple[Any, ...]],
        needs: Needs,
        wanted: Sequence[tuple[str, type[Row] | None, str, Sequence[object]]],
    ) -> Facts:
        facts = Facts()
        async with _pipeline(connection):
            # What the fence counts on: that each statement sees what was committed before it.
            await connection.execute("begin isolation level read committed")
            await connection.execute(pg.BATCH, self._last, prepare=True)
            cursors = [await self._ask(connection, sql, params) for _, _, sql, params in wanted]
            subscribers = await self._ask(connection, pg.SUBSCRIBERS, ())
        held: set[str] = set()
        for (name, row, sql, _), cursor in zip(wanted, cursors, strict=True):
            found = await cursor.fetchall()
            rows = [each[0] for each in found] if row is None else [row(*each) for each in found]
            getattr(facts, name).extend(rows)
            if sql is pg.LOCK_ACCOUNTS or sql is pg.LOCK_JOBS:
                held.update(each[0] for each in found)
        facts.subscribers = [(endpoint_id, kinds) for endpoint_id, kinds in await subscribers.fetchall()]
        await self._look_for_locked(connection, needs, held, facts)
        return facts

    async def _ask(
        self, connection: AsyncConnection[tuple[Any, ...]], sql: str, params: Sequence[object]
    ) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        cursor = connection.cursor(binary=True)
        return await cursor.execute(sql, params, prepare=True)

    async def _look_for_locked(
        self, connection: AsyncConnection[Any], needs: Needs, held: set[str], facts: Facts
    ) -> None:
        """Find out what was passed over because somebody else has locked it, among what is not held."""
        for sql, wanted in ((pg.LOCKED_ACCOUNTS, needs.accounts), (pg.LOCKED_JOBS, needs.held_jobs)):
            if missing := wanted - held:
                cursor = await self._ask(connection, sql, [_array(missing)])
                facts.elsewhere.update(row[0] for row in await cursor.fetchall())

    async def read_history(self, since: Mapping[str, int]) -> list[ProposalRow]:
        """Read the proposals that accounts, which are locked, submitted from a time on."""
        connection = self._connection
        if connection is None:
            raise StoreError("PostgreSQL: the connection is gone")
        params = [_array(since), _array(map(str, since.values()))]

        async def read() -> list[ProposalRow]:
            # Never over a new connection, which would hold none of the locks.
            with _answering(connection):
                cursor = await self._ask(connection, pg.HISTORY, params)
                return [ProposalRow(*row) for row in await cursor.fetchall()]

        return await self._guarded(read())

    async def write(self, changes: Changes) -> None:
        """Write everything and commit."""
        connection = self._connection
        if connection is None:
            raise StoreError("PostgreSQL: the connection is gone")
        with _answering(connection):
            await self._guarded(self._write(connection, changes), committing=True)

    async def _write(self, connection: AsyncConnection[Any], changes: Changes) -> None:
        async with _pipeline(connection):
            for statement, of in ((pg.insert, changes.new), (pg.update, changes.old)):
                for row in TABLES:
                    if rows := of.get(row):
                        await connection.execute(statement(row), [_encode(rows).decode()], prepare=True)
            for sql, params in changes.statements:
                await connection.execute(statements.for_postgresql(sql), params)
            await connection.execute("commit")

    async def was_kept(self) -> bool:
        """Say whether the batch that failed in its commit was kept; waits for its transaction to end."""

        async def ask() -> bool:
            lane_id, batch = self._last
            connection = await self._open()
            with _answering(connection):
                cursor = await self._ask(connection, pg.LAST_BATCH, [lane_id])
                found = await cursor.fetchone()
            return found is not None and found[0] == batch

        await self.give_up()
        return await self._guarded(ask())

    async def give_up(self) -> None:
        """End the transaction, if one is open, as if it had never begun; raises nothing."""
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.info.transaction_status == pq.TransactionStatus.IDLE and not connection.closed:
                return
            with _answering(connection):
                await connection.execute("rollback")
        except psycopg.Error:
            self._connection = None
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def close(self) -> None:
        """Let go of the connection."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(psycopg.Error), _answering(connection):
                await connection.execute(pg.END_LANE, [self._lane_id])
            await connection.close()

    async def _guarded(self, doing: Awaitable[_T], *, committing: bool = False) -> _T:
        try:
            return await doing
        except Exception as aborted:
            error = _first(aborted)
            failed = _store_error(error, committing=committing)
            if failed is None:
                raise error from None
            raise failed from error


def _first(error: Exception) -> Exception:
    """Return what was the matter with a pipeline, where only that it was aborted has been told.

    That is so when the answers come in two pieces: what the second one says hides what the first one did.
    """
    while isinstance(error, errors.PipelineAborted) and isinstance(error.__context__, psycopg.Error):
        error = error.__context__
    return error


class PostgreSQLSnapshot:
    """A read-only transaction that sees one moment."""

    def __init__(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows."""
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(statements.for_postgresql(sql), params)
        return await cursor.fetchall()

    async def stream(self, sql: str, params: Params = NONE) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """Yield the rows in pieces."""
        async with self._connection.cursor(name=f"streamed_{time.monotonic_ns()}", binary=True) as cursor:
            await cursor.execute(statements.for_postgresql(sql), params)
            while rows := await cursor.fetchmany(STREAMED_ROWS):
                yield rows


class PostgreSQLStore:
    """A PostgreSQL database."""

    lanes = LANES

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=READERS,
            open=False,
            timeout=CONNECT_SECONDS,
            # Whoever asks next tries at once again, instead of waiting for pauses that grow.
            reconnect_timeout=CONNECT_SECONDS,
            kwargs={"options": _SETTINGS, "connect_timeout": CONNECT_SECONDS, **_LINK},
            configure=_prepare,
        )

    async def open(self) -> "PostgreSQLStore":
        """Connect; raises UnavailableError where that can't be done."""
        try:
            connection = await connect(self._url)
            await connection.close()
            await self._pool.open()
        except psycopg.OperationalError as error:
            raise UnavailableError(f"PostgreSQL: {str(error).strip()}") from error
        return self

    async def session(self) -> PostgreSQLSession:
        """Open a lane's connection."""
        return PostgreSQLSession(self._url)

    async def _with_connection(self, do: Callable[[AsyncConnection[tuple[Any, ...]]], Awaitable[_T]]) -> _T:
        """Do something that may be done twice, on one of the pool's connections.

        They aren't asked beforehand whether they still stand: that would double the round trips. A server that was
        restarted has broken all of them, so as many are tried, and one more.
        """
        tries = 0
        while True:
            tries += 1
            try:
                async with self._pool.connection() as connection:
                    try:
                        with _answering(connection):
                            return await do(connection)
                    except _LASTING:
                        # A new one may write again: some settings are read only when it is made.
                        await connection.close()
                        raise
            except (psycopg.Error, PoolTimeout, OSError) as error:
                failed = _store_error(error)
                if failed is None:
                    raise
                if failed.lasting or isinstance(error, PoolTimeout) or tries > READERS:
                    raise UnavailableError(f"PostgreSQL: {str(error).strip()}") from error

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows of a question."""

        async def ask(connection: AsyncConnection[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
            cursor = connection.cursor(binary=True)
            await cursor.execute(statements.for_postgresql(sql), params)
            return await cursor.fetchall()

        return await self._with_connection(ask)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PostgreSQLSnapshot]:
        """Ask many questions to one moment."""
        # Not one of the pool's: it may take minutes.
        try:
            connection = await connect(self._url)
            try:
                await connection.execute("begin isolation level repeatable read, read only")
                yield PostgreSQLSnapshot(connection)
            finally:
                await connection.close()
        except (psycopg.Error, OSError) as error:
            if _store_error(error) is None:
                raise
            raise UnavailableError(f"PostgreSQL: {str(error).strip()}") from error

    async def change(self, sql: str, params: Params = NONE) -> int:
        """Execute one statement in a transaction of its own, and return how many rows it changed.

        It must be one that does nothing the second time: a lost link may have it executed twice.
        """

        async def execute(connection: AsyncConnection[tuple[Any, ...]]) -> int:
            cursor = await connection.execute(statements.for_postgresql(sql), params)
            return cursor.rowcount

        return await self._with_connection(execute)

    async def fence(self, patience_seconds: float) -> bool:
        """Return True once every write that began before has ended, False where that takes too long."""
        # A number of its own is above all that were given out. A snapshot's xmax only follows the last one that ended:
        # a write that began since then is not below it, and would not be waited for.
        [(bound,)] = await self.fetch("select pg_current_xact_id()::text::bigint")
        until = time.monotonic() + patience_seconds
        pause = 0.001
        while True:
            [(oldest,)] = await self.fetch("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if oldest >= bound:
                return True
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.1)

    async def close(self) -> None:
        """Let go of the database."""
        await self._pool.close()
