"""The commands for API keys: what they print, what they refuse, and that a server knows what they made."""

import asyncio
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from earnest import AsyncMarketplace, Marketplace
from earnest.cli import app
from earnest.marketplace.keys import Bearer
from earnest.marketplace.shown import AccountShown

TOKEN = re.compile(r"ern_[0-9a-f]{32}_[A-Za-z0-9_-]{43}\n")
TILL = ("create", "--name", "till", "--scope", "operate")


def run(database: str, *arguments: str) -> Result:
    own = {name: None for name in os.environ if name.startswith("EARNEST_")}
    return CliRunner().invoke(app, ["keys", *arguments, "--database", database], env=own)


def bearer(database: str, token: str) -> Bearer | None:
    with Marketplace.open(database) as market:
        return market.bearer(token.strip())


def test_a_key_is_printed_and_nothing_else(database: str) -> None:
    made = run(database, *TILL)
    assert (made.exit_code, made.stderr) == (0, "")
    assert TOKEN.fullmatch(made.stdout)
    known = bearer(database, made.stdout)
    assert known is not None
    assert (known.scope, known.bound_to, known.rate_limit) == ("operate", None, None)


def test_a_key_has_what_was_asked_for(database: str) -> None:
    with Marketplace.open(database) as market:
        ana = market.open_account(kind="individual", plan="basic", name="Ana", external_id="ana")
        assert isinstance(ana, AccountShown)
    more = ("--account", "ext:ana", "--rate-limit", "600/minute", "--expires", "2999-01-01T00:00:00Z")
    made = run(database, "create", "--name", "ana's", "--scope", "propose", *more)
    known = bearer(database, made.stdout)
    assert known is not None
    assert (known.scope, f"acc_{known.bound_to}", known.rate_limit) == ("propose", ana.id, "600/minute")
    [listed] = json.loads(run(database, "list", "--json").stdout)["keys"]
    assert listed["expires_at"] == "2999-01-01T00:00:00Z"
    assert "secret" not in listed


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--name", "a", "--scope", "all"), 2, "read, propose, manage, operate"),
        (("--name", "a", "--scope", "read", "--expires", "2999-01-01"), 2, "a time with its zone"),
        (("--name", "a", "--scope", "read", "--expires", "2001-01-01T00:00:00Z"), 1, "expected a time after now"),
        (("--name", "a", "--scope", "read", "--rate-limit", "many"), 1, "rate_limit: expected"),
        (("--name", "", "--scope", "read"), 1, "name: expected"),
        (("--name", "a", "--scope", "read", "--account", "ext:nobody"), 1, "no such account"),
    ],
)
def test_what_no_key_can_be_is_refused(database: str, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    refused = run(database, "create", *arguments)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert complaint in re.sub(r"[\s│]+", " ", refused.stderr)
    assert json.loads(run(database, "list", "--json").stdout) == {"keys": []}


def test_keys_are_listed_and_revoked(database: str) -> None:
    token = run(database, *TILL).stdout
    key_id = f"key_{token.split('_')[1]}"
    assert f"{key_id}  operate" in run(database, "list").stdout
    assert run(database, "revoke", key_id).stdout == f"{key_id} is revoked\n"
    assert bearer(database, token) is None
    assert re.search(rf"{datetime.now(UTC):%Y-%m-}\d\d  revoked +till\n", run(database, "list").stdout)
    assert run(database, "revoke", key_id).exit_code == 0
    unknown = run(database, "revoke", "key_1")
    assert (unknown.exit_code, "no such key" in unknown.stderr) == (1, True)


def test_all_keys_are_listed_however_many(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earnest.cli.key_commands.KEYS_AT_ONCE", 2)
    with Marketplace.open(database) as market:
        for number in range(5):
            market.create_key(name=f"{number}", scope="read")
    names = [key["name"] for key in json.loads(run(database, "list", "--json").stdout)["keys"]]
    # Those of one millisecond stand in any order among themselves.
    assert sorted(names) == ["0", "1", "2", "3", "4"]


def test_a_first_key_makes_the_tables_and_says_so(tmp_path: Path, new_postgres_database: Callable[..., str]) -> None:
    for database in (f"sqlite:///{tmp_path}/new.db", new_postgres_database()):
        made = run(database, *TILL)
        assert made.exit_code == 0
        assert TOKEN.fullmatch(made.stdout)
        assert "was empty and has its tables now" in made.stderr
        assert run(database, *TILL).stderr == ""


def test_only_a_new_key_makes_a_database(tmp_path: Path) -> None:
    for arguments in (("list",), ("revoke", "key_1")):
        assert run(f"sqlite:///{tmp_path}/no.db", *arguments).exit_code == 3
    assert not (tmp_path / "no.db").exists()
    assert run(f"sqlite:///{tmp_path}/no/no.db", *TILL).exit_code == 3
    assert run("mysql://here", *TILL).exit_code == 1


def test_a_database_with_a_key_can_still_become_a_sandbox(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/new.db"
    token = run(database, *TILL).stdout
    at = datetime(2016, 1, 5, tzinfo=UTC)

    async def become() -> None:
        async with await AsyncMarketplace.open(database, sandbox_at=at) as market:
            assert market.ledger.now == at
            assert await market.bearer(token.strip()) is not None

    asyncio.run(become())
