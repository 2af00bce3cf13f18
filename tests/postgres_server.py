"""One PostgreSQL for a whole run of pytest, however many processes it has, and databases on it.

It is started when a test first asks, or at once where there are workers to tell. Where PostgreSQL can't be had, the
tests that need it are left out (`left_out.py`).
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.left_out import without
from tools import postgres

SETTINGS = {"max_connections": "200", "shared_buffers": "128MB"}
SERVER = pytest.StashKey[postgres.Server]()

NewDatabase = Callable[..., str]


def server_url(config: pytest.Config) -> str:
    """The URL of the run's server, which the process that leads the run starts when it is first asked."""
    if SERVER not in config.stash:
        server = postgres.Server(SETTINGS)
        server.start()
        config.stash[SERVER] = server
    return config.stash[SERVER].url()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells one of pytest-xdist's workers where the server is, or why there is none."""
    try:
        node.workerinput["postgres_url"] = server_url(node.config)
    except postgres.PostgresMissingError as why:
        node.workerinput["postgres_missing"] = str(why)


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVER in config.stash:
        config.stash[SERVER].close()


@pytest.fixture(scope="session")
def postgres_programs() -> None:
    """For a test that starts servers of its own: leaves it out where that is impossible."""
    try:
        postgres.find()
    except postgres.PostgresMissingError as why:
        without("PostgreSQL", why)


@pytest.fixture(scope="session")
def postgres_server_url(pytestconfig: pytest.Config) -> str:
    """The run's server, by its database "postgres", from which the others are made; nothing is put into that."""
    told = getattr(pytestconfig, "workerinput", {})
    if "postgres_missing" in told:
        without("PostgreSQL", told["postgres_missing"])
    try:
        return told.get("postgres_url") or server_url(pytestconfig)
    except postgres.PostgresMissingError as why:
        without("PostgreSQL", why)


@pytest.fixture(scope="session")
def worker_name(pytestconfig: pytest.Config) -> str:
    """What tells the processes of a run apart: gw0 and so on, or main."""
    return str(getattr(pytestconfig, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def postgres_url(postgres_server_url: str, worker_name: str) -> str:
    """A database of this process's own, made empty; what a test leaves there, the next finds."""
    return postgres.create_database(postgres_server_url, worker_name)


NUMBERS = itertools.count(1)


@pytest.fixture
def new_postgres_database(postgres_server_url: str, worker_name: str) -> Iterator[NewDatabase]:
    """Makes databases and returns their URLs, empty or as copies of a `template`, until the test ends."""
    made = []

    def new(template: str | None = None) -> str:
        made.append(postgres.create_database(postgres_server_url, f"{worker_name}_{next(NUMBERS)}", template))
        return made[-1]

    yield new
    for url in made:
        postgres.drop_database(url)
