"""How the stores find what a batch reads: by whole keys, so an account with a long past costs what a new one does."""

import contextlib
import re
from collections.abc import Callable

import psycopg
import pytest

from earnest.ledger import postgresql, postgresql_statements, sqlite

WALKS = {"OWED", "HISTORY"}
"""Those that go over all of an account: for the reversal of a purchase, and when a standing has to be judged."""

LARGE = "0" * 32
OF_SQLITE = {name: sql for name, sql in vars(sqlite).items() if name.isupper() and " as x " in str(sql)}
OF_POSTGRESQL = {name: sql for name, sql in vars(postgresql_statements).items() if " unnest(" in str(sql)}
ARRAYS = {"uuid": f"{{{LARGE}}}", "int": "{1}", "bigint": "{1}", "text": "{a}"}


def compared(sql: str) -> set[str]:
    """The columns that a question for pairs compares, all of which have to be looked up by."""
    return set(re.findall(r"t\.(\w+) =", sql))


def test_both_stores_are_asked_the_same() -> None:
    assert {name.removeprefix("_") for name in OF_SQLITE} == set(OF_POSTGRESQL)
    assert set(OF_POSTGRESQL) > WALKS


@pytest.mark.parametrize("name", sorted(set(OF_SQLITE) - {f"_{each}" for each in WALKS}))
def test_sqlite_looks_up_by_all_that_is_compared(name: str, new_sqlite: Callable[[], str]) -> None:
    sql = OF_SQLITE[name]
    with contextlib.closing(sqlite.connect(new_sqlite().removeprefix("sqlite:///"))) as connection:
        plan = [row[-1] for row in connection.execute(f"explain query plan {sql}", ("[]",))]
    [search] = [step for step in plan if step.startswith("SEARCH t ")]
    assert set(re.findall(r"(\w+)=\?", search)) == compared(sql), plan


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_postgresql_looks_up_by_all_that_is_compared(new_postgresql: Callable[[], str], *, is_analyzed: bool) -> None:
    """What is known of a table that holds one large account among many small ones, or nothing, makes no difference."""
    with psycopg.connect(new_postgresql(), autocommit=True, options=postgresql._LANE_SETTINGS) as connection:
        connection.execute(
            "insert into proposal select case when i > 5000 then %s::uuid else md5('account' || i)::uuid end, i,"
            " md5('job' || i %% 12000)::uuid, 1, 'live', 2, false, i, '[]' from generate_series(1, 15000) i",
            [LARGE],
        )
        if is_analyzed:
            connection.execute("analyze proposal")
        for name in sorted(set(OF_POSTGRESQL) - WALKS):
            sql = OF_POSTGRESQL[name]
            for number, _ in enumerate(re.findall("%s", sql), 1):
                sql = sql.replace("%s", f"${number}", 1)
            connection.execute(f"prepare {name} as {sql}")
            given = ", ".join(f"'{ARRAYS[each]}'" for each in re.findall(r"::(\w+)\[\]", sql))
            plan = [row[0].strip() for row in connection.execute(f"explain execute {name}({given})")]
            [looked_up] = [step for step in plan if step.startswith("Index Cond:")]
            assert set(re.findall(r"(\w+) = x\.\w", looked_up)) == compared(sql), plan
