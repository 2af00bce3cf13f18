"""The pages over a fresh database of each store, with a clock that stands."""

from collections.abc import Iterator

import pytest

from tests.stores import StandingClock
from tests.web.site import Site, visited


@pytest.fixture
def site(database: str, clock: StandingClock) -> Iterator[Site]:
    with visited(database, clock) as opened:
        yield opened
