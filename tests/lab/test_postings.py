"""Job postings from CSV: what each cell may say, and what becomes of rows and files that can't be read."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.lab.postings import COLUMNS, DETAILS, MOST_LINE, BadRow, Posting, PostingsError, lines_of, read_postings
from earnest.packs import load
from earnest.rules.account import MOST_MINOR_UNITS
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours, price
from tests.real import POSTINGS, needs_postings

CARD = load("article").revisions[0].price_card
HEADER = "type,budget,duration,weekly_hours"


def read(text: str, *, minor_digits: int = 2, **columns: str) -> list[Posting | BadRow]:
    return list(read_postings(io.StringIO(text, newline=""), columns, minor_digits))


def size(row: str, minor_digits: int = 2) -> JobSize:
    (posting,) = read(f"{HEADER}\n{row}\n", minor_digits=minor_digits)
    assert isinstance(posting, Posting), posting
    return posting.size


def reason(row: str, minor_digits: int = 2) -> str:
    (bad,) = read(f"{HEADER}\n{row}\n", minor_digits=minor_digits)
    assert isinstance(bad, BadRow), bad
    return bad.reason


# What a cell may say


@pytest.mark.parametrize(
    ("cell", "minor_units"),
    [
        ("0", 0),
        ("25", 2_500),
        ("24.99", 2_499),
        ("24.9", 2_490),
        (" 24.99 ", 2_499),
        ('"1,500"', 150_000),
        ('"1,500.00"', 150_000),
        ('"12,345,678.90"', 1_234_567_890),
        # No float holds this one.
        ("90071992547409.91", MOST_MINOR_UNITS),
        ("0000000000000000000000000000000000000000000000005.01", 501),
        ("", None),
        ("  ", None),
    ],
)
def test_a_budget_is_a_decimal_amount_in_major_units(cell: str, minor_units: int | None) -> None:
    assert size(f"fixed,{cell},,").budget == minor_units


@pytest.mark.parametrize(
    "cell",
    [
        *("-5", "+5", "nan", "inf", "1e3", "1e999", "0x10", "1_000", "5.", ".5", "$500", "five", "1.2.3", "٣", "½"),
        *('"1,50"', '"1500,00"', '"1,500,0"', '",500"', "1 500"),
    ],
)
def test_anything_else_is_no_budget_and_is_quoted(cell: str) -> None:
    assert reason(f"fixed,{cell},,").startswith("budget: expected an amount such as 1500, ")
    assert reason(f"fixed,{cell},,").endswith(f"got {cell.strip(chr(34))!r}")


def test_a_budget_has_no_more_decimals_than_the_currency() -> None:
    assert reason("fixed,1.005,,") == "budget: expected at most 2 decimals, got '1.005'"
    assert size("fixed,1.005,,", minor_digits=3).budget == 1_005
    assert size("fixed,500,,", minor_digits=0).budget == 500
    assert reason("fixed,500.0,,", minor_digits=0) == "budget: expected at most 0 decimals, got '500.0'"


def test_a_budget_no_json_reader_keeps_exact_is_refused() -> None:
    assert reason("fixed,90071992547409.92,,").startswith("budget: expected at most 90071992547409.91, got ")
    assert len(reason(f"fixed,{'9' * 100_000},,")) < 200


@pytest.mark.parametrize(
    ("cell", "duration"),
    [
        ("", None),
        ("unstated", None),
        ("under_1_month", Duration.UNDER_1_MONTH),
        ("Less than 1 month", Duration.UNDER_1_MONTH),
        ("1_to_3_months", Duration.ONE_TO_THREE_MONTHS),
        ("1 to 3 months", Duration.ONE_TO_THREE_MONTHS),
        ("3_to_6_months", Duration.THREE_TO_SIX_MONTHS),
        ("3 to 6  Months ", Duration.THREE_TO_SIX_MONTHS),
        ("over_6_months", Duration.OVER_6_MONTHS),
        ("More than 6 months", Duration.OVER_6_MONTHS),
    ],
)
def test_a_duration_in_the_apis_words_or_plain_ones(cell: str, duration: Duration | None) -> None:
    assert size(f"hourly,,{cell},").duration is duration


@pytest.mark.parametrize(
    ("cell", "hours"),
    [
        ("under_30", WeeklyHours.UNDER_30),
        ("Less than 30 hrs/week", WeeklyHours.UNDER_30),
        ("30_or_more", WeeklyHours.THIRTY_OR_MORE),
        ("30+ hrs/week", WeeklyHours.THIRTY_OR_MORE),
        # RULES 1.2: no or other hours cost what under 30 do.
        ("", None),
        ("not_sure", None),
        ("Hours to be determined", None),
    ],
)
def test_weekly_hours_other_than_the_known_ones_count_as_none(cell: str, hours: WeeklyHours | None) -> None:
    assert size(f"hourly,,,{cell}").weekly_hours is hours


def test_types() -> None:
    assert size("fixed,500,,") == JobSize(JobType.FIXED, 50_000)
    assert size("Hourly,500,,").type is JobType.HOURLY
    # Unstated is a fixed price without a budget, even beside one.
    assert size("unstated,5000,over_6_months,") == JobSize(JobType.FIXED, None, Duration.OVER_6_MONTHS)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("fixd,,,", "type: expected fixed, hourly or unstated, got 'fixd'"),
        (",,,", "type: expected fixed, hourly or unstated, got ''"),
        ("hourly,,forever,", "duration: expected one of under_1_month, 1_to_3_months, 3_to_6_months, over_6_months, "),
        ("hourly,abc,,", "budget: expected an amount"),
        ("hourly,,", "expected 4 cells, got 3"),
        ("hourly,,,,", "expected 4 cells, got 5"),
        ("hourly,,,\0", "expected text, got a NUL byte"),
        ("hourly,,,\udcff", "expected UTF-8 text, got the byte 0xff"),
        ('hourly,,,"x"y', "expected a row of a CSV file: "),
    ],
)
def test_a_bad_row_says_why_and_the_next_is_read(row: str, said: str) -> None:
    bad, good = read(f"{HEADER}\n{row}\nfixed,1,,\n")
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert bad.reason.startswith(said)
    assert good == Posting(3, JobSize(JobType.FIXED, 100))


# Details


def detailed(text: str, *wanted: str, **columns: str) -> list[Posting | BadRow]:
    return list(read_postings(io.StringIO(text, newline=""), columns, 2, wanted))


def test_details_are_read_where_they_are_wanted() -> None:
    text = (
        f"posting,{HEADER},posted_at,client,title,description,category\n"
        '17,fixed,1,,,2023-01-01T09:12:09Z, 8 ,Logo,"Two\nlines",Design & Creative\n'
    )
    size = JobSize(JobType.FIXED, 100)
    posted_at = datetime(2023, 1, 1, 9, 12, 9, tzinfo=UTC)
    assert detailed(text, *DETAILS) == [
        Posting(3, size, posted_at, "8", "Logo", "Two\nlines", "Design & Creative", "17")
    ]
    assert detailed(text, "client") == [Posting(3, size, client="8")]
    assert read(text) == [Posting(3, size)]


def test_a_detail_that_is_not_there_or_empty_is_none() -> None:
    plain = Posting(2, JobSize(JobType.FIXED, 100))
    assert detailed(f"{HEADER}\nfixed,1,,\n", *DETAILS) == [plain]
    assert detailed(f"{HEADER},posted_at,title\nfixed,1,,,, \n", *DETAILS) == [plain]


@pytest.mark.parametrize(
    "cell",
    ["2023-01-01T10:12:09+01:00", "2023-01-01T09:12:09.000Z", "2023-01-01 09:12:09Z", " 2023-01-01t09:12:09z "],
)
def test_a_time_with_its_zone_is_read_in_utc(cell: str) -> None:
    (posting,) = detailed(f"{HEADER},posted_at\nfixed,1,,,{cell}\n", "posted_at")
    assert isinstance(posting, Posting)
    assert posting.posted_at == datetime(2023, 1, 1, 9, 12, 9, tzinfo=UTC)
    assert posting.posted_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("soon", "expected a time such as 2024-01-03T09:00:00Z, got 'soon'"),
        ("2023-01-01", "expected a time such as 2024-01-03T09:00:00Z, got '2023-01-01'"),
        ("2023-02-29T00:00:00Z", "expected a time such as 2024-01-03T09:00:00Z, got '2023-02-29T00:00:00Z'"),
        ("1672531200", "expected a time such as 2024-01-03T09:00:00Z, got '1672531200'"),
        ("2023-01-01T09:12:09", "expected a time with a zone, got 2023-01-01T09:12:09"),
        ("0001-01-01T00:00:00+01:00", "expected a time from 1970 to 9000, got 0001-01-01T00:00:00+01:00"),
    ],
)
def test_a_time_that_is_none_is_a_bad_row_only_where_it_is_wanted(cell: str, said: str) -> None:
    text = f"{HEADER},posted_at\nfixed,1,,,{cell}\nfixed,2,,,\n"
    bad, good = detailed(text, "posted_at")
    assert bad == BadRow(2, f"posted_at: {said}")
    assert good == Posting(3, JobSize(JobType.FIXED, 200))
    assert read(text) == detailed(text, "title") == [Posting(2, JobSize(JobType.FIXED, 100)), good]


def test_an_external_id_is_looked_for_before_a_posting() -> None:
    (posting,) = detailed(f"posting,external_id,{HEADER}\n1,job-9,fixed,1,,\n", "external_id")
    assert isinstance(posting, Posting)
    assert posting.external_id == "job-9"


def test_the_column_of_a_detail_that_was_named_must_be_there_once() -> None:
    text = f"{HEADER},headline,title,title\nfixed,1,,,Logo,,\n"
    assert detailed(text, "title", title="headline") == [Posting(2, JobSize(JobType.FIXED, 100), title="Logo")]
    with pytest.raises(PostingsError, match="title: expected a column 'heading', got the columns 'type', "):
        detailed(text, "title", title="heading")
    with pytest.raises(PostingsError, match="title: expected one column 'title', got 2"):
        detailed(text, "title")
    assert len(detailed(text, "client")) == 1


# Lines and files


def test_lines_are_counted_through_quoted_cells_and_empty_lines() -> None:
    rows = read(f'{HEADER},note\nfixed,1,,,"two\nlines"\n\nfixed,?,,,\r\nfixed,2,,,x')
    assert [(row.line, type(row)) for row in rows] == [(3, Posting), (5, BadRow), (6, Posting)]
    assert read(f'{HEADER}\nfixed,"1\n0",\n') == [BadRow(3, "expected 4 cells, got 3")]


def test_a_quote_that_is_never_closed_costs_one_row_and_names_its_lines() -> None:
    first, second = read(f'{HEADER}\nfixed,1,,\nfixed,"1,,\nfixed,1,,\n')
    assert isinstance(first, Posting)
    assert second == BadRow(4, "expected a row of a CSV file, got a quoted cell from line 3 on: unexpected end of data")


def test_a_cell_of_any_length_does_not_end_the_reading() -> None:
    filler = "x" * 100_000
    rows = read(f'{HEADER}\nfixed,1,,"{filler}\n{filler}"\nfixed,2,,\n')
    assert isinstance(rows[0], BadRow)
    assert rows[-1] == Posting(4, JobSize(JobType.FIXED, 200))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "type: expected a column 'type', got no header"),
        ("\n", "type: expected a column 'type', got no header"),
        (
            "type,duration,weekly_hours\n",
            "budget: expected a column 'fixed_budget_usd' or 'budget', got the columns 't",
        ),
        ("type;budget;duration;weekly_hours\n", "type: expected a column 'type', got the columns 'type;budget;dur"),
        (f"{HEADER},type\n", "type: expected one column 'type', got 2"),
        ("t\0y\0p\0e\0", "the header: expected text, got a NUL byte"),
        ("\udcff\udcfe", "the header: expected UTF-8 text, got the byte 0xff"),
        ('"type', "the header: expected the names of the columns: "),
    ],
)
def test_a_file_without_the_columns_is_refused_as_a_whole(text: str, said: str) -> None:
    with pytest.raises(PostingsError) as caught:
        read(text)
    assert str(caught.value).startswith(said)


def test_columns_may_be_named_otherwise_and_stand_anywhere() -> None:
    text = "hours,much,kind,long,type\n30_or_more,,hourly,over_6_months,?\n"
    columns = {"type": "kind", "budget": "much", "duration": "long", "weekly_hours": "hours"}
    assert read(text, **columns) == [
        Posting(2, JobSize(JobType.HOURLY, None, Duration.OVER_6_MONTHS, WeeklyHours.THIRTY_OR_MORE))
    ]
    with pytest.raises(PostingsError, match="budget: expected a column 'cost', got the columns 'hours'"):
        read(text, **{**columns, "budget": "cost"})


def test_lines_of_a_file_drop_the_byte_order_mark_and_mark_wrong_bytes(tmp_path: Path) -> None:
    file = tmp_path / "jobs.csv"
    file.write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\nfixed,1,,\r\nfixed,1,,\xe9\r\nfixed,1,,\xc3\xa9\r\n")
    rows = list(read_postings(lines_of(file), {}, 2))
    assert [row.line for row in rows] == [2, 3, 4]
    assert rows[1] == BadRow(3, "expected UTF-8 text, got the byte 0xe9")


def test_a_line_beyond_reason_is_refused_before_it_is_held(tmp_path: Path) -> None:
    file = tmp_path / "jobs.csv"
    file.write_text(f"{HEADER}\n{'x' * MOST_LINE}", encoding="utf-8")
    assert len(list(lines_of(file))) == 2
    file.write_text(f"{HEADER}\n{'x' * (MOST_LINE + 1)}", encoding="utf-8")
    with pytest.raises(PostingsError, match="line 2: expected at most 1,000,000 characters"):
        list(lines_of(file))


def test_rows_are_read_one_at_a_time() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        yield f"{HEADER}\n"
        while True:
            taken += 1
            yield "fixed,1,,\n"

    rows = read_postings(endless(), {}, 2)
    for _ in range(10):
        next(rows)
    assert taken == 10


# Characters that csv and the decoding treat as special, more often than chance would have them.
TEXTS = st.text(st.sampled_from("fixedhourly,\"\n\r\0\udcff 0123.,;'é")) | st.text()


@given(TEXTS)
def test_no_text_is_fatal(text: str) -> None:
    lines = text.count("\n") + text.count("\r") + 1
    for row in read(f"{HEADER}\n{text}"):
        assert isinstance(row, Posting | BadRow)
        assert 2 <= row.line <= lines + 1


@given(st.integers(0, MOST_MINOR_UNITS), st.integers(0, 4))
def test_an_amount_written_out_is_read_back_to_the_last_unit(amount: int, digits: int) -> None:
    whole, rest = divmod(amount, 10**digits)
    decimals = f".{rest:0{digits}}" if digits else ""
    assert size(f'fixed,"{whole:,}{decimals}",,', digits).budget == amount
    assert size(f"fixed,{whole}{decimals},,", digits).budget == amount


@needs_postings
def test_the_postings_of_2023_cost_1_to_5_and_most_of_them_2() -> None:
    rows = list(read_postings(lines_of(POSTINGS), {}, 2))
    postings = [row for row in rows if isinstance(row, Posting)]
    assert len(postings) == len(rows) == 9_761
    assert [row.line for row in rows] == list(range(2, 9_763))
    prices = Counter(price(posting.size, CARD) for posting in postings)
    assert set(prices) == {1, 2, 3, 4, 5}
    assert prices.most_common(1)[0] == (2, 5_718)


@needs_postings
def test_the_postings_of_2023_say_when_and_whose_but_not_what() -> None:
    postings = list(read_postings(lines_of(POSTINGS), {}, 2, DETAILS))
    assert [posting.size for posting in postings if isinstance(posting, Posting)] == [
        row.size for row in read_postings(lines_of(POSTINGS), {}, 2) if isinstance(row, Posting)
    ]
    for n, posting in enumerate(postings, 1):
        assert isinstance(posting, Posting)
        assert posting.external_id == str(n)
        assert posting.posted_at is not None
        assert posting.client
        assert posting.category
        assert posting.title is posting.description is None


def test_every_word_a_cell_may_say_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "postings.md").read_text(encoding="utf-8")
    fields = COLUMNS | DETAILS
    columns = {name for names in fields.values() for name in names}
    for word in {*columns, *fields, *JobType, *Duration, *WeeklyHours, "unstated"}:
        assert f"`{word}`" in text, word
    same = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|$", text, re.MULTILINE)
    also = dict(row for row in same if row[0] in {*Duration, *WeeklyHours})
    assert len(also) == 4
    for word, other in also.items():
        assert size(f"hourly,,{word},{word}" if word in iter(Duration) else f"hourly,,,{word}") == (
            size(f"hourly,,{other},{word}" if word in iter(Duration) else f"hourly,,,{other}")
        )
