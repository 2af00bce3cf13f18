"""Letters: what happens to an account is written to its people, once; and links to set a password are sent."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from earnest import AsyncMarketplace
from earnest.ledger.ids import MAIL
from earnest.mail import Letter, Sent
from earnest.mail.smtp import Smtp
from earnest.marketplace.people import PersonShown, Seat
from earnest.relay import Relay
from earnest.settings import Settings
from earnest.web import mailing
from earnest.web.mailing import Mailing
from tests.mail.server import mail_server, trusting
from tests.relay.given import QUICK, looks, opened
from tests.relay.receiver import eventually, until
from tests.stores import StandingClock
from tests.web.site import Site, visited

TAKEN = Sent(250)
BASE = "https://market.example"


class Postbox:
    """A post that keeps what it is given, and answers as it is told."""

    def __init__(self, answer: Callable[[Letter], Sent] = lambda _: TAKEN) -> None:
        self.answer = answer
        self.given: list[Letter] = []

    async def send(self, letter: Letter) -> Sent:
        self.given.append(letter)
        return self.answer(letter)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(letter.to, letter.subject) for letter in self.given]


@asynccontextmanager
async def writing(market: AsyncMarketplace, post: Any) -> AsyncIterator[Relay]:
    """A relay that writes to people."""
    mail = Mailing(Settings(public_url=BASE), post)
    relay = Relay(market.ledger, QUICK, partial(mail.carrier, market))
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        relay.stop()
        await running


async def person(market: AsyncMarketplace, email: str, *seats: Seat, name: str = "Ana") -> PersonShown:
    made = await market.create_person(email=email, name=name, seats=seats)
    assert isinstance(made, PersonShown)
    return made


async def holder(market: AsyncMarketplace, plan: str = "basic", email: str = "ana@example.com", **more: Any) -> str:
    account = await market.open_account(kind="individual", plan=plan, name="Ana")
    await person(market, email, Seat("account", account.id), **more)
    await market.keep_mail(wanted=True)
    return str(account.id)


async def states(market: AsyncMarketplace) -> list[tuple[str, int, int | None]]:
    return [
        (status, attempts, answered)
        for status, attempts, answered in await market.ledger.fetch(
            "select status, attempts, answered from delivery where endpoint_id = id(:mail) order by account_id, seq",
            {"mail": MAIL},
        )
    ]


def clock_of(market: AsyncMarketplace) -> StandingClock:
    assert isinstance(market.ledger.clock, StandingClock)
    return market.ledger.clock


def running(database: str, run: Callable[[AsyncMarketplace], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with opened(database) as market:
            await run(market)

    asyncio.run(whole())


def test_every_kind_of_letter_says_what_happened_with_its_figures(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market)
        box = Postbox()
        async with writing(market, box):
            client = await market.create_client(name="Dan")
            job = await market.post_job(client.id, title="A\nlogo", type="fixed", budget=30_000)
            await market.submit(job.id, account)
            await market.close_job(job.id, "cancelled")
            await market.suspend(account, reason="copied letters")
            await market.lift_suspension(account, reason="they were not")
            clock_of(market).move(days=26)
            await market.keep_up()
            await until(lambda: len(box.given) == 4)
            clock_of(market).move(days=5)
            await market.keep_up()
            await market.change_plan(account, "plus")
            await until(lambda: len(box.given) == 6)
        letters = {letter.subject: letter for letter in box.given}
        assert list(letters) == [
            "2 connects came back",
            "Suspended from proposing",
            "You can propose again",
            "60 connects expire at the end of Jan 31, 2024",
            "Your membership renewed: you hold 60 connects",
            "The plan is now Plus",
        ]
        texts = [letter.text for letter in box.given]
        assert "The job “A logo” ended without hiring anybody, so 2 connects came back." in texts[0]
        assert "You hold 60 connects now." in texts[0]
        assert "The reason given: copied letters" in texts[1]
        assert "The reason given: they were not" in texts[2]
        assert "60 connects, all you hold, expire at the end of Jan 31, 2024" in texts[3]
        assert "60 connects came, and 60 connects of the month before expired unused." in texts[4]
        assert "the account is on the plan Plus" in texts[5]
        for letter in box.given:
            assert letter.to == "ana@example.com"
            assert letter.text.startswith("Hello Ana,")
            assert f"\n\n{BASE}/" in letter.text
            assert letter.unsubscribe is not None
            assert letter.unsubscribe in letter.text
        assert len({letter.id for letter in box.given}) == 6

    running(database, run)


def test_a_letter_about_an_agency_goes_to_its_owner_and_says_so(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        agency = await market.open_account(kind="agency", plan="agency", name="North Studio")
        owner = await market.add_member(agency.id, name="Olga", role="owner")
        member = await market.add_member(agency.id, name="Max", role="member")
        await person(market, "olga@example.com", Seat("member", owner.id), name="Olga\r\nBcc: eve@example.com")
        await person(market, "max@example.com", Seat("member", member.id))
        await market.keep_mail(wanted=True)
        box = Postbox()
        async with writing(market, box):
            await market.suspend(agency.id, reason="so")
            await until(lambda: box.given)
            await eventually(lambda: states(market), lambda all_: all_ == [("delivered", 1, 250)])
        [letter] = box.given
        assert letter.to == "olga@example.com"
        assert letter.text.startswith("Hello Olga Bcc: eve@example.com, this is about North Studio.")
        assert "owner or admin" in letter.text

    running(database, run)


def test_a_letter_that_is_not_taken_is_tried_again_and_goes_once_to_those_who_have_it(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market)
        await person(market, "bob@example.com", Seat("account", account), name="Bob")
        tries = 0

        def answer(letter: Letter) -> Sent:
            nonlocal tries
            tries += letter.to == "bob@example.com"
            return Sent(451, "later") if letter.to == "bob@example.com" and tries < 3 else TAKEN

        box = Postbox(answer)
        async with writing(market, box):
            await market.suspend(account, reason="so")
            await eventually(lambda: states(market), lambda all_: all_ == [("delivered", 3, 250)])
        assert [letter.to for letter in box.given].count("ana@example.com") == 1
        to_bob = [letter for letter in box.given if letter.to == "bob@example.com"]
        assert len(to_bob) == 3
        assert len({letter.id for letter in to_bob}) == 1

    running(database, run)


def test_what_is_refused_for_good_is_given_up_and_holds_up_nobody(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market, email="gone@example.com")
        other = await holder(market, email="ana@example.com")
        box = Postbox(lambda letter: Sent(550, "no", refused=True) if letter.to == "gone@example.com" else TAKEN)
        async with writing(market, box) as relay:
            await market.suspend(account, reason="so")
            await market.suspend(other, reason="so")
            await eventually(
                lambda: states(market), lambda all_: sorted(all_) == [("delivered", 1, 250), ("failed", 1, 550)]
            )
            [(failing,)] = await market.ledger.fetch("select failing_since from endpoint")
            assert failing is None
            assert relay.figures.given_up == 1

    running(database, run)


def test_a_post_that_is_down_for_long_is_never_paused_for_good(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market)
        is_down = True
        box = Postbox(lambda _: Sent(error="down") if is_down else TAKEN)
        async with writing(market, box) as relay:
            await market.suspend(account, reason="so")
            await until(lambda: len(box.given) > 6)
            await looks(relay)
            [(paused, failing)] = await market.ledger.fetch("select paused_at, failing_since from endpoint")
            assert paused is None
            assert failing is not None
            is_down = False
            await eventually(lambda: states(market), lambda all_: all_[0][0] == "delivered")

    running(database, run)


def test_whoever_left_wants_none_or_nobody_is_written_nothing(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market)
        bob = await person(market, "bob@example.com", Seat("account", account), name="Bob")
        other = await market.open_account(kind="individual", plan="basic")
        ana = await market.person_by_email("ana@example.com")
        assert ana is not None
        await market.choose_mail(ana.id, gets_mail=False)
        await market.remove_person(bob.id)
        box = Postbox()
        await market.suspend(account, reason="so")
        await market.suspend(other.id, reason="so")
        async with writing(market, box):
            await eventually(lambda: states(market), lambda all_: all_ == [("delivered", 1, 204)] * 2)
        assert box.given == []

    running(database, run)


def test_what_no_longer_holds_is_not_told(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        await holder(market)
        clock_of(market).move(days=26)
        await market.keep_up()
        clock_of(market).move(days=100)
        await market.keep_up()
        box = Postbox()
        async with writing(market, box):
            await eventually(lambda: states(market), lambda all_: all(each[0] == "delivered" for each in all_))
        assert [subject for _, subject in box.told] == ["Your membership renewed: you hold 60 connects"]
        assert "A new month of your membership began" in box.given[0].text

    running(database, run)


def test_without_a_post_what_waits_goes_on_waiting(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market)
        await market.suspend(account, reason="so")
        relay = Relay(market.ledger, QUICK)
        task = asyncio.create_task(relay.run())
        await looks(relay)
        relay.stop()
        await task
        assert await states(market) == [("waiting", 0, None)]

    running(database, run)


def test_it_arrives_by_a_real_server(database: str) -> None:
    async def run(market: AsyncMarketplace) -> None:
        account = await holder(market, name="Ana Núñez")
        with mail_server(tls="starttls") as server:
            post = Smtp("localhost", server.port, "starttls", "Earnest <connects@market.example>", trust=trusting())
            server.to_letter = lambda _: "250 OK" if len(server.came) > 1 else "451 later"
            async with writing(market, post):
                await market.suspend(account, reason="copied letters")
                await until(lambda: server.took)
                await eventually(lambda: states(market), lambda all_: all_ == [("delivered", 2, 250)])
        [letter] = server.took
        assert letter["To"] == "Ana Núñez <ana@example.com>"
        assert letter["Subject"] == "Suspended from proposing"
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert server.came[0]["Message-ID"] == letter["Message-ID"]

    running(database, run)


# Links to set a password


def _ask(site: Site, email: str) -> str:
    visitor = site.visitor()
    return visitor.send(visitor.get("/forgot"), "/forgot", email=email).text


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "TRIES_AFTER", (0.0, 0.0, 0.0))


def _under_way(site: Site, mail: Mailing) -> None:
    """Wait until all that was asked for has been done."""

    async def done() -> None:
        await asyncio.gather(*mail._under_way)

    site.client.blocking_portal.call(done)


def test_whoever_forgot_their_password_gets_a_link_and_nobody_is_told_who_is_known(
    database: str, clock: StandingClock, quick: None
) -> None:
    box = Postbox()
    mail = Mailing(Settings(public_url=BASE), box)
    with visited(database, clock, mail, mail="console") as site:
        site.do("create_person", email="ana@example.com", name="Ana")
        known, unknown = _ask(site, "Ana@example.com"), _ask(site, "eve@example.com")
        assert known == unknown
        _under_way(site, mail)
        [letter] = box.given
        assert letter.to == "ana@example.com"
        assert letter.unsubscribe is None
        assert letter.subject == "Welcome to Earnest: choose your password"
        # Somebody else has said what they are called, and that goes to nobody's address unasked.
        assert (letter.name, "Ana" in letter.text) == (None, False)
        [path] = re.findall(r"^https://market\.example(/password/\S+)$", letter.text, re.MULTILINE)
        visitor = site.visitor()
        password = "seven green lamps in a row"  # noqa: S105
        visitor.send(visitor.get(path), path, password=password, again=password)
        _ask(site, "ana@example.com")
        _under_way(site, mail)
        assert box.given[1].subject == "Set a new password"
        assert (box.given[1].name, box.given[1].text.startswith("Hello Ana,")) == ("Ana", True)
        assert path.rpartition("/")[2] not in box.given[0].id


def test_a_link_is_tried_a_few_times_and_its_secret_told_to_no_log(
    database: str, clock: StandingClock, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    box = Postbox(lambda _: Sent(451, "the server answered 451"))
    mail = Mailing(Settings(public_url=BASE), box)
    with visited(database, clock, mail, mail="console") as site:
        site.do("create_person", email="ana@example.com", name="Ana")
        _ask(site, "ana@example.com")
        _under_way(site, mail)
        assert len(box.given) == 3
        assert len({letter.id for letter in box.given}) == 1
        [secret] = set(re.findall(r"/password/(\S+)", box.given[0].text))
        assert "can't be sent: the server answered 451" in caplog.text
        assert secret not in caplog.text
        assert "ana@example.com" not in caplog.text


def test_only_so_many_links_go_to_one_address(database: str, clock: StandingClock, quick: None) -> None:
    box = Postbox()
    mail = Mailing(Settings(public_url=BASE), box)
    with visited(database, clock, mail, mail="console") as site:
        site.do("create_person", email="ana@example.com", name="Ana")
        said = set()
        for _ in range(8):
            said.add(_ask(site, "ana@example.com"))
            _under_way(site, mail)
        assert len(said) == 1
        # The first one is good for long enough.
        assert len(box.given) == 1
