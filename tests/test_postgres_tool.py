"""The PostgreSQL that tests and benches run on: it stops, dies and starts as asked, and is missed aloud."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.postgres_server import NewDatabase
from tools import postgres
from tools.postgres import Server

ROOT = Path(__file__).parent.parent
TESTS = """\
def test_own(postgres_url):
    print("server", postgres_url)

def test_new(new_postgres_database):
    print("server", new_postgres_database())

def test_servers(postgres_programs):
    pass

def test_without():
    pass
"""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, *command], cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False
    )


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest of its own, with nothing but our plugins and a few tests."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_some.py").write_text(TESTS, encoding="utf-8")
    own = ["-c", str(folder / "pytest.ini"), "-p", "tests.left_out", "-p", "tests.postgres_server"]
    own += ["-p", "no:cacheprovider"]
    return run("-m", "pytest", *own, *options, folder, **environment)


def execute(url: str, order: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(order.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_what_is_left_out_is_said(tmp_path: Path, options: list[str]) -> None:
    ended = run_pytest(tmp_path, *options, EARNEST_POSTGRES_BIN="/nowhere")
    assert ended.returncode == 0, ended.stdout
    assert "3 tests were left out for want of PostgreSQL: no PostgreSQL 15 or later in /nowhere" in ended.stdout
    assert "\n  test_some.py\n" in ended.stdout
    assert "1 passed, 3 skipped" in ended.stdout


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_on_ci_nothing_may_be_left_out(tmp_path: Path, options: list[str]) -> None:
    ended = run_pytest(tmp_path, *options, EARNEST_POSTGRES_BIN="/nowhere", CI="true")
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "3 tests were left out for want of PostgreSQL" in ended.stdout
    assert "CI=true: nothing may be left out, so this run has failed." in ended.stdout


def test_on_ci_a_run_that_needs_none_passes(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "-k", "without", EARNEST_POSTGRES_BIN="/nowhere", CI="true")
    assert ended.returncode == 0, ended.stdout
    assert "left out" not in ended.stdout


@pytest.mark.usefixtures("postgres_programs")
@pytest.mark.parametrize("options", [["-s"], ["-n", "2", "-rP"]], ids=["alone", "workers"])
def test_a_run_has_one_server_and_leaves_none(tmp_path: Path, options: list[str]) -> None:
    ended = run_pytest(tmp_path, *options, CI="true")
    assert ended.returncode == 0, ended.stdout
    assert "left out" not in ended.stdout
    urls = [urlsplit(url) for url in re.findall(r"server (\S+)", ended.stdout)]
    assert len(urls) == len({url.path for url in urls}) == 2
    (port,) = {url.port for url in urls}
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://{postgres.ROLE}@{postgres.HOST}:{port}/postgres")


@pytest.mark.usefixtures("postgres_programs")
def test_what_is_committed_survives() -> None:
    with Server({"max_connections": "17"}) as server:
        folder, first = server.folder, server.pid
        url = server.create_database("one")
        execute(url, "CREATE TABLE t AS SELECT 1 AS x")
        assert execute(url, "SHOW max_connections") == [("17",)]
        assert execute(url, "SHOW fsync") == execute(url, "SHOW synchronous_commit") == [("on",)]

        server.settings["max_connections"] = "18"
        server.restart()
        assert execute(url, "SHOW max_connections") == [("18",)]
        execute(url, "INSERT INTO t VALUES (2)")

        open_still = psycopg.connect(url)
        open_still.execute("INSERT INTO t VALUES (3)")
        server.kill()
        assert server.pid is None
        with pytest.raises(psycopg.OperationalError):
            open_still.commit()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)

        server.start()
        assert server.pid not in (None, first)
        assert execute(url, "SELECT x FROM t ORDER BY x") == [(1,), (2,)]
        execute(url, "INSERT INTO t VALUES (4)")
        server.restart("immediate")
        assert execute(server.create_database("two", template="one"), "SELECT sum(x) FROM t") == [(7,)]
        assert folder
        assert folder.exists()
    assert not folder.exists()
    assert server.pid is None


STARTER = """
import os, signal
from tools.postgres import Server
server = Server()
server.start()
print(server.folder, server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("postgres_programs")
def test_a_server_does_not_outlive_its_starter() -> None:
    folder, process = run("-c", STARTER).stdout.split()
    end = time.monotonic() + 20
    while Path(folder).exists() or postgres.is_running(int(process)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_new_databases_are_empty_or_copies(new_postgres_database: NewDatabase) -> None:
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    first = new_postgres_database()
    assert execute(first, tables) == []
    execute(first, "CREATE TABLE t ()")
    assert execute(new_postgres_database(template=urlsplit(first).path[1:]), tables) == [("t",)]
    assert execute(new_postgres_database(), tables) == []


def test_only_the_folder_named_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARNEST_POSTGRES_BIN", "/nowhere")
    with pytest.raises(postgres.PostgresMissingError, match="in /nowhere, where EARNEST_POSTGRES_BIN points"):
        postgres.find()


def test_what_is_missing_and_may_not_be_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EARNEST_POSTGRES_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIANS", tmp_path)
    with pytest.raises(postgres.PostgresMissingError, match="or on PATH; as root on Debian"):
        postgres.install()


APT_GET = """\
#!/bin/sh
set -eu
echo "$DEBIAN_FRONTEND $*" >>"$0.log"
cat "$CLUSTERS" >>"$0.log"
[ "$1" = install ] || exit 0
mkdir -p "$DEBIANS/16/bin"
for program in postgres initdb; do
    printf '#!/bin/sh\\necho "postgres (PostgreSQL) 16.2"\\n' >"$DEBIANS/16/bin/$program"
    chmod +x "$DEBIANS/16/bin/$program"
done
"""


@pytest.fixture
def apt_get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of root's without PostgreSQL, and an apt-get that notes what it was told."""
    path = tmp_path / "apt-get"
    path.write_text(APT_GET, encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.delenv("EARNEST_POSTGRES_BIN", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "DEBIANS", tmp_path / "debians")
    monkeypatch.setenv("DEBIANS", str(postgres.DEBIANS))
    monkeypatch.setattr(postgres, "NO_CLUSTER", tmp_path / "common" / "earnest.conf")
    monkeypatch.setenv("CLUSTERS", str(postgres.NO_CLUSTER))
    return path


def test_the_package_is_installed_and_makes_no_server_of_its_own(apt_get: Path) -> None:
    assert postgres.install() == postgres.DEBIANS / "16" / "bin"
    assert apt_get.with_suffix(".log").read_text(encoding="utf-8").splitlines() == [
        "noninteractive update -qq",
        "create_main_cluster = false",
        "noninteractive install -qq -y --no-install-recommends postgresql",
        "create_main_cluster = false",
    ]
    assert not postgres.NO_CLUSTER.exists()
    assert postgres.install() == postgres.DEBIANS / "16" / "bin"
    assert len(apt_get.with_suffix(".log").read_text(encoding="utf-8").splitlines()) == 4


def test_a_package_that_can_not_be_installed_is_missing(apt_get: Path) -> None:
    apt_get.write_text("#!/bin/sh\nexit 100\n", encoding="utf-8")
    with pytest.raises(postgres.PostgresMissingError, match="apt-get update -qq failed; postgresql is not installed"):
        postgres.install()
    assert not postgres.NO_CLUSTER.exists()


def test_only_root_installs(apt_get: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(postgres.PostgresMissingError, match="as root on Debian"):
        postgres.install()
    assert not apt_get.with_suffix(".log").exists()


@pytest.mark.parametrize(("version", "found"), [("14.9", False), ("15.1 (Debian 15.1-1)", True), ("18beta1", True)])
def test_an_old_one_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, found: bool) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("EARNEST_POSTGRES_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(postgres, "DEBIANS", tmp_path / "none")
    if found:
        assert postgres.find() == tmp_path
    else:
        with pytest.raises(postgres.PostgresMissingError):
            postgres.find()


def test_missing_has_an_exit_status_of_its_own() -> None:
    for task in ("install", "run"):
        ended = run("-m", "tools.postgres", task, EARNEST_POSTGRES_BIN="/nowhere")
        assert (ended.returncode, ended.stdout) == (3, "")
        assert "no PostgreSQL 15 or later in /nowhere" in ended.stderr
