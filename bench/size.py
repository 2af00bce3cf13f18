"""What an account takes on PostgreSQL, and how long a million lines of journal take to audit."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator

from bench.filling import OPENED, TickingClock, account_rows, fill_accounts, post_jobs
from bench.row import Row, at_most
from earnest import AsyncMarketplace
from earnest.marketplace.shown import AccountShown
from tools.postgres import Server

IDLE_ACCOUNTS = 100_000
IDLE_BYTES = 250
AT_ONCE = 2_000
_SIZE = "select pg_total_relation_size('account')"

ENTRIES = 1_000_000
AUDIT_SECONDS = 20
AUDIT_MB = 500


async def idle() -> list[Row]:
    """Open accounts of two lots through the ledger, and weigh the table."""
    with Server() as server:
        async with await AsyncMarketplace.open(server.create_database("town"), clock=TickingClock()) as market:
            for _ in range(0, IDLE_ACCOUNTS, AT_ONCE):
                opening = (
                    market.open_account(kind="individual", plan="plus", opened_at=OPENED) for _ in range(AT_ONCE)
                )
                for shown in await asyncio.gather(*opening):
                    assert isinstance(shown, AccountShown), shown
            balance = await market.balance(shown.id)
            assert len(balance.lots) == 2, balance
            [(size,)] = await market.ledger.fetch(_SIZE)
            [(count,)] = await market.ledger.fetch("select count(*) from account")
    return [at_most("an idle account of two lots", size / count, IDLE_BYTES, " B")]


def measure_idle() -> Iterator[Row]:
    """Weigh idle accounts."""
    yield from asyncio.run(idle())


async def audited() -> list[Row]:
    """Fill a ledger with a million lines, and audit it in a process of its own."""
    with Server() as server:
        url = server.create_database("town")
        async with await AsyncMarketplace.open(url, clock=TickingClock()) as market:
            jobs = await post_jobs(market, 40)
            # From none to 40 proposals, 20 in the middle.
            like = [account_rows(market.ledger, "plus", jobs[:count]) for count in range(0, 41, 4)]
            lines = sum(len(rows) for each in like for kind, rows in each.new.items() if kind.__name__ == "EntryRow")
            await fill_accounts(market.ledger, len(like) * -(-ENTRIES // lines), *like)
            [(entries,)] = await market.ledger.fetch("select count(*) from entry")
        command = [sys.executable, "-m", "bench.audit", url]
        done = await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.PIPE, text=True)
    took = json.loads(done.stdout)
    assert took["entries"] == entries
    assert not took["differences"], took["differences"]
    return [
        Row("audit, journal lines", entries, ""),
        at_most("audit", took["seconds"], AUDIT_SECONDS, " s"),
        at_most("audit, peak memory", took["peak_rss_mb"], AUDIT_MB, " MB"),
    ]


def measure_audit() -> Iterator[Row]:
    """Audit a million lines."""
    yield from asyncio.run(audited())
