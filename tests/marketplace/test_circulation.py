"""What circulated, against a plain walk over every journal, on both stores."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger import flows
from earnest.marketplace.circulation import Circulated, CirculatedOnPlan, CirculationShown
from earnest.marketplace.shown import AccountShown, EntryShown
from earnest.rules.outcome import Refused
from earnest.rules.pack import Pack, convert_pack
from tests.packs import raw_with
from tests.stores import StandingClock

FIGURE = {
    "allot": "granted",
    "bonus": "granted",
    "purchase": "bought",
    "return": "returned",
    "spend": "spent",
    "expire": "expired",
    "forfeit": "forfeited",
    "revoke": "taken_back",
}
CAME, WENT = ("granted", "bought", "returned"), ("spent", "expired", "forfeited", "taken_back")
MONTHS = [datetime(2024 + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(60)]


def pack() -> Pack:
    """The article's plans, one without connects below them, and one above that brings no more than plus does.

    Proposals are dear and nobody is suspended, so that much is spent and comes back.
    """
    raw = raw_with(
        {"burn_first": "paid", "price_card.most": 40, "price_card.fixed_above": 40},
        {datetime(2024, 6, 1, tzinfo=UTC).date(): {"plans.basic.connects": 55}},
    )
    for revision in raw["revisions"]:
        basic, plus, agency = revision["plans"]
        revision["plans"] = [
            {**basic, "code": "idle", "connects": 0},
            basic,
            plus,
            {**plus, "code": "pro", "fee": 3000, "carry_limit": 300},
            agency,
            {**agency, "code": "house", "connects": 90},
        ]
        for name in ("individual", "agency"):
            revision["conduct"].pop(name, None)
    return convert_pack(raw)


class Change(NamedTuple):
    """An account's change of plan: when, to which, and before which line (None: a fall at a boundary)."""

    at: datetime
    plan: str
    before_line: int | None


def journal(market: Marketplace, account_id: str) -> list[EntryShown]:
    """Every line of a journal, page by page."""
    lines: list[EntryShown] = []
    cursor = None
    while True:
        page = market.entries(account_id, limit=37, cursor=cursor)
        assert not isinstance(page, Refused)
        lines += page.items
        cursor = page.next_cursor
        if cursor is None:
            return lines


