"""Three months of a marketplace, day by day: what happens every day, and what happens by the story.

Chance is seeded, and nothing depends on when a request is answered: told twice, the story is the same.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from earnest.demo import cast
from earnest.demo.episodes import EPISODES
from earnest.demo.everyday import Everyday
from earnest.demo.personas import seat
from earnest.demo.stage import Stage, StoryError, must
from earnest.demo.story import Story
from earnest.demo.texts import Texts
from earnest.ledger.ids import Ids
from earnest.marketplace import AsyncMarketplace

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
NOW = datetime(2026, 4, 24, 9, tzinfo=UTC)
"""When the history begins, and where the clock stands after it."""

SEED = 3
"""One with which everybody the story needs is where it needs them; StoryError tells of another."""

LAST_DAYS = timedelta(days=15)
"""For how long before the end more work is posted, so that there is much to be found."""

WEEKDAY, WEEKEND = ((8, 10), (11, 13), (15, 17), (19, 21)), ((10, 13), (16, 20))
"""Between which hours the instants of a day lie."""


def ids() -> Ids:
    """Return what makes a demo's ids: a marketplace that is opened with it gets the same ones each time."""
    return Ids(Random(SEED))


async def fill(market: AsyncMarketplace) -> None:
    """Live the demo's months in an empty sandbox whose clock stands at START, and leave the clock at NOW.

    Raises SandboxError for a real marketplace, StoryError for one whose clock stands elsewhere, or that refuses what
    the story needs, as one that isn't empty may.
    """
    clock = await market.sandbox_clock()
    if clock.now != START:
        raise StoryError(f"expected a sandbox whose clock stands at {START.isoformat()}, got {clock.now.isoformat()}")
    chance = Random(SEED)
    stage = Stage(market, cast.read(), Texts(chance), chance)
    everyday = Everyday(stage, NOW - LAST_DAYS)
    story = Story(stage, everyday)
    await stage.open()
    await stage.admit()
    episodes = list(EPISODES)
    for now in _instants(chance):
        while episodes and episodes[0].at < now:
            episode = episodes.pop(0)
            must(await market.move_clock(episode.at))
            await episode.do(story)
        must(await market.move_clock(now))
        await stage.admit()
        await everyday.live()
    for episode in episodes:
        must(await market.move_clock(episode.at))
        await episode.do(story)
    must(await market.move_clock(NOW))
    await seat(stage)


def _instants(chance: Random) -> Iterator[datetime]:
    """Yield when something happens: a few times a day, never at the same minute of two days."""
    day = START.replace(hour=0)
    while day < NOW:
        for first, last in WEEKEND if day.weekday() >= 5 else WEEKDAY:
            now = day + timedelta(hours=first, seconds=chance.randrange((last - first) * 3600))
            if START < now < NOW:
                yield now
        day += timedelta(days=1)
