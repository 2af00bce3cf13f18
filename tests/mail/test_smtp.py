"""Letters reach a real SMTP server on loopback, and whatever that answers is told as it has to be."""

import asyncio
import socket
import time
from typing import Any

import pytest

from earnest.mail import Letter, Sent
from earnest.mail.smtp import Smtp
from tests.mail.server import MailServer, mail_server, trusting

SENDER = "Earnest <connects@market.example>"
USER = ("earnest", "a long walk home")
LETTER = Letter("ana@example.com", "Ana", "4 connects came back", "They’re yours.\n\nReally.", "evt_1_2.per_3")


def send(server: MailServer, letter: Letter = LETTER, **more: Any) -> Sent:
    given: dict[str, Any] = {"security": "none", "trust": trusting()} | more
    smtp = Smtp("localhost", server.port, given.pop("security"), SENDER, **given)
    return asyncio.run(smtp.send(letter))


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
def test_a_letter_arrives_as_it_was_written(tls: str) -> None:
    with mail_server(tls=tls) as server:
        assert send(server, security=tls) == Sent(250)
    [came] = server.took
    assert server.to == ["ana@example.com"]
    assert came["From"] == "Earnest <connects@market.example>"
    assert came["To"] == "Ana <ana@example.com>"
    assert came["Message-ID"] == "<evt_1_2.per_3@market.example>"
    assert came.get_content().replace("\r\n", "\n") == "They’re yours.\n\nReally.\n"


def test_whoever_has_to_sign_in_does_and_only_where_nobody_listens_in() -> None:
    with mail_server(tls="starttls", user=USER) as server:
        assert send(server, security="starttls", user=USER[0], password=USER[1]) == Sent(250)
        assert server.signed_in == [True]
        wrong = send(server, security="starttls", user=USER[0], password="not this one")  # noqa: S106
        assert (wrong.code, wrong.refused) == (535, False)
        nobody = send(server, security="starttls")
        assert (nobody.code, nobody.refused) == (530, False)
    assert len(server.came) == 1


def test_nothing_is_told_to_a_server_without_a_good_certificate_or_without_tls() -> None:
    with mail_server(tls="starttls", user=USER) as server:
        stranger = send(server, security="starttls", user=USER[0], password=USER[1], trust=None)
        assert not stranger.is_taken
        assert not stranger.refused
        assert "certificate isn't good" in (stranger.error or "")
    with mail_server() as server:
        plain = send(server, security="starttls", user=USER[0], password=USER[1])
        assert not plain.is_taken
        assert "lacks" in (plain.error or "")
    assert server.came == []


@pytest.mark.parametrize(
    ("to_address", "to_letter", "code", "refused"),
    [
        ("550 no such mailbox ana@example.com", "250 OK", 550, True),
        ("451 later, ana@example.com", "250 OK", 451, False),
        ("421 closing", "250 OK", 421, False),
        ("250 OK", "554 spam: They’re yours", 554, True),
        ("250 OK", "452 full", 452, False),
    ],
)
def test_what_a_server_refuses_for_good_is_told_from_what_is_worth_another_try(
    to_address: str, to_letter: str, code: int, refused: bool
) -> None:
    with mail_server() as server:
        server.to_address = lambda _: to_address
        server.to_letter = lambda _: to_letter.encode("ascii", "replace").decode()
        sent = send(server)
    assert (sent.code, sent.refused, sent.is_taken) == (code, refused, False)
    # A server's words may quote the letter or whom it is for.
    assert sent.error is not None
    assert "ana" not in sent.error
    assert "spam" not in sent.error


def test_a_server_that_is_down_is_worth_another_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = MailServer()
        server.port = taken.getsockname()[1]
        sent = send(server)
    assert not sent.is_taken
    assert not sent.refused
    assert sent.error == "no connection: Connection refused"


def test_a_server_that_hangs_up_is_worth_another_try() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = MailServer()
        server.port = listener.getsockname()[1]

        async def run() -> Sent:
            loop = asyncio.get_running_loop()
            sending = asyncio.create_task(Smtp("localhost", server.port, "none", SENDER).send(LETTER))
            listener.setblocking(False)
            connection, _ = await loop.sock_accept(listener)
            connection.close()
            return await sending

        sent = asyncio.run(run())
    assert not sent.is_taken
    assert not sent.refused


def test_a_server_that_says_nothing_is_hung_up_on_and_holds_up_nobody_else() -> None:
    async def run(silent: MailServer, well: MailServer) -> None:
        slow = Smtp("localhost", silent.port, "none", SENDER, seconds=0.5)
        began = time.monotonic()
        sent = await asyncio.gather(*(slow.send(LETTER) for _ in range(6)))
        assert {each.error for each in sent} == {"not done within 0.5 seconds"}
        assert time.monotonic() - began < 3
        silent.silent_seconds = 0.0
        assert await slow.send(LETTER) == Sent(250)
        assert await Smtp("localhost", well.port, "none", SENDER).send(LETTER) == Sent(250)

    with mail_server() as silent, mail_server() as well:
        silent.silent_seconds = 30.0
        asyncio.run(run(silent, well))


def test_an_address_in_other_letters_than_plain_ones_is_refused_where_the_server_cannot_take_it() -> None:
    with mail_server() as server:
        assert send(server, Letter("jörg@example.com", None, "s", "t", "1")).refused
        assert send(server, Letter("jorg@bücher.example", None, "s", "t", "1")) == Sent(250)
    assert server.to == ["jorg@xn--bcher-kva.example"]


def test_a_letter_that_was_taken_counts_though_the_server_never_says_goodbye() -> None:
    with mail_server() as server:
        server.parting_seconds = 30.0
        assert send(server, seconds=0.5) == Sent(250)
    assert len(server.took) == 1
