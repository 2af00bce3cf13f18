"""Marketplaces with somebody in them, and a PostgreSQL that may be stopped, killed and filled up."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from earnest import Marketplace
from earnest.ledger.migrate import migrate
from earnest.marketplace.shown import AccountShown, ClientShown, JobShown
from tools.postgres import Server

# A server that is killed loses nothing that the kernel has, so nothing has to be on the disk.
SETTINGS = {"fsync": "off", "max_connections": "60", "shared_buffers": "64MB"}
GENEROUS_SECONDS = 60
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def own_server(postgres_programs: None) -> Iterator[Server]:
    """A PostgreSQL of this process's own, with a database `empty` that has the tables."""
    with Server(SETTINGS) as server:
        migrate(server.create_database("empty"))
        yield server


@pytest.fixture
def own_database(own_server: Server) -> Iterator[str]:
    """The address of a fresh database on the server that tests may stop."""
    name = f"fault_{next(NUMBERS)}"
    yield own_server.create_database(name, "empty")
    own_server.start()
    own_server.drop_database(name)


class Town:
    """A job, and accounts that may propose to it."""

    def __init__(self, market: Marketplace, accounts: int) -> None:
        client = market.create_client(name="Dan")
        assert isinstance(client, ClientShown)
        self.client = client.id
        self.job = self.post(market)
        opened = [market.open_account(kind="individual", plan="plus") for _ in range(accounts)]
        self.accounts = [account.id for account in opened if isinstance(account, AccountShown)]

    def post(self, market: Marketplace) -> str:
        job = market.post_job(self.client, title="A logo", type="fixed", budget=30_000)
        assert isinstance(job, JobShown)
        return job.id


def meanwhile(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Call a function in a thread of its own."""
    answer: Future[Any] = Future()

    def call() -> None:
        try:
            answer.set_result(function(*args))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return answer


def wait_until(true: Callable[[], object]) -> None:
    end = time.monotonic() + GENEROUS_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