class Town:
    """A few accounts that live for months, and a diary of their changes of plan."""

    def __init__(self, market: Marketplace, clock: StandingClock, seed: int) -> None:
        self.market, self.clock, self.random = market, clock, Random(seed)
        client = market.create_client(name="Dan")
        assert not isinstance(client, Refused)
        self.client = client.id
        self.accounts: list[str] = []
        self.first_plan: dict[str, str] = {}
        self.workers: dict[str, str] = {}
        self.changes: dict[str, list[Change]] = {}
        self.coming: dict[str, tuple[datetime, str] | None] = {}
        self.jobs: list[str] = []
        self.proposals: list[str] = []
        self.purchases: list[str] = []
        self.seen: list[tuple[datetime, dict[str, int]]] = []
        self.accepted: set[str] = set()
        for kind, plan in (("individual", "idle"), *(("individual", p) for p in ("basic", "plus", "pro"))):
            self.open(kind, plan)
        self.open("agency", "agency")
        self.open("agency", "house")

    def open(self, kind: Any, plan: str, opened_at: datetime | None = None) -> None:
        shown = self.market.open_account(kind=kind, plan=plan, opened_at=opened_at)
        assert not isinstance(shown, Refused)
        self.accounts.append(shown.id)
        self.first_plan[shown.id], self.changes[shown.id], self.coming[shown.id] = plan, [], None
        if kind == "agency":
            owner = self.market.add_member(shown.id, role="owner")
            assert not isinstance(owner, Refused)
            self.workers[shown.id] = owner.id

    def live(self, acts: int) -> None:
        for _ in range(acts):
            self.pass_time()
            self.note_falls()
            verb = self.random.choice(VERBS)
            if getattr(self, verb)(self.random.choice(self.accounts)) is not None:
                self.accepted.add(verb)

    def pass_time(self) -> None:
        chance = self.random.random()
        if chance < 0.4:
            return
        if chance < 0.92:
            self.clock.move(minutes=self.random.randrange(1, 60 * 20))
        elif chance < 0.93:
            self.clock.now = next(end for end in MONTHS if end > self.clock.now)
        elif chance < 0.95:
            self.clock.move(days=self.random.randrange(30), microseconds=self.random.randrange(1, 10**6))
            self.look_around()

    def look_around(self) -> None:
        """Note what is held on each plan, by what every account shows, at a time at which nothing happens."""
        self.clock.move(microseconds=1)
        held: dict[str, int] = {}
        for account_id in self.accounts:
            account, balance = self.market.account(account_id), self.market.balance(account_id)
            assert not isinstance(account, Refused)
            assert not isinstance(balance, Refused)
            held[account.plan] = held.get(account.plan, 0) + balance.available
        self.seen.append((self.clock.now, held))
        self.clock.move(microseconds=1)

    def note_falls(self) -> None:
        """Note who has fallen to another plan by now."""
        for account_id, coming in self.coming.items():
            if coming is not None and coming[0] <= self.clock.now:
                self.changes[account_id].append(Change(*coming, None))
                self.coming[account_id] = None

    def note(self, shown: AccountShown | Refused) -> AccountShown | None:
        if isinstance(shown, Refused):
            return None
        self.coming[shown.id] = None if shown.pending_plan is None else (shown.cycle.end, shown.pending_plan)
        return shown

    def propose(self, account_id: str) -> object:
        if self.jobs and self.random.random() < 0.5:
            job_id = self.random.choice(self.jobs)
        else:
            budget = self.random.choice((1_000, 300_000, 900_000))
            job = self.market.post_job(self.client, title="A job", type="fixed", budget=budget)
            assert not isinstance(job, Refused)
            job_id = job.id
            self.jobs.append(job_id)
        sent = self.market.submit(job_id, account_id, worker_id=self.workers.get(account_id))
        if isinstance(sent, Refused):
            return None
        self.proposals.append(sent.id)
        return sent

    def withdraw(self, _: str) -> object:
        return self._accepted(self.market.withdraw(self.random.choice(self.proposals))) if self.proposals else None

    def hire(self, _: str) -> object:
        return self._accepted(self.market.hire(self.random.choice(self.proposals))) if self.proposals else None

    def close(self, _: str) -> object:
        if not self.jobs:
            return None
        job_id = self.jobs.pop(self.random.randrange(len(self.jobs)))
        return self._accepted(self.market.close_job(job_id, "cancelled"))

    def _accepted(self, answer: Any) -> object:
        return None if isinstance(answer, Refused) else answer

    def grant(self, account_id: str) -> object:
        expires_at = (
            self.clock.now + timedelta(days=self.random.randrange(1, 90)) if self.random.random() < 0.6 else None
        )
        return self.note(
            self.market.grant(account_id, self.random.randrange(1, 60), reason="thanks", expires_at=expires_at)
        )

    def revoke(self, account_id: str) -> object:
        return self.note(self.market.revoke(account_id, self.random.randrange(1, 60), reason="a mistake"))

    def buy(self, account_id: str) -> object:
        asked = self.market.buy(account_id, self.random.randrange(1, 80))
        if isinstance(asked, Refused):
            return None
        self.purchases.append(asked.id)
        return self.market.confirm_purchase(asked.id)

    def reverse(self, _: str) -> object:
        return self.market.reverse_purchase(self.random.choice(self.purchases)) if self.purchases else None

    def move(self, account_id: str) -> object:
        before = self.market.account(account_id)
        assert not isinstance(before, Refused)
        plans = ("agency", "house") if before.kind == "agency" else ("idle", "basic", "plus", "pro")
        lines = len(journal(self.market, account_id))
        after = self.note(self.market.change_plan(account_id, self.random.choice(plans)))
        if after is not None and after.plan != before.plan:
            self.changes[account_id].append(Change(self.clock.now, after.plan, lines))
        return after

    def keep(self, account_id: str) -> object:
        return self.note(self.market.keep_plan(account_id))

    def fee(self, account_id: str) -> object:
        report = self.random.choice((self.market.report_fee_unpaid, self.market.report_fee_paid))
        return self.note(report(account_id))

    def newcomer(self, _: str) -> object:
        if len(self.accounts) >= 12:
            return None
        # Not before what was last looked at: an opening in the past changes the past.
        earliest = self.seen[-1][0] if self.seen else self.clock.now
        opened_at = max(earliest, self.clock.now - timedelta(days=self.random.randrange(50)))
        return self.open("individual", self.random.choice(("idle", "basic", "plus")), opened_at) or self.accounts[-1]

    def keep_up(self, _: str) -> object:
        return self.market.keep_up() if self.random.random() < 0.3 else None

    def journals(self) -> dict[str, list[EntryShown]]:
        """Every line of every account."""
        self.note_falls()
        return {account_id: journal(self.market, account_id) for account_id in self.accounts}

    def plain(self, journals: dict[str, list[EntryShown]], since: datetime | None, until: datetime | None) -> "Plain":
        """Walk every journal, line by line."""
        plain = Plain(since, until)
        for account_id, lines in journals.items():
            changes = list(self.changes[account_id])
            plan, held = self.first_plan[account_id], 0
            origins = origins_of(lines)
            for number, line in enumerate([*lines, None]):
                while changes and (line is None or is_before(changes[0], number, line)):
                    change = changes.pop(0)
                    plain.move(change.at, plan, change.plan, held)
                    plan = change.plan
                if line is not None:
                    assert line.plan == plan
                    held = line.balance_after
                    plain.add(line, origins[number])
        return plain


