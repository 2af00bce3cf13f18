"""Servers for tests: `earnest serve` as a process of its own on a loopback port of its own, stopped by its pid.

    def test_it_is_ready(serve: Serve, database: str) -> None:
        server = serve(database)
        assert server.get("/readyz").status_code == 200

A server is killed when its test ends, whatever became of it. `environment` are settings by their variables' names,
`arguments` those of the command line.
"""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from earnest import AsyncMarketplace
from earnest.ledger.ledger import Ledger
from earnest.marketplace.keys import Scope
from earnest.marketplace.shown import KeyShown

LISTENS = "Earnest listens on "
PATIENCE = 30.0
"""Seconds within which whatever is waited for has to come."""

Serve = Callable[..., "Running"]


def plain_environment(**settings: str) -> dict[str, str]:
    """The environment of this process with no settings of Earnest but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EARNEST_")}
    return kept | {"PYTHONUNBUFFERED": "1"} | settings


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "earnest", *arguments]


def until(is_so: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until something is so, and return it; fails when that takes too long."""
    end = time.monotonic() + seconds
    while not (found := is_so()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.02)
    return found


def create_key(database: str, scope: Scope = "operate", *, account_id: str | None = None) -> str:
    """Make an API key beside whatever runs on a database that has its tables, and return its token."""

    async def make() -> str:
        async with AsyncMarketplace(await Ledger.open(database, founds=False)) as market:
            made = await market.create_key(name="a test's", scope=scope, account_id=account_id)
        assert isinstance(made, KeyShown)
        assert made.secret
        return made.secret

    # A thread of its own, as a test may have a loop running.
    made: list[str] = []
    thread = threading.Thread(target=lambda: made.append(asyncio.run(make())))
    thread.start()
    thread.join()
    return made[0]


class Running:
    """A server that runs: `url` is where, `key` an API key that may everything, `client` asks with it."""

    def __init__(self, process: subprocess.Popen[str], database: str, log: Path) -> None:
        self.process = process
        self.database = database
        self._log = log
        self.url = self._listens()
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.address = (host, int(port))
        self.key = ""
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)

    def _listens(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith(LISTENS):
            self.process.kill()
            self.process.wait()
            pytest.fail(f"the server didn't start; it said {line!r} and\n{self._log.read_text()}")
        return line.removeprefix(LISTENS).strip()

    def authorize(self, scope: Scope = "operate") -> Self:
        """Have the client ask with a new key."""
        self.key = create_key(self.database, scope)
        self.client.headers["Authorization"] = f"Bearer {self.key}"
        return self

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.client.post(path, json=body, **more)

    def made(self, path: str, **body: Any) -> dict[str, Any]:
        """Make something, and return it; fails where it isn't made."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the server didn't end; its log ends with\n{self.log()[-3000:]}")

    def log(self) -> str:
        """Everything it has logged so far."""
        return self._log.read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log, each of which has to be a JSON object."""
        return [json.loads(line) for line in self.log().splitlines()]

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running(folder: Path) -> Iterator[Serve]:
    """Give a function that starts servers, each on `database`; all are killed in the end. `folder` keeps their logs."""
    started: list[Running] = []

    def start(database: str, *arguments: str, key: bool = True, **environment: str) -> Running:
        log = folder / f"server-{len(started)}-{time.monotonic_ns()}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - ourselves
                command("serve", "--database", database, "--port", "0", *arguments),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=folder,
                # What a killed server leaves goes with the test's folder.
                env=plain_environment(TMPDIR=str(folder), **environment),
            )
        try:
            server = Running(process, database, log)
        except BaseException:
            process.kill()
            process.wait()
            raise
        started.append(server)
        return server.authorize() if key else server

    try:
        yield start
    finally:
        for server in started:
            server.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers for one test: `serve(database, "--sandbox", EARNEST_ACCESS_LOG="false")`."""
    with running(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def serve_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts servers that all tests of a module share."""
    with running(tmp_path_factory.mktemp("servers")) as start:
        yield start
