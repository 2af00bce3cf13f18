"""The auditor against cases worked out by hand from RULES.md, so that it may judge the engine."""

import copy
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.auditor import Auditor

PACK_FILE = Path(__file__).parents[1] / "src" / "earnest" / "packs" / "article.toml"
ARTICLE: dict[str, Any] = tomllib.loads(PACK_FILE.read_text(encoding="utf-8"))


def pack(revision: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """The pack `article` with some settings, of the pack or of its revision, made otherwise."""
    other = {**copy.deepcopy(ARTICLE), **settings}
    other["revisions"][0].update(revision or {})
    return other


def on(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


OPENED = on(1, 1, 9)


def opened(plan: str = "basic", at: datetime = OPENED, rules: dict[str, Any] | None = None) -> Auditor:
    auditor = Auditor(rules or ARTICLE)
    kind = "agency" if plan == "agency" else "individual"
    auditor.record(at, {"what": "open", "kind": kind, "plan": plan})
    return auditor


def tell(auditor: Auditor, at: datetime, what: str, **figures: Any) -> None:
    auditor.record(at, {"what": what, **figures})


def spend(auditor: Auditor, at: datetime, *prices: int, first: int = 1) -> None:
    for number, price in enumerate(prices, first):
        tell(auditor, at, "spend", proposal=number, connects=price)


def totals(**figures: int) -> dict[str, int]:
    lines = ("allot", "purchase", "bonus", "return", "spend", "expire", "forfeit", "revoke", "carry_moved")
    return dict.fromkeys(lines, 0) | figures


def test_a_basic_month_carries_nothing() -> None:
    auditor = opened()
    spend(auditor, on(1, 5), 2, 0, 5)
    before = auditor.look(on(2, 1) - timedelta(microseconds=1))
    assert (before["balance"], before["cycle"]) == (53, (on(1, 1), on(2, 1)))
    assert before["expiries"] == {on(2, 1): 53}
    after = auditor.look(on(2, 1))
    assert (after["balance"], after["cycle"]) == (60, (on(2, 1), on(3, 1)))
    assert after["totals"] == totals(allot=120, spend=7, expire=53)
    assert auditor.look(on(1, 5))["balance"] == 53  # a look ahead leaves no trace


@pytest.mark.parametrize(
    ("reading", "balances"),
    [("carried", [140, 210, 210]), ("opening", [140, 140, 140])],
)
def test_plus_carries_up_to_its_limit(reading: str, balances: list[int]) -> None:
    auditor = opened("plus", rules=pack({"carry_limit_counts": reading}))
    assert [auditor.look(on(month, 1))["balance"] for month in (2, 3, 4)] == balances
    carried, expired = {"carried": (70 + 140 + 140, 70), "opening": (70 * 3, 140)}[reading]
    assert auditor.look(on(4, 1))["totals"] == totals(allot=280, carry_moved=carried, expire=expired)


@pytest.mark.parametrize(("first", "paid"), [("paid", 100), ("free", 70)])
def test_what_is_carried_first(first: str, paid: int) -> None:
    auditor = opened("plus", rules=pack({"carry_first": first}))
    tell(auditor, on(1, 2), "purchase", purchase="p1", connects=60)
    tell(auditor, on(1, 3), "purchase", purchase="p2", connects=40)
    after = auditor.look(on(2, 1))
    # 140 of 170: 100 paid and 40 free, or 70 free and 70 paid, of which the younger 40 are all carried
    assert (after["balance"], after["paid"], after["free"]) == (210, paid, 210 - paid)
    assert after["by_purchase"] == {"p1": paid - 40, "p2": 40}


@pytest.mark.parametrize(("first", "paid_left"), [("free", 10), ("paid", 7)])
def test_burn_order(first: str, paid_left: int) -> None:
    auditor = opened("plus", rules=pack(burn_first=first))
    tell(auditor, on(1, 2), "purchase", purchase="p1", connects=10)
    tell(auditor, on(1, 2), "grant", connects=2, expires_at=on(1, 20))
    tell(auditor, on(1, 2), "grant", connects=4, expires_at=on(2, 20))
    spend(auditor, on(1, 3), 5)  # the 2 that expire soonest, then 3 of the cycle's
    there = auditor.look(on(1, 3))
    assert there["expiries"] == {on(2, 1): 77, on(2, 20): 4}
    assert there["paid"] == paid_left


def test_a_bonus_with_an_expiry_of_its_own_stands_outside_the_cycle() -> None:
    auditor = opened()
    tell(auditor, on(1, 2), "grant", connects=5, expires_at=on(2, 10))
    tell(auditor, on(1, 2), "grant", connects=3, expires_at=None)
    february = auditor.look(on(2, 1))
    assert (february["balance"], february["expiries"]) == (65, {on(2, 10): 5, on(3, 1): 60})
    assert auditor.look(on(2, 10))["totals"] == totals(allot=120, bonus=8, expire=63 + 5)


@pytest.mark.parametrize(
    ("returned", "expiries"),
    [(on(2, 9), {on(2, 10): 5, on(3, 1): 60}), (on(2, 10), {on(3, 1): 65})],
)
def test_a_returned_bonus_keeps_its_expiry_or_joins_the_cycle(
    returned: datetime, expiries: dict[datetime, int]
) -> None:
    auditor = opened()
    tell(auditor, on(2, 2), "grant", connects=5, expires_at=on(2, 10))
    spend(auditor, on(2, 3), 5)
    tell(auditor, returned, "return", proposals=[1])
    tell(auditor, returned, "return", proposals=[1])  # repeated: ignored
    assert auditor.look(returned)["expiries"] == expiries


@pytest.mark.parametrize(("setting", "free", "paid"), [("clip", 211, 139), ("keep", 213, 140)])
def test_a_mixed_return_is_clipped_at_most_held(setting: str, free: int, paid: int) -> None:
    auditor = opened("plus", rules=pack({"returns_above_most_held": setting}))
    tell(auditor, on(3, 1), "purchase", purchase="p1", connects=140)  # 210 + 140 = 350
    spend(auditor, on(3, 2), 208, 4, 1)  # 208 free; 2 free and 2 paid; 1 paid
    tell(auditor, on(3, 3), "return", proposals=[1])
    tell(auditor, on(3, 3), "grant", connects=3, expires_at=None)
    assert auditor.look(on(3, 3))["balance"] == 348
    tell(auditor, on(3, 4), "return", proposals=[2, 3])  # 2 free, 3 paid: 3 too many, the free part first
    there = auditor.look(on(3, 4))
    assert (there["free"], there["paid"], there["totals"]["forfeit"]) == (free, paid, 353 - free - paid)


def test_a_reversed_payment_leaves_what_was_spent_as_a_debt() -> None:
    auditor = opened("plus")
    tell(auditor, on(1, 2), "purchase", purchase="p1", connects=10)
    spend(auditor, on(1, 3), *[5] * 14, 4)  # all 70 free ones, and 4 of the bought
    tell(auditor, on(1, 4), "reverse", purchase="p1")
    reversed_ = auditor.look(on(1, 4))
    assert (reversed_["balance"], reversed_["debt"], reversed_["totals"]["revoke"]) == (0, 4, 6)
    tell(auditor, on(1, 5), "grant", connects=3, expires_at=None)
    assert (auditor.look(on(1, 5))["balance"], auditor.look(on(1, 5))["debt"]) == (0, 1)
    february = auditor.look(on(2, 1))
    assert (february["balance"], february["debt"]) == (69, 0)
    assert february["totals"] == totals(allot=140, purchase=10, bonus=3, spend=74, revoke=10)
    tell(auditor, on(2, 2), "return", proposals=[15])
    assert auditor.look(on(2, 2))["by_purchase"] == {"p1": 4}


def test_what_came_back_and_was_lost_is_no_debt() -> None:
    auditor = opened("plus")
    tell(auditor, on(1, 2), "purchase", purchase="p1", connects=10)
    spend(auditor, on(1, 3), 70, 4, 3)  # 7 of the bought
    tell(auditor, on(1, 4), "return", proposals=[2])
    tell(auditor, on(1, 4), "revoke", connects=2)
    tell(auditor, on(1, 4), "change_plan", plan="basic")
    february = auditor.look(on(2, 1))
    assert (february["plan"], february["balance"], february["totals"]["expire"]) == ("basic", 60, 5)
    tell(auditor, on(2, 2), "reverse", purchase="p1")
    there = auditor.look(on(2, 2))
    assert (there["balance"], there["debt"], there["totals"]["revoke"]) == (60, 3, 2)


@pytest.mark.parametrize(("setting", "balance"), [("difference", 70), ("prorated", 64), ("full", 130)])
def test_a_change_up_is_at_once(setting: str, balance: int) -> None:
    auditor = opened(rules=pack({"upgrade_grants": setting}))
    tell(auditor, on(1, 17, 12), "change_plan", plan="plus")  # 15 days of 31 left: floor(150 / 31) = 4
    there = auditor.look(on(1, 17, 12))
    assert (there["plan"], there["balance"]) == ("plus", balance)


def test_a_change_down_waits_and_can_be_taken_back() -> None:
    auditor = opened("plus")
    tell(auditor, on(1, 10), "change_plan", plan="basic")
    assert auditor.look(on(1, 31))["plan"] == "plus"
    assert (auditor.look(on(2, 1))["plan"], auditor.look(on(2, 1))["balance"]) == ("basic", 60)
    tell(auditor, on(1, 11), "take_back")
    assert auditor.look(on(2, 1))["balance"] == 140
    tell(auditor, on(1, 12), "fee_unpaid")
    tell(auditor, on(1, 12), "take_back")  # takes back a change, not a fee
    assert (auditor.look(on(2, 1))["plan"], auditor.look(on(2, 1))["balance"]) == ("basic", 60)
    tell(auditor, on(1, 13), "fee_paid")
    assert (auditor.look(on(2, 1))["plan"], auditor.look(on(2, 1))["balance"]) == ("plus", 140)


def test_an_unpaid_agency_is_on_the_lowest_plan_already() -> None:
    auditor = opened("agency")
    tell(auditor, on(1, 12), "fee_unpaid")
    assert [auditor.look(on(month, 1))["balance"] for month in (2, 3, 4)] == [160, 240, 240]


@pytest.mark.parametrize(("day", "ends"), [
    (date(2026, 1, 15), [on(2, 15), on(3, 15), on(4, 15)]),
    (date(2026, 1, 28), [on(2, 28), on(3, 28), on(4, 28)]),
    (date(2026, 1, 29), [on(3, 1), on(4, 1), on(5, 1)]),
    (date(2026, 3, 31), [on(5, 1), on(6, 1), on(7, 1)]),
])  # fmt: skip
def test_anniversaries(day: date, ends: list[datetime]) -> None:
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    auditor = opened(at=at, rules=pack(cycle="anniversary"))
    bounds = [at.replace(hour=0), *ends]
    for moment, start, end in zip([at, *ends], bounds, ends, strict=False):
        assert auditor.look(moment)["cycle"] == (start, end)


def test_months_are_counted_in_the_packs_zone() -> None:
    auditor = opened(at=on(3, 31, 23), rules=pack({"first_month": "prorated"}, time_zone="Europe/Paris"))
    there = auditor.look(on(4, 1))  # opened on the 1st of April there: the whole of it is left
    assert (there["balance"], there["cycle"]) == (60, (on(3, 31, 22), on(4, 30, 22)))
    auditor = opened(at=on(3, 17), rules=pack({"first_month": "prorated"}))
    assert auditor.look(on(3, 17))["balance"] == 29  # floor(60 x 15 / 31)


def test_a_new_revision_holds_from_the_first_boundary_at_or_after_it() -> None:
    rules = pack(cycle="anniversary")
    later = copy.deepcopy(rules["revisions"][0]) | {"number": 2, "effective_from": date(2026, 3, 1)}
    plus = next(plan for plan in later["plans"] if plan["code"] == "plus")
    plus |= {"connects": 100, "carry_limit": 20, "most_held": 150}
    rules["revisions"].append(later)
    auditor = opened("plus", at=on(1, 15), rules=rules)
    assert auditor.look(on(3, 14))["balance"] == 140
    assert auditor.look(on(3, 15))["balance"] == 120
    tell(auditor, on(3, 2), "grant", connects=40, expires_at=on(9, 1))  # 140 + 40, but most held is 150 now
    assert auditor.look(on(3, 2))["balance"] == 150
    assert auditor.look(on(3, 2))["totals"]["forfeit"] == 30
    auditor = opened(at=on(1, 15), rules=rules)
    tell(auditor, on(3, 2), "change_plan", plan="plus")
    assert auditor.look(on(3, 2))["balance"] == 70  # the difference is that of the allotments of this cycle
    assert auditor.look(on(3, 15))["balance"] == 120


def conduct(auditor: Auditor, at: datetime) -> tuple[str, int, datetime | None]:
    there = auditor.look(at)
    return there["status"], there["count"], there["suspended_since"]


def test_a_warning_ages_out() -> None:
    auditor = opened()
    spend(auditor, on(1, 1, 10), *[5] * 6, 0)
    assert conduct(auditor, on(1, 14, 23)) == ("active", 0, None)
    assert conduct(auditor, on(1, 15)) == ("warned", 30, None)  # the 1st + 14
    assert conduct(auditor, on(3, 31, 23)) == ("warned", 30, None)  # the 1st + 89
    assert conduct(auditor, on(4, 1)) == ("active", 0, None)


def test_a_suspension_stands_until_the_count_is_taken_below() -> None:
    auditor = opened()
    spend(auditor, on(1, 1, 10), *[5] * 8)
    assert conduct(auditor, on(1, 15)) == ("suspended", 40, on(1, 15))
    assert conduct(auditor, on(6, 1)) == ("suspended", 0, on(1, 15))  # nobody looked, and nothing counts now
    tell(auditor, on(3, 31), "return", proposals=[3])
    assert conduct(auditor, on(3, 31)) == ("warned", 35, None)
    assert conduct(auditor, on(4, 1)) == ("active", 0, None)


def test_a_suspension_counts_what_aged_out_and_what_came_to_count_since() -> None:
    auditor = opened()
    spend(auditor, on(1, 1, 10), *[5] * 8)
    spend(auditor, on(1, 10), 4, first=9)  # counts from the 24th of January on
    tell(auditor, on(4, 20), "return", proposals=[9])  # 44 - 4: not below
    assert conduct(auditor, on(4, 20))[0] == "suspended"
    tell(auditor, on(4, 20), "return", proposals=[1])
    assert conduct(auditor, on(4, 20)) == ("active", 0, None)


def test_a_hire_ends_a_suspension_and_a_lift_ends_every_one() -> None:
    auditor = opened()
    spend(auditor, on(1, 1, 10), *[5] * 8)
    tell(auditor, on(1, 20), "suspend")
    tell(auditor, on(1, 21), "hire")
    assert conduct(auditor, on(1, 21)) == ("suspended", 0, on(1, 20))
    tell(auditor, on(1, 22), "lift")
    assert conduct(auditor, on(1, 22)) == ("active", 0, None)
    spend(auditor, on(1, 22), 5, first=9)
    assert conduct(auditor, on(2, 5)) == ("active", 5, None)


def test_one_day_is_judged_on_the_facts_of_earlier_days() -> None:
    auditor = opened()
    spend(auditor, on(1, 1, 10), *[5] * 8)
    tell(auditor, on(1, 15), "hire")  # the very instant the day begins
    assert conduct(auditor, on(1, 15)) == ("active", 0, None)


def test_looking_often_changes_nothing() -> None:
    watched, left_alone = opened("plus"), opened("plus")
    for day in range(1, 29):
        at = on(1, day, 10)
        watched.look(at)
        for auditor in (watched, left_alone):
            spend(auditor, at, 2, first=day)
        watched.look(at + timedelta(days=400))
    assert watched.look(on(7, 1)) == left_alone.look(on(7, 1))
