"""People through the use cases: who may sign in, by which address, and what each may act as."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger.postgresql import connect
from earnest.ledger.writer import Key
from earnest.marketplace.people import PersonShown, Seat
from earnest.marketplace.shown import AccountShown, ClientShown, MemberShown
from earnest.rules.outcome import Refused
from tests.marketplace.given import figures, open_account, pages, post, refusal
from tests.marketplace.signing_in import count, everything, hasher, known, session, sign_in
from tests.stores import START, StandingClock

__all__ = ["hasher"]

OPERATOR = Seat("operator")
NOBODY = "per_" + "0" * 32


def made(market: Marketplace, email: str = "ana@example.com", *seats: Seat, **more: Any) -> PersonShown:
    person = market.create_person(email=email, seats=seats, **more)
    assert isinstance(person, PersonShown), person
    return person


def member(market: Marketplace, **more: Any) -> MemberShown:
    added = market.add_member(open_account(market, "agency").id, **more)
    assert isinstance(added, MemberShown)
    return added


def client(market: Marketplace) -> ClientShown:
    created = market.create_client(name="Dan", external_id="dan")
    assert isinstance(created, ClientShown)
    return created


def test_a_person_has_an_address_a_name_and_seats_in_their_order(market: Marketplace) -> None:
    account = open_account(market, name="Ana", external_id="ana")
    tom, dan = member(market), client(market)
    seats = [Seat("account", account.id), Seat("client", dan.id), Seat("member", tom.id), OPERATOR]
    person = made(market, "Ana@Example.com", Seat("account", "ext:ana"), *seats[1:], name="Ana")
    assert (person.email, person.name, person.has_password, person.created_at) == (
        *("Ana@Example.com", "Ana"),
        *(False, START),
    )
    assert person.seats == seats
    assert market.person(person.id) == person
    assert market.person_by_email("ana@EXAMPLE.com") == person
    assert market.people().items == [person]
    assert market.audit().differences == []


def test_no_two_people_share_an_address_however_it_is_written(market: Marketplace) -> None:
    made(market, "Jos\u00e9@example.com")
    for same in ("jos\u00e9@example.com", "JOS\u00c9@EXAMPLE.COM", "jose\u0301@example.com"):
        refused = market.create_person(email=same)
        assert (refusal(refused), figures(refused)) == ("email_taken", {"email": same})
    assert market.person_by_email(" JOS\u00c9@example.com ") is not None
    assert count(market, "person") == 1


def test_of_many_who_want_one_address_at_once_one_has_it(database: str) -> None:
    async def race() -> list[PersonShown | Refused]:
        async with await AsyncMarketplace.open(database) as one, await AsyncMarketplace.open(database) as other:
            return await asyncio.gather(
                *(
                    market.create_person(email=f"{name}@example.com")
                    for name in ("ana", "Ana") * 5
                    for market in (one, other)
                )
            )

    answers = asyncio.run(race())
    assert sorted(isinstance(answer, PersonShown) for answer in answers) == [False] * 19 + [True]
    assert {refusal(answer) for answer in answers if isinstance(answer, Refused)} == {"email_taken"}
    with Marketplace.open(database) as market:
        assert len(market.people().items) == 1


def test_a_repeated_request_makes_one_person_and_keeps_none_of_their_names(market: Marketplace) -> None:
    first, second = (market.create_person(email="ana@example.com", name="Ana", key=Key("k")) for _ in range(2))
    assert first == second
    assert refusal(market.create_person(email="ben@example.com", key=Key("k"))) == "key_reused"
    [(outcome,)] = market.wait(market._inner.ledger.fetch("select outcome from request"))
    assert "example.com" not in outcome
    assert "Ana" not in outcome


@pytest.mark.parametrize(
    "email",
    [
        *(
            "",
            " ",
            "ana",
            "ana@",
            "@example.com",
            "a@b@c",
            "a na@example.com",
            "ana@exa\tmple.com",
            "ana@example.com\n",
        ),
        *("a" * 243 + "@example.com", "ana\u200b@example.com", "ana\0@example.com", "\ud800@example.com", 7, None),
    ],
)
def test_what_is_no_address_is_told_so_and_found_nowhere(market: Marketplace, email: Any) -> None:
    with pytest.raises(ValueError, match=r"^email: expected"):
        market.create_person(email=email)
    assert market.person_by_email("" if email == "ana@example.com\n" else email) is None
    assert market.password_link("" if email == "ana@example.com\n" else email) is None


def test_an_address_of_254_characters_is_one(market: Marketplace) -> None:
    made(market, "a" * 242 + "@example.com")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"seats": [("operator", None)]}, "seat"),
        ({"seats": [Seat("owner", "acc_1")]}, r"seat\.kind"),  # type: ignore[arg-type]
        ({"seats": [Seat("account")]}, r"seat\.target"),
        ({"seats": [Seat("operator", "acc_1")]}, r"seat\.target"),
        ({"seats": [OPERATOR] * 101}, "seats"),
        ({"key": ""}, "key"),
    ],
)
def test_what_can_t_be_meant_is_told_so(market: Marketplace, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=rf"^{said}: expected"):
        market.create_person(email="ana@example.com", **more)
    assert count(market, "person") == 0


def test_seats_are_somewhere_and_agencies_are_entered_as_a_member(market: Marketplace) -> None:
    agency, tom = open_account(market, "agency"), member(market)
    left = member(market)
    market.remove_member(left.id)
    ana = made(market)
    for seat, code in (
        (Seat("account", "acc_1"), "unknown_account"),
        (Seat("account", "ext:nobody"), "unknown_account"),
        (Seat("account", f"acc_{'1' * 32}"), "unknown_account"),
        (Seat("member", f"{tom.id}7"), "unknown_member"),
        (Seat("member", agency.id), "unknown_member"),
        (Seat("member", left.id), "unknown_member"),
        (Seat("client", agency.id), "unknown_client"),
        (Seat("client", f"cli_{'1' * 32}"), "unknown_client"),
        (Seat("account", agency.id), "not_for_this_kind"),
    ):
        assert refusal(market.create_person(email="ben@example.com", seats=[OPERATOR, seat])) == code
        assert refusal(market.add_seat(ana.id, seat)) == code
    assert count(market, "person") == 1
    assert count(market, "seat") == 0


def test_seats_are_added_and_taken_once_however_often(market: Marketplace, clock: StandingClock) -> None:
    ana, account = made(market), open_account(market)
    seat = Seat("account", account.id)
    for _ in range(2):
        assert market.add_seat(ana.id, OPERATOR).seats == [OPERATOR]
    clock.move(seconds=1)
    assert market.add_seat(ana.id, seat).seats == [OPERATOR, seat]
    for _ in range(2):
        assert market.remove_seat(ana.id, OPERATOR).seats == [seat]
    assert market.person(ana.id).seats == [seat]
    assert made(market, "ben@example.com", seat, seat).seats == [seat]


def test_people_are_renamed_and_may_have_no_name(market: Marketplace) -> None:
    ana = made(market, name="Ana")
    assert market.rename_person(ana.id, "Ann").name == "Ann"
    assert market.rename_person(ana.id, None).name is None
    with pytest.raises(ValueError, match=r"^name: expected"):
        market.rename_person(ana.id, "")


def test_who_isn_t_there_is_answered_so(market: Marketplace) -> None:
    for id_ in (NOBODY, "per_1", "acc_" + "0" * 32, "", 7):
        for answer in (
            market.person(id_),  # type: ignore[arg-type]
            market.add_seat(id_, OPERATOR),  # type: ignore[arg-type]
            market.remove_seat(id_, OPERATOR),  # type: ignore[arg-type]
            market.rename_person(id_, "Ana"),  # type: ignore[arg-type]
            market.remove_person(id_),  # type: ignore[arg-type]
            market.sign_in_as(id_),  # type: ignore[arg-type]
        ):
            assert refusal(answer) == "unknown_person"
        assert market.people_of(id_) == []  # type: ignore[arg-type]
    assert count(market, "seat") == 0


def test_people_are_listed_in_pages_and_searched_by_address_and_name(market: Marketplace, clock: StandingClock) -> None:
    people = []
    for name in ("Ana", "Ben", "An_a", "100%"):
        clock.move(seconds=1)
        people.append(
            made(market, f"{name.lower()}@example.com", OPERATOR, Seat("account", open_account(market).id), name=name)
        )
    assert pages(market.people, limit=2) == [people[:2], people[2:]]
    assert pages(market.people, limit=3) == [people[:3], people[3:]]
    for q, found in (
        ("ANA", [0]),
        ("BEN@", [1]),
        ("n_", [2]),
        ("%", [3]),
        ("example", [0, 1, 2, 3]),
        ("!", []),
        ("", [0, 1, 2, 3]),
    ):
        assert market.people(q=q).items == [people[index] for index in found]
    for wrong in ({"limit": 0}, {"cursor": "x"}, {"q": "a" * 255}):
        with pytest.raises(ValueError, match=rf"^{next(iter(wrong))}: expected"):
            market.people(**wrong)


def test_who_has_a_seat_somewhere_is_shown(market: Marketplace) -> None:
    account, dan, agency = open_account(market), client(market), open_account(market, "agency")
    eve, tom = market.add_member(agency.id, role="owner"), market.add_member(agency.id)
    ana = made(market, "ana@example.com", Seat("account", account.id), Seat("member", tom.id))
    ben = made(market, "ben@example.com", Seat("account", account.id), Seat("client", dan.id))
    cleo = made(market, "cleo@example.com", Seat("member", eve.id))
    made(market, "op@example.com", OPERATOR)
    by_id = {person.id: person for person in (ana, ben, cleo)}
    for target, people in (
        *((account.id, [ana, ben]), (dan.id, [ben]), (agency.id, [ana, cleo]), (tom.id, [ana]), (eve.id, [cleo])),
        *((f"mem_{agency.id[4:]}_7", []), (f"mem_{account.id[4:]}_1", []), ("acc_" + "0" * 32, [])),
    ):
        assert market.people_of(target) == sorted((by_id[each.id] for each in people), key=lambda each: each.id)
    market.remove_member(tom.id)
    assert [person.id for person in market.people_of(agency.id)] == [cleo.id]
    assert market.people_of(tom.id) == []
    assert market.person(ana.id).seats == [Seat("account", account.id)]


def test_a_person_who_is_removed_leaves_nothing_of_them_here(market: Marketplace) -> None:
    account = open_account(market)
    ana = known(market, seats=(Seat("account", account.id), OPERATOR))
    secret = sign_in(market)
    market.password_link("ana@example.com")
    assert market.remove_person(ana.id) is None
    assert market.session(secret) is None
    assert "ana@" not in everything(market)
    assert ana.id[4:] not in everything(market)
    assert refusal(market.remove_person(ana.id)) == "unknown_person"
    assert isinstance(market.account(account.id), AccountShown)
    assert made(market, "ANA@example.com").id != ana.id


def test_erasing_a_holder_takes_their_seats_and_whoever_has_no_other(market: Marketplace) -> None:
    account, other, tom = open_account(market), open_account(market), member(market)
    seat = Seat("account", account.id)
    only = known(market, "only@example.com", (seat,))
    left = known(market, "left@example.com", (seat, Seat("member", tom.id)))
    both = known(market, "both@example.com", (seat, Seat("account", other.id)))
    boss = known(market, "boss@example.com", (seat, OPERATOR))
    apart = known(market, "apart@example.com", (Seat("account", other.id),))
    # A seat that doesn't hold any more keeps nobody.
    market.remove_member(tom.id)
    secrets = {who.id: sign_in(market, who.email) for who in (only, left, both, boss, apart)}
    assert market.erase_person(account.id) is None
    assert {who.id: who.seats for who in market.people().items} == {
        both.id: [Seat("account", other.id)],
        boss.id: [OPERATOR],
        apart.id: [Seat("account", other.id)],
    }
    assert {id_ for id_, secret in secrets.items() if market.session(secret) is not None} == {
        both.id,
        boss.id,
        apart.id,
    }
    assert session(market, secrets[both.id]).seat == Seat("account", other.id)
    for gone in (only, left):
        assert gone.email not in everything(market)
        assert gone.id[4:] not in everything(market)
    assert market.audit().differences == []


def test_what_was_on_its_way_when_an_account_was_erased_goes_too(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tom = member(market)
    agency = f"acc_{tom.id.split('_')[1]}"
    ledger, jobs = market._inner.ledger, [post(market).id for _ in range(2)]
    fence = ledger.store.fence

    async def while_waiting(patience: float) -> bool:
        """What other processes had begun before, and keep now."""
        inner = market._inner
        nora = await inner.add_member(agency, name="Nora New", role="owner")
        assert isinstance(nora, MemberShown)
        await inner.submit(jobs[0], agency, worker_id=nora.id, cover_letter="My name is Nora")
        await inner.create_person(email="nora@example.com", name="Nora New", seats=[Seat("member", nora.id)])
        return await fence(patience)

    monkeypatch.setattr(ledger.store, "fence", while_waiting)
    assert market.erase_person(agency) is None
    assert len(market.proposals_of(agency).items) == 1
    assert "Nora" not in everything(market)
    assert "nora@" not in everything(market)
    assert market.audit().differences == []


def test_erasing_an_agency_or_a_client_takes_their_people_too(market: Marketplace) -> None:
    tom, dan = member(market), client(market)
    account = open_account(market)
    made(market, "tom@example.com", Seat("member", tom.id))
    made(market, "dan@example.com", Seat("client", dan.id))
    ann = made(market, "ann@example.com", Seat("client", dan.id), Seat("account", account.id))
    assert market.erase_person(f"acc_{tom.id.split('_')[1]}") is None
    assert "tom@" not in everything(market)
    for _ in range(2):
        assert market.erase_client(dan.id) is None
    assert "dan@" not in everything(market)
    assert market.people().items == [market.person(ann.id)]
    assert market.person(ann.id).seats == [Seat("account", account.id)]
    assert count(market, "seat") == 1
    assert count(market, "external") == 1


def test_an_account_that_somebody_else_has_locked_is_waited_for(new_postgresql: Callable[[], str]) -> None:
    url = new_postgresql()

    async def work() -> list[PersonShown | Refused]:
        async with await AsyncMarketplace.open(url) as market, await connect(url) as other:
            account = await market.open_account(kind="individual", plan="basic")
            assert isinstance(account, AccountShown)
            await other.execute("begin")
            await other.execute("select 1 from account where account_id = %s::uuid for update", [account.id[4:]])
            asked = asyncio.ensure_future(market.create_person(email="ana@b.c", seats=[Seat("account", account.id)]))
            lane = market.ledger._writer._lanes[0]
            # Until it has met the lock, and been set aside.
            while not lane._away and not asked.done():
                await asyncio.sleep(0)
            await other.execute("rollback")
            return [await asked]

    [answer] = asyncio.run(work())
    assert isinstance(answer, PersonShown)
