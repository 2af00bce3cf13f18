"""Audits asked for from a page: one at a time, their progress and result kept for every process."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from earnest import AsyncMarketplace
from earnest.ledger.errors import BusyError
from earnest.ledger.leases import Lease
from earnest.ledger.ledger import utc_now
from earnest.marketplace import audits
from tests.stores import StandingClock

PATIENCE_SECONDS = 10


async def ended(market: AsyncMarketplace) -> audits.AuditRunShown:
    """The latest run, once it runs no more."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            [run] = (await market.audit_runs(limit=1)).items
            if run.status != "running":
                return run
            await asyncio.sleep(0.01)


async def opened(market: AsyncMarketplace, accounts: int) -> list[str]:
    answers = await asyncio.gather(*(market.open_account(kind="individual", plan="plus") for _ in range(accounts)))
    return [answer.id for answer in answers]


def run(database: str, clock: StandingClock, story: Callable[[AsyncMarketplace], Any]) -> None:
    async def whole() -> None:
        async with await AsyncMarketplace.open(database, clock=clock) as market:
            await story(market)

    asyncio.run(whole())


def test_a_run_ends_with_what_it_found(database: str, clock: StandingClock) -> None:
    async def story(market: AsyncMarketplace) -> None:
        await opened(market, 3)
        person = await market.create_person(email="oda@example.com")
        begun = await market.start_audit(asked_by=person.id)
        assert (begun.status, begun.asked_by, begun.audit) == ("running", person.id, None)
        found = await ended(market)
        assert (found.id, found.status, found.asked_by) == (begun.id, "finished", person.id)
        assert (found.done, found.total) == (3, 3)
        assert found.audit is not None
        assert (found.audit.accounts, found.audit.totals.held, found.audit.differences) == (3, 210, [])
        assert found.audit == await market.audit()

    run(database, clock, story)


def test_what_does_not_agree_is_told(database: str, clock: StandingClock) -> None:
    async def story(market: AsyncMarketplace) -> None:
        [account] = await opened(market, 1)
        await market.ledger.store.change("update account set balance = balance + 1", {})
        await market.start_audit()
        found = await ended(market)
        assert found.audit is not None
        assert {each.account_id for each in found.audit.differences} == {account}

    run(database, clock, story)


def test_only_one_runs_at_a_time_and_whoever_asks_is_shown_it(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()
    monkeypatch.setattr(audits, "audit", _slow(goes_on))

    async def story(market: AsyncMarketplace) -> None:
        await opened(market, 1)
        first, second = await market.start_audit(), await market.start_audit()
        async with await AsyncMarketplace.open(database, clock=clock) as other:
            third = await other.start_audit()
            assert first.id == second.id == third.id
            async with asyncio.timeout(PATIENCE_SECONDS):
                # How far it is, as another process sees it.
                while not (shown := (await other.audit_runs()).items[0]).total:
                    await asyncio.sleep(0.01)
            assert (shown.status, shown.done, shown.total) == ("running", 1, 2)
            # It answers others meanwhile.
            assert (await market.overview()).accounts == 1
            goes_on.set()
            assert (await ended(other)).status == "finished"
            assert (await other.start_audit()).id != first.id
            assert len((await other.audit_runs()).items) == 2
            await ended(other)

    run(database, clock, story)


def test_of_many_who_ask_at_once_all_are_shown_the_one_that_begins(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "audit", _slow(asyncio.Event()))
    take = Lease.take

    async def take_slowly(lease: Lease) -> bool:
        held = await take(lease)
        await asyncio.sleep(0.2 if held else 0)
        return held

    monkeypatch.setattr(Lease, "take", take_slowly)

    async def story(market: AsyncMarketplace) -> None:
        begun = await asyncio.gather(*(market.start_audit() for _ in range(6)))
        assert {(each.id, each.status) for each in begun} == {(begun[0].id, "running")}

    run(database, clock, story)


def test_whoever_asks_as_one_ends_has_one_of_their_own(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Lease.end

    async def end_late(lease: Lease) -> None:
        await asyncio.sleep(0.2)
        await end(lease)

    monkeypatch.setattr(Lease, "end", end_late)

    async def story(market: AsyncMarketplace) -> None:
        first = await market.start_audit()
        await ended(market)
        second = await market.start_audit()
        assert (second.id != first.id, second.status) == (True, "running")
        await ended(market)

    run(database, clock, story)


def test_a_lease_that_nothing_comes_of_is_not_waited_for_long(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "BEGUN_SECONDS", 0.1)

    async def story(market: AsyncMarketplace) -> None:
        assert await Lease(market.ledger.store, audits.LEASE, audits.LEASE_SECONDS).take()
        with pytest.raises(BusyError):
            await market.start_audit()

    run(database, clock, story)


def _slow(goes_on: asyncio.Event) -> Callable[..., Any]:
    real = audits.audit

    async def audit(ledger: Any, *, tell: Callable[[int, int], None]) -> Any:
        tell(1, 2)
        await goes_on.wait()
        return await real(ledger, tell=tell)

    return audit


def test_a_run_whose_process_died_has_broken_off(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "audit", _slow(asyncio.Event()))
    later = utc_now() + timedelta(seconds=2 * audits.LEASE_SECONDS)

    async def story(market: AsyncMarketplace) -> None:
        # As killed: whoever held the lease says nothing any more.
        monkeypatch.setattr(Lease, "end", _nothing)
        begun = await market.start_audit()
        assert (await market.audit_runs()).items[0].status == "running"
        monkeypatch.setattr(audits, "utc_now", lambda: later)
        shown = (await market.audit_runs()).items[0]
        assert (shown.id, shown.status, shown.audit) == (begun.id, "broken_off", None)

    run(database, clock, story)


async def _nothing(_: Lease) -> None:
    pass


def test_a_run_that_is_stopped_or_fails_has_broken_off_at_once(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("a row nobody can read")

    async def story(market: AsyncMarketplace) -> None:
        monkeypatch.setattr(audits, "audit", fails)
        await market.start_audit()
        assert (await ended(market)).status == "broken_off"
        monkeypatch.setattr(audits, "audit", _slow(asyncio.Event()))
        async with await AsyncMarketplace.open(database, clock=clock) as other:
            await other.start_audit()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (await other.audit_runs(limit=1)).items[0].total:
                    await asyncio.sleep(0.01)
        assert (await ended(market)).status == "broken_off"
        assert [each.status for each in (await market.audit_runs()).items] == ["broken_off", "broken_off"]
        first, second = [(await market.audit_runs(limit=1, cursor=cursor)) for cursor in (None, "f" * 32)]
        assert first.items[0].id == second.items[0].id
        assert first.next_cursor is not None

    run(database, clock, story)
