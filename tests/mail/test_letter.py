"""A letter is one message to one person, whatever their name or the title of a job holds."""

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default

import msgspec
import pytest

from earnest.mail import Letter
from earnest.mail.letter import WIDTH, message

NOW = datetime(2026, 4, 24, 9, tzinfo=UTC)
SENDER = "Earnest <connects@market.example>"
LETTER = Letter("ana@example.com", "Ana", "Hello", "Text", "evt_1_2.per_3", "https://market.example/unsubscribe/x")


def travelled(letter: Letter) -> EmailMessage:
    """A letter as whoever gets it reads it."""
    made = email.message_from_bytes(message(letter, SENDER, NOW).as_bytes(), policy=default)
    assert isinstance(made, EmailMessage)
    return made


def test_it_says_who_from_who_to_when_and_that_no_person_wrote_it() -> None:
    made = travelled(LETTER)
    assert dict(made.items()) == {
        "From": "Earnest <connects@market.example>",
        "To": "Ana <ana@example.com>",
        "Subject": "Hello",
        "Date": "Fri, 24 Apr 2026 09:00:00 +0000",
        "Message-ID": "<evt_1_2.per_3@market.example>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://market.example/unsubscribe/x>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }


HOSTILE = [
    "Ana\r\nBcc: eve@example.com",
    "Ana\nX: y\n\nbody",
    "Ana\x00\x1b[31m",
    "Ana\u2028Bcc: eve@example.com",
    "\ud800Ana",
]


@pytest.mark.parametrize(
    "name", [*HOSTILE, 'Ana "the pen" <eve@example.com>', "Ana, eve@example.com", "Ärzte & Söhne " * 20]
)
def test_a_name_stays_a_name(name: str) -> None:
    made = travelled(msgspec.structs.replace(LETTER, name=name))
    [to] = made["To"].addresses
    assert to.addr_spec == "ana@example.com"
    assert made["Bcc"] is None
    assert made["X"] is None
    assert made.get_content().strip() == "Text"


@pytest.mark.parametrize("subject", HOSTILE)
def test_a_subject_stays_a_subject(subject: str) -> None:
    made = travelled(msgspec.structs.replace(LETTER, subject=subject))
    assert made["Bcc"] is None
    assert made["X"] is None
    assert made["Subject"].isprintable()


@pytest.mark.parametrize(
    "address",
    [
        "a<b@example.com",
        "<a@example.com>",
        "a,b@example.com",
        "a b@example.com",
        "a\n@b.example",
        "@b.example",
        "a@",
        "a@" + "b" * 300,
    ],
)
def test_nothing_is_sent_to_what_is_no_single_address(address: str) -> None:
    with pytest.raises(ValueError, match="an address that nothing can be sent to"):
        message(msgspec.structs.replace(LETTER, to=address), SENDER, NOW)


def test_lines_fit_any_window_and_addresses_of_pages_stay_whole() -> None:
    link = "https://market.example/" + "x" * 120
    made = travelled(msgspec.structs.replace(LETTER, text=f"{'word ' * 60}\n\n{link}\n\n-- \nwhy"))
    lines = made.get_content().splitlines()
    assert link in lines
    assert "-- " in lines
    assert all(len(line) <= WIDTH for line in lines if line != link)
