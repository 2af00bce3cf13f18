"""PostgreSQL's own statements: what a lane locks, reads and writes, each for a whole batch at once."""

from collections.abc import Iterable
from functools import lru_cache

from earnest.ledger.rows import (
    TABLES,
    AccountRow,
    Column,
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
from earnest.ledger.sql import names, split

_TYPES = {"id": "uuid", "int": "bigint", "bool": "boolean", "str": "text"}
_ROWS = "from json_to_recordset(%s::json) as x({})"

LOCK_ACCOUNTS = (
    f"select {names(AccountRow)} from account where account_id = any(%s::uuid[])"  # noqa: S608
    " order by account_id for update skip locked"
)
LOCK_JOBS = (
    f"select {names(JobRow)} from job where job_id = any(%s::uuid[])"  # noqa: S608
    " order by job_id for update skip locked"
)
BATCH = (
    "insert into lane (lane_id, batch) values (%s::uuid, %s) on conflict (lane_id) do update set batch = excluded.batch"
)
BEGIN_LANE = "insert into lane (lane_id, batch) values (%s::uuid, 0)"
END_LANE = "delete from lane where lane_id = %s::uuid"
LAST_BATCH = "select batch from lane where lane_id = %s::uuid for update"
LOCKED_ACCOUNTS = "select account_id from account where account_id = any(%s::uuid[])"
LOCKED_JOBS = "select job_id from job where job_id = any(%s::uuid[])"
JOBS = f"select {names(JobRow)} from job where job_id = any(%s::uuid[])"  # noqa: S608
CLIENTS = "select client_id from client where client_id = any(%s::uuid[])"
SUBSCRIBERS = "select endpoint_id, kinds from endpoint"
# Few, and changed seldom: whoever changes one waits for another who does.
LOCK_ENDPOINTS = (
    f"select {names(EndpointRow)} from endpoint where endpoint_id = any(%s::uuid[])"  # noqa: S608
    " order by endpoint_id for update"
)
LOCK_KEYS = (
    f"select {names(KeyRow)} from api_key where key_id = any(%s::uuid[])"  # noqa: S608
    " order by key_id for update"
)
LOCK_PEOPLE = (
    f"select {names(PersonRow)} from person where person_id = any(%s::uuid[])"  # noqa: S608
    " order by person_id for update"
)
PENDING = (
    f"select {names(PurchaseRow)} from purchase"  # noqa: S608
    " where account_id = any(%s::uuid[]) and status = 'pending'"
)


def _by_pairs(row: type[Row], first: str, second: str, types: str) -> str:
    """Return a question for the rows of some pairs of columns, given as two arrays."""
    name = TABLES[row].name
    one, other = types.split()
    return (
        f"select {names(row, 't.')} from unnest(%s::{one}[], %s::{other}[]) as x(a, b)"  # noqa: S608
        f" join {name} t on t.{first} = x.a and t.{second} = x.b"
    )


REQUESTS = _by_pairs(RequestRow, "owner_id", "key", "uuid text")
EXTERNALS = _by_pairs(ExternalRow, "kind", "external_id", "text text")
ATTEMPTS = _by_pairs(ProposalRow, "account_id", "job_id", "uuid uuid")
INVITATIONS = _by_pairs(InvitationRow, "account_id", "job_id", "uuid uuid")
PROPOSALS = _by_pairs(ProposalRow, "account_id", "n", "uuid int")
MEMBERS = _by_pairs(MemberRow, "account_id", "seq", "uuid int")
PURCHASES = _by_pairs(PurchaseRow, "account_id", "seq", "uuid int")
OWED = _by_pairs(EntryRow, "account_id", "purchase", "uuid int")
TOLD = _by_pairs(ToldRow, "account_id", "boundary", "uuid bigint")
DELIVERIES = (
    f"select {names(DeliveryRow, 't.')} from unnest(%s::uuid[], %s::int[], %s::uuid[]) as x(a, b, c)"  # noqa: S608
    " join delivery t on t.account_id = x.a and t.seq = x.b and t.endpoint_id = x.c"
)
HISTORY = (
    f"select {names(ProposalRow, 't.')} from unnest(%s::uuid[], %s::bigint[]) as x(a, b)"  # noqa: S608
    " join proposal t on t.account_id = x.a and t.submitted_at >= x.b"
)


@lru_cache(maxsize=64)
def insert(row: type[Row]) -> str:
    """Return what inserts rows, given as one JSON list."""
    name = TABLES[row].name
    listed = names(row)
    return f"insert into {name} ({listed}) select {listed} {_ROWS.format(_typed(columns(row)))}"


@lru_cache(maxsize=64)
def update(row: type[Row]) -> str:
    """Return what replaces the rows of the same keys by others, given as one JSON list."""
    name, key, others = split(row)
    changed = ", ".join(f"{column} = x.{column}" for column in others)
    same = " and ".join(f"t.{column} = x.{column}" for column in key)
    return f"update {name} t set {changed} {_ROWS.format(_typed(columns(row)))} where {same}"  # noqa: S608


def _typed(every: Iterable[Column]) -> str:
    return ", ".join(f"{column.name} {_TYPES[column.holds]}" for column in every)
