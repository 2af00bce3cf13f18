"""A small town through the ledger, on both stores: the same as by the rules alone, and what differs is noticed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from msgspec.structs import asdict, replace

from earnest import AsyncMarketplace, Marketplace
from earnest.lab import rehearse as rehearsing
from earnest.lab import town
from earnest.lab.noted import Close, Deed, Invite, Post, Resize
from earnest.lab.rehearse import DifferenceError, NotEmptyError, Rehearsal, rehearse
from earnest.lab.simulate import SimulationResult
from earnest.ledger.errors import SchemaError
from earnest.ledger.ledger import Ledger
from earnest.ledger.sqlite import connect
from earnest.marketplace import accounts, closing, proposals
from earnest.rules.commands import Command, GiveBack, Settle
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize
from tests.lab.test_simulate import LITTLE_HELD, SIZES
from tests.packs import article

END = datetime(2016, 4, 1, tzinfo=UTC)


def live(url: str, freelancers: int = 25, months: int = 1, seed: int = 1, pack: Pack | None = None) -> Rehearsal:
    return asyncio.run(rehearse(url, SIZES, freelancers, months, seed, pack or article(**LITTLE_HELD)))


def account_ids(url: str) -> dict[str, str]:
    with Marketplace.open(url, pack=article(**LITTLE_HELD), clock=lambda: END) as market:
        shown = [market.account(f"ext:acc_{number}") for number in range(30)]
    return {str(each.external_id): each.id for each in shown if not isinstance(each, Refused)}


class EagerTown(town.Town):
    """People who do rare things often, so that a small town does everything."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.habits = tuple((4.0 if habit == self._stock_up else 0.4, habit) for _, habit in self.habits)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[type]:
    """Makes small towns lively, and counts what is done on the ledger."""
    redo: Any = rehearsing._Stage._redo
    counts: Counter[type] = Counter()

    async def counted(stage: Any, deed: Deed, key: str) -> None:
        counts[type(deed.what)] += 1
        await redo(stage, deed, key)

    monkeypatch.setattr(rehearsing, "Town", EagerTown)
    monkeypatch.setattr(town, "AGENCY_SHARE", 0.2)
    monkeypatch.setattr(rehearsing._Stage, "_redo", counted)
    return counts


def test_both_stores_and_the_rules_agree(
    new_sqlite: Callable[[], str], new_postgresql: Callable[[], str], done: Counter[type]
) -> None:
    one, other = new_sqlite(), new_postgresql()
    first, second = (live(url, 30, 2, 5) for url in (one, other))
    assert first == second
    figures = first.figures
    assert (figures.freelancers, figures.months, figures.seed) == (30, 2, 5)
    # Everything happened, so everything was compared.
    assert set(done) == {*get_args(Command), Post, Resize, Invite, Close} - {Settle, GiveBack}
    assert min(figures.hires, figures.declined, figures.withdrawn, figures.invited, figures.returned_proposals) > 0
    assert min(value for name, value in asdict(figures.totals).items() if name != "forfeited") > 0
    assert {row.plan for row in figures.circulation if row.held} == {"basic", "plus", "agency"}
    assert first.audited_entries == figures.lines > 500
    assert first.requests > sum(done.values()) // 2 > 500
    assert {"job_not_open", "not_permitted", "plan_cannot_buy", "not_suspended"} <= set(figures.refusals)
    # Even the ids, which chance draws, are the same.
    assert account_ids(one) == account_ids(other)
    assert len(account_ids(one)) == 30


def test_another_seed_gives_another_fingerprint(new_sqlite: Callable[[], str]) -> None:
    first, again, other = live(new_sqlite()), live(new_sqlite()), live(new_sqlite(), seed=2)
    assert first == again
    assert first.fingerprint != other.fingerprint


def test_a_lapse_that_gives_back_and_months_of_their_own_agree_too(database: str) -> None:
    pack = article(lapse_gives_back=True, lapse_days=3, cycle="anniversary", time_zone="America/New_York")
    result = live(database, 20, 1, 4, pack)
    assert result.figures.returned_proposals > 20


def test_days_are_told(new_sqlite: Callable[[], str]) -> None:
    told: list[tuple[int, int]] = []
    asyncio.run(rehearse(new_sqlite(), SIZES, 2, 1, 1, article(), lambda done, all_: told.append((done, all_))))
    assert told == [(day, 31) for day in range(1, 32)]


