"""Races for the same rows, between processes, lanes and threads: exactly what the rules say, every time."""

import asyncio
import itertools
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger.postgresql import PostgreSQLSession, PostgreSQLStore
from earnest.ledger.rows import ProposalRow, Row, TaskRow
from earnest.ledger.store import Changes, Needs
from earnest.marketplace import closing
from earnest.marketplace.proposals import NewProposal
from earnest.marketplace.shown import Returned
from earnest.rules.outcome import Refusal, Refused
from tests.ledger.racer import Done
from tests.stores import StandingClock

ROOT = Path(__file__).parent.parent.parent
PROCESSES = 4

Do = tuple[str, list[Any], dict[str, Any]]


def act(name: str, /, *arguments: Any, **keywords: Any) -> Do:
    return name, list(arguments), keywords


def shared_out(acts: list[Do], processes: int = PROCESSES) -> list[list[Do]]:
    """Acts dealt out to processes, one after the other."""
    return [acts[i::processes] for i in range(processes)]


class Racers:
    """Processes that start what they are given at the same time."""

    def __init__(self) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.ledger.racer"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(PROCESSES)
        ]

    def tell(self, orders: list[Any]) -> list[list[Done]]:
        lines = [msgspec.json.encode(order) + b"\n" for order in orders]
        for process, line in zip(self._processes, lines, strict=True):
            assert process.stdin is not None
            process.stdin.write(line)
            process.stdin.flush()
        answers = []
        for process in self._processes:
            assert process.stdout is not None
            answers.append(msgspec.json.decode(process.stdout.readline()))
        return answers

    def race(self, acts: list[list[Do]]) -> list[list[Done]]:
        """What came of each process's acts."""
        return self.tell([{"do": each} for each in acts])

    def race_all(self, acts: list[Do]) -> list[Done]:
        """What came of acts dealt out to all the processes, in their order."""
        done = self.race(shared_out(acts))
        return [done[i % PROCESSES][i // PROCESSES] for i in range(len(acts))]

    def opened(self, url: str, clock: StandingClock) -> Self:
        self.tell([{"open": url, "now": clock.now.isoformat()}] * PROCESSES)
        return self

    def close(self) -> None:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture(scope="module")
def processes() -> Iterator[Racers]:
    racers = Racers()
    yield racers
    racers.close()


@pytest.fixture
def racers(processes: Racers, database: str, clock: StandingClock) -> Iterator[Racers]:
    """Processes with the test's database open."""
    yield processes.opened(database, clock)
    processes.tell([{"close": True}] * PROCESSES)


def counted(done: list[Done]) -> Counter[str]:
    return Counter("accepted" if "answer" in each else each.get("refused") or each["error"] for each in done)


def post(market: Marketplace, count: int) -> list[str]:
    """Jobs at two connects each."""
    client = market.create_client()
    return [market.post_job(client.id, title="A logo", type="fixed", budget=30_000).id for _ in range(count)]


def open_accounts(market: Marketplace, count: int) -> list[str]:
    """Accounts with 60 connects each."""
    return [market.open_account(kind="individual", plan="basic").id for _ in range(count)]


def differences(market: Marketplace) -> list[str]:
    """What the audit finds, and what is still to come back."""
    audit = market.audit()
    found = [str(each) for each in audit.differences]
    return [*found, f"{audit.pending} still pending"] if audit.pending else found


def available(market: Marketplace, account_id: str) -> int:
    return market.balance(account_id).available


def test_sixty_connects_pay_for_thirty_proposals_however_many_processes_send_them(
    market: Marketplace, racers: Racers
) -> None:
    jobs, [ana] = post(market, 100), open_accounts(market, 1)
    done = racers.race_all([act("submit", job, ana) for job in jobs])
    assert counted(done) == {"accepted": 30, "insufficient_connects": 70}
    assert all(each["figures"]["available"] < 2 for each in done if "refused" in each)
    assert sorted(each["answer"]["balance_after"] for each in done if "answer" in each) == list(range(0, 60, 2))
    assert available(market, ana) == 0
    assert differences(market) == []


def test_sixty_connects_pay_for_thirty_proposals_however_many_threads_send_them(market: Marketplace) -> None:
    jobs, [ana] = post(market, 100), open_accounts(market, 1)
    with ThreadPoolExecutor(50) as threads:
        done = list(threads.map(lambda job: market.submit(job, ana), jobs))
    refused = [each for each in done if isinstance(each, Refused)]
    assert len(refused) == 70
    assert {each.code for each in refused} == {Refusal.INSUFFICIENT_CONNECTS}
    assert available(market, ana) == 0
    assert differences(market) == []


def test_of_many_proposals_at_once_for_one_job_by_one_account_one_is_accepted(
    market: Marketplace, racers: Racers
) -> None:
    [job], [ana] = post(market, 1), open_accounts(market, 1)
    assert counted(racers.race_all([act("submit", job, ana)] * 40)) == {"accepted": 1, "already_proposed": 39}
    assert available(market, ana) == 58
    assert differences(market) == []


def test_a_proposal_withdrawn_and_sent_again_by_many_at_once_is_paid_once_each_time(
    market: Marketplace, racers: Racers
) -> None:
    [job], [ana] = post(market, 1), open_accounts(market, 1)
    first = market.submit(job, ana)
    done = racers.race_all([act("withdraw", first.id) if i % 2 else act("submit", job, ana) for i in range(40)])
    taken_back, sent = counted(done[1::2]), counted(done[::2])
    assert taken_back == {"accepted": 1, "proposal_not_live": 19}
    assert sent["accepted"] + sent["already_proposed"] == 20
    assert sent["accepted"] <= 1
    assert available(market, ana) == 58 - 2 * sent["accepted"]
    assert differences(market) == []


ROUNDS = 12


def test_a_closing_returns_whatever_was_accepted_before_it_once_and_nothing_is_accepted_after(
    market: Marketplace, racers: Racers
) -> None:
    chance = random.Random(1)
    accounts = open_accounts(market, 60)
    for job in post(market, ROUNDS):
        acts = [act("submit", job, account) for account in accounts]
        # Four processes close it, each somewhere among its submissions.
        chance.shuffle(acts)
        dealt = shared_out(acts)
        for each in dealt:
            each.insert(chance.randrange(len(each) + 1), act("close_job", job, "cancelled"))
        done = list(itertools.chain.from_iterable(racers.race(dealt)))
        closed = [each for each in done if "returned" in each.get("answer", {})]
        sent = [each for each in done if each not in closed]
        outcomes = counted(sent)
        assert len(closed) == PROCESSES
        assert set(outcomes) <= {"accepted", "job_not_open"}
        assert not [each for each in closed if each["answer"]["returned"]["pending"]]
        # All four answer the whole of it, as nothing that was accepted can come later than a closing that is done.
        assert {each["answer"]["returned"]["proposals"] for each in closed} == {outcomes["accepted"]}
        assert {available(market, account) for account in accounts} == {60}
        assert differences(market) == []
        assert market.submit(job, accounts[0]).code is Refusal.JOB_NOT_OPEN


class HeldWrite:
    """A proposal, or what else is new, that has been decided and is not written before it may be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type[Row] = ProposalRow) -> None:
        self.decided, self.may_go_on, self.at_the_fence = asyncio.Event(), asyncio.Event(), asyncio.Event()
        write, fence = PostgreSQLSession.write, PostgreSQLStore.fence

        async def write_when_told(session: PostgreSQLSession, changes: Changes) -> None:
            if kind in changes.new:
                self.decided.set()
                await self.may_go_on.wait()
            await write(session, changes)

        async def seen_fence(store: PostgreSQLStore, patience_seconds: float) -> bool:
            self.at_the_fence.set()
            return await fence(store, patience_seconds)

        monkeypatch.setattr(PostgreSQLSession, "write", write_when_told)
        monkeypatch.setattr(PostgreSQLStore, "fence", seen_fence)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Also where the test fails, so that its marketplaces can close.
        self.may_go_on.set()


async def propose_to_a_job(market: AsyncMarketplace, held: HeldWrite) -> tuple[str, str, asyncio.Task[Any]]:
    """A job, an account, and its proposal, which has seen the job open and is held before it is written."""
    client = await market.create_client()
    job = await market.post_job(client.id, title="A logo", type="fixed", budget=30_000)
    ana = await market.open_account(kind="individual", plan="basic")
    sending = asyncio.create_task(market.submit(job.id, ana.id))
    await held.decided.wait()
    return job.id, ana.id, sending


def test_a_closing_waits_at_the_fence_for_a_proposal_that_had_seen_the_job_open(
    new_postgresql: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def race() -> None:
        held = HeldWrite(monkeypatch)
        url = new_postgresql()
        async with (
            await AsyncMarketplace.open(url, clock=clock) as one,
            await AsyncMarketplace.open(url, clock=clock) as other,
            held,
        ):
            job, ana, sending = await propose_to_a_job(one, held)
            held.at_the_fence.clear()
            closing_job = asyncio.create_task(other.close_job(job, "cancelled"))
            await held.at_the_fence.wait()
            held.may_go_on.set()
            sent, closed = await sending, await closing_job
            assert (sent.status, sent.balance_after) == ("live", 58)
            assert closed.returned == Returned(1, 2, pending=False)
            assert (await one.balance(ana)).available == 60

    asyncio.run(race())


def test_without_the_fence_that_proposal_would_be_left_behind(
    new_postgresql: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgresql()

    async def race() -> None:
        held = HeldWrite(monkeypatch)

        async def no_fence(store: PostgreSQLStore, patience_seconds: float) -> bool:
            return True

        monkeypatch.setattr(PostgreSQLStore, "fence", no_fence)
        async with (
            await AsyncMarketplace.open(url, clock=clock) as one,
            await AsyncMarketplace.open(url, clock=clock) as other,
            held,
        ):
            job, ana, sending = await propose_to_a_job(one, held)
            closed = await other.close_job(job, "cancelled")
            held.may_go_on.set()
            await sending
            assert closed.returned == Returned(0, 0, pending=False)
            assert (await one.balance(ana)).available == 58

    asyncio.run(race())
    with Marketplace.open(url, clock=clock) as market:
        [left_behind] = differences(market)
        assert "closed without a hire" in left_behind


def test_a_closing_that_is_stuck_at_the_fence_is_pending_and_gone_on_with_later(
    new_postgresql: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = closing.FENCE_SECONDS
    monkeypatch.setattr(closing, "FENCE_SECONDS", 0.02)

    async def race() -> None:
        held = HeldWrite(monkeypatch)
        url = new_postgresql()
        async with (
            await AsyncMarketplace.open(url, clock=clock) as one,
            await AsyncMarketplace.open(url, clock=clock) as other,
            held,
        ):
            job, ana, sending = await propose_to_a_job(one, held)
            assert (await other.close_job(job, "cancelled")).returned == Returned(0, 0, pending=True)
            clock.move(minutes=1)
            assert (await other.keep_up()).returns_finished == 0
            held.may_go_on.set()
            await sending
            # The fence waits for whatever writes on the server, also for other tests.
            monkeypatch.setattr(closing, "FENCE_SECONDS", patience)
            assert (await other.keep_up()).returns_finished == 1
            assert (await other.close_job(job, "cancelled")).returned == Returned(1, 2, pending=False)
            assert (await one.balance(ana)).available == 60

    asyncio.run(race())


def test_the_fence_waits_also_for_the_write_that_began_last(new_postgresql: Callable[[], str]) -> None:
    """Of all that has ended by then, nothing began after it."""

    async def wait() -> None:
        store = await PostgreSQLStore(new_postgresql()).open()
        session = await store.session()
        await session.read(Needs())
        assert not await store.fence(0.02)
        await session.give_up()
        # It waits for whatever writes on the server, also for other tests.
        assert await store.fence(closing.FENCE_SECONDS)
        await session.close()
        await store.close()

    asyncio.run(wait())


def test_a_closing_returns_a_proposal_that_began_while_the_job_was_being_closed(
    new_postgresql: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def race() -> None:
        closed = HeldWrite(monkeypatch, TaskRow)
        sent = HeldWrite(monkeypatch)
        url = new_postgresql()
        async with (
            await AsyncMarketplace.open(url, clock=clock) as one,
            await AsyncMarketplace.open(url, clock=clock) as other,
            closed,
            sent,
        ):
            client = await one.create_client()
            job = await one.post_job(client.id, title="A logo", type="fixed", budget=30_000)
            ana = await one.open_account(kind="individual", plan="basic")
            closing_job = asyncio.create_task(other.close_job(job.id, "cancelled"))
            await closed.decided.wait()
            sending = asyncio.create_task(one.submit(job.id, ana.id))
            await sent.decided.wait()
            sent.at_the_fence.clear()
            closed.may_go_on.set()
            await sent.at_the_fence.wait()
            # Long enough for a fence that doesn't hold.
            await asyncio.wait({closing_job}, timeout=0.2)
            sent.may_go_on.set()
            assert (await sending).status == "live"
            assert (await closing_job).returned == Returned(1, 2, pending=False)
            assert (await one.balance(ana.id)).available == 60

    asyncio.run(race())


def test_a_closing_kept_after_its_program_was_killed_is_gone_on_with_by_whoever_had_opened_by_then(
    new_postgresql: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def race() -> None:
        held = HeldWrite(monkeypatch, TaskRow)
        url = new_postgresql()
        async with await AsyncMarketplace.open(url, clock=clock) as one, held:
            client = await one.create_client()
            job = await one.post_job(client.id, title="A logo", type="fixed", budget=30_000)
            ana = await one.open_account(kind="individual", plan="basic")
            await one.submit(job.id, ana.id)
            # All that a program does about a closing before it is killed.
            last = asyncio.create_task(one.ledger.do(closing.CloseJob(job.id.removeprefix("job_"), "cancelled")))
            await held.decided.wait()
            async with await AsyncMarketplace.open(url, clock=clock) as other:
                finishing = other.ledger._under_way["returns left unfinished"]
                # Long enough to look too early.
                await asyncio.wait({finishing}, timeout=0.2)
                held.may_go_on.set()
                await last
                await finishing
                closed = await other.close_job(job.id, "cancelled", wait_seconds=0)
                assert closed.returned == Returned(1, 2, pending=False)

    asyncio.run(race())


def test_two_who_return_the_same_at_once_are_both_done_only_when_all_is_returned(
    market: Marketplace, racers: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More accounts than one sweep reads at once.
    accounts = open_accounts(market, closing.ACCOUNTS_AT_ONCE + 40)
    [job] = post(market, 1)
    sent = market.submit_batch([NewProposal(job, account) for account in accounts])
    assert not [each for each in sent if isinstance(each, Refused)]
    done = racers.race([[act("close_job", job, "cancelled")] for _ in range(PROCESSES)])
    returned = [each["answer"]["returned"] for [each] in done]
    assert returned == [{"proposals": len(accounts), "connects": 2 * len(accounts), "pending": False}] * PROCESSES
    assert differences(market) == []


def test_either_the_hire_wins_and_nothing_is_returned_or_the_closing_and_everything_is(
    market: Marketplace, racers: Racers
) -> None:
    chance = random.Random(2)
    accounts, late = open_accounts(market, 8), open_accounts(market, 8)
    held = dict.fromkeys([*accounts, *late], 60)
    for job in post(market, ROUNDS):
        acts = [act("hire", market.submit(job, account).id) for account in accounts]
        acts += [act("close_job", job, "filled") for _ in accounts]
        acts += [act("submit", job, account) for account in late]
        chance.shuffle(acts)
        outcomes = list(zip(acts, racers.race_all(acts), strict=True))
        closed = [each["answer"] for (name, *_), each in outcomes if name == "close_job"]
        hires = counted([each for (name, *_), each in outcomes if name == "hire"])
        sent = [arguments[1] for (name, arguments, _), each in outcomes if name == "submit" and "answer" in each]
        assert set(hires) <= {"accepted", "job_not_open"}
        assert {each["job"]["hires"] for each in closed} == {hires["accepted"]}
        back = 0 if hires["accepted"] else len(accounts) + len(sent)
        assert {each["returned"]["proposals"] for each in closed} == {back}
        if not back:
            held |= {account: held[account] - 2 for account in (*accounts, *sent)}
        assert {account: available(market, account) for account in held} == held
        assert differences(market) == []


def test_one_key_on_many_connections_is_one_proposal_and_one_answer(market: Marketplace, racers: Racers) -> None:
    [job], [ana] = post(market, 1), open_accounts(market, 1)
    done = racers.race_all([act("submit", job, ana, cover_letter="Hello", key=("k", "till"))] * 40)
    assert counted(done) == {"accepted": 40}
    assert Counter(each["replayed"] for each in done) == {False: 1, True: 39}
    assert len({msgspec.json.encode(each["answer"]) for each in done}) == 1
    assert available(market, ana) == 58
    assert differences(market) == []


@pytest.mark.parametrize("what", ["open_account", "create_client", "post_job"])
def test_one_key_makes_one_thing_also_where_there_is_no_account_yet(
    market: Marketplace, racers: Racers, what: str
) -> None:
    client = market.create_client().id
    make = {
        "open_account": act("open_account", kind="individual", plan="basic", name="Ana", key=("k", "till")),
        "create_client": act("create_client", name="Dan", key=("k", "till")),
        "post_job": act("post_job", client, title="A logo", type="hourly", key=("k", "till")),
    }[what]
    done = racers.race_all([make] * 40)
    assert counted(done) == {"accepted": 40}
    assert Counter(each["replayed"] for each in done) == {False: 1, True: 39}
    assert len({each["answer"]["id"] for each in done}) == 1
    # Whoever else uses the key makes another.
    again = racers.race_all([(make[0], make[1], make[2] | {"key": ("k", "shop")})])
    assert again[0]["answer"]["id"] != done[0]["answer"]["id"]
    assert differences(market) == []


def test_one_key_with_two_requests_is_done_as_the_first_and_refused_for_the_other(
    market: Marketplace, racers: Racers
) -> None:
    jobs, [ana] = post(market, 2), open_accounts(market, 1)
    done = racers.race_all([act("submit", jobs[i // PROCESSES % 2], ana, key=("k", "till")) for i in range(40)])
    assert counted(done) == {"accepted": 20, "key_reused": 20}
    assert len({each["answer"]["id"] for each in done if "answer" in each}) == 1
    assert available(market, ana) == 58
    assert differences(market) == []


def test_a_key_belongs_to_who_calls_and_to_the_account(market: Marketplace, racers: Racers) -> None:
    ana, ben = open_accounts(market, 2)
    acts = [
        act("grant", account, 5, reason="welcome", key=("k", caller))
        for account in (ana, ben)
        for caller in ("till", "shop")
        for _ in range(10)
    ]
    done = racers.race_all(acts)
    assert counted(done) == {"accepted": 40}
    assert Counter(each["replayed"] for each in done) == {False: 4, True: 36}
    assert (available(market, ana), available(market, ben)) == (70, 70)
    assert differences(market) == []


@pytest.mark.parametrize("what", ["open_account", "create_client", "post_job"])
def test_an_external_id_is_given_once(market: Marketplace, racers: Racers, what: str) -> None:
    client = market.create_client().id
    make = {
        "open_account": act("open_account", kind="individual", plan="basic", external_id="one"),
        "create_client": act("create_client", external_id="one"),
        "post_job": act("post_job", client, title="A logo", type="hourly", external_id="one"),
    }[what]
    done = racers.race_all([make] * 40)
    assert counted(done) == {"accepted": 1, "external_id_taken": 39}
    assert {each["figures"]["external_id"] for each in done if "refused" in each} == {"one"}
    assert differences(market) == []


def test_fifty_confirmations_of_a_purchase_bring_its_connects_once(market: Marketplace, racers: Racers) -> None:
    ana = market.open_account(kind="individual", plan="plus").id
    purchase = market.buy(ana, 10).id
    done = racers.race_all([act("confirm_purchase", purchase)] * 50)
    assert counted(done) == {"accepted": 50}
    assert {each["answer"]["status"] for each in done} == {"confirmed"}
    assert available(market, ana) == 80
    assert len(market.entries(ana, kind="purchase").items) == 1
    assert differences(market) == []


def test_a_purchase_confirmed_and_reversed_at_once_leaves_nothing_of_it(market: Marketplace, racers: Racers) -> None:
    ana = market.open_account(kind="individual", plan="plus").id
    for i in range(ROUNDS):
        purchase = market.buy(ana, 10).id
        acts = [act(name, purchase) for name in ("confirm_purchase", "reverse_purchase") for _ in range(8)]
        random.Random(i).shuffle(acts)
        done = racers.race_all(acts)
        assert counted(done) == {"accepted": 16}
        # Reversed before it was paid it is cancelled, and a payment that comes later brings nothing.
        seen = {each["answer"]["status"] for each in done}
        assert seen in ({"cancelled"}, {"confirmed", "reversed"}, {"reversed"})
        moved = [each.connects for each in market.entries(ana, limit=500).items if each.purchase_id == purchase]
        assert moved == ([] if seen == {"cancelled"} else [10, -10])
        held = market.balance(ana)
        assert (held.available, held.debt) == (70, 0)
    assert differences(market) == []


def test_many_accounts_in_opposite_orders_with_jobs_edited_hired_from_and_closed_between_them_all_get_done(
    market: Marketplace, racers: Racers
) -> None:
    accounts, jobs = open_accounts(market, 40), post(market, 8)
    asked = [act("submit", job, account) for job in jobs for account in accounts]
    edits = [act("edit_job", job, title=f"A logo {i}") for i in range(4) for job in jobs]
    rounds = [
        [*asked[:160], *edits],
        [*reversed(asked[:160]), *reversed(edits)],
        [*edits, *asked[160:]],
        [*reversed(edits), *reversed(asked[160:])],
    ]
    done = list(itertools.chain.from_iterable(racers.race(rounds)))
    outcomes = counted(done)
    # An edit is never in the way of a proposal to the job, and each pair of an account and a job was asked for twice.
    assert outcomes == {"accepted": 320 + 4 * len(edits), "already_proposed": 320}
    assert {available(market, account) for account in accounts} == {60 - 16}
    hires = [act("hire", each.id) for job in jobs[:4] for each in market.proposals_for(job).items]
    closings = [act("close_job", job, "filled") for job in jobs[4:]]
    done = list(
        itertools.chain.from_iterable(
            racers.race(
                [[*hires[:80], *closings], [*reversed(hires[:80]), *reversed(closings)], hires[80:], hires[:79:-1]]
            )
        )
    )
    assert counted(done) == {"accepted": 160 + 2 * len(closings), "proposal_not_live": 160}
    assert {available(market, account) for account in accounts} == {60 - 8}
    assert differences(market) == []


def test_many_external_ids_given_in_opposite_orders_are_given_once_each(market: Marketplace, racers: Racers) -> None:
    names = [f"u-{i}" for i in range(60)]
    acts = [act("create_client", external_id=name) for name in names]
    done = racers.race([acts, acts[::-1], acts, acts[::-1]])
    assert counted(list(itertools.chain.from_iterable(done))) == {"accepted": 60, "external_id_taken": 180}
    assert differences(market) == []
