"""An agency's pages about its people: the pool, who spent what, proposals by worker, who may do what."""

import pytest

from earnest.marketplace.people import Seat
from earnest.web.mailing import Mailing
from tests.stores import StandingClock
from tests.web.site import Page, Site, Visitor


def _roles(site: Site, agency: str) -> dict[str, tuple[str, bool | None]]:
    """Everybody on the team, by name, with what they may do."""
    return {each.name: (each.role, each.can_propose) for each in site.do("members", agency).items}


def _row(name: str, role: str, *figures: int) -> str:
    """A member's row as it is read, cell by cell."""
    counted = zip(("Proposals", "Hires", "Spent", "Came back"), figures, strict=True)
    return f"{name} {role} " + " ".join(f"{label} {figure}" for label, figure in counted)


def test_the_pool_and_who_spent_what_are_shown(site: Site, clock: StandingClock) -> None:
    agency = site.agency()
    olga, owner = site.member(agency)
    _, tom = site.member(agency, "admin", "Tom")
    _, ida = site.member(agency, "member", "Ida")
    site.do("submit", site.job(budget=6_000_00), agency, worker_id=owner)
    clock.move(days=31)
    back = site.job()
    for job, worker in ((back, owner), (site.job(), tom), (site.job(), owner)):
        site.do("submit", job, agency, worker_id=worker)
    site.do("close_job", back, "cancelled")
    site.do("remove_member", tom)
    page = olga.get("/team?months=1")
    assert page.form("/team").fields["months"] == "1"
    assert _row("Olga you", "Owner, may propose", 2, 0, 4, 2) in page.text
    assert _row("Tom", "Has left", 1, 0, 2, 0) in page.text
    assert _row("Ida", "Member, may not propose", 0, 0, 0, 0) in page.text
    assert "Together Proposals 3 Hires 0 Spent 6 Came back 2" in page.text
    assert f"{site.do('balance', agency).available} connects" in page.text
    assert "expire at the end of" in page.text
    assert _row("Olga you", "Owner, may propose", 3, 0, 9, 2) in olga.get("/team").text
    assert olga.get("/team?months=99999999999").form("/team").fields["months"] == "3"
    # Who has left and spent nothing in these months is no more on it.
    clock.move(days=120)
    assert "Tom" not in olga.get("/team?months=1").text
    site.do("change_member", ida, can_propose=True)
    assert "Ida Member, may propose" in olga.get("/team").text


def test_proposals_are_listed_by_worker(site: Site) -> None:
    agency = site.agency()
    olga, owner = site.member(agency)
    _, tom = site.member(agency, "admin", "Tom")
    mine, his = site.job(title="Hers"), site.job(title="His")
    site.do("submit", mine, agency, worker_id=owner)
    sent = site.do("submit", his, agency, worker_id=tom)
    everything = olga.get("/team/proposals")
    assert "Hers" in everything.text
    assert "His" in everything.text
    chosen = olga.send(everything, "/team/proposals", worker=tom)
    assert f"/proposals/{sent.id}" in chosen.links
    assert "Hers" not in chosen.text
    assert "His" in olga.get(f"/team/members/{tom}").text
    site.do("close_job", his, "cancelled")
    assert "His Worker Tom Sent Jan 3 Status Closed Spent 2 Came back 2" in olga.get("/team/proposals").text
    assert olga.get("/team/proposals?cursor=zzz").path == "/team/proposals"


def test_a_long_list_goes_on(site: Site, clock: StandingClock) -> None:
    agency = site.agency()
    olga, owner = site.member(agency)
    for number in range(22):
        clock.move(seconds=1)
        site.do("submit", site.job(title=f"Job {number}", budget=10_00), agency, worker_id=owner)
    for path in ("/team/proposals", f"/team/proposals?worker={owner}", f"/team/members/{owner}"):
        [more] = [link for link in olga.get(path).links if "cursor=" in link]
        rest = olga.get(more)
        assert "Job 0 " in rest.text
        assert "Job 2 " not in rest.text
        assert "Back to the beginning" in rest.text


