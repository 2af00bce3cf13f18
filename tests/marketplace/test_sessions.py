"""Signing in through the use cases: passwords, sessions and their seats, links, and how often one may try."""

import asyncio
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger.errors import BusyError
from earnest.ledger.ids import PERSON
from earnest.marketplace import hashing, tries
from earnest.marketplace.people import PersonShown, Seat
from earnest.marketplace.sessions import SignedIn
from earnest.rules.outcome import Refused
from tests.marketplace.given import figures, open_account, refusal
from tests.marketplace.signing_in import (
    ADDRESS,
    CHEAP,
    PASSWORD,
    Spy,
    count,
    everything,
    hasher,
    known,
    link,
    machine,
    session,
    sign_in,
)
from tests.stores import StandingClock

__all__ = ["hasher", "machine"]

ANA = "ana@example.com"
OPERATOR = Seat("operator")
ANOTHER = "another long walk"


def told(answer: object) -> str:
    """What comes of signing in: `in`, or the refusal."""
    return "in" if isinstance(answer, SignedIn) else refusal(answer)


def guess(market: Marketplace, times: int, email: str = ANA, address: str = ADDRESS) -> list[str]:
    return [told(market.sign_in(email, "a wrong guess", address=address)) for _ in range(times)]


# Passwords


def test_who_has_set_a_password_signs_in_with_it(market: Marketplace) -> None:
    ana = known(market)
    assert ana.has_password
    for email in (ANA, "ANA@EXAMPLE.COM", f" {ANA} "):
        answer = market.sign_in(email, PASSWORD, address=ADDRESS)
        assert isinstance(answer, SignedIn)
        assert answer.person == ana
        assert session(market, answer.secret).person == ana


def test_a_password_is_the_same_on_every_keyboard(market: Marketplace) -> None:
    market.create_person(email=ANA)
    assert isinstance(market.set_password(link(market), "caf\u00e9 cr\u00e8me \u2460"), PersonShown)
    assert told(market.sign_in(ANA, "cafe\u0301 cre\u0300me 1", address=ADDRESS)) == "in"


def test_unknown_addresses_and_wrong_passwords_are_told_the_same_and_take_the_same_work(
    market: Marketplace, hasher: Spy
) -> None:
    known(market)
    market.create_person(email="new@example.com")
    for email, password in (
        *((ANA, "a wrong guess"), ("new@example.com", PASSWORD), ("nobody@example.com", PASSWORD)),
        *(("", PASSWORD), ("a\0@b", PASSWORD), (ANA, ""), (ANA, "of nobody"), ("nobody@example.com", "of nobody")),
        *((ANA, "\ud800"), ("\ud800", PASSWORD)),
    ):
        before = len(hasher.against)
        answer = market.sign_in(email, password, address=ADDRESS)
        assert (refusal(answer), figures(answer)) == ("wrong_credentials", {})
        assert len(hasher.against) == before + 1
    assert all(kept.startswith("$argon2id$v=19$m=8,t=1,p=1$") for kept in hasher.against)
    assert asyncio.run(hashing.verify(None, "of nobody", ADDRESS)) is False
    for odd in (None, 7, "a" * 201):
        assert refusal(market.sign_in(ANA, odd, address=ADDRESS)) == "wrong_credentials"  # type: ignore[arg-type]
        assert refusal(market.sign_in(odd, PASSWORD, address=ADDRESS)) == "wrong_credentials"  # type: ignore[arg-type]
    assert count(market, "session") == 0


@pytest.mark.parametrize(
    "password",
    [
        *("", "nine char", "a" * 201, "a" * 10, "aA" * 10, "1234567890", "Password123", "long-name@example.com"),
        *("LONG-NAME@example.com", "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10", 7, None),
    ],
)
def test_what_is_no_good_as_a_password_is_told_so_without_telling_it(market: Marketplace, password: Any) -> None:
    market.create_person(email="long-name@example.com")
    secret = link(market, "long-name@example.com")
    with pytest.raises(ValueError, match=r"^password: expected") as told_:
        market.set_password(secret, password)
    assert not password or str(password) not in str(told_.value)
    # The link is as good as before.
    assert isinstance(market.set_password(secret, "ten chars!"), PersonShown)


