"""What e-mail leaves by: letters about accounts, which the relay hands over, and links to set a password.

Whoever is written about an account is looked up when the letter is sent: who left, wants no mail or has another
address by then gets none there. What no longer holds by then is not told.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict
from datetime import datetime
from typing import Any

import msgspec

from earnest.ledger.errors import LedgerError
from earnest.ledger.rows import DeliveryRow, EndpointRow
from earnest.mail import Letter, Post, Sent, post_of
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.news import News
from earnest.marketplace.people import PersonShown
from earnest.marketplace.showing import event_id
from earnest.relay.sending import Answer
from earnest.rules.outcome import Refused
from earnest.settings import Settings
from earnest.web import letters
from earnest.web.letters import Happened
from earnest.web.words import SOURCE, Words

TRIES_AFTER = (0.0, 2.0, 15.0)
"""Seconds before each try at sending a link: whoever asked for it waits."""

MOST_LINKS_UNDER_WAY = 50
STOP_SECONDS = 5.0
MOST_REMEMBERED = 10_000

NOBODY_TO_TELL = Answer(204)
"""What is answered for an event of which nobody is written; there is nothing to try again."""

_log = logging.getLogger("earnest.mail")


class Mailing:
    """The e-mail of a process. `post` is None where none leaves."""

    def __init__(self, settings: Settings, post: Post | None = None) -> None:
        self.post = post or post_of(settings)
        self.base = settings.public_url or f"http://{settings.host}:{settings.port}"
        self._under_way: set[asyncio.Task[None]] = set()

    def carrier(self, market: AsyncMarketplace, seconds: float) -> "AccountMail":
        """Return what writes to people of a marketplace's accounts, taking at most so long for an event."""
        assert self.post is not None, "it is asked for where e-mail leaves"  # noqa: S101
        return AccountMail(market, self.post, self.base, seconds)

    def send_link(self, market: AsyncMarketplace, email: str, *, address: str | None = None) -> None:
        """Have somebody sent a link to set a password, if there is anybody with this e-mail address.

        It is all done after this has returned, so how long that takes tells nothing. `address` is where whoever asks
        comes from, if they may be anybody: then only so many links are sent.
        """
        if self.post is None or len(self._under_way) >= MOST_LINKS_UNDER_WAY:
            _log.warning("a link to set a password was asked for and is not sent")
            return
        task = asyncio.get_running_loop().create_task(self._send_link(market, self.post, email, address))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send_link(self, market: AsyncMarketplace, post: Post, email: str, address: str | None) -> None:
        try:
            found = await _link(market, email, address)
        except LedgerError as error:
            _log.warning("a link to set a password can't be made: %s", error)
            return
        if found is None:
            return
        person, secret = found
        if not person.has_password:
            # What somebody else calls them is not written to an address of which nobody has shown that it is theirs.
            person = msgspec.structs.replace(person, name=None)
        subject, text = letters.password_text(_words(market), person, f"{self.base}/password/{secret}")
        # The secret is in the letter and nowhere else; what tells letters apart must not give it away.
        letter = Letter(person.email, person.name, subject, text, f"link.{person.id}.{secrets.token_hex(8)}")
        sent = Sent(error="not tried")
        for pause in TRIES_AFTER:
            await asyncio.sleep(pause)
            sent = await post.send(letter)
            if sent.is_taken or sent.refused:
                break
        if not sent.is_taken:
            _log.warning("a link to set a password can't be sent: %s", sent.error)

    async def stop(self) -> None:
        """Wait a little for what is under way, and let go of the rest."""
        if self._under_way:
            _, left = await asyncio.wait(self._under_way, timeout=STOP_SECONDS)
            for task in left:
                task.cancel()


async def _link(market: AsyncMarketplace, email: str, address: str | None) -> tuple[PersonShown, str] | None:
    if address is None:
        return await market.password_link(email)
    found = await market.forgot_password(email, address=address)
    return None if isinstance(found, Refused) else found