VERBS = (
    *(Town.propose,) * 14,
    *(Town.move, Town.grant, Town.buy) * 3,
    *(Town.close, Town.reverse, Town.withdraw, Town.keep, Town.fee) * 2,
    *(Town.hire, Town.revoke, Town.newcomer, Town.keep_up),
)
VERBS = tuple(verb.__name__ for verb in VERBS)  # type: ignore[assignment]


def is_before(change: Change, number: int, line: EntryShown) -> bool:
    """Say whether a change of plan came before a line."""
    if change.before_line is not None:
        return number >= change.before_line
    if line.effective_at == change.at:
        return line.kind not in ("expire", "carry")
    return line.effective_at > change.at


def origins_of(lines: list[EntryShown]) -> list[str]:
    """What each line's connects first came from, followed from lot to lot and from spending to return."""
    origin: dict[str | None, str] = {}
    spent: dict[str | None, list[str]] = {}
    found = []
    for number, line in enumerate(lines):
        if line.lot_id is None:
            assert line.connects == 0
            found.append("allotment")
            continue
        if line.kind in ("allot", "purchase", "bonus"):
            origin[line.lot_id] = "allotment" if line.kind == "allot" else line.kind
        elif line.kind == "carry" and line.connects > 0:
            origin[line.lot_id] = origin[lines[number - 1].lot_id]
        elif line.kind == "return":
            origin[line.lot_id] = spent[line.proposal_id].pop(0)
        elif line.kind == "spend":
            spent.setdefault(line.proposal_id, []).append(origin[line.lot_id])
        found.append(origin[line.lot_id])
    return found


class Plain:
    """The report, added up one line at a time."""

    def __init__(self, since: datetime | None, until: datetime | None) -> None:
        self.since, self.until = since, until
        self.total: dict[str, int] = {}
        self.by_source: dict[str, dict[str, int]] = {}
        self.by_plan: dict[str, dict[str, int]] = {}

    def _count(self, row: dict[str, int], at: datetime, figure: str, connects: int) -> None:
        if self.until is not None and at >= self.until:
            return
        row["held"] = row.get("held", 0) + connects
        if self.since is not None and at < self.since:
            row["held_before"] = row.get("held_before", 0) + connects
        else:
            row[figure] = row.get(figure, 0) + abs(connects)

    def add(self, line: EntryShown, origin: str) -> None:
        if line.kind == "carry":
            return
        for row in (self.total, self.by_source.setdefault(origin, {}), self.by_plan.setdefault(line.plan, {})):
            self._count(row, line.effective_at, FIGURE[line.kind], line.connects)

    def move(self, at: datetime, old: str, new: str, connects: int) -> None:
        self._count(self.by_plan.setdefault(old, {}), at, "moved_out", -connects)
        self._count(self.by_plan.setdefault(new, {}), at, "moved_in", connects)


