"""A server writes to people: by a real SMTP server where it is set to, and to standard error else."""

import asyncio
import re
import threading
from collections.abc import Callable

from earnest import AsyncMarketplace
from earnest.ledger.ledger import Ledger
from earnest.marketplace.people import Seat
from tests.mail.server import CERTIFICATE, mail_server
from tests.server.running import Running, Serve, until


def _beside(database: str, email: str) -> None:
    """Make a holder known beside a server, as the command line does."""

    async def make() -> None:
        async with AsyncMarketplace(await Ledger.open(database, founds=False)) as market:
            account = await market.open_account(kind="individual", plan="basic", external_id="ana")
            await market.create_person(email=email, name="Ana", seats=[Seat("account", account.id)])

    thread = threading.Thread(target=lambda: asyncio.run(make()))
    thread.start()
    thread.join()


def _suspended(server: Running, is_so: Callable[[], object]) -> None:
    """Have the holder suspended, once the server knows that there is somebody to be told, and wait for the letter."""

    def told() -> object:
        server.post("/v1/accounts/ext:ana/suspension", {"reason": "copied letters"})
        server.post("/v1/accounts/ext:ana/suspension/lift", {})
        return is_so()

    until(told, "a letter")


def test_letters_leave_by_smtp_signed_in_over_tls(serve: Serve, database: str) -> None:
    user = ("earnest", "a long walk home")
    with mail_server(tls="starttls", user=user) as mails:
        server = serve(
            database,
            EARNEST_MAIL="smtp",
            EARNEST_SMTP_HOST="localhost",
            EARNEST_SMTP_PORT=str(mails.port),
            EARNEST_SMTP_USER=user[0],
            EARNEST_SMTP_PASSWORD=user[1],
            EARNEST_MAIL_FROM="Earnest <connects@market.example>",
            EARNEST_PUBLIC_URL="https://market.example",
            SSL_CERT_FILE=str(CERTIFICATE),
        )
        _beside(database, "ana@example.com")
        _suspended(server, lambda: mails.took)
        letter = mails.took[0]
        assert letter["To"] == "Ana <ana@example.com>"
        assert re.search(r"^https://market\.example/(standing|work)\r?$", letter.get_content(), re.MULTILINE)
        assert mails.signed_in[0]
        assert server.stop() == 0
    assert user[1] not in server.log()
    assert "ana@example.com" not in server.log()


def test_without_settings_letters_stand_on_standard_error(serve: Serve, database: str) -> None:
    server = serve(database)
    _beside(database, "ana@example.com")
    _suspended(server, lambda: "Subject: Suspended from proposing" in server.log())
    link = re.search(r"http://127\.0\.0\.1:\d+/unsubscribe/\S+", server.log())
    assert link is not None
    assert server.stop() == 0
    # What is no letter is still a line of JSON, and holds no link.
    lines = [line for line in server.log().splitlines() if line.startswith("{")]
    assert not [line for line in lines if "unsubscribe/per_" in line]
