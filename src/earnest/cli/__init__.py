"""The command line: it reads arguments, calls what does the work, and prints.

Figures go to standard output and complaints to standard error, a line each. It ends with 0 when all is well, 1 when
the input was wrong or an audit found differences, 2 for wrong usage, 3 when the ledger can't be used (out of reach,
of another version, under another rule pack), 130 when interrupted and 141 when whoever read its output went away.

A command is a function in a module of its kind, and is given its name here. Help needs all of them at once, so what
takes long to import is imported within the command that works with it.
"""

import io
import os
import sys
from typing import Annotated

import typer

from earnest.cli.database_commands import audit, journal, migrate_command, settle
from earnest.cli.demo_command import demo
from earnest.cli.import_commands import imports
from earnest.cli.key_commands import keys
from earnest.cli.pack_commands import check_pack
from earnest.cli.people_commands import people
from earnest.cli.posting_commands import price, simulate_command
from earnest.cli.rehearse_command import rehearse_command
from earnest.cli.serve_command import serve
from earnest.cli.show import INTERRUPTED, put, unwritable

app = typer.Typer(
    name="earnest",
    help="Connects for freelance marketplaces: what a proposal costs, and where it went.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("check-pack")(check_pack)
app.command("price")(price)
app.command("simulate")(simulate_command)
app.command("rehearse")(rehearse_command)
app.command("demo")(demo)
app.command("serve")(serve)
app.command("migrate")(migrate_command)
app.command("settle")(settle)
app.command("audit")(audit)
app.command("journal")(journal)
app.add_typer(keys, name="keys")
app.add_typer(people, name="people")
app.add_typer(imports, name="import")


def main() -> None:
    """Run the command line and exit."""
    # Either is None where it was closed before we began.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - it stays open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # What the terminal's encoding lacks is escaped rather than fatal.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="earnest")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        # Help is printed past us.
        sys.exit(unwritable(sys.stdout, error))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        put(f"earnest {version('earnest')}\n")
        raise typer.Exit


@app.callback()
def earnest(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Connects for freelance marketplaces: what a proposal costs, and where it went."""