def figures(row: Circulated) -> dict[str, int]:
    """A row's figures that aren't 0."""
    names = [
        *CAME,
        *WENT,
        "held_before",
        "held",
        *(("moved_in", "moved_out") if isinstance(row, CirculatedOnPlan) else ()),
    ]
    return {name: getattr(row, name) for name in names if getattr(row, name)}


def without_zeros(row: dict[str, int]) -> dict[str, int]:
    return {name: connects for name, connects in row.items() if connects}


def rows(shown: CirculationShown) -> Iterator[Circulated]:
    yield shown
    yield from shown.by_source.values()
    yield from shown.by_plan.values()


def assert_it_adds_up(shown: CirculationShown) -> None:
    for row in rows(shown):
        came, went = sum(getattr(row, name) for name in CAME), sum(getattr(row, name) for name in WENT)
        if isinstance(row, CirculatedOnPlan):
            came, went = came + row.moved_in, went + row.moved_out
        assert row.held_before + came == went + row.held
        assert min(getattr(row, name) for name in (*CAME, *WENT, "held_before", "held")) >= 0
    for parts in (shown.by_source.values(), shown.by_plan.values()):
        for name in (*CAME, *WENT, "held_before", "held"):
            assert sum(getattr(part, name) for part in parts) == getattr(shown, name)
    assert sum(part.moved_in for part in shown.by_plan.values()) == sum(
        part.moved_out for part in shown.by_plan.values()
    )


def spans(town: Town, journals: dict[str, list[EntryShown]]) -> Iterator[tuple[datetime | None, datetime | None]]:
    """Spans whose ends are nowhere, anywhere, exactly at a line, and at a boundary."""
    moments = [line.effective_at for lines in journals.values() for line in lines]
    moments += [end for end in MONTHS if town.seen[0][0] < end < town.clock.now]
    first = min(moments)
    for _ in range(30):
        ends: list[datetime | None] = []
        for _ in range(2):
            anywhere = first + (town.clock.now - first) * town.random.random()
            ends.append(town.random.choice((anywhere, None, *town.random.choices(moments, k=4))))
        since, until = ends
        if since is None or until is None or since <= until:
            yield since, until


@pytest.mark.parametrize("seed", [7, 12])
def test_the_report_is_the_sum_of_all_lines(
    database: str, clock: StandingClock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "ACCOUNTS_AT_ONCE", 4)
    with Marketplace.open(database, pack=pack(), clock=clock) as market:
        town = Town(market, clock, seed)
        town.live(600)
        town.look_around()
        clock.move(days=50)
        shown, journals = {}, town.journals()
        for since, until in spans(town, journals):
            shown[since, until] = report = market.circulation(since=since, until=until)
            assert_it_adds_up(report)
            plain = town.plain(journals, since, until)
            assert figures(report) == without_zeros(plain.total)
            for source, row in report.by_source.items():
                assert figures(row) == without_zeros(plain.by_source.get(source, {})), source
            for plan, on_plan in report.by_plan.items():
                assert figures(on_plan) == without_zeros(plain.by_plan.get(plan, {})), (plan, since, until)
        for at, held in town.seen:
            report = market.circulation(until=at)
            assert {plan: row.held for plan, row in report.by_plan.items() if row.held} == without_zeros(held)
            assert market.circulation(since=at).held_before == report.held
        # Enough happened, and settling it changes nothing.
        whole = market.circulation()
        assert set(VERBS) <= town.accepted
        assert all(getattr(whole, name) for name in (*CAME, *WENT, "held"))
        assert all(row.spent and row.returned and row.taken_back for row in whole.by_source.values())
        assert {plan for plan, row in whole.by_plan.items() if row.moved_in and row.moved_out} >= {
            "idle",
            "basic",
            "plus",
        }
        assert market.keep_up().accounts_settled > flows.ACCOUNTS_AT_ONCE
        assert {span: market.circulation(since=span[0], until=span[1]) for span in shown} == shown


