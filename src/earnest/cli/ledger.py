"""A ledger for a command: opened, given to what works on it, and closed; and the ends there are when that fails.

The database is never made here: a wrong name must not look like an empty ledger. And it is opened for nothing but the
work at hand; only `settle` goes on with what others left unfinished.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

from earnest.cli.show import NO_LEDGER, complain, end
from earnest.ledger.errors import LedgerError, RevisionError, SchemaError
from earnest.ledger.packing import FormatError
from earnest.rules.book import UnbalancedError
from earnest.rules.pack import Pack

if TYPE_CHECKING:
    from earnest.marketplace import AsyncMarketplace

T = TypeVar("T")

FORBIDDEN = "42501"
"""What PostgreSQL calls it when a user may not do something."""


def on_ledger(
    database: str, pack: Pack, work: "Callable[[AsyncMarketplace], Coroutine[Any, Any, T]]", *, begins: bool = False
) -> T:
    """Return what comes of some work on a ledger; complains and ends the command where the ledger can't be used.

    Work that `begins` a ledger puts the pack in force where none has been.
    """
    with ending(database):
        file = file_of(database)
        if file is not None and not file.exists():
            no_ledger(f"{database}: no such file; `earnest migrate` makes one, --database names another")
        return asyncio.run(_opened(database, pack, work, begins=begins))


async def _opened(
    database: str, pack: Pack, work: "Callable[[AsyncMarketplace], Coroutine[Any, Any, T]]", *, begins: bool
) -> T:
    from earnest.ledger import revisions
    from earnest.ledger.ledger import Ledger
    from earnest.marketplace import AsyncMarketplace

    async with AsyncMarketplace(await Ledger.open(database, pack, founds=False)) as market:
        if begins:
            await revisions.begin(market.ledger.store, pack, market.ledger.now)
        return await work(market)


def file_of(database: str) -> Path | None:
    """Return the file of a SQLite database, None for one on a server; ends the command for what is no address."""
    scheme, _, rest = database.partition("://")
    if scheme in ("postgresql", "postgres") and rest:
        return None
    if scheme != "sqlite" or not rest.startswith("/") or len(rest) == 1:
        end(f"database: expected sqlite:///FILE or postgresql://USER@HOST/NAME, got {without_secrets(database)}")
    return Path(rest[1:])


@contextmanager
def ending(database: str) -> Iterator[None]:
    """End the command with a complaint where its ledger can't be used."""
    where = without_secrets(database)
    try:
        file_of(database)
        yield
    except RevisionError as error:
        no_ledger(f"{where}: {error}; --pack names the pack in force")
    except SchemaError as error:
        no_ledger(f"{where}: {error}")
    except LedgerError as error:
        no_ledger(f"{where}: {_one_line(error)}")
    except (UnbalancedError, FormatError) as error:
        no_ledger(f"{where}: {_one_line(error)}; `earnest audit` tells what else differs")
    except Exception as error:
        # The migrations' library wraps what the driver said.
        said = getattr(error, "orig", error)
        # Exactly these two: what derives from the first tells of a defect.
        if type(said) in (sqlite3.DatabaseError, sqlite3.OperationalError) or _is_forbidden(said):
            no_ledger(f"{where}: {_one_line(said)}")
        raise


def _is_forbidden(error: BaseException) -> bool:
    """Say whether PostgreSQL lets its user not do something."""
    return getattr(error, "sqlstate", None) == FORBIDDEN


def no_ledger(line: str) -> NoReturn:
    """Complain that the ledger can't be used, and end the command."""
    complain(line)
    raise typer.Exit(NO_LEDGER)


def without_secrets(database: str) -> str:
    """Return a database's address without the password in it."""
    database = re.sub(r"(?<=://)([^/@:]*):[^@]*@", r"\1:…@", database)
    return re.sub(r"(?<=password=)[^&]*", "…", database)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
