"""The balance, the journal with each line explained, and the file of it."""

from datetime import timedelta

from tests.stores import StandingClock
from tests.web.site import Site, Visitor


def eventful(site: Site, clock: StandingClock) -> tuple[Visitor, str]:
    """A freelancer to whom everything that a journal can tell of has happened."""
    ana, account = site.freelancer("basic")
    site.do("change_plan", account, "plus")
    kept, back = site.job(title="Kept"), site.job(title="Back")
    site.do("submit", kept, account)
    site.do("submit", back, account)
    free = site.job(title="Free")
    site.do("invite", free, account)
    site.do("submit", free, account)
    site.do("close_job", back, "cancelled")
    bought = site.do("buy", account, 4).id
    site.do("confirm_purchase", bought)
    site.do("reverse_purchase", bought)
    site.do("confirm_purchase", site.do("buy", account, 5).id)
    site.do("grant", account, 3, reason="for a talk", expires_at=clock.now + timedelta(days=2))
    site.do("revoke", account, 1, reason="counted twice")
    site.do("grant", account, 300, reason="too much")
    clock.move(days=40)
    return ana, account


def test_the_balance_says_what_expires_when(site: Site, clock: StandingClock) -> None:
    ana, account = site.freelancer()
    site.do("grant", account, 9, reason="so", expires_at=clock.now + timedelta(days=5))
    site.do("confirm_purchase", site.do("buy", account, 100).id)
    page = ana.get("/connects")
    assert "179" in page.text
    assert "9 connects expire at Jan 8, 2024, " in page.text
    assert "30 connects expire at the end of Jan 31, 2024" in page.text
    assert "On Feb 1, 2024 the next 70 connects arrive." in page.text
    assert "at most 140 connects are carried over" in page.text
    site.do("change_plan", account, "basic")
    page = ana.get("/connects")
    assert "170 connects expire at the end of Jan 31, 2024" in page.text
    assert "The plan changes to Basic then, and nothing is carried over." in page.text


def test_a_debt_is_told(site: Site) -> None:
    ana, account = site.freelancer()
    bought = site.do("buy", account, 2).id
    site.do("confirm_purchase", bought)
    site.do("revoke", account, 70, reason="so")
    site.do("submit", site.job(), account)
    site.do("reverse_purchase", bought)
    assert "so 2 connects are owed" in ana.get("/connects").text


def test_months_show_what_came_of_the_connects(site: Site) -> None:
    ana, account = site.freelancer()
    for title in ("One", "Two", "Three"):
        sent = site.do("submit", site.job(title=title), account, cover_letter="The very same letter, word for word.")
    site.do("hire", sent.id)
    page = ana.get("/connects")
    assert "Proposals 3 Hires 1 Hire rate 33% Invitations 0" in page.text
    assert "mostly one letter: 100% of each stands in another too" in page.text


def test_every_line_of_a_journal_is_explained(site: Site, clock: StandingClock) -> None:
    ana, _ = eventful(site, clock)
    page = ana.get("/connects/journal")
    [more] = [link for link in page.links if "cursor=" in link] or [None]
    text = page.text + (ana.get(more).text if more else "")
    for said in (
        "The month’s allotment on the plan Basic.",
        "More, for moving up to the plan Plus.",
        "Proposed to “Kept”.",
        "Proposed to “Free” by invitation, which is free.",
        "Back from “Back”: it was closed without a hire.",
        "Bought and paid for.",
        "Taken back: the payment for them was taken back.",
        "A bonus: for a talk",
        "The rest of a bonus expired unused.",
        "Taken back by an operator: counted twice",
        "Forfeited: the plan Plus allows to hold 350 connects, and no more.",
        "Carried out of the month that ended.",
        "Carried into February 2024.",
        "Expired unused",
    ):
        assert said in text, said


def test_lines_that_would_read_alike_say_which_part_they_are(site: Site, clock: StandingClock) -> None:
    ana, account = site.freelancer()
    for days in (2, 3):
        site.do("grant", account, 1, reason="so", expires_at=clock.now + timedelta(days=days))
    site.do("submit", site.job(title="Logo"), account)
    page = ana.get("/connects/journal")
    first, second = (page.text.index(f"Proposed to “Logo”, with connects of a bonus. Part {n} of 2.") for n in (1, 2))
    assert second < first
    assert page.text.count("Part ") == 2


def test_the_journal_is_shown_the_latest_first_and_filtered(site: Site, clock: StandingClock) -> None:
    ana, account = eventful(site, clock)
    lines = site.do("entries", account, limit=500).items
    page = ana.get("/connects/journal")
    assert page.text.index("Feb 1, 2024") < page.text.index("Jan 3, 2024")
    only = ana.get("/connects/journal?kind=purchase&since=2024-01-03&until=2024-01-03")
    assert only.html.count("Bought and paid for.") == 2
    assert "allotment on" not in only.text
    assert "No lines like these" in ana.get("/connects/journal?kind=purchase&since=2024-01-04").text
    assert "No lines like these" in ana.get("/connects/journal?until=2024-01-02").text
    # All of it, page by page, is the journal backwards.
    shown, path = [], "/connects/journal"
    while path:
        page = ana.get(path)
        shown += list(page.html.split("<tr>")[2:])
        path = next((link for link in page.links if "cursor=" in link), "")
    assert len(shown) == len(lines)
    for query in ("kind=odd", "since=yesterday", "until=2024-02-31", "since=9999-99-99"):
        assert "One thing isn’t right yet" in ana.get(f"/connects/journal?{query}", 422).text
    assert ana.get("/connects/journal?cursor=odd").path == "/connects/journal"


def test_the_file_of_a_journal_has_what_the_filters_leave(site: Site, clock: StandingClock) -> None:
    ana, account = eventful(site, clock)
    lines = site.do("entries", account, limit=500).items
    answer = ana.client.get("/connects/journal.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="journal.csv"'
    assert answer.headers["cache-control"] == "no-store"
    written = answer.text.splitlines()
    assert [line.split(",")[0] for line in written] == ["id", *(line.id for line in lines)]
    page = ana.get("/connects/journal?kind=spend")
    [link] = [link for link in page.links if ".csv" in link]
    assert ana.client.get(link).text.count(",spend,") == 3
    assert ana.client.get("/connects/journal.csv?kind=odd").status_code == 422


def test_a_debt_paid_from_an_allotment_is_explained(site: Site, clock: StandingClock) -> None:
    ana, account = site.freelancer()
    bought = site.do("buy", account, 2).id
    site.do("confirm_purchase", bought)
    site.do("revoke", account, 70, reason="so")
    site.do("submit", site.job(), account)
    site.do("reverse_purchase", bought)
    clock.move(days=30)
    said = "Taken towards a debt: a payment for connects spent before was taken back."
    assert said in ana.get("/connects/journal?kind=revoke").text
