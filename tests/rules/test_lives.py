"""The engine against the auditor: lives of thousands of acts over years, and short ones under every choice."""

import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packs import raw_with
from tests.rules.lives import VERBS, Act, Life, random_acts

CHOICES: dict[str, list[Any]] = {
    "cycle": ["calendar", "anniversary"],
    "time_zone": ["UTC", "America/New_York", "Pacific/Auckland"],
    "burn_first": ["free", "paid"],
    "first_month": ["full", "prorated"],
    "carry_limit_counts": ["carried", "opening"],
    "carry_first": ["paid", "free"],
    "returns_above_most_held": ["clip", "keep"],
    "upgrade_grants": ["difference", "prorated", "full"],
}
PLANS = {"basic": "individual", "plus": "individual", "agency": "agency"}
LATER = {
    date(2016, 3, 1): {"plans.basic.connects": 40, "conduct.individual.suspended_at": 33, "carry_first": "free"},
    date(2016, 8, 1): {"conduct.counts_from_day": 30, "conduct.counts_to_day": 75},
    date(2017, 6, 1): {"plans.plus.carry_limit": 60, "plans.agency.most_held": 120, "conduct.counts_to_day": 60},
}


# How many lives and how many acts in each, by EARNEST_TEST_EFFORT; a thousand acts are well over a year.
LIVES, ACTS = {"mutants": (3, 600), "long": (60, 6000)}.get(os.environ.get("EARNEST_TEST_EFFORT", ""), (8, 2500))


@pytest.mark.parametrize("seed", range(LIVES))
def test_years_of_thousands_of_acts(seed: int) -> None:
    random = Random(seed)
    changes = {path: random.choice(values) for path, values in CHOICES.items()} if seed >= 3 else {}
    plan = list(PLANS)[seed % 3]
    life = Life(raw_with(changes, LATER if seed % 2 else None), PLANS[plan], plan)  # type: ignore[arg-type]
    kinds: Counter[str] = Counter()
    for number, act in enumerate(random_acts(random, ACTS)):
        life.live(act)
        if number % 125 == 0:
            life.agree()
    life.agree()
    kinds.update(entry.kind.value for entry in life.entries)
    assert life.now - life.entries[0].effective_at > timedelta(days=ACTS * 365 / 1000)
    # A life that never met a rule proves nothing about it.
    assert set(kinds) >= {"allot", "bonus", "return", "spend", "expire", "revoke"}
    assert life.refusals["account_suspended"] > 0


acts = st.lists(
    st.builds(
        Act,
        st.sampled_from([0, 1, 600, 1440, 5000, 20_000, 45_000, 130_000]),
        st.sampled_from(sorted(set(VERBS))),
        st.integers(0, 999),
    ),
    max_size=40,
)
openings = st.datetimes(datetime(2015, 1, 1), datetime(2016, 12, 31), timezones=st.just(UTC))
choices = st.fixed_dictionaries({path: st.sampled_from(values) for path, values in CHOICES.items()})


@given(acts, choices, openings, st.sampled_from(sorted(PLANS)), st.booleans())
def test_short_lives_under_every_choice(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str, revised: bool
) -> None:
    life = Life(raw_with(changed, LATER if revised else None), PLANS[plan], plan, opened_at)  # type: ignore[arg-type]
    for act in told:
        life.live(act)
        life.agree()
    life.now += timedelta(days=40)
    life.agree()
