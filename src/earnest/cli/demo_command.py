"""`earnest demo`: a filled sandbox with its pages, served from a temporary folder that is gone when it ends."""

import asyncio
import os
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from earnest.cli.ledger import ending
from earnest.cli.serve_command import listening, run
from earnest.cli.show import put

if TYPE_CHECKING:
    from earnest.settings import Settings

_FILLING = "Three months of a marketplace are being lived through; that takes a few seconds.\n"
_WELCOME = """\
Earnest’s demo listens on {url}

  pages           {url}  (one click signs you in as a freelancer, an agency, a client, the operator)
  documentation   {url}/schema
  API key         {key}

The clock stands at {now}, until you move it: above each page, or with the API. Try, in another terminal:

  K='Authorization: Bearer {key}'
  curl -s -H "$K" '{url}/v1/jobs?status=open&limit=1'
  curl -s -H "$K" {url}/v1/accounts -d '{{"kind": "individual", "plan": "plus", "name": "Ida", "external_id": "ida"}}'
  curl -s -H "$K" {url}/v1/accounts/ext:ida/balance
  curl -s -H "$K" -X PUT {url}/v1/sandbox/clock -d '{{"now": "{next_month}"}}'
  curl -s -H "$K" -H 'Accept: text/csv' {url}/v1/accounts/ext:ida/entries

Ctrl-C ends it, and nothing of it stays.
"""


def demo(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 for a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve a demo: a sandbox marketplace with three months behind it, its pages and its API, till ^C.

    Whoever reaches it can be anybody in it, so it listens on this machine alone unless told otherwise. No setting of
    the environment is read.
    """
    from earnest.demo.history import START
    from earnest.settings import PREFIX, Settings

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        # Another marketplace's, perhaps: none of it is meant for this one.
        del os.environ[name]
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="earnest-demo-"))
        settings = Settings(
            database=f"sqlite:///{folder}/demo.db",
            host=host,
            port=port,
            sandbox=True,
            sandbox_now=START,
            demo=True,
            mail="off",
            webhook_private_addresses=True,
            log_level="warning",
        )
        listener = held.enter_context(listening(host, port))
        put(_FILLING)
        with ending(settings.database):
            key = asyncio.run(_fill(settings))
        run(settings, listener, lambda url: put(_welcome(url, key)))


async def _fill(settings: "Settings") -> str:
    """Live the demo's months, and return an API key that may do everything in it."""
    from earnest.demo.history import START, fill, ids
    from earnest.demo.stage import must
    from earnest.marketplace import AsyncMarketplace

    opening = AsyncMarketplace.open(settings.database, pack=settings.pack, sandbox_at=START, ids=ids())
    async with await opening as market:
        await fill(market)
        made = must(await market.create_key(name="demo", scope="operate"))
    return str(made.secret)


def _welcome(url: str, key: str) -> str:
    from earnest.demo.history import NOW
    from earnest.rules.calendar import told

    next_month = NOW.replace(month=NOW.month + 1, day=1, hour=0)
    return _WELCOME.format(url=url, key=key, now=told(NOW), next_month=told(next_month))
