"""The scenario tables, on the rules alone: a marketplace in memory, where everything is decided by `decide`."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from earnest.lab.market import Market
from earnest.rules import settle
from earnest.rules.account import Entry
from earnest.rules.commands import (
    Appeal,
    ChangePlan,
    Command,
    DecideSuspension,
    Grant,
    KeepPlan,
    Open,
    ReportFee,
    Revoke,
    Settle,
    Suspend,
)
from earnest.rules.decide import decide
from earnest.rules.forecast import expiring
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Outcome, Refused
from earnest.rules.pack import convert_pack
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from tests.packs import raw_article
from tests.scenario.runner import MismatchError, Scenario, ScenarioError, read_folder, read_scenarios, run
from tests.scenario.world import Answer, Line, LotSeen, ProposalSeen, Size, SuspensionSeen, View

SCENARIOS = read_folder(Path(__file__).parent / "scenarios")

# Every numbered sentence of RULES.md that figures can show; sections 2, 8, 10 and 11 have one each.
SENTENCES = {"1": 4, "2": 0, "3": 6, "4": 4, "5": 5, "6": 4, "7": 3, "8": 0, "9": 3, "10": 0, "11": 0}


class MarketWorld:
    """A `World` in memory. A refusal for a malformed request is what a command's own check says."""

    def __init__(self, pack: dict[str, Any]) -> None:
        self._pack = convert_pack(pack)
        self._market = Market(self._pack, self._keep)
        self._outcomes: dict[str, list[Accepted]] = defaultdict(list)
        self._members: dict[tuple[str, str], Member] = {}
        self._buyers: dict[str, str] = {}

    def _keep(self, outcome: Accepted) -> None:
        self._outcomes[outcome.account.id].append(outcome)

    def _member(self, account: str, name: str | None) -> Member | None:
        return None if name is None else self._members[account, name]

    def _act(self, account: str, command: Command, at: datetime) -> Answer:
        return _answer(self._market.act(account, command, at))

    def join(self, account: str, kind: str, plan: str, opened_at: datetime | None, at: datetime) -> Answer:
        return _answer(self._market.open(Open(account, kind, plan, opened_at), at))  # type: ignore[arg-type]

    def add_member(self, account: str, member: str, role: str, at: datetime) -> Answer:
        self._members[account, member] = Member(member, role)  # type: ignore[arg-type]
        return Answer()

    def let_propose(self, account: str, member: str, allowed: bool, at: datetime) -> Answer:
        known = self._members[account, member]
        self._members[account, member] = msgspec.structs.replace(known, can_propose=allowed)
        return Answer()

    def post(self, job: str, client: str, size: Size, at: datetime) -> Answer:
        return Answer(costs=self._market.post(job, client, _job_size(size), at).price)

    def edit(self, job: str, size: Size, at: datetime) -> Answer:
        return Answer(costs=self._market.resize(job, _job_size(size), at).price)

    def invite(self, account: str, job: str, at: datetime) -> Answer:
        self._market.invite(job, account)
        return Answer()

    def propose(self, account: str, job: str, worker: str | None, at: datetime) -> Answer:
        outcome = self._market.propose(account, job, at, self._member(account, worker))
        if isinstance(outcome, Refused):
            return _answer(outcome)
        return Answer(costs=outcome.proposals[0].connects_spent)

    def withdraw(self, account: str, job: str, at: datetime) -> Answer:
        return _answer(self._market.withdraw(account, job, at))

    def decline(self, account: str, job: str, at: datetime) -> Answer:
        return _answer(self._market.decline(account, job, at))

    def hire(self, account: str, job: str, at: datetime) -> Answer:
        return _answer(self._market.hire(account, job, at))

    def close(self, job: str, reason: str, at: datetime) -> Answer:
        returned = self._market.close(job, reason, at)  # type: ignore[arg-type]
        return Answer(returned=(returned.connects, returned.proposals))

    def lapse(self, job: str, at: datetime) -> Answer:
        returned = self._market.give_back(job, at)
        return Answer(returned=(returned.connects, returned.proposals))

    def job_status(self, job: str, at: datetime) -> str:
        return self._market.jobs[job].status(at).value

    def buy(self, account: str, purchase: str, connects: int, by: str | None, at: datetime) -> Answer:
        self._buyers[purchase] = account
        try:
            return _answer(self._market.buy(account, purchase, connects, at, self._member(account, by)))
        except ValueError:
            return Answer("malformed")

    def confirm(self, purchase: str, at: datetime) -> Answer:
        return _answer(self._market.confirm(self._buyers[purchase], purchase, at))

    def reverse(self, purchase: str, at: datetime) -> Answer:
        return _answer(self._market.reverse(self._buyers[purchase], purchase, at))

    def change_plan(self, account: str, plan: str, by: str | None, at: datetime) -> Answer:
        return self._act(account, ChangePlan(plan, self._member(account, by)), at)

    def keep_plan(self, account: str, by: str | None, at: datetime) -> Answer:
        return self._act(account, KeepPlan(self._member(account, by)), at)

    def report_fee(self, account: str, paid: bool, at: datetime) -> Answer:
        return self._act(account, ReportFee(paid), at)

    def grant(self, account: str, connects: int, until: datetime | None, at: datetime) -> Answer:
        return self._act(account, Grant(connects, "a present", until), at)

    def revoke(self, account: str, connects: int, at: datetime) -> Answer:
        return self._act(account, Revoke(connects, "a correction"), at)

    def suspend(self, account: str, at: datetime) -> Answer:
        return self._act(account, Suspend("copied letters"), at)

    def appeal(self, account: str, at: datetime) -> Answer:
        return self._act(account, Appeal("please look again"), at)

    def lift(self, account: str, at: datetime) -> Answer:
        return self._act(account, DecideSuspension("lifted"), at)

    def uphold(self, account: str, at: datetime) -> Answer:
        return self._act(account, DecideSuspension("upheld"), at)

    def settle(self, account: str, at: datetime) -> Answer:
        return self._act(account, Settle(), at)

    def look(self, account: str, at: datetime) -> View:
        """Settle and judge on paper: decided like everything else, and not kept."""
        proposals = self._market.proposals[account].values()
        stored = self._market.accounts[account]
        paper = decide(stored, Settle(), self._pack, at, proposals)
        assert isinstance(paper, Accepted)
        now = paper.account
        outcomes = [*self._outcomes[account], paper]
        suspension = now.suspension
        return View(
            now.balance,
            now.debt,
            now.status.value,
            now.plan,
            settle.pending_plan(now, self._pack.at(now.cycle_end)),
            (now.cycle_start, now.cycle_end),
            tuple(
                LotSeen(
                    lot.source.value, lot.remaining, lot.expires_at or now.cycle_end, lot.purchase_id, lot.unit_price
                )
                for lot in now.lots
            ),
            tuple(_line(entry) for outcome in outcomes for entry in outcome.entries),
            tuple((loss.connects, loss.at) for loss in expiring(stored, self._pack, at)),
            tuple((notice.kind.value, notice.connects) for outcome in outcomes for notice in outcome.notices),
            tuple(charge.amount for outcome in outcomes for charge in outcome.charges),
            tuple(ProposalSeen(p.job_id, p.status.value, p.worker_id, p.invited) for p in proposals),
            None
            if suspension is None
            else SuspensionSeen(
                suspension.since,
                tuple((proof.job_id, proof.connects) for proof in suspension.evidence),
                suspension.appealed_at is not None,
                suspension.decision,
            ),
        )


