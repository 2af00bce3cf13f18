"""Statements for whole tables, made from the columns of their rows; the dialects say how a row comes to the store."""

import re
from functools import lru_cache

from earnest.ledger.rows import TABLES, Row, columns

_ID = re.compile(r"\bid\(:(\w+)\)")
_PARAM = re.compile(r"(?<!:):([a-z]\w*)")


ERASE = (
    "update member set name = null where account_id = id(:account)",
    "update profile set name = null, external_id = null where account_id = id(:account)",
    "delete from letter where account_id = id(:account)",
    "delete from external where kind = 'account' and id = id(:account)",
)
"""What erases who holds an account, and what they wrote."""


REMOVE_PERSON = (
    "delete from person where person_id = id(:person)",
    "delete from session where person_id = id(:person)",
    "delete from seen where person_id = id(:person)",
    "delete from seat where person_id = id(:person)",
    "delete from external where kind = 'email' and id = id(:person)",
)
"""What removes a person. Their own row comes first: whoever else has one of theirs to change holds that."""

SEAT_HOLDS = (
    "({seat}.kind <> 'member' or exists (select 1 from member m"
    " where m.account_id = {seat}.target_id and m.seq = {seat}.seq and m.removed_at is null))"
)
"""What a seat must be to count: one at an agency is its member's only until they leave."""

_ONLY_THERE = (
    "select s.person_id from seat s where s.target_id = id(:target) and not exists"  # noqa: S608
    " (select 1 from seat o where o.person_id = s.person_id and o.target_id <> s.target_id"
    f" and {SEAT_HOLDS.format(seat='o')})"
)
ERASE_PEOPLE = (
    f"delete from person where person_id in ({_ONLY_THERE})",  # noqa: S608
    f"delete from session where person_id in ({_ONLY_THERE})",  # noqa: S608
    f"delete from seen where person_id in ({_ONLY_THERE})",  # noqa: S608
    f"delete from external where kind = 'email' and id in ({_ONLY_THERE})",  # noqa: S608
    # Last, as the seats tell who is meant; and never while they are being looked for.
    f"delete from seat where person_id in ({_ONLY_THERE})",  # noqa: S608
    "delete from seat where target_id = id(:target)",
)
"""What takes the seats at an account or a client, and removes the people who have no other that counts."""


def names(row: type[Row], prefix: str = "") -> str:
    """Return a table's columns, as a select lists them."""
    return ", ".join(prefix + column.name for column in columns(row))


@lru_cache(maxsize=256)
def for_postgresql(sql: str) -> str:
    """Return a statement written for both stores as PostgreSQL's driver takes it."""
    return _PARAM.sub(r"%(\1)s", _ID.sub(r"%(\1)s::uuid", sql.replace("%", "%%")))


@lru_cache(maxsize=256)
def for_sqlite(sql: str) -> str:
    """Return a statement written for both stores as SQLite takes it."""
    return _ID.sub(r"unhex(:\1)", sql)


def split(row: type[Row]) -> tuple[str, list[str], list[str]]:
    """Return a table's name, the columns of its key, and the others."""
    table = TABLES[row]
    every = [column.name for column in columns(row)]
    return table.name, every[: table.key], every[table.key :]