def test_a_new_member_signs_in_with_their_address(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    page = olga.get("/team/add")
    filled = {"name": "Ida", "email": "Ida@example.com", "role": "admin", "can_propose": "no"}
    added = olga.send(page, "/team/add", **filled)
    assert "They belong to the team now." in added.text
    assert "Ida@example.com" in added.text
    # Twice is once.
    assert olga.send(page, "/team/add", **filled).path == added.path
    assert _roles(site, agency) == {"Olga": ("owner", None), "Ida": ("admin", False)}
    ida = site.do("person_by_email", "ida@example.com")
    assert [seat.kind for seat in ida.seats] == ["member"]
    assert site.signed_in(ida.id).get("/").path == "/work"


def test_whoever_signs_in_already_gets_one_more_place(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    account = site.do("open_account", kind="individual", plan="plus", name="Ana").id
    site.person("ana@example.com", Seat("account", account), name="Ana Secretname")
    added = olga.send(olga.get("/team/add"), "/team/add", name="Ana", email="ana@example.com", can_propose="")
    assert "Secretname" not in added.text
    seats = site.do("person_by_email", "ana@example.com").seats
    assert [seat.kind for seat in seats] == ["account", "member"]


def test_what_is_wrong_with_a_new_member_is_said(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    page = olga.send(olga.get("/team/add"), "/team/add", 422, name="", email="not an address")
    assert "Please fill this in." in page.text
    assert "an address as in ana@example.com" in page.text
    assert page.form("/team/add").fields["email"] == "not an address"
    assert olga.post("/team/add", name="X", email="x@example.com", role="king", can_propose="").status_code == 422
    assert len(_roles(site, agency)) == 1


def test_owners_and_admins_change_what_a_member_may_do(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    _, tom = site.member(agency, "member", "Tom", can_propose=True)
    page = olga.get(f"/team/members/{tom}")
    fields = page.form(f"/team/members/{tom}").fields
    assert (fields["role"], fields["can_propose"]) == ("member", "yes")
    done = olga.send(page, f"/team/members/{tom}", role="owner", can_propose="")
    assert "What they may do is changed." in done.text
    assert _roles(site, agency)["Tom"] == ("owner", None)


def test_an_admin_leaves_owners_alone_and_makes_none(site: Site) -> None:
    agency = site.agency()
    _, owner = site.member(agency)
    site.member(agency, "owner", "Otto")
    ada, admin = site.member(agency, "admin", "Ada")
    page = ada.get(f"/team/members/{owner}")
    assert "Only an owner can change what an owner may do, or make somebody one." in page.text
    assert f"/team/members/{owner}" not in [form.action for form in page.forms]
    for path, fields in (
        (f"/team/members/{owner}", {"role": "member", "can_propose": ""}),
        (f"/team/members/{owner}/remove", {}),
        (f"/team/members/{owner}/seat", {"email": "ada@example.com"}),
    ):
        assert ada.post(path, **fields).status_code == 403
    assert ada.post(f"/team/members/{admin}", role="owner", can_propose="").status_code == 422
    assert ada.post("/team/add", name="X", email="x@example.com", role="owner", can_propose="").status_code == 422
    assert _roles(site, agency) == {"Olga": ("owner", None), "Otto": ("owner", None), "Ada": ("admin", None)}


def test_an_owner_stays_one_until_another_owner_changes_that(site: Site) -> None:
    agency = site.agency()
    olga, owner = site.member(agency)
    page = olga.get(f"/team/members/{owner}")
    assert "An owner stays one until another owner changes that." in page.text
    assert f"/team/members/{owner}/remove" not in page.links
    olga.get(f"/team/members/{owner}/remove", 403)
    for path, fields in (
        (f"/team/members/{owner}", {"role": "admin", "can_propose": ""}),
        (f"/team/members/{owner}/remove", {}),
    ):
        refused = Page(olga.post(path, **fields))
        assert (refused.status, "until another owner changes that" in refused.text) == (403, True)
    # Whether they propose themselves is theirs to say.
    olga.send(page, f"/team/members/{owner}", can_propose="no")
    assert _roles(site, agency) == {"Olga": ("owner", False)}
    otto, _ = site.member(agency, "owner", "Otto")
    otto.send(otto.get(f"/team/members/{owner}"), f"/team/members/{owner}", role="admin")
    assert _roles(site, agency) == {"Olga": ("admin", False), "Otto": ("owner", None)}


def test_removing_twice_is_removing_once(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    _, tom = site.member(agency, "member", "Tom")
    page = olga.get(f"/team/members/{tom}/remove")
    for _ in range(2):
        assert olga.send(page, f"/team/members/{tom}/remove").path == "/team"
    olga.send(page, f"/team/members/{tom}/remove", 404, once="another time")


def test_who_is_removed_can_do_nothing_from_then_on(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    tom, member = site.member(agency, "admin", "Tom")
    site.do("submit", site.job(), agency, worker_id=member)
    page = olga.get(f"/team/members/{member}/remove")
    assert "What they spent stays spent." in page.text
    gone = olga.send(page, f"/team/members/{member}/remove")
    assert (gone.path, "They no longer belong to the team." in gone.text) == ("/team", True)
    tom.get("/team", 404)
    left = olga.get(f"/team/members/{member}")
    assert "They have left the team" in left.text
    for path in (f"/team/members/{member}", f"/team/members/{member}/remove", f"/team/members/{member}/seat"):
        assert olga.post(path, role="owner", can_propose="", email="t@example.com").status_code == 404


def test_an_admin_can_leave(site: Site) -> None:
    agency = site.agency()
    site.member(agency)
    ada, admin = site.member(agency, "admin", "Ada")
    page = ada.get(f"/team/members/{admin}/remove")
    assert "Leave the team?" in page.text
    assert ada.send(page, f"/team/members/{admin}/remove").path == "/you"
    assert _roles(site, agency) == {"Olga": ("owner", None)}


def test_a_member_whom_nobody_acts_for_yet_is_given_an_address(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    ida = site.do("add_member", agency, name="Ida").id
    page = olga.get(f"/team/members/{ida}")
    assert "an address as in" in olga.send(page, f"/team/members/{ida}/seat", 422, email="ida").text
    done = olga.send(page, f"/team/members/{ida}/seat", email="ida@example.com")
    assert "ida@example.com" in done.text
    # Only the first: who acts for whom isn't changed in passing.
    again = Page(olga.post(f"/team/members/{ida}/seat", email="eve@example.com"))
    assert (again.status, "Somebody else signs in as them already." in again.text) == (422, True)
    assert olga.post(f"/team/members/{ida}/seat", email="Ida@example.com").status_code == 303
    assert [each.email for each in site.do("people_of", ida)] == ["ida@example.com"]
    assert site.do("person_by_email", "eve@example.com") is None


@pytest.mark.parametrize("can_propose", [True, None])
def test_a_plain_member_looks_and_changes_nothing(site: Site, can_propose: bool | None) -> None:
    agency = site.agency()
    _, owner = site.member(agency)
    mia, member = site.member(agency, "member", "Mia", can_propose=can_propose)
    _, other = site.member(agency, "member", "Tom")
    page = mia.get("/team")
    assert "/team/add" not in page.links
    assert "Olga" in page.text
    assert "An owner or an admin does this" in mia.get("/team/add").text
    for known in (owner, other, member):
        shown = mia.get(f"/team/members/{known}")
        assert "Owners and admins decide who may do what." in shown.text
        assert "@example.com" not in shown.text
        forbidden = [
            (f"/team/members/{known}", {"role": "owner", "can_propose": ""}),
            (f"/team/members/{known}/seat", {"email": "mia@example.com"}),
        ]
        # Leaving is everybody's own choice.
        assert (f"/team/members/{known}/remove" in shown.links) == (known == member)
        if known != member:
            mia.get(f"/team/members/{known}/remove", 403)
            forbidden.append((f"/team/members/{known}/remove", {}))
        for path, fields in forbidden:
            assert mia.post(path, **fields).status_code == 403
    new = {"name": "X", "email": "x@example.com", "role": "member", "can_propose": ""}
    assert mia.post("/team/add", **new).status_code == 403
    assert _roles(site, agency) == {
        "Olga": ("owner", None),
        "Mia": ("member", can_propose),
        "Tom": ("member", None),
    }
    left = mia.send(mia.get(f"/team/members/{member}/remove"), f"/team/members/{member}/remove")
    assert left.path == "/you"
    assert "Mia" not in _roles(site, agency)


def test_another_agency_s_team_is_as_if_it_were_not_there(site: Site) -> None:
    agency = site.agency()
    _, owner = site.member(agency)
    eve, _ = site.member(site.agency("Elsewhere"), name="Eve")
    freelancer, _ = site.freelancer()
    strangers: list[Visitor] = [eve, freelancer]
    for visitor in strangers:
        for path in (f"/team/members/{owner}", f"/team/members/{owner}/remove", f"/team/proposals?worker={owner}"):
            visitor.get(path, 404)
        for path in (f"/team/members/{owner}", f"/team/members/{owner}/remove", f"/team/members/{owner}/seat"):
            fields = {"role": "member", "can_propose": "", "email": "eve@example.org"}
            assert visitor.post(path, **fields).status_code == 404
    freelancer.get("/team", 404)
    assert _roles(site, agency) == {"Olga": ("owner", None)}
    assert "Olga" not in eve.get("/team").text


def test_without_its_token_a_form_changes_nobody(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    _, tom = site.member(agency, "member", "Tom")
    data = {"role": "owner", "can_propose": "", "name": "X", "email": "x@example.com"}
    for path in (f"/team/members/{tom}", f"/team/members/{tom}/remove", "/team/add"):
        assert olga.client.post(path, data=data).status_code == 403
    assert _roles(site, agency)["Tom"] == ("member", None)


def test_an_owner_or_admin_chooses_who_would_do_the_work(site: Site) -> None:
    agency = site.agency()
    olga, owner = site.member(agency)
    tom, member = site.member(agency, "member", "Tom", can_propose=True)
    _, ida = site.member(agency, "member", "Ida")
    job, path = site.job(), "/work/"
    page = olga.get(path + job)
    assert page.form(path + job).fields["worker"] == owner
    assert "Ida" not in page.text
    # Who may not propose can't be named, by whatever is sent.
    refused = olga.send(page, path + job, 422, letter="We draw.", worker=ida)
    assert "Please choose one of these." in refused.text
    looked = olga.send(page, path + job, letter="We draw.", worker=member)
    assert "Tom would do the work." in looked.text
    olga.send(looked, path + job, step="send")
    assert [each.worker_id for each in site.do("proposals_of", agency).items] == [member]
    # A member sends as themselves, whoever is named.
    other = site.job(title="Another")
    page = tom.get(path + other)
    assert "worker" not in page.form(path + other).fields
    looked = tom.send(page, path + other, letter="I draw.", worker=owner)
    tom.send(looked, path + other, step="send", worker=owner)
    assert [each.worker_id for each in site.do("proposals_of", agency).items] == [member, member]


def test_who_manages_and_does_not_propose_sends_for_those_who_do(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency, "owner", "Olga", can_propose=False)
    _, tom = site.member(agency, "admin", "Tom")
    job = site.job()
    looked = olga.send(olga.get(f"/work/{job}"), f"/work/{job}", letter="We draw.")
    olga.send(looked, f"/work/{job}", step="send")
    assert [each.worker_id for each in site.do("proposals_of", agency).items] == [tom]


def test_a_link_to_set_a_password_goes_to_whoever_is_new_here_and_to_nobody_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(Mailing, "send_link", lambda _mailing, _market, email, address: sent.append(email))
    agency = site.agency()
    olga, _ = site.member(agency)
    account = site.do("open_account", kind="individual", plan="plus", name="Ana").id
    site.person("ana@example.com", Seat("account", account))
    page = olga.get("/team/add")
    olga.send(page, "/team/add", name="Ida", email="ida@example.com")
    olga.send(page, "/team/add", name="Ida", email="ida@example.com")
    olga.send(olga.get("/team/add"), "/team/add", name="Ana", email="ana@example.com")
    assert sent == ["ida@example.com"]
