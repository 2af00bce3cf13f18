"""API keys: `earnest keys create`, `keys list`, `keys revoke`. They work on the database, beside any server."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from earnest.cli.ledger import ending, on_ledger, without_secrets
from earnest.cli.options import DATABASE, DatabaseOption, JsonOption, PackOption, load_pack
from earnest.cli.show import complain, end, put, put_json, show, table
from earnest.rules.outcome import Refusal, Refused

if TYPE_CHECKING:
    from earnest.marketplace import AsyncMarketplace
    from earnest.marketplace.keys import Scope
    from earnest.marketplace.shown import KeyShown

KEYS_AT_ONCE = 500

keys = typer.Typer(name="keys", help="API keys: who may ask for what over HTTP.", no_args_is_help=True)


@keys.command("create")
def create(
    name: Annotated[str, typer.Option(help="Whose it is or what for, so that it is known again in the list.")],
    scope: Annotated[str, typer.Option(help="What it may do: read, propose, manage or operate.")],
    account: Annotated[
        str | None, typer.Option(metavar="ID", help="For one account alone: acc_…, or ext: and the external id.")
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option(metavar="LIMIT", help="What it may ask, as in 600/minute; instead of the server's.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends, as in 2030-01-01T00:00:00Z; without it, never.")
    ] = None,
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
) -> None:
    """Make an API key, and print it: this once, nobody can look it up later.

    A database without tables gets them first, as `serve` does it too; that is told on standard error.
    """
    made_for = _scope(scope)
    expires_at = None if expires is None else _time(expires)
    pack = load_pack(pack_name)

    async def work(market: "AsyncMarketplace") -> "KeyShown":
        made = await market.create_key(
            name=name, scope=made_for, account_id=account, rate_limit=rate_limit, expires_at=expires_at
        )
        if isinstance(made, Refused):
            if made.code is Refusal.UNKNOWN_ACCOUNT:
                end(f"--account {account}: no such account; expected acc_… or ext: and an external id of this database")
            end(f"--expires {expires}: expected a time after now")
        return made

    _begin(database)
    try:
        made = on_ledger(database, pack, work)
    except ValueError as error:
        end(str(error))
    put(f"{made.secret}\n")


def _begin(database: str) -> None:
    """Give a database its tables where it has none, and say so."""
    from earnest.ledger.migrate import migrate

    with ending(database):
        if asyncio.run(_has_tables(database)):
            return
        migrate(database)
    complain(f"{without_secrets(database)} was empty and has its tables now")


async def _has_tables(database: str) -> bool:
    from earnest.ledger.ledger import open_store, version_of

    store = await open_store(database)
    try:
        return await version_of(store) is not None
    finally:
        await store.close()


def _scope(given: str) -> "Scope":
    from earnest.marketplace.keys import SCOPES

    for scope in SCOPES:
        if scope == given:
            return scope
    raise typer.BadParameter(f"expected one of {', '.join(SCOPES)}, got {given!r}", param_hint="--scope")


def _time(given: str) -> datetime:
    """Return a time that has a zone."""
    try:
        time: datetime = msgspec.convert(given, Annotated[datetime, msgspec.Meta(tz=True)])
    except msgspec.ValidationError as error:
        expected = "expected a time with its zone, as in 2030-01-01T00:00:00Z"
        raise typer.BadParameter(f"{expected}, got {given!r}", param_hint="--expires") from error
    return time


@keys.command("list")
def list_keys(
    database: DatabaseOption = DATABASE, pack_name: PackOption = "article", as_json: JsonOption = False
) -> None:
    """List the API keys, the oldest first, revoked ones too. Their secrets are known to nobody."""
    found = on_ledger(database, load_pack(pack_name), _all)
    if as_json:
        # No key has a secret here; a field of that name would only invite to look for it.
        put_json({"keys": [_without_secret(key) for key in found]})
        return
    rows = [
        (
            key.id,
            key.scope,
            key.account_id or "",
            key.rate_limit or "",
            f"{key.created_at:%Y-%m-%d}",
            _ends(key),
            "in force" if key.revoked_at is None else "revoked",
            key.name,
        )
        for key in found
    ]
    show(table("API keys", ("id", "scope", "account", "limit", "created", "ends", "state", "name"), rows))


async def _all(market: "AsyncMarketplace") -> "list[KeyShown]":
    found: list[KeyShown] = []
    cursor: str | None = None
    while True:
        page = await market.keys(limit=KEYS_AT_ONCE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _without_secret(key: "KeyShown") -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(key)
    shown.pop("secret", None)
    return shown


def _ends(key: "KeyShown") -> str:
    """Return the day on which a key ends or ended, nothing for never."""
    end = key.revoked_at or key.expires_at
    return "" if end is None else f"{end:%Y-%m-%d}"


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="key_…, as `earnest keys list` shows it.")],
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
) -> None:
    """Revoke an API key, for good; servers know of it within a second."""
    answer = on_ledger(database, load_pack(pack_name), lambda market: market.revoke_key(key_id))
    if isinstance(answer, Refused):
        end(f"{key_id}: no such key; `earnest keys list` shows them")
    show(f"{answer.id} is revoked")