def test_whoever_was_idle_is_settled_at_the_end(new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town, "PACES", ((1.0, 0.0),))
    assert 3 <= live(new_sqlite(), 6, 2, 5).settled_at_the_end <= 6


def test_a_database_without_tables_gets_them(tmp_path: Any) -> None:
    assert live(f"sqlite:///{tmp_path}/new.db", 3).figures.freelancers == 3


def test_a_database_with_anything_in_it_is_left_alone(database: str) -> None:
    with Marketplace.open(database, pack=article()) as market:
        before = market.wait(market._inner.ledger.fetch("select number, recorded_at from revision"))
    with pytest.raises(
        NotEmptyError, match=r"^expected an empty database, got one with something in its table revision$"
    ):
        live(database)
    with Marketplace.open(database, pack=article()) as market:
        assert market.wait(market._inner.ledger.fetch("select number, recorded_at from revision")) == before


def test_a_database_of_another_version_is_left_alone(new_sqlite: Callable[[], str]) -> None:
    url = new_sqlite()
    connect(url.removeprefix("sqlite:///")).execute("update alembic_version set version_num = '9999'")
    with pytest.raises(SchemaError, match="9999"):
        live(url)


def test_no_postings_are_one_clear_line(new_sqlite: Callable[[], str]) -> None:
    with pytest.raises(ValueError, match=r"^postings: expected at least one, got none$"):
        asyncio.run(rehearse(new_sqlite(), [], 3, 1, 1, article()))


def test_another_answer_is_noticed(new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    decide = proposals.SubmitProposal.decide
    asked: list[object] = []

    def moody(self: proposals.SubmitProposal, batch: Any) -> Any:
        asked.append(self)
        return Refused(Refusal.NOT_PERMITTED) if len(asked) == 40 else decide(self, batch)

    monkeypatch.setattr(proposals.SubmitProposal, "decide", moody)
    with pytest.raises(DifferenceError, match=r"acc_\d+, Submit at 2016-01-.*: the ledger says .*not_permitted"):
        live(new_sqlite())


def test_a_return_that_stays_out_is_noticed(new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(*_: object) -> bool:
        return True

    monkeypatch.setattr(closing, "give_back", forget)
    with pytest.raises(DifferenceError, match=r"job_\d+, Close at 2016-01-.*: the ledger says \(0, 0\), the rules"):
        live(new_sqlite())


def test_a_balance_of_its_own_is_noticed(new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def another(*arguments: Any, **options: Any) -> Any:
        shown = await accounts.balance(*arguments, **options)
        return replace(shown, debt=7)

    monkeypatch.setattr(AsyncMarketplace, "balance", type(AsyncMarketplace.balance)(another))
    with pytest.raises(DifferenceError, match=r"acc_\d+: the ledger says \('\w+', \d+, 7, "):
        live(new_sqlite())


def test_what_circulated_otherwise_is_noticed(new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    result_of = rehearsing.simulate.result_of

    def one_more(lived: Any) -> SimulationResult:
        result = result_of(lived)
        first, *others = result.circulation
        more = replace(first, spent=first.spent + 1)
        return replace(result, circulation=(more, *others))

    monkeypatch.setattr(rehearsing.simulate, "result_of", one_more)
    with pytest.raises(DifferenceError, match=r"spent on plan basic in 2016-01: the ledger says \d+, the rules \d+"):
        live(new_sqlite())


def test_what_the_audit_finds_is_told(new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    keep_up = AsyncMarketplace.keep_up._function

    async def spoil(ledger: Ledger, **options: Any) -> Any:
        done = await keep_up(ledger, **options)
        await ledger.store.change("update proposal set connects_spent = connects_spent + 1 where attempt = 1 and n = 2")
        return done

    monkeypatch.setattr(AsyncMarketplace, "keep_up", type(AsyncMarketplace.keep_up)(spoil))
    with pytest.raises(DifferenceError, match=r"^the audit finds \d+ differences, the first of them: acc_"):
        live(new_sqlite())


def test_sizes_may_come_one_at_a_time(new_sqlite: Callable[[], str]) -> None:
    def sizes() -> Iterator[JobSize]:
        yield from SIZES

    assert asyncio.run(rehearse(new_sqlite(), sizes(), 2, 1, 1, article())).figures.freelancers == 2
