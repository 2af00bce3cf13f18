"""Months of a marketplace through the ledger: the same town as in a simulation, and every deed done twice.

The people of `town.Town` act on a market in memory, which decides by the pure rules. What they do in one instant is
then done again through the use cases on a database, whatever can be at once, and every answer is compared with the
rules'. At the end everything is settled, every balance and lot is compared, what circulated is compared by month and
plan, and the ledger audits itself. Time and ids follow from the arguments, so every database tells the same
(`test_both_stores_and_the_rules_agree`).
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from earnest.lab import simulate
from earnest.lab.circulation import FIGURES, Circulated
from earnest.lab.noted import Close, Deed, Invite, Lapse, NotedMarket, Post, Resize, in_rounds
from earnest.lab.postings import title_of
from earnest.lab.simulate import SimulationResult
from earnest.lab.town import FIRST_MONTH, Town
from earnest.ledger import migrate
from earnest.ledger.ids import Ids
from earnest.ledger.ledger import Ledger, open_store, version_of
from earnest.ledger.rows import TABLES, LaneRow
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.shown import AccountShown, BalanceShown, ClosedShown, JobShown, ProposalShown, PurchaseShown
from earnest.marketplace.shown import Returned as ReturnedShown
from earnest.rules import commands
from earnest.rules.account import Account
from earnest.rules.job import Job
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Refusal, Refused
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize

INSTANTS_A_DAY = 4
"""How many instants the acts of a day share. The fewer they are, the more is done at once."""

AT_ONCE = 1_000
"""Requests in flight."""

READS_AT_ONCE = 50


class NotEmptyError(ValueError):
    """The database has something in it already."""


class DifferenceError(RuntimeError):
    """The ledger and the rules differ; one line of text."""


class Rehearsal(msgspec.Struct, frozen=True):
    """What came of a rehearsal; all of it follows from the arguments, whatever the database.

    `figures` are a simulation's, but with what the ledger refused in `refusals`; `requests` were made of the ledger.
    `fingerprint` is a hash over all accounts in the order of their external ids, with plan, debt and lots.
    """

    figures: SimulationResult
    requests: int
    settled_at_the_end: int
    audited_entries: int
    fingerprint: str


class _Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def rehearse(
    url: str,
    sizes: Iterable[JobSize],
    freelancers: int,
    months: int,
    seed: int,
    pack: Pack,
    tell: Callable[[int, int], None] | None = None,
) -> Rehearsal:
    """Live months of a marketplace on a database, which gets its tables if it has none.

    `tell` is called after each day with the days done and the days in all. Raises ValueError without sizes,
    NotEmptyError for a database with anything in it, DifferenceError where ledger and rules part or the audit finds
    something, ConservationError where the rules themselves don't conserve, and LedgerError.
    """
    sizes = list(sizes)
    if not sizes:
        raise ValueError("postings: expected at least one, got none")
    await _require_empty(url)
    town = Town(sizes, freelancers, months, seed, pack, NotedMarket, INSTANTS_A_DAY)
    clock = _Clock(pack.calendar.day_start(FIRST_MONTH.toordinal()))
    ledger = await Ledger.open(url, pack, clock, Ids(Random(seed)))
    async with AsyncMarketplace(ledger) as market:
        stage = _Stage(market, town)
        await stage.create_clients()
        for now in town.live(tell):
            clock.now = now
            await stage.play(town.market.take())  # type: ignore[attr-defined]
        figures = simulate.result_of(town)
        await stage.compare_circulation(figures.circulation)
        done = await market.keep_up()
        fingerprint = await stage.compare_accounts()
        await stage.compare_circulation(figures.circulation)
        audit = await market.audit()
    if audit.differences:
        found = len(audit.differences) + audit.more
        raise DifferenceError(f"the audit finds {found:,} differences, the first of them: {audit.differences[0]}")
    for figure, total in msgspec.structs.asdict(figures.totals).items():
        _require_equal(f"{figure} by the audit", getattr(audit.totals, figure), total)
    _require_equal("lines of journals", audit.entries, figures.lines)
    _require_equal("returns to come", audit.pending, 0)
    refusals = {code.value: stage.refusals[code] for code in Refusal if stage.refusals[code]}
    return Rehearsal(
        msgspec.structs.replace(figures, refusals=refusals),
        stage.requests,
        done.accounts_settled,
        audit.entries,
        fingerprint,
    )


async def _require_empty(url: str) -> None:
    """Raise NotEmptyError for a database with anything in it. Opening it as a ledger would be touching it already."""
    store = await open_store(url)
    try:
        version = await version_of(store)
        if version is None:
            return
        migrate.check(version)
        for row, table in TABLES.items():
            if row is not LaneRow and await store.fetch(f"select 1 from {table.name} limit 1"):  # noqa: S608
                raise NotEmptyError(f"expected an empty database, got one with something in its table {table.name}")
    finally:
        await store.close()


def _require_equal(what: str, ledger: object, rules: object) -> None:
    if ledger != rules:
        raise DifferenceError(f"{what}: the ledger says {ledger}, the rules {rules}")


class _Stage:
    """Does on the ledger what was done in a town, and compares the answers."""

    def __init__(self, market: AsyncMarketplace, town: Town) -> None:
        self.market = market
        self.town = town
        self.requests = 0
        self.refusals: Counter[Refusal] = Counter()
        # What the town calls something, and what the ledger does.
        self._clients: dict[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._members: dict[str, str] = {}
        self._jobs: dict[str, str] = {}
        self._proposals: dict[tuple[str, int], str] = {}
        self._purchases: dict[str, str] = {}

    async def create_clients(self) -> None:
        """Make all clients known."""
        names = [f"cli_{number}" for number in range(len(self.town.freelancers) + 1)]
        for at in range(0, len(names), AT_ONCE):
            await asyncio.gather(*[self._create_client(name, self._key()) for name in names[at : at + AT_ONCE]])

    async def _create_client(self, name: str, key: str) -> None:
        answer = await self.market.create_client(name=name, external_id=name, key=key)
        if isinstance(answer, Refused):
            raise DifferenceError(f"client {name}: the ledger refuses it: {answer.code}")
        self._clients[name] = answer.id

    async def play(self, deeds: list[Deed]) -> None:
        """Do what was done in one instant."""
        for round_ in in_rounds(deeds):
            # What draws an id goes first and alone, so that the same thing always gets the same one.
            for part in (
                [deed for deed in round_ if isinstance(deed.what, Post | commands.Open)],
                [deed for deed in round_ if not isinstance(deed.what, Post | commands.Open)],
            ):
                for at in range(0, len(part), AT_ONCE):
                    await asyncio.gather(*[self._redo(deed, self._key()) for deed in part[at : at + AT_ONCE]])

    def _key(self) -> str:
        """Return an idempotency key. Without one the ledger would draw an id for each request, whenever that comes."""
        self.requests += 1
        return f"rehearsal-{self.requests}"

    async def _redo(self, deed: Deed, key: str) -> None:
        answer = await self._do(deed, key)
        if isinstance(answer, Refused):
            self.refusals[answer.code] += 1
        if isinstance(deed.what, Invite):
            return
        rules, ledger = _told_by_rules(deed), _told_by_ledger(answer)
        if rules != ledger:
            raise DifferenceError(
                f"{deed.on}, {type(deed.what).__name__} at {self.market.ledger.now.isoformat()}: "
                f"the ledger says {ledger}, the rules {rules}"
            )
        if isinstance(answer, ProposalShown) and isinstance(deed.outcome, Accepted):
            self._proposals[deed.on, deed.outcome.proposals[0].n] = answer.id
        elif isinstance(answer, PurchaseShown) and isinstance(deed.what, commands.StartPurchase):
            self._purchases[deed.what.id] = answer.id
        elif isinstance(answer, JobShown):
            self._jobs[deed.on] = answer.id

    async def _do(self, deed: Deed, key: str) -> object:
        """Ask the ledger for what was done, and return its answer."""
        if isinstance(deed.what, Post | Resize | Invite | Close | Lapse):
            return await self._do_to_job(deed.on, deed.what, key)
        if isinstance(deed.what, commands.Open):
            return await self._open(deed.what, key)
        return await self._do_to_account(deed.on, deed.what, key)

    async def _do_to_job(self, name: str, what: Post | Resize | Invite | Close | Lapse, key: str) -> object:
        market = self.market
        if isinstance(what, Post):
            client = self._clients[what.client_id]
            title = title_of(what.size)
            return await market.post_job(client, title=title, external_id=name, key=key, **_size(what.size))
        job = self._jobs[name]
        match what:
            case Resize():
                return await market.edit_job(job, key=key, **_size(what.size))
            case Invite():
                return await market.invite(job, self._accounts[what.account_id], key=key)
            case Lapse():
                return await market.give_back_lapsed(job)
            case Close():
                answer = await market.close_job(job, what.reason, key=key)
                while isinstance(answer, ClosedShown) and answer.returned.pending:
                    answer = await market.close_job(job, what.reason)
                return answer

    async def _open(self, what: commands.Open, key: str) -> object:
        """Open an account, and add the members of an agency one after the other."""
        answer = await self.market.open_account(
            kind=what.kind, plan=what.plan, name=f"Holder of {what.id}", external_id=what.id, key=key
        )
        if isinstance(answer, AccountShown):
            self._accounts[what.id] = answer.id
            for member in self.town.by_id[what.id].members:
                added = await self.market.add_member(
                    answer.id, role=member.role, can_propose=member.can_propose, key=f"{key}/{member.id}"
                )
                self.requests += 1
                if isinstance(added, Refused):
                    return added
                self._members[member.id] = added.id
        return answer

    async def _do_to_account(self, name: str, what: commands.Command, key: str) -> object:
        market, account = self.market, self._accounts[name]
        match what:
            case commands.Submit():
                worker = self._member(what.worker)
                return await market.submit(self._jobs[what.job.id], account, worker_id=worker, key=key)
            case commands.Withdraw():
                return await market.withdraw(self._proposals[name, what.proposal.n], key=key)
            case commands.Decline():
                return await market.decline(self._proposals[name, what.proposal.n], key=key)
            case commands.Hire():
                return await market.hire(self._proposals[name, what.proposal.n], key=key)
            case commands.StartPurchase():
                return await market.buy(account, what.connects, by_member_id=self._member(what.by), key=key)
            case commands.ConfirmPurchase():
                return await market.confirm_purchase(self._purchases[what.purchase.id], key=key)
            case commands.ReversePurchase():
                return await market.reverse_purchase(self._purchases[what.purchase.id], key=key)
            case commands.ChangePlan():
                return await market.change_plan(account, what.plan, by_member_id=self._member(what.by), key=key)
            case commands.KeepPlan():
                return await market.keep_plan(account, by_member_id=self._member(what.by), key=key)
            case commands.ReportFee():
                report = market.report_fee_paid if what.paid else market.report_fee_unpaid
                return await report(account, key=key)
        return await self._do_as_operator(account, what, key)

    async def _do_as_operator(self, account: str, what: commands.Command, key: str) -> object:
        market = self.market
        match what:
            case commands.Grant():
                return await market.grant(
                    account, what.connects, reason=what.reason, expires_at=what.expires_at, key=key
                )
            case commands.Revoke():
                return await market.revoke(account, what.connects, reason=what.reason, key=key)
            case commands.Suspend():
                return await market.suspend(account, reason=what.reason, key=key)
            case commands.Appeal():
                return await market.appeal(account, what.text, key=key)
            case commands.DecideSuspension():
                decide = market.lift_suspension if what.decision == "lifted" else market.uphold_suspension
                return await decide(account, reason=what.reason, key=key)
        raise TypeError(f"nobody in a town does {type(what).__name__}")

    def _member(self, member: Member | None) -> str | None:
        return None if member is None else self._members[member.id]

    # At the end

    async def compare_circulation(self, rules: tuple[Circulated, ...]) -> None:
        """Compare what circulated, month by month and plan by plan."""
        calendar = self.town.pack.calendar
        months = list(dict.fromkeys(row.month for row in rules))
        starts = [calendar.day_start(datetime.fromisoformat(f"{month}-01").toordinal()) for month in months]
        by_month = {month: {row.plan: row for row in rules if row.month == month} for month in months}
        for month, (since, until) in zip(months, pairwise([*starts, None]), strict=True):
            shown = await self.market.circulation(since=since, until=until)
            for plan, row in by_month[month].items():
                for figure in FIGURES:
                    what = f"{figure} on plan {plan} in {month}"
                    _require_equal(what, getattr(shown.by_plan[plan], figure), getattr(row, figure))

    async def compare_accounts(self) -> str:
        """Compare what every account holds; return a hash over all of it."""
        purchases = {theirs: ours for ours, theirs in self._purchases.items()}
        digest = hashlib.sha256()
        accounts = self.town.market.accounts
        names = sorted(accounts)
        for at in range(0, len(names), READS_AT_ONCE):
            some = names[at : at + READS_AT_ONCE]
            reads: list[Awaitable[Any]] = [self.market.account(f"ext:{name}") for name in some]
            reads += [self.market.balance(f"ext:{name}") for name in some]
            answers = await asyncio.gather(*reads)
            for name, shown, balance in zip(some, answers, answers[len(some) :], strict=False):
                if isinstance(shown, Refused) or isinstance(balance, Refused):
                    raise DifferenceError(f"{name}: the ledger doesn't know it")
                held = _held(shown, balance, purchases)
                _require_equal(name, held, _held_by_rules(accounts[name]))
                digest.update(f"{name} {held}\n".encode())
        return digest.hexdigest()


def _size(size: JobSize) -> dict[str, Any]:
    """Return a size as the use cases take it."""
    return {
        "type": size.type.value,
        "budget": size.budget,
        "duration": None if size.duration is None else size.duration.value,
        "weekly_hours": None if size.weekly_hours is None else size.weekly_hours.value,
    }


def _told_by_rules(deed: Deed) -> tuple[object, ...]:
    """Return what came of a deed by the rules, as far as the ledger's answer tells it too."""
    outcome = deed.outcome
    match outcome:
        case Refused():
            return _refused(outcome)
        case Job():
            return (outcome.price, outcome.lapses_at)
        case Accepted():
            account = outcome.account
            if outcome.proposals:
                proposal = outcome.proposals[0]
                return (proposal.n, proposal.status.value, proposal.connects_spent, proposal.invited, account.balance)
            if isinstance(deed.what, commands.StartPurchase | commands.ConfirmPurchase | commands.ReversePurchase):
                purchase = outcome.purchase
                if purchase is None:
                    assert not isinstance(deed.what, commands.StartPurchase), "an accepted purchase is one"  # noqa: S101
                    purchase = deed.what.purchase
                return (purchase.status.value, purchase.connects, purchase.amount)
            return (account.plan, account.status.value, account.fee_unpaid, account.cycle_end)
        case None:
            return ()
    return (outcome.proposals, outcome.connects)


