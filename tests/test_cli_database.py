"""The commands on a database: what they print, what they change, and how they end where that can't be used."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from earnest import Marketplace
from earnest.cli import app, ledger
from earnest.cli.database_commands import LINES_AT_ONCE
from earnest.lab import rehearse
from earnest.ledger.errors import UnavailableError
from earnest.ledger.ledger import Ledger
from earnest.ledger.sqlite import connect
from earnest.marketplace.journal_csv import COLUMNS, guarded
from tests.test_cli import ARTICLE, SEVERAL

ENTRY_FIELDS = (
    "id kind connects lot_id source paid job_id proposal_id purchase_id effective_at recorded_at balance_after note"
)
COMMANDS = (("settle",), ("audit",), ("journal", "ext:ana"), ("import", "jobs", "jobs.csv"))
NOW = datetime.now(UTC)


def run(*arguments: str | Path, database: str | None = None) -> Result:
    named = () if database is None else ("--database", database)
    return CliRunner().invoke(app, [str(each) for each in (*arguments, *named)])


def said(ended: Result) -> str:
    """The one line of complaint that a command ended with."""
    assert (ended.stdout, len(ended.stderr.splitlines())) == ("", 1), ended.output
    return ended.stderr.rstrip("\n")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("EARNEST_DATABASE", raising=False)
    Path("jobs.csv").write_text(f"{SEVERAL}", encoding="utf-8")


@pytest.fixture
def lived(database: str) -> str:
    """A database with an account that has a few lines, and one that has been idle for three months."""
    with Marketplace.open(database, clock=lambda: NOW - timedelta(days=95)) as market:
        market.open_account(kind="individual", plan="basic", external_id="ben")
    with Marketplace.open(database) as market:
        ana = market.open_account(kind="individual", plan="plus", name="Ana", external_id="ana")
        client = market.create_client(external_id="dan")
        job = market.post_job(client.id, title="A logo", type="fixed", budget=30_000)
        market.submit(job.id, ana.id)
        market.grant(ana.id, 3, reason='=HYPERLINK("http://example.org")')
        purchase = market.buy(ana.id, 5)
        market.confirm_purchase(purchase.id)
    return database


def sql(database: str, statement: str) -> None:
    """Change a database behind the ledger's back."""
    if database.startswith("sqlite"):
        connect(database.removeprefix("sqlite:///")).execute(statement)
    else:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


# migrate


def test_migrate_makes_a_file_and_then_finds_it_made() -> None:
    first, again = run("migrate"), run("migrate")
    assert (first.exit_code, first.stdout) == (0, "sqlite:///earnest.db has its tables now, of version 0003\n")
    assert (again.exit_code, again.stdout) == (0, "sqlite:///earnest.db is of version 0003 already\n")
    assert json.loads(run("migrate", "--json", database="sqlite:///other.db").stdout) == {
        "before": None,
        "after": "0003",
    }
    assert run("audit").exit_code == 0


def test_migrate_makes_tables_on_a_server(new_postgres_database: Callable[..., str]) -> None:
    url = new_postgres_database()
    assert "`earnest migrate` makes them" in said(run("audit", database=url))
    # Both names of the scheme are the same.
    assert json.loads(run("migrate", "--json", database=url.replace("postgresql", "postgres", 1)).stdout) == {
        "before": None,
        "after": "0003",
    }
    assert run("audit", database=url).exit_code == 0


