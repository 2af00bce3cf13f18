"""Accounts through the use cases: opening, balances, journals, fees and notices, erasure."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from earnest import Marketplace
from earnest.marketplace.shown import Cycle, Money
from tests.marketplace.given import day, figures, open_account, pages, post, refusal
from tests.stores import StandingClock


def test_an_opened_account_shows_who_holds_it_its_plan_and_its_cycle(market: Marketplace) -> None:
    ana = market.open_account(kind="individual", plan="basic", name="Ana", external_id="u-1")
    assert ana.id.startswith("acc_")
    assert (ana.kind, ana.plan, ana.status, ana.name, ana.external_id) == (
        "individual",
        "basic",
        "active",
        "Ana",
        "u-1",
    )
    assert ana.cycle == Cycle(day(1, 1), day(2, 1))
    assert (ana.pending_plan, ana.fee_unpaid) == (None, False)
    assert market.account(ana.id) == market.account("ext:u-1") == ana
    assert market.balance("ext:u-1").available == 60


def test_an_account_may_be_opened_as_of_an_earlier_time_and_has_lived_since(market: Marketplace) -> None:
    ana = open_account(market, "plus", opened_at=day(11, 15, year=2023))
    lines = market.entries(ana.id).items
    assert [(line.kind, line.connects, line.effective_at) for line in lines if line.kind == "allot"] == [
        ("allot", 70, day(11, 15, year=2023)),
        ("allot", 70, day(12, 1, year=2023)),
        ("allot", 70, day(1, 1)),
    ]
    assert market.balance(ana.id).available == 210


@pytest.mark.parametrize(
    ("asked", "refused", "field"),
    [
        ({"kind": "individual", "plan": "gold"}, "malformed", "plan"),
        ({"kind": "individual", "plan": "basic", "opened_at": day(1, 4)}, "malformed", "opened_at"),
        ({"kind": "individual", "plan": "agency"}, "not_for_this_kind", None),
        ({"kind": "agency", "plan": "plus"}, "not_for_this_kind", None),
    ],
)
def test_an_account_on_no_plan_of_its_kind_or_of_a_later_time_is_refused(
    market: Marketplace, asked: dict[str, Any], refused: str, field: str | None
) -> None:
    answer = market.open_account(**asked)
    assert refusal(answer) == refused
    assert figures(answer).get("field") == field


def test_an_external_id_names_one_account_and_may_name_a_client_and_a_job_beside_it(market: Marketplace) -> None:
    open_account(market, external_id="7")
    taken = market.open_account(kind="individual", plan="basic", external_id="7")
    assert (refusal(taken), figures(taken)) == ("external_id_taken", {"external_id": "7"})
    client = market.create_client(external_id="7")
    assert refusal(market.create_client(external_id="7")) == "external_id_taken"
    job = market.post_job("ext:7", title="A logo", type="hourly", external_id="7")
    assert refusal(market.post_job("ext:7", title="A logo", type="hourly", external_id="7")) == "external_id_taken"
    assert (market.client("ext:7").id, market.job("ext:7").id) == (client.id, job.id)


MALFORMED_OPENINGS = [
    ("kind", "company"),
    ("name", ""),
    ("name", " "),
    ("name", "a" * 201),
    ("name", 7),
    ("name", "a\0b"),
    ("name", "\ud800"),
    ("external_id", ""),
    ("external_id", "a" * 201),
    ("opened_at", datetime(2024, 1, 1)),
    ("key", ""),
    ("key", "a" * 256),
]


def test_a_malformed_opening_raises_the_argument_s_name(market: Marketplace) -> None:
    for field, value in MALFORMED_OPENINGS:
        asked: dict[str, Any] = {"kind": "individual", "plan": "basic", field: value}
        with pytest.raises(ValueError, match=f"^{field}: expected"):
            market.open_account(**asked)


UNKNOWN = ["acc_" + "0" * 32, "acc_x", "job_" + "0" * 32, "", "ext:nobody", "ext:a\0b", "ext:\ud800", "ext:"]


def test_an_id_that_names_no_account_is_unknown_everywhere(market: Marketplace) -> None:
    open_account(market, external_id="ab")
    job = post(market).id
    for account_id in UNKNOWN:
        assert {refusal(answer) for answer in asked_of_everything(market, account_id, job)} == {"unknown_account"}


def asked_of_everything(market: Marketplace, account_id: str, job: str) -> tuple[object, ...]:
    return (
        market.account(account_id),
        market.balance(account_id),
        market.entries(account_id),
        market.charges(account_id),
        market.notices(account_id),
        market.settle_account(account_id),
        market.erase_person(account_id),
        market.stats(account_id),
        market.advice(account_id),
        market.members(account_id),
        market.add_member(account_id),
        market.change_plan(account_id, "plus"),
        market.keep_plan(account_id),
        market.report_fee_paid(account_id),
        market.invite(job, account_id),
        market.invitations(account_id),
        market.quote(job, account_id),
        market.submit(job, account_id),
        market.proposals_of(account_id),
        market.buy(account_id, 1),
        market.purchases(account_id),
        market.grant(account_id, 1, reason="so"),
        market.revoke(account_id, 1, reason="so"),
        market.suspend(account_id, reason="so"),
        market.suspension(account_id),
        market.appeal(account_id, "so"),
        market.lift_suspension(account_id),
        market.uphold_suspension(account_id),
    )


def test_a_balance_shows_its_lots_in_burn_order_and_what_each_coming_boundary_would_take(market: Marketplace) -> None:
    ana = open_account(market, "plus")
    market.confirm_purchase(market.buy(ana.id, 20).id)
    market.grant(ana.id, 5, reason="welcome", expires_at=day(1, 20))
    held = market.balance(ana.id)
    assert [(lot.source, lot.remaining, lot.expires_at, lot.paid, lot.unit_price) for lot in held.lots] == [
        ("bonus", 5, day(1, 20), False, None),
        ("allotment", 70, day(2, 1), False, None),
        ("purchase", 20, day(2, 1), True, Money(100, "USD")),
    ]
    assert (held.available, held.debt, held.most_held, held.carry_limit) == (95, 0, 350, 140)
    # The first boundary carries all; the next ones take what is beyond 140 of it and of what they brought.
    assert [(each.at, each.connects) for each in held.expiring] == [(day(1, 20), 5), (day(3, 1), 20), (day(4, 1), 50)]


def test_a_balance_is_what_it_was_then_is_now_and_will_be(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market)
    clock.move(days=1)
    market.submit(post(market, 5).id, ana.id)
    clock.move(days=40)
    assert market.balance(ana.id, at=day(1, 3, 8)).available == 0
    assert market.balance(ana.id, at=day(1, 3, 8)).lots == []
    assert market.balance(ana.id, at=day(1, 3, 9)).available == 60
    assert market.balance(ana.id, at=day(1, 4, 8)).available == 60
    assert market.balance(ana.id, at=day(1, 4, 9)).available == 55
    # Nobody has touched the account since: this is on paper, and again when it is written.
    for _ in range(2):
        assert market.balance(ana.id, at=day(1, 31, 23)).available == 55
        assert market.balance(ana.id, at=day(2, 1)).available == 60
        assert market.balance(ana.id).available == 60
        assert market.balance(ana.id, at=day(12, 25)).lots[0].expires_at == day(1, 1, year=2025)
        market.settle_account(ana.id)


def test_a_coming_balance_counts_a_pending_change_of_plan_in(market: Marketplace) -> None:
    ana = open_account(market, "plus")
    assert market.balance(ana.id, at=day(2, 1)).available == 140
    market.change_plan(ana.id, "basic")
    assert market.balance(ana.id, at=day(2, 1)).available == 60


def test_the_past_shows_the_plan_and_the_debt_of_then(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus")
    purchase = market.buy(ana.id, 10)
    market.confirm_purchase(purchase.id)
    for _ in range(16):
        market.submit(post(market, 5).id, ana.id)
    clock.move(days=1)
    market.reverse_purchase(purchase.id)
    clock.move(days=1)
    assert (market.balance(ana.id).available, market.balance(ana.id).debt) == (0, 10)
    market.grant(ana.id, 4, reason="so")
    clock.move(days=1)
    assert market.balance(ana.id).debt == 6
    assert [market.balance(ana.id, at=day(1, d, 10)).debt for d in (3, 4, 5)] == [0, 10, 6]
    assert [market.balance(ana.id, at=day(1, d, 10)).available for d in (3, 4, 5)] == [0, 0, 0]
    assert market.balance(ana.id, at=day(1, 3, 10)).most_held == 350


def test_a_time_without_a_zone_raises_the_argument_s_name(market: Marketplace) -> None:
    with pytest.raises(ValueError, match=r"^at: expected a time with a zone"):
        market.balance(open_account(market).id, at=datetime(2024, 1, 1))


def test_a_journal_shows_lines_that_are_due_as_they_will_be_written(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus")
    clock.move(days=40)
    before = market.entries(ana.id).items
    assert [(line.kind, line.connects, line.balance_after) for line in before] == [
        ("allot", 70, 70),
        ("carry", -70, 0),
        ("carry", 70, 70),
        ("allot", 70, 140),
    ]
    assert [line.recorded_at for line in before] == [day(1, 3, 9), None, None, None]
    market.settle_account(ana.id)
    after = market.entries(ana.id).items
    assert [line.recorded_at for line in after] == [day(1, 3, 9), *[day(2, 12, 9)] * 3]
    assert [(a.id, a.kind, a.connects, a.lot_id, a.effective_at) for a in after] == [
        (b.id, b.kind, b.connects, b.lot_id, b.effective_at) for b in before
    ]


def test_a_journal_is_asked_by_kind_and_span_written_or_due(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market)
    job = post(market, 3)
    sent = market.submit(job.id, ana.id)
    clock.move(days=40)
    for _ in range(2):
        [spent] = market.entries(ana.id, kind="spend").items
        assert (spent.connects, spent.job_id, spent.proposal_id, spent.source) == (-3, job.id, sent.id, "allotment")
        assert [line.connects for line in market.entries(ana.id, kind="allot").items] == [60, 60]
        assert [line.connects for line in market.entries(ana.id, kind="expire").items] == [-57]
        # A span includes its start, and not its end.
        assert [line.kind for line in market.entries(ana.id, since=day(2, 1)).items] == ["expire", "allot"]
        assert [line.kind for line in market.entries(ana.id, until=day(2, 1)).items] == ["allot", "spend"]
        assert market.entries(ana.id, since=day(1, 4), until=day(2, 1)).items == []
        market.settle_account(ana.id)


def test_no_line_is_lost_or_doubled_between_the_pages_of_a_journal(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus")
    for _ in range(3):
        market.submit(post(market).id, ana.id)
    clock.move(days=70)
    whole = market.entries(ana.id).items
    assert {line.recorded_at is None for line in whole} == {True, False}
    for limit in (1, 2, 3, len(whole) - 1, len(whole), 500):
        found = pages(market.entries, ana.id, limit=limit)
        assert [line for page in found for line in page] == whole
        assert {len(page) for page in found[:-1]} <= {limit}
        assert found[-1]
        allotted = pages(market.entries, ana.id, limit=limit, kind="allot")
        assert [line for page in allotted for line in page] == [line for line in whole if line.kind == "allot"]


MALFORMED_QUESTIONS = [
    ("kind", "gift"),
    ("limit", 0),
    ("limit", 501),
    ("limit", True),
    ("limit", "5"),
    ("cursor", "x"),
    ("cursor", "-1"),
    ("cursor", "²"),
    ("since", datetime(2024, 1, 1)),
    ("until", datetime(2024, 1, 1)),
]


def test_a_malformed_question_for_a_journal_raises_the_argument_s_name(market: Marketplace) -> None:
    ana = open_account(market).id
    for name, value in MALFORMED_QUESTIONS:
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            market.entries(ana, **{name: value})


def test_fees_are_shown_as_they_fell_due_written_or_not(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus")
    clock.move(days=70)
    for _ in range(2):
        charged = market.charges(ana.id).items
        assert [(each.plan, each.amount, each.at) for each in charged] == [
            ("plus", Money(1000, "USD"), day(1, 3, 9)),
            ("plus", Money(1000, "USD"), day(2, 1)),
            ("plus", Money(1000, "USD"), day(3, 1)),
        ]
        for limit in (1, 2, 3):
            found = pages(market.charges, ana.id, limit=limit)
            assert [each for page in found for each in page] == charged
        market.settle_account(ana.id)
    # Fees are never in the journal of connects.
    assert {line.kind for line in market.entries(ana.id).items} == {"allot", "carry"}


def test_notices_tell_what_was_forfeited_and_how_the_plan_changed(market: Marketplace) -> None:
    ana = open_account(market, "plus")
    market.grant(ana.id, 300, reason="a mistake")
    told = market.notices(ana.id).items
    assert [(each.kind, each.at, each.connects) for each in told] == [("forfeited", day(1, 3, 9), 20)]
    ben = open_account(market)
    market.change_plan(ben.id, "plus")
    assert [(each.kind, each.plan) for each in market.notices(ben.id).items] == [("plan_changed", "plus")]


def test_erasing_a_person_takes_names_letters_and_the_callers_id_and_leaves_the_books(market: Marketplace) -> None:
    acme = market.open_account(kind="agency", plan="agency", name="Acme", external_id="u-1")
    worker = market.add_member(acme.id, name="Ana", role="owner")
    sent = market.submit(post(market).id, acme.id, worker_id=worker.id, cover_letter="I am Ana")
    before = market.entries(acme.id)
    assert market.erase_person("ext:u-1") is None
    assert (market.account(acme.id).name, market.account(acme.id).external_id) == (None, None)
    assert refusal(market.account("ext:u-1")) == "unknown_account"
    assert market.members(acme.id).items[0].name is None
    assert market.proposal(sent.id).cover_letter is None
    assert market.proposals_of(acme.id).items[0].cover_letter is None
    assert market.entries(acme.id) == before
    assert market.audit().differences == []
    # Whoever comes next may have the id, and it works again.
    assert open_account(market, external_id="u-1").id != acme.id
    assert market.erase_person(acme.id) is None
    assert market.account("ext:u-1").external_id == "u-1"


def test_no_kept_answer_names_who_was_erased(market: Marketplace) -> None:
    acme = market.open_account(kind="agency", plan="agency", name="Zebedee", external_id="u-1", key="1")
    worker = market.add_member(acme.id, name="Zebedee", role="owner", key="2")
    market.change_member(worker.id, name="Zebedee Z", key="3")
    job = post(market).id
    first = market.submit(job, acme.id, worker_id=worker.id, cover_letter="I am Zebedee", key="4")
    again = market.submit(job, acme.id, worker_id=worker.id, cover_letter="I am Zebedee", key="4")
    assert again == first
    market.suspend(acme.id, reason="so", key="5")
    market.appeal(acme.id, "Zebedee would never", key="6")
    market.erase_person(acme.id)
    kept = market.wait(market._inner.ledger.fetch("select outcome from request"))
    assert len(kept) == 6
    assert "Zebedee" not in str(kept)
    assert "never" not in str(kept)
    assert market.suspension(acme.id).appeal in (None, "")


def test_a_balance_is_asked_for_at_most_a_hundred_years_ahead(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    assert market.balance(ana, at=clock.now + timedelta(days=36_500)).available == 210
    with pytest.raises(ValueError, match="at: expected a time at most a hundred years ahead"):
        market.balance(ana, at=clock.now + timedelta(days=36_600))


def test_a_journal_the_latest_first_is_the_journal_backwards(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    for _ in range(3):
        market.submit(post(market, 4).id, ana)
    clock.now = day(3, 5)
    # Half of it is due and not yet written.
    for filters in ({}, {"kind": "carry"}, {"since": day(1, 5), "until": day(3, 1)}):
        onward = market.entries(ana, **filters).items
        assert any(line.recorded_at is None for line in onward)
        for limit in (1, 2, 500):
            found = pages(market.entries, ana, limit=limit, latest_first=True, **filters)
            assert [line.id for page in found for line in page] == [line.id for line in reversed(onward)]
    market.settle_account(ana)
    assert market.entries(ana, latest_first=True).items == market.entries(ana).items[::-1]
