"""An operator's pages over all accounts: suspensions, circulation, the rules, webhooks, audits."""

import asyncio
import csv
import io
import time
from collections.abc import Callable
from datetime import date

import pytest

from earnest.ledger.packing import micros
from earnest.marketplace import audits
from earnest.rules.pack import convert_pack
from tests.packs import raw_with
from tests.stores import StandingClock
from tests.web.site import Page, Site, Visitor
from tests.web.test_operator_accounts import rows

PATIENCE_SECONDS = 10


def changed(site: Site, statement: str, params: dict[str, int]) -> None:
    """Change what the database holds behind the marketplace's back."""
    site.client.blocking_portal.call(site.market.ledger.store.change, statement, params)


def once_it_says(visitor: Visitor, path: str, text: str) -> Page:
    """A page, opened again and again until it says something."""
    until = time.monotonic() + PATIENCE_SECONDS
    while text not in (page := visitor.get(path)).text:
        assert time.monotonic() < until, f"{path} never said {text!r}: {page.text}"
    return page


def suspended_by_conduct(site: Site, clock: StandingClock) -> tuple[Visitor, str]:
    """A freelancer who sent eight letters alike, at five connects, and was never hired."""
    cleo, account = site.freelancer(name="Cleo")
    client = site.client_("Eve")[1]
    for number in range(8):
        job = site.job(client, title=f"Job number {number}", budget=9_000_00)
        site.do("submit", job, account, cover_letter="Dear sir, I do all work well and fast, please take me on today.")
    clock.move(days=14)
    return cleo, account


def test_the_overview_leads_to_what_wants_attention(site: Site, clock: StandingClock) -> None:
    oda = site.operator()
    page = oda.get("/operate")
    assert "Nobody waits for you." in page.text
    assert "None yet. An audit proves" in page.text
    _, account = suspended_by_conduct(site, clock)
    site.do("appeal", account, "I need the work")
    page = oda.get("/")
    assert page.path == "/operate"
    assert "Appeals waiting 1" in page.text
    assert "Accounts 1" in page.text
    assert "Connects held 30" in page.text
    assert "/operate/suspensions?group=appealed" in page.links


def test_a_suspension_shows_its_evidence_and_is_decided(site: Site, clock: StandingClock) -> None:
    _, account = suspended_by_conduct(site, clock)
    site.do("appeal", account, "I need <i>the work</i>")
    oda, at = site.operator(), f"/operate/suspensions/{account}"
    listed = oda.get("/operate/suspensions")
    assert "Appeals waiting 1" in listed.text
    assert at in listed.links
    page = oda.get(at)
    assert "had spent 40 connects on proposals" in page.text
    assert "I need <i>the work</i>" in page.text
    assert "100% alike" in page.text
    assert "Dear sir, I do all work well" in page.text
    assert [row for row in rows(page) if row.startswith("Job number")] == [
        f"Job number {number} Jan 3, 2024 5" for number in range(8)
    ]
    upheld = oda.send(page, at, decision="uphold", reason="Write to each client anew")
    assert "The suspension is upheld." in upheld.text
    assert "Write to each client anew" in upheld.text
    assert "Appeals waiting 0" in oda.get("/operate/suspensions").text
    lifted = oda.send(upheld, at, decision="lift", reason="")
    assert "The suspension is lifted" in lifted.text
    assert site.do("account", account).status == "active"
    # Another operator's page, open since before, decides nothing any more.
    late = oda.client.post(at, data=upheld.form(at).fields | {"decision": "uphold", "once": "another"})
    assert late.status_code == 409
    assert "there is nothing to decide" in late.text


def test_a_decision_wants_to_be_one_of_two(site: Site, clock: StandingClock) -> None:
    _, account = suspended_by_conduct(site, clock)
    oda, at = site.operator(), f"/operate/suspensions/{account}"
    assert "Please choose one of these." in oda.send(oda.get(at), at, 422, decision="banish").text
    assert site.do("account", account).status == "suspended"


def test_somebody_in_good_standing_can_be_looked_at_too(site: Site, clock: StandingClock) -> None:
    _, account = site.freelancer()
    site.do("submit", site.job(), account)
    clock.move(days=14)
    page = site.operator().get(f"/operate/suspensions/{account}")
    assert "It is in good standing. 2 connects count today" in page.text


def test_circulation_is_shown_by_month_by_source_and_by_plan_and_as_a_file(site: Site, clock: StandingClock) -> None:
    _, ana = site.freelancer()
    site.do("submit", site.job(), ana)
    clock.move(days=40)
    site.do("open_account", kind="individual", plan="basic")
    oda = site.operator()
    page = oda.get("/operate/circulation")
    table = rows(page)
    assert "Jan 70 0 0" in table
    assert "Feb 130 0 0" in table
    assert "Granted 200 0 0 200" in table
    assert "Held after 198 0 0 198" in table
    assert "Granted 60 140 0 200" in table
    assert "Held after 60 138 0 198" in table
    february = oda.send(page, "/operate/circulation", since="2024-02-01", until="2024-02-29")
    assert "Held before 0 68 0 68" in rows(february)
    assert "Granted 60 70 0 130" in rows(february)
    assert "From Feb 1, 2024 to Feb 12, 2024." in february.text
    lines = list(csv.DictReader(io.StringIO(oda.client.get("/operate/circulation.csv").text)))
    assert [(line["month"], line["granted"], line["spent"], line["held"]) for line in lines] == [
        ("2024-01", "70", "2", "68"),
        ("2024-02", "130", "0", "198"),
    ]
    assert oda.get("/operate/circulation?since=2024-02-02&until=2024-02-01", 422)
    # Before anything, after everything, and a day written with fewer digits.
    for query in ("until=2020-01-01", "since=2030-01-01", "since=2024-1-5"):
        assert oda.get(f"/operate/circulation?{query}")


