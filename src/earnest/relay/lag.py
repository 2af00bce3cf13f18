"""How far webhooks are behind."""

import msgspec

from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant

MOST_COUNTED = 100_000

_WAITING = (
    "select count(*), min(recorded_at) from (select d.recorded_at from endpoint e"
    " join delivery d on d.endpoint_id = e.endpoint_id and d.status = 'waiting'"
    " where e.paused_at is null limit :most) as waiting"
)


class Lag(msgspec.Struct, frozen=True):
    """How many deliveries wait, and how many seconds ago by the ledger's clock the oldest was recorded; 0 for none.

    What waits for paused endpoints isn't counted. From `MOST_COUNTED` on it is "at least".
    """

    waiting: int
    oldest_seconds: float


async def lag(ledger: Ledger) -> Lag:
    """Return how far webhooks are behind, whichever process sends them. Raises UnavailableError."""
    [(waiting, oldest)] = await ledger.fetch(_WAITING, {"most": MOST_COUNTED})
    ago = 0.0 if oldest is None else (ledger.now - instant(oldest)).total_seconds()
    return Lag(waiting, max(0.0, ago))
