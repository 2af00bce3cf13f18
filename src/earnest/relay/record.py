"""Writing down what came of attempts: many in one transaction, which lets others go first."""

from typing import ClassVar

import msgspec

from earnest.ledger import outbox
from earnest.ledger.act import Act, Batch
from earnest.ledger.packing import micros
from earnest.ledger.rows import DeliveryRow, EndpointRow, Micros
from earnest.ledger.store import Needs


class Tried(msgspec.Struct, frozen=True):
    """A delivery as it was read, and as its attempt leaves it. `heard`: whoever it was for took it, or will never."""

    before: DeliveryRow
    after: DeliveryRow
    heard: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the account's next event may be sent."""
        return self.after.status != outbox.WAITING


class RecordAttempts(Act[EndpointRow | None], frozen=True):
    """Write down what came of some attempts at one endpoint, and answer the endpoint after that, None if it is gone.

    What an operator did meanwhile stands: a delivery that isn't as it was read is left as it is, and what a URL failed
    at says nothing about the one that has taken its place. `pause` is why the endpoint is to be paused whatever else.
    """

    answers: ClassVar[type] = EndpointRow
    patient: ClassVar[bool] = True

    endpoint: str
    url: str
    tried: tuple[Tried, ...]
    succeeded: bool
    failing_since: Micros | None
    """When the first one failed after the last success among them."""
    at: Micros
    pause_after: Micros | None
    pause: str | None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.endpoints.add(self.endpoint)
        needs.deliveries.update((each.before.account_id, each.before.seq, self.endpoint) for each in self.tried)

    def decide(self, batch: Batch) -> EndpointRow | None:
        """Keep what is still as it was read, and how the endpoint does."""
        endpoint = batch.endpoint(self.endpoint)
        if endpoint is None:
            return None
        for each in self.tried:
            before = each.before
            known = batch.delivery(before.account_id, before.seq, self.endpoint)
            if known is not None and _turn(known) == _turn(before):
                batch.put(each.after, new=False)
        if endpoint.url == self.url and endpoint.paused_at is None:
            changed = self._judged(endpoint)
            if changed != endpoint:
                batch.put(changed, new=False)
            return changed
        return endpoint

    def _judged(self, endpoint: EndpointRow) -> EndpointRow:
        since = self.failing_since
        if not self.succeeded and endpoint.failing_since is not None:
            since = endpoint.failing_since
        why = self.pause
        patience = self.pause_after
        if why is None and since is not None and patience is not None and self.at - since >= patience:
            why = "it has failed for too long without a success"
        return msgspec.structs.replace(
            endpoint, failing_since=since, paused_at=None if why is None else self.at, paused_because=why
        )


def _turn(row: DeliveryRow) -> tuple[object, ...]:
    """Return what tells whether anybody has touched a delivery."""
    return row.status, row.attempts, row.next_at


def micros_of(seconds: float) -> Micros:
    """Return a duration in microseconds."""
    return round(seconds * 1_000_000)


__all__ = ["RecordAttempts", "Tried", "micros", "micros_of"]
