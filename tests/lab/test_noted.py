"""What may be done at once, and what must keep its order."""

from datetime import UTC, datetime

import pytest

from earnest.lab.noted import Close, Deed, Invite, Lapse, NotedMarket, Post, Resize, in_rounds
from earnest.rules.commands import Grant, Hire, Open, Settle, StartPurchase, Submit
from earnest.rules.outcome import Accepted, Refusal, Refused
from earnest.rules.price import JobSize, JobType
from tests.packs import article

NOW = datetime(2016, 1, 5, tzinfo=UTC)
SIZE = JobSize(JobType.FIXED, 30_000)


def deed(name: str, alters: str, regards: str = "") -> Deed:
    return Deed(Post("cli", SIZE), name, None, tuple(alters.split()), tuple(regards.split()))


@pytest.mark.parametrize(
    ("deeds", "rounds"),
    [
        ([], []),
        ([("a", "ana", ""), ("b", "ben", "")], ["a b"]),
        ([("a", "ana", ""), ("b", "ana", "")], ["a", "b"]),
        ([("a", "ana", "logo"), ("b", "ben", "logo")], ["a b"]),
        ([("post", "logo", ""), ("a", "ana", "logo"), ("b", "ben", "logo")], ["post", "a b"]),
        ([("a", "ana", "logo"), ("close", "logo ana ben", ""), ("b", "ben", "logo")], ["a", "close", "b"]),
        ([("a", "ana", "logo"), ("edit", "logo", ""), ("c", "cat", "site")], ["a c", "edit"]),
        # What looks at things late doesn't let others change them earlier.
        ([("a", "ana", ""), ("b", "ana", "logo"), ("c", "cat", "logo"), ("edit", "logo", "")], ["a c", "b", "edit"]),
    ],
)
def test_what_depends_on_another_waits_for_it(deeds: list[tuple[str, str, str]], rounds: list[str]) -> None:
    found = in_rounds(deed(*each) for each in deeds)
    assert [" ".join(each.on for each in round_) for round_ in found] == rounds


def test_all_that_is_done_in_a_market_is_noted_with_what_it_touches() -> None:
    market = NotedMarket(article())
    for name in ("ana", "ben"):
        market.open(Open(name, "individual", "plus"), NOW)
    market.post("logo", "dan", SIZE, NOW)
    market.post("site", "dan", SIZE, NOW)
    assert {type(each.what) for each in market.take()} == {Open, Post}
    assert market.take() == []
    market.invite("logo", "ben")
    market.propose("ana", "logo", NOW)
    market.propose("ben", "logo", NOW)
    market.propose("ana", "logo", NOW)
    market.propose("ben", "site", NOW)
    market.hire("ben", "site", NOW)
    market.buy("ana", "pur_1", 5, NOW)
    market.act("ana", Grant(1, "welcome"), NOW)
    market.act("ana", Settle(), NOW)
    market.resize("site", JobSize(JobType.FIXED, 900_000), NOW)
    market.close("logo", "cancelled", NOW)
    market.close("site", "filled", NOW)
    market.resize("site", SIZE, NOW)
    deeds = market.take()
    assert [(type(each.what), each.on, each.alters, each.regards) for each in deeds] == [
        (Invite, "logo", ("ben",), ("logo",)),
        (Submit, "ana", ("ana",), ("logo",)),
        (Submit, "ben", ("ben",), ("logo",)),
        (Submit, "ana", ("ana",), ("logo",)),
        (Submit, "ben", ("ben",), ("site",)),
        (Hire, "ben", ("ben", "site"), ()),
        (StartPurchase, "ana", ("ana",), ()),
        (Grant, "ana", ("ana",), ()),
        (Resize, "site", ("site",), ()),
        (Close, "logo", ("logo", "ana", "ben"), ()),
        (Close, "site", ("site",), ()),
        (Resize, "site", ("site",), ()),
    ]
    refusals = {i: each.outcome.code for i, each in enumerate(deeds) if isinstance(each.outcome, Refused)}
    assert refusals == {3: Refusal.ALREADY_PROPOSED, 11: Refusal.JOB_NOT_OPEN}
    assert isinstance(deeds[1].outcome, Accepted)


@pytest.mark.parametrize("gives", [False, True])
def test_a_lapse_is_noted_where_it_gives_back(gives: bool) -> None:
    market = NotedMarket(article(lapse_gives_back=gives, lapse_days=1))
    market.open(Open("ana", "individual", "plus"), NOW)
    market.post("logo", "dan", SIZE, NOW)
    market.propose("ana", "logo", NOW)
    market.take()
    market.give_back("logo", NOW.replace(day=7))
    noted = [(each.what, each.alters, each.regards) for each in market.take()]
    assert noted == ([(Lapse(), ("ana",), ("logo",))] if gives else [])
