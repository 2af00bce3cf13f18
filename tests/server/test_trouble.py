"""What a server does when what it stands on changes: its database goes away, its rule pack is no longer the one."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psycopg
import pytest

from earnest.ledger.ledger import Ledger
from earnest.rules.pack import convert_pack
from tests.packs import raw_with
from tests.server.running import PATIENCE, Serve, until
from tools import postgres


@pytest.mark.usefixtures("postgres_programs")
def test_a_database_that_goes_away_is_waited_for(serve: Serve) -> None:
    with postgres.Server() as own:
        server = serve(own.create_database("one"))
        made = server.made("/v1/clients", name="Dan")
        own.stop()
        until(lambda: server.get("/readyz").status_code == 503, "it isn't ready")
        problem = server.get("/readyz").json()
        assert (problem["code"], problem["part"]) == ("not_ready", "ledger")
        assert server.get("/healthz").status_code == 200
        with ThreadPoolExecutor() as pool:
            asked = [
                pool.submit(server.get, f"/v1/clients/{made['id']}"),
                pool.submit(server.post, "/v1/clients", {"name": "Eva"}),
            ]
            for answer in asked:
                assert answer.result(PATIENCE).status_code == 503
                assert answer.result().json()["code"] == "unavailable"
                assert int(answer.result().headers["Retry-After"]) >= 1
        own.start()
        until(lambda: server.get("/readyz").status_code == 200, "it is ready again")
        assert server.get(f"/v1/clients/{made['id']}").json() == made
        server.made("/v1/clients", name="Eva")
        assert "not ready" in server.log()
        assert server.stop() == 0


def test_without_a_database_it_stops_all_the_same(serve: Serve, new_postgres_database: Callable[[], str]) -> None:
    database = new_postgres_database()
    server = serve(database)
    postgres.drop_database(database)
    until(lambda: server.get("/readyz").status_code == 503, "it isn't ready")
    assert server.stop() == 0


def test_a_database_whose_tables_change_is_not_served(serve: Serve, new_postgresql: Callable[[], str]) -> None:
    database = new_postgresql()
    server = serve(database)
    with psycopg.connect(database) as other:
        other.execute("update alembic_version set version_num = '9999'")
    problem = until(lambda: (got := server.get("/readyz")).status_code == 503 and got.json(), "it isn't ready")
    assert problem["part"] == "tables"


def test_a_database_that_does_not_answer_is_not_ready(serve: Serve, new_postgresql: Callable[[], str]) -> None:
    database = new_postgresql()
    server = serve(database)
    with psycopg.connect(database) as other:
        other.execute("lock table revision in access exclusive mode")
        problem = until(lambda: (got := server.get("/readyz")).status_code == 503 and got.json(), "it isn't ready")
        assert problem["part"] == "ledger"
        assert server.get("/healthz").status_code == 200
    until(lambda: server.get("/readyz").status_code == 200, "it is ready again")


def test_a_revision_it_does_not_know_stops_it_from_answering_once_in_force(serve: Serve, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/sandbox.db"
    server = serve(database, "--sandbox", "--now", "2024-01-20T00:00:00Z")
    newer = convert_pack(raw_with({}, {date(2024, 2, 1): {"plans.plus.carry_limit": 100}}))

    async def announce() -> None:
        await (await Ledger.open(database, newer)).close()

    thread = threading.Thread(target=asyncio.run, args=(announce(),))
    thread.start()
    thread.join()
    account = server.made("/v1/accounts", kind="individual", plan="basic", name="Ana")
    assert server.get("/readyz").status_code == 200
    assert server.client.put("/v1/sandbox/clock", json={"now": "2024-02-02T00:00:00Z"}).status_code == 200
    problem = until(lambda: (got := server.get("/readyz")).status_code == 503 and got.json(), "it isn't ready")
    assert problem["part"] == "pack"
    refused = server.client.put(f"/v1/accounts/{account['id']}/plan", json={"plan": "plus"})
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert server.stop() == 0
