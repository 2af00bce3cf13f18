"""An operator's pages about people: who may sign in, as what, and the link to set a password."""

import re

from earnest.marketplace.people import Seat
from tests.web.site import Site


def test_a_person_is_added_with_a_place_and_gets_a_link(site: Site) -> None:
    account = site.do("open_account", kind="individual", plan="plus", name="Ana").id
    oda = site.operator()
    page = oda.get(f"/operate/people/add?kind=account&target={account}")
    page = oda.send(page, "/operate/people/add", email="ana@example.com", name="Ana Ferraz")
    assert "They are added." in page.text
    assert "Freelancer: Ana" in page.text
    person = page.path.rpartition("/")[2]
    assert site.do("person", person).seats == [Seat("account", account)]
    # No e-mail leaves here, so the operator is shown the link.
    page = oda.send(page, f"{page.path}/link")
    [secret] = re.findall(r"/password/([\w-]+)<", page.html)
    assert site.do("person_of_link", secret).id == person
    assert secret not in oda.get(f"/operate/people/{person}").html


def test_people_are_found_with_their_places(site: Site) -> None:
    _, account = site.freelancer(name="Ana")
    agency = site.agency("Studio Kestrel")
    member = site.do("add_member", agency, name="Duncan", role="member").id
    site.person("duncan@example.com", Seat("account", account), Seat("member", member), name="Duncan")
    site.client_("Dan")
    oda = site.operator()
    page = oda.get("/operate/people")
    for said in ("Freelancer: Ana", "Member of Studio Kestrel", "Client: Dan", "Operator", "Not set"):
        assert said in page.text, said
    page = oda.send(page, "/operate/people", q="DUNCAN")
    assert "duncan@example.com" in page.text
    assert "Client: Dan" not in page.text
    assert "Nobody found" in oda.get("/operate/people?q=%25").text


def test_places_are_added_and_taken_away_at_once(site: Site) -> None:
    ana, account = site.freelancer(name="Ana")
    [person] = site.do("people_of", account)
    oda, at = site.operator(), f"/operate/people/{person.id}"
    agency = site.agency()
    page = oda.send(oda.get(at), f"{at}/seats", 409, kind="account", target=agency)
    assert "People enter one as its members" in page.text
    page = oda.send(page, f"{at}/seats", 422, kind="client", target="")
    assert "Please fill this in." in page.text
    assert "There is no such client." in oda.send(page, f"{at}/seats", 409, kind="client", target="cli_0").text
    client = site.do("create_client", name="Dan").id
    page = oda.send(oda.get(at), f"{at}/seats", kind="client", target=client)
    assert "Client: Dan" in page.text
    for _ in range(2):
        # Sent once more it takes nothing else away.
        left = oda.send(page, f"{at}/seats/remove", having={"seat": f"account:{account}"})
        assert "Freelancer: Ana" not in left.text
    ana.get("/connects", 404)
    assert site.do("person", person.id).seats == [Seat("client", client)]


def test_an_operator_cant_lock_themselves_out(site: Site) -> None:
    oda = site.operator()
    [person] = site.do("people").items
    at = f"/operate/people/{person.id}"
    page = oda.send(oda.get(at), f"{at}/seats/remove", 409, having={"seat": "operator:"})
    assert "can’t take your own place" in page.text
    assert "You can’t remove yourself" in oda.send(page, f"{at}/remove", 422, sure="yes").text
    assert site.do("person", person.id).seats == [Seat("operator", None)]


def test_a_person_is_renamed_and_let_go(site: Site) -> None:
    ana, account = site.freelancer(name="Ana")
    [person] = site.do("people_of", account)
    oda, at = site.operator(), f"/operate/people/{person.id}"
    page = oda.send(oda.get(at), f"{at}/name", name="Ana <script>")
    assert "Ana <script>" in page.text
    assert "<script>" not in page.html.replace('<script src="', "")
    assert "if you mean it" in oda.send(page, f"{at}/remove", 422).text
    page = oda.send(page, f"{at}/remove", sure="yes")
    assert (page.path, "signed out everywhere" in page.text) == ("/operate/people", True)
    assert ana.get("/you").path == "/sign-in"
    assert site.do("account", account).name == "Ana"
    assert oda.get(at, 404)


def test_an_address_that_is_taken_or_none_is_said_to_be(site: Site) -> None:
    site.freelancer(name="Ana")
    site.person("dan@example.com", name="Dan")
    oda = site.operator()
    page = oda.send(
        oda.get("/operate/people/add"), "/operate/people/add", 409, kind="operator", email="DAN@example.com"
    )
    assert "Somebody has this address already" in page.text
    page = oda.send(page, "/operate/people/add", 422, email="nowhere")
    assert page.form("/operate/people/add").fields["email"] == "nowhere"
    assert oda.get("/operate/people/per_0", 404)
