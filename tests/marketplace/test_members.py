"""The members of an agency through the use cases (RULES 8)."""

import asyncio
from typing import Any

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.marketplace.people import Seat
from earnest.marketplace.shown import MemberShown
from earnest.rules.outcome import Refused
from tests.marketplace.given import figures, open_account, pages, post, refusal


def test_an_agency_s_members_are_shown_in_the_order_in_which_they_came(market: Marketplace) -> None:
    acme = open_account(market, "agency")
    added = [market.add_member(acme.id, name=f"M{i}", role="member", can_propose=i == 0) for i in range(5)]
    assert added[0] == MemberShown(added[0].id, acme.id, "member", "M0", can_propose=True)
    assert added[0].id.startswith("mem_")
    for limit in (1, 2, 4, 5, 500):
        assert [each for page in pages(market.members, acme.id, limit=limit) for each in page] == added


def test_an_individual_has_no_members(market: Marketplace) -> None:
    answer = market.add_member(open_account(market).id, name="Ben")
    assert (refusal(answer), figures(answer)) == ("not_for_this_kind", {"kind": "individual"})


def test_what_is_left_out_of_a_change_stays(market: Marketplace) -> None:
    acme = open_account(market, "agency")
    ben = market.add_member(acme.id, name="Ben", role="member")
    assert market.change_member(ben.id, role="admin") == MemberShown(ben.id, acme.id, "admin", "Ben", None)
    assert market.change_member(ben.id, can_propose=False).can_propose is False
    assert market.change_member(ben.id, name="Benno") == MemberShown(ben.id, acme.id, "admin", "Benno", False)
    assert market.change_member(ben.id, can_propose=None).can_propose is None
    assert market.members(acme.id).items == [MemberShown(ben.id, acme.id, "admin", "Benno", None)]


def test_a_proposal_names_a_worker_who_may_propose(market: Marketplace) -> None:
    acme, job = open_account(market, "agency"), post(market).id
    owner = market.add_member(acme.id, role="owner")
    member = market.add_member(acme.id, role="member")
    nobody = market.submit(job, acme.id)
    assert (refusal(nobody), figures(nobody)["field"]) == ("malformed", "worker_id")
    barred = market.submit(job, acme.id, worker_id=member.id)
    assert (refusal(barred), figures(barred)["reason"]) == ("not_permitted", "role")
    market.change_member(member.id, can_propose=True)
    assert market.submit(job, acme.id, worker_id=member.id).worker_id == member.id
    # One live proposal an account and job, whoever would do the work.
    assert refusal(market.submit(job, acme.id, worker_id=owner.id)) == "already_proposed"
    assert market.balance(acme.id).available == 78


def test_somebody_else_s_member_or_none_at_all_is_no_worker(market: Marketplace) -> None:
    acme, other, job = open_account(market, "agency"), open_account(market, "agency"), post(market).id
    stranger = market.add_member(other.id, role="owner")
    for worker_id in (stranger.id, f"{stranger.id}0", "mem_x", ""):
        assert refusal(market.submit(job, acme.id, worker_id=worker_id)) == "unknown_member"
    answer = market.submit(job, open_account(market).id, worker_id=stranger.id)
    assert (refusal(answer), figures(answer)["field"]) == ("malformed", "worker_id")


def test_who_has_left_may_do_nothing_and_is_still_named_by_their_proposals(market: Marketplace) -> None:
    acme = open_account(market, "agency")
    ben = market.add_member(acme.id, name="Ben", role="owner")
    sent = market.submit(post(market).id, acme.id, worker_id=ben.id)
    market.remove_member(ben.id)
    assert market.members(acme.id).items == []
    assert market.proposal(sent.id).worker_id == ben.id
    for answer in (
        market.submit(post(market).id, acme.id, worker_id=ben.id),
        market.change_member(ben.id, role="admin"),
        market.remove_member(ben.id),
        market.buy(acme.id, 1, by_member_id=ben.id),
        market.change_plan(acme.id, "agency", by_member_id=ben.id),
    ):
        assert refusal(answer) == "unknown_member"


def test_only_owners_and_admins_buy_and_change_the_plan(market: Marketplace) -> None:
    acme = open_account(market, "agency")
    roles = {role: market.add_member(acme.id, role=role).id for role in ("owner", "admin", "member")}
    for role in ("owner", "admin"):
        assert market.buy(acme.id, 1, by_member_id=roles[role]).status == "pending"
        assert market.change_plan(acme.id, "agency", by_member_id=roles[role]).plan == "agency"
    for answer in (
        market.buy(acme.id, 1, by_member_id=roles["member"]),
        market.change_plan(acme.id, "agency", by_member_id=roles["member"]),
        market.keep_plan(acme.id, by_member_id=roles["member"]),
    ):
        assert (refusal(answer), figures(answer)["role"]) == ("not_permitted", "member")


def test_an_id_that_names_no_member_is_unknown(market: Marketplace) -> None:
    acme = open_account(market, "agency")
    for member_id in ("mem_x", "", f"mem_{acme.id[4:]}_1", f"mem_{acme.id[4:]}_0", f"mem_{'0' * 32}_1"):
        assert refusal(market.change_member(member_id, role="admin")) == "unknown_member"
        assert refusal(market.remove_member(member_id)) == "unknown_member"