def _answer(outcome: Outcome) -> Answer:
    if isinstance(outcome, Refused):
        return Answer(outcome.code.value, outcome.figures)
    purchase, warning = outcome.purchase, outcome.warning
    return Answer(
        purchase=None if purchase is None else purchase.status.value,
        amount=None if purchase is None else purchase.amount,
        warning=None if warning is None else (warning.connects, warning.at),
    )


def _job_size(size: Size) -> JobSize:
    return JobSize(
        JobType(size.type),
        size.budget,
        None if size.duration is None else Duration(size.duration),
        None if size.weekly_hours is None else WeeklyHours(size.weekly_hours),
    )


def _line(entry: Entry) -> Line:
    lot = entry.lot
    return Line(
        entry.kind.value,
        entry.connects,
        None if lot is None else lot.source.value,
        None if lot is None else lot.purchase_id,
        None if lot is None else lot.unit_price,
        entry.balance_after,
        entry.effective_at,
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario(scenario: Scenario) -> None:
    run(scenario, MarketWorld(scenario.pack))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario_goes_the_same_when_accounts_are_written_up_daily(scenario: Scenario) -> None:
    run(scenario, MarketWorld(scenario.pack), touched_daily=True)


def test_every_numbered_sentence_of_the_rules_has_a_scenario() -> None:
    sentences = {f"{section}.{n}" if count else section for section, count in SENTENCES.items() for n in _upto(count)}
    shown = {rule for scenario in SCENARIOS for rule in scenario.rules}
    assert shown == sentences


def _upto(count: int) -> range:
    return range(1, max(1, count) + 1)


def test_titles_are_unique_so_that_each_scenario_can_be_run_by_name() -> None:
    titles = [str(scenario) for scenario in SCENARIOS]
    assert len(titles) == len(set(titles))


# The runner itself: what it must not let pass

LATER = datetime(2025, 1, 1, tzinfo=UTC)
START = """\
year: 2024
scenario: a story
rules: 4.2
1 Jan  ana joins on basic  balance 60
2 Jan  dan posts job-1 fixed 300  costs 2
"""


def play(text: str) -> None:
    for scenario in read_scenarios(text, "story.txt"):
        run(scenario, MarketWorld(scenario.pack))


def test_runner_accepts_a_right_story() -> None:
    play(START + "3 Jan  ana proposes to job-1  costs 2  balance 58  lines spend -2\n")


@pytest.mark.parametrize(
    ("step", "expected", "actual"),
    [
        ("3 Jan  ana proposes to job-1  balance 60", "balance 60", "58"),
        ("3 Jan  ana proposes to job-1  costs 3", "costs 3", "2"),
        ("3 Jan  ana looks  lots allotment 60 paid", "lots allotment 60 paid", "allotment 60 until 1 Feb 2024"),
        (
            "3 Jan  ana looks  lots allotment 60 until 2 Feb",
            "lots allotment 60 until 2 Feb",
            "allotment 60 until 1 Feb",
        ),
        ("1 Feb  ana looks  lines allot +60, expire -60", "lines allot +60, expire -60", "expire -60 allotment, allot"),
        ("1 Feb  ana looks  lines expire -60", "lines expire -60", "expire -60 allotment, allot +60 allotment"),
        ("3 Jan  ana looks  loses 60 on 2 Feb", "loses 60 on 2 Feb", "60 on 1 Feb 2024"),
        ("3 Jan  ana looks  adds up granted 60", "adds up granted 60", "granted 60, held 60"),
        ("3 Jan  ana looks  cycle 1 Jan to 2 Feb", "cycle 1 Jan to 2 Feb", "1 Jan 2024 to 1 Feb 2024"),
        ("3 Jan  ana looks  told warned", "told warned", "nothing"),
        ("3 Jan  ana looks  evidence none", "evidence none", "none"),
        ("3 Jan  ana buys 5 as p1", "accepted", "refused plan_cannot_buy plan basic"),
        ("3 Jan  ana buys 5 as p1  refused over_most_held", "refused over_most_held", "refused plan_cannot_buy"),
        ("3 Jan  ana buys 5 as p1  refused plan_cannot_buy plan plus", "refused plan_cannot_buy plan plus", "refused"),
        ("3 Jan  ana proposes to job-1  refused job_not_open", "refused job_not_open", "accepted"),
        ("3 Jan  dan posts job-2 fixed 300  balance 60", "balance 60", "say whose"),
        ("3 Jan  ana withdraws from job-1  refused unknown_proposal  proposal live", "proposal live", "there is no"),
    ],
)
def test_runner_reports_what_was_expected_what_was_there_and_where(step: str, expected: str, actual: str) -> None:
    with pytest.raises(MismatchError) as failure:
        play(START + step + "\n")
    assert f"story.txt:6: expected {expected}, was {actual}" in str(failure.value)
    assert str(failure.value).endswith(f"\n    {step}")


def test_runner_reports_every_expectation_not_met() -> None:
    with pytest.raises(MismatchError) as failure:
        play(START + "3 Jan  ana looks  balance 1  debt 2\n4 Jan  ana looks  balance 3\n")
    assert str(failure.value).count("expected") == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3 Jan  ana dances", "unknown words 'ana dances'"),
        ("3 Jan  ana looks  weight 60", "unknown word 'weight'"),
        ("3 Jan  ana looks  balance many", "expected a number, got 'many'"),
        ("3 Jan  ana looks  lots allotment 60 rotten", "got 'allotment 60 rotten'"),
        ("3 Jan  bob looks  balance 60", "unknown account 'bob'"),
        ("3 Jan  p9 is confirmed", "unknown purchase 'p9'"),
        ("3 Jan  bob joins on gold", "unknown plan 'gold'"),
        ("3 Jan  dan posts job-2 fixed cheap", "unknown word 'cheap' in a job's size"),
        ("3 Jan  dan posts job-4..job-2 fixed", "expected a range upwards"),
        ("3 Foo  ana looks  balance 60", "expected a month"),
        ("tomorrow  ana looks", "expected a date"),
        ("1 Jan  ana looks  balance 60", "cannot come before"),
        ("3 Jan ana looks", "expected a date"),
        ("3 Jan", "expected WHEN, two spaces, WHAT"),
        ("pack: carry_first = free", "stands above the steps"),
    ],
)
def test_runner_refuses_an_unknown_word_with_its_line(line: str, said: str) -> None:
    with pytest.raises(ScenarioError) as failure:
        play(START + line + "\n")
    assert str(failure.value).startswith("story.txt:6: ")
    assert said in str(failure.value)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("color: red", "unknown word 'color:'"),
        ("pack: colour = red", "colour: expected one of"),
        ("pack: plans.gold.connects = 5", "unknown field 'plans.gold.connects'"),
        ("pack: carry_first", "expected 'field = value'"),
        ("revision: 2 with carry_first = free", "expected 'NUMBER from"),
    ],
)
def test_runner_refuses_an_unknown_word_above_the_steps(head: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"story\.txt:4: ") as failure:
        play(f"year: 2024\nscenario: a story\nrules: 2\n{head}\n1 Jan  ana joins on basic  balance 60\n")
    assert said in str(failure.value)


