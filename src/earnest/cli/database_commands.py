"""What is asked of a database: migrate, settle, audit, journal."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from earnest.cli.ledger import ending, on_ledger, without_secrets
from earnest.cli.options import DATABASE, DatabaseOption, JsonOption, PackOption, load_pack
from earnest.cli.show import DIFFERENCES, complain, end, heading, progress, put, put_json, sentences, show, table
from earnest.rules.outcome import Refused

if TYPE_CHECKING:
    from earnest.marketplace import AsyncMarketplace
    from earnest.marketplace.shown import EntryShown, Page

LINES_AT_ONCE = 500


# migrate


def migrate_command(database: DatabaseOption = DATABASE, as_json: JsonOption = False) -> None:
    """Bring a database to this version's tables; make it, if it is a SQLite file that isn't there.

    All of it happens in one transaction. Of other commands only rehearse, serve and `keys create` make tables, in an
    empty database.
    """
    from earnest.ledger.migrate import migrate

    with ending(database):
        before, after = migrate(database)
    where = without_secrets(database)
    if as_json:
        put_json({"before": before, "after": after})
    elif before == after:
        show(f"{where} is of version {after} already")
    elif before is None:
        show(f"{where} has its tables now, of version {after}")
    else:
        show(f"{where} was of version {before} and is of version {after} now")


# settle


def settle(database: DatabaseOption = DATABASE, pack_name: PackOption = "article", as_json: JsonOption = False) -> None:
    """Write up idle accounts, finish returns that were left unfinished, drop what nobody asks for any more.

    It changes nothing that anybody is shown, may run beside a server, and can be interrupted at any time. Ends with 1
    where accounts can't be written up.
    """
    with progress("accounts") as tell:
        done = on_ledger(database, load_pack(pack_name), lambda market: market.keep_up(tell=tell))
    if as_json:
        put_json(msgspec.to_builtins(done))
    else:
        show(
            f"{done.accounts_settled:,} accounts were written up and {done.returns_finished:,} returns finished; "
            f"{done.requests_dropped:,} old idempotency keys and {done.events_dropped:,} events that nobody wants "
            "were dropped"
        )
    for failed in done.accounts_failed:
        complain(f"{failed}; it can't be written up, and `earnest audit` tells what else differs")
    if done.accounts_failed:
        raise typer.Exit(DIFFERENCES)


# audit


def audit(database: DatabaseOption = DATABASE, pack_name: PackOption = "article", as_json: JsonOption = False) -> None:
    """Recompute every balance, lot and debt from the journal, and compare.

    Ends with 1 where anything differs; each difference is a line on standard error with its account. It may run
    beside a server.
    """
    with progress("rows") as tell:
        found = on_ledger(database, load_pack(pack_name), lambda market: market.audit(tell=tell))
    many = len(found.differences) + found.more
    if as_json:
        put_json(msgspec.to_builtins(found))
    else:
        totals = msgspec.structs.asdict(found.totals)
        show(
            heading("What the journals add up to, in connects"),
            table("", ("", "connects"), _figures(totals)),
            *sentences(
                [
                    f"{found.entries:,} lines of {found.accounts:,} accounts were read.",
                    f"Returns yet to come, of closings under way: {found.pending:,} proposals.",
                    "Everything agrees." if not many else f"Differences: {many:,}.",
                ]
            ),
        )
    for difference in found.differences:
        complain(str(difference))
    if found.more:
        complain(f"and {found.more:,} more")
    if many:
        raise typer.Exit(DIFFERENCES)


def _figures(totals: dict[str, int]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), f"{total:,}") for name, total in totals.items()]


# journal


def journal(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="acc_…, or ext: and the external id.")],
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with the API's names of columns.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print an account's journal, all of it, and what is due on it and not yet written.

    Notes that a spreadsheet would take for a formula stand behind an apostrophe in the CSV.
    """
    if as_csv and as_json:
        raise typer.BadParameter("expected --csv or --json, got both")
    out = _Csv() if as_csv else _Json() if as_json else _Tables()
    on_ledger(database, load_pack(pack_name), lambda market: _print(market, account, out))


async def _print(market: "AsyncMarketplace", account: str, out: "_Tables | _Csv | _Json") -> None:
    shown = await market.account(account)
    if isinstance(shown, Refused):
        end(f"{account}: no such account; expected acc_… or ext: and an external id of this database")
    cursor, begun = None, False
    while cursor is not None or not begun:
        page: Page[EntryShown] | Refused = await market.entries(shown.id, limit=LINES_AT_ONCE, cursor=cursor)
        if isinstance(page, Refused):
            end(f"{account}: no such account any more")
        if not begun:
            out.begin(shown.id)
            begun = True
        out.print(page.items)
        cursor = page.next_cursor
    balance = await market.balance(shown.id)
    if isinstance(balance, Refused):
        end(f"{account}: no such account any more")
    out.end(balance.available, balance.debt)


class _Tables:
    """A journal for people: a table for each few hundred lines, so that any number can be shown."""

    def __init__(self) -> None:
        self._account, self._printed = "", 0

    def begin(self, account_id: str) -> None:
        self._account = account_id

    def print(self, entries: "list[EntryShown]") -> None:
        first, self._printed = self._printed + 1, self._printed + len(entries)
        if entries:
            show(self._table(f"Journal of {self._account}, lines {first:,} to {self._printed:,}", entries))

    def _table(self, title: str, entries: "list[EntryShown]") -> Table:
        return table(
            title,
            ("takes effect", "kind", "connects", "source", "balance", "about", "note"),
            [
                (
                    entry.effective_at.strftime("%Y-%m-%d %H:%M:%S"),
                    entry.kind,
                    f"{entry.connects:,}",
                    entry.source or "",
                    f"{entry.balance_after:,}",
                    entry.job_id or entry.purchase_id or "",
                    entry.note if entry.recorded_at is not None else f"due, not yet written. {entry.note}".strip(),
                )
                for entry in entries
            ],
        )

    def end(self, available: int, debt: int) -> None:
        owed = f", and {debt:,} are owed" if debt else ""
        show(f"{self._printed:,} lines; {available:,} connects are there{owed}")


class _Csv:
    """A journal for spreadsheets, as it comes."""

    def begin(self, _: str) -> None:
        from earnest.marketplace.journal_csv import header

        put(header())

    def print(self, entries: "list[EntryShown]") -> None:
        from earnest.marketplace.journal_csv import lines

        put(lines(entries))

    def end(self, _available: int, _debt: int) -> None:
        pass


class _Json:
    """A journal as one JSON object, as it comes."""

    def __init__(self) -> None:
        self._separator = ""

    def begin(self, account_id: str) -> None:
        put(f'{{"account_id": "{account_id}", "entries": [')

    def print(self, entries: "list[EntryShown]") -> None:
        if entries:
            put(self._separator + ", ".join(msgspec.json.encode(entry).decode() for entry in entries))
            self._separator = ", "

    def end(self, available: int, debt: int) -> None:
        put(f'], "available": {available}, "debt": {debt}}}\n')
