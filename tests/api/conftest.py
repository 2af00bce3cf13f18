"""The API over a fresh database of each store, with a clock that stands."""

from collections.abc import Iterator

import pytest

from tests.api.asking import Api, serving
from tests.server.running import serve
from tests.stores import StandingClock


@pytest.fixture
def api(database: str, clock: StandingClock) -> Iterator[Api]:
    with serving(database, clock) as asked:
        yield asked


__all__ = ["api", "serve"]