def test_the_rules_are_the_pack_s_own(site: Site) -> None:
    page = site.operator().get("/operate/rules")
    table = rows(page)
    for plan in site.market.ledger.pack.revisions[0].plans:
        assert any(plan.benefits in row and f" {plan.connects} " in row for row in table)
    assert "From $25.00 to under $500.00 2" in table
    assert "Over 6 months 4 4 5" in table
    assert "Freelancer: warned at 30, suspended at 40 connects" in page.text
    assert "In force" in page.text


def test_a_revision_to_come_is_shown_with_what_it_changes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = convert_pack(raw_with({}, {date(2024, 3, 1): {"lapse_days": 21}}))
    monkeypatch.setattr(site.market.ledger, "pack", pack)
    oda = site.operator()
    page = oda.get("/operate/rules")
    assert "A job not closed 30 days after" in page.text
    assert "/operate/rules?revision=2" in page.links
    page = oda.get("/operate/rules?revision=2")
    assert "Not in force yet" in page.text
    assert "A job not closed 21 days after" in page.text
    assert "lapse_days: was 30, is 21" in page.text


def test_webhooks_show_their_health_and_send_again(site: Site) -> None:
    oda = site.operator()
    assert "Nobody is told of events yet" in oda.get("/operate/webhooks").text
    endpoint = site.do("create_endpoint", "https://hooks.example.com/<b>", description="The shop")
    site.freelancer()
    page = oda.get("/operate/webhooks")
    assert "https://hooks.example.com/<b>" in page.text
    assert "The shop" in page.text
    at = f"/operate/webhooks/{endpoint.id}"
    page = oda.get(at)
    assert endpoint.secret not in page.html
    assert "whsec" not in page.html
    [delivery] = site.do("deliveries", endpoint.id).items
    assert any(row.startswith("account.opened Look") and "Not sent yet" in row for row in rows(page))
    failed = "update delivery set status = 'failed', attempts = 9, tried_at = :at, answered = 500"
    changed(site, failed, {"at": micros(site.market.ledger.now)})
    page = oda.get(f"{at}?status=failed")
    assert any("Failed Answered 500 after 9 attempts" in row for row in rows(page))
    done = oda.send(page, f"{at}/redeliver", having={"delivery": delivery.id})
    assert "It is sent again, from now on." in done.text
    assert site.do("deliveries", endpoint.id).items[0].status == "waiting"
    changed(site, failed, {"at": micros(site.market.ledger.now)})
    oda.send(oda.get(at), f"{at}/redeliver", having={"delivery": ""})
    assert site.do("deliveries", endpoint.id).items[0].status == "waiting"
    assert oda.send(oda.get(at), f"{at}/redeliver", 409, having={"delivery": ""}, delivery="del_0").text
    assert oda.get("/operate/webhooks/whe_0", 404)


def test_an_audit_is_started_watched_and_its_result_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.freelancer()
    oda = site.operator()
    goes_on, real = asyncio.Event(), audits.audit

    async def slow(ledger: object, *, tell: Callable[[int, int], None]) -> object:
        tell(1, 3)
        await goes_on.wait()
        return await real(ledger, tell=tell)  # type: ignore[arg-type]

    monkeypatch.setattr(audits, "audit", slow)
    assert "No audit yet" in oda.get("/operate/audit").text
    page = oda.send(oda.get("/operate/audit"), "/operate/audit")
    assert "Running" in page.text
    assert 'data-fresh="/operate/audit/progress" data-every="1"' in page.html
    assert not [form for form in page.forms if form.action == "/operate/audit"]
    shown = once_it_says(oda, "/operate/audit/progress", "1 of 3 rows are read")
    assert "X-Last" not in shown.answer.headers
    assert "<html" not in shown.html
    # Everybody else is answered meanwhile.
    assert "Running" in oda.get("/operate").text
    site.client.blocking_portal.call(goes_on.set)
    shown = once_it_says(oda, "/operate/audit/progress", "All agrees")
    assert shown.answer.headers["X-Last"] == "yes"
    assert "Granted 70" in oda.get("/operate/audit").text
    assert "All agrees" in oda.get("/operate").text


def test_what_an_audit_finds_is_told(site: Site) -> None:
    _, account = site.freelancer()
    changed(site, "update account set balance = balance + 1", {})
    oda = site.operator()
    oda.send(oda.get("/operate/audit"), "/operate/audit")
    page = once_it_says(oda, "/operate/audit", "Something doesn’t agree")
    assert f"/operate/accounts/{account}" in page.links
