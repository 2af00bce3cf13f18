"""Tests left out because something can't be had on this machine: the end of a run says which, and CI=true fails it.

A test is left out by `without("PostgreSQL", why)`, with one of the names in `WANTED`.
"""

import os
import shutil
from typing import Any, NoReturn

import pytest

WANTED = ("PostgreSQL", "a browser", "curl")


def without(what: str, why: object) -> NoReturn:
    """Leaves the test out for want of something."""
    assert what in WANTED
    pytest.skip(f"needs {what}: {why}")


@pytest.fixture(scope="session")
def curl() -> None:
    """For a test that runs what the docs have whoever reads them type."""
    if not shutil.which("curl"):
        without("curl", "none on PATH; as root on Debian, `make test` installs it")


def left_out(config: pytest.Config, what: str) -> list[tuple[str, str]]:
    """File and reason of each test left out for want of something, in the process that leads the run; [] in workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    needs = f"needs {what}: "
    return [
        (report.nodeid.partition("::")[0], report.longrepr[2].partition(needs)[2])
        for report in (reporter.stats.get("skipped", []) if reporter else [])
        if isinstance(report.longrepr, tuple) and needs in report.longrepr[2]
    ]


def is_ci() -> bool:
    return os.environ.get("CI") == "true"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    some = any(left_out(session.config, what) for what in WANTED)
    if is_ci() and some and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    wanting = [(what, tests) for what in WANTED if (tests := left_out(config, what))]
    if not wanting:
        return
    colour = {"red" if is_ci() else "yellow": True}
    terminalreporter.section("left out", **colour)
    for what, tests in wanting:
        count = "1 test was" if len(tests) == 1 else f"{len(tests)} tests were"
        terminalreporter.line(f"{count} left out for want of {what}: {tests[0][1]}")
        for file in sorted({file for file, _ in tests}):
            terminalreporter.line(f"  {file}")
    if is_ci():
        terminalreporter.line("CI=true: nothing may be left out, so this run has failed.", **colour)
