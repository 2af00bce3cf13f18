"""The store on SQLite: a file, write-ahead logging, and every commit on the disk before anybody is answered.

One thread writes and does nothing but SQL; another one reads. A batch begins with `begin immediate`, so that what it
reads can't change before it writes; other processes on the same file wait their turn.
"""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

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
    columns,
)
from earnest.ledger.store import NONE, Changes, Facts, Needs, Params

LANES = 1
BUSY_MILLISECONDS = 2_000
STREAMED_ROWS = 5_000

_T = TypeVar("_T")

# A column declared as one holds 16 bytes; everybody above reads their hexadecimal digits.
sqlite3.register_converter("UUID", bytes.hex)


def connect(path: str) -> sqlite3.Connection:
    """Open a connection that reads ids as their hexadecimal digits and knows `unhex`, and whose commits are durable."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_MILLISECONDS / 1000,
        isolation_level=None,
        check_same_thread=False,
        detect_types=sqlite3.PARSE_DECLTYPES,
        cached_statements=256,
        uri=path.startswith("file:"),
    )
    connection.create_function("unhex", 1, _unhex, deterministic=True)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma cache_size = -65536")
    # Up to 64 MB: a page that many batches change is brought into the file once for all of them.
    connection.execute("pragma wal_autocheckpoint = 16384")
    return connection


def _unhex(digits: str | None) -> bytes | None:
    return None if digits is None else bytes.fromhex(digits)


def _in(column: str) -> str:
    return f"{column} in (select unhex(value) from json_each(?))"  # noqa: S608


def _by_pairs(row: type[Row], first: str, second: str, ids: str) -> str:
    """Return a question for the rows of some pairs of columns, given as a list of lists."""
    values = ["x.value ->> 0", "x.value ->> 1"]
    values = [f"unhex({value})" if holds == "id" else value for value, holds in zip(values, ids.split(), strict=True)]
    name = TABLES[row].name
    return (
        f"select {statements.names(row, 't.')} from json_each(?) as x cross join {name} t"  # noqa: S608
        f" on t.{first} = {values[0]} and t.{second} = {values[1]}"
    )


_ACCOUNTS = f"select {statements.names(AccountRow)} from account where {_in('account_id')}"  # noqa: S608
_JOBS = f"select {statements.names(JobRow)} from job where {_in('job_id')}"  # noqa: S608
_CLIENTS = f"select client_id from client where {_in('client_id')}"  # noqa: S608
_PENDING = f"select {statements.names(PurchaseRow)} from purchase where {_in('account_id')} and status = 'pending'"  # noqa: S608
_ENDPOINTS = f"select {statements.names(EndpointRow)} from endpoint where {_in('endpoint_id')}"  # noqa: S608
_KEYS = f"select {statements.names(KeyRow)} from api_key where {_in('key_id')}"  # noqa: S608
_PEOPLE = f"select {statements.names(PersonRow)} from person where {_in('person_id')}"  # noqa: S608
_SUBSCRIBERS = "select endpoint_id, kinds from endpoint"
_REQUESTS = _by_pairs(RequestRow, "owner_id", "key", "id text")
_EXTERNALS = _by_pairs(ExternalRow, "kind", "external_id", "text text")
# Left to itself SQLite looks them up by the account alone, as if its proposals were few, and walks all of them.
_ATTEMPTS = (
    f"select {statements.names(ProposalRow, 't.')} from json_each(?) as x"  # noqa: S608
    " cross join proposal t indexed by sqlite_autoindex_proposal_2"
    " on t.job_id = unhex(x.value ->> 1) and t.account_id = unhex(x.value ->> 0)"
)
_INVITATIONS = _by_pairs(InvitationRow, "account_id", "job_id", "id id")
_PROPOSALS = _by_pairs(ProposalRow, "account_id", "n", "id int")
_MEMBERS = _by_pairs(MemberRow, "account_id", "seq", "id int")
_PURCHASES = _by_pairs(PurchaseRow, "account_id", "seq", "id int")
_OWED = _by_pairs(EntryRow, "account_id", "purchase", "id int")
_TOLD = _by_pairs(ToldRow, "account_id", "boundary", "id int")
_DELIVERIES = (
    f"select {statements.names(DeliveryRow, 't.')} from json_each(?) as x cross join delivery t"  # noqa: S608
    " on t.account_id = unhex(x.value ->> 0) and t.seq = x.value ->> 1 and t.endpoint_id = unhex(x.value ->> 2)"
)
_HISTORY = (
    f"select {statements.names(ProposalRow, 't.')} from json_each(?) as x cross join proposal t"  # noqa: S608
    " on t.account_id = unhex(x.value ->> 0) and t.submitted_at >= x.value ->> 1"
)


_BATCH = (
    "insert into lane (lane_id, batch) values (unhex(?), ?) on conflict (lane_id) do update set batch = excluded.batch"
)
_LAST_BATCH = "select batch from lane where lane_id = unhex(?)"


def _value(number: int, holds: str) -> str:
    return f"unhex(?{number})" if holds == "id" else f"?{number}"


@lru_cache(maxsize=64)
def _insert(row: type[Row]) -> str:
    values = ", ".join(_value(number, column.holds) for number, column in enumerate(columns(row), 1))
    return f"insert into {TABLES[row].name} ({statements.names(row)}) values ({values})"  # noqa: S608


@lru_cache(maxsize=64)
def _update(row: type[Row]) -> str:
    name, key, _ = statements.split(row)
    every = [f"{column.name} = {_value(number, column.holds)}" for number, column in enumerate(columns(row), 1)]
    return f"update {name} set {', '.join(every[len(key) :])} where {' and '.join(every[: len(key)])}"  # noqa: S608


_LASTING = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)
_RETRIED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _store_error(error: sqlite3.Error, *, committing: bool = False) -> StoreError | None:
    """Return a failure that lies with the store as one, None for any other."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _LASTING:
        # A commit that failed on the disk may be found whole or not at all when the file is next opened.
        return StoreError(f"SQLite: {error}", lasting=True, committing=committing)
    if primary in _RETRIED:
        return StoreError(f"SQLite: {error}")
    return None


