"""The demo's three months, lived on real databases: the same each time, sound, and with everything in them to be seen.

They are lived once for all of these tests, which look at them and change nothing; those that do change something have
a copy.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.demo import history
from earnest.demo.episodes import COMPARED, LAPSED, NEWEST, REPRICED
from earnest.demo.personas import PERSONAS
from earnest.demo.stage import StoryError
from earnest.ledger.errors import SandboxError
from earnest.marketplace.shown import BalanceShown, EntryShown, JobShown, Page, ProposalShown
from earnest.rules.outcome import Refused
from tests.marketplace.given import pages

MAY = datetime(2026, 5, 1, tzinfo=UTC)


class Lived:
    """A marketplace after its history, with the accounts by their holders' names."""

    def __init__(self, market: Marketplace) -> None:
        self.market = market
        rows = market.wait(market._inner.ledger.fetch("select account_id, name from profile"))
        self.ids = {name: f"acc_{id_}" for id_, name in rows}

    def balance(self, name: str) -> BalanceShown:
        balance = self.market.balance(self.ids[name])
        assert isinstance(balance, BalanceShown)
        return balance

    def entries(self, name: str, kind: str | None = None) -> list[EntryShown]:
        return [each for page in pages(self.market.entries, self.ids[name], limit=500, kind=kind) for each in page]

    def proposals(self, name: str) -> list[ProposalShown]:
        return [each for page in pages(self.market.proposals_of, self.ids[name], limit=500) for each in page]

    def jobs(self, status: str | None = None) -> list[JobShown]:
        return [each for page in pages(self.market.jobs, limit=500, status=status) for each in page]

    def job(self, title: str) -> JobShown:
        [job] = [job for job in self.jobs() if job.title == title]
        return job

    def notices(self, name: str) -> list[str]:
        shown = self.market.notices(self.ids[name])
        assert isinstance(shown, Page)
        return [notice.kind for notice in shown.items]

    def purchases(self, name: str) -> list[tuple[str, int]]:
        shown = self.market.purchases(self.ids[name])
        assert isinstance(shown, Page)
        return [(purchase.status, purchase.connects) for purchase in shown.items]

    def plan(self, name: str) -> tuple[str, str | None]:
        account = self.market.account(self.ids[name])
        assert not isinstance(account, Refused)
        return (account.plan, account.pending_plan)


