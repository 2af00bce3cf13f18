"""A pack in plain words: every field of it changes what is said, and nothing is said that it doesn't state."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from earnest.lab import explain
from earnest.rules.pack import Pack, convert_pack
from tests.packs import article, raw_article, raw_with


def said(pack: Pack) -> str:
    """All that is said of a pack but for its fingerprints, which tell every change apart by themselves."""
    parts = explain.settings(pack)
    for index, revision in enumerate(pack.revisions):
        sentence, *cards = explain.prices(revision, pack)
        parts += [explain.since(revision), sentence, *explain.changes(pack, index)]
        parts += [*explain.choices(revision, pack), *explain.conduct(revision, pack)]
        for table in (explain.plans(revision, pack), *cards):
            parts += [table.title, *table.columns, *(cell for row in table.rows for cell in row)]
    return "\n".join(parts)


OTHER_CHOICES: dict[str, list[Any]] = {
    "time_zone": ["Europe/Berlin"],
    "cycle": ["anniversary"],
    "burn_first": ["paid"],
    "token.singular": ["coin"],
    "token.plural": ["coins"],
    "currency.code": ["EUR"],
    "currency.minor_digits": [0, 3],
    "first_month": ["prorated"],
    "carry_limit_counts": ["opening"],
    "carry_first": ["free"],
    "returns_above_most_held": ["keep"],
    "upgrade_grants": ["prorated", "full"],
    "lapse_days": [31, 1],
    "lapse_gives_back": [True],
    "pending_purchase_hours": [0, 1, 48],
    "price_card.most": [6],
    "price_card.fixed_above": [4],
    "price_card.fixed": [[], [{"under": 100, "price": 1}]],
    "price_card.duration.unstated": [1],
    "price_card.duration.under_1_month": [1],
    "price_card.duration.1_to_3_months": [1],
    "price_card.duration.3_to_6_months": [1],
    "price_card.duration.over_6_months": [1],
    "price_card.weekly_hours.unstated": [1],
    "price_card.weekly_hours.under_30": [1],
    "price_card.weekly_hours.30_or_more": [2],
    "plans.plus.connects": [71],
    "plans.plus.carry_limit": [141],
    "plans.plus.most_held": [None, 351],
    "plans.plus.connect_price": [None, 101],
    "plans.plus.fee": [0, 1001],
    "plans.plus.benefits": ["Everything."],
    "plans.plus.code": ["pro"],
    "conduct.counts_from_day": [15, 89],
    "conduct.counts_to_day": [88],
    "conduct.individual": [None],
    "conduct.individual.warned_at": [31],
    "conduct.individual.suspended_at": [41],
    "conduct.agency": [None],
    "conduct.agency.warned_at": [61],
    "conduct.agency.suspended_at": [81],
    "advice.many_proposals": [21],
    "advice.few_hires_percent": [6],
}
# The name heads what the command prints, the number its revision; the least price shows once every price is above it.
NOT_HERE = {"name", "number", "price_card.least", "plans.plus.kind"}


def paths(raw: dict[str, Any], before: str = "") -> Iterator[str]:
    for key, value in raw.items():
        if key == "revisions":
            yield from paths(value[0])
        elif key == "plans":
            yield from paths(next(plan for plan in value if plan["code"] == "plus"), "plans.plus.")
        elif isinstance(value, dict):
            yield from paths(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def test_every_field_of_the_pack_file_is_tried() -> None:
    assert set(paths(raw_article())) - set(OTHER_CHOICES) == NOT_HERE


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in OTHER_CHOICES.items() for value in values]
)
def test_a_field_stated_otherwise_is_explained_otherwise(path: str, value: Any) -> None:
    texts = {said(article()), said(article(**{path: value}))}
    assert len(texts) == 2
    assert all("None" not in text for text in texts)


def test_the_least_price_is_the_first_one_said() -> None:
    dear = article(**{"price_card.fixed": [], "price_card.least": 2})
    assert "A proposal costs 2 to 5 connects" in said(dear)


def test_no_number_is_said_that_the_pack_does_not_state() -> None:
    """With every number moved out of the way, none of the article's own is left over in a sentence."""
    moved = article(
        **{
            "conduct.counts_from_day": 211,
            "conduct.counts_to_day": 222,
            "conduct.individual": {"warned_at": 233, "suspended_at": 244},
            "conduct.agency": {"warned_at": 255, "suspended_at": 266},
            "lapse_days": 277,
            "pending_purchase_hours": 288,
            "plans.basic.connects": 1,
            "plans.plus.connects": 300,
            "advice.many_proposals": 311,
            "advice.few_hires_percent": 99,
        }
    )
    (revision,) = moved.revisions
    sentences = " ".join([*explain.conduct(revision, moved), *explain.choices(revision, moved)])
    numbers = set(re.findall(r"\d+", sentences))
    assert numbers == {"211", "222", "233", "244", "255", "266", "277", "288", "299", "311", "99"}