class SQLiteSession:
    """The lane's way to the file: it shares the writing thread with whatever else writes, a transaction at a time."""

    def __init__(self, store: "SQLiteStore") -> None:
        self._store = store
        self._lane_id = secrets.token_hex(16)
        self._batch = 0
        self._in_turn = False

    async def read(self, needs: Needs) -> Facts:
        """Begin a transaction and read."""
        await self._store.turn.acquire()
        self._in_turn = True
        self._batch += 1
        batch = (self._lane_id, self._batch)
        return await self._in_thread(lambda connection: _read(connection, batch, needs))

    async def read_history(self, since: Mapping[str, int]) -> list[ProposalRow]:
        """Read the proposals that accounts submitted from a time on."""
        pairs = msgspec.json.encode(list(since.items())).decode()
        return await self._in_thread(
            lambda connection: [ProposalRow(*row) for row in connection.execute(_HISTORY, (pairs,))]
        )

    async def write(self, changes: Changes) -> None:
        """Write everything and commit."""
        await self._in_thread(lambda connection: _write(connection, changes))
        self._leave()

    def _leave(self) -> None:
        self._in_turn = False
        self._store.turn.release()

    async def was_kept(self) -> bool:
        """Say whether the batch that failed in its commit was kept."""
        await self.give_up()
        found = await self._in_thread(lambda connection: connection.execute(_LAST_BATCH, (self._lane_id,)).fetchone())
        return found is not None and found[0] == self._batch

    async def give_up(self) -> None:
        """End the transaction, if one is open, as if it had never begun; raises nothing."""
        if not self._in_turn:
            return

        def roll_back(connection: sqlite3.Connection) -> None:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("rollback")

        await self._in_thread(roll_back)
        self._leave()

    async def close(self) -> None:
        """Let go of the file; the store closes it."""

    async def _in_thread(self, do: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return await self._store.written(do)
        except sqlite3.Error as error:
            failed = _store_error(error)
            if failed is None:
                raise
            raise failed from error


def _read(connection: sqlite3.Connection, batch: tuple[str, int], needs: Needs) -> Facts:
    facts = Facts()
    connection.execute("begin immediate")
    connection.execute(_BATCH, batch)

    def ask(sql: str, params: Iterable[object]) -> sqlite3.Cursor:
        return connection.execute(sql, (msgspec.json.encode(list(params)).decode(),))

    if needs.accounts:
        facts.accounts = [AccountRow(*row) for row in ask(_ACCOUNTS, needs.accounts)]
    if jobs := needs.jobs | needs.held_jobs:
        facts.jobs = [JobRow(*row) for row in ask(_JOBS, jobs)]
    if needs.clients:
        facts.clients = [row[0] for row in ask(_CLIENTS, needs.clients)]
    if needs.requests:
        facts.requests = [RequestRow(*row) for row in ask(_REQUESTS, needs.requests)]
    if needs.externals:
        facts.externals = [ExternalRow(*row) for row in ask(_EXTERNALS, needs.externals)]
    if needs.attempts:
        facts.proposals += [ProposalRow(*row) for row in ask(_ATTEMPTS, needs.attempts)]
        facts.invitations = [InvitationRow(*row) for row in ask(_INVITATIONS, needs.attempts)]
    of: tuple[tuple[list[Any], type[Row], str, Iterable[object]], ...] = (
        (facts.proposals, ProposalRow, _PROPOSALS, needs.proposals),
        (facts.members, MemberRow, _MEMBERS, needs.members),
        (facts.purchases, PurchaseRow, _PURCHASES, needs.purchases),
        (facts.entries, EntryRow, _OWED, needs.owed),
        (facts.purchases, PurchaseRow, _PENDING, needs.pending),
        (facts.told, ToldRow, _TOLD, needs.told),
        (facts.endpoints, EndpointRow, _ENDPOINTS, needs.endpoints),
        (facts.deliveries, DeliveryRow, _DELIVERIES, needs.deliveries),
        (facts.keys, KeyRow, _KEYS, needs.keys),
        (facts.people, PersonRow, _PEOPLE, needs.people),
    )
    for found, row, sql, wanted in of:
        if wanted:
            found += [row(*each) for each in ask(sql, wanted)]
    facts.subscribers = connection.execute(_SUBSCRIBERS).fetchall()
    return facts


def _write(connection: sqlite3.Connection, changes: Changes) -> None:
    for statement, of in ((_insert, changes.new), (_update, changes.old)):
        for row in TABLES:
            if rows := of.get(row):
                connection.executemany(statement(row), [msgspec.structs.astuple(each) for each in rows])
    for sql, params in changes.statements:
        connection.execute(statements.for_sqlite(sql), dict(params))
    try:
        connection.execute("commit")
    except sqlite3.Error as error:
        failed = _store_error(error, committing=True)
        if failed is None:
            raise
        raise failed from error


class SQLiteSnapshot:
    """A connection of its own in a read transaction, which sees one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return await asyncio.to_thread(
            lambda: self._connection.execute(statements.for_sqlite(sql), dict(params)).fetchall()
        )

    async def stream(self, sql: str, params: Params = NONE) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """Yield the rows in pieces."""
        cursor = await asyncio.to_thread(self._connection.execute, statements.for_sqlite(sql), dict(params))
        while rows := await asyncio.to_thread(cursor.fetchmany, STREAMED_ROWS):
            yield rows


class SQLiteStore:
    """A file."""

    lanes = LANES

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._writing = ThreadPoolExecutor(1, "earnest-writes")
        self._reading = ThreadPoolExecutor(1, "earnest-reads")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self.turn = asyncio.Lock()
        """Held by whoever has a transaction open in the writing thread."""

    async def open(self) -> "SQLiteStore":
        """Open the file; raises UnavailableError where that can't be done."""
        loop = asyncio.get_running_loop()
        try:
            self._writer = await loop.run_in_executor(self._writing, connect, self._path)
            self._reader = await loop.run_in_executor(self._reading, connect, self._path)
        except sqlite3.Error as error:
            raise UnavailableError(f"SQLite: {self._path}: {error}") from error
        return self

    async def session(self) -> SQLiteSession:
        """Open the lane's way to the file."""
        return SQLiteSession(self)

    async def written(self, do: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something in the writing thread."""
        if self._writer is None:
            raise UnavailableError("SQLite: the file is not open")
        return await asyncio.get_running_loop().run_in_executor(self._writing, do, self._writer)

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows of a question."""
        reader = self._reader
        if reader is None:
            raise UnavailableError("SQLite: the file is not open")

        def ask() -> list[tuple[Any, ...]]:
            return reader.execute(statements.for_sqlite(sql), dict(params)).fetchall()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, ask)
        except sqlite3.Error as error:
            if _store_error(error) is None:
                raise
            raise UnavailableError(f"SQLite: {error}") from error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SQLiteSnapshot]:
        """Ask many questions to one moment."""
        connection = await asyncio.to_thread(connect, self._path)
        try:
            connection.execute("begin")
            yield SQLiteSnapshot(connection)
        finally:
            connection.close()

    async def change(self, sql: str, params: Params = NONE) -> int:
        """Execute one statement in a transaction of its own, and return how many rows it changed."""
        statement = statements.for_sqlite(sql)
        async with self.turn:
            try:
                cursor = await self.written(lambda connection: connection.execute(statement, dict(params)))
            except sqlite3.Error as error:
                if _store_error(error) is None:
                    raise
                raise UnavailableError(f"SQLite: {error}") from error
        return cursor.rowcount

    async def fence(self, _: float) -> bool:
        """Return True: one batch after the other writes here, and whatever reads in one sees all that came before."""
        return True

    async def close(self) -> None:
        """Let go of the file."""
        loop = asyncio.get_running_loop()
        # Whoever asks from here on is told that it isn't open.
        writer, reader, self._writer, self._reader = self._writer, self._reader, None, None
        if writer is not None:
            await loop.run_in_executor(self._writing, writer.close)
        if reader is not None:
            await loop.run_in_executor(self._reading, reader.close)
        self._writing.shutdown()
        self._reading.shutdown()
