"""Rule packs: what a mistake is told as, what a revision may change, and the text that must not change."""

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

import pytest

from earnest.rules.pack import PackError, canonical_text, convert_pack, decode_pack, differences, fingerprint
from tests.packs import article, change, raw_article, raw_with

TEXT = files("earnest.packs").joinpath("article.toml").read_text(encoding="utf-8")

MISTAKES = {
    'time_zone = "UTC"': {
        'time_zone = "Mars/Olympus"': "time_zone: expected the name of a time zone such as 'UTC' or 'Europe/Berlin', "
        "got 'Mars/Olympus'",
        'time_zone = ""': "time_zone: expected the name of a time zone such as 'UTC' or 'Europe/Berlin', got ''",
        'time_zone = "../etc"': "time_zone: expected the name of a time zone such as 'UTC' or 'Europe/Berlin', "
        "got '../etc'",
        "time_zone = 1": "time_zone: expected a text in quotes, got 1",
    },
    'cycle = "calendar"': {
        'cycle = "lunar"': "cycle: expected one of 'calendar', 'anniversary', got 'lunar'",
        '"new\\nline" = 1': r"'new\nline': expected one of name, time_zone, cycle, burn_first, token, currency, "
        "revisions",
        "cyle = 1": "cyle: expected one of name, time_zone, cycle, burn_first, token, currency, revisions",
        "": "cycle: expected a value, got none",
    },
    "carry_limit = 140": {
        "carry_limit = -1": "revisions[0].plans[1].carry_limit: expected a whole number of at least 0, got -1",
        "carry_limit = 1.5": "revisions[0].plans[1].carry_limit: expected a whole number, got 1.5",
        'carry_limit = "140"': "revisions[0].plans[1].carry_limit: expected a whole number, got '140'",
        "carry_limit = true": "revisions[0].plans[1].carry_limit: expected a whole number, got True",
        "carry_limit = 2147483648": "revisions[0].plans[1].carry_limit: expected a whole number of at most "
        "2147483647, got 2147483648",
        "": "revisions[0].plans[1].carry_limit: expected a value, got none",
    },
    "most_held = 350": {
        "most_held = 69": "revisions[0].plans[1].most_held: expected at least the month's 70 connects, got 69",
    },
    'code = "plus"': {
        'code = "basic"': "revisions[0].plans[1].code: expected a code no other plan has, got 'basic'",
        'code = "Plus"': "revisions[0].plans[1].code: expected small letters, digits and _, at most 32, a letter "
        "first, got 'Plus'",
    },
    'kind = "agency"': {
        'kind = "company"': "revisions[0].plans[2].kind: expected one of 'individual', 'agency', got 'company'",
    },
    "under = 50000, price = 2": {
        "under = 2500, price = 2": "revisions[0].price_card.fixed[1].under: expected more than 2500, got 2500",
        "under = 50000, price = 6": "revisions[0].price_card.fixed[1].price: expected a price from 1 to 5, got 6",
        "under = 50000, price = 2, size = 1": "revisions[0].price_card.fixed[1].size: expected one of under, price",
    },
    "fixed_above = 5": {
        "fixed_above = 6": "revisions[0].price_card.fixed_above: expected a price from 1 to 5, got 6",
    },
    "1_to_3_months = 2": {
        "1_to_3_months = 6": "revisions[0].price_card.duration.1_to_3_months: expected a price from 1 to 5, got 6",
    },
    "most = 5": {
        "most = 2": "revisions[0].price_card.fixed[2].price: expected a price from 1 to 2, got 3",
    },
    "least = 1": {
        "least = 6": "revisions[0].price_card.most: expected at least 6, got 5",
        "least = 2": "revisions[0].price_card.fixed[0].price: expected a price from 2 to 5, got 1",
    },
    "counts_to_day = 89": {
        "counts_to_day = 13": "revisions[0].conduct.counts_to_day: expected at least 14, got 13",
    },
    "counts_from_day = 14": {
        "counts_from_day = 0": "revisions[0].conduct.counts_from_day: expected a whole number of at least 1, got 0",
    },
    "suspended_at = 40": {
        "suspended_at = 30": "revisions[0].conduct.individual.suspended_at: expected more than 30, got 30",
    },
    'singular = "connect"': {
        'singular = ""': "token.singular: expected a text of at least 1 characters, got ''",
        f'singular = "{"x" * 2001}"': "token.singular: expected a text of at most 2000 characters, got "
        f"'{'x' * 27}...{'x' * 28}'",
    },
    'code = "USD"': {
        'code = "usd"': "currency.code: expected three capital letters, got 'usd'",
        'code = "USD\\n"': r"currency.code: expected three capital letters, got 'USD\n'",
    },
    'name = "article"': {
        f'name = "{"A" * 90}"': "name: expected small letters, digits, _ and -, at most 63, a letter first, got "
        f"'{'A' * 27}...{'A' * 28}'",
        'name = "My pack"': "name: expected small letters, digits, _ and -, at most 63, a letter first, got 'My pack'",
        '"a` - at `$.b" = 1\nname = "article"': "expected the fields of a pack: object contains unknown field `a`",
    },
    "lapse_gives_back = false": {
        "lapse_gives_back = 0": "revisions[0].lapse_gives_back: expected true or false, got 0",
    },
    "[revisions.advice]": {
        "advice = 1\n[x]": "revisions[0].conduct.agency.advice: expected one of warned_at, suspended_at",
    },
    "number = 1\n": {
        f"number = 0x{'f' * 5000}\n": "revisions[0].number: expected a whole number of at most 2147483647, got "
        "a number far beyond",
        "number = 1\neffective_from = 2024-03-01\n": "revisions[0].effective_from: expected none, as the first "
        "revision holds from the beginning, got 2024-03-01",
    },
    "warned_at = 30": {
        "warned_at = 30\nwarn = 30": "revisions[0].conduct.individual.warn: expected one of warned_at, suspended_at",
        'warned_at = "30"': "revisions[0].conduct.individual.warned_at: expected a whole number, got '30'",
    },
    "[revisions.conduct.agency]": {
        "[revisions.conduct.agencies]": "revisions[0].conduct.agencies: expected one of counts_from_day, "
        "counts_to_day, individual, agency",
    },
}


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [(was, becomes, said) for was, pairs in MISTAKES.items() for becomes, said in pairs.items()],
)
def test_a_mistake_is_told_by_path_and_what_was_expected(was: str, becomes: str, said: str) -> None:
    assert was in TEXT
    with pytest.raises(PackError) as raised:
        decode_pack(TEXT.replace(was, becomes, 1))
    assert said in str(raised.value).splitlines()