@pytest.mark.parametrize(
    ("amount", "code", "digits", "text"),
    [
        (150_000, "USD", 2, "1,500.00 USD"),
        (5, "USD", 2, "0.05 USD"),
        (0, "USD", 2, "0.00 USD"),
        (1_500, "JPY", 0, "1,500 JPY"),
        (1_500, "KWD", 3, "1.500 KWD"),
    ],
)
def test_money_has_the_currencys_decimals(amount: int, code: str, digits: int, text: str) -> None:
    pack = article(currency__code=code, currency__minor_digits=digits)
    assert explain.in_money(amount, pack.file.currency) == text


def test_connects_have_the_packs_name() -> None:
    pack = article(token={"singular": "coin", "plural": "coins"})
    assert [explain.in_connects(each, pack) for each in (0, 1, 2, 1_000)] == [
        "0 coins",
        "1 coin",
        "2 coins",
        "1,000 coins",
    ]
    assert "connect" not in said(pack).replace(pack.revisions[0].plans[1].benefits, "").replace(
        pack.revisions[0].plans[2].benefits, ""
    )


def test_the_price_tables_say_what_the_card_says() -> None:
    pack = article()
    _, fixed, others = explain.prices(pack.revisions[0], pack)
    assert fixed.rows == (
        ("under 25.00 USD", "1"),
        ("from 25.00 USD to under 500.00 USD", "2"),
        ("from 500.00 USD to under 1,500.00 USD", "3"),
        ("from 1,500.00 USD to under 5,000.00 USD", "4"),
        ("from 5,000.00 USD", "5"),
    )
    assert others.rows[0] == ("no duration stated", "2", "2", "3")
    assert others.rows[-1] == ("over 6 months", "4", "4", "5")
    # Never above the most.
    dear = article(**{"price_card.weekly_hours.30_or_more": 5})
    assert explain.prices(dear.revisions[0], dear)[2].rows[0] == ("no duration stated", "2", "2", "5")


def test_the_plans_table_says_what_the_plans_say() -> None:
    pack = article()
    basic, plus, agency = explain.plans(pack.revisions[0], pack).rows
    assert basic[:7] == ("basic", "individuals", "60", "none", "no", "no limit", "none")
    assert plus[:7] == ("plus", "individuals", "70", "140", "yes, 1.00 USD each", "350", "10.00 USD")
    assert agency[:7] == ("agency", "companies", "80", "160", "yes, 1.00 USD each", "400", "20.00 USD")


def test_an_upgrade_to_fewer_connects_grants_none() -> None:
    pack = article(plans__plus__connects=50)
    assert "at once: from basic to plus 0 connects." in said(pack)


def test_a_later_revision_says_from_when_and_what_differs() -> None:
    pack = convert_pack(raw_with({}, {date(2027, 3, 1): {"plans.plus.fee": 1_200}}))
    assert [explain.since(each) for each in pack.revisions] == ["from the beginning", "from 1 March 2027"]
    assert explain.changes(pack, 0) == []
    assert explain.changes(pack, 1) == [
        'effective_from: was null, is "2027-03-01"',
        "number: was 1, is 2",
        "plans[1].fee: was 1000, is 1200",
    ]
    third = convert_pack(
        raw_with({}, {date(2027, 3, 1): {"plans.plus.fee": 1_200}, date(2027, 5, 1): {"lapse_days": 9}})
    )
    assert "plans[1].fee: was 1200, is 1000" in explain.changes(third, 2)


def test_every_field_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "packs.md").read_text(encoding="utf-8")
    for path in {*paths(raw_article()), "effective_from"}:
        assert re.search(rf"`[a-z_.]*\b{path.split('.')[-1]}`", text), path