# Ledgers that can't be used


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_is_not_there_is_not_made(command: tuple[str, ...]) -> None:
    ended = run(*command)
    assert ended.exit_code == 3
    assert said(ended) == ("sqlite:///earnest.db: no such file; `earnest migrate` makes one, --database names another")
    assert [path.name for path in Path().iterdir()] == ["jobs.csv"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_without_tables_is_left_without(command: tuple[str, ...]) -> None:
    Path("earnest.db").touch()
    ended = run(*command)
    assert ended.exit_code == 3
    assert said(ended).endswith("the database has none of Earnest's tables; `earnest migrate` makes them")
    assert connect("earnest.db").execute("select count(*) from sqlite_master").fetchone() == (0,)


@pytest.mark.parametrize("command", [*COMMANDS, ("migrate",)], ids=" ".join)
def test_a_database_of_a_newer_version_is_refused(command: tuple[str, ...], database: str) -> None:
    sql(database, "update alembic_version set version_num = '9999'")
    ended = run(*command, database=database)
    assert ended.exit_code == 3
    assert said(ended).endswith(
        ": the database is of version 9999, which a newer Earnest made; this one knows up to 0003: "
        "install the newer one, or restore a copy from before it was migrated"
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_another_pack_than_the_one_in_force_is_refused(command: tuple[str, ...], lived: str) -> None:
    Path("mine.toml").write_text(ARTICLE.replace("carry_limit = 140", "carry_limit = 100"), encoding="utf-8")
    ended = run(*command, "--pack", "mine.toml", database=lived)
    assert ended.exit_code == 3
    assert "carry_limit: was 140, is 100" in said(ended)
    assert said(ended).endswith("--pack names the pack in force")


@pytest.mark.parametrize("command", [*COMMANDS, ("migrate",)], ids=" ".join)
def test_a_server_out_of_reach_is_said_without_the_password(command: tuple[str, ...]) -> None:
    ended = run(*command, database="postgresql://ana:verysecret@127.0.0.1:1/earnest")
    assert ended.exit_code == 3
    assert said(ended).startswith("postgresql://ana:…@127.0.0.1:1/earnest: ")
    assert "Connection refused" in said(ended)
    assert "verysecret" not in ended.output


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("earnest.db", "earnest.db"),
        ("sqlite://earnest.db", "sqlite://earnest.db"),
        ("sqlite:///", "sqlite:///"),
        ("postgresql:", "postgresql:"),
        ("mysql://ana:verysecret@db/x", "mysql://ana:…@db/x"),
        ("mysql://db/x?user=ana&password=verysecret&a=1", "mysql://db/x?user=ana&password=…&a=1"),
    ],
)
@pytest.mark.parametrize("command", [*COMMANDS, ("migrate",)], ids=" ".join)
def test_what_is_no_address_is_wrong_input(command: tuple[str, ...], url: str, shown: str) -> None:
    ended = run(*command, database=url)
    assert ended.exit_code == 1
    assert said(ended) == f"database: expected sqlite:///FILE or postgresql://USER@HOST/NAME, got {shown}"


@pytest.mark.parametrize("command", [*COMMANDS, ("migrate",)], ids=" ".join)
def test_files_that_are_no_databases_are_said_so(command: tuple[str, ...]) -> None:
    for url in ("sqlite:///jobs.csv", "sqlite:///."):
        ended = run(*command, database=url)
        assert ended.exit_code == 3
        assert said(ended).startswith(f"{url}: ")
        assert said(ended).endswith(("file is not a database", "unable to open database file"))


@pytest.mark.parametrize("command", [*COMMANDS, ("migrate",)], ids=" ".join)
def test_a_user_who_may_not_is_told_so(command: tuple[str, ...], new_postgresql: Callable[[], str]) -> None:
    url = new_postgresql()
    name = url.rpartition("/")[2]
    sql(url, f'do $$ begin create role "{name}" login; exception when duplicate_object then null; end $$')
    try:
        ended = run(*command, database=url.replace("//earnest@", f"//{name}@"))
        assert ended.exit_code == 3
        assert "permission denied" in said(ended)
    finally:
        sql(url, f'drop role "{name}"')


