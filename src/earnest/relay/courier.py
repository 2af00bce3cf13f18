"""A courier: sends what waits for one endpoint, page after page, and begins again at the end.

A page is a piece of the waiting deliveries in the order of accounts and numbers. Those of one account make a run,
which is sent one after the other and ends where one fails or isn't due yet; many runs are under way at once. What came
of a page is written down before the next is read, and a later event of an account never goes before an earlier one:
the next page begins behind an account of which anything is left.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import groupby

import msgspec

from earnest.ending import end
from earnest.ledger import outbox
from earnest.ledger.errors import LedgerError
from earnest.ledger.ids import MAIL, NOBODY
from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import micros
from earnest.ledger.rows import DeliveryRow, EndpointRow, Micros
from earnest.ledger.sql import names
from earnest.relay.health import Health
from earnest.relay.record import RecordAttempts, Tried, micros_of
from earnest.relay.sending import GONE, Answer, Carrier
from earnest.relay.terms import Terms, jitter

LAST_SEQ = 2**31 - 1
STORE_PAUSE_SECONDS = 0.5
LONGEST_STORE_PAUSE_SECONDS = 5.0
LOOKS_REST = 4
"""How many times as long as looking through all that waits took is rested, where nothing of it was due."""

_PAGE = (
    f"select {names(DeliveryRow)} from delivery where endpoint_id = id(:endpoint) and status = 'waiting'"  # noqa: S608
    " and (account_id, seq) > (id(:account), :seq) order by account_id, seq limit :limit"
)
_START = (NOBODY, 0)

Run = list[DeliveryRow]
"""Deliveries of one account, the earliest first."""

Place = tuple[str, int]
"""An account and a number: where a page goes on from."""

_log = logging.getLogger("earnest.relay")


class Figures:
    """What one process's relay has done since it began: events delivered, attempts failed, events given up.

    `looks` counts how often it looked for something to do: while it grows, the relay is alive.
    """

    __slots__ = ("delivered", "failed", "given_up", "looks")

    def __init__(self) -> None:
        self.delivered = 0
        self.failed = 0
        self.given_up = 0
        self.looks = 0


class Courier:
    """Sends to one endpoint. `may_send` says whether a request that takes as long as it may can still be begun."""

    def __init__(
        self,
        ledger: Ledger,
        row: EndpointRow,
        terms: Terms,
        figures: Figures,
        may_send: Callable[[], bool],
        carrier: Carrier,
    ) -> None:
        self._ledger = ledger
        self._row = row
        self._terms = terms
        self._figures = figures
        self._may_send = may_send
        self._loop = asyncio.get_running_loop()
        self._carrier = carrier
        self._health = Health(terms)
        self._place: Place = _START
        self._known_at = float("-inf")
        self._wake = asyncio.Event()
        self._stopping = False
        if row.failing_since is not None:
            self._health.suspect()
        self._task = self._loop.create_task(self._run())

    def see(self, row: EndpointRow, asked_at: float, *, waits: bool) -> None:
        """Be told how the endpoint is, as of a time of the loop's, and whether anything waits for it."""
        # What has been written down since is newer.
        if asked_at > self._known_at:
            self._learn(row)
        if waits:
            self._wake.set()

    def _learn(self, row: EndpointRow, *, succeeded: bool = False) -> None:
        known = self._row
        is_told_so = known.failing_since is not None and row.failing_since != known.failing_since and not succeeded
        if row.url != known.url or is_told_so:
            # It is somewhere else now, or an operator says that it is well: the courier itself only ever keeps the
            # time of a first failure.
            self._health.reset()
        self._row = row

    async def stop(self, *, at_once: bool = False) -> None:
        """End: what is under way is waited for a little and written down."""
        self._stopping = True
        self._wake.set()
        if not at_once:
            await asyncio.wait([self._task], timeout=self._terms.stop)
        await end([self._task])
        await self._carrier.close()

    async def _run(self) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            began = self._loop.time()
            try:
                sent = await self._round()
            except LedgerError as error:
                _log.warning("%s; the relay goes on in a moment", error)
                await asyncio.sleep(STORE_PAUSE_SECONDS)
                self._wake.set()
                continue
            except Exception:
                _log.exception("a round of the relay failed")
                await asyncio.sleep(LONGEST_STORE_PAUSE_SECONDS)
                continue
            if sent:
                self._wake.set()
            else:
                await asyncio.sleep(LOOKS_REST * (self._loop.time() - began))

    async def _round(self) -> bool:
        """Go through what waits, from where the last round ended; say whether anything was sent."""
        sent = False
        while self._may_begin():
            rows = await self._page()
            tried, left = await self._send(rows)
            sent = sent or bool(tried)
            if tried:
                await self._record(tried)
            self._place = self._next_place(rows, tried, left)
            if self._place == _START:
                break
        return sent

    def _may_begin(self) -> bool:
        return (
            not self._stopping
            and self._row.paused_at is None
            and self._loop.time() >= self._health.rests_until
            and self._may_send()
        )

    async def _page(self) -> Run:
        account, seq = self._place
        params = {"endpoint": self._row.endpoint_id, "account": account, "seq": seq, "limit": self._terms.page}
        return [DeliveryRow(*row) for row in await self._ledger.fetch(_PAGE, params)]

    async def _send(self, rows: Run) -> tuple[list[Tried], Run | None]:
        """Send what is due of a page; return what came of it, and the first run that was not begun."""
        now = micros(utc_now())
        runs = deque(run for run in (_due(run, now) for run in _runs(rows)) if run)
        # One that is down is tried with a single event.
        one, at_once = self._health.is_down, self._terms.at_once
        until = self._loop.time() + self._terms.turn
        tried: list[Tried] = []

        def may_begin() -> bool:
            if one:
                return not tried and self._may_begin()
            gone = bool(tried) and tried[-1].after.answered == GONE
            return not gone and not self._health.is_down and self._loop.time() < until and self._may_begin()

        async def work() -> None:
            while runs and may_begin():
                for row in runs.popleft():
                    if not may_begin():
                        break
                    tried.append(await self._attempt(row))
                    if not tried[-1].is_over:
                        break

        async with asyncio.TaskGroup() as group:
            for _ in range(min(1 if one else at_once, len(runs))):
                group.create_task(work())
        return tried, runs[0] if runs else None

    async def _attempt(self, row: DeliveryRow) -> Tried:
        now = utc_now()
        answer = await self._carrier.send(self._row, row, now)
        if answer.is_success:
            self._health.succeeded()
            self._figures.delivered += 1
        elif answer.is_final:
            # It was heard, so the way there is well.
            self._health.succeeded()
        else:
            self._health.failed(self._loop.time(), answer.retry_after)
            self._figures.failed += 1
        after = self._after(row, answer, micros(now))
        self._figures.given_up += after.status == outbox.FAILED
        return Tried(row, after, heard=answer.is_success or answer.is_final)

    def _after(self, row: DeliveryRow, answer: Answer, at: Micros) -> DeliveryRow:
        """Return what an attempt makes of a delivery."""
        attempts, next_at = row.attempts + 1, row.next_at
        if answer.is_success:
            status = outbox.DELIVERED
        elif answer.is_final or (answer.status != GONE and row.attempts >= len(self._terms.pauses)):
            status = outbox.FAILED
        else:
            status = outbox.WAITING
            pauses = self._terms.pauses
            asked = min(answer.retry_after or 0.0, self._terms.longest_asked_pause)
            pause = max(jitter(pauses[min(row.attempts, len(pauses) - 1)]), asked)
            next_at = micros(utc_now()) + micros_of(pause)
        return msgspec.structs.replace(
            row,
            status=status,
            attempts=attempts,
            next_at=next_at,
            tried_at=at,
            answered=answer.status,
            error=answer.error,
        )

    async def _record(self, tried: list[Tried]) -> None:
        """Have what came of a page written down."""
        failing_since, succeeded, gone = None, False, False
        for each in tried:
            if each.heard:
                failing_since, succeeded = None, True
            elif failing_since is None:
                failing_since = each.after.tried_at
            gone = gone or each.after.answered == GONE
        act = RecordAttempts(
            self._row.endpoint_id,
            self._row.url,
            tuple(tried),
            succeeded,
            failing_since,
            micros(utc_now()),
            None if self._terms.pause_after is None else micros_of(self._terms.pause_after),
            "it answered 410 Gone" if gone else None,
        )
        was_well = self._row.failing_since is None
        row = await self._written(act)
        self._known_at = self._loop.time()
        if isinstance(row, EndpointRow):
            self._learn(row, succeeded=succeeded)
            if row.paused_at is not None:
                _log.warning("webhook endpoint whe_%s is paused: %s", row.endpoint_id, row.paused_because)
            elif was_well and row.failing_since is not None and row.endpoint_id == MAIL:
                _log.warning("e-mail can't be sent: %s", next(each.after.error for each in tried if not each.heard))
            elif was_well and row.failing_since is not None:
                _log.warning(
                    "webhook endpoint whe_%s fails; what it answers stands with its deliveries", row.endpoint_id
                )
        else:
            # It was deleted; whoever watches over the couriers will notice too.
            self._stopping = True

    async def _written(self, act: RecordAttempts) -> object:
        """Return the answer of an act, however long it takes: nothing is sent again only because that can't be kept.

        Raises LedgerError in the end, when nobody waits any longer.
        """
        pause = STORE_PAUSE_SECONDS
        while True:
            try:
                return await self._ledger.do(act)
            except LedgerError as error:
                if self._stopping:
                    raise
                _log.warning("what webhooks were answered can't be written down: %s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_STORE_PAUSE_SECONDS)

    def _next_place(self, rows: Run, tried: list[Tried], left: Run | None) -> Place:
        """Return where the next page begins."""
        if left is not None:
            if self._health.is_down and not tried:
                return self._place
            return left[0].account_id, left[0].seq - 1
        if len(rows) < self._terms.page:
            return _START
        last = rows[-1]
        over = {(each.after.account_id, each.after.seq) for each in tried if each.is_over}
        whole = (last.account_id, last.seq) in over
        return last.account_id, last.seq if whole else LAST_SEQ


def _runs(rows: Run) -> list[Run]:
    return [list(run) for _, run in groupby(rows, lambda row: row.account_id)]


def _due(run: Run, now: Micros) -> Run:
    """Return the beginning of a run that may be sent: up to the first one that rests after a failure."""
    for place, row in enumerate(run):
        # What has not been tried is due, whatever the time: it bears the ledger's.
        if row.attempts and row.next_at > now:
            return run[:place]
    return run
