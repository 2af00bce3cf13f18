"""An endpoint that can't be reached for long is paused, keeps what waits for it, and is told again when asked."""

import asyncio
from datetime import timedelta

import msgspec
from aiohttp import web

from earnest.ledger.rows import DeliveryRow
from earnest.ledger.sql import names
from earnest.relay import Lag, lag
from earnest.relay.record import RecordAttempts, Tried
from tests.relay.given import NEVER, QUICK, account, deliveries, looks, opened, relaying, shown, subscribe, tell
from tests.relay.receiver import Came, Receiver, eventually, in_order, until

LONG_AGO = "update endpoint set failing_since = failing_since - :ago where endpoint_id = id(:id)"
SLOW = msgspec.structs.replace(QUICK, pauses=(NEVER,), probe_pause=NEVER, longest_probe_pause=NEVER)


def test_gone_pauses_at_once_and_a_redelivery_goes_on_with_what_waits(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver(lambda _: 410) as receiver:
            endpoint = await subscribe(market, receiver.url)
            ana = await account(market)
            async with relaying(market) as relay:
                paused = await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "paused")
                assert paused.paused_because == "it answered 410 Gone"
                assert paused.paused_at is not None
                # What happens meanwhile waits, and is no lag of the relay's.
                await tell(market, ana, 2)
                await looks(relay)
                assert len(receiver.came) == 1
                assert [each.status for each in await deliveries(market, endpoint.id)] == ["waiting"] * 3
                assert await lag(market.ledger) == Lag(0, 0.0)
                receiver.answer = lambda _: 200
                resumed = await market.redeliver(endpoint.id)
                assert (resumed.status, resumed.paused_because) == ("active", None)
                await until(lambda: len(receiver.took) == 3)
                assert in_order(receiver.took)

    asyncio.run(run())


def test_an_endpoint_that_has_failed_for_too_long_is_paused_and_what_waits_is_kept(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver(lambda _: 500) as receiver:
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            terms = msgspec.structs.replace(QUICK, pauses=(0.02,) * 1000)
            async with relaying(market, terms):
                failing = await eventually(lambda: shown(market, endpoint.id), lambda known: known.status != "active")
                assert failing.status == "failing"
                almost = (timedelta(days=3) - timedelta(minutes=5)) // timedelta(microseconds=1)
                await market.ledger.store.change(LONG_AGO, {"ago": almost, "id": endpoint.id[4:]})
                before = len(receiver.came)
                await until(lambda: len(receiver.came) > before + 3)
                assert (await shown(market, endpoint.id)).status == "failing"
                await market.ledger.store.change(LONG_AGO, {"ago": 300_000_000, "id": endpoint.id[4:]})
                paused = await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "paused")
                assert paused.paused_because == "it has failed for too long without a success"
                assert [each.status for each in await deliveries(market, endpoint.id)] == ["waiting"]

    asyncio.run(run())


def test_a_paused_endpoint_stays_so_across_relays_and_another_url(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver(lambda _: 410) as receiver, Receiver() as other:
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            async with relaying(market):
                await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "paused")
            await market.change_endpoint(endpoint.id, url=other.url, allow_private=True)
            async with relaying(market) as relay:
                await looks(relay)
                assert (len(receiver.came), len(other.came)) == (1, 0)
                await market.redeliver(endpoint.id)
                await until(lambda: other.took)

    asyncio.run(run())


def test_a_redelivery_makes_an_endpoint_that_is_down_be_tried_at_once(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver(lambda _: 500) as receiver:
            endpoint = await subscribe(market, receiver.url)
            for _ in range(10):
                await account(market)
            terms = msgspec.structs.replace(SLOW, failures_in_a_row=3, at_once=2)
            async with relaying(market, terms) as relay:
                await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "failing")
                await looks(relay)
                tried = len(receiver.came)
                assert 3 <= tried <= 4
                await market.redeliver(endpoint.id)
                await until(lambda: len(receiver.came) >= 2 * tried)
                receiver.answer = lambda _: 200
                await looks(relay)
                await market.redeliver(endpoint.id)
                await until(lambda: len(receiver.took) == 10)

    asyncio.run(run())


def test_a_restarted_relay_tries_a_failing_endpoint_with_one_request(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver(lambda _: 500) as receiver:
            endpoint = await subscribe(market, receiver.url)
            for _ in range(10):
                await account(market)
            async with relaying(market, msgspec.structs.replace(SLOW, failures_in_a_row=2, at_once=1)):
                await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "failing")
            before = len(receiver.came)
            async with relaying(market, SLOW) as relay:
                await until(lambda: len(receiver.came) > before)
                await looks(relay)
                assert len(receiver.came) == before + 1

    asyncio.run(run())