def test_a_database_that_fails_meanwhile_is_said(lived: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise UnavailableError("PostgreSQL: the connection\n\tis lost")

    monkeypatch.setattr(Ledger, "fetch", fail)
    ended = run("settle", database=lived)
    assert ended.exit_code == 3
    assert said(ended) == f"{lived}: PostgreSQL: the connection is lost"


def test_a_defect_is_no_complaint_about_the_ledger(lived: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise KeyError("n")

    monkeypatch.setattr(Ledger, "fetch", fail)
    assert isinstance(run("settle", database=lived).exception, KeyError)


@pytest.mark.parametrize(
    ("database", "shown"),
    [
        ("postgresql://ana@db:5432/x", "postgresql://ana@db:5432/x"),
        ("postgresql://ana:p:/w@db:5432/x", "postgresql://ana:…@db:5432/x"),
        ("postgresql:///x?host=/run&password=p", "postgresql:///x?host=/run&password=…"),
    ],
)
def test_passwords_are_left_out(database: str, shown: str) -> None:
    assert ledger.without_secrets(database) == shown


# settle


def test_settle_writes_up_what_is_due_and_says_so(lived: str) -> None:
    before = json.loads(run("journal", "ext:ben", "--json", database=lived).stdout)
    assert json.loads(run("settle", "--json", database=lived).stdout) == {
        "accounts_settled": 1,
        "accounts_failed": [],
        "requests_dropped": 0,
        "returns_finished": 0,
        "events_dropped": 0,
        "expiring_told": 0,
    }
    ended = run("settle", database=lived)
    assert ended.exit_code == 0
    assert ended.stdout.startswith("0 accounts were written up and 0 returns finished; 0 old idempotency keys")
    after = json.loads(run("journal", "ext:ben", "--json", database=lived).stdout)
    assert None in [line.pop("recorded_at") for line in before["entries"]]
    assert None not in [line.pop("recorded_at") for line in after["entries"]]
    assert before == after


def test_settle_goes_on_with_returns_that_were_left(lived: str) -> None:
    with Marketplace.open(lived) as market:
        [job] = market.jobs().items
        market.wait(market._inner.ledger.store.change("update job set closed_at = 1, close_reason = 'cancelled'"))
        number = {"job": job.id[4:], "at": 1}
        statement = "insert into task (job_id, kind, started_at) values (id(:job), 'closing', :at)"
        market.wait(market._inner.ledger.store.change(statement, number))
    audited = json.loads(run("audit", "--json", database=lived).stdout)
    assert (audited["pending"], audited["differences"]) == (1, [])
    assert "of closings under way: 1 proposals." in run("audit", database=lived).stdout
    assert json.loads(run("settle", "--json", database=lived).stdout)["returns_finished"] == 1
    assert json.loads(run("audit", "--json", database=lived).stdout)["pending"] == 0


# audit


def test_an_audit_that_agrees_prints_what_it_adds_up_to(lived: str) -> None:
    ended = run("audit", database=lived)
    assert (ended.exit_code, ended.stderr) == (0, "")
    rows = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines() if line[-1:].isdecimal())
    assert {name.strip(): int(figure) for name, figure in rows.items()} == {
        "granted": 70 + 3 + 60,
        "bought": 5,
        "returned": 0,
        "spent": 2,
        "expired": 0,
        "forfeited": 0,
        "taken back": 0,
        "held": 76 + 60,
        "debt": 0,
    }
    assert "5 lines of 2 accounts were read." in ended.stdout
    assert "Everything agrees." in ended.stdout
    found = json.loads(run("audit", "--json", database=lived).stdout)
    assert (found["accounts"], found["entries"], found["totals"]["granted"]) == (2, 5, 133)
    assert found["differences"] == []


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_an_audit_that_finds_something_names_the_accounts_and_ends_with_1(
    lived: str, json_option: tuple[str, ...]
) -> None:
    with Marketplace.open(lived) as market:
        known = {market.account(name).id for name in ("ext:ana", "ext:ben")}
    sql(lived, "update account set balance = balance + 1")
    ended = run("audit", *json_option, database=lived)
    assert ended.exit_code == 1
    assert {line.partition(":")[0] for line in ended.stderr.splitlines()} == known
    if json_option:
        assert {each["account_id"] for each in json.loads(ended.stdout)["differences"]} == known
    else:
        assert "Differences: " in ended.stdout


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("balance = balance + 1", ": lines say 61, lots hold 60, debt 0; "),
        ("lots = '[2,[]]'", ": its lots are of format 2, this version knows 1; "),
    ],
)
def test_a_damaged_account_is_named_and_the_audit_recommended(lived: str, damage: str, complaint: str) -> None:
    sql(lived, f"update account set {damage} where n = 1")  # noqa: S608
    ended = run("journal", "ext:ben", database=lived)
    assert ended.exit_code == 3
    assert complaint in said(ended)
    assert said(ended).endswith("`earnest audit` tells what else differs")
    # It keeps no other account from being settled.
    ended = run("settle", database=lived)
    assert ended.exit_code == 1
    assert "were written up" in ended.stdout
    assert [complaint in line and "`earnest audit`" in line for line in ended.stderr.splitlines()] == [True]


