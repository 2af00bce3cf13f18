"""Who is written to about what, and that a marketplace without people has nothing to write down."""

import pytest

from earnest import Marketplace
from earnest.ledger import outbox
from earnest.ledger.ids import MAIL
from earnest.marketplace.people import PersonShown, Seat
from tests.marketplace.given import open_account, post, refusal
from tests.stores import StandingClock


def mailed(market: Marketplace) -> list[str]:
    """The kinds of events that wait to be mailed, in their order."""
    rows = market.wait(
        market._inner.ledger.fetch(
            "select kind from delivery where endpoint_id = id(:mail) order by account_id, seq", {"mail": MAIL}
        )
    )
    return [kind for (kind,) in rows]


def person(market: Marketplace, email: str, *seats: Seat) -> PersonShown:
    made = market.create_person(email=email, name=email.partition("@")[0], seats=seats)
    assert isinstance(made, PersonShown), made
    return made


def holder(market: Marketplace, plan: str = "basic", email: str = "ana@example.com") -> str:
    account = open_account(market, plan).id
    person(market, email, Seat("account", account))
    return account


def emails(market: Marketplace, account: str) -> list[str]:
    return sorted(each.email for each in market.to_be_written(account))


def test_without_people_nothing_is_written_down(market: Marketplace) -> None:
    assert market.keep_mail(wanted=True) is False
    person(market, "oda@example.com", Seat("operator"))
    assert market.keep_mail(wanted=True) is False
    account = open_account(market).id
    market.suspend(account, reason="so")
    assert mailed(market) == []


def test_from_the_first_holder_on_events_that_are_mailed_are_written_down_and_no_others(
    market: Marketplace, clock: StandingClock
) -> None:
    account = holder(market)
    market.suspend(account, reason="before anybody could be told")
    market.lift_suspension(account)
    assert market.keep_mail(wanted=True) is True
    assert market.keep_mail(wanted=True) is True
    job = post(market)
    market.submit(job.id, account)
    assert mailed(market) == []
    market.close_job(job.id, "cancelled")
    market.suspend(account, reason="copied letters")
    market.lift_suspension(account)
    clock.move(days=26)
    market.keep_up()
    market.change_plan(account, "plus")
    clock.move(days=5)
    market.keep_up()
    assert mailed(market) == [
        "connects.returned",
        "account.suspended",
        "account.reinstated",
        "connects.expiring",
        "plan.changed",
        "cycle.renewed",
    ]
    assert set(mailed(market)) <= set(outbox.MAILED)
    assert market.audit().differences == []


def test_a_job_that_returns_for_several_attempts_is_one_event_an_account(market: Marketplace) -> None:
    account = holder(market)
    market.keep_mail(wanted=True)
    job = post(market, 3)
    for _ in range(3):
        market.withdraw(market.submit(job.id, account).id)
    market.close_job(job.id, "cancelled")
    assert mailed(market) == ["connects.returned"]


def test_switched_off_nothing_more_is_written_down_and_what_waits_is_dropped(market: Marketplace) -> None:
    account = holder(market)
    market.keep_mail(wanted=True)
    code = market.unsubscribe_code(market.person_by_email("ana@example.com").id)
    market.suspend(account, reason="so")
    assert market.keep_mail(wanted=False) is True
    assert mailed(market) == []
    market.lift_suspension(account)
    assert mailed(market) == []
    assert market.keep_mail(wanted=True) is True
    market.suspend(account, reason="so")
    assert mailed(market) == ["account.suspended"]
    # Links that are out go on working.
    assert market.person_to_unsubscribe(code).email == "ana@example.com"


def test_where_mail_never_was_switched_off_makes_nothing(market: Marketplace) -> None:
    holder(market)
    assert market.keep_mail(wanted=False) is True
    assert market.unsubscribe_code("per_" + "0" * 32) is None


