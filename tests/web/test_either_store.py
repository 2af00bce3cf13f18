"""All pages, on each store."""

from tests.stores import StandingClock
from tests.web.site import visited
from tests.web.test_every_text import crawl, live


def test_every_page_is_answered_on_either_store(database: str, clock: StandingClock) -> None:
    with visited(database, clock) as site:
        pages = {
            (who, path): page for who, visitor in live(site, clock).items() for path, page in crawl(visitor).items()
        }
        found = [page for page in pages.values() if page.status == 200]
    assert len(found) > 80
    assert all(page.html.count("<h1") == 1 for page in found)