# journal


def test_a_journal_shows_every_line_and_what_is_due(lived: str) -> None:
    ended = run("journal", "ext:ana", database=lived)
    assert (ended.exit_code, ended.stderr) == (0, "")
    lines = [line.split() for line in ended.stdout.splitlines() if line.strip()[:2] == "20"]
    assert [line[2:6] for line in lines] == [
        ["allot", "70", "allotment", "70"],
        ["spend", "-2", "allotment", "68"],
        ["bonus", "3", "bonus", "71"],
        ["purchase", "5", "purchase", "76"],
    ]
    assert lines[1][6].startswith("job_")
    assert lines[3][6].startswith("pur_")
    assert ended.stdout.endswith("4 lines; 76 connects are there\n")
    idle = run("journal", "ext:ben", database=lived).stdout
    written, *due = [line for line in idle.splitlines() if line.strip()[:2] == "20"]
    assert "due, not yet written" not in written
    assert len(due) > 3
    assert all("due, not yet" in line for line in due)


def test_a_journal_as_csv_has_the_names_of_the_api_and_no_formulas(lived: str) -> None:
    ended = run("journal", "ext:ana", "--csv", database=lived)
    assert (ended.exit_code, ended.stderr) == (0, "")
    rows = list(csv.DictReader(ended.stdout.splitlines(keepends=True)))
    assert list(rows[0]) == ENTRY_FIELDS.split() == list(COLUMNS)
    assert [row["connects"] for row in rows] == ["70", "-2", "3", "5"]
    assert [row["paid"] for row in rows] == ["false", "false", "false", "true"]
    assert rows[2]["note"] == '\'=HYPERLINK("http://example.org")'
    assert rows[1]["proposal_id"].startswith("prp_")
    assert all(row["effective_at"].endswith("Z") and row["recorded_at"].endswith("Z") for row in rows)
    due = list(csv.DictReader(run("journal", "ext:ben", "--csv", database=lived).stdout.splitlines(keepends=True)))
    assert [row["recorded_at"] == "" for row in due] == [False, *[True] * (len(due) - 1)]


def test_a_journal_as_json_is_what_the_use_case_answers(lived: str) -> None:
    shown = json.loads(run("journal", "ext:ana", "--json", database=lived).stdout)
    with Marketplace.open(lived) as market:
        ana = market.account("ext:ana")
        page = market.entries(ana.id)
    assert shown["account_id"] == ana.id
    assert (shown["available"], shown["debt"]) == (76, 0)
    assert [line["id"] for line in shown["entries"]] == [line.id for line in page.items]
    assert sorted(shown["entries"][0]) == sorted([*ENTRY_FIELDS.split(), "plan"])


@pytest.mark.parametrize("more", [0, 1])
def test_a_journal_of_any_length_is_read_to_its_end(new_sqlite: Callable[[], str], more: int) -> None:
    url, lines = new_sqlite(), 2 * LINES_AT_ONCE + more
    with Marketplace.open(url) as market:
        ana = market.open_account(kind="individual", plan="plus", external_id="ana")

        async def grant_many() -> None:
            for _ in range(lines - 1):
                await market._inner.grant(ana.id, 1, reason="more")

        market.wait(grant_many())
    shown = json.loads(run("journal", ana.id, "--json", database=url).stdout)["entries"]
    assert len(shown) >= lines
    assert [int(line["id"].rpartition("_")[2]) for line in shown] == list(range(1, len(shown) + 1))
    rows = list(csv.DictReader(run("journal", ana.id, "--csv", database=url).stdout.splitlines(keepends=True)))
    assert [row["id"] for row in rows] == [line["id"] for line in shown]
    text = run("journal", ana.id, database=url).stdout
    assert f"lines 501 to {1_000:,}" in text
    assert f"{len(shown):,} lines; " in text