def live(url: str) -> None:
    async def lived() -> None:
        async with await AsyncMarketplace.open(url, sandbox_at=history.START, ids=history.ids()) as market:
            await history.fill(market)

    asyncio.run(lived())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, empty_file: Path) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    shutil.copy(empty_file, path)
    live(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def lived(file: Path) -> Iterator[Lived]:
    with Marketplace.open(f"sqlite:///{file}") as market:
        yield Lived(market)


@pytest.fixture
def copy(file: Path, tmp_path: Path) -> Iterator[Lived]:
    """A copy whose clock may be moved."""
    shutil.copy(file, tmp_path / "copy.db")
    with Marketplace.open(f"sqlite:///{tmp_path / 'copy.db'}") as market:
        yield Lived(market)


# As a whole


def all_of(lived: Lived) -> dict[str, object]:
    """Every line of every journal, every proposal with its letter, and every job."""
    told: dict[str, object] = {name: (lived.entries(name), lived.proposals(name)) for name in lived.ids}
    told["jobs"] = lived.jobs()
    return told


def test_the_clock_stands_at_the_end_and_the_audit_finds_nothing(lived: Lived) -> None:
    assert lived.market.sandbox_clock().now == history.NOW
    audit = lived.market.audit()
    assert (audit.differences, audit.pending, audit.accounts) == ([], 0, len(lived.ids))


def test_told_twice_the_story_is_the_same_to_the_last_id(lived: Lived, new_sqlite: Callable[[], str]) -> None:
    live(url := new_sqlite())
    with Marketplace.open(url) as market:
        assert all_of(Lived(market)) == all_of(lived)


def test_it_is_the_same_on_the_other_store(lived: Lived, new_postgresql: Callable[[], str]) -> None:
    live(url := new_postgresql())
    with Marketplace.open(url) as market:
        again = Lived(market)
        assert market.audit().differences == []
        assert {name: _held(again.balance(name)) for name in again.ids} == {
            name: _held(lived.balance(name)) for name in lived.ids
        }
        assert Counter(job.status for job in again.jobs()) == Counter(job.status for job in lived.jobs())


def _held(balance: BalanceShown) -> tuple[object, ...]:
    return (balance.available, balance.debt, [(lot.source, lot.remaining, lot.expires_at) for lot in balance.lots])


def test_only_an_empty_sandbox_is_filled(copy: Lived, new_sqlite: Callable[[], str]) -> None:
    with pytest.raises(StoryError, match="whose clock stands at 2026-01-05"):
        copy.market.wait(history.fill(copy.market._inner))
    with Marketplace.open(new_sqlite()) as real, pytest.raises(SandboxError):
        real.wait(history.fill(real._inner))


# Jobs and proposals


def test_there_is_a_marketplace_s_worth_of_everything(lived: Lived) -> None:
    proposals = [proposal for name in lived.ids for proposal in lived.proposals(name)]
    assert len(lived.ids) > 40
    assert 150 < len(lived.jobs()) < 260
    assert 1_200 < len(proposals) < 1_800
    assert {proposal.status for proposal in proposals} == {"live", "withdrawn", "declined", "hired"}
    assert max(proposal.attempt for proposal in proposals) > 1
    assert all(proposal.cover_letter and proposal.bid for proposal in proposals)
    assert [proposal for proposal in proposals if proposal.invited and proposal.status == "hired"]
    assert {proposal.connects_spent for proposal in proposals if proposal.invited} == {0}


def test_there_is_work_to_be_found(lived: Lived) -> None:
    work = lived.jobs("open")
    assert len(work) >= 40
    assert {job.price for job in work} == {1, 2, 3, 4, 5}
    assert sum(history.NOW - job.posted_at < timedelta(days=7) for job in work) >= 10
    assert Counter(job.price for job in lived.jobs()).most_common(1)[0][0] == 2
    assert len({job.title for job in lived.jobs()}) == len(lived.jobs())


def test_jobs_end_in_every_way_and_those_without_a_hire_return_to_many(lived: Lived) -> None:
    closed = Counter((job.close_reason, job.hires > 0) for job in lived.jobs("closed"))
    assert set(closed) == {("filled", True), ("cancelled", False), ("removed", False)}
    assert lived.job(LAPSED.title).status == "lapsed"
    assert [job for job in lived.jobs() if job.hires > 1]
    returned = Counter(
        proposal.job_id for name in lived.ids for proposal in lived.proposals(name) if proposal.returned_at is not None
    )
    assert max(returned.values()) >= 5


def test_a_job_was_repriced_for_those_who_came_later(lived: Lived) -> None:
    job = lived.job(REPRICED.title)
    paid = [line.connects for name in lived.ids for line in lived.entries(name, "spend") if line.job_id == job.id]
    assert job.price == 4
    assert -2 in paid


# Connects


def test_connects_roll_over_on_plus_and_expire_on_basic(lived: Lived) -> None:
    carried = {line.effective_at.month for line in lived.entries("Ana Ferraz", "carry")}
    expired = {line.effective_at.month for line in lived.entries("Dilnoza Karimova", "expire")}
    assert carried == expired == {2, 3, 4}
    assert lived.entries("Dilnoza Karimova", "carry") == []


def test_purchases_end_in_every_way(lived: Lived) -> None:
    assert lived.purchases("Ana Ferraz") == [("confirmed", 15), ("confirmed", 20)]
    assert lived.purchases("Hanna Vesterinen") == [("pending", 20)]
    assert lived.purchases("Zeynep Aksoylu") == [("refused", 10)]
    assert lived.purchases("Pavel Horak") == [("cancelled", 15)]
    assert lived.purchases("Rui Takeda") == [("reversed", 20)]
    assert lived.purchases("Studio Kestrel") == [("confirmed", 30)]


def test_a_reversed_purchase_left_a_debt_and_a_prize_credited_twice_was_revoked(lived: Lived) -> None:
    balance = lived.balance("Rui Takeda")
    assert 0 < balance.debt < 20
    [prize, *reversal] = lived.entries("Rui Takeda", "revoke")
    assert (prize.connects, "twice" in prize.note) == (-40, True)
    assert sum(line.connects for line in reversal) == balance.debt - 20


def test_bonuses_have_expiries_of_their_own(lived: Lived) -> None:
    [soon] = [lot for lot in lived.balance("Ana Ferraz").lots if lot.source == "bonus"]
    assert timedelta(0) < soon.expires_at - history.NOW < timedelta(days=7)
    assert [line.source for line in lived.entries("Oksana Hrytsenko", "expire") if line.effective_at.day == 10] == [
        "bonus"
    ]


def test_who_holds_the_most_forfeits(lived: Lived) -> None:
    assert sum(line.connects for line in lived.entries("Greta Lindqvist", "forfeit")) < 0
    assert "forfeited" in lived.notices("Greta Lindqvist")


def test_memberships_move_in_every_way(lived: Lived) -> None:
    assert lived.plan("Lucía Barrientos") == lived.plan("Minh Anh Dao") == ("plus", None)
    assert lived.plan("Samuel Achieng") == ("plus", None)
    assert lived.plan("Mateo Quispe") == ("plus", "basic")
    assert lived.plan("Zeynep Aksoylu") == lived.plan("Chiara Bellandi") == ("basic", None)
    unpaid = [name for name, id_ in lived.ids.items() if lived.market.account(id_).fee_unpaid]  # type: ignore[union-attr]
    assert unpaid == ["Nadia Benkirane"]


# Conduct


def test_only_those_of_the_story_were_ever_minded(lived: Lived) -> None:
    standing = {"warned", "suspended", "reinstated"}
    minded = {name for name in lived.ids if standing & set(lived.notices(name))}
    assert minded == {"Cleo Varga", "Tomasz Wilk", "Noor Haddad"}
    accounts = {name: lived.market.account(id_) for name, id_ in lived.ids.items()}
    now = {name: shown.status for name, shown in accounts.items() if not isinstance(shown, Refused)}
    assert (now["Cleo Varga"], now["Tomasz Wilk"], now["Noor Haddad"]) == ("suspended", "active", "warned")


def test_cleo_sent_the_same_letter_to_everybody_and_her_appeal_waits(lived: Lived) -> None:
    suspension = lived.market.suspension(lived.ids["Cleo Varga"])
    assert suspension is not None
    assert not isinstance(suspension, Refused)
    assert suspension.by == "conduct"
    assert sum(proof.connects for proof in suspension.evidence) >= 40
    assert (suspension.appeal or "").startswith("I only apply a lot")
    assert suspension.decision is None
    assert lived.notices("Cleo Varga")[:2] == ["warned", "suspended"]
    alike = {name: lived.market.stats(lived.ids[name]).letters_alike for name in ("Ana Ferraz", "Cleo Varga")}  # type: ignore[union-attr]
    assert alike["Cleo Varga"] == 100
    assert alike["Ana Ferraz"] < 70


def test_tomasz_was_suspended_and_let_off_and_found_work_since(lived: Lived) -> None:
    assert lived.notices("Tomasz Wilk")[-2:] == ["suspended", "reinstated"]
    assert [each for each in lived.proposals("Tomasz Wilk") if each.status == "hired" and each.submitted_at.month >= 3]


# Personas


def test_everybody_to_sign_in_as_is_there_with_a_name_and_their_seats(lived: Lived) -> None:
    members = lived.market.members(lived.ids["Studio Kestrel"])
    assert isinstance(members, Page)
    by_name = {member.name: member for member in members.items}
    assert {name: (member.role, member.can_propose) for name, member in by_name.items()} == {
        "Elif Demirkan": ("owner", None),
        "Oskar Nyman": ("admin", None),
        "Duncan Abernathy": ("member", True),
        "Wanjiru Kibet": ("member", None),
    }
    seats = {}
    for persona in PERSONAS:
        person = lived.market.person_by_email(persona.email)
        assert person is not None
        assert person.name == persona.name
        seats[person.name] = {(seat.kind, seat.target) for seat in person.seats}
    own = {
        name: ("account", lived.ids[name]) for name in ("Ana Ferraz", "Ben Okpara", "Cleo Varga", "Duncan Abernathy")
    }
    agency = {name: ("member", member.id) for name, member in by_name.items()}
    client = ("client", lived.job(COMPARED.title).client_id)
    assert seats == {
        "Ana Ferraz": {own["Ana Ferraz"]},
        "Ben Okpara": {own["Ben Okpara"]},
        "Cleo Varga": {own["Cleo Varga"]},
        "Elif Demirkan": {agency["Elif Demirkan"]},
        "Oskar Nyman": {agency["Oskar Nyman"]},
        "Duncan Abernathy": {own["Duncan Abernathy"], agency["Duncan Abernathy"]},
        "Wanjiru Kibet": {agency["Wanjiru Kibet"]},
        "Maud Ellery": {client},
        "Iris Holmgaard": {("operator", None)},
    }


def test_ana_does_well(lived: Lived) -> None:
    sent = lived.proposals("Ana Ferraz")
    states = Counter(proposal.status for proposal in sent)
    assert states["hired"] >= 5
    assert states["live"] >= 5
    invited = lived.market.invitations(lived.ids["Ana Ferraz"])
    assert isinstance(invited, Page)
    unanswered = {each.job_id for each in invited.items} - {proposal.job_id for proposal in sent}
    assert len(unanswered & {job.id for job in lived.jobs("open")}) >= 2
    advice = lived.market.advice(lived.ids["Ana Ferraz"])
    assert not isinstance(advice, Refused)
    assert advice.advice.verdict == "stay"


def test_ben_is_advised_to_upgrade_and_about_to_lose_what_he_has(lived: Lived) -> None:
    advice = lived.market.advice(lived.ids["Ben Okpara"])
    assert not isinstance(advice, Refused)
    assert advice.advice.verdict == "upgrade"
    balance = lived.balance("Ben Okpara")
    assert [(each.at, each.connects) for each in balance.expiring] == [(MAY, balance.available)]
    assert balance.available > 20


def test_the_studio_s_people_spend_from_one_pool(lived: Lived) -> None:
    workers = Counter(proposal.worker_id for proposal in lived.proposals("Studio Kestrel"))
    assert len(workers) == 4
    assert None not in workers


def test_the_client_has_proposals_to_compare_and_a_job_that_nobody_has_seen(lived: Lived) -> None:
    compared, newest = lived.job(COMPARED.title), lived.job(NEWEST.title)
    shown = lived.market.proposals_for(compared.id)
    assert isinstance(shown, Page)
    live = [proposal for proposal in shown.items if proposal.status == "live"]
    assert len(live) >= 8
    assert lived.ids["Ana Ferraz"] in {proposal.account_id for proposal in live}
    letters = [proposal.cover_letter for proposal in live]
    assert len(set(letters)) == len(letters)
    assert lived.market.proposals_for(newest.id) == Page([])
    assert newest.client_id == compared.client_id


# What a month's end brings


def test_at_the_month_s_end_ana_s_connects_roll_over_ben_s_expire_and_what_pends_is_done(copy: Lived) -> None:
    left = copy.balance("Ben Okpara").available
    rui = copy.balance("Rui Takeda")
    copy.market.move_clock(MAY)
    rolled = [line for line in copy.entries("Ana Ferraz", "carry") if line.effective_at == MAY]
    assert sum(line.connects for line in rolled if line.connects > 0) == 140
    assert copy.balance("Ana Ferraz").available == 210
    lost = [line.connects for line in copy.entries("Ben Okpara", "expire") if line.effective_at == MAY]
    assert sum(lost) == -left
    assert copy.balance("Ben Okpara").available == 60
    assert copy.plan("Mateo Quispe") == copy.plan("Nadia Benkirane") == ("basic", None)
    assert copy.balance("Rui Takeda").debt == 0
    assert copy.balance("Rui Takeda").available == rui.available + 70 - rui.debt
    assert copy.market.audit().differences == []
