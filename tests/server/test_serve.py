"""A server from its start to its end: ready, stopped under load, killed and started again, with nothing lost."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from earnest import Marketplace
from earnest.cli import app, serve_command
from earnest.ledger.ledger import Ledger
from tests.server.running import PATIENCE, Running, Serve, until
from tools.postgres import is_running

CLIENTS = 16


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    """The exit code and the one line of complaint of a server that doesn't start."""
    # In this process, as importing everything takes most of the time.
    own = {name: None for name in os.environ if name.startswith("EARNEST_")}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(serve_command, "run", lambda *_: pytest.fail("the server starts"))
        ended = CliRunner().invoke(app, ["serve", "--port", "0", *arguments], env=own | environment)
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.output
    return ended.exit_code, ended.stderr.strip()


def rows(database: str, table: str) -> int:
    with Marketplace.open(database) as market:
        ledger: Ledger = market._inner.ledger
        [(count,)] = market.wait(ledger.fetch(f"select count(*) from {table}"))  # noqa: S608
    return int(count)


class Load:
    """Many who make clients, each on a connection of its own, until the server is gone."""

    def __init__(self, server: Running) -> None:
        self.accepted = 0
        self.others: list[str] = []
        self._counting = threading.Lock()
        self._server = server
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        until(lambda: self.accepted > 2 * CLIENTS, "the load begins")
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self) -> None:
        with httpx.Client(base_url=self._server.url, headers=self._server.client.headers, timeout=PATIENCE) as client:
            while True:
                try:
                    answer = client.post("/v1/clients", json={"name": "Dan"})
                except httpx.TransportError:
                    return
                with self._counting:
                    if answer.status_code == 201:
                        self.accepted += 1
                    else:
                        self.others.append(answer.text)


def test_a_server_starts_is_ready_and_stops(serve: Serve, database: str) -> None:
    server = serve(database)
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/readyz").json() == {"status": "ok"}
    assert server.get("/v1/jobs").status_code == 200
    assert server.stop() == 0
    assert [line["event"].partition(":")[0] for line in server.lines() if line["logger"] == "earnest.server"] == [
        "started",
        "stopped",
    ]


def test_an_empty_database_gets_its_tables(serve: Serve, tmp_path: Path) -> None:
    server = serve(f"sqlite:///{tmp_path}/new.db")
    assert server.get("/readyz").status_code == 200
    assert server.stop(signal.SIGINT) == 0


def test_stopped_under_load_it_has_done_exactly_what_it_acknowledged(serve: Serve, database: str) -> None:
    server = serve(database, EARNEST_ACCESS_LOG="false")
    with Load(server) as load:
        assert server.stop() == 0
    assert load.others == []
    assert rows(database, "client") == load.accepted


def test_killed_under_load_it_has_lost_nothing_that_it_acknowledged(serve: Serve, database: str) -> None:
    server = serve(database, EARNEST_ACCESS_LOG="false")
    with Load(server) as load:
        server.kill()
    assert load.others == []
    again = serve(database)
    assert again.get("/readyz").status_code == 200
    # Each connection may have had a request that was done and not yet answered.
    assert load.accepted <= rows(database, "client") <= load.accepted + CLIENTS


def test_whoever_waits_when_it_stops_is_answered_and_nobody_new_comes_in(
    serve: Serve, new_postgresql: Callable[[], str]
) -> None:
    database = new_postgresql()
    server = serve(database)
    with psycopg.connect(database) as other, ThreadPoolExecutor() as pool:
        other.execute("lock table client in share row exclusive mode")
        waits = pool.submit(server.post, "/v1/clients", {"name": "Dan"})
        waiting = "select 1 from pg_locks where not granted and relation = 'client'::regclass"
        until(lambda: other.execute(waiting).fetchone(), "the request waits for the lock")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not takes_connections(server), "nobody new is let in")
        assert server.process.poll() is None
        other.rollback()
        assert waits.result(PATIENCE).status_code == 201
    assert server.wait() == 0
    assert rows(database, "client") == 1


def takes_connections(server: Running) -> bool:
    try:
        socket.create_connection(server.address, PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_second_signal_ends_it_at_once(serve: Serve, new_postgresql: Callable[[], str]) -> None:
    database = new_postgresql()
    server = serve(database)
    with psycopg.connect(database) as other, ThreadPoolExecutor() as pool:
        other.execute("lock table client in share row exclusive mode")
        waits = pool.submit(server.post, "/v1/clients", {"name": "Dan"})
        waiting = "select 1 from pg_locks where not granted and relation = 'client'::regclass"
        until(lambda: other.execute(waiting).fetchone(), "the request waits for the lock")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not takes_connections(server), "nobody new is let in")
        assert server.stop() == 128 + signal.SIGTERM
        with pytest.raises(httpx.TransportError):
            waits.result(PATIENCE)