def test_a_malformed_member_raises_the_argument_s_name(market: Marketplace) -> None:
    acme = open_account(market, "agency").id
    ben = market.add_member(acme).id
    wrong: list[tuple[str, Any]] = [("role", "boss"), ("name", ""), ("name", "a" * 201), ("can_propose", "yes")]
    for field, value in wrong:
        with pytest.raises(ValueError, match=f"^{field}: expected"):
            market.add_member(acme, **{field: value})
        with pytest.raises(ValueError, match=f"^{field}: expected"):
            market.change_member(ben, **{field: value})


def test_names_are_known_of_those_who_have_left_too(market: Marketplace) -> None:
    agency = open_account(market, "agency").id
    eve = market.add_member(agency, name="Eve", role="owner").id
    max_ = market.add_member(agency, name="Max", role="member").id
    market.remove_member(max_)
    assert market.names_of_members(agency) == {eve: "Eve", max_: "Max"}
    market.erase_person(agency)
    assert market.names_of_members(agency) == {eve: None, max_: None}
    assert market.names_of_members("acc_x") == {}


def test_members_are_looked_after_by_owners_and_admins(market: Marketplace) -> None:
    acme, other = open_account(market, "agency"), open_account(market, "agency")
    olga, otto, ada, tom = (market.add_member(acme.id, role=role).id for role in ("owner", "owner", "admin", "member"))
    stranger = market.add_member(other.id, role="owner").id

    def add(role: str, by: str) -> Any:
        return market.add_member(acme.id, role=role, by_member_id=by)

    def change(member: str, role: str | None, by: str) -> Any:
        return market.change_member(member, role=role, by_member_id=by)

    def remove(member: str, by: str) -> Any:
        return market.remove_member(member, by_member_id=by)

    for answer, reason in (
        (add("member", tom), "role"),
        (change(tom, "admin", tom), "role"),
        (change(tom, None, tom), "role"),
        (remove(ada, tom), "role"),
        (add("owner", ada), "for_owners"),
        (change(ada, "owner", ada), "for_owners"),
        (change(olga, "admin", ada), "for_owners"),
        (change(olga, None, ada), "for_owners"),
        (remove(olga, ada), "for_owners"),
        (change(olga, "admin", olga), "own_ownership"),
        (remove(olga, olga), "own_ownership"),
    ):
        assert (refusal(answer), figures(answer)["reason"]) == ("not_permitted", reason)
    for by in (stranger, "mem_x", ""):
        for answer in (add("member", by), change(tom, "admin", by), remove(tom, by)):
            assert refusal(answer) == "unknown_member"
    assert [each.role for each in market.members(acme.id).items] == ["owner", "owner", "admin", "member"]

    assert add("admin", ada).role == "admin"
    assert change(tom, "admin", ada).role == "admin"
    # Anybody but an owner may leave.
    assert remove(ada, ada).role == "admin"
    eve = add("member", olga).id
    assert remove(eve, eve).role == "member"
    assert market.change_member(olga, can_propose=False, by_member_id=olga).role == "owner"
    assert change(otto, "member", olga).role == "member"
    # The marketplace itself, which names nobody, may do what it thinks right.
    assert market.remove_member(olga).role == "owner"


def test_who_may_change_a_member_says_who_acts_for_them(market: Marketplace) -> None:
    acme, other = open_account(market, "agency"), open_account(market, "agency")
    olga, ada, tom = (market.add_member(acme.id, role=role).id for role in ("owner", "admin", "member"))
    stranger = market.add_member(other.id, role="owner").id
    known = market.create_person(email="known@example.com").id
    for number, (by, of, said) in enumerate(
        (
            (tom, ada, "not_permitted"),
            (tom, tom, "not_permitted"),
            (ada, olga, "not_permitted"),
            (stranger, tom, "unknown_member"),
        )
    ):
        seat = Seat("member", of)
        made = market.create_person(email=f"{number}@example.com", seats=[seat], by_member_id=by)
        assert refusal(made) == refusal(market.add_seat(known, seat, by_member_id=by)) == said
        assert market.person_by_email(f"{number}@example.com") is None
    assert market.person(known).seats == []
    assert market.add_seat(known, Seat("member", tom), by_member_id=ada).seats == [Seat("member", tom)]
    ben = market.create_person(email="ben@example.com", seats=[Seat("member", ada)], by_member_id=olga)
    assert ben.seats == [Seat("member", ada)]


def test_of_two_owners_who_put_each_other_down_at_once_one_stays(database: str) -> None:
    async def whole() -> None:
        # Two writers, as in two processes.
        async with await AsyncMarketplace.open(database) as market, await AsyncMarketplace.open(database) as other:
            acme = (await market.open_account(kind="agency", plan="agency")).id
            for place in (market, other) * 3:
                one, two = [(await market.add_member(acme, role="owner")).id for _ in range(2)]
                answers = await asyncio.gather(
                    market.change_member(one, role="admin", by_member_id=two),
                    place.remove_member(two, by_member_id=one),
                )
                assert sorted(isinstance(answer, Refused) for answer in answers) == [False, True]

    asyncio.run(whole())
