"""A sandbox over HTTP: its clock, what falls due as it moves, and that nothing of it is anywhere else."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from earnest import AsyncMarketplace
from earnest.api import sandbox as paths
from earnest.api.app import make
from earnest.ledger.errors import SandboxError
from earnest.main import open_market
from earnest.settings import Settings
from tests.api.asking import Api, problem, serving
from tests.stores import StandingClock

NOW = datetime(2016, 1, 5, tzinfo=UTC)


@contextmanager
def sandbox(database: str, now: datetime, **settings: Any) -> Iterator[Api]:
    """The API of a sandbox over a database; its clock stands at `now` if it is a new one."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncMarketplace]:
        async with await AsyncMarketplace.open(database, sandbox_at=now) as market:
            yield market

    app = make(Settings(database=database, sandbox=True, **settings), opened)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Api(app, client)


@pytest.fixture
def played(database: str) -> Iterator[Api]:
    with sandbox(database, NOW) as api:
        yield api


def move(api: Api, to: str) -> str:
    return str(api.made("PUT", "/v1/sandbox/clock", {"now": to})["now"])


def test_nothing_of_a_sandbox_is_there_without_one(api: Api) -> None:
    assert len(paths.HANDLERS) >= 3
    document = api.ask("GET", "/schema/openapi.json", secret=None).json()
    for handler in paths.HANDLERS:
        [path] = handler.paths
        [verb] = handler.http_methods
        assert path.startswith("/v1/sandbox/")
        filled = re.sub(r"\{\w+:str\}", f"pur_{'0' * 32}_1", path)
        for body in (None, {"now": "2030-01-01T00:00:00Z"}, {"outcome": "paid"}):
            problem(api.ask(str(verb), filled, body), 404, "not_found")
        problem(api.ask(str(verb), filled, secret=None), 404, "not_found")
    assert "sandbox" not in json.dumps([*document["paths"], *document["components"]["schemas"], document["tags"]])


def test_the_clock_stands_until_it_is_moved(played: Api) -> None:
    assert played.get("/v1/sandbox/clock") == {"now": "2016-01-05T00:00:00Z"}
    ana = played.account()
    opened = played.get(f"/v1/accounts/{ana}/entries")["items"][0]
    assert (opened["effective_at"], opened["recorded_at"]) == ("2016-01-05T00:00:00Z", "2016-01-05T00:00:00Z")
    assert move(played, "2016-01-05T13:00:00+01:00") == "2016-01-05T12:00:00Z"
    assert played.get("/v1/sandbox/clock") == {"now": "2016-01-05T12:00:00Z"}
    # To where it stands is no way back, and moves nothing.
    assert move(played, "2016-01-05T12:00:00Z") == "2016-01-05T12:00:00Z"


def test_the_clock_moves_only_forward(played: Api) -> None:
    move(played, "2016-03-01T00:00:00Z")
    told = problem(played.ask("PUT", "/v1/sandbox/clock", {"now": "2016-02-29T23:59:59Z"}), 409, "clock_behind")
    assert told["now"] == "2016-03-01T00:00:00Z"
    assert played.get("/v1/sandbox/clock") == {"now": "2016-03-01T00:00:00Z"}


def test_what_is_no_time_moves_nothing(played: Api) -> None:
    for wrong in ({}, {"now": None}, {"now": "tomorrow"}, {"now": "2017-01-01T00:00:00"}, {"now": 1}, [], None):
        problem(played.ask("PUT", "/v1/sandbox/clock", wrong), 400, "malformed")
    for far in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        assert played.ask("PUT", "/v1/sandbox/clock", {"now": far}).status_code in (400, 409)
    assert played.get("/v1/sandbox/clock") == {"now": "2016-01-05T00:00:00Z"}


def test_only_an_operator_moves_the_clock(played: Api) -> None:
    for scope in ("read", "propose", "manage"):
        secret = played.secret(scope)
        assert played.get("/v1/sandbox/clock", secret=secret) == {"now": "2016-01-05T00:00:00Z"}
        problem(
            played.ask("PUT", "/v1/sandbox/clock", {"now": "2017-01-01T00:00:00Z"}, secret=secret), 403, "not_permitted"
        )
    bound = played.secret("operate", played.account())
    problem(played.ask("PUT", "/v1/sandbox/clock", {"now": "2017-01-01T00:00:00Z"}, secret=bound), 403, "not_permitted")


