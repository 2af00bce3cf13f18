"""An agency of hundreds: its pages stay small, leave nobody out, and count everybody."""

import re
from typing import NamedTuple

import pytest

from earnest.marketplace.people import Seat
from tests.web.site import Page, Site, Visitor

MEMBERS = 300
MOST_BYTES = 60_000


class Agency(NamedTuple):
    """An agency of Olga, and of hundreds more who may propose."""

    id: str
    olga: Visitor
    owner: str
    workers: list[str]


@pytest.fixture
def agency(site: Site) -> Agency:
    account = site.agency()
    olga, owner = site.member(account)
    # As long as names are, so that sizes are those of real ones.
    added = [
        site.do("add_member", account, name=f"Wilhelmina Featherstonehaugh {n:03}", role="admin")
        for n in range(MEMBERS)
    ]
    return Agency(account, olga, owner, [each.id for each in added])


def small(page: Page) -> Page:
    """The page, if it is one that a phone loads at once."""
    assert len(page.html.encode()) < MOST_BYTES, (page.path, len(page.html.encode()))
    return page


def whole_list(visitor: Visitor, path: str) -> list[Page]:
    """The pages of a list, each small."""
    found = [small(visitor.get(path))]
    while more := [link for link in found[-1].links if "cursor=" in link]:
        assert len(found) < MEMBERS
        found.append(small(visitor.get(more[0])))
    return found


def test_a_large_team_is_shown_in_pages_whoever_spent_most_first(site: Site, agency: Agency) -> None:
    low, high = agency.workers[7], agency.workers[290]
    site.do("submit", site.job(budget=10_00), agency.id, worker_id=low)
    back = site.job(budget=6_000_00)
    site.do("submit", back, agency.id, worker_id=high)
    spent = sum(each.spent for each in site.do("spending_by_worker", agency.id))
    site.do("close_job", back, "cancelled")
    returned = sum(each.returned for each in site.do("spending_by_worker", agency.id))
    pages = whole_list(agency.olga, "/team?months=1")
    reached = [link.rpartition("/")[2] for page in pages for link in page.links if link.startswith("/team/members/")]
    assert reached[:3] == [high, low, agency.owner]
    assert sorted(reached) == sorted([agency.owner, *agency.workers])
    for page in pages:
        assert f"Everybody together Proposals 2 Hires 0 Spent {spent} Came back {returned}" in page.text
        assert page.form("/team").fields == {"months": "1", "q": ""}
    assert (spent > returned > 0, "1 to 30 of 301" in pages[0].text, "301 to 301" in pages[-1].text) == (True,) * 3
    assert "/team?months=1&q=" in pages[-1].links
    assert agency.olga.get("/team?cursor=99999").html.count("/team/members/") == 30


def test_somebody_of_a_large_team_is_found_by_name(site: Site, agency: Agency) -> None:
    site.do("submit", site.job(), agency.id, worker_id=agency.owner)
    site.do("remove_member", agency.workers[123])
    found = agency.olga.send(agency.olga.get("/team"), "/team", q="haugh 123")
    assert [link for link in found.links if "/members/" in link] == [f"/team/members/{agency.workers[123]}"]
    assert "Has left" in found.text
    assert "Everybody together Proposals 1 Hires 0 Spent 2" in found.text
    assert "Nobody found" in agency.olga.send(found, "/team", q="%").text


def test_proposals_of_a_large_team_are_found_by_their_worker_s_name(site: Site, agency: Agency) -> None:
    worker = agency.workers[255]
    site.do("submit", site.job(title="Hers"), agency.id, worker_id=worker)
    site.do("submit", site.job(title="Another"), agency.id, worker_id=agency.owner)
    page = small(agency.olga.get("/team/proposals"))
    assert ("Hers" in page.text, "Another" in page.text) == (True, True)
    one = agency.olga.send(page, "/team/proposals", q="FEATHERSTONEHAUGH 255")
    assert str(one.answer.url).endswith(f"?worker={worker}")
    assert ("Hers" in one.text, "Another" in one.text) == (True, False)
    assert "Those of Wilhelmina Featherstonehaugh 255." in one.text
    several = agency.olga.send(page, "/team/proposals", q="haugh 25")
    links = [link for link in several.links if "worker=" in link]
    assert links == [f"/team/proposals?worker={each}" for each in agency.workers[250:260]]
    many = small(agency.olga.send(page, "/team/proposals", q="haugh"))
    assert "270 more people have this in their name." in many.text
    assert "Nobody found" in agency.olga.send(page, "/team/proposals", q="nobody").text