@pytest.mark.parametrize(
    "text",
    [
        "year: 2024\nscenario: a story\nrules: 2\n1 Jan  ana joins on basic\n",
        "year: 2024\nscenario: a story\nrules: 2\n",
        "year: 2024\nscenario: a story\n1 Jan  ana joins on basic  balance 60\n",
        "scenario: a story\nrules: 2\n1 Jan  ana joins on basic  balance 60\n",
    ],
    ids=["no expectation", "no step", "no rules", "no year"],
)
def test_runner_refuses_a_scenario_that_shows_nothing(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"story\.txt:\d"):
        play(text)


NUMBERS = count()


class BentWorld(MarketWorld):
    """A world that shows something wrong at every other look after a step's first."""

    def __init__(self, bend: Callable[[View], View]) -> None:
        super().__init__(raw_article())
        self._bend = bend
        self._looks = 0

    def look(self, account: str, at: datetime) -> View:
        self._looks += 1
        view = super().look(account, at)
        return self._bend(view) if self._looks in (3, 5) else view


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (lambda view: replace(view, plan="plus"), "unchanged by a refusal or a look"),
        (lambda view: replace(view, lines=(replace(view.lines[0], connects=61),)), "to go on where it was"),
        (lambda view: replace(view, told=(("forfeited", next(NUMBERS)),)), "what ana was told to go on where it was"),
        (lambda view: replace(view, charges=(next(NUMBERS),)), "ana's charges to go on where they were"),
        (lambda view: replace(view, lines=(replace(view.lines[0], effective_at=LATER),)), "in order of time"),
        (
            lambda view: replace(view, lines=(replace(view.lines[0], balance_after=61),)),
            "follow from the line's connects",
        ),
        (lambda view: replace(view, lots=()), "lines and lots to come to the balance"),
        (lambda view: replace(view, debt=-1), "below zero"),
    ],
)
def test_runner_watches_every_step_for_what_must_never_be(bend: Callable[[View], View], said: str) -> None:
    (scenario,) = read_scenarios(START + "3 Jan  ana looks  balance 60\n", "story.txt")
    with pytest.raises(MismatchError) as failure:
        run(scenario, BentWorld(bend))
    assert said in str(failure.value)


class LateWorld(MarketWorld):
    """A world that gives a connect to whoever is written up: how often one looks changes what is there."""

    def settle(self, account: str, at: datetime) -> Answer:
        return self.grant(account, 1, None, at)


def test_touching_daily_shows_a_world_that_looking_changes() -> None:
    (scenario,) = read_scenarios(START + "3 Jan  ana looks  balance 60\n", "story.txt")
    run(scenario, LateWorld(raw_article()))
    with pytest.raises(MismatchError, match="expected balance 60, was 62"):
        run(scenario, LateWorld(raw_article()), touched_daily=True)