@pytest.fixture
def own_market(database: str, clock: StandingClock) -> Iterator[Marketplace]:
    with Marketplace.open(database, pack=pack(), clock=clock) as opened:
        yield opened


def opened(market: Marketplace, plan: str) -> str:
    shown = market.open_account(kind="individual", plan=plan)
    assert not isinstance(shown, Refused)
    return shown.id


def posted(market: Marketplace) -> str:
    client = market.create_client()
    assert not isinstance(client, Refused)
    job = market.post_job(client.id, title="A logo", type="fixed", budget=300_000)
    assert not isinstance(job, Refused)
    return job.id


def moved(market: Marketplace, **span: datetime) -> dict[str, tuple[int, int]]:
    shown = market.circulation(**span)
    assert_it_adds_up(shown)
    by_plan = shown.by_plan.items()
    return {plan: (row.moved_in, row.moved_out) for plan, row in by_plan if row.moved_in or row.moved_out}


def test_a_change_of_plan_that_wrote_no_line_moves_what_was_held(own_market: Marketplace, clock: StandingClock) -> None:
    ana = opened(own_market, "plus")
    clock.move(days=1)
    own_market.change_plan(ana, "pro")
    changed_at = clock.now
    clock.move(days=1)
    assert len(journal(own_market, ana)) == 1
    assert moved(own_market) == {"plus": (0, 70), "pro": (70, 0)}
    assert own_market.circulation().by_plan["pro"].held == 70
    assert moved(own_market, until=changed_at) == {}
    assert moved(own_market, since=changed_at, until=changed_at + timedelta(microseconds=1)) != {}
    later = own_market.circulation(since=changed_at + timedelta(microseconds=1))
    assert (later.by_plan["pro"].held_before, later.by_plan["pro"].moved_in) == (70, 0)


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(("plan", "allotted"), [("idle", 0), ("basic", 60)])
def test_a_fall_moves_what_stands_outside_of_the_cycle_at_its_boundary(
    own_market: Marketplace, clock: StandingClock, settled: bool, plan: str, allotted: int
) -> None:
    ana = opened(own_market, "plus")
    own_market.grant(ana, 9, reason="thanks", expires_at=MONTHS[2])
    own_market.change_plan(ana, plan)
    clock.now = MONTHS[2] - timedelta(days=1)
    if settled:
        own_market.keep_up()
    # A plan without an allotment comes into force without a line.
    assert [line.plan for line in journal(own_market, ana)][3:] == [plan] * (allotted > 0)
    clock.now = MONTHS[2] + timedelta(days=1)
    if settled:
        own_market.keep_up()
    assert moved(own_market, until=MONTHS[1]) == {}
    assert moved(own_market, since=MONTHS[1], until=MONTHS[2]) == {"plus": (0, 9), plan: (9, 0)}
    assert moved(own_market, since=MONTHS[2]) == {}
    february = own_market.circulation(since=MONTHS[1], until=MONTHS[2])
    assert figures(february.by_plan["plus"]) == {"held_before": 79, "expired": 70, "moved_out": 9}
    fallen_to = {"granted": allotted, "moved_in": 9, "held": 9 + allotted}
    assert figures(february.by_plan[plan]) == without_zeros(fallen_to)


def test_changes_at_one_instant_come_in_their_order(own_market: Marketplace, clock: StandingClock) -> None:
    ana, job = opened(own_market, "plus"), posted(own_market)
    own_market.grant(ana, 9, reason="thanks", expires_at=MONTHS[2])
    own_market.grant(ana, 5, reason="thanks", expires_at=MONTHS[1])
    own_market.change_plan(ana, "idle")
    clock.now = MONTHS[1]
    # It falls, with 9 left. Then it spends 4 of them, moves up and gets 70, spends 4 more, and moves up again.
    own_market.submit(job, ana)
    own_market.change_plan(ana, "plus")
    own_market.submit(posted(own_market), ana)
    own_market.change_plan(ana, "pro")
    assert moved(own_market) == {"plus": (5, 9 + 71), "idle": (9, 5), "pro": (71, 0)}


