"""The relay of a process: a courier for each endpoint something waits for, while this process holds the lease."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial

import msgspec

from earnest.ledger.errors import LedgerError
from earnest.ledger.ids import MAIL
from earnest.ledger.leases import Lease
from earnest.ledger.ledger import Ledger
from earnest.ledger.rows import EndpointRow
from earnest.ledger.sql import names
from earnest.relay.courier import Courier, Figures
from earnest.relay.sending import Carrier, Sender
from earnest.relay.terms import Terms

LEASE = "relay"
RENEWALS = 4
"""How often a lease is renewed within its time. The last part of it is left to clocks that differ."""

MAIL_AT_ONCE = 8
"""Events that people are written of at once; how many letters leave at once is the post's to say."""

_ENDPOINTS = (
    f"select {names(EndpointRow, 'e.')}, exists (select 1 from delivery d"  # noqa: S608
    " where d.endpoint_id = e.endpoint_id and d.status = 'waiting')"
    " from endpoint e order by e.endpoint_id"
)

_log = logging.getLogger("earnest.relay")


class Relay:
    """Sends events to webhook endpoints, as long as it runs and no other process does.

    Every process of a marketplace may run one; one at a time holds the lease. A request is begun only where the lease
    outlasts it, so that no other process tells an endpoint of the same account meanwhile.
    """

    def __init__(
        self, ledger: Ledger, terms: Terms | None = None, mail: Callable[[float], Carrier] | None = None
    ) -> None:
        """Prepare it. `mail` makes what writes to people, given how many seconds an event may take it."""
        self.terms = terms or Terms()
        self._mail = mail
        self.figures = Figures()
        self._ledger = ledger
        self._lease = Lease(ledger.store, LEASE, self.terms.lease)
        self._renew_at = float("-inf")
        self._holds = False
        self._couriers: dict[str, Courier] = {}
        self._stopping = asyncio.Event()

    @property
    def is_relaying(self) -> bool:
        """Whether it is this process that sends."""
        return self._holds and self._lease.lasts(0)

    async def run(self) -> None:
        """Send what waits, until stopped. A database that is out of reach is waited for."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._look()
                    self.figures.looks += 1
                except LedgerError as error:
                    _log.warning("%s; the relay goes on in a moment", error)
                except Exception:
                    _log.exception("the relay goes on in a moment")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.terms.poll):
                        await self._stopping.wait()
        finally:
            await self._end(list(self._couriers), at_once=not self._stopping.is_set())
            if self._holds:
                with contextlib.suppress(LedgerError):
                    await self._lease.end()

    def stop(self) -> None:
        """Have `run` end: what is under way is waited for a little, and another process can take over at once."""
        self._stopping.set()

    async def _look(self) -> None:
        """See to the lease, and learn of new events and changed endpoints."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._renew_at:
            self._holds = await self._lease.take()
            self._renew_at = loop.time() + self.terms.lease / RENEWALS
        if not self._holds:
            await self._end(list(self._couriers), at_once=True)
            return
        asked_at = loop.time()
        found: set[str] = set()
        for *columns, waits in await self._ledger.fetch(_ENDPOINTS):
            row = EndpointRow(*columns)
            found.add(row.endpoint_id)
            courier = self._couriers.get(row.endpoint_id)
            if courier is None and waits and (row.endpoint_id != MAIL or self._mail is not None):
                courier = self._couriers[row.endpoint_id] = self._courier(row)
            if courier is not None:
                courier.see(row, asked_at, waits=bool(waits))
        await self._end([id_ for id_ in self._couriers if id_ not in found], at_once=True)

    def _courier(self, row: EndpointRow) -> Courier:
        terms, carrier = self.terms, None
        if row.endpoint_id == MAIL and self._mail is not None:
            # Nobody could end a pause of it; what can't be sent is given up in the end.
            seconds = 2 * terms.timeout
            terms = msgspec.structs.replace(terms, timeout=seconds, pause_after=None, at_once=MAIL_AT_ONCE)
            carrier = self._mail(seconds)
        may_send = partial(self._may_send, terms.timeout)
        return Courier(self._ledger, row, terms, self.figures, may_send, carrier or Sender(terms))

    def _may_send(self, seconds: float) -> bool:
        """Say whether the lease outlasts a request that is begun now, by any machine's clock."""
        return self._holds and self._lease.lasts(seconds + self.terms.lease / RENEWALS)

    async def _end(self, ids: list[str], *, at_once: bool) -> None:
        couriers = [self._couriers.pop(id_) for id_ in ids]
        await asyncio.gather(*(courier.stop(at_once=at_once) for courier in couriers))
