"""The pages over a fresh database, with a clock that stands.

They know nothing of stores: what they ask is tested on both, and test_either_store.py goes through all of them on each.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.stores import StandingClock
from tests.web.site import Site, visited


@pytest.fixture
def site(new_sqlite: Callable[[], str], clock: StandingClock) -> Iterator[Site]:
    with visited(new_sqlite(), clock) as opened:
        yield opened
