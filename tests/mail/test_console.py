"""Letters on the console: whole, to be read as they are, and held up by nobody who doesn't read them."""

import asyncio
import os

import pytest

from earnest.mail import Console, Letter, Sent, post, post_of
from earnest.mail.smtp import Smtp
from earnest.settings import Settings

LETTER = Letter("ana@example.com", "Ana", "4 connects came back", "They’re yours.", "evt_1_2.per_3")


def test_a_letter_is_written_to_standard_error_as_it_is_read(capfd: pytest.CaptureFixture[str]) -> None:
    assert asyncio.run(Console("Earnest <connects@market.example>").send(LETTER)) == Sent()
    told = capfd.readouterr().err
    assert "To: Ana <ana@example.com>\nSubject: 4 connects came back\n" in told
    assert "\n\nThey’re yours.\n" in told


def test_where_nobody_reads_it_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "CONSOLE_SECONDS", 0.1)
    reads, writes = os.pipe()
    monkeypatch.setattr(post, "STDERR", writes)

    async def run() -> None:
        console = Console()
        letter = Letter("ana@example.com", None, "s", "long\n\n" * 50_000, "1")
        assert await console.send(letter) == Sent(error="nobody reads standard error")
        assert await console.send(LETTER) == Sent(error="nobody reads standard error")

    asyncio.run(run())
    os.close(reads)
    os.close(writes)


def test_the_settings_say_what_letters_leave_by() -> None:
    assert post_of(Settings(mail="off")) is None
    assert isinstance(post_of(Settings()), Console)
    by_smtp = post_of(Settings(mail="smtp", smtp_host="mail.example", mail_from="a@b.example", smtp_port=2525))
    assert isinstance(by_smtp, Smtp)
    assert (by_smtp.host, by_smtp.port, by_smtp.security, by_smtp.sender) == (
        "mail.example",
        2525,
        "starttls",
        "a@b.example",
    )