def test_an_operator_sees_how_many_belong_to_a_large_agency_and_reaches_each(site: Site, agency: Agency) -> None:
    people = [
        site.do("create_person", email=f"w{number}@example.com", name="W", seats=[Seat("member", worker)]).id
        for number, worker in enumerate(agency.workers)
    ]
    site.do("remove_member", agency.workers[5])
    oda, at = site.operator(), f"/operate/accounts/{agency.id}"
    page = small(oda.get(at))
    # Of 300 people who sign in and 300 who are members still, eight each are shown.
    assert re.findall(r"And (\d+) more\.", page.text) == ["292", "292"]
    assert f"{at}/members" in page.links
    pages = whole_list(oda, f"{at}/members")
    told = " ".join(each.text for each in pages)
    assert [each for each in (agency.owner, *agency.workers) if each not in told] == []
    # Who was let go has no place there any more.
    signing_in = {f"/operate/people/{each}" for each in people if each != people[5]}
    assert signing_in == {link for each in pages for link in each.links if re.match("/operate/people/.", link)} - {
        f"/operate/people/{site.do('people_of', agency.owner)[0].id}"
    }
    assert told.count("Has left") == 1
    assert at + "/members" in pages[-1].links
    assert oda.get(f"{at}/members?cursor=zzz").text == pages[0].text
    agency.olga.get(f"{at}/members", 404)


def test_whoever_would_do_the_work_is_named_where_there_are_many(site: Site, agency: Agency) -> None:
    olga, path = agency.olga, f"/work/{site.job()}"
    page = small(olga.get(path))
    assert page.form(path).fields["worker_name"] == "Olga"
    nobody = olga.send(page, path, 422, letter="We draw.", worker_name="nobody")
    assert "Nobody who may propose has this in their name." in nobody.text
    many = small(olga.send(nobody, path, 422, worker_name="haugh"))
    assert "This fits 300 people. Please give more of the name." in many.text
    several = small(olga.send(many, path, 422, worker_name="haugh 25"))
    assert "The name fits 10 people. Please choose one of them." in several.text
    chosen = olga.send(several, path, worker=agency.workers[257])
    assert "Wilhelmina Featherstonehaugh 257 would do the work." in chosen.text
    again = olga.send(chosen, path, step="change")
    assert again.form(path).fields["worker_name"] == "Wilhelmina Featherstonehaugh 257"
    looked = olga.send(again, path, worker_name="haugh 299")
    assert "Wilhelmina Featherstonehaugh 299 would do the work." in looked.text
    # Who may not propose can't be named, be it by name or by id, nor who was found before they were barred.
    site.do("change_member", agency.workers[257], can_propose=False)
    barred = olga.send(again, path, 422)
    assert "Nobody who may propose has this in their name." in barred.text
    olga.send(again, path, 422, worker_name="")
    olga.send(looked, path, step="send")
    assert [each.worker_id for each in site.do("proposals_of", agency.id).items] == [agency.workers[299]]


def test_of_two_with_one_name_the_one_who_was_chosen_stays(site: Site, agency: Agency) -> None:
    first, second = (site.do("add_member", agency.id, name="Ida", role="admin").id for _ in range(2))
    olga, path = agency.olga, f"/work/{site.job()}"
    asked = olga.send(olga.get(path), path, 422, letter="We draw.", worker_name="ida")
    assert asked.form(path).fields["worker"] == first
    chosen = olga.send(asked, path, worker=second)
    again = olga.send(chosen, path, step="change")
    olga.send(olga.send(again, path), path, step="send")
    assert [each.worker_id for each in site.do("proposals_of", agency.id).items] == [second]