def test_the_clock_is_kept_in_the_database(database: str) -> None:
    with sandbox(database, NOW) as api:
        move(api, "2016-04-01T00:00:00Z")
    with sandbox(database, datetime(2030, 1, 1, tzinfo=UTC)) as api:
        assert api.get("/v1/sandbox/clock") == {"now": "2016-04-01T00:00:00Z"}


def test_a_month_brings_what_the_rules_say(played: Api) -> None:
    ana, ben = played.account("plus"), played.account("basic")
    for account_id in (ana, ben):
        played.proposal(account_id)
    job = played.job()
    bought = played.made("POST", f"/v1/accounts/{ana}/purchases", {"connects": 20})
    played.made("POST", bought["checkout_url"])
    # What a read says of the time to come is what then comes.
    foretold = played.get(f"/v1/accounts/{ana}/balance?at=2016-02-01T00:00:00Z")
    move(played, "2016-02-01T00:00:00Z")
    balance = played.get(f"/v1/accounts/{ana}/balance")
    assert {**foretold, "at": None} == {**balance, "at": None}
    # 68 and the 20 bought are carried, and 70 come; on basic all 58 expire, and 60 come.
    assert balance["available"] == 158
    assert played.get(f"/v1/accounts/{ben}/balance")["available"] == 60
    lines = played.get(f"/v1/accounts/{ben}/entries")["items"]
    assert [(line["kind"], line["connects"], line["effective_at"]) for line in lines[2:]] == [
        ("expire", -58, "2016-02-01T00:00:00Z"),
        ("allot", 60, "2016-02-01T00:00:00Z"),
    ]
    assert [line["recorded_at"] for line in lines[2:]] == [None, None]
    assert played.get(f"/v1/jobs/{job}")["status"] == "open"
    move(played, "2016-02-04T00:00:00Z")
    assert played.get(f"/v1/jobs/{job}")["status"] == "lapsed"


def test_years_pass_at_once(played: Api) -> None:
    ana = played.account("plus")
    move(played, "2026-01-05T00:00:00Z")
    balance = played.get(f"/v1/accounts/{ana}/balance")
    assert (balance["available"], balance["lots"][-1]["expires_at"]) == (210, "2026-02-01T00:00:00Z")
    assert played.do("audit").differences == []


def test_the_commands_go_by_the_sandboxs_clock(database: str, tmp_path: Path) -> None:
    with sandbox(database, NOW) as api:
        ana = api.account("basic")
        move(api, "2016-02-02T00:00:00Z")
    lines = json.loads(earnest("journal", ana, "--json", "--database", database, folder=tmp_path))["entries"]
    assert [line["effective_at"][:10] for line in lines] == ["2016-01-05", "2016-02-01", "2016-02-01"]
    settled = json.loads(earnest("settle", "--json", "--database", database, folder=tmp_path))
    assert settled["accounts_settled"] == 1
    assert json.loads(earnest("audit", "--json", "--database", database, folder=tmp_path))["differences"] == []
    with sandbox(database, NOW) as api:
        written = api.get(f"/v1/accounts/{ana}/entries")["items"]
        assert {line["recorded_at"] for line in written[1:]} == {"2016-02-02T00:00:00Z"}


def earnest(*arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "earnest", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_a_real_marketplace_never_becomes_a_sandbox(database: str, clock: StandingClock) -> None:
    with serving(database, clock) as api:
        api.account()
    with pytest.raises(SandboxError, match="real"):
        asyncio.run(open_market(Settings(database=database, sandbox=True, sandbox_now=NOW)))
    with serving(database, clock) as api:
        assert api.do("audit").differences == []


def test_a_sandbox_is_never_served_as_a_real_marketplace(database: str) -> None:
    with sandbox(database, NOW):
        pass
    with pytest.raises(SandboxError, match="--sandbox"):
        asyncio.run(open_market(Settings(database=database)))


def test_the_clock_of_a_real_marketplace_is_nobodys_to_move(
    new_sqlite: Callable[[], str], clock: StandingClock
) -> None:
    with serving(new_sqlite(), clock) as api:
        for use_case, arguments in (("move_clock", [NOW]), ("sandbox_clock", [])):
            with pytest.raises(SandboxError):
                api.do(use_case, *arguments)