def test_a_second_server_on_a_file_is_refused_until_the_first_is_gone(serve: Serve, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/one.db"
    server = serve(database, key=False)
    (tmp_path / "other.db").symlink_to(tmp_path / "one.db")
    for name in ("one.db", "other.db"):
        code, line = refused("--database", f"sqlite:///{tmp_path}/{name}")
        assert code == 3
        assert f"another server is running on it, process {server.pid}" in line
    server.kill()
    assert serve(database, key=False).stop() == 0


def test_what_is_set_wrongly_is_told_in_one_line(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/one.db"
    told = {
        (): ({"EARNEST_WORKRES": "2"}, 2, "EARNEST_WORKRES: there is no such setting"),
        ("--workers", "2"): ({}, 2, "--workers: expected 1 on SQLite"),
        ("--sandbox", "--workers", "2"): ({}, 2, "--workers: expected 1 for a sandbox"),
        ("--now", "2016-01-05T00:00:00Z"): ({}, 2, "--now: expected only for a sandbox"),
        ("--sandbox", "--now", "2016-01-05"): ({}, 2, "--now: "),
        ("--host", "203.0.113.1"): ({}, 1, "--host 203.0.113.1"),
        ("--pack", "nowhere"): ({}, 1, "nowhere"),
    }
    for arguments, (environment, code, line) in told.items():
        ended = refused("--database", database, *arguments, **environment)
        assert ended[0] == code, ended
        assert ended[1].startswith(line), ended
    assert not (tmp_path / "one.db").exists()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, line = refused("--database", f"sqlite:///{tmp_path}/one.db", "--port", port)
    assert (code, f"--port {port}: can't be listened on: Address already in use" in line) == (1, True)


def test_a_database_that_cannot_be_used_is_told(tmp_path: Path, new_sqlite: Callable[[], str]) -> None:
    assert refused("--database", "postgresql://earnest@127.0.0.1:1/nothing")[0] == 3
    assert refused("--database", f"sqlite:///{tmp_path}/nowhere/one.db")[0] == 3
    database = new_sqlite()
    with Marketplace.open(database):
        pass
    mine = tmp_path / "mine.toml"
    article = Path(__file__).parents[2] / "src" / "earnest" / "packs" / "article.toml"
    mine.write_text(article.read_text().replace("carry_limit = 140", "carry_limit = 100"))
    code, line = refused("--database", database, "--pack", str(mine))
    assert (code, "--pack names the pack in force" in line) == (3, True)
    code, line = refused("--database", database, "--sandbox")
    assert (code, "a real marketplace's" in line) == (3, True)


def test_a_sandbox_is_served_as_one_alone(serve: Serve, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/sandbox.db"
    server = serve(database, "--sandbox", "--now", "2016-01-05T00:00:00Z")
    account = server.made("/v1/accounts", kind="individual", plan="basic", name="Ana")
    assert account["cycle"]["start"] == "2016-01-01T00:00:00Z"
    assert server.stop() == 0
    code, line = refused("--database", database)
    assert (code, "serve --sandbox" in line) == (3, True)
    # Where the clock stands, it stays; --now is for a new one.
    again = serve(database, "--sandbox", "--now", "2020-01-05T00:00:00Z")
    assert again.get(f"/v1/accounts/{account['id']}").json()["cycle"] == account["cycle"]


def test_a_sandbox_is_swept_when_its_clock_was_moved(serve: Serve, tmp_path: Path) -> None:
    server = serve(f"sqlite:///{tmp_path}/sandbox.db", "--sandbox", "--now", "2016-01-05T00:00:00Z")
    account = server.made("/v1/accounts", kind="individual", plan="basic", name="Ana")
    moved = server.client.put("/v1/sandbox/clock", json={"now": "2016-02-05T00:00:00Z"})
    assert moved.status_code == 200
    path = f"/v1/accounts/{account['id']}/entries"
    until(lambda: all(entry["recorded_at"] for entry in server.get(path).json()["items"]), "everything is written up")


def workers_of(server: Running) -> set[int]:
    """The processes that answer: the supervisor's children but for multiprocessing's own."""
    found = set()
    for child in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
            found.add(int(child))
    return found


def test_of_two_workers_a_killed_one_is_started_again(serve: Serve, new_postgresql: Callable[[], str]) -> None:
    server = serve(new_postgresql(), "--workers", "2")
    first = workers_of(server)
    assert len(first) == 2
    killed = min(first)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(workers_of(server) - {killed}) == 2, "a new one is started")
    for _ in range(20):
        assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE).status_code == 200
        assert server.post("/v1/clients", {"name": "Dan"}).status_code in (201,)
    # One worker answers for all.
    counted = httpx.get(f"{server.url}/metrics", timeout=PATIENCE).text
    assert 'earnest_requests_total{method="POST",route="/v1/clients",status="201"} 20.0' in counted
    assert server.stop() == 0
    assert not any(map(is_running, first))


def test_two_workers_stopped_under_load_have_done_exactly_what_they_acknowledged(
    serve: Serve, new_postgresql: Callable[[], str]
) -> None:
    database = new_postgresql()
    server = serve(database, "--workers", "2", EARNEST_ACCESS_LOG="false")
    with Load(server) as load:
        assert server.stop() == 0
    assert load.others == []
    assert rows(database, "client") == load.accepted


def test_workers_end_with_who_started_them(serve: Serve, new_postgresql: Callable[[], str]) -> None:
    server = serve(new_postgresql(), "--workers", "2", key=False)
    workers = workers_of(server)
    server.kill()
    until(lambda: not any(map(is_running, workers)), "the workers end")
