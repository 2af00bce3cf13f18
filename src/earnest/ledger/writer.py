"""The group-commit writer: lanes that take what has gathered, decide it between one read and one write, and commit.

A lane takes requests in the order in which they came, but for those whose account or job somebody else has locked:
they are set aside and come back a little later, in any order. Nobody is answered before the commit. A refusal is
answered too only then, so that it never tells of an effect that was not kept. What fails unexpectedly is rolled back
and done again one by one, so that one bad request never fails its neighbours. An error while committing leaves it
unknown whether the batch was kept; the batch has written its number with everything else, and so the store knows.
"""

import asyncio
import hashlib
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from earnest.ledger.act import Act, Batch, PastUnreadError
from earnest.ledger.errors import BusyError, StoreError, UnavailableError
from earnest.ledger.ids import Ids
from earnest.ledger.rows import RequestRow
from earnest.ledger.store import Changes, Needs, Session, Store
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.pack import Pack

T = TypeVar("T")

MOST_WAITING = 10_000
"""Requests a lane lets wait before it turns others away."""

MOST_IN_BATCH = 256
MOST_PATIENT = 12
"""Requests of work nobody waits for in a batch, while there are others."""

HURRIED_SECONDS = 1.0
"""How long after a request that somebody waits for the next such one is reckoned with."""

PATIENCE_SECONDS = 10.0
"""How long a request is tried again while the store is out of reach, or its account locked by somebody else."""

MOST_CONFLICTS = 5
"""How often a request is tried that finds a row where it would write one: somebody else's, but not for ever."""

PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.5

_log = logging.getLogger("earnest.ledger")


class Key:
    """A caller's idempotency key: the same one again answers what the first accepted request was answered.

    `caller` names who asks, where several share the ledger. After a call, `replayed` says that it had been done before.
    """

    __slots__ = ("caller", "replayed", "value")

    def __init__(self, value: str, caller: str = "") -> None:
        self.value = value
        self.caller = caller
        self.replayed = False


class Meter(Protocol):
    """Told what a writer does: how many requests a batch had, and for how many seconds it was written and committed."""

    def batch(self, requests: float, /) -> None:
        """Be told of a batch that was decided."""

    def commit(self, seconds: float, /) -> None:
        """Be told of one that was kept."""


class _Waiting:
    """A request on its way through a lane. Where its caller sent a key, `kept_as` is what it is kept by."""

    __slots__ = ("act", "arrived", "done", "fingerprint", "kept_as", "key")

    def __init__(self, act: Act[Any], key: Key | None, done: asyncio.Future[Any], arrived: float) -> None:
        self.act = act
        self.key = key
        self.done = done
        self.arrived = arrived
        self.kept_as = ("", "")
        self.fingerprint = ""
        if key is not None:
            self.kept_as = (act.account_id or _caller_id(key.caller), f"{_without_colons(key.caller)}:{key.value}")
            self.fingerprint = act.fingerprint()

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def answer(self, answer: object) -> None:
        if not self.done.done():
            self.done.set_result(answer)