def _words(market: AsyncMarketplace) -> Words:
    # What language somebody reads is known only while they visit.
    return Words(SOURCE, market.ledger.pack)


class AccountMail:
    """Writes to an account's people what happened to it: each of them once, as far as a server's answers tell."""

    def __init__(self, market: AsyncMarketplace, post: Post, base: str, seconds: float) -> None:
        self._market = market
        self._post = post
        self._base = base
        self._seconds = seconds
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Of events that are tried again: to whom they need not go any more."""

    async def send(self, _: EndpointRow, row: DeliveryRow, now: datetime) -> Answer:  # noqa: ARG002
        """Write what happened to those who are to know, and return what came of it."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._write(row)
        except TimeoutError:
            return Answer(error=f"not sent within {self._seconds:g} seconds")
        except LedgerError as error:
            return Answer(error=f"the ledger can't be asked: {type(error).__name__}")
        except Exception as error:
            _log.exception("an event could not be written to anybody: %s", event_id(row))
            return Answer(error=type(error).__name__)

    async def close(self) -> None:
        """Hold on to nothing."""

    async def _write(self, row: DeliveryRow) -> Answer:
        market, account_id = self._market, f"acc_{row.account_id}"
        people = await market.to_be_written(account_id)
        happened = await self._happened(row) if people else None
        if happened is None:
            return NOBODY_TO_TELL
        text = letters.about(_words(market), happened)
        left = [person for person in people if (event_id(row), person.id) not in self._done]
        sent = await asyncio.gather(*(self._write_to(person, text, happened, row) for person in left))
        later = [each for each in sent if not each.is_taken and not each.refused]
        if later:
            return Answer(later[0].code, later[0].error)
        refused = [each for each in sent if each.refused]
        if refused and len(refused) == len(people):
            _log.warning("e-mail about acc_%s is refused: %s", row.account_id, refused[0].error)
            return Answer(refused[0].code, refused[0].error, is_final=True)
        return Answer(250)

    async def _write_to(self, person: PersonShown, text: letters.Text, happened: Happened, row: DeliveryRow) -> Sent:
        code = await self._market.unsubscribe_code(person.id)
        unsubscribe = f"{self._base}/unsubscribe/{code}"
        body = letters.letter_text(_words(self._market), person, text, happened, self._base, unsubscribe)
        id_ = f"{event_id(row)}.{person.id}"
        sent = await self._post.send(Letter(person.email, person.name, text.subject, body, id_, unsubscribe))
        if sent.is_taken or sent.refused:
            self._done[event_id(row), person.id] = None
            while len(self._done) > MOST_REMEMBERED:
                self._done.popitem(last=False)
        return sent

    async def _happened(self, row: DeliveryRow) -> Happened | None:
        """Return what happened, with what a letter about it tells; None where it no longer holds."""
        market, account_id = self._market, f"acc_{row.account_id}"
        data: dict[str, Any] = msgspec.json.decode(row.payload)
        account = await market.account(account_id)
        if isinstance(account, Refused):
            return None
        title, month = None, None
        if row.kind == "connects.expiring" and msgspec.convert(data["at"], datetime) <= market.ledger.now:
            return None
        if row.kind == "cycle.renewed":
            at = msgspec.convert(data["at"], datetime)
            if at < account.cycle.start:
                # Another month has begun since; that one is told.
                return None
            month = await self._month(account_id, at)
        if row.kind == "connects.returned":
            job = await market.job(str(data["job_id"]))
            title = None if isinstance(job, Refused) else job.title
        return Happened(
            row.kind,
            data,
            account.name,
            is_agency=account.kind == "agency",
            is_suspended=account.status == "suspended",
            job_title=title,
            month=month,
        )

    async def _month(self, account_id: str, at: datetime) -> News | None:
        found = await self._market.news(account_id, limit=50)
        if isinstance(found, Refused):
            return None
        return next((each for each in found.items if each.kind == "renewed" and each.at == at), None)
