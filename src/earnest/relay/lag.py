"""How far webhooks are behind."""

from typing import Any

import msgspec

from earnest.ledger.ids import ENDPOINT, NOBODY, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant

MOST_COUNTED = 100_000

_WAITING = (
    "select count(*), min(recorded_at) from (select d.recorded_at from endpoint e"
    " join delivery d on d.endpoint_id = e.endpoint_id and d.status = 'waiting'"
    " where e.paused_at is null limit :most) as waiting"
)
_WAITING_FOR = (
    "select count(*), min(recorded_at) from (select recorded_at from delivery"
    " where endpoint_id = id(:endpoint) and status = 'waiting' limit :most) as waiting"
)


class Lag(msgspec.Struct, frozen=True):
    """How many deliveries wait, and how many seconds ago by the ledger's clock the oldest was recorded; 0 for none.

    What waits for paused endpoints isn't counted, unless it is asked about one of them. From `MOST_COUNTED` on it is
    "at least".
    """

    waiting: int
    oldest_seconds: float


async def lag(ledger: Ledger) -> Lag:
    """Return how far webhooks are behind, whichever process sends them. Raises UnavailableError."""
    return _lag(ledger, await ledger.fetch(_WAITING, {"most": MOST_COUNTED}))


async def lag_of(ledger: Ledger, endpoint_id: str) -> Lag:
    """Return how far one endpoint's webhooks are behind; of an unknown one nothing waits. Raises UnavailableError."""
    params = {"endpoint": plain(endpoint_id, ENDPOINT) or NOBODY, "most": MOST_COUNTED}
    return _lag(ledger, await ledger.fetch(_WAITING_FOR, params))


def _lag(ledger: Ledger, rows: list[tuple[Any, ...]]) -> Lag:
    [(waiting, oldest)] = rows
    ago = 0.0 if oldest is None else (ledger.now - instant(oldest)).total_seconds()
    return Lag(waiting, max(0.0, ago))