def test_coming_back_at_the_instant_of_the_fall_leaves_no_trace_but_the_moves(
    own_market: Marketplace, clock: StandingClock
) -> None:
    ana = opened(own_market, "plus")
    own_market.grant(ana, 9, reason="thanks", expires_at=MONTHS[2])
    own_market.change_plan(ana, "idle")
    clock.now = MONTHS[1]
    own_market.change_plan(ana, "plus")
    assert {line.plan for line in journal(own_market, ana)} == {"plus"}
    assert moved(own_market) == {"plus": (9, 9), "idle": (9, 9)}


def test_the_span_holds_its_start_and_not_its_end(market: Marketplace, clock: StandingClock) -> None:
    opened(market, "basic")
    first, end = clock.now, MONTHS[1]
    clock.now = MONTHS[2]
    assert (market.circulation(until=first).held, market.circulation(since=first).granted) == (0, 180)
    assert figures(market.circulation(until=end)) == {"granted": 60, "held": 60}
    just_after = end + timedelta(microseconds=1)
    assert figures(market.circulation(since=end, until=just_after)) == {
        "held_before": 60,
        "granted": 60,
        "expired": 60,
        "held": 60,
    }
    assert figures(market.circulation(since=just_after, until=just_after)) == {"held_before": 60, "held": 60}


def test_the_future_means_now_and_what_happens_now_is_counted(market: Marketplace, clock: StandingClock) -> None:
    ana = opened(market, "basic")
    market.submit(posted(market), ana)
    now = market.circulation()
    assert (now.granted, now.spent, now.held, now.since, now.until) == (60, 4, 56, None, clock.now)
    assert market.circulation(until=clock.now + timedelta(days=400)) == now
    to_come = market.circulation(since=clock.now + timedelta(days=300), until=clock.now + timedelta(days=400))
    assert figures(to_come) == {"held_before": 56, "held": 56}
    assert market.circulation(until=clock.now).held == 0


def test_connects_keep_their_source_through_carries_and_returns(market: Marketplace, clock: StandingClock) -> None:
    ana, job = opened(market, "plus"), posted(market)
    bought = market.buy(ana, 20)
    assert not isinstance(bought, Refused)
    market.confirm_purchase(bought.id)
    market.grant(ana, 10, reason="thanks")
    clock.now = MONTHS[1]
    # 70 of January's allotment, 10 and 20 are carried; 4 of the oldest are spent, come back, and are carried again.
    market.submit(job, ana)
    market.close_job(job, "cancelled")
    clock.now = MONTHS[2]
    for _ in range(2):
        by_source = market.circulation().by_source
        assert figures(by_source["allotment"]) == {
            "granted": 210,
            "spent": 4,
            "returned": 4,
            "expired": 30,
            "held": 180,
        }
        assert figures(by_source["bonus"]) == {"granted": 10, "held": 10}
        assert figures(by_source["purchase"]) == {"bought": 20, "held": 20}
        market.keep_up()


def test_an_empty_marketplace_shows_every_source_and_plan(market: Marketplace) -> None:
    shown = market.circulation()
    assert list(shown.by_source) == ["allotment", "purchase", "bonus"]
    assert list(shown.by_plan) == ["basic", "plus", "agency"]
    assert not any(figures(row) for row in rows(shown))


def test_a_span_that_ends_before_it_begins_is_malformed(market: Marketplace, clock: StandingClock) -> None:
    with pytest.raises(ValueError, match="since: expected a time not after until"):
        market.circulation(since=clock.now, until=clock.now - timedelta(seconds=1))
    with pytest.raises(ValueError, match="until: expected a time with a zone"):
        market.circulation(until=datetime(2024, 1, 1))


