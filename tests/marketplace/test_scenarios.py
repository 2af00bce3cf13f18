"""The scenario tables through the use cases, on both stores: each on an empty database, with the table's own pack.

They stand apart from tests/test_scenarios.py, which the mutants of the rules are run against.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from earnest import Marketplace
from earnest.ledger.rows import TABLES, RevisionRow
from earnest.rules.pack import Pack, convert_pack
from tests.scenario.ledger_world import LedgerWorld
from tests.scenario.runner import Scenario, read_folder, run
from tests.stores import StandingClock
from tools.postgres import create_database

SCENARIOS = read_folder(Path(__file__).parents[1] / "scenarios")

# What refers to others goes first.
EMPTY = [f"delete from {table.name}" for row, table in reversed(TABLES.items()) if row is not RevisionRow]  # noqa: S608


class Shelf:
    """A marketplace on PostgreSQL that is used again and again, emptied each time, and opened anew for another pack.

    A database for each table, and connections to it, would take three times as long as what happens in it.
    """

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self._url = url
        self._connection = connection
        self._pack: Pack | None = None
        self._market: Marketplace | None = None
        self.clock = StandingClock()

    def market(self, scenario: Scenario) -> Marketplace:
        """The marketplace, empty, with a scenario's pack in force and its clock at the scenario's beginning."""
        self.clock.now = scenario.steps[0].at
        self._connection.execute("; ".join(EMPTY))
        pack = convert_pack(scenario.pack)
        if self._market is None or pack != self._pack:
            self.close_market()
            self._connection.execute("delete from revision")
            self._market, self._pack = Marketplace.open(self._url, pack=pack, clock=self.clock), pack
        return self._market

    def close_market(self) -> None:
        if self._market is not None:
            self._market.close()


@pytest.fixture(scope="session")
def shelf(postgres_url: str, empty_database: str) -> Iterator[Shelf]:
    url = create_database(postgres_url, f"{empty_database}_shelf", empty_database)
    with psycopg.connect(url, autocommit=True) as connection:
        made = Shelf(url, connection)
        yield made
        made.close_market()


def play(
    scenario: Scenario, market: Marketplace, clock: StandingClock, page: int = 100, *, touched_daily: bool = False
) -> None:
    """Let a scenario happen, its lists read in pages of so many items, and have what is kept of it audited."""
    world = LedgerWorld(market, clock, page)
    run(scenario, world, touched_daily=touched_daily)
    audit = market.audit()
    assert audit.accounts == world.accounts
    assert (audit.differences, audit.pending) == ([], 0)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario_on_postgresql(scenario: Scenario, shelf: Shelf) -> None:
    play(scenario, shelf.market(scenario), shelf.clock)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario_on_sqlite(scenario: Scenario, new_sqlite: Callable[[], str]) -> None:
    clock = StandingClock(scenario.steps[0].at)
    with Marketplace.open(new_sqlite(), pack=convert_pack(scenario.pack), clock=clock) as market:
        # In the shortest pages, too, so that each list is gone on with from a cursor, also into what is only due.
        play(scenario, market, clock, page=1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario_goes_the_same_when_accounts_are_written_up_daily(
    scenario: Scenario, new_sqlite: Callable[[], str]
) -> None:
    clock = StandingClock(scenario.steps[0].at)
    with Marketplace.open(new_sqlite(), pack=convert_pack(scenario.pack), clock=clock) as market:
        play(scenario, market, clock, touched_daily=True)
