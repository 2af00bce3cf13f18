"""What is brought in from elsewhere: import jobs."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from earnest.cli.ledger import on_ledger
from earnest.cli.options import DATABASE, DatabaseOption, JsonOption, PackOption, load_pack
from earnest.cli.posting_commands import Postings, column_option
from earnest.cli.show import end, progress, put_json, show
from earnest.lab import postings

if TYPE_CHECKING:
    from earnest.lab.import_jobs import Imported
    from earnest.marketplace import AsyncMarketplace

DETAILS = tuple(field for field in postings.DETAILS if field != "posted_at")

imports = typer.Typer(no_args_is_help=True, help="Bring in what is kept elsewhere.")


@imports.callback()
def import_() -> None:
    """Bring in what is kept elsewhere."""


@imports.command("jobs")
def import_jobs_command(
    file: Annotated[str, typer.Argument(metavar="FILE.csv", help="Job postings, a row each.")],
    client: Annotated[
        str | None,
        typer.Option("--client", metavar="ID", help="Whose jobs they are: cli_…, or ext: and the external id."),
    ] = None,
    database: DatabaseOption = DATABASE,
    pack_name: PackOption = "article",
    column: Annotated[list[str] | None, column_option(*postings.COLUMNS, *DETAILS)] = None,
    as_json: JsonOption = False,
) -> None:
    """Post the jobs of a file, now and at today's prices, whatever it says of when they were posted.

    A row with an external id is posted once, however often its file is imported; one without is posted each time.
    Without --client, each row's column `client` is its client's external id, and who isn't known yet is made known.
    A bad row is reported on standard error and skipped.
    """
    from earnest.lab.import_jobs import UnknownClientError, import_jobs

    pack = load_pack(pack_name)
    details = DETAILS if client is None else tuple(field for field in DETAILS if field != "client")
    rows = Postings(file, column, pack, details)

    async def bring_in(market: "AsyncMarketplace") -> "Imported":
        with progress("jobs") as tell:
            return await import_jobs(market, rows, client, rows.skip, tell)

    try:
        imported = on_ledger(database, pack, bring_in, begins=True)
    except UnknownClientError as error:
        end(str(error))
    rows.sum_up()
    if as_json:
        put_json({**msgspec.to_builtins(imported), "skipped": rows.skipped})
    else:
        made = f", and {imported.clients_created:,} new clients made known" if imported.clients_created else ""
        show(
            f"{imported.posted:,} jobs were posted{made}; {imported.there_already:,} were there already and left as "
            f"they are; {rows.skipped:,} rows skipped"
        )
