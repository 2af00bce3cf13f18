"""What an agency's people spent: what it costs to ask."""

from collections.abc import Callable
from contextlib import closing

from earnest.ledger import sqlite
from earnest.ledger.sql import for_sqlite
from earnest.marketplace import workers

AGENCY = "0" * 31 + "1"
PROPOSALS = 500


def test_sqlite_goes_once_over_the_proposals_of_a_pool_however_many_share_it(new_sqlite: Callable[[], str]) -> None:
    assert steps(new_sqlite(), members=40) < 3 * steps(new_sqlite(), members=1)


def steps(database: str, *, members: int) -> int:
    """How many steps SQLite's machine takes to sum up what so many members spent."""
    with closing(sqlite.connect(database.removeprefix("sqlite:///"))) as connection:
        connection.execute("pragma foreign_keys = off")
        connection.executemany(
            "insert into member (account_id, seq, role, added_at) values (unhex(?), ?, 'member', 1)",
            [(AGENCY, seq) for seq in range(members)],
        )
        connection.executemany(
            "insert into proposal (account_id, n, job_id, attempt, status, connects_spent, invited, submitted_at,"
            " taken, worker) values (unhex(?), ?, unhex(?), 1, 'live', 2, false, 1, '[]', ?)",
            [(AGENCY, n, f"{n:032x}", n % members) for n in range(PROPOSALS)],
        )
        taken = 0

        def step() -> None:
            nonlocal taken
            taken += 1

        connection.set_progress_handler(step, 1)
        rows = connection.execute(for_sqlite(workers._SPENDING), {"account": AGENCY, "since": 0}).fetchall()
        connection.set_progress_handler(None, 0)
    assert sum(row[-4] for row in rows) == PROPOSALS
    return taken
