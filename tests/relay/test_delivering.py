"""Events reach a real receiver, at least once and in each account's order, whatever it answers."""

import asyncio
import json
from datetime import UTC, datetime

import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from earnest.relay import Lag, lag
from tests.relay.given import NEVER, QUICK, account, deliveries, looks, opened, relaying, shown, subscribe, tell
from tests.relay.receiver import Came, Receiver, eventually, in_order, until


def test_what_happens_is_sent_signed_and_shown_as_delivered(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver, relaying(market) as relay:
            endpoint = await subscribe(market, receiver.url)
            ana = await account(market)
            await until(lambda: receiver.took)
            [came] = receiver.came
            assert came.event == {
                "type": "account.opened",
                "timestamp": "2024-01-03T09:00:00Z",
                "data": {"account_id": ana, "plan": "basic", "balance": 60},
            }
            assert came.headers["content-type"] == "application/json"
            assert endpoint.secret is not None
            # By the machine's clock, though the ledger's stands in the past.
            assert Webhook(endpoint.secret).verify(came.body, came.headers) == came.event
            with pytest.raises(WebhookVerificationError):
                Webhook(endpoint.secret).verify(came.body + b" ", came.headers)
            [seen] = await eventually(
                lambda: deliveries(market, endpoint.id), lambda found: found[0].status == "delivered"
            )
            assert (seen.event_id, seen.attempts, seen.answered, seen.error) == (came.id, 1, 200, None)
            assert seen.tried_at is not None
            assert (datetime.now(UTC) - seen.tried_at).total_seconds() < 60
            assert seen.payload == came.event["data"]
            assert relay.figures.delivered == 1
            assert await lag(market.ledger) == Lag(0, 0.0)

    asyncio.run(run())


@pytest.mark.parametrize("year", [1990, 2190])
def test_attempts_and_pauses_go_by_the_machine_s_clock_wherever_the_marketplace_s_stands(
    database: str, year: int
) -> None:
    async def run() -> None:
        async with (
            opened(database, datetime(year, 1, 3, tzinfo=UTC)) as market,
            Receiver(lambda _: 200 if len(receiver.came) > 2 else 500) as receiver,
            relaying(market) as relay,
        ):
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            await until(lambda: receiver.took)
            [seen] = await eventually(lambda: deliveries(market, endpoint.id), lambda all_: all_[0].attempts == 3)
            assert seen.status == "delivered"
            assert seen.recorded_at.year == year
            assert seen.tried_at is not None
            assert abs((seen.tried_at - datetime.now(UTC)).total_seconds()) < 60
            await market.redeliver(endpoint.id, seen.id)
            await until(lambda: len(receiver.took) == 2)
            await looks(relay)
            assert len(receiver.took) == 2

    asyncio.run(run())


def test_only_the_kinds_that_are_asked_for_come(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver, relaying(market):
            await subscribe(market, receiver.url, kinds=["account.reinstated"])
            await tell(market, await account(market))
            await until(lambda: receiver.took)
            assert [each.event["type"] for each in receiver.came] == ["account.reinstated"]

    asyncio.run(run())


def test_a_receiver_that_fails_and_recovers_gets_everything_in_each_accounts_order(database: str) -> None:
    async def run() -> None:
        failing = True
        refused: set[str] = set()

        def answer(came: Came) -> int:
            # Down at first, and later each event fails once for every third.
            if failing:
                return 500
            if came.seq % 3 == 0 and came.id not in refused:
                refused.add(came.id)
                return 503
            return 204

        async with opened(database) as market, Receiver(answer) as receiver, relaying(market) as relay:
            endpoint = await subscribe(market, receiver.url)
            accounts = await asyncio.gather(*(account(market) for _ in range(30)))
            await asyncio.gather(*(tell(market, each, 4) for each in accounts))
            # While it is down it is asked again and again, but by one request at a time.
            await until(lambda: len(receiver.came) > 60)
            assert (await shown(market, endpoint.id)).status == "failing"
            receiver.most_under_way = 0
            before = len(receiver.came)
            await until(lambda: len(receiver.came) > before + 5)
            assert receiver.most_under_way == 1
            failing = False
            await until(lambda: len({each.id for each in receiver.took}) == 30 * 5)
            assert in_order(receiver.took)
            assert len(receiver.took) == 30 * 5
            assert {each.account for each in receiver.took} == set(accounts)
            await eventually(
                lambda: deliveries(market, endpoint.id), lambda all_: all(each.status == "delivered" for each in all_)
            )
            active = await eventually(lambda: shown(market, endpoint.id), lambda known: known.status == "active")
            assert active.failing_since is None
            assert relay.figures.delivered == 150
            assert relay.figures.failed >= 60

    asyncio.run(run())


def test_a_later_event_waits_until_the_earlier_one_was_delivered(database: str) -> None:
    async def run() -> None:
        first_fails = True

        def answer(came: Came) -> int:
            return 500 if first_fails and came.seq == 1 and came.account == ana else 200

        async with opened(database) as market, Receiver(answer) as receiver:
            await subscribe(market, receiver.url)
            ana, ben = await account(market), await account(market)
            await tell(market, ana, 3)
            await tell(market, ben, 3)
            # Pages smaller than what an account has.
            async with relaying(market, msgspec.structs.replace(QUICK, page=2, failures_in_a_row=1000)):
                await until(lambda: sum(each.account == ana for each in receiver.came) > 3)
                await until(lambda: sum(each.account == ben for each in receiver.took) == 5)
                assert {each.seq for each in receiver.came if each.account == ana} == {1}
                first_fails = False
                await until(lambda: sum(each.account == ana for each in receiver.took) == 5)
        assert in_order(receiver.took)

    asyncio.run(run())


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_no_page_lets_a_later_event_overtake_and_none_leaves_one_behind(database: str, page: int) -> None:
    async def run() -> None:
        failed: dict[str, int] = {}

        def answer(came: Came) -> int:
            failed[came.id] = failed.get(came.id, 0) + 1
            return 500 if (sum(came.id.encode()) + failed[came.id]) % 3 == 0 else 200

        async with opened(database) as market, Receiver(answer) as receiver:
            await subscribe(market, receiver.url)
            accounts = [await account(market) for _ in range(5)]
            terms = msgspec.structs.replace(QUICK, page=page, at_once=3, failures_in_a_row=3)
            async with relaying(market, terms):
                for each in accounts:
                    await tell(market, each, 5)
                await until(lambda: len(receiver.took) >= 5 * 7)
            assert in_order(receiver.took)
            assert len({each.id for each in receiver.took}) == 5 * 7

    asyncio.run(run())


def test_an_event_that_always_fails_is_given_up_and_lets_the_next_ones_go(database: str) -> None:
    async def run() -> None:
        async with (
            opened(database) as market,
            Receiver(lambda came: 422 if came.seq == 1 else 200) as receiver,
        ):
            endpoint = await subscribe(market, receiver.url)
            ana = await account(market)
            await tell(market, ana, 2)
            async with relaying(market, msgspec.structs.replace(QUICK, pauses=(0.01, 0.01, 0.01))) as relay:
                await until(lambda: len(receiver.took) == 2)
                [failed] = await eventually(lambda: deliveries(market, endpoint.id, "failed"), bool)
                assert (failed.attempts, failed.answered, failed.error) == (4, 422, "answered 422")
                assert failed.next_at is None
                assert relay.figures.given_up == 1
                # It can be asked for again.
                receiver.answer = lambda _: 200
                await market.redeliver(endpoint.id, failed.id)
                await until(lambda: len(receiver.took) == 3)
                assert receiver.took[-1].id == failed.event_id
                await eventually(lambda: deliveries(market, endpoint.id, "failed"), lambda found: not found)

    asyncio.run(run())


def test_a_stalled_endpoint_holds_up_no_other_and_has_a_bounded_number_under_way(database: str) -> None:
    async def run() -> None:
        async def stall(_: Came) -> int:
            await asyncio.sleep(NEVER)
            return 200

        async with opened(database) as market, Receiver(stall) as stalled, Receiver() as quick:
            stuck = await subscribe(market, stalled.url)
            await subscribe(market, quick.url)
            for _ in range(12):
                await account(market)
            terms = msgspec.structs.replace(QUICK, at_once=4, timeout=0.5, pauses=(NEVER,))
            async with relaying(market, terms):
                await until(lambda: len(quick.took) == 12)
                late = await account(market)
                await until(lambda: quick.took[-1].account == late)
                found = await eventually(
                    lambda: deliveries(market, stuck.id), lambda all_: any(each.error for each in all_)
                )
                assert "no answer within 0.5 seconds" in {each.error for each in found}
                assert stalled.most_under_way <= 4

    asyncio.run(run())


def test_a_redirect_is_a_failure_and_is_not_followed(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as elsewhere:

            def away(_: Came) -> web.Response:
                return web.Response(status=302, headers={"Location": elsewhere.url})

            async with Receiver(away) as receiver, relaying(market):
                endpoint = await subscribe(market, receiver.url)
                await account(market)
                await until(lambda: len(receiver.came) > 2)
                [seen] = await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].error)
                assert (seen.status, seen.answered) == ("waiting", 302)
                assert seen.error == "answered 302, and redirects are not followed"
                assert not elsewhere.came

    asyncio.run(run())


def test_a_receiver_that_is_busy_is_left_alone_for_as_long_as_it_asks(database: str) -> None:
    async def run() -> None:
        def busy(_: Came) -> web.Response:
            return web.Response(status=429, headers={"Retry-After": "3000"})

        async with opened(database) as market, Receiver(busy) as receiver:
            endpoint = await subscribe(market, receiver.url)
            terms = msgspec.structs.replace(QUICK, at_once=1, longest_probe_pause=NEVER)
            async with relaying(market, terms) as relay:
                await account(market)
                [seen] = await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].attempts)
                assert seen.next_at is not None
                assert 2900 < (seen.next_at - datetime.now(UTC)).total_seconds() <= 3000
                # No event of another account is sent either.
                await account(market)
                await looks(relay)
                assert len(receiver.came) == 1

    asyncio.run(run())


