"""`earnest serve`: options over the environment, refusals beforehand, then the server until it is stopped."""

import asyncio
import fcntl
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from earnest.cli.ledger import ending, file_of, no_ledger
from earnest.cli.options import load_pack
from earnest.cli.show import WRONG_INPUT, complain, put

if TYPE_CHECKING:
    from earnest.settings import Settings

WRONG_USAGE = 2


def serve(
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The database: sqlite:///FILE or postgresql://USER@HOST/NAME."),
    ] = None,
    pack: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="The rule pack: a built-in one's name or a file.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 for a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer; one on SQLite and for a sandbox.")] = None,
    sandbox: Annotated[
        bool | None, typer.Option("--sandbox", help="Serve a sandbox, whose clock stands until it is moved.")
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Where a new sandbox's clock stands at first, as in 2016-01-05T00:00:00Z."),
    ] = None,
) -> None:
    """Serve the pages and the HTTP API until stopped by SIGTERM or ^C; an empty database gets its tables.

    Each option goes before its environment variable; docs/settings.md lists the variables, and those that have no
    option.
    """
    options = {
        "database": database, "pack": pack, "host": host, "port": port, "workers": workers, "sandbox": sandbox,
        "sandbox_now": now,
    }  # fmt: skip
    settings = _settings(os.environ, {name: value for name, value in options.items() if value is not None})
    load_pack(settings.pack)
    with ExitStack() as held, ending(settings.database):
        file = file_of(settings.database)
        if file is not None:
            held.enter_context(_alone(file))
        listener = held.enter_context(listening(settings.host, settings.port))
        asyncio.run(_try(settings))
        run(settings, listener, lambda url: put(f"Earnest listens on {url}\n"))


_OPTIONS = {"sandbox_now": "--now"}


def _settings(environment: Mapping[str, str], options: Mapping[str, object]) -> "Settings":
    """Return the settings, the options among them before the environment's; ends the command for unfit ones."""
    from earnest.settings import PREFIX, SettingError, from_environment

    variables = {PREFIX + name.upper(): name for name in options}
    given = {name: str(options[option]).lower() if options[option] is True else str(options[option])
             for name, option in variables.items()}  # fmt: skip
    try:
        return from_environment({**environment, **given})
    except SettingError as error:
        line = str(error)
        for variable, option in sorted(variables.items(), reverse=True):
            # Said of what was given: the option.
            line = line.replace(variable, _OPTIONS.get(option, f"--{option}"))
        complain(line)
        raise typer.Exit(WRONG_USAGE) from error


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Be the only server on a SQLite file: the kernel lets go of the lock when this process ends, however it ends."""
    beside = file.resolve().with_name(f"{file.resolve().name}.served")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        no_ledger(f"{beside}: {error.strerror}")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        by = f"process {holder or 'unknown'}"
        no_ledger(f"sqlite:///{file}: another server is running on it, {by}; a file takes one")
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the address to listen on, so that somebody else's is found out before anything is done."""
    try:
        [family, kind, protocol, _, address] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        _unusable(host, port, error)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, OverflowError) as error:
        listener.close()
        _unusable(host, port, error)
    with listener:
        yield listener


def _unusable(host: str, port: int, error: Exception) -> NoReturn:
    said = getattr(error, "strerror", None) or error
    complain(f"--host {host} --port {port}: can't be listened on: {said}")
    raise typer.Exit(WRONG_INPUT)


async def _try(settings: "Settings") -> None:
    """Open the marketplace once, so that what is wrong with it is told before anybody waits for an answer."""
    from earnest.main import open_market

    market = await open_market(settings)
    await market.close()


def run(settings: "Settings", listener: socket.socket, tell: Callable[[str], None]) -> NoReturn:
    """Answer until stopped, and end the command; `tell` is given the address once it is answered."""
    from earnest import server
    from earnest.settings import to_environment

    os.environ.update(to_environment(settings))
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    code = server.run(settings, listener, lambda: tell(f"http://{address}:{port}"))
    raise typer.Exit(code)
