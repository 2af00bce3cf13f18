"""Membership: plans compared, moving up and down, taking it back, and the advice."""

from tests.stores import StandingClock
from tests.web.site import Site


def test_plans_stand_side_by_side(site: Site) -> None:
    ben, _ = site.freelancer("basic")
    page = ben.get("/membership")
    for said in ("60 connects a month", "70 connects a month", "at most 140", "$1.00 each", "$10.00", "Yours now"):
        assert said in page.text
    assert "agency" not in page.html.lower().replace("an agency", "")
    assert "/membership/plans/plus" in page.links
    assert "/membership/plans/basic" not in page.links


def test_moving_up_is_previewed_and_done_at_once_and_once(site: Site) -> None:
    ben, account = site.freelancer("basic")
    page = ben.get("/membership/plans/plus")
    assert "10 connects come on top: you have 60, and will have 70." in page.text
    assert "The fee of $10.00 is due now, and each month from Feb 1, 2024 on." in page.text
    assert "On Feb 1, 2024 60 connects would expire as it is; after this, 0." in page.text
    for _ in range(2):
        assert "You have moved up." in ben.send(page, "/membership/plans/plus").text
    assert (site.do("account", account).plan, site.do("balance", account).available) == ("plus", 70)
    assert len(site.do("charges", account).items) == 1


def test_moving_down_says_what_is_lost_and_can_be_taken_back(site: Site, clock: StandingClock) -> None:
    ana, account = site.freelancer()
    page = ana.get("/membership/plans/basic")
    assert "70 connects of those you have now would be lost" in page.text
    assert "Staying, you would lose none of them then." in page.text
    page = ana.send(page, "/membership/plans/basic")
    assert "On Feb 1, 2024 the plan changes to Basic" in page.text
    assert site.do("account", account).pending_plan == "basic"
    for _ in range(2):
        kept = ana.send(page, "/membership/keep")
        assert "You stay on your plan." in kept.text
    assert site.do("account", account).pending_plan is None
    assert ana.post("/membership/keep", once="other").status_code == 409


def test_only_plans_of_the_own_kind_are_there(site: Site) -> None:
    ana, account = site.freelancer()
    for plan in ("agency", "plus", "gold"):
        ana.get(f"/membership/plans/{plan}", 404)
    assert ana.post("/membership/plans/agency").status_code == 404
    assert ana.post("/membership/plans/gold").status_code == 404
    assert site.do("account", account).plan == "plus"


def test_at_an_agency_a_member_can_only_look(site: Site) -> None:
    agency = site.agency()
    max_, _ = site.member(agency, "member")
    page = max_.get("/membership")
    assert "An owner or an admin of North Studio can change the plan; you can look." in page.text
    assert max_.post("/membership/plans/agency").status_code == 409


def test_an_unpaid_fee_is_told(site: Site) -> None:
    ana, account = site.freelancer()
    site.do("report_fee_unpaid", account)
    page = ana.get("/membership")
    assert "the account falls to Basic on Feb 1, 2024" in page.text
    assert not [form for form in page.forms if form.action == "/membership/keep"]
    agency = site.agency()
    olga, _ = site.member(agency)
    site.do("report_fee_unpaid", agency)
    assert "Until it is paid, nobody can propose or buy." in olga.get("/membership").text


def test_advice_before_a_whole_month_has_passed(site: Site) -> None:
    ben, _ = site.freelancer("basic")
    page = ben.get("/membership/advice")
    assert "Stay on Basic: it is enough" in page.text
    assert "You haven’t been here for a whole month yet." in page.text
    assert "60 connects at 2 each, as most jobs cost, are enough for 30 more proposals." in page.text
    assert "29 days of the month are left, today included." in page.text


def test_advice_has_the_reader_s_own_numbers(site: Site, clock: StandingClock) -> None:
    ben, account = site.freelancer("basic")
    clock.move(days=30)
    # Sixty-six are needed in a month that brings sixty; what they came with goes as it came.
    site.do("grant", account, 6, reason="so")
    for _ in range(13):
        sent = site.do("submit", site.job(budget=9_000_00), account)
        site.do("hire", sent.id)
    site.do("submit", site.job(budget=1_00), account)
    clock.move(days=30)
    page = ben.get("/membership/advice")
    assert "Yes: Plus would serve you better" in page.text
    assert "Your proposals needed 66 connects. On Basic 6 connects of that are missing" in page.text
    assert "/membership/plans/plus" in page.links


def test_advice_says_when_more_connects_do_not_help(site: Site, clock: StandingClock) -> None:
    ben, account = site.freelancer("basic")
    clock.move(days=30)
    for _ in range(20):
        site.do("submit", site.job(budget=1_00), account)
    clock.move(days=30)
    page = ben.get("/membership/advice")
    assert "No: more connects won’t help just now" in page.text
    assert "You sent 20 proposals in the months looked at, and 0 of them led to hires." in page.text
