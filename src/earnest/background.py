"""What a server does beside answering: it watches the ledger, writes up what nobody waits for, and sends webhooks.

None of it may end the server: what fails is logged, rested from, and gone on with.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from earnest.api import metrics
from earnest.ending import end
from earnest.ledger.errors import LedgerError
from earnest.ledger.leases import Lease
from earnest.ledger.ledger import Ledger
from earnest.marketplace import AsyncMarketplace
from earnest.relay import Relay
from earnest.settings import Settings

WATCH_SECONDS = 1.0
"""How often is learnt what other processes have done."""

CHECK_SECONDS = 10.0
"""How long an answer is waited for there."""

SWEEP_LEASE_SECONDS = 60.0
"""After how long another process sweeps, where the one that did was killed."""

CLOCK_SECONDS = 0.1
"""How soon a sandbox is swept after its clock was moved."""

FAILED_SECONDS = 5.0
"""How long is rested from what failed unexpectedly."""

MAIL_SECONDS = 5.0
"""How often is looked whether there is anybody yet who could be written to."""

_log = logging.getLogger("earnest.background")


class Background:
    """The tasks of one process."""

    def __init__(self, market: AsyncMarketplace, relay: Relay, settings: Settings) -> None:
        self._market = market
        self._ledger: Ledger = market.ledger
        self._relay = relay
        self._settings = settings
        self._parent = os.getppid()
        self._is_worker = settings.workers > 1
        self._tasks: list[asyncio.Task[None]] = []
        self._relaying: asyncio.Task[None] | None = None
        self._lease = Lease(self._ledger.store, "sweep", SWEEP_LEASE_SECONDS)
        self._looks = metrics.Looks(market.ledger, relay)
        self._complaint = ""

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        metrics.attach(self._ledger)
        self._tasks = [
            loop.create_task(_for_ever("watching the ledger", self._watch)),
            loop.create_task(_for_ever("sweeping", self._sweep)),
            loop.create_task(_for_ever("seeing to e-mail", self._see_to_mail)),
        ]
        self._relaying = loop.create_task(_for_ever("the relay", self._relay.run))

    async def stop(self) -> None:
        """End all of it, the relay after what it has under way."""
        self._relay.stop()
        await end(self._tasks)
        if self._relaying is not None:
            await asyncio.wait([self._relaying], timeout=self._relay.terms.stop + 1)
            await end([self._relaying])
        with contextlib.suppress(LedgerError, TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await self._lease.end()

    async def _watch(self) -> None:
        """Learn what other processes have done, once a second."""
        while True:
            if self._is_worker and os.getppid() != self._parent:
                # Whoever started this process was killed; nobody would ever stop it.
                os.kill(os.getpid(), signal.SIGTERM)
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._ledger.check()
                self._tell("")
            except TimeoutError:
                self._tell(f"the database hasn't answered within {CHECK_SECONDS:.0f} s")
            except LedgerError as error:
                self._tell(str(error))
            self._looks.look()
            await asyncio.sleep(WATCH_SECONDS)

    def _tell(self, complaint: str) -> None:
        """Log what is the matter with the ledger, once."""
        if complaint and complaint != self._complaint:
            _log.warning("not ready: %s", complaint)
        elif self._complaint and not complaint:
            _log.info("ready again")
        self._complaint = complaint

    async def _see_to_mail(self) -> None:
        """Have people written to from when there are any, or nobody where no e-mail leaves."""
        while True:
            try:
                if await self._market.keep_mail(wanted=self._settings.mail != "off"):
                    return
            except LedgerError as error:
                _log.warning("seeing to e-mail: %s; it is gone on with", error)
            await asyncio.sleep(MAIL_SECONDS)

    async def _sweep(self) -> None:
        """Write up what is due, now and then and after each move of a sandbox's clock, as the one process that does."""
        loop = asyncio.get_running_loop()
        next_at, moved_to = loop.time(), None
        while True:
            if not await self._holds():
                await asyncio.sleep(SWEEP_LEASE_SECONDS / 3)
                continue
            sandbox = self._ledger.sandbox
            now = None if sandbox is None else sandbox()
            if loop.time() >= next_at or now != moved_to:
                await self._sweep_once()
                next_at, moved_to = loop.time() + self._settings.sweep_seconds, now
            rest = max(0.0, min(next_at - loop.time(), SWEEP_LEASE_SECONDS / 3))
            await asyncio.sleep(rest if sandbox is None else min(rest, CLOCK_SECONDS))

    async def _holds(self) -> bool:
        """Say whether this process is the one that sweeps, for a while yet."""
        if self._lease.lasts(SWEEP_LEASE_SECONDS / 2):
            return True
        try:
            return await self._lease.take()
        except LedgerError:
            # The watch tells of it.
            return False

    async def _sweep_once(self) -> None:
        renewing = asyncio.get_running_loop().create_task(self._renew())
        try:
            with metrics.sweeping():
                done = await self._market.keep_up(expiring_days=self._settings.expiry_notice_days)
        except LedgerError as error:
            _log.warning("sweeping: %s; it is gone on with later", error)
            return
        finally:
            renewing.cancel()
        for failed in done.accounts_failed:
            _log.error("%s; it can't be written up, and `earnest audit` tells what else differs", failed)
        if done.accounts_settled or done.returns_finished:
            _log.info("swept: %s accounts, %s returns", done.accounts_settled, done.returns_finished)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_LEASE_SECONDS / 3)
            with contextlib.suppress(LedgerError):
                await self._lease.take()


async def _for_ever(what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do some work until it ends by itself; begin it again where it fails."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("%s failed; it is begun again", what)
            await asyncio.sleep(FAILED_SECONDS)
        else:
            return
