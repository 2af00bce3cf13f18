"""One PostgreSQL for a whole run of pytest, however many processes it has, and databases on it.

It is started when a test first asks, or at once where there are workers to tell. Where PostgreSQL can't be had, the
tests that need it are left out, the end of the run says which, and with CI=true that fails the run.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools import postgres

SETTINGS = {"max_connections": "200", "shared_buffers": "128MB"}
NEEDS = "needs PostgreSQL: "
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


def left_out(config: pytest.Config) -> list[tuple[str, str]]:
    """File and reason of each test skipped for want of PostgreSQL, in the process that leads the run; [] in workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return [
        (report.nodeid.partition("::")[0], report.longrepr[2].partition(NEEDS)[2])
        for report in (reporter.stats.get("skipped", []) if reporter else [])
        if isinstance(report.longrepr, tuple) and NEEDS in report.longrepr[2]
    ]


def is_ci() -> bool:
    return os.environ.get("CI") == "true"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if is_ci() and left_out(session.config) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    tests = left_out(config)
    if not tests:
        return
    colour = {"red" if is_ci() else "yellow": True}
    terminalreporter.section("left out", **colour)
    count = "1 test was" if len(tests) == 1 else f"{len(tests)} tests were"
    terminalreporter.line(f"{count} left out for want of PostgreSQL: {tests[0][1]}")
    for file in sorted({file for file, _ in tests}):
        terminalreporter.line(f"  {file}")
    if is_ci():
        terminalreporter.line("CI=true: nothing may be left out, so this run has failed.", **colour)


@pytest.fixture(scope="session")
def postgres_programs() -> None:
    """For a test that starts servers of its own: leaves it out where that is impossible."""
    try:
        postgres.find()
    except postgres.PostgresMissingError as why:
        pytest.skip(f"{NEEDS}{why}")


@pytest.fixture(scope="session")
def postgres_server_url(pytestconfig: pytest.Config) -> str:
    """The run's server, by its database "postgres", from which the others are made; nothing is put into that."""
    told = getattr(pytestconfig, "workerinput", {})
    if "postgres_missing" in told:
        pytest.skip(f"{NEEDS}{told['postgres_missing']}")
    try:
        return told.get("postgres_url") or server_url(pytestconfig)
    except postgres.PostgresMissingError as why:
        pytest.skip(f"{NEEDS}{why}")


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
