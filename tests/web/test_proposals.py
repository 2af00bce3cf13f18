"""A holder's own proposals: what became of each, what came back and why, and withdrawing."""

import pytest

from tests.stores import StandingClock
from tests.web.site import Site


def test_proposals_are_listed_with_what_they_cost_and_what_came_back(site: Site) -> None:
    ana, account = site.freelancer()
    titles = ("Open", "Withdrawn", "Declined", "Hired", "Cancelled", "Lost")
    jobs = {title: site.job(title=f"{title} one") for title in titles}
    sent = {title: site.do("submit", job, account).id for title, job in jobs.items()}
    site.do("withdraw", sent["Withdrawn"])
    site.do("decline", sent["Declined"])
    site.do("hire", sent["Hired"])
    site.do("close_job", jobs["Cancelled"], "cancelled")
    other = site.freelancer(name="Ben")[1]
    site.do("hire", site.do("submit", jobs["Lost"], other).id)
    site.do("close_job", jobs["Lost"], "filled")
    page = ana.get("/proposals")
    for said in (
        "2 connects spent. They come back if the job is closed without a hire.",
        "2 connects spent. A withdrawal returns nothing; closing without a hire would.",
        "2 connects spent. A decline returns nothing; closing without a hire would.",
        "2 connects spent, and you were hired.",
        "2 connects spent and returned on Jan 3, 2024: nobody was hired.",
        "2 connects spent. Somebody else was hired, so nothing comes back.",
    ):
        assert said in page.text
    hired = ana.get("/proposals?status=hired")
    assert "Hired one" in hired.text
    assert "Open one" not in hired.text
    assert "Open one" in ana.get("/proposals?status=odd").text


def test_long_lists_are_paged(site: Site) -> None:
    ana, account = site.freelancer()
    for number in range(22):
        site.do("submit", site.job(title=f"Job no. {number}", budget=1_00), account)
    first = ana.get("/proposals?status=live")
    assert "Job no. 21" in first.text
    assert "Job no. 1 " not in first.text
    [more] = [link for link in first.links if "cursor=" in link]
    second = ana.get(more)
    assert "status=live" in more
    assert "Job no. 1 " in second.text
    assert "Job no. 21" not in second.text
    assert ana.get("/proposals?cursor=nothing").path == "/proposals"


def test_nothing_sent_yet_leads_to_work(site: Site) -> None:
    ana, _ = site.freelancer()
    assert "Nothing sent yet" in ana.get("/proposals").text
    assert "No invitations yet" in ana.get("/invitations").text


def test_a_withdrawal_is_asked_about_and_returns_nothing(site: Site) -> None:
    ana, account = site.freelancer()
    proposal = site.do("submit", site.job(), account, cover_letter="By hand.").id
    page = ana.get(f"/proposals/{proposal}")
    assert "By hand." in page.text
    assert not page.forms or all("withdraw" not in form.action for form in page.forms)
    asked = ana.get(f"/proposals/{proposal}/withdraw")
    assert "The 2 connects it cost do not come back by that" in asked.text
    assert site.do("proposal", proposal).status == "live"
    for _ in range(2):
        assert "Your proposal is withdrawn." in ana.send(asked, f"/proposals/{proposal}/withdraw").text
    assert (site.do("proposal", proposal).status, site.do("balance", account).available) == ("withdrawn", 68)
    # What can't be withdrawn isn't asked about, and says so when it is tried.
    assert "Withdraw this proposal?" not in ana.get(f"/proposals/{proposal}/withdraw").text
    assert ana.post(f"/proposals/{proposal}/withdraw", once="other").status_code == 409


def test_somebody_else_s_proposal_is_as_unknown_as_one_that_never_was(site: Site) -> None:
    _, account = site.freelancer()
    ben, _ = site.freelancer(name="Ben")
    proposal = site.do("submit", site.job(), account, cover_letter="By hand.").id
    never = ben.get("/proposals/prp_" + "0" * 32 + "_1", 404)
    for path in (f"/proposals/{proposal}", f"/proposals/{proposal}/withdraw", "/proposals/odd"):
        page = ben.get(path, 404)
        assert page.text == never.text
    assert ben.post(f"/proposals/{proposal}/withdraw").status_code == 404
    assert site.do("proposal", proposal).status == "live"


@pytest.mark.parametrize("can_propose", [True, False])
def test_an_agency_s_member_sees_the_pool_s_proposals_and_who_wrote_them(site: Site, can_propose: bool) -> None:
    agency = site.agency()
    _, olga = site.member(agency)
    max_, _ = site.member(agency, "member", name="Max", can_propose=can_propose)
    proposal = site.do("submit", site.job(), agency, worker_id=olga).id
    site.do("remove_member", olga)
    assert "by Olga" in max_.get("/proposals").text
    assert "Olga" in max_.get(f"/proposals/{proposal}").text
    assert max_.post(f"/proposals/{proposal}/withdraw").status_code == (303 if can_propose else 409)
    assert site.do("proposal", proposal).status == ("withdrawn" if can_propose else "live")


def test_what_comes_back_after_a_lapse_says_so(site: Site, clock: StandingClock) -> None:
    ana, account = site.freelancer()
    proposal = site.do("submit", site.job(), account).id
    clock.move(days=31)
    assert "They come back if the job is closed without a hire." in ana.get(f"/proposals/{proposal}").text
