"""What becomes of an exception in the log: where it was raised, and nothing that it might quote."""

import json
import logging
from collections.abc import Callable, Iterator

import psycopg
import pytest

from earnest.api import logs
from earnest.ledger.errors import StoreError

LETTER = "call me at Sesame Street"


@pytest.fixture(autouse=True)
def _configured() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("info")
    yield
    root.handlers[:] = before
    root.setLevel(level)


def logged(capfd: pytest.CaptureFixture[str], do: Callable[[], object]) -> dict[str, object]:
    """The one line that is logged about what something raises."""
    # What was done in this process before may have left lines that are not written yet.
    logs.flush()
    capfd.readouterr()
    try:
        do()
    except Exception:
        logging.getLogger("earnest.api").exception("a request failed")
    logs.flush()
    [line] = capfd.readouterr().err.splitlines()
    assert "Sesame" not in line
    found: dict[str, object] = json.loads(line)
    return found


def raises_what_it_was_sent() -> None:
    raise RuntimeError(LETTER) from KeyError(LETTER)


def test_an_exception_is_told_by_its_kind_and_where_it_was_raised(capfd: pytest.CaptureFixture[str]) -> None:
    line = logged(capfd, raises_what_it_was_sent)
    assert (line["event"], line["level"], line["logger"]) == ("a request failed", "error", "earnest.api")
    first, second = line["exception"]  # type: ignore[misc]
    assert (first["kind"], second["kind"]) == ("RuntimeError", "KeyError")
    assert first["frames"][-1].endswith("raises_what_it_was_sent")
    assert "says" not in first


def test_what_the_language_itself_says_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    line = logged(capfd, lambda: None.missing)  # type: ignore[attr-defined]
    assert line["exception"][0]["says"] == "'NoneType' object has no attribute 'missing'"  # type: ignore[index]


def test_a_database_that_quotes_a_row_is_not_repeated(capfd: pytest.CaptureFixture[str], postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create temporary table letter (text text check (length(text) < 5), number int)")
        for statement in (
            "insert into letter (text) values (%s)",
            "insert into letter (number) values (%s::text::int)",
            "select (%s::json)->1",
        ):
            line = logged(capfd, lambda sql=statement: connection.execute(sql, (LETTER,)))  # type: ignore[misc]
            assert line["exception"][0]["kind"].startswith("psycopg.errors.")  # type: ignore[index]
            connection.rollback()
            connection.execute("create temporary table letter (text text check (length(text) < 5), number int)")


def test_a_message_that_quotes_a_database_ends_with_its_first_line(capfd: pytest.CaptureFixture[str]) -> None:
    error = StoreError(f"value too long\nDETAIL:  Failing row contains ({LETTER}).")
    logging.getLogger("earnest.ledger").warning("%s; %s requests are tried again", error, 3)
    logs.flush()
    [line] = capfd.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "value too long"


def test_a_line_bears_the_request_that_it_was_written_for(capfd: pytest.CaptureFixture[str]) -> None:
    token = logs.REQUEST.set("mine-1")
    logging.getLogger("earnest.ledger").warning("a\tb")
    logs.REQUEST.reset(token)
    logs.flush()
    assert json.loads(capfd.readouterr().err)["request_id"] == "mine-1"