@pytest.mark.parametrize("account", ["acc_1", "ext:nobody", "ana", f"acc_{'0' * 32}", ""])
@pytest.mark.parametrize("option", [(), ("--csv",), ("--json",)])
def test_an_unknown_account_is_wrong_input(lived: str, account: str, option: tuple[str, ...]) -> None:
    ended = run("journal", account, *option, database=lived)
    assert ended.exit_code == 1
    assert said(ended) == (f"{account}: no such account; expected acc_… or ext: and an external id of this database")


def test_a_reader_of_a_journal_that_went_away_ends_it_quietly(lived: str) -> None:
    read, written = os.pipe()
    os.close(read)
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "earnest", "journal", "ext:ana", "--csv", "--database", lived],
        stdout=written,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(written)
    assert (ended.returncode, ended.stderr) == (141, "")


# Interrupted


def test_an_interrupt_ends_it_with_130_and_leaves_the_ledger_whole(tmp_path: Path) -> None:
    assert run("migrate").exit_code == 0
    fifo = tmp_path / "jobs.csv"
    os.mkfifo(fifo)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "earnest", "import", "jobs", str(fifo)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with fifo.open("wb", buffering=0) as jobs:
        jobs.write(b"type,budget,duration,weekly_hours,client,external_id\n")
        # The pipe takes what is more than it holds only as it is read: then the first of it are being posted.
        for number in range(10_000):
            jobs.write(b"fixed,10,,,dan,%d\n" % number)
        process.send_signal(signal.SIGINT)
        # Reading goes on only once the interrupt has been heard, or not at all.
        out, complaints = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in complaints
    assert run("audit").exit_code == 0


def test_only_a_note_that_would_be_executed_is_guarded() -> None:
    for note in ("", "a job", "the job's", "1 = 1", "'=1"):
        assert guarded(note) == note
    for note in ("=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "  =1"):
        assert guarded(note) == f"'{note}"


# rehearse

REHEARSE = ("rehearse", "--postings", "jobs.csv", "--freelancers", "8", "--months", "1", "--seed", "2")


def test_a_rehearsal_shows_what_circulated_and_is_kept(new_sqlite: Callable[[], str]) -> None:
    shown, told = run(*REHEARSE), run(*REHEARSE, "--json", database=new_sqlite())
    assert (shown.exit_code, shown.stderr) == (told.exit_code, told.stderr) == (0, "")
    result = json.loads(told.stdout)
    assert f"Fingerprint: {result['fingerprint']}\n" in shown.stdout
    assert f"{result['requests']:,} requests took " in shown.stdout
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line.strip()}
    assert int(rows["2016-01"][1].replace(",", "")) == result["totals"]["granted"] > 0
    assert result["skipped"] == 0
    audited = json.loads(run("audit", "--json").stdout)
    assert (audited["accounts"], audited["entries"]) == (8, result["lines"])


def test_a_rehearsal_leaves_a_database_with_something_in_it_alone(lived: str) -> None:
    ended = run(*REHEARSE, database=lived)
    assert ended.exit_code == 1
    assert said(ended).startswith(f"{lived}: expected an empty database, got one with something in its table ")
    assert run("audit", database=lived).exit_code == 0


def test_a_rehearsal_that_differs_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearse, "_told_by_ledger", lambda _: ("something",))
    ended = run(*REHEARSE)
    assert ended.exit_code == 1
    assert said(ended).startswith("sqlite:///earnest.db: ")
    assert "the ledger says ('something',), the rules " in said(ended)


@pytest.mark.parametrize(
    ("url", "code"), [("postgresql://ana@127.0.0.1:1/x", 3), ("sqlite:////none/x.db", 3), ("mysql://x", 1)]
)
def test_a_rehearsal_without_a_database_ends_with_a_line(url: str, code: int) -> None:
    ended = run(*REHEARSE, database=url)
    assert ended.exit_code == code
    assert url in said(ended)


def test_a_rehearsal_needs_postings() -> None:
    Path("jobs.csv").write_text("type,budget,duration,weekly_hours\n", encoding="utf-8")
    ended = run(*REHEARSE)
    assert ended.exit_code == 1
    assert said(ended) == "jobs.csv: postings: expected at least one, got none"
    assert not Path("earnest.db").exists()