class Lane:
    """One task, one session: what is put in is done in batches."""

    def __init__(self, session: Session, pack: Callable[[], Pack], clock: Callable[[], datetime], ids: Ids) -> None:
        self._session = session
        self._pack, self._clock, self._ids = pack, clock, ids
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Waiting] = deque()
        self._patient: deque[_Waiting] = deque()
        self._away = 0  # requests that wait for somebody else's lock, outside of both queues
        self._wake = asyncio.Event()
        self._closing = False
        self._hurried_at = float("-inf")
        self._rests_until = float("-inf")
        self.meter: Meter | None = None
        self._task = self._loop.create_task(self._run())

    @property
    def waiting(self) -> int:
        """How many requests wait to be taken into a batch."""
        return len(self._queue) + len(self._patient) + self._away

    def put(self, waiting: _Waiting) -> None:
        """Take a request on; raises BusyError where too many wait already."""
        if self._closing:
            raise UnavailableError("the ledger is closed")
        queue = self._patient if waiting.act.patient else self._queue
        if self.waiting >= MOST_WAITING:
            raise BusyError(f"{MOST_WAITING:,} requests are waiting already")
        queue.append(waiting)
        self._wake.set()

    async def close(self) -> None:
        """Do what waits, and end."""
        self._closing = True
        self._wake.set()
        # Whoever stops waiting for the end doesn't bring it about.
        await asyncio.shield(self._task)
        await self._session.close()

    async def _run(self) -> None:
        try:
            await self._work()
        finally:
            # Nobody waits for an answer that nobody will give.
            self._closing = True
            for waiting in (*self._queue, *self._patient):
                waiting.fail(UnavailableError("the ledger is closed"))

    async def _work(self) -> None:
        while True:
            began = self._loop.time()
            batch = self._take(began)
            if batch:
                try:
                    await self._do(batch)
                except Exception as error:
                    _log.exception("a batch failed outside of its transaction")
                    for waiting in batch:
                        waiting.fail(error)
                except BaseException:
                    for waiting in batch:
                        waiting.fail(UnavailableError("the ledger was stopped", outcome_unknown=True))
                    raise
                if batch[-1].act.patient:
                    ended = self._loop.time()
                    self._rests_until = ended + (ended - began)
            elif self._closing and not self._away:
                return
            else:
                if self._patient:
                    self._loop.call_at(self._rests_until, self._wake.set)
                await self._wake.wait()
                # Whoever was woken by the same event joins the batch.
                await asyncio.sleep(0)
            self._wake.clear()

    def _take(self, now: float) -> list[_Waiting]:
        """Take what the next batch is to be.

        Patient requests come last in it. While others have come lately, they are few in a batch, and after one with
        any of them the lane is left to the others for as long as it took: what nobody waits for takes at most half of
        the lane, and never much of a batch that somebody waits for.
        """
        queue, patient = self._queue, self._patient
        batch = [queue.popleft() for _ in range(min(len(queue), MOST_IN_BATCH))]
        if batch:
            self._hurried_at = now
        hurried = now - self._hurried_at < HURRIED_SECONDS
        if not hurried or self._closing or now >= self._rests_until:
            room = MOST_PATIENT if hurried else MOST_IN_BATCH - len(batch)
            batch += [patient.popleft() for _ in range(min(len(patient), room))]
        return batch

    async def _do(self, batch: list[_Waiting]) -> None:
        """Do a batch, however often that has to be tried."""
        pause = PAUSE_SECONDS
        conflicts = 0
        while batch:
            try:
                batch = await self._attempt(batch)
                continue
            except StoreError as error:
                await self._session.give_up()
                conflicts += error.conflict
                if error.conflict and (len(batch) > 1 or conflicts == MOST_CONFLICTS):
                    await self._do_alone(batch, error)
                    return
                _log.warning("%s; %s requests are tried again", error, len(batch))
                batch = self._still_patient(batch, error)
            except Exception as error:
                await self._session.give_up()
                await self._do_alone(batch, error)
                return
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - only so that two don't keep step
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _do_alone(self, batch: list[_Waiting], error: Exception) -> None:
        """Do the requests of a failed batch one by one, so that each stands for itself; a single one has failed."""
        if len(batch) > 1:
            for waiting in batch:
                await self._do([waiting])
        else:
            _log.error("a request failed", exc_info=error)
            batch[0].fail(error)

    def _still_patient(self, batch: list[_Waiting], error: StoreError) -> list[_Waiting]:
        """Turn away whoever has waited too long, or cannot be helped by waiting, and return the others."""
        latest = self._loop.time() - PATIENCE_SECONDS
        left = []
        for waiting in batch:
            if not error.lasting and waiting.arrived > latest and not waiting.done.done():
                left.append(waiting)
            else:
                waiting.fail(UnavailableError(str(error), outcome_unknown=error.committing))
        return left

    async def _attempt(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Do a batch in one transaction; return the requests that have to be read for anew."""
        needs = Needs()
        for waiting in batch:
            act = waiting.act
            account_id = act.account_id
            if account_id is not None:
                needs.accounts.add(account_id)
            act.needs(needs)
            if waiting.key is not None:
                needs.requests.add(waiting.kept_as)
        facts = await self._session.read(needs)
        held: list[_Waiting] = []
        if facts.elsewhere:
            held = [waiting for waiting in batch if _wants(waiting.act, facts.elsewhere)]
            batch = [waiting for waiting in batch if waiting not in held]
        decided = Batch(facts, self._pack(), self._clock(), self._ids)
        since = self._past_wanted(batch, decided)
        if since:
            decided.add_past(since, await self._session.read_history(since))
        again: list[_Waiting] = []
        answers: list[tuple[_Waiting, object]] = []
        for waiting in batch:
            version = decided.version
            try:
                answers.append((waiting, self._decide(waiting, decided)))
            except PastUnreadError:
                again.append(waiting)
            except Exception as error:
                # What has put nothing down can fail alone.
                if decided.version != version:
                    raise
                _log.exception("a request failed")
                answers.append((waiting, error))
        if decided.version:
            await self._keep(decided.changes())
        else:
            await self._session.give_up()
        if self.meter is not None:
            self.meter.batch(len(answers))
        for waiting, answer in answers:
            if isinstance(answer, Exception):
                waiting.fail(answer)
            else:
                waiting.answer(answer)
        self._send_away(held)
        return again

    async def _keep(self, changes: Changes) -> None:
        """Write and commit; raises StoreError where that was not kept. A commit that failed may have been kept."""
        began = self._loop.time()
        try:
            await self._session.write(changes)
        except Exception as error:
            if isinstance(error, StoreError) and not error.committing:
                raise
            # Whatever else it was, the commit may have been sent.
            kept = await self._was_kept()
            if kept is None:
                # Nothing may be done again that may have been done.
                raise StoreError(str(error), lasting=True, committing=True) from error
            if not kept:
                if isinstance(error, StoreError):
                    error.committing = False
                raise
        if self.meter is not None:
            self.meter.commit(self._loop.time() - began)

    async def _was_kept(self) -> bool | None:
        """Say whether the last batch was kept, None where the store can't be asked in time."""
        until = self._loop.time() + PATIENCE_SECONDS
        pause = PAUSE_SECONDS
        while True:
            try:
                return await self._session.was_kept()
            except Exception as error:
                if self._loop.time() >= until or (isinstance(error, StoreError) and error.lasting):
                    return None
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _past_wanted(self, batch: Iterable[_Waiting], decided: Batch) -> dict[str, int]:
        since: dict[str, int] = {}
        for waiting in batch:
            account_id = waiting.act.account_id
            wanted = None if account_id is None else decided.past_wanted(account_id, waiting.act)
            if account_id is not None and wanted is not None:
                since[account_id] = min(wanted, since.get(account_id, wanted))
        return since

    def _decide(self, waiting: _Waiting, batch: Batch) -> object:
        """Answer a request: as it was answered before, or decided now."""
        act = waiting.act
        if waiting.key is None:
            return act.decide(batch)
        kept = batch.request(*waiting.kept_as)
        if kept is not None:
            if kept.fingerprint != waiting.fingerprint:
                return Refused(Refusal.KEY_REUSED)
            waiting.key.replayed = True
            return msgspec.json.decode(kept.outcome, type=act.answers)
        answer = act.decide(batch)
        if not isinstance(answer, Refused):
            outcome = msgspec.json.encode(answer).decode()
            batch.put(RequestRow(*waiting.kept_as, batch.at, waiting.fingerprint, outcome))
        return answer

    def _send_away(self, held: list[_Waiting]) -> None:
        """Try again a little later what somebody else holds a lock on, so that nobody else waits for it."""
        latest = self._loop.time() - PATIENCE_SECONDS
        for waiting in held:
            if waiting.arrived <= latest:
                waiting.fail(BusyError("the account or job is locked by another process"))
            else:
                self._away += 1
                self._loop.call_later(PAUSE_SECONDS * (0.5 + random.random()), self._come_back, waiting)  # noqa: S311

    def _come_back(self, waiting: _Waiting) -> None:
        self._away -= 1
        if self._task.done():
            waiting.fail(UnavailableError("the ledger is closed"))
            return
        (self._patient if waiting.act.patient else self._queue).append(waiting)
        self._wake.set()


def _wants(act: Act[Any], elsewhere: set[str]) -> bool:
    needs = Needs()
    act.needs(needs)
    return act.account_id in elsewhere or not elsewhere.isdisjoint(needs.accounts | needs.held_jobs)


class Writer:
    """The lanes of one store: each account always goes the same way."""

    def __init__(self, lanes: list[Lane]) -> None:
        self._lanes = lanes
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls, store: Store, pack: Callable[[], Pack], clock: Callable[[], datetime], ids: Ids, lanes: int | None = None
    ) -> "Writer":
        """Open a store's lanes."""
        sessions = [await store.session() for _ in range(lanes or store.lanes)]
        return cls([Lane(session, pack, clock, ids) for session in sessions])

    async def do(self, act: Act[T], key: Key | None = None) -> T | Refused:
        """Do something, and answer when it is kept.

        Raises BusyError where it was not taken on, UnavailableError where the store fails.
        """
        return await self.start(act, key)

    def start(self, act: Act[T], key: Key | None = None) -> asyncio.Future[T | Refused]:
        """Take something on, and return what its answer will come to; raises BusyError where it was not taken on."""
        account_id = act.account_id
        waiting = _Waiting(act, key, self._loop.create_future(), self._loop.time())
        lane = 0 if account_id is None else int(account_id[-4:], 16) % len(self._lanes)
        self._lanes[lane].put(waiting)
        return waiting.done

    @property
    def waiting(self) -> int:
        """How many requests wait to be taken into a batch."""
        return sum(lane.waiting for lane in self._lanes)

    def measure(self, meter: Meter) -> None:
        """Tell somebody what is done from here on."""
        for lane in self._lanes:
            lane.meter = meter

    async def close(self) -> None:
        """Do what waits, and end."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))


def _without_colons(caller: str) -> str:
    """Return a caller's name so that what comes after a colon can't be taken for a part of it."""
    return caller.replace("%", "%25").replace(":", "%3A")


def _caller_id(caller: str) -> str:
    """Return the owner of requests that act on no account."""
    return hashlib.blake2b(caller.encode(), digest_size=16, person=b"earnest caller").hexdigest()
