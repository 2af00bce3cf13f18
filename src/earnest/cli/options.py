"""The options that several commands share, and the pack that one of them names."""

from typing import Annotated

import typer

from earnest import packs
from earnest.cli.show import WRONG_INPUT, complain
from earnest.rules.pack import Pack, PackError

DATABASE = "sqlite:///earnest.db"
"""The database where neither --database nor the environment names one."""

PackOption = Annotated[
    str,
    typer.Option(
        "--pack", envvar="EARNEST_PACK", metavar="NAME|FILE", help="The rule pack: a built-in one's name or a file."
    ),
]
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="EARNEST_DATABASE",
        metavar="URL",
        help="The database: sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def load_pack(name_or_path: str) -> Pack:
    """Return a pack, or complain and end."""
    try:
        return packs.load(name_or_path)
    except PackError as error:
        for line in str(error).splitlines():
            complain(line)
        raise typer.Exit(WRONG_INPUT) from error
