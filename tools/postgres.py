"""A PostgreSQL of our own for tests and benches: found, installed where that may be done, started and stopped.

`python -m tools.postgres install` sees to the programs, `python -m tools.postgres run` serves until it is interrupted;
both exit with 3 where PostgreSQL can't be had. In Python, `with Server() as server: server.create_database("one")`.

The server listens on loopback and on a socket in its folder, and lets everybody on this machine in: nothing that
matters belongs there. It keeps PostgreSQL's own settings, so what is committed is on disk, unless told otherwise.
"""

import argparse
import atexit
import contextlib
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from tools import debian

ROOT = Path(__file__).resolve().parent.parent
OLDEST = 15
UNAVAILABLE = 3
ROLE = "earnest"
HOST = "127.0.0.1"
# Below what Linux hands out to outgoing connections: nobody else takes the port while the server is down, and a client
# that tries meanwhile is refused, where from within that range it might be connected to itself.
PORTS = range(20_000, 32_000)
PATIENCE = 120.0
Mode = Literal["smart", "fast", "immediate"]
SIGNALS: dict[Mode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
DEBIANS = Path("/usr/lib/postgresql")
# Read while Debian's package is set up; it would make and start a server at boot that nobody asked for.
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/earnest.conf")


class PostgresMissingError(Exception):
    """PostgreSQL can't be had here; says why, and what would help."""


class PostgresError(Exception):
    """PostgreSQL is here and did not do what it should; ends with what it logged last."""


def _release(folder: Path) -> int:
    """The major version of the server in a folder, 0 where there is none."""
    if not all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
        return 0
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    number = re.search(r"\) (\d+)", said.stdout)
    return int(number[1]) if number else 0


def find() -> Path:
    """The folder of PostgreSQL's programs, 15 or later.

    EARNEST_POSTGRES_BIN is the only place looked at if it is set. Else Debian's newest is taken, then what is on PATH.

    Raises PostgresMissingError.
    """
    only = os.environ.get("EARNEST_POSTGRES_BIN")
    if only:
        if _release(Path(only)) >= OLDEST:
            return Path(only)
        raise PostgresMissingError(f"no PostgreSQL {OLDEST} or later in {only}, where EARNEST_POSTGRES_BIN points")
    folders = [folder for folder in DEBIANS.glob("*/bin") if folder.parent.name.isdecimal()]
    folders.sort(key=lambda folder: int(folder.parent.name), reverse=True)
    # postgres looks for its own files beside where it really is.
    on_path = shutil.which("postgres")
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in folders:
        if _release(folder) >= OLDEST:
            return folder
    raise PostgresMissingError(
        f"no PostgreSQL {OLDEST} or later in {DEBIANS} or on PATH; "
        "as root on Debian, `make test` installs it; else install it or set EARNEST_POSTGRES_BIN"
    )


def install() -> Path:
    """The folder of PostgreSQL's programs; on Debian, as root, the package is installed if they are missing.

    Raises PostgresMissingError.
    """
    try:
        return find()
    except PostgresMissingError:
        if os.environ.get("EARNEST_POSTGRES_BIN") or not debian.may_install():
            raise
    NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
    NO_CLUSTER.write_text("create_main_cluster = false\n", encoding="utf-8")
    try:
        debian.install("postgresql")
    except debian.PackageError as why:
        raise PostgresMissingError(str(why)) from why
    finally:
        NO_CLUSTER.unlink()
    return find()


def _account() -> dict[str, Any]:
    """Whom the server runs as, as options of Popen: root may not, and takes an account that can do nothing."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresMissingError(
        "PostgreSQL does not run as root, and there is no account postgres or nobody to run it as"
    )


def _place() -> str:
    """Where temporary folders go, as long as every account can reach it and a socket's path (107 bytes) has room."""
    usual = Path(tempfile.gettempdir()).resolve()
    open_to_all = all(folder.stat().st_mode & 0o001 for folder in (usual, *usual.parents))
    fits = len(bytes(usual)) < 60
    return str(usual) if fits and (open_to_all or os.geteuid() != 0) else "/tmp"  # noqa: S108


def _free_port() -> int:
    for port in random.sample(PORTS, 200):
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((HOST, port))
            return port
    raise PostgresError(f"no free port between {PORTS.start} and {PORTS.stop}")


def _children(parent: int) -> Iterator[int]:
    """Processes of a parent, and those that ended and nobody has asked after."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                # The name stands in parentheses and may hold anything; the state and the parent follow it.
                after = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(after[1]) == parent:
                    yield int(entry.name)


def is_running(process: int) -> bool:
    """Whether a process still does anything; one that ended and that nobody has asked after does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def _on(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _order(url: str, order: str, *names: str) -> None:
    """Carries out one order in the database postgres of a server, with names in place of its {}."""
    # All else here runs before anything is installed.
    import psycopg
    from psycopg import sql

    with psycopg.connect(_on(url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(order).format(*map(sql.Identifier, names)))


def create_database(url: str, name: str, template: str | None = None) -> str:
    """Makes a database on the server of any URL, and returns its own URL.

    It is empty, or a copy of a template, which nobody may be connected to just then.
    """
    _order(url, "CREATE DATABASE {} TEMPLATE {}", name, template or "template0")
    return _on(url, name)


def drop_database(url: str) -> None:
    """Drops the database of a URL, whoever is connected; fine if it is gone."""
    _order(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", urlsplit(url).path.removeprefix("/"))


class Server:
    """A PostgreSQL with a folder and a port of its own, both kept from start to start until `close`.

    `settings` are PostgreSQL's, as in `{"fsync": "off"}`; a change counts from the next start. If whoever made it ends
    in any way, a watchdog stops it and removes its folder. Not for use by two threads at once.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.settings = dict(settings or {})
        self.folder: Path | None = None
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._starter = os.getpid()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that serves, None while there is none."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, over loopback, as the one role there is, a superuser."""
        return f"postgresql://{ROLE}@{HOST}:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Makes a database, empty or a copy of a template, and returns its URL."""
        return create_database(self.url(), name, template)

    def drop_database(self, name: str) -> None:
        """Drops a database, whoever is connected; fine if it is gone."""
        drop_database(self.url(name))

    def start(self) -> None:
        """Starts serving, and returns when connections are welcome; after `kill`, that is when it has recovered.

        Raises PostgresMissingError, and PostgresError if it ends instead or takes longer than two minutes.
        """
        if self.pid:
            return
        folder = self.folder or self._initialize()
        # A port that was ours before is waited for, as URLs name it; else another will do if somebody was faster.
        ours = self.port
        for attempt in range(5):
            self.port = ours or _free_port()
            if self._serve(folder):
                return
            time.sleep(0.2 * attempt)
        self.port = ours
        raise PostgresError(f"postgres did not start\n{self.log()}")

    def stop(self, mode: Mode = "fast") -> None:
        """Stops serving; smart waits for clients to go, fast sends them away, immediate has to recover."""
        if self.pid and self._process:
            self._process.send_signal(SIGNALS[mode])
            self._process.wait(PATIENCE)

    def restart(self, mode: Mode = "fast") -> None:
        """Stops and starts; the URLs stay, with the settings as they are now."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """Ends it and all its processes where they stand, as a loss of power would; what the kernel has, it keeps."""
        if not self.pid or not self._process:
            return
        # Stopped first, so that it starts no process that is not seen.
        self._process.send_signal(signal.SIGSTOP)
        children = list(_children(self._process.pid))
        self._process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.wait(PATIENCE)
        while any(map(is_running, children)):
            time.sleep(0.01)

    def close(self) -> None:
        """Stops it and removes its folder, in the process that made it; a fork of that leaves it alone."""
        if os.getpid() != self._starter or not self.folder:
            return
        atexit.unregister(self.close)
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder, self.port = None, 0
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.close()
            # Nothing is left to watch; a fork of ours may hold the other copy of what it waits for.
            self._watchdog.terminate()
            self._watchdog.wait(PATIENCE)

    def log(self, lines: int = 20) -> str:
        """The last lines it logged."""
        path = self.folder / "log" if self.folder else None
        text = path.read_text(encoding="utf-8", errors="replace") if path and path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _initialize(self) -> Path:
        """Makes the folder with empty data in it, and has it watched."""
        programs, account = find(), _account()
        folder = Path(tempfile.mkdtemp(prefix="earnest-postgres-", dir=_place()))
        try:
            if account:
                os.chown(folder, account["user"], account["group"])
            # Not synced: it is lost with the folder, and whatever is written later is synced again.
            command = [programs / "initdb", "--pgdata", folder / "data", "--username", ROLE, "--auth", "trust"]
            command += ["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"]
            made = self._run(command, folder, account, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output = made.communicate()[0].decode(errors="replace")
            if made.returncode:
                raise PostgresError(f"initdb failed\n{output}")
            command = [sys.executable, "-m", "tools.postgres", "watch", folder]
            self._watchdog = self._run(
                command, ROOT, {}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.folder = folder
        atexit.register(self.close)
        return folder

    def _serve(self, folder: Path) -> bool:
        """Starts the server and waits until it is ready; False if its port is taken."""
        command = [find() / "postgres", "-D", folder / "data", "-p", str(self.port)]
        own = {"listen_addresses": HOST, "unix_socket_directories": str(folder)}
        for name, value in (self.settings | own).items():
            command += ["-c", f"{name}={value}"]
        with (folder / "log").open("ab") as log:
            before = log.tell()
            process = self._process = self._run(command, folder, _account(), stdout=log, stderr=log)
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.write(b"%d\n" % process.pid)
            self._watchdog.stdin.flush()
        state = folder / "data" / "postmaster.pid"
        end = time.monotonic() + PATIENCE
        while process.poll() is None:
            # The first line is the process, the eighth how far it is; pg_ctl waits for the same.
            with contextlib.suppress(OSError, IndexError):
                lines = state.read_text().splitlines()
                if lines[0] == str(process.pid) and lines[7].strip() == "ready":
                    return True
            if time.monotonic() > end:
                self.kill()
                raise PostgresError(f"postgres was not ready after {PATIENCE:.0f} seconds\n{self.log()}")
            time.sleep(0.02)
        with (folder / "log").open("rb") as log:
            log.seek(before)
            if b"could not bind" in log.read():
                return False
        raise PostgresError(f"postgres did not start\n{self.log()}")

    def _run(
        self, command: list[Any], where: Path, account: Mapping[str, Any], **streams: Any
    ) -> subprocess.Popen[bytes]:
        """Starts a program in a session of its own, which ^C in a terminal misses, and without PGPORT and such."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        streams = {"stdin": subprocess.DEVNULL} | streams
        return subprocess.Popen(  # noqa: S603 - PostgreSQL and ourselves
            command, cwd=where, env=environment | {"LC_ALL": "C"}, start_new_session=True, **account, **streams
        )


def _watch(folder: Path) -> None:
    """Waits until whoever holds the other end of stdin is gone, then stops what still serves and removes its folder."""
    last = 0
    for line in sys.stdin:
        last = int(line)
    # By now the number may be another process's.
    with contextlib.suppress(OSError):
        if last and bytes(folder / "data") in Path(f"/proc/{last}/cmdline").read_bytes():
            os.kill(last, signal.SIGQUIT)
            end = time.monotonic() + 10
            while is_running(last):
                if time.monotonic() > end:
                    os.kill(last, signal.SIGKILL)
                    break
                time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A PostgreSQL of our own for tests and benches.")
    tasks = parser.add_subparsers(dest="task", required=True)
    tasks.add_parser("install", help="install PostgreSQL if it is missing, and print where it is")
    run = tasks.add_parser("run", help="serve until interrupted, and print the URL")
    run.add_argument("-c", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    tasks.add_parser("watch").add_argument("folder", type=Path)
    asked = parser.parse_args()
    if asked.task == "watch":
        _watch(asked.folder)
        return
    try:
        if asked.task == "install":
            sys.stdout.write(f"{install()}\n")
            return
        install()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with Server(dict(setting.split("=", 1) for setting in asked.settings)) as server:
            sys.stdout.write(f"{server.url()}\n")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    except PostgresMissingError as why:
        sys.stderr.write(f"{why}\n")
        sys.exit(UNAVAILABLE)
    except PostgresError as why:
        sys.exit(str(why))


if __name__ == "__main__":
    main()
