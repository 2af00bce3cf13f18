"""The command line: what it prints where, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from earnest import packs
from earnest.cli import app
from earnest.cli.options import DATABASE, DatabaseOption
from earnest.cli.posting_commands import BAD_ROWS_SHOWN, Postings
from earnest.cli.show import PLAIN_WIDTH, put
from earnest.lab import simulate, town
from earnest.rules.pack import PackError, canonical_text, fingerprint
from tests.real import POSTINGS, needs_postings

ARTICLE = files("earnest.packs").joinpath("article.toml").read_text(encoding="utf-8")
HEADER = "type,budget,duration,weekly_hours\n"
SEVERAL = f"{HEADER}fixed,10,,\nfixed,100,,\nfixed,499.99,,\nhourly,,over_6_months,30_or_more\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def earnest(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    # Settings of whoever runs the tests; unbuffered output would hide what fails only when the interpreter ends.
    left_out = ("FORCE_COLOR", "GITHUB_ACTIONS", "PYTHONUNBUFFERED")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in left_out},
        **options.pop("env", {}),
    }
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "earnest", *map(str, arguments)],
        env=environment,
        text=True,
        timeout=60,
        check=False,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    )


def later(**fields: Any) -> str:
    """The article with a second revision, from March 2027, with fields set otherwise."""
    first = ARTICLE[ARTICLE.index("[[revisions]]") :]
    for name, value in fields.items():
        first, count = re.subn(rf"(?m)^{name} = [^#\n]*", f"{name} = {value} ", first, count=1)
        assert count == 1, name
    first = first.replace("number = 1\n", "number = 2\neffective_from = 2027-03-01\n", 1)
    return f"{ARTICLE}\n{first}"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# The whole


def test_version_and_help() -> None:
    assert re.fullmatch(r"earnest \d+\.\d+\.\d+\n", run("--version").stdout)
    whole = run("--help")
    assert whole.exit_code == 0
    for command in (
        "check-pack",
        "price",
        "simulate",
        "rehearse",
        "migrate",
        "settle",
        "audit",
        "journal",
        "import",
        "import jobs",
    ):
        assert command.split()[0] in whole.stdout
        assert run(*command.split(), "--help").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("prise",),
        ("price",),
        ("price", "a.csv", "b.csv"),
        ("price", "a.csv", "--loud"),
        ("price", "a.csv", "--column", "type"),
        ("price", "a.csv", "--column", "type="),
        ("price", "a.csv", "--column", "colour=x"),
        ("price", "a.csv", "--column", "title=x"),
        ("price", "a.csv", "--column", "type=x", "--column", "type=y"),
        ("check-pack",),
        ("simulate",),
        ("journal",),
        ("journal", "acc_1", "--csv", "--json"),
        ("import",),
        ("import", "jobs"),
        ("import", "jobs", "a.csv", "--column", "posted_at=x"),
        ("import", "jobs", "a.csv", "--client", "ext:dan", "--column", "client=x"),
        ("migrate", "now"),
        ("simulate", "--postings", "a.csv", "--freelancers", "0", "--months", "1", "--seed", "1"),
        ("simulate", "--postings", "a.csv", "--freelancers", "1", "--months", "99999", "--seed", "1"),
        ("simulate", "--postings", "a.csv", "--freelancers", "1", "--months", "1.5", "--seed", "1"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "environment", "url"),
    [
        ((), {}, "sqlite:///earnest.db"),
        ((), {"EARNEST_DATABASE": ""}, "sqlite:///earnest.db"),
        ((), {"EARNEST_DATABASE": "sqlite:///other.db"}, "sqlite:///other.db"),
        (("--database", "sqlite:///mine.db"), {"EARNEST_DATABASE": "sqlite:///other.db"}, "sqlite:///mine.db"),
    ],
)
def test_the_database_is_the_options_then_the_environments_then_the_usual_one(
    arguments: tuple[str, ...], environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARNEST_DATABASE", raising=False)
    told = typer.Typer()

    @told.command()
    def tell(database: DatabaseOption = DATABASE) -> None:
        put(database)

    assert CliRunner().invoke(told, arguments, env=environment).stdout == url


def test_help_waits_for_nothing_that_takes_long_to_import() -> None:
    script = "import sys, earnest.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    assert "earnest.cli.posting_commands" in loaded
    later = {"earnest.lab.simulate", "earnest.lab.rehearse", "earnest.marketplace", "alembic", "psycopg", "sqlalchemy"}
    assert not later & set(loaded)


def test_no_terminal_no_colour_and_a_fixed_width() -> None:
    shown = earnest("check-pack", "article", env={"COLUMNS": "20"})
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    widths = {len(line) for line in shown.stdout.splitlines()}
    assert 100 < max(widths) <= PLAIN_WIDTH
    assert not re.search(r" $", shown.stdout, re.MULTILINE)


def test_an_encoding_without_the_characters_is_no_reason_to_fail() -> None:
    shown = earnest("check-pack", "article", env={"PYTHONIOENCODING": "ascii"})
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.isascii()
    # Lines are drawn with what there is, not escaped one by one.
    assert "\\u2500" not in shown.stdout


@pytest.mark.parametrize("command", [("check-pack", "article"), ("check-pack", "--json", "article"), ("--version",)])
def test_a_reader_that_went_away_ends_it_quietly(command: tuple[str, ...]) -> None:
    read, written = os.pipe()
    os.close(read)
    ended = earnest(*command, stdout=written)
    os.close(written)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.parametrize("command", [("check-pack", "article"), ("--help",)])
def test_output_that_can_not_be_written_is_said(command: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        ended = earnest(*command, stdout=full)
    assert (ended.returncode, ended.stderr) == (1, "standard output: No space left on device\n")


def test_an_interrupt_ends_it_quietly_with_130(tmp_path: Path) -> None:
    fifo = tmp_path / "jobs.csv"
    os.mkfifo(fifo)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "earnest", "price", str(fifo)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    # Opening to write waits until the other side reads, and so until the command is at work.
    with fifo.open("wb", buffering=0) as jobs:
        jobs.write(SEVERAL.encode())
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, complaints = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in complaints


# Packs


def test_a_pack_is_loaded_by_name_or_from_a_file(write: Any) -> None:
    assert packs.built_in() == ["article"]
    assert packs.load("article").file.name == "article"
    assert packs.load(write("other.toml", ARTICLE.replace('"article"', '"other"'))).file.name == "other"


def test_a_built_in_name_comes_before_a_file_of_that_name(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write("article", ARTICLE.replace('"article"', '"mine"')).parent)
    assert packs.load("article").file.name == "article"
    assert packs.load("./article").file.name == "mine"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            ARTICLE.replace("lapse_days = 30", "lapse_days = 0"),
            "revisions[0].lapse_days: expected a whole number of at least 1, got 0",
        ),
        ("name = 1 = 2", "expected TOML: "),
        ("a = " + "[" * 50_000, "expected TOML: maximum recursion depth exceeded"),
        ("a = " + "1" * 10_000, "expected TOML: Exceeds the limit"),
        (b"\x7fELF\xff\x00", "expected UTF-8 text: "),
        (b"#" * 100_001, "expected a pack of at most 100,000 bytes, got more"),
        ("", "name: expected a value, got none"),
    ],
)
def test_a_pack_that_is_none_says_where_and_why(write: Any, content: str | bytes, said: str) -> None:
    path = write("mine.toml", content)
    with pytest.raises(PackError) as caught:
        packs.load(path)
    assert str(caught.value).startswith(f"{path}: {said}")
    ended = run("check-pack", path)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"{path}: {said}")
    assert len(ended.stderr.splitlines()) == 1


def test_every_mistake_is_a_line_of_its_own(write: Any) -> None:
    text = ARTICLE.replace("counts_to_day = 89", "counts_to_day = 13").replace("most_held = 350", "most_held = 69")
    path = write("mine.toml", text)
    ended = run("check-pack", path, "--json")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        f"{path}: revisions[0].plans[1].most_held: expected at least the month's 70 connects, got 69",
        f"{path}: revisions[0].conduct.counts_to_day: expected at least 14, got 13",
    ]


@pytest.mark.parametrize("command", ["check-pack", "price", "price --pack"])
def test_files_that_can_not_be_read(tmp_path: Path, command: str, write: Any) -> None:
    jobs = (write("jobs.csv", SEVERAL),) if command == "price --pack" else ()
    for path in (tmp_path / "none.toml", tmp_path, "x" * 5_000):
        ended = run(*command.split(), path, *jobs)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"{path}: expected a file ")
        assert len(ended.stderr.splitlines()) == 1


def test_a_file_that_may_not_be_read_is_said_so(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write("mine.toml", ARTICLE)
    monkeypatch.setattr(packs, "open", deny, raising=False)
    ended = run("check-pack", path)
    assert (ended.exit_code, ended.stderr) == (
        1,
        f"{path}: expected a file that can be read, got: Permission denied\n",
    )


def test_the_article_in_plain_words() -> None:
    text = run("check-pack", "article").stdout
    for part in (
        "basic",
        "yes, 1.00",
        "from 5,000.00 USD",
        "An individual is warned at 30 connects counted",
        "30 days",
    ):
        assert part in text
    pack = packs.load("article")
    assert f"sha-256 {fingerprint(canonical_text(pack, pack.revisions[0]))}\n" in text


def test_later_revisions_with_what_differs(write: Any) -> None:
    path = write("mine.toml", later(lapse_days=14))
    pack = packs.load(path)
    assert pack.revisions[1].effective_from == date(2027, 3, 1)
    text = run("check-pack", path).stdout
    assert "Revision 1, in force from the beginning" in text
    assert "Revision 2, in force from 1 March 2027" in text
    differs = text[text.index("What differs from revision 1") :]
    assert "  lapse_days: was 30, is 14\n" in differs
    whole = json.loads(run("check-pack", path, "--json").stdout)
    assert [each["lapse_days"] for each in whole["revisions"]] == [30, 14]
    assert whole["revisions"][0]["differences"] == []
    assert "lapse_days: was 30, is 14" in whole["revisions"][1]["differences"]
    for revision, shown in zip(pack.revisions, whole["revisions"], strict=True):
        assert shown["fingerprint"] == fingerprint(canonical_text(pack, revision))
        assert shown["fingerprint"] in text


def test_what_a_terminal_would_obey_is_escaped(write: Any) -> None:
    path = write("mine.toml", ARTICLE.replace("Find work and propose", "[bold]Find[/]\\u001b[31m"))
    text = run("check-pack", path).stdout
    assert "\x1b" not in text
    assert "[bold]Find[/]" in text


# Prices


def test_prices_as_json_are_all_of_the_cards(write: Any) -> None:
    ended = run("price", write("jobs.csv", SEVERAL), "--json")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == '{"prices": {"1": 1, "2": 2, "3": 0, "4": 0, "5": 1}, "skipped": 0}\n'


def test_prices_as_a_table(write: Any) -> None:
    ended = run("price", write("jobs.csv", SEVERAL))
    rows = [line.split() for line in ended.stdout.splitlines() if line.strip()]
    assert rows[0] == ["price", "postings", "share"]
    assert rows[2] == ["1", "1", "25.0", "%", "█" * 20]
    assert rows[3] == ["2", "2", "50.0", "%", "█" * 40]
    assert rows[4] == ["3", "0", "0.0", "%"]
    assert ended.stdout.endswith("4 priced, 0 skipped\n")


def test_prices_by_the_last_revision_of_another_pack(write: Any) -> None:
    pack = write("mine.toml", later(fixed_above=4, most=7))
    jobs = write("jobs.csv", f"{HEADER}fixed,9000,,\n")
    assert json.loads(run("price", jobs, "--pack", pack, "--json").stdout)["prices"] == {
        **dict.fromkeys("123567", 0),
        "4": 1,
    }


def test_budgets_have_the_decimals_of_the_packs_currency(write: Any) -> None:
    pack = write("yen.toml", ARTICLE.replace("minor_digits = 2", "minor_digits = 0"))
    jobs = write("jobs.csv", f"{HEADER}fixed,2500,,\nfixed,25.00,,\n")
    ended = run("price", jobs, "--pack", pack, "--json")
    assert json.loads(ended.stdout) == {"prices": {"1": 0, "2": 1, "3": 0, "4": 0, "5": 0}, "skipped": 1}


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), f"\ufeff{HEADER}".replace("\n", "\r\n")])
def test_a_header_alone_has_nothing_to_price(write: Any, content: str) -> None:
    path = write("jobs.csv", content)
    assert json.loads(run("price", path, "--json").stdout) == {"prices": dict.fromkeys("12345", 0), "skipped": 0}
    ended = run("price", path)
    assert ended.exit_code == 0
    assert "0 priced, 0 skipped" in ended.stdout


def test_bad_rows_are_named_by_line_and_skipped(write: Any) -> None:
    path = write("jobs.csv", f'{HEADER}fixed,"1\n0",,\nfixed,10,,\nfixd,,,\n')
    ended = run("price", path, "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == {"prices": {"1": 1, "2": 0, "3": 0, "4": 0, "5": 0}, "skipped": 2}
    first, second = ended.stderr.splitlines()
    assert first.startswith(f"{path}: line 3: budget: ")
    assert second == f"{path}: line 5: type: expected fixed, hourly or unstated, got 'fixd'"


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_strict_prices_nothing_where_a_row_is_bad(write: Any, json_option: tuple[str, ...]) -> None:
    path = write("jobs.csv", f"{SEVERAL}fixd,,,\n")
    ended = run("price", path, "--strict", *json_option)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1] == f"{path}: nothing was priced, as 1 row is bad"
    assert run("price", write("good.csv", SEVERAL), "--strict").exit_code == 0


@pytest.mark.parametrize("more", [0, 1, 5_000])
def test_of_many_bad_rows_the_first_are_shown(write: Any, more: int) -> None:
    path = write("jobs.csv", HEADER + "fixd,,,\n" * (BAD_ROWS_SHOWN + more))
    ended = run("price", path, "--json")
    complaints = ended.stderr.splitlines()
    assert json.loads(ended.stdout)["skipped"] == BAD_ROWS_SHOWN + more
    assert len(complaints) == BAD_ROWS_SHOWN + (1 if more else 0)
    assert complaints[0].startswith(f"{path}: line 2: ")
    if more:
        assert complaints[-1] == f"{path}: and {more:,} more"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "type: expected a column 'type', got no header"),
        ("type;budget\n", "type: expected a column 'type', got the columns 'type;budget'"),
        (
            "type,budget,duration\nfixed,1,\n",
            "weekly_hours: expected a column 'weekly_hours', got the columns 'type', ",
        ),
        (b"PK\x03\x04\xff", "the header: expected UTF-8 text, got the byte 0xff"),
    ],
)
def test_a_file_without_the_columns_prices_nothing(write: Any, content: str | bytes, said: str) -> None:
    path = write("jobs.csv", content)
    ended = run("price", path, "--json")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"{path}: {said}")
    assert len(ended.stderr.splitlines()) == 1


def test_columns_named_otherwise(write: Any) -> None:
    path = write("jobs.csv", "kind,much,duration,weekly_hours\nfixed,10,,\n")
    ended = run("price", path, "--column", "type=kind", "--column", "budget=much", "--json")
    assert json.loads(ended.stdout)["prices"]["1"] == 1


def test_details_and_their_columns_are_for_those_that_want_them(write: Any) -> None:
    path = str(write("jobs.csv", "type,budget,duration,weekly_hours,heading,posted_at\nfixed,10,,,Logo,soon\n"))
    (posting,) = Postings(path, ["title=heading"], packs.load("article"), ["title"])
    assert posting.title == "Logo"
    assert json.loads(run("price", path, "--json").stdout)["skipped"] == 0
    wanting = Postings(path, None, packs.load("article"), ["posted_at"])
    assert list(wanting) == []
    assert wanting.skipped == 1


def test_a_long_file_is_not_held_in_memory(write: Any) -> None:
    path = write("jobs.csv", HEADER + f"fixed,10,{'under_1_month':<200},\n" * 20_000)
    run("price", write("short.csv", SEVERAL), "--json")
    tracemalloc.start()
    try:
        ended = run("price", path, "--json")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert json.loads(ended.stdout)["prices"]["1"] == 20_000
    assert most < 1_000_000 < path.stat().st_size / 4


@needs_postings
def test_the_postings_of_2023_cost_all_prices_and_mostly_2() -> None:
    ended = earnest("price", POSTINGS, "--json", "--strict")
    assert (ended.returncode, ended.stderr) == (0, "")
    counted = json.loads(ended.stdout)
    prices = counted.pop("prices")
    assert counted == {"skipped": 0}
    assert list(prices) == ["1", "2", "3", "4", "5"]
    assert all(prices.values())
    assert max(prices, key=prices.get) == "2"
    assert sum(prices.values()) == 9_761


# Simulations

SIMULATE = ("simulate", "--freelancers", "30", "--months", "2", "--seed", "3", "--postings")


def test_a_simulation_shows_what_circulated_by_plan_and_month(write: Any) -> None:
    path = write("jobs.csv", f"{SEVERAL}fixd,,,\n")
    shown = run(*SIMULATE, path)
    assert shown.exit_code == 0
    assert shown.stderr.splitlines() == [f"{path}: line 6: type: expected fixed, hourly or unstated, got 'fixd'"]
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line.strip()}
    result = json.loads(run(*SIMULATE, path, "--json").stdout)
    assert result["skipped"] == 1
    for plan in ("basic", "plus", "agency"):
        granted = sum(row["granted"] for row in result["circulation"] if row["plan"] == plan)
        assert rows[plan][1] == f"{granted:,}"
    for month in ("2016-01", "2016-02"):
        held = sum(row["held"] for row in result["circulation"] if row["month"] == month)
        assert rows[month][-1] == f"{held:,}"


def test_the_same_seed_gives_the_same_figures(write: Any) -> None:
    path = write("jobs.csv", SEVERAL)
    once, again = (json.loads(run(*SIMULATE, path, "--json").stdout) for _ in range(2))
    other = json.loads(run(*SIMULATE, path, "--json", "--seed", "4").stdout)
    assert once == again
    assert once["circulation"] != other["circulation"]


@pytest.mark.parametrize(
    ("content", "said"), [(HEADER, "postings: expected at least one, got none"), ("", "type: expected a column")]
)
def test_a_simulation_needs_postings(write: Any, content: str, said: str) -> None:
    path = write("jobs.csv", content)
    ended = run(*SIMULATE, path)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"{path}: {said}")


def test_a_simulation_that_does_not_add_up_says_so(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def differ(*_: object) -> None:
        raise simulate.ConservationError("acc_7", 3, "holds 1, lines say 2")

    monkeypatch.setattr(town.Conservation, "check", differ)
    ended = run(*SIMULATE, write("jobs.csv", SEVERAL))
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "connects are not conserved: acc_7, line 3: holds 1, lines say 2\n"