def test_a_redelivery_during_an_attempt_is_not_undone_by_its_failure(database: str) -> None:
    async def run() -> None:
        answers = asyncio.Event()

        async def late(_: Came) -> web.Response:
            await answers.wait()
            return web.Response(status=500)

        async with opened(database) as market, Receiver(late) as receiver:
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            async with relaying(market, SLOW) as relay:
                await until(lambda: receiver.came)
                [waiting] = await deliveries(market, endpoint.id)
                await market.redeliver(endpoint.id, waiting.id)
                receiver.answer = lambda _: 200
                answers.set()
                # The failure would have it rest for days.
                await until(lambda: receiver.took)
                await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].status == "delivered")
                await looks(relay)
                assert len(receiver.came) == 2

    asyncio.run(run())


def test_an_endpoint_deleted_during_an_attempt_is_told_nothing_more(database: str) -> None:
    async def run() -> None:
        async def late(_: Came) -> int:
            await asyncio.sleep(NEVER)
            return 200

        # Nothing but the deletion ends the request that is under way.
        terms = msgspec.structs.replace(QUICK, timeout=1_000.0, lease=2_000.0)
        async with opened(database) as market, Receiver(late) as receiver, relaying(market, terms) as relay:
            endpoint = await subscribe(market, receiver.url)
            other = await subscribe(market, receiver.url, kinds=["account.suspended"])
            ana = await account(market)
            await until(lambda: receiver.came)
            await market.delete_endpoint(endpoint.id)
            await until(lambda: receiver.under_way == 0)
            receiver.answer = lambda _: 200
            await market.suspend(ana, reason="so")
            await until(lambda: receiver.took)
            await looks(relay)
            assert [each.event["type"] for each in receiver.came] == ["account.opened", "account.suspended"]
            assert len(await deliveries(market, other.id)) == 1

    asyncio.run(run())


def test_after_gone_no_other_account_s_event_is_sent(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver(lambda _: 410) as receiver:
            endpoint = await subscribe(market, receiver.url)
            for _ in range(5):
                await account(market)
            async with relaying(market, msgspec.structs.replace(QUICK, at_once=1)) as relay:
                await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "paused")
                [courier] = relay._couriers.values()
                # Nor when it is told how the endpoint was before.
                row = msgspec.structs.replace(courier._row, paused_at=None)
                courier.see(row, courier._known_at - 1, waits=True)
                await until(lambda: not courier._wake.is_set())
                await looks(relay)
            assert len(receiver.came) == 1

    asyncio.run(run())


def test_what_another_url_answered_does_not_pause_the_one_that_took_its_place(database: str) -> None:
    async def run() -> None:
        answers = asyncio.Event()

        async def gone(_: Came) -> int:
            await answers.wait()
            return 410

        async with opened(database) as market, Receiver(gone) as receiver, Receiver() as other:
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            async with relaying(market):
                await until(lambda: receiver.came)
                await market.change_endpoint(endpoint.id, url=other.url, allow_private=True)
                answers.set()
                await until(lambda: other.took)
                known = await eventually(
                    lambda: deliveries(market, endpoint.id), lambda found: found[0].status == "delivered"
                )
                assert known[0].attempts == 2
                assert (await shown(market, endpoint.id)).status == "active"
                assert len(receiver.came) == 1

    asyncio.run(run())


def test_a_redelivery_written_with_a_failure_in_one_go_stands(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market:
            endpoint = await subscribe(market, "http://127.0.0.1/")
            await account(market)
            [delivery] = await deliveries(market, endpoint.id)
            [row] = await market.ledger.fetch(f"select {names(DeliveryRow)} from delivery")  # noqa: S608
            before = DeliveryRow(*row)
            failed = Tried(before, msgspec.structs.replace(before, attempts=1, next_at=2**52, answered=500))
            act = RecordAttempts(endpoint.id[4:], endpoint.url, (failed,), False, 1, 1, 2**52, None)
            await asyncio.gather(
                market.redeliver(endpoint.id, delivery.id),
                market.ledger.do(act),
                market.redeliver(endpoint.id, delivery.id),
                market.ledger.do(act),
            )
            [after] = await deliveries(market, endpoint.id)
            assert (after.attempts, after.answered) == (0, None)

    asyncio.run(run())