def test_a_password_may_have_two_hundred_characters(market: Marketplace) -> None:
    market.create_person(email=ANA)
    long = "ab" * 100
    market.set_password(link(market), long)
    assert told(market.sign_in(ANA, long, address=ADDRESS)) == "in"


def test_what_is_kept_of_a_password_is_a_hash_of_the_librarys_parameters(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_HASHER", PasswordHasher())
    known(market)
    [(kept,)] = market.wait(market._inner.ledger.fetch("select password from person"))
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert told(market.sign_in(ANA, PASSWORD, address=ADDRESS)) == "in"


def test_a_hash_of_older_parameters_is_renewed_when_its_password_comes(market: Marketplace, hasher: Spy) -> None:
    known(market)
    hasher.inner = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    assert guess(market, 1) == ["wrong_credentials"]
    asked = "select password from person"
    assert ",t=1," in market.wait(market._inner.ledger.fetch(asked))[0][0]
    sign_in(market)
    assert ",t=2," in market.wait(market._inner.ledger.fetch(asked))[0][0]
    sign_in(market)


def test_nothing_secret_stands_in_the_database(market: Marketplace) -> None:
    known(market)
    secret, unused = sign_in(market), link(market)
    new = market.take_seat(market.sign_in_as(market.people().items[0].id).secret, OPERATOR)
    assert isinstance(new, Refused)
    guess(market, 3)
    kept = everything(market)
    for each in (secret, unused, PASSWORD, "a wrong guess", ADDRESS):
        assert each not in kept
    assert ANA in kept
    assert re.fullmatch(r"[\w-]{43}", secret)


def test_too_many_passwords_at_once_are_turned_away_and_are_no_tries(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(market)
    monkeypatch.setattr(hashing, "HASHES_WAITING", -hashing.HASHES_AT_ONCE)
    with pytest.raises(BusyError):
        market.sign_in(ANA, PASSWORD, address=ADDRESS)
    with pytest.raises(BusyError):
        market.change_password(market.people().items[0].id, PASSWORD, ANOTHER)
    assert count(market, "attempt") == 0


def test_no_more_hashes_than_that_are_under_way_and_all_places_come_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flood() -> list[str | BaseException]:
        return await asyncio.gather(
            *(hashing.hashed(PASSWORD, f"192.0.2.{number}") for number in range(100)), return_exceptions=True
        )

    # Slow enough that none ends before the last one comes.
    monkeypatch.setattr(hashing, "_HASHER", PasswordHasher(time_cost=4, memory_cost=8192, parallelism=1))
    for _ in range(2):
        came = Counter(type(each) for each in asyncio.run(flood()))
        assert came == {str: hashing.HASHES_AT_ONCE + hashing.HASHES_WAITING, BusyError: 78}
        assert hashing._under_way == 0
        assert not hashing._for_each


def test_of_one_s_hashes_ten_are_under_way_and_others_find_places(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flood() -> list[str | BaseException]:
        askers = [*["192.0.2.1"] * 40, "192.0.2.2"]
        return await asyncio.gather(*(hashing.hashed(PASSWORD, by) for by in askers), return_exceptions=True)

    # Slow enough that none ends before the last one comes.
    monkeypatch.setattr(hashing, "_HASHER", PasswordHasher(time_cost=4, memory_cost=8192, parallelism=1))
    *ones, other = asyncio.run(flood())
    assert Counter(type(each) for each in ones) == {str: 10, BusyError: 30}
    assert isinstance(other, str)


def test_one_place_or_person_takes_some_of_the_places_for_hashes_and_no_more(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = known(market)
    known(market, "ben@example.com")
    secret = link(market)
    full = {"2001:db8:1:2::/64": hashing.HASHES_FOR_ONE, ana.id.removeprefix(PERSON): hashing.HASHES_FOR_ONE}
    monkeypatch.setattr(hashing, "_for_each", Counter(full))
    with pytest.raises(BusyError):
        market.sign_in("ben@example.com", PASSWORD, address="2001:db8:1:2::7")
    with pytest.raises(BusyError):
        market.change_password(ana.id, PASSWORD, ANOTHER)
    with pytest.raises(BusyError):
        market.set_password(secret, ANOTHER)
    assert count(market, "attempt") == 0
    sign_in(market, "ben@example.com")
    assert hashing._for_each == full


# How often one may try


def test_after_ten_wrong_tries_from_one_place_even_the_right_password_waits_there(
    market: Marketplace, machine: StandingClock
) -> None:
    known(market)
    assert guess(market, 5) == ["wrong_credentials"] * 5
    machine.move(minutes=5)
    assert guess(market, 5) == ["wrong_credentials"] * 5
    machine.move(minutes=9, seconds=59)
    refused = market.sign_in("ANA@example.com", PASSWORD, address=ADDRESS)
    assert (refusal(refused), figures(refused)) == ("too_many_tries", {"retry_after_seconds": 1})
    machine.move(seconds=1)
    assert told(market.sign_in(ANA, PASSWORD, address=ADDRESS)) == "in"


def test_a_stranger_s_tries_keep_nobody_out_elsewhere(market: Marketplace) -> None:
    ana = known(market)
    here, there = "192.0.2.99", "2001:db8:1:2::7"
    inside = market.sign_in(ANA, PASSWORD, address=here)
    assert isinstance(inside, SignedIn)
    assert guess(market, 11, address=there) == ["wrong_credentials"] * 10 + ["too_many_tries"]
    assert guess(market, 1, address="2001:db8:1:2:ffff::1") == ["too_many_tries"]
    assert told(market.sign_in(ANA, PASSWORD, address=here)) == "in"
    # That gives the stranger no more tries, either.
    assert guess(market, 1, address=there) == ["too_many_tries"]
    assert market.change_password(ana.id, PASSWORD, ANOTHER, keep=inside.secret) == ana


def test_from_many_places_a_password_can_be_tried_a_hundred_times(market: Marketplace, machine: StandingClock) -> None:
    ana = known(market)
    for number in range(10):
        machine.move(seconds=1)
        assert guess(market, 10, address=f"192.0.2.{100 + number}") == ["wrong_credentials"] * 10
    refused = market.sign_in(ANA, PASSWORD, address=ADDRESS)
    assert (refusal(refused), figures(refused)) == ("too_many_tries", {"retry_after_seconds": 15 * 60 - 9})
    # Whoever is in already changes it, and that ends it.
    assert market.change_password(ana.id, PASSWORD, ANOTHER) == ana
    assert told(market.sign_in(ANA, ANOTHER, address=ADDRESS)) == "in"
    assert count(market, "attempt") == 10 * 10


def test_signing_in_gives_back_no_tries_of_all_places(market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MOST_FOR_EMAIL_ANYWHERE", 12)
    known(market)
    assert guess(market, 9) == ["wrong_credentials"] * 9
    sign_in(market)
    assert guess(market, 4) == ["wrong_credentials"] * 3 + ["too_many_tries"]


def test_moving_a_sandboxs_clock_ends_no_lock_out(market: Marketplace, clock: StandingClock) -> None:
    known(market)
    guess(market, 10)
    clock.move(days=1)
    assert guess(market, 1) == ["too_many_tries"]


def test_whoever_signs_in_may_mistype_ten_times_again(market: Marketplace) -> None:
    known(market)
    assert guess(market, 9) == ["wrong_credentials"] * 9
    sign_in(market)
    assert guess(market, 11) == ["wrong_credentials"] * 10 + ["too_many_tries"]


def test_a_new_password_by_a_link_ends_the_lock_out(market: Marketplace) -> None:
    known(market)
    guess(market, 11)
    market.set_password(link(market), ANOTHER)
    assert told(market.sign_in(ANA, ANOTHER, address=ADDRESS)) == "in"


def test_one_place_may_try_a_hundred_times_whoever_signs_in_from_there(
    market: Marketplace, machine: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "MOST_FROM_ADDRESS", 6)
    known(market)
    for number in range(6):
        assert guess(market, 1, f"{number}@example.com", "2001:db8:1:2::7") == ["wrong_credentials"]
        # Signing in takes none of it, and gives none back.
        answer = market.sign_in(ANA, PASSWORD, address="2001:db8:1:2::7")
        assert told(answer) == ("in" if number < 5 else "too_many_tries")
    assert guess(market, 1, "7@example.com", "2001:db8:1:2:ffff::1%eth0") == ["too_many_tries"]
    for elsewhere in ("2001:db8:1:3::7", ADDRESS, "a socket"):
        assert guess(market, 1, "7@example.com", elsewhere) == ["wrong_credentials"]
    machine.move(minutes=15)
    assert guess(market, 1, "8@example.com", "2001:db8:1:2::7") == ["wrong_credentials"]


def test_the_numbers_of_tries_are_these() -> None:
    assert (10, 100, timedelta(minutes=15)) == (tries.MOST_FOR_EMAIL, tries.MOST_FROM_ADDRESS, tries.WITHIN)
    assert tries.MOST_FOR_EMAIL_ANYWHERE == 100


def test_an_address_of_ipv4_is_the_same_written_as_one_of_ipv6(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "MOST_FROM_ADDRESS", 2)
    assert guess(market, 1, "a@b", "192.0.2.1") == ["wrong_credentials"]
    assert guess(market, 1, "c@d", "::ffff:192.0.2.1") == ["wrong_credentials"]
    assert guess(market, 1, "e@f", "192.0.2.1") == ["too_many_tries"]
    assert guess(market, 1, "e@f", "::ffff:192.0.2.2") == ["wrong_credentials"]


@pytest.mark.parametrize("same", [0, 9])
def test_of_many_tries_at_once_no_more_than_ten_look_at_the_password(database: str, hasher: Spy, same: int) -> None:
    async def race() -> list[SignedIn | Refused]:
        async with await AsyncMarketplace.open(database) as one, await AsyncMarketplace.open(database) as other:
            return await asyncio.gather(
                *(market.sign_in(ANA, "a wrong guess", address=ADDRESS) for _ in range(25) for market in (one, other))
            )

    with Marketplace.open(database) as market:
        known(market)
        guess(market, same)
    hasher.against.clear()
    answers = Counter(map(told, asyncio.run(race())))
    assert answers["in"] == 0
    assert len(hasher.against) == answers["wrong_credentials"] <= 10 - same
    assert answers.total() == 50
    with Marketplace.open(database) as market:
        # Those that were turned away don't count.
        left = 10 - same - answers["wrong_credentials"]
        assert guess(market, 11) == ["wrong_credentials"] * left + ["too_many_tries"] * (11 - left)


# Sessions


def test_a_session_ends_after_twelve_hours_in_which_nobody_came(market: Marketplace, machine: StandingClock) -> None:
    known(market)
    secret, other = sign_in(market), sign_in(market)
    for _ in range(3):
        machine.move(hours=11, minutes=59)
        assert market.session(secret) is not None
    assert market.session(other) is None
    machine.move(hours=12)
    assert market.session(secret) is None
    assert refusal(market.take_seat(secret, OPERATOR)) == "not_signed_in"


def test_a_person_has_twenty_sessions_at_most_and_the_oldest_make_room(
    market: Marketplace, machine: StandingClock
) -> None:
    ana = known(market)
    known(market, "ben@example.com")
    bens = sign_in(market, "ben@example.com")
    secrets = []
    for _ in range(25):
        machine.move(seconds=1)
        secrets.append(sign_in(market))
    assert [market.session(secret) is not None for secret in secrets] == [False] * 5 + [True] * 20
    # Those of one moment too, and the newest is among them.
    secrets = [sign_in(market) for _ in range(25)]
    assert market.session(secrets[-1]) is not None
    assert len(market.sessions_of(ana.id)) == 20
    assert market.session(bens) is not None


def test_a_session_ends_after_fourteen_days_in_any_case(market: Marketplace, machine: StandingClock) -> None:
    known(market, seats=(OPERATOR,))
    secret = sign_in(market)
    for _ in range(55):
        machine.move(hours=6)
        assert market.session(secret) is not None
    new = market.take_seat(secret, OPERATOR)
    machine.move(hours=5, minutes=59, seconds=59)
    assert market.session(new) is not None
    machine.move(seconds=1)
    assert market.session(new) is None


def test_moving_a_sandboxs_clock_ends_no_session(market: Marketplace, clock: StandingClock) -> None:
    known(market)
    secret, unused = sign_in(market), link(market)
    clock.move(days=100)
    market.keep_up()
    assert market.session(secret) is not None
    assert market.person_of_link(unused) is not None


def test_that_somebody_came_is_written_once_a_minute(
    market: Marketplace, machine: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = known(market)
    secret = sign_in(market)
    store = market._inner.ledger.store
    written: list[str] = []
    change = store.change

    async def noted(sql: str, params: Any) -> int:
        written.append(sql)
        return await change(sql, params)

    monkeypatch.setattr(store, "change", noted)
    for _ in range(59):
        machine.move(seconds=1)
        market.session(secret)
    assert written == []
    machine.move(seconds=1)
    for _ in range(2):
        market.session(secret)
    assert len(written) == 1
    assert market.sessions_of(ana.id)[0].seen_at == machine.now


@pytest.mark.parametrize("secret", ["", "x", "\0", "\ud800", "'; drop table session", "a" * 43])
def test_what_is_nobodys_secret_is_no_session_and_no_link(market: Marketplace, secret: str) -> None:
    known(market)
    assert market.session(secret) is None
    assert market.person_of_link(secret) is None
    assert refusal(market.set_password(secret, PASSWORD)) == "unknown_link"
    assert refusal(market.take_seat(secret, OPERATOR)) == "not_signed_in"
    market.sign_out(secret)
    # What is kept of a secret is none.
    [(digest,)] = market.wait(market._inner.ledger.fetch("select digest from session")) or [("0" * 64,)]
    assert market.session(digest) is None


def test_who_signs_out_is_out_there_and_elsewhere_only_if_they_say_so(market: Marketplace) -> None:
    ana, ben = known(market), known(market, "ben@example.com")
    here, there, far, bens = *(sign_in(market) for _ in range(3)), sign_in(market, "ben@example.com")
    market.sign_out(here)
    market.sign_out(here)
    assert [market.session(secret) is not None for secret in (here, there, far, bens)] == [False, True, True, True]
    assert len(market.sessions_of(ana.id)) == 2
    market.sign_out_everywhere(ana.id)
    market.sign_out_everywhere("per_1")
    assert [market.session(secret) is not None for secret in (there, far, bens)] == [False, False, True]
    assert market.sessions_of(ana.id) == []
    assert [each.id for each in market.sessions_of(ben.id)] == [session(market, bens).id]
    assert market.sessions_of("per_1") == []


def test_taking_another_seat_changes_the_secret(market: Marketplace, machine: StandingClock) -> None:
    own = Seat("account", open_account(market).id)
    tom = market.add_member(open_account(market, "agency").id)
    seats = (own, Seat("member", tom.id), Seat("client", market.create_client().id), OPERATOR)
    ana = known(market, seats=seats)
    secret = sign_in(market)
    assert session(market, secret).seat is None
    until = session(market, secret).until
    for seat in seats:
        machine.move(hours=1)
        new = market.take_seat(secret, seat)
        assert isinstance(new, str)
        assert market.session(secret) is None
        assert (session(market, new).seat, session(market, new).until) == (seat, until)
        assert [each.seat for each in market.sessions_of(ana.id)] == [seat]
        secret = new


def test_of_two_who_take_a_seat_with_one_secret_one_goes_on(database: str) -> None:
    async def race() -> list[str | Refused]:
        async with await AsyncMarketplace.open(database) as one, await AsyncMarketplace.open(database) as other:
            return await asyncio.gather(*(market.take_seat(secret, OPERATOR) for market in (one, other) * 5))

    with Marketplace.open(database) as market:
        known(market, seats=(OPERATOR,))
        secret = sign_in(market)
        answers = asyncio.run(race())
        [new] = [answer for answer in answers if isinstance(answer, str)]
        assert {refusal(answer) for answer in answers if isinstance(answer, Refused)} == {"not_signed_in"}
        assert session(market, new).seat == OPERATOR
        assert count(market, "session") == 1


def test_nobody_takes_a_seat_that_isn_t_theirs(market: Marketplace) -> None:
    account = open_account(market)
    known(market, seats=(Seat("account", open_account(market).id),))
    secret = sign_in(market)
    for seat in (OPERATOR, Seat("account", account.id), Seat("account", "ext:x"), Seat("client", "x")):
        refused = market.take_seat(secret, seat)
        assert (refusal(refused), figures(refused)) == ("not_permitted", {"reason": "seat"})
    assert market.session(secret) is not None


def test_whoever_has_one_seat_sits_on_it_and_on_one_that_is_taken_nobody(market: Marketplace) -> None:
    own, other = Seat("account", open_account(market).id), Seat("account", open_account(market).id)
    ana = known(market, seats=(own,))
    secret = sign_in(market)
    assert session(market, secret).seat == own
    market.add_seat(ana.id, other)
    assert session(market, secret).seat is None
    market.add_seat(ana.id, OPERATOR)
    secret = market.take_seat(secret, OPERATOR)
    market.remove_seat(ana.id, OPERATOR)
    assert session(market, secret).seat is None
    market.remove_seat(ana.id, own)
    assert session(market, secret).seat == other
    market.remove_seat(ana.id, other)
    assert (session(market, secret).seat, session(market, secret).person.seats) == (None, [])


def test_a_member_who_is_let_go_sits_at_the_agency_no_more(market: Marketplace) -> None:
    tom = market.add_member(open_account(market, "agency").id)
    known(market, seats=(Seat("member", tom.id), OPERATOR))
    secret = market.take_seat(sign_in(market), Seat("member", tom.id))
    assert session(market, secret).seat == Seat("member", tom.id)
    market.remove_member(tom.id)
    assert (session(market, secret).seat, session(market, secret).person.seats) == (OPERATOR, [OPERATOR])
    assert refusal(market.take_seat(secret, Seat("member", tom.id))) == "not_permitted"


def test_anybody_can_be_signed_in_as_without_a_password(market: Marketplace) -> None:
    made = market.create_person(email=ANA, seats=[OPERATOR])
    answer = market.sign_in_as(made.id)
    assert answer.person == made
    assert session(market, answer.secret).seat == OPERATOR


# Links


def test_a_link_sets_a_password_once_and_ends_all_sessions(market: Marketplace) -> None:
    ana = known(market)
    known(market, "ben@example.com")
    secrets = [sign_in(market), sign_in(market)]
    bens, secret = sign_in(market, "ben@example.com"), link(market)
    assert market.person_of_link(secret) == ana
    assert market.set_password(secret, ANOTHER) == ana
    assert [market.session(each) for each in secrets] == [None, None]
    assert market.session(bens) is not None
    assert market.person_of_link(secret) is None
    assert refusal(market.set_password(secret, PASSWORD)) == "unknown_link"
    assert told(market.sign_in(ANA, PASSWORD, address=ADDRESS)) == "wrong_credentials"
    sign_in(market, password=ANOTHER)


def test_a_link_used_by_many_at_once_is_used_once(database: str) -> None:
    async def race() -> list[PersonShown | Refused]:
        async with await AsyncMarketplace.open(database) as one, await AsyncMarketplace.open(database) as other:
            return await asyncio.gather(
                *(market.set_password(secret, f"{ANOTHER} {number}") for number, market in enumerate((one, other) * 5))
            )

    with Marketplace.open(database) as market:
        market.create_person(email=ANA)
        secret = link(market)
        answers = asyncio.run(race())
        [winner] = [number for number, answer in enumerate(answers) if isinstance(answer, PersonShown)]
        assert {refusal(answer) for answer in answers if isinstance(answer, Refused)} == {"unknown_link"}
        sign_in(market, password=f"{ANOTHER} {winner}")


def test_a_newer_link_replaces_the_older_one(market: Marketplace) -> None:
    market.create_person(email=ANA)
    first, second = link(market), link(market, "ANA@example.com")
    assert market.person_of_link(first) is None
    assert refusal(market.set_password(first, PASSWORD)) == "unknown_link"
    assert isinstance(market.set_password(second, PASSWORD), PersonShown)
    assert market.password_link("nobody@example.com") is None


def test_a_link_that_is_replaced_while_its_password_is_being_hashed_is_used_up(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.create_person(email=ANA)
    first = link(market)
    hash_, newer = hashing.hashed, []

    async def meanwhile(password: str, by: str) -> str:
        newer.append(await market._inner.password_link(ANA))
        return await hash_(password, by)

    with monkeypatch.context() as patched:
        patched.setattr(hashing, "hashed", meanwhile)
        assert refusal(market.set_password(first, PASSWORD)) == "unknown_link"
    [(_, second)] = newer
    assert isinstance(market.set_password(second, PASSWORD), PersonShown)


def test_a_first_link_is_good_for_a_week_and_a_later_one_for_an_hour(
    market: Marketplace, machine: StandingClock
) -> None:
    market.create_person(email=ANA)
    for lasts in ({"days": 7}, {"hours": 1}):
        secret = link(market)
        machine.move(**lasts)
        assert market.person_of_link(secret) is None
        assert refusal(market.set_password(secret, PASSWORD)) == "unknown_link"
        secret = link(market)
        machine.move(**lasts)
        machine.move(seconds=-1)
        assert market.person_of_link(secret) is not None
        assert isinstance(market.set_password(secret, PASSWORD), PersonShown)


def test_a_link_may_be_asked_for_five_times_and_nobody_is_told_whose_address_it_is(
    market: Marketplace, machine: StandingClock
) -> None:
    ana = known(market)
    for email, found in ((ANA, ana), ("nobody@example.com", None)):
        for number in range(5):
            given = market.forgot_password(email, address=ADDRESS)
            assert (given is None) is (found is None or number > 0)
            assert given is None or given[0] == found
        assert refusal(market.forgot_password(email, address=ADDRESS)) == "too_many_tries"
    # That locks nobody out.
    sign_in(market)
    machine.move(minutes=30)
    given = market.forgot_password(ANA, address=ADDRESS)
    assert isinstance(given, tuple)
    assert market.person_of_link(given[1]) == ana


def test_a_link_that_anybody_asks_for_replaces_none_that_is_fresh(market: Marketplace, machine: StandingClock) -> None:
    ana = known(market)
    market.create_person(email="new@example.com")
    for email in (ANA, "new@example.com"):
        given = market.forgot_password(email, address=ADDRESS)
        assert isinstance(given, tuple)
        machine.move(minutes=29, seconds=59)
        assert market.forgot_password(email, address="192.0.2.99") is None
        assert market.person_of_link(given[1]) == given[0]
        # Who lost the letter gets another one, and an operator may give one at any time.
        machine.move(seconds=1)
        newer = market.forgot_password(email, address="192.0.2.99")
        assert isinstance(newer, tuple)
        assert market.person_of_link(newer[1]) == newer[0]
        newest = link(market, email)
        assert isinstance(market.set_password(newest, ANOTHER), PersonShown)
        # One that has been used is in nobody's way.
        assert isinstance(market.forgot_password(email, address=ADDRESS), tuple)
    assert market.person_of_link(link(market)) == ana


def test_asking_for_links_takes_none_of_the_tries_at_signing_in(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "MOST_FROM_ADDRESS", 3)
    known(market)
    for number in range(3):
        assert market.forgot_password(f"{number}@example.com", address=ADDRESS) is None
    assert refusal(market.forgot_password("3@example.com", address=ADDRESS)) == "too_many_tries"
    sign_in(market)


# Changing a password


def test_who_knows_the_old_password_changes_it_and_stays_signed_in_here(market: Marketplace) -> None:
    ana = known(market)
    here, there, unused = sign_in(market), sign_in(market), link(market)
    assert market.change_password(ana.id, PASSWORD, ANOTHER, keep=here) == ana
    assert market.session(here) is not None
    assert market.session(there) is None
    assert market.person_of_link(unused) is None
    sign_in(market, password=ANOTHER)
    assert market.change_password(ana.id, ANOTHER, PASSWORD) == ana
    assert market.session(here) is None


def test_an_old_password_can_t_be_guessed_there_either(market: Marketplace) -> None:
    ana = known(market)
    made = market.create_person(email="new@example.com")
    assert refusal(market.change_password(made.id, PASSWORD, ANOTHER)) == "wrong_credentials"
    assert refusal(market.change_password("per_1", PASSWORD, ANOTHER)) == "unknown_person"
    with pytest.raises(ValueError, match=r"^new: expected"):
        market.change_password(ana.id, PASSWORD, ANA)
    for _ in range(10):
        assert refusal(market.change_password(ana.id, "a wrong guess", ANOTHER)) == "wrong_credentials"
    assert refusal(market.change_password(ana.id, PASSWORD, ANOTHER)) == "too_many_tries"
    # Nobody at a browser that was left open keeps its owner out elsewhere.
    sign_in(market)
    assert refusal(market.change_password(ana.id, PASSWORD, ANOTHER)) == "too_many_tries"


def test_of_two_changes_at_once_one_is_made_and_who_signs_in_meanwhile_is_out(database: str) -> None:
    async def race() -> list[Any]:
        async with await AsyncMarketplace.open(database) as one, await AsyncMarketplace.open(database) as other:
            return await asyncio.gather(
                *(
                    market.change_password(ana.id, PASSWORD, f"{ANOTHER} {number}")
                    for number, market in enumerate((one, other))
                ),
                *(market.sign_in(ANA, PASSWORD, address=ADDRESS) for market in (one, other)),
            )

    with Marketplace.open(database) as market:
        ana = known(market)
        *changed, _, _ = answers = asyncio.run(race())
        [winner] = [number for number, answer in enumerate(changed) if isinstance(answer, PersonShown)]
        assert refusal(changed[1 - winner]) == "wrong_credentials"
        # Whoever came in with the old one was put out by the new one, or not let in.
        assert [market.session(each.secret) for each in answers if isinstance(each, SignedIn)].count(None) == sum(
            isinstance(each, SignedIn) for each in answers
        )
        sign_in(market, password=f"{ANOTHER} {winner}")


# Upkeep


def test_upkeep_forgets_what_has_ended_and_nothing_else(market: Marketplace, machine: StandingClock) -> None:
    known(market)
    known(market, "ben@example.com")
    sign_in(market)
    guess(market, 1)
    link(market)
    machine.move(minutes=14, seconds=59)
    kept = sign_in(market, "ben@example.com")
    secret = link(market, "ben@example.com")
    market.keep_up()
    assert (count(market, "attempt"), count(market, "session")) == (3, 2)
    machine.move(seconds=1)
    market.keep_up()
    assert (count(market, "attempt"), count(market, "session")) == (0, 2)
    machine.move(minutes=45)
    market.keep_up()
    asked = "select count(link), count(link_until) from person"
    assert market.wait(market._inner.ledger.fetch(asked)) == [(1, 1)]
    assert market.person_of_link(secret) is not None
    machine.move(hours=11)
    market.keep_up()
    assert count(market, "session") == 1
    assert market.session(kept) is not None
    machine.move(days=14)
    market.keep_up()
    assert count(market, "session") == 0
    assert count(market, "person") == 2


def test_the_cheap_hasher_of_these_tests_is_not_the_one_in_use() -> None:
    assert CHEAP.memory_cost < 100 < PasswordHasher().memory_cost
