"""Sending letters through an SMTP server.

Each letter is a conversation of its own, in a thread, as the library waits for its answers. A conversation has an end,
however slowly a server talks: it is hung up on, and whether the letter was taken is then unknown. Tried again, it bears
the same Message-ID.
"""

import asyncio
import contextlib
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

from earnest.ledger.ledger import utc_now
from earnest.mail.letter import Letter, message
from earnest.mail.post import Sent

SECONDS = 15.0
"""How long a conversation may take, from the look-up of the server's name on."""

AT_ONCE = 4
"""Conversations that are held at once."""

Security = Literal["starttls", "tls", "none"]


class Smtp:
    """An SMTP server that takes our letters. Without its certificate being good nothing is told to it."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        sender: str,
        user: str | None = None,
        password: str | None = None,
        *,
        seconds: float = SECONDS,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.port, self.security = host, port, security
        self.sender, self.user, self.password = sender, user, password
        self.seconds = seconds
        self.trust = trust or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(AT_ONCE, "earnest-mail")

    async def send(self, letter: Letter) -> Sent:
        """Send a letter, and say what came of it."""
        try:
            made = message(letter, self.sender, utc_now())
        except ValueError as error:
            return Sent(error=str(error), refused=True)
        conversation = _Conversation(self, made)
        try:
            async with asyncio.timeout(self.seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, conversation.hold)
        except TimeoutError:
            if conversation.is_taken:
                return Sent(250)
            return Sent(error=f"not done within {self.seconds:g} seconds")
        finally:
            conversation.hang_up()


class _Conversation:
    """A letter on its way, in a thread. `hang_up` ends it from outside, wherever it is."""

    def __init__(self, server: Smtp, made: EmailMessage) -> None:
        self._server = server
        self._made = made
        self._client: smtplib.SMTP | None = None
        self._over = False
        self.is_taken = False

    def hang_up(self) -> None:
        self._over = True
        sock = None if self._client is None else self._client.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def hold(self) -> Sent:
        """Hold it to its end."""
        if self._over:
            return Sent(error="hung up")
        try:
            return self._given(self._greeted())
        except smtplib.SMTPResponseException as error:
            return Sent(error.smtp_code, f"the server answered {error.smtp_code} before any letter")
        except smtplib.SMTPNotSupportedError as error:
            return Sent(error=f"the server lacks what is asked of it: {error}")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Sent(error=_said(error))
        finally:
            self._close()

    def _greeted(self) -> smtplib.SMTP:
        """Return a server that is ready for a letter."""
        server = self._server
        if server.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(timeout=server.seconds, context=server.trust)
        else:
            client = smtplib.SMTP(timeout=server.seconds)
        self._client = client
        # The library asks for it where a certificate has to fit it, and sets it only where it connects on its own.
        client._host = server.host  # type: ignore[attr-defined]
        code, _ = client.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, "")
        client.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            client.starttls(context=server.trust)
            client.ehlo_or_helo_if_needed()
        if server.user is not None:
            client.login(server.user, server.password or "")
        return client

    def _given(self, client: smtplib.SMTP) -> Sent:
        """Give the letter to a server, and say what it answers."""
        try:
            client.send_message(
                self._made, parseaddr(self._server.sender)[1], [self._made["To"].addresses[0].addr_spec]
            )
        except smtplib.SMTPRecipientsRefused as error:
            [(code, _)] = error.recipients.values()
            return Sent(code, f"the server answered {code} to the address", refused=_is_final(code))
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
            return Sent(code, f"the server answered {code} to the letter", refused=_is_final(code))
        except smtplib.SMTPResponseException as error:
            # The sender's address above all, or who we are: that will be put right, and then the letter is still good.
            return Sent(error.smtp_code, f"the server answered {error.smtp_code} to the sender")
        except smtplib.SMTPNotSupportedError:
            return Sent(error="the server takes no address in other than plain letters", refused=True)
        # However the rest of it goes, the server has it.
        self.is_taken = True
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.quit()
        return Sent(250)

    def _close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.close()


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _said(error: Exception) -> str:
    """Say why there was no answer; never in the server's words, which may quote the letter."""
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate isn't good: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return f"no connection: {error.strerror}"
    return f"{type(error).__name__}"
