"""Every text that a reader sees goes through the catalogues: in a made-up language, nothing of English is left.

The language has the letters of no word of ours (each of A to Z is put as its double-struck form), all that people
have typed is Greek, dates are Bulgarian, and connects bear Greek names too; so any plain Latin letter on a page stands
in the code or a template as it is.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from babel.support import NullTranslations

from earnest.web import words
from tests.stores import StandingClock
from tests.web.site import Page, Site, Visitor, visited

LOCALE = "bg"
_LETTERS = str.maketrans(
    {chr(65 + at): chr(0x1D538 + at) for at in range(26)} | {chr(97 + at): chr(0x1D552 + at) for at in range(26)}
)
# Names that are the same in every language, and ids.
_KEPT = re.compile(
    r"Earnest|\bUTC\b|\b[A-Z]{3}\b|\b(?:acc|job|prp|ent|pur|mem|cli|lot|key|whe|del|evt)_[0-9a-f_]+|\S+@example\.com"
    r"|\bBasic\b|\bPlus\b|\bAgency\b|\barticle\b|https?://\S+|\bCSV\b|webhooks?\.\w+|\b(?:[a-z]+\.)+[a-z]+\b"
)
_PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")


class MadeUp(NullTranslations):
    """Translations into the made-up language."""

    def gettext(self, message: str) -> str:
        """Return a text in it, its placeholders as they are."""
        pieces = _PLACEHOLDER.split(message)
        marks = _PLACEHOLDER.findall(message)
        said = [piece.translate(_LETTERS) for piece in pieces]
        return "".join(piece + mark for piece, mark in zip(said, [*marks, ""], strict=True))

    def ngettext(self, singular: str, plural: str, n: int) -> str:  # type: ignore[override]
        """Return the plural in it."""
        return self.gettext(singular if n == 1 else plural)


@pytest.fixture
def site(
    clock: StandingClock, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setattr(words, "catalogue", lambda _: MadeUp())
    monkeypatch.setattr(words, "locale_of", lambda _: LOCALE)
    monkeypatch.setattr("earnest.web.visit.locale_of", lambda _: LOCALE)
    folder = tmp_path_factory.mktemp("greek")
    pack = folder / "greek.toml"
    article = words.CATALOGUES.parents[1] / "packs" / "article.toml"
    text = article.read_text(encoding="utf-8")
    text = text.replace('"connect"', '"σύνδεσμος"').replace('"connects"', '"σύνδεσμοι"')
    text = re.sub(r'benefits = ".*"', 'benefits = "Όλα."', text)
    pack.write_text(text, encoding="utf-8")
    with visited(f"sqlite:///{folder}/greek.db", clock, pack=str(pack)) as opened:
        yield opened


def left_in_english(page: Page) -> list[str]:
    """The texts of a page that have plain Latin letters in them."""
    return [text for text in page.texts if re.search(r"[A-Za-z]", _KEPT.sub("", text))]


def crawl(visitor: Visitor, start: str = "/", most: int = 120) -> dict[str, Page]:
    """Every page that links lead to, one of each kind."""
    pages: dict[str, Page] = {}
    waiting, seen = [start], set()
    while waiting and len(pages) < most:
        path = waiting.pop(0).partition("#")[0]
        kind = re.sub(r"_[0-9a-f]{32}(_\d+)?|=[^&]+", "", path)
        if kind in seen or path.startswith(("/v1", "/schema", "/static")) or ".csv" in path:
            continue
        seen.add(kind)
        page = Page(visitor.client.get(path, follow_redirects=True))
        assert page.status in (200, 404, 422), f"{path}: {page.status}"
        pages[path] = page
        waiting += [link for link in page.links if link.startswith("/")]
        waiting += [form.action for form in page.forms if form.method == "get" and form.action.startswith("/")]
    return pages


def live(site: Site, clock: StandingClock) -> dict[str, Visitor]:
    """A marketplace in which everything has happened once, told in Greek; and a browser for each role."""
    client, client_id = site.client_(name="Δανάη")
    ana, ana_id = site.freelancer(name="Άννα")
    ben, ben_id = site.freelancer("basic", name="Βίων")
    agency_id = site.agency("Στούντιο")
    owner, owner_id = site.member(agency_id, name="Όλγα")
    member, _ = site.member(agency_id, "member", name="Μάξιμος")
    more = {"title": "Σήμα", "description": "Κείμενο.", "skills": ["γραφή"]}
    jobs = [site.job(client_id, **more) for _ in range(6)]
    hourly = site.job(
        client_id,
        **more | {"type": "hourly", "budget": None, "duration": "over_6_months", "weekly_hours": "30_or_more"},
    )
    sent = [site.do("submit", job, ana_id, cover_letter="Καλημέρα σε όλους.", bid=100_00) for job in jobs[:5]]
    site.do("submit", jobs[0], ben_id, cover_letter="Καλημέρα.")
    site.do("submit", jobs[0], agency_id, worker_id=owner_id, cover_letter="Χαίρετε.")
    site.do("withdraw", sent[1].id)
    site.do("decline", sent[2].id)
    site.do("hire", sent[3].id)
    site.do("close_job", jobs[4], "cancelled")
    site.do("close_job", jobs[3], "filled")
    site.do("invite", hourly, ana_id)
    site.do("grant", ana_id, 5, reason="δώρο", expires_at=clock.now + timedelta(days=2))
    site.do("revoke", ana_id, 1, reason="λάθος")
    bought = site.do("buy", ana_id, 10)
    site.do("confirm_purchase", bought.id)
    site.do("buy", ana_id, 3)
    reversed_ = site.do("buy", ana_id, 2)
    site.do("confirm_purchase", reversed_.id)
    site.do("reverse_purchase", reversed_.id)
    site.do("suspend", ben_id, reason="λόγος")
    site.do("appeal", ben_id, "παρακαλώ")
    site.do("change_plan", ana_id, "basic")
    clock.now += timedelta(days=40)
    operator = site.operator("Όντα")
    return {"ana": ana, "ben": ben, "client": client, "owner": owner, "member": member, "operator": operator}


def test_no_text_of_any_page_is_left_in_english(site: Site, clock: StandingClock) -> None:
    visitors = live(site, clock)
    pages = {("nobody", path): page for path, page in crawl(site.visitor(), "/sign-in").items()}
    for name, visitor in visitors.items():
        pages |= {(name, path): page for path, page in crawl(visitor).items()}
    ana = visitors["ana"]
    site.do("create_person", email="new@example.com")
    _, secret = site.do("password_link", "new@example.com")
    pages |= {("ana", path): Page(ana.client.get(path)) for path in (f"/password/{secret}", "/unsubscribe/unknown")}
    left = {where: texts for where, page in pages.items() if (texts := left_in_english(page))}
    assert not left, "\n".join(f"{who} {path}: {texts[:6]}" for (who, path), texts in left.items())
    # The crawl did reach the pages.
    assert len(pages) > 40, sorted(pages)


def test_a_text_left_in_english_is_found(site: Site) -> None:
    page = site.visitor().get("/sign-in")
    assert not left_in_english(page)
    page.texts.append("Sign in")
    assert left_in_english(page) == ["Sign in"]