def test_all_mistakes_that_no_single_field_shows_are_told_at_once() -> None:
    text = TEXT.replace("fixed_above = 5", "fixed_above = 6").replace("suspended_at = 40", "suspended_at = 3")
    with pytest.raises(PackError) as raised:
        decode_pack(text)
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe", "expected UTF-8 text"),
        ("name = ", "expected TOML"),
        ("name = " + "1" * 10_000, "expected TOML"),
        ("name = " + "[" * 100_000, "expected TOML"),
        ("", "name: expected a value, got none"),
        ("revisions = []", "revisions: expected at least one"),
    ],
)
def test_what_is_no_pack_is_told_as_such(text: bytes | str, said: str) -> None:
    with pytest.raises(PackError, match=said):
        decode_pack(text)


def later(start: Any = date(2024, 3, 1), number: int = 2, **fields: Any) -> dict[str, Any]:
    revision = {**raw_article()["revisions"][0], "number": number, **fields}
    return {**revision, "effective_from": start} if start else revision


@pytest.mark.parametrize(
    ("revisions", "said"),
    [
        ([later(None)], "revisions[1].effective_from: expected the first of a month, got none"),
        (
            [later("2024-03-01")],
            "revisions[1].effective_from: expected a date such as 2027-03-01, without quotes, got '2024-03-01'",
        ),
        ([later(date(2024, 3, 2))], "revisions[1].effective_from: expected the first of a month, got 2024-03-02"),
        ([later(date(9999, 12, 1))], "revisions[1].effective_from: expected the first of a month, got 9999-12-01"),
        (
            [later(), later(number=3)],
            "revisions[2].effective_from: expected a month after 2024-03-01, as revisions may not overlap, "
            "got 2024-03-01",
        ),
        ([later(number=1)], "revisions[1].number: expected more than 1, got 1"),
        (
            [later(plans=raw_article()["revisions"][0]["plans"][1:])],
            "revisions[1].plans: expected 'basic' for 'individual' as before, as accounts may be on it",
        ),
    ],
)
def test_revisions_follow_one_another_and_keep_the_plans(revisions: list[dict[str, Any]], said: str) -> None:
    raw = raw_article()
    raw["revisions"] += revisions
    with pytest.raises(PackError) as raised:
        convert_pack(raw)
    assert said in str(raised.value).splitlines()


@pytest.mark.parametrize(
    "edge",
    [
        {"conduct.counts_to_day": 14},
        {"plans.plus.most_held": 70},
        {"plans.plus.most_held": 2**31 - 1},
        {
            "price_card.most": 1,
            "price_card.fixed": [],
            "price_card.fixed_above": 1,
            "price_card.duration": dict.fromkeys(raw_article()["revisions"][0]["price_card"]["duration"], 1),
        },
    ],
)
def test_the_edge_itself_is_no_mistake(edge: dict[str, Any]) -> None:
    convert_pack(change(raw_article(), edge))


