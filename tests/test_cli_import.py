"""Importing jobs: each once, for its client, many at once, and what is wrong with a row is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from earnest import Marketplace
from earnest.cli import app
from earnest.cli.posting_commands import BAD_ROWS_SHOWN
from earnest.lab import import_jobs
from earnest.ledger.errors import UnavailableError
from earnest.marketplace.shown import JobShown
from earnest.rules.price import Duration, JobType, WeeklyHours
from tests.real import POSTINGS, needs_postings

HEADER = "type,budget,duration,weekly_hours"
FULL = f"{HEADER},client,title,description,category,external_id\n"
JOBS = (
    f"{FULL}fixed,300,,,dan,A logo,Make it blue.,Design,j1\n"
    "hourly,,over_6_months,30_or_more,eva,,,Customer Service,j2\n"
    "unstated,,,,dan,,,,j3\n"
)


@pytest.fixture
def imported(database: str, tmp_path: Path) -> Callable[..., Result]:
    """Imports a text as a file into a fresh database."""

    def run(text: str | None, *options: str) -> Result:
        path = POSTINGS if text is None else tmp_path / "jobs.csv"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["import", "jobs", str(path), "--database", database, *options])

    return run


def counts(ended: Result) -> dict[str, int]:
    assert ended.exit_code == 0, ended.output
    shown: dict[str, int] = json.loads(ended.stdout)
    return shown


def every_job(database: str) -> list[JobShown]:
    def pages(market: Any) -> Iterator[JobShown]:
        cursor = None
        while True:
            page = market.jobs(limit=500, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    with Marketplace.open(database) as market:
        return list(pages(market))


def test_jobs_are_posted_with_all_that_their_rows_say(imported: Callable[..., Result], database: str) -> None:
    ended = imported(JOBS)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == (
        "3 jobs were posted, and 2 new clients made known; 0 were there already and left as they are; 0 rows skipped\n"
    )
    jobs = {each.external_id: each for each in every_job(database)}
    first, second, third = (jobs[name] for name in ("j1", "j2", "j3"))
    assert (first.title, first.description, first.type, first.price) == ("A logo", "Make it blue.", JobType.FIXED, 2)
    assert first.budget is not None
    assert (first.budget.amount, first.budget.currency) == (30_000, "USD")
    assert (second.title, second.price) == ("Hourly job in Customer Service", 5)
    assert (second.duration, second.weekly_hours) == (Duration.OVER_6_MONTHS, WeeklyHours.THIRTY_OR_MORE)
    assert (third.title, third.budget) == ("Fixed-price job", None)
    assert first.client_id == third.client_id != second.client_id
    with Marketplace.open(database) as market:
        assert market.client("ext:eva").id == second.client_id


def test_importing_twice_imports_once_and_says_so(imported: Callable[..., Result], database: str) -> None:
    first = counts(imported(JOBS, "--json"))
    assert first == {"posted": 3, "there_already": 0, "clients_created": 2, "skipped": 0}
    before = every_job(database)
    # One of them says something else now, and one more is there.
    text = JOBS.replace("A logo", "Two logos") + "fixed,10,,,fay,,,,j4\n"
    again = counts(imported(text, "--json"))
    assert again == {"posted": 1, "there_already": 3, "clients_created": 1, "skipped": 0}
    assert every_job(database)[1:] == before
    assert "0 jobs were posted; 4 were there already" in imported(text).stdout


def test_what_is_twice_in_a_file_is_posted_once(imported: Callable[..., Result], database: str) -> None:
    text = JOBS + "fixed,300,,,dan,A logo,Make it blue.,Design,j1\nfixed,10,,,dan,,,,j1\n"
    assert counts(imported(text, "--json"))["there_already"] == 2
    assert len(every_job(database)) == 3


def test_what_an_earlier_import_posted_is_known_when_its_keys_are_forgotten(
    imported: Callable[..., Result], database: str
) -> None:
    imported(JOBS)
    with Marketplace.open(database) as market:
        market.wait(market._inner.ledger.store.change("delete from request"))
    assert counts(imported(JOBS, "--json"))["there_already"] == 3


def test_rows_without_an_external_id_are_posted_each_time(imported: Callable[..., Result], database: str) -> None:
    text = f"{HEADER},client\nfixed,300,,,dan\nfixed,300,,,dan\n"
    assert [counts(imported(text, "--json"))["posted"] for _ in range(2)] == [2, 2]
    assert len(every_job(database)) == 4


@pytest.mark.parametrize("named", ["id", "ext"])
def test_all_of_them_may_be_one_clients(imported: Callable[..., Result], database: str, named: str) -> None:
    with Marketplace.open(database) as market:
        gus = market.create_client(external_id="gus").id
    found = counts(imported(JOBS, "--json", "--client", gus if named == "id" else "ext:gus"))
    assert found == {"posted": 3, "there_already": 0, "clients_created": 0, "skipped": 0}
    assert {job.client_id for job in every_job(database)} == {gus}


@pytest.mark.parametrize("client", ["ext:nobody", "cli_1", "gus", f"cli_{'0' * 32}"])
def test_an_unknown_client_is_wrong_input(imported: Callable[..., Result], database: str, client: str) -> None:
    ended = imported(JOBS, "--client", client)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == (f"client: expected cli_… or ext: and an external id that is known, got {client}\n")
    assert every_job(database) == []


def test_bad_rows_are_told_and_the_others_posted(imported: Callable[..., Result], database: str) -> None:
    text = (
        f"{FULL}fixd,300,,,dan,,,,a\n"
        "fixed,300,,,,,,,b\n"
        f"fixed,300,,,{'x' * 201},,,,c\n"
        f"fixed,300,,,dan,{'x' * 201},,,d\n"
        f"fixed,300,,,dan,,,,{'x' * 201}\n"
        "fixed,300,,,dan,,,,f\n"
    )
    ended = imported(text, "--json")
    assert counts(ended) == {"posted": 1, "there_already": 0, "clients_created": 1, "skipped": 5}
    lines = sorted(line.partition("jobs.csv: ")[2] for line in ended.stderr.splitlines())
    assert lines == [
        "line 2: type: expected fixed, hourly or unstated, got 'fixd'",
        "line 3: client: expected an external id of 1 to 200 characters, got none",
        "line 4: client: expected an external id of 1 to 200 characters, got one of 201 characters",
        "line 5: title: expected a text of 1 to 200 characters, got 201",
        "line 6: external_id: expected a text of 1 to 200 characters, got 201",
    ]
    assert [job.external_id for job in every_job(database)] == ["f"]


def test_of_many_bad_rows_the_first_are_shown(imported: Callable[..., Result]) -> None:
    ended = imported(f"{HEADER}\n" + "fixed,300,,\n" * (BAD_ROWS_SHOWN + 1_500))
    assert len(ended.stderr.splitlines()) == BAD_ROWS_SHOWN + 1
    assert ended.stderr.endswith("jobs.csv: and 1,500 more\n")
    assert ended.stdout.endswith("0 jobs were posted; 0 were there already and left as they are; 1,520 rows skipped\n")


def test_columns_may_be_named_otherwise(imported: Callable[..., Result], database: str) -> None:
    text = f"{HEADER},who,heading\nfixed,300,,,dan,A logo\n"
    ended = imported(text, "--json", "--column", "client=who", "--column", "title=heading")
    assert counts(ended)["posted"] == 1
    assert [job.title for job in every_job(database)] == ["A logo"]


def test_a_file_that_is_none_posts_nothing(imported: Callable[..., Result]) -> None:
    ended = imported("PK")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "jobs.csv: type: expected a column 'type', got the columns 'PK'" in ended.stderr


def test_never_more_than_the_bound_are_in_flight(new_sqlite: Callable[[], str], tmp_path: Path) -> None:
    post, now, most = import_jobs._Importer._post, 0, 0

    async def counted(self: Any, posting: Any) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await post(self, posting)
        now -= 1

    path = tmp_path / "jobs.csv"
    path.write_text(f"{HEADER},client\n" + "fixed,300,,,dan\n" * 1_234, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_jobs._Importer, "_post", counted)
        ended = CliRunner().invoke(app, ["import", "jobs", str(path), "--json", "--database", new_sqlite()])
    assert counts(ended)["posted"] == 1_234
    assert most == import_jobs.IN_FLIGHT == 500


def test_a_ledger_that_fails_on_the_way_can_be_gone_on_with(
    imported: Callable[..., Result], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, asked = import_jobs._Importer._post, []

    async def fail(self: Any, posting: Any) -> None:
        asked.append(posting)
        if len(asked) == 700:
            raise UnavailableError("the connection is lost", outcome_unknown=True)
        await post(self, posting)

    text = f"{HEADER},client,external_id\n" + "".join(f"fixed,300,,,dan,j{number}\n" for number in range(1_200))
    with monkeypatch.context() as patch:
        patch.setattr(import_jobs._Importer, "_post", fail)
        ended = imported(text)
    assert (ended.exit_code, ended.stdout) == (3, "")
    assert ended.stderr == f"{database}: the connection is lost\n"
    found = counts(imported(text, "--json"))
    assert found["posted"] + found["there_already"] == 1_200
    assert found["there_already"] >= 500
    assert len(every_job(database)) == 1_200


@needs_postings
def test_the_postings_of_2023_are_imported_once(imported: Callable[..., Result], database: str) -> None:
    found = counts(imported(None, "--json"))
    assert (found["posted"], found["skipped"]) == (9_761, 0)
    assert counts(imported(None, "--json"))["there_already"] == 9_761
    jobs = every_job(database)
    assert len(jobs) == len({job.external_id for job in jobs}) == 9_761
    assert len({job.client_id for job in jobs}) == found["clients_created"]
    assert max(range(1, 6), key=[job.price for job in jobs].count) == 2