def _told_by_ledger(answer: object) -> tuple[object, ...]:
    """Return the same of the ledger's answer."""
    match answer:
        case Refused():
            return _refused(answer)
        case JobShown():
            return (answer.price, answer.lapses_at)
        case ProposalShown():
            number = int(answer.id.rpartition("_")[2])
            return (number, answer.status, answer.connects_spent, answer.invited, answer.balance_after)
        case PurchaseShown():
            return (answer.status, answer.connects, answer.amount.amount)
        case AccountShown():
            return (answer.plan, answer.status, answer.fee_unpaid, answer.cycle.end)
        case ClosedShown():
            return (answer.returned.proposals, answer.returned.connects)
        case ReturnedShown():
            return (answer.proposals, answer.connects)
    raise TypeError(f"no use case that a town needs answers {type(answer).__name__}")


def _refused(refused: Refused) -> tuple[object, ...]:
    """Return a refusal without the ids in it, which differ."""
    figures = {name: value for name, value in refused.figures.items() if isinstance(value, int)}
    return (refused.code.value, figures)


Held = tuple[str, int, int, tuple[tuple[object, ...], ...]]
"""Plan, balance, debt and lots."""


def _held(account: AccountShown, balance: BalanceShown, purchases: dict[str, str]) -> Held:
    """Return what an account holds, with the town's names of its purchases."""
    lots = tuple(
        (
            int(lot.id.rpartition("_")[2]),
            lot.source,
            lot.remaining,
            lot.expires_at.isoformat(),
            None if lot.unit_price is None else lot.unit_price.amount,
            None if lot.purchase_id is None else purchases[lot.purchase_id],
        )
        for lot in balance.lots
    )
    return (account.plan, balance.available, balance.debt, lots)


def _held_by_rules(account: Account) -> Held:
    """Return what an account holds by the rules."""
    lots = tuple(
        (
            lot.n,
            lot.source.value,
            lot.remaining,
            (lot.expires_at or account.cycle_end).isoformat(),
            lot.unit_price,
            lot.purchase_id,
        )
        for lot in account.lots
    )
    return (account.plan, account.balance, account.debt, lots)