def test_a_report_is_of_one_moment_however_much_is_written_meanwhile(database: str) -> None:
    async def spend_and_report() -> list[CirculationShown]:
        async with await AsyncMarketplace.open(database) as market:
            client = await market.create_client()
            assert not isinstance(client, Refused)
            jobs = [await market.post_job(client.id, title="A job", type="hourly") for _ in range(30)]
            accounts = [await market.open_account(kind="individual", plan="basic") for _ in range(5)]
            sent = [asyncio.ensure_future(market.submit(job.id, account.id)) for job in jobs for account in accounts]
            reports = []
            while not all(each.done() for each in sent):
                reports.append(await market.circulation())
            return [*reports, await market.circulation()]

    reports = asyncio.run(spend_and_report())
    for report in reports:
        assert_it_adds_up(report)
        assert (report.granted, report.held) == (300, 300 - report.spent)
    assert reports[-1].spent == 2 * 30 * 5


def test_more_reports_than_can_wait_are_turned_away_and_the_others_are_answered(
    database: str, clock: StandingClock
) -> None:
    async def all_at_once() -> list[object]:
        async with await AsyncMarketplace.open(database, clock=clock) as market:
            return await asyncio.gather(*(market.circulation() for _ in range(70)), return_exceptions=True)

    answers = asyncio.run(all_at_once())
    assert [type(each).__name__ for each in answers] == ["CirculationShown"] * 50 + ["BusyError"] * 20


def test_an_account_s_sums_are_those_of_its_lines_written_or_due(own_market: Marketplace, clock: StandingClock) -> None:
    ana, ben = opened(own_market, "plus"), opened(own_market, "plus")
    own_market.submit(posted(own_market), ben)
    for number in range(3):
        own_market.submit(posted(own_market), ana)
        own_market.grant(ana, 5 + number, reason="so")
        clock.move(days=12)
    own_market.revoke(ana, 2, reason="so")
    # Several months are due, in which all of it is carried or expires.
    clock.move(days=200)
    lines = journal(own_market, ana)
    assert any(line.recorded_at is None for line in lines)
    starts = sorted({line.effective_at for line in lines})
    for since, until in [(None, None), (None, starts[2]), (starts[2], None), (starts[1], starts[-1])]:
        within = [
            line
            for line in lines
            if (not since or line.effective_at >= since) and (not until or line.effective_at < until)
        ]
        shown = own_market.circulated(ana, since=since, until=until)
        assert isinstance(shown, Circulated)
        for figure in (*CAME, *WENT):
            kinds = [kind for kind, name in FIGURE.items() if name == figure]
            assert getattr(shown, figure) == sum(abs(line.connects) for line in within if line.kind in kinds), figure
        before = [line for line in lines if since and line.effective_at < since]
        assert shown.held_before == (before[-1].balance_after if before else 0)
        assert shown.held == within[-1].balance_after
    assert own_market.circulated(ana).held == own_market.balance(ana).available
    written = own_market.circulated(ana)
    own_market.settle_account(ana)
    assert own_market.circulated(ana) == written


def test_an_unknown_account_has_no_sums_and_a_span_runs_forward(own_market: Marketplace, clock: StandingClock) -> None:
    answer = own_market.circulated("acc_" + "0" * 32)
    assert isinstance(answer, Refused)
    assert answer.code == "unknown_account"
    with pytest.raises(ValueError, match="since: expected"):
        own_market.circulated(opened(own_market, "plus"), since=clock.now, until=clock.now - timedelta(1))


def test_months_are_those_of_the_report_and_each_begins_with_what_the_one_before_left(
    database: str, clock: StandingClock
) -> None:
    with Marketplace.open(database, pack=pack(), clock=clock) as market:
        town = Town(market, clock, 3)
        town.live(150)
        clock.move(days=40)
        months = market.circulation_by_month(months=4)
        assert months[-1].start == clock.now.date().replace(day=1)
        assert any(month.spent for month in months)
        for month, after in zip(months, [*months[1:], None], strict=True):
            since = datetime(month.start.year, month.start.month, 1, tzinfo=UTC)
            until = None if after is None else datetime(after.start.year, after.start.month, 1, tzinfo=UTC)
            report = market.circulation(since=since, until=until)
            for figure in ("held_before", *CAME, *WENT, "held"):
                assert getattr(month, figure) == getattr(report, figure), (month.start, figure)
            assert after is None or after.held_before == month.held
        with pytest.raises(ValueError, match="months: expected"):
            market.circulation_by_month(months=25)
