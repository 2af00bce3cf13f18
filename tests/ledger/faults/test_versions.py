"""A database of another version is refused, and the refusal says what to do."""

import pytest

from earnest import Marketplace
from earnest.ledger import migrate
from earnest.ledger.errors import SchemaError
from tests.ledger.faults.acknowledged import fetch
from tests.ledger.faults.conftest import Town


def set_version(url: str, version: str) -> None:
    with Marketplace.open(url) as market:
        Town(market, 1)
        store = market._inner.ledger.store
        market.wait(store.change("update alembic_version set version_num = :version", {"version": version}))


def test_a_newer_database_is_refused_and_left_as_it_is(database: str) -> None:
    set_version(database, "9999")
    with pytest.raises(SchemaError, match=r"version 9999, which a newer Earnest made; .*up to"):
        Marketplace.open(database)
    with pytest.raises(SchemaError, match="9999"):
        migrate.migrate(database)


def test_an_older_database_is_refused_until_it_is_migrated(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Marketplace.open(database) as market:
        Town(market, 1)
    monkeypatch.setattr(migrate, "STEPS", (*migrate.STEPS, "9999"))
    with pytest.raises(SchemaError, match="`earnest migrate` brings it to 9999"):
        Marketplace.open(database)
    monkeypatch.undo()
    with Marketplace.open(database) as market:
        assert fetch(market, "select count(*) from account") == [(1,)]


def test_a_database_without_tables_gets_them(database: str, request: pytest.FixtureRequest) -> None:
    if database.startswith("sqlite"):
        empty = database.replace(".db", "-empty.db")
    else:
        empty = request.getfixturevalue("new_postgres_database")()
    with Marketplace.open(empty) as market:
        assert len(Town(market, 1).accounts) == 1
