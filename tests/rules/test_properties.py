"""What holds of every life, whatever happens in it. Each property stands for a sentence of the rules."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from earnest.rules.account import Lot, Source
from earnest.rules.burn import burn, burn_order
from earnest.rules.commands import ChangePlan, GiveBack, Open, Settle
from earnest.rules.conduct import history_from
from earnest.rules.decide import decide
from earnest.rules.job import close
from earnest.rules.outcome import Accepted, Outcome, Refusal, Refused
from earnest.rules.pack import convert_pack
from earnest.rules.settle import look
from tests.packs import article, raw_with
from tests.rules.lives import ME, Act, Life
from tests.rules.test_lives import LATER, PLANS, acts, choices, openings

plans = st.sampled_from(sorted(PLANS))
gaps = st.lists(st.integers(0, 200 * 24 * 60), min_size=1, max_size=5)


def accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def lived(
    told: list[Act],
    changed: dict[str, Any],
    opened_at: datetime,
    plan: str,
    later: dict[date, dict[str, Any]] | None = None,
) -> Life:
    life = Life(raw_with(changed, later), PLANS[plan], plan, opened_at)  # type: ignore[arg-type]
    for act in told:
        life.live(act)
    return life


@given(acts, choices, openings, plans)
def test_what_came_equals_what_went_and_what_is_held(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str
) -> None:
    life = lived(told, changed, opened_at, plan)
    came = sum(e.connects for e in life.entries if e.kind in ("allot", "bonus", "purchase", "return"))
    went = -sum(e.connects for e in life.entries if e.kind in ("spend", "expire", "forfeit", "revoke"))
    assert came == went + life.account.balance
    assert sum(e.connects for e in life.entries if e.kind == "carry") == 0
    assert [e.n for e in life.entries] == list(range(1, life.account.n + 1))
    balance = 0
    for entry in life.entries:
        balance += entry.connects
        assert entry.balance_after == balance >= 0
        assert entry.lot is None or abs(entry.connects) == entry.lot.remaining
        # What a line brings bears the line's number.
        assert entry.connects <= 0 or (entry.lot is not None and entry.lot.n == entry.n)


@given(acts, choices, openings, plans, gaps, st.booleans())
def test_when_you_look_never_changes_what_is_there(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str, looks: list[int], revised: bool
) -> None:
    life = lived(told, changed, opened_at, plan, LATER if revised else None)
    history = tuple(life.market.proposals[ME].values())
    account, entries, notices = life.account, [], []
    at = life.now
    for gap in looks:
        at += timedelta(minutes=gap)
        step = accepted(decide(account, Settle(), life.pack, at, history))
        account = step.account
        entries += step.entries
        notices += step.notices
    at_once = accepted(decide(life.account, Settle(), life.pack, at, history))
    assert (account, tuple(entries), tuple(notices)) == (at_once.account, at_once.entries, at_once.notices)
    on_paper, lines = look(life.account, life.pack, at)
    assert (on_paper.lots, lines) == (account.lots, tuple(entries))


@given(acts, choices, openings, plans)
def test_no_addition_takes_a_balance_above_most_held(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str
) -> None:
    life = Life(
        raw_with({**changed, "returns_above_most_held": "clip", "plans.basic.most_held": 150}),
        PLANS[plan],  # type: ignore[arg-type]
        plan,
        opened_at,
    )
    for act in told:
        life.live(act)
        most_held = life.pack.at(life.now).plan(life.account.plan).most_held
        assert most_held is not None
        # From one act to the next: within one, what is clipped is first written in full.
        assert 0 <= life.account.balance <= most_held
        assert life.account.debt >= 0


@given(acts, choices, openings, plans)
def test_time_never_runs_backwards_in_a_journal(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str
) -> None:
    life = lived(told, changed, opened_at, plan)
    times = [entry.effective_at for entry in life.entries]
    assert times == sorted(times)
    assert times[-1] <= life.account.touched_at <= life.now
    too_early = life.account.touched_at - timedelta(microseconds=1)
    refused = decide(life.account, Settle(), life.pack, too_early)
    assert isinstance(refused, Refused)
    assert refused.code is Refusal.CLOCK_BEHIND


lots = st.lists(
    st.builds(
        Lot,
        st.integers(1, 9),
        st.just(Source.ALLOTMENT),
        st.integers(1, 5),
        st.integers(1, 3),
        st.none() | st.sampled_from([datetime(2024, 2, day, tzinfo=UTC) for day in (20, 28)]),
        st.none() | st.just("pur"),
    ),
    max_size=5,
    unique_by=lambda lot: lot.n,
)
CYCLE_END = datetime(2024, 2, 28, tzinfo=UTC)


@given(lots, st.booleans())
def test_burn_order_is_total_and_stable(held: list[Lot], free_first: bool) -> None:
    orders = {burn_order(order, CYCLE_END, free_first=free_first) for order in permutations(held)}
    assert len(orders) == 1
    for before, after in zip(order := orders.pop(), order[1:], strict=False):
        ends = [lot.expires_at or CYCLE_END for lot in (before, after)]
        assert ends[0] <= ends[1]
        if ends[0] == ends[1]:
            firsts = [(lot.purchase_id is None) == free_first for lot in (before, after)]
            assert firsts[0] >= firsts[1]
            if firsts[0] == firsts[1]:
                assert (before.root, before.n) < (after.root, after.n)


@given(lots, st.integers(0, 25))
def test_burning_takes_just_as_much_from_the_front(held: list[Lot], connects: int) -> None:
    assume(sum(lot.remaining for lot in held) >= connects)
    order = burn_order(held, CYCLE_END, free_first=True)
    left, taken = burn(order, connects)
    assert sum(lot.remaining for lot in taken) == connects
    assert [lot.n for lot in order] == [lot.n for lot in taken] + [
        lot.n for lot in left if lot.n not in {slice_.n for slice_ in taken[-1:]}
    ]
    for lot in held:
        assert lot.remaining == sum(part.remaining for part in (*left, *taken) if part.n == lot.n)
    assert all(part.remaining > 0 for part in (*left, *taken))


@given(acts, choices, openings, plans)
def test_a_refund_comes_exactly_once(told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str) -> None:
    life = lived(told, changed, opened_at, plan)
    for job_id, job in life.market.jobs.items():
        # A job that isn't closed, or was hired from, gives nothing back, whoever asks.
        attempts = tuple(life.market.attempts(ME, job_id))
        if job.closed_at is None or job.hires:
            refused_or_idle = accepted(life.market.act(ME, GiveBack(job, attempts), life.now))
            assert (refused_or_idle.proposals, [e for e in refused_or_idle.entries if e.kind == "return"]) == ((), [])
        assert life.market.close(job_id, "removed", life.now) == life.market.close(job_id, "filled", life.now)
        marked = tuple(life.market.attempts(ME, job_id))
        again = accepted(life.market.act(ME, GiveBack(life.market.jobs[job_id], marked), life.now))
        # A refused act leaves what is due unwritten, so this one may write it.
        assert (again.proposals, [e for e in again.entries if e.kind == "return"]) == ((), [])
    proposals = tuple(life.market.proposals[ME].values())
    unreturned = {proposal.n: 0 for proposal in proposals}
    for entry in life.entries:
        if entry.proposal and entry.kind in ("spend", "return"):
            unreturned[entry.proposal] -= entry.connects
    assert unreturned == {p.n: p.connects_spent if life.market.jobs[p.job_id].hires else 0 for p in proposals}
    # What comes back keeps its nature.
    for entry in life.entries:
        if entry.kind == "return":
            assert entry.lot is not None
            assert any(
                (slice_.root, slice_.purchase_id, slice_.unit_price)
                == (entry.lot.root, entry.lot.purchase_id, entry.lot.unit_price)
                for proposal in proposals
                if proposal.n == entry.proposal
                for slice_ in proposal.taken
            )


@given(acts, choices, openings, plans)
def test_a_refusal_moves_nothing(told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str) -> None:
    life = Life(raw_with(changed), PLANS[plan], plan, opened_at)  # type: ignore[arg-type]
    for act in told:
        before = (
            msgspec.json.encode([life.account, life.market.proposals[ME], life.market.purchases]),
            len(life.entries),
        )
        outcome = life.live(act)
        if isinstance(outcome, Refused):
            after = msgspec.json.encode([life.account, life.market.proposals[ME], life.market.purchases])
            assert (after, len(life.entries)) == before


@given(acts, choices, openings, st.integers(0, 400 * 24 * 60), st.sampled_from(["basic", "plus"]))
def test_a_change_of_plan_settles_the_past_under_the_old_plan(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, idle: int, plan: str
) -> None:
    life = lived(told, changed, opened_at, plan)
    history = tuple(life.market.proposals[ME].values())
    at = life.now + timedelta(minutes=idle)
    settled = accepted(decide(life.account, Settle(), life.pack, at, history))
    target = "plus" if settled.account.plan == "basic" else "basic"
    outcome = decide(life.account, ChangePlan(target), life.pack, at, history)
    assume(isinstance(outcome, Accepted))
    moved = accepted(outcome)
    assert moved.entries[: len(settled.entries)] == settled.entries
    assert all(entry.kind in ("allot", "forfeit", "revoke") for entry in moved.entries[len(settled.entries) :])
    assert moved.charges[: len(settled.charges)] == settled.charges


@given(acts, openings, plans, st.sampled_from(["calendar", "anniversary"]))
def test_a_later_revision_never_changes_a_settled_month(
    told: list[Act], opened_at: datetime, plan: str, cycle: str
) -> None:
    """Months before a revision are the same with it and without it, line by line."""
    lives = []
    for later in (None, LATER):
        life = Life(raw_with({"cycle": cycle}, later), PLANS[plan], plan, opened_at)  # type: ignore[arg-type]
        for act in told:
            life.live(act)
        lives.append(life)
    start = datetime.combine(min(LATER), datetime.min.time(), UTC)
    before, after = ([e for e in life.entries if e.effective_at < start] for life in lives)
    assert before == after


def test_a_revision_holds_for_allotment_and_carry_from_the_first_boundary_at_or_after_it() -> None:
    raw = raw_with(
        {"cycle": "anniversary"}, {date(2016, 3, 1): {"plans.plus.connects": 90, "plans.plus.carry_limit": 0}}
    )
    pack = convert_pack(raw)
    opened = datetime(2016, 1, 10, tzinfo=UTC)
    account = accepted(decide(None, Open(ME, "individual", "plus"), pack, opened)).account
    late_in_march = accepted(decide(account, Settle(), pack, datetime(2016, 3, 9, tzinfo=UTC), ())).account
    assert late_in_march.balance == 140
    after = accepted(decide(account, Settle(), pack, datetime(2016, 3, 10, tzinfo=UTC), ())).account
    assert after.balance == 90


@given(acts, choices, openings, plans, st.integers(0, 200), st.booleans())
def test_the_history_asked_for_is_all_that_is_needed(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str, days: int, revised: bool
) -> None:
    life = lived(told, changed, opened_at, plan, LATER if revised else None)
    at = life.now + timedelta(days=days)
    everything = tuple(life.market.proposals[ME].values())
    commands: list[Any] = [Settle()]
    if everything:
        shut = close(life.market.jobs[everything[-1].job_id], "cancelled", at)
        commands.append(GiveBack(shut, tuple(life.market.attempts(ME, shut.id))))
    for command in commands:
        since = history_from(life.account, life.pack, at, gives_back=isinstance(command, GiveBack))
        asked_for = None if since is None else tuple(p for p in everything if p.submitted_at >= since)
        assert decide(life.account, command, life.pack, at, asked_for) == decide(
            life.account, command, life.pack, at, everything
        )


def test_an_account_of_many_lots_is_spent_lot_by_lot() -> None:
    pack = article()
    lots = tuple(Lot(n, Source.BONUS, 1, n) for n in range(1, 351))
    left, taken = burn(burn_order(lots[::-1], CYCLE_END, free_first=pack.free_first), 349)
    assert [lot.n for lot in left] == [350]
    assert [lot.n for lot in taken] == list(range(1, 350))