@pytest.mark.parametrize(("year", "fits"), [(1970, False), (1971, True), (8999, True), (9000, False)])
def test_revisions_begin_in_years_that_can_be_meant(year: int, fits: bool) -> None:
    raw = raw_article()
    raw["revisions"].append(later(date(year, 3, 1)))
    if fits:
        assert convert_pack(raw).last_start.year == year
    else:
        with pytest.raises(
            PackError, match=rf"revisions\[1\].effective_from: expected the first of a month, got {year}"
        ):
            convert_pack(raw)


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert decode_pack(b"\xef\xbb\xbf" + TEXT.encode()).file == article().file


def test_a_pack_without_revisions_or_plans_is_none() -> None:
    with pytest.raises(PackError, match="revisions: expected at least one"):
        convert_pack({**raw_article(), "revisions": []})
    with pytest.raises(PackError, match=r"revisions\[0\].plans: expected at least one"):
        convert_pack(change(raw_article(), {"plans": []}))


def test_a_revision_holds_from_its_month_in_the_packs_zone() -> None:
    pack = convert_pack(raw_with({"time_zone": "America/New_York"}, {date(2024, 3, 1): {"lapse_days": 10}}))
    start = datetime(2024, 3, 1, 5, tzinfo=UTC)
    before = datetime(2024, 3, 1, 4, 59, tzinfo=UTC)
    assert [pack.at(at).lapse_days for at in (before, start)] == [30, 10]
    assert pack.starts_between(before, start) == [start]
    assert pack.starts_between(start, datetime(2030, 1, 1, tzinfo=UTC)) == []
    assert pack.last_start == start
    assert article().starts_between(datetime(1990, 1, 1, tzinfo=UTC), start) == []


def test_plans_are_found_by_code_and_ordered_within_their_kind() -> None:
    rules = article().revisions[0]
    assert rules.plans_of("individual") == ["basic", "plus"]
    assert rules.plans_of("agency") == ["agency"]
    assert rules.plan("plus").connects == 70
    with pytest.raises(KeyError, match="gold"):
        rules.plan("gold")


def text_of(raw: dict[str, Any], revision: int = 0) -> str:
    pack = convert_pack(raw)
    return canonical_text(pack, pack.revisions[revision])


def reordered(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: reordered(value) if isinstance(value, dict) else value for key, value in reversed(raw.items())}


@pytest.mark.parametrize("rewrite", [reordered, lambda raw: tomllib.loads("\n# a comment\n" + TEXT)])
def test_the_canonical_text_looks_past_layout_and_order(rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    assert text_of(rewrite(raw_article())) == text_of(raw_article())


def test_the_canonical_text_of_a_revision_stays_when_another_is_added() -> None:
    raw = raw_with({}, {date(2024, 3, 1): {"lapse_days": 10}})
    assert text_of(raw) == text_of(raw_article())
    assert text_of(raw, 1) != text_of(raw)


def test_the_canonical_text_does_not_hang_on_the_order_of_fields_in_the_code() -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            assert list(value) == sorted(value)
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(part)

    check(json.loads(text_of(raw_article())))


def test_a_part_added_or_taken_away_is_named_whole() -> None:
    without = raw_article()
    del without["revisions"][0]["conduct"]["agency"]
    old, new = text_of(raw_article()), text_of(without)
    part = '{"suspended_at":80,"warned_at":60}'
    assert differences(old, new) == [f"revision.conduct.agency: was {part}, is null"]
    assert differences(new, old) == [f"revision.conduct.agency: was null, is {part}"]


def test_a_changed_field_is_named_with_both_values() -> None:
    old = text_of(raw_article())
    new = text_of(raw_with({"plans.plus.carry_limit": 100, "plans.basic.most_held": 500, "time_zone": "Asia/Tokyo"}))
    assert fingerprint(old) != fingerprint(new)
    assert len(fingerprint(old)) == 64
    assert differences(old, new) == [
        "revision.plans[0].most_held: was null, is 500",
        "revision.plans[1].carry_limit: was 140, is 100",
        'time_zone: was "UTC", is "Asia/Tokyo"',
    ]
    assert differences(old, old) == []


def test_plans_added_and_moved_are_told_by_their_codes() -> None:
    raw = raw_with({"plans.plus.fee": 900})
    plans = raw["revisions"][0]["plans"]
    plans[:] = [plans[2], {**plans[1], "code": "gold"}, plans[1]]
    assert differences(text_of(raw_article()), text_of(raw)) == [
        "revision.plans: was basic, plus, agency, is agency, gold, plus",
        "revision.plans.plus.fee: was 1000, is 900",
    ]
