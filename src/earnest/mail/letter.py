"""A letter: what is said to one person, and the message it travels as."""

import re
import textwrap
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

import msgspec

WIDTH = 74
MOST_NAME = 100
MOST_SUBJECT = 200


class Letter(msgspec.Struct, frozen=True):
    """What one person is written. Paragraphs of `text` are parted by empty lines.

    `id` is what tells this letter from all others: sent again, it bears the same one. `unsubscribe` is where whoever
    gets it can say that they want no more of the kind, with one click and without signing in.
    """

    to: str
    name: str | None
    subject: str
    text: str
    id: str
    unsubscribe: str | None = None


def message(letter: Letter, sender: str, now: datetime) -> EmailMessage:
    """Return a letter as it travels; `sender` is `address` or `Name <address>`.

    Raises ValueError for an address that nothing can be sent to. Whatever a name or a title holds, it stays within its
    header.
    """
    name, address = parseaddr(sender)
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(_line(name, MOST_NAME), addr_spec=address)
    made["To"] = _address(letter.name, letter.to)
    made["Subject"] = _line(letter.subject, MOST_SUBJECT)
    made["Date"] = now
    made["Message-ID"] = f"<{letter.id}@{address.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe is not None:
        made["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(wrapped(letter.text))
    return made


def wrapped(text: str) -> str:
    """Return a text with lines that fit any window; addresses of pages are never broken."""
    paragraphs = [
        "\n".join(
            # What parts a signature from a letter ends with a blank.
            line if line == "-- " else textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
            for line in block.split("\n")
        )
        for block in text.split("\n\n")
    ]
    return "\n\n".join(paragraphs) + "\n"


def _address(name: str | None, email: str) -> Address:
    local, _, domain = email.rpartition("@")
    try:
        if not local or not domain:
            raise ValueError
        # Names of hosts have a way to be written in plain letters; what stands before the @ has none.
        spec = f"{local}@{domain.encode('idna').decode('ascii')}"
        made = Address(_line(name or "", MOST_NAME), addr_spec=spec)
    except (ValueError, IndexError, AttributeError, MessageError) as error:
        # What the library says quotes the address.
        raise ValueError("an address that nothing can be sent to") from error
    if not made.username or not made.domain or made.addr_spec != spec:
        raise ValueError("an address that nothing can be sent to")
    return made


def _line(text: str, most: int) -> str:
    """Return a text as one line without control characters: whatever it holds, it can't begin another header."""
    plain = re.sub(r"[^\S ]+|[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)
    return " ".join(plain.encode(errors="replace").decode().split())[:most]
