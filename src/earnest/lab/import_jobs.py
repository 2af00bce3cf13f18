"""Posting the jobs of a file through the use cases, many at once.

A job is posted now, at today's price: a ledger can't be told of the past. One with an external id is posted once,
however often its file is brought in.
"""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from earnest.lab.postings import BadRow, Posting, title_of
from earnest.ledger.writer import Key
from earnest.marketplace import AsyncMarketplace
from earnest.rules.outcome import Refusal, Refused

IN_FLIGHT = 500
CALLER = "earnest import jobs"

_THERE_ALREADY = (Refusal.EXTERNAL_ID_TAKEN, Refusal.KEY_REUSED)
"""What is there under its external id stays as it is, whatever the file says of it now."""


class Imported(msgspec.Struct, frozen=True):
    """What came of it: jobs posted, jobs that were there already and left as they are, clients made known."""

    posted: int
    there_already: int
    clients_created: int


class UnknownClientError(ValueError):
    """The client that was named for all jobs is not there."""


class _Importer:
    def __init__(self, market: AsyncMarketplace, client_id: str | None, bad: Callable[[BadRow], None]) -> None:
        self.market = market
        self.client_id = client_id
        self.bad = bad
        self.posted = self.there_already = self.clients_created = 0
        self._clients: dict[str, str] = {}

    async def bring_in(self, postings: list[Posting]) -> None:
        """Post some jobs at once, their clients first."""
        named = {each.client for each in postings if each.client is not None and each.client not in self._clients}
        await asyncio.gather(*[self._know(client) for client in sorted(named)])
        await asyncio.gather(*[self._post(each) for each in postings])

    async def _know(self, name: str) -> None:
        """Find a client by the external id, or make it known."""
        if self.client_id is not None:
            return
        try:
            answer = await self.market.create_client(name=name, external_id=name)
        except ValueError:
            # The rows that name it tell.
            return
        if isinstance(answer, Refused):
            answer = await self.market.client(f"ext:{name}")
        else:
            self.clients_created += 1
        if not isinstance(answer, Refused):
            self._clients[name] = answer.id

    async def _post(self, posting: Posting) -> None:
        client = self.client_id or self._clients.get(posting.client or "")
        if client is None:
            got = "none" if posting.client is None else f"one of {len(posting.client):,} characters"
            self.bad(BadRow(posting.line, f"client: expected an external id of 1 to 200 characters, got {got}"))
            return
        size, key = posting.size, None
        try:
            if posting.external_id is not None:
                key = Key(posting.external_id, CALLER)
            answer = await self.market.post_job(
                client,
                title=posting.title or title_of(size, posting.category),
                type=size.type.value,
                budget=size.budget,
                duration=None if size.duration is None else size.duration.value,
                weekly_hours=None if size.weekly_hours is None else size.weekly_hours.value,
                description=posting.description,
                external_id=posting.external_id,
                key=key,
            )
        except ValueError as error:
            self.bad(BadRow(posting.line, str(error)))
            return
        if isinstance(answer, Refused):
            if answer.code not in _THERE_ALREADY:
                self.bad(BadRow(posting.line, f"refused: {answer.code}"))
                return
            self.there_already += 1
        elif key is not None and key.replayed:
            self.there_already += 1
        else:
            self.posted += 1


async def import_jobs(
    market: AsyncMarketplace,
    postings: Iterable[Posting],
    client_id: str | None,
    bad: Callable[[BadRow], None],
    tell: Callable[[int, int], None] | None = None,
) -> Imported:
    """Post jobs for a client, or where None is named, each for the client of its row, who is made known.

    `bad` is called with each row that can't be posted, `tell` with how many have been. Raises UnknownClientError and
    LedgerError; what has been posted till then stays.
    """
    if client_id is not None:
        known = await market.client(client_id)
        if isinstance(known, Refused):
            raise UnknownClientError(
                f"client: expected cli_… or ext: and an external id that is known, got {client_id}"
            )
        client_id = known.id
    importer = _Importer(market, client_id, bad)
    some: list[Posting] = []
    done = 0
    for posting in postings:
        some.append(posting)
        if len(some) == IN_FLIGHT:
            await importer.bring_in(some)
            done, some = done + len(some), []
            if tell is not None:
                tell(done, 0)
    await importer.bring_in(some)
    return Imported(importer.posted, importer.there_already, importer.clients_created)
