"""Databases for tests: a fresh one on each store, and a clock that stands until it is moved."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earnest import Marketplace
from earnest.ledger.migrate import migrate
from tools.postgres import create_database

STORES = ("sqlite", "postgresql")
START = datetime(2024, 1, 3, 9, tzinfo=UTC)


class StandingClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: int) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_database(postgres_url: str) -> str:
    """The name of a PostgreSQL database with the tables and nothing in them, to be a template."""
    name = f"{postgres_url.rpartition('/')[2]}_empty"
    migrate(create_database(postgres_url, name))
    return name


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database with the tables, on each store in turn."""
    make: Callable[[], str] = request.getfixturevalue(f"new_{request.param}")
    return make()


@pytest.fixture
def new_sqlite(tmp_path: Path, empty_file: Path) -> Callable[[], str]:
    """Makes fresh SQLite files."""

    def make() -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        shutil.copy(empty_file, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def new_postgresql(new_postgres_database: Callable[..., str], empty_database: str) -> Callable[[], str]:
    """Makes fresh PostgreSQL databases."""
    return lambda: new_postgres_database(empty_database)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def market(database: str, clock: StandingClock) -> Iterator[Marketplace]:
    """A marketplace on a fresh database of each store, with a clock that stands."""
    with Marketplace.open(database, clock=clock) as opened:
        yield opened
