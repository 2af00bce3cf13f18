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
