"""The posts a letter can leave by, and the one the settings ask for."""

import asyncio
import os
import threading
from typing import Protocol

import msgspec

from earnest.ledger.ledger import utc_now
from earnest.mail.letter import Letter, message
from earnest.settings import Settings

CONSOLE_SECONDS = 5.0
STDERR = 2


class Sent(msgspec.Struct, frozen=True):
    """What came of sending a letter: it was taken, or `error` says why not, in words that quote nobody.

    `code` is what an SMTP server answered. One that is `refused` would be so again; any other is worth another try.
    """

    code: int | None = None
    error: str | None = None
    refused: bool = False

    @property
    def is_taken(self) -> bool:
        """Whether somebody else sees to it from here on."""
        return self.error is None


class Post(Protocol):
    """What letters leave by."""

    async def send(self, letter: Letter) -> Sent:
        """Send a letter, and say what came of it; raises nothing but the end of its task."""


class Console:
    """Writes letters to standard error, to be read there by whoever tries things out: links and all."""

    def __init__(self, sender: str = "Earnest <earnest@localhost>") -> None:
        self._sender = sender
        self._writing: threading.Thread | None = None

    async def send(self, letter: Letter) -> Sent:
        """Write a letter, as a whole. Where nobody reads standard error, nobody waits for that for long."""
        try:
            made = message(letter, self._sender, utc_now())
        except ValueError as error:
            return Sent(error=str(error), refused=True)
        heads = "".join(f"{name}: {value}\n" for name, value in made.items() if name in _SHOWN)
        rule = "-" * 78
        told = f"{rule}\n{heads}\n{made.get_content()}{rule}\n"
        if self._writing is not None and self._writing.is_alive():
            return Sent(error="nobody reads standard error")
        # A thread that nobody waits for in the end: a full pipe may hold it for ever.
        self._writing = threading.Thread(target=_write, args=(told.encode(errors="backslashreplace"),), daemon=True)
        self._writing.start()
        until = asyncio.get_running_loop().time() + CONSOLE_SECONDS
        while self._writing.is_alive():
            if asyncio.get_running_loop().time() > until:
                return Sent(error="nobody reads standard error")
            await asyncio.sleep(0.005)
        return Sent()


_SHOWN = ("From", "To", "Subject", "Date", "List-Unsubscribe")


def _write(told: bytes) -> None:
    try:
        while told:
            told = told[os.write(STDERR, told) :]
    except OSError:
        # Closed: there is nobody to tell.
        return


def post_of(settings: Settings) -> Post | None:
    """Return what letters leave by under these settings, None where none leave."""
    if settings.mail == "off":
        return None
    if settings.mail == "console":
        return Console(settings.mail_from or "Earnest <earnest@localhost>")
    # What only those need who send.
    from earnest.mail.smtp import Smtp

    return Smtp(
        settings.smtp_host or "",
        settings.smtp_port,
        settings.smtp_security,
        settings.mail_from or "",
        settings.smtp_user,
        settings.smtp_password,
    )