def test_cookies_are_not_kept_and_large_answers_are_not_read(database: str) -> None:
    async def run() -> None:
        def answer(_: Came) -> web.Response:
            return web.Response(status=200, body=b"x" * 5_000_000, headers={"Set-Cookie": "a=b"})

        async with opened(database) as market, Receiver(answer) as receiver, relaying(market):
            # By a name: cookies of bare addresses are kept by nobody.
            await subscribe(market, receiver.url.replace("127.0.0.1", "localhost"))
            ana = await account(market)
            await tell(market, ana)
            await until(lambda: len(receiver.came) == 3)
            assert not [each for each in receiver.came if "cookie" in each.headers]

    asyncio.run(run())


def test_what_is_not_fit_to_be_sent_keeps_nothing_else_from_it(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver:
            endpoint = await subscribe(market, receiver.url)
            for _ in range(3):
                await account(market)
            spoilt = "update endpoint set url = :url where endpoint_id = id(:id)"
            broken = await subscribe(market, receiver.url)
            await market.ledger.store.change(spoilt, {"url": "http://[::1", "id": broken.id[4:]})
            await account(market)
            async with relaying(market):
                await until(lambda: len(receiver.took) == 4)
                [seen] = await eventually(lambda: deliveries(market, broken.id), lambda found: found[0].error)
                assert seen.answered is None
            assert (await shown(market, endpoint.id)).status == "active"

    asyncio.run(run())


def test_a_new_secret_and_the_old_one_sign_until_the_overlap_ends(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver, relaying(market) as relay:
            endpoint = await subscribe(market, receiver.url)
            ana = await account(market)
            await until(lambda: len(receiver.took) == 1)
            rotated = await market.rotate_secret(endpoint.id)
            assert rotated.secret != endpoint.secret
            await looks(relay)
            await market.suspend(ana, reason="so")
            await until(lambda: len(receiver.took) == 2)
            came = receiver.took[1]
            for secret in (endpoint.secret, rotated.secret):
                assert Webhook(secret).verify(came.body, came.headers) == json.loads(came.body)
            ended = "update endpoint set old_secret_until = 1 where endpoint_id = id(:id)"
            await market.ledger.store.change(ended, {"id": endpoint.id[4:]})
            await looks(relay)
            await market.lift_suspension(ana)
            await until(lambda: len(receiver.took) == 3)
            came = receiver.took[2]
            assert Webhook(rotated.secret).verify(came.body, came.headers)
            with pytest.raises(WebhookVerificationError):
                Webhook(endpoint.secret).verify(came.body, came.headers)

    asyncio.run(run())