def test_it_is_no_webhook_to_be_seen_or_changed(market: Marketplace) -> None:
    holder(market)
    market.keep_mail(wanted=True)
    hidden = f"whe_{MAIL}"
    assert market.endpoints().items == []
    assert market.endpoints(cursor="0" * 32).items == []
    for answer in (
        market.endpoint(hidden),
        market.change_endpoint(hidden, url="https://evil.example/"),
        market.rotate_secret(hidden),
        market.deliveries(hidden),
        market.redeliver(hidden),
        market.delete_endpoint(hidden),
    ):
        assert refusal(answer) == "unknown_endpoint"
    made = market.create_endpoint("https://hooks.example/")
    assert [each.id for each in market.endpoints().items] == [made.id]


def test_written_to_are_an_accounts_holders_and_an_agencys_owners_and_admins(market: Marketplace) -> None:
    account, agency = open_account(market).id, open_account(market, "agency").id
    owner = market.add_member(agency, name="Olga", role="owner").id
    admin = market.add_member(agency, name="Amy", role="admin").id
    member = market.add_member(agency, name="Max", role="member").id
    person(market, "olga@example.com", Seat("member", owner), Seat("account", account))
    person(market, "amy@example.com", Seat("member", admin))
    person(market, "max@example.com", Seat("member", member))
    person(market, "ana@example.com", Seat("account", account))
    assert emails(market, account) == ["ana@example.com", "olga@example.com"]
    assert emails(market, agency) == ["amy@example.com", "olga@example.com"]
    market.change_member(member, role="admin")
    market.remove_member(admin)
    assert emails(market, agency) == ["max@example.com", "olga@example.com"]
    assert emails(market, "acc_" + "1" * 32) == []


def test_whoever_wants_no_mail_gets_none_until_they_want_it_again(market: Marketplace) -> None:
    account = holder(market)
    ana = market.person_by_email("ana@example.com")
    assert ana.gets_mail
    assert not market.choose_mail(ana.id, gets_mail=False).gets_mail
    assert emails(market, account) == []
    # It stays so, whatever else of them changes.
    assert not market.rename_person(ana.id, "Anna").gets_mail
    assert market.choose_mail(ana.id, gets_mail=True).gets_mail
    assert emails(market, account) == ["ana@example.com"]
    assert refusal(market.choose_mail("per_" + "1" * 32, gets_mail=True)) == "unknown_person"
    assert refusal(market.choose_mail("x", gets_mail=True)) == "unknown_person"


def test_a_link_ends_the_mail_of_the_one_it_was_made_for(market: Marketplace) -> None:
    holder(market)
    bob = person(market, "bob@example.com")
    market.keep_mail(wanted=True)
    ana = market.person_by_email("ana@example.com")
    code = market.unsubscribe_code(ana.id)
    assert market.person_to_unsubscribe(code) == ana
    _, _, signed = code.partition(".")
    for forged in (f"{bob.id}.{signed}", ana.id, f"{ana.id}.", "", ".", code + "A", code[:-1], "ä" + code, "\ud800"):
        assert market.person_to_unsubscribe(forged) is None, forged
    market.remove_person(ana.id)
    assert market.person_to_unsubscribe(code) is None


@pytest.mark.parametrize("kinds", [None, ["account.suspended"], ["proposal.submitted", "cycle.renewed"]])
def test_webhooks_are_told_what_they_ask_for_beside_the_mail(market: Marketplace, kinds: list[str] | None) -> None:
    account = holder(market)
    market.keep_mail(wanted=True)
    hook = market.create_endpoint("https://hooks.example/", kinds=kinds)
    job = post(market)
    market.submit(job.id, account)
    market.suspend(account, reason="so")
    told = [each.kind for each in market.deliveries(hook.id).items][::-1]
    all_ = ["proposal.submitted", "account.suspended"]
    assert told == [kind for kind in all_ if kinds is None or kind in kinds]
    assert mailed(market) == ["account.suspended"]
