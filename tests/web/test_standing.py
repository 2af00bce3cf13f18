"""A holder's standing: what counts, the evidence of a suspension, and the appeal."""

from tests.stores import StandingClock
from tests.web.site import Site


def spend(site: Site, account: str, proposals: int) -> None:
    """Spend five connects at a time."""
    for number in range(proposals):
        site.do("submit", site.job(title=f"Great work {number}", budget=9_000_00), account)


def test_all_is_well_and_what_counts_is_shown(site: Site, clock: StandingClock) -> None:
    ben, account = site.freelancer("basic")
    spend(site, account, 2)
    assert "0 of 40 connects count today" in ben.get("/standing").text
    clock.move(days=14)
    page = ben.get("/standing")
    assert "All is well" in page.text
    assert "10 of 40 connects count today" in page.text
    assert "Great work 1" in page.text


def test_a_warning_says_what_it_means(site: Site, clock: StandingClock) -> None:
    ben, account = site.freelancer("basic")
    spend(site, account, 6)
    clock.move(days=14)
    page = ben.get("/standing")
    assert "A warning: much was spent, and nobody was hired" in page.text
    assert "At 40 connects the account is suspended" in page.text


def test_a_suspension_shows_its_evidence_and_is_appealed_once(site: Site, clock: StandingClock) -> None:
    ben, account = site.freelancer("basic")
    spend(site, account, 8)
    clock.move(days=14)
    page = ben.get("/standing")
    assert "Suspended from proposing since Jan 17, 2024" in page.text
    assert "Proposals that cost 40 connects went out" in page.text
    assert page.text.count("Great work") == 8
    assert "Please fill this in." in ben.send(page, "/standing/appeal", 422, text=" ").text
    for _ in range(2):
        sent = ben.send(page, "/standing/appeal", text="Nobody\nanswered.")
        assert "Your appeal is sent." in sent.text
    assert "Nothing is decided yet." in sent.text
    assert not [form for form in sent.forms if form.action == "/standing/appeal"]
    refused = ben.post("/standing/appeal", text="Again", once="other")
    assert refused.status_code == 409
    assert site.do("suspension", account).appeal == "Nobody\nanswered."
    site.do("uphold_suspension", account, reason="Wait for a hire.")
    page = ben.get("/standing")
    assert "An operator let the suspension stand, on Jan 17, 2024" in page.text
    assert "Wait for a hire." in page.text
    site.do("lift_suspension", account)
    assert "All is well" in ben.get("/standing").text


def test_an_operator_s_reason_is_told(site: Site) -> None:
    ben, account = site.freelancer("basic")
    site.do("suspend", account, reason="Asked for <b>money</b>.")
    page = ben.get("/standing")
    assert "An operator of the marketplace suspended this account" in page.text
    assert "Asked for <b>money</b>." in page.text
    assert "<b>money" not in page.html


def test_at_an_agency_owners_and_admins_appeal(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    max_, _ = site.member(agency, "member")
    site.do("suspend", agency, reason="so")
    page = max_.get("/standing")
    assert "An owner or an admin of the agency can, once." in page.text
    assert max_.post("/standing/appeal", text="Please").status_code == 409
    assert site.do("suspension", agency).appeal is None
    assert "Your appeal is sent." in olga.send(olga.get("/standing"), "/standing/appeal", text="Please").text


def test_who_is_not_suspended_has_nothing_to_appeal(site: Site) -> None:
    ana, _ = site.freelancer()
    assert ana.post("/standing/appeal", text="Please").status_code == 409
