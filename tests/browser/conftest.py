"""A browser, sites and visits, for every test in here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.sites import filled_demo, site_on_copy
from tests.browser.visiting import PATIENCE_MS, Visits
from tests.left_out import without
from tests.server.running import Running
from tools import browser as tool

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing beyond this machine can be reached; that something was asked for is noted besides.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


# No longer than tests in here run: while a browser is there, its loop runs in this thread, and asyncio.run won't.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; leaves the test out where it, or axe, can't be had."""
    try:
        chromium, _ = tool.find()
    except tool.BrowserMissingError as why:
        without("a browser", why)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Without its sandbox, which root can't have; it visits nothing but our own pages.
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS, chromium_sandbox=False)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory, worker_name: str) -> Path:
    """The file of the run's filled demo, for copying."""
    folder = tmp_path_factory.getbasetemp()
    return filled_demo(folder if worker_name == "main" else folder.parent)


@pytest.fixture(scope="package")
def site(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on the demo, for tests that change nothing in it."""
    with site_on_copy(demo_file, tmp_path_factory.mktemp("site")) as server:
        yield server


@pytest.fixture
def own_site(demo_file: Path, tmp_path: Path) -> Iterator[Running]:
    """A server on a demo of the test's own, which it may change; `visit` goes there."""
    with site_on_copy(demo_file, tmp_path) as server:
        yield server


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Makes visits to the test's own site if it asks for one, else to the one that tests share."""
    own = "own_site" in request.fixturenames
    server: Running = request.getfixturevalue("own_site" if own else "site")
    visits = Visits(browser, server.url, shared=not own)
    yield visits
    visits.close()
