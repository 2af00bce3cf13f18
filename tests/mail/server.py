"""An SMTP server on loopback, which answers as it is told and remembers what it took.

`localhost.pem` is its certificate with its key: good for this machine alone, and secret to nobody.
"""

import asyncio
import email
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATE = Path(__file__).with_name("localhost.pem")
TAKEN = "250 OK"

Answering = Callable[[Envelope], str]


def trusting() -> ssl.SSLContext:
    """What trusts the server's certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


class MailServer:
    """What a server remembers, and how it answers: to an address, and to a letter."""

    def __init__(self) -> None:
        self.port = 0
        self.came: list[EmailMessage] = []
        """Every letter that was given, whatever was answered."""
        self.took: list[EmailMessage] = []
        self.to: list[str] = []
        self.signed_in: list[bool] = []
        self.to_address: Answering = lambda _: TAKEN
        self.to_letter: Answering = lambda _: TAKEN
        self.silent_seconds = 0.0
        self.parting_seconds = 0.0

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.parting_seconds)
        return "221 Bye"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        answer = self.to_address(envelope)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.silent_seconds)
        made = email.message_from_bytes(envelope.content or b"", policy=default)
        assert isinstance(made, EmailMessage)
        self.came.append(made)
        answer = self.to_letter(envelope)
        if answer.startswith("250"):
            self.took.append(made)
            self.to += envelope.rcpt_tos
            self.signed_in.append(bool(session.authenticated))
        return answer


@contextmanager
def mail_server(*, tls: str = "none", user: tuple[str, str] | None = None) -> Iterator[MailServer]:
    """A server that runs; `tls` is none, starttls or tls, and a `user` has to sign in first."""
    server = MailServer()
    context = None
    if tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)

    def signs_in(_: Any, __: Any, ___: Any, ____: Any, given: LoginPassword) -> AuthResult:
        # Not handled: the server itself is to answer.
        return AuthResult(success=user == (given.login.decode(), given.password.decode()), handled=False)

    def protocol() -> SMTP:
        return SMTP(
            server,
            hostname="localhost",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=signs_in,
            auth_required=user is not None,
            auth_require_tls=tls == "starttls",
            loop=loop,
        )

    async def listen() -> asyncio.Server:
        return await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == "tls" else None)

    async def end() -> None:
        listener.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # A loop of its own, in a thread, as tests have their own or none.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
