"""Clients: who posts jobs."""

from typing import ClassVar

import msgspec

from earnest.ledger.act import Act, Batch
from earnest.ledger.ids import CLIENT
from earnest.ledger.ledger import Ledger
from earnest.ledger.rows import ClientRow, ExternalRow
from earnest.ledger.sql import ERASE_PEOPLE, names
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace.given import MOST_NAME, find, idempotency_key, optional_text
from earnest.marketplace.shown import ClientShown
from earnest.rules.outcome import Refusal, Refused

_CLIENT = f"select {names(ClientRow)} from client where client_id = id(:client)"  # noqa: S608


class CreateClient(Act[ClientShown], frozen=True):
    """Make a client known."""

    answers: ClassVar[type] = ClientShown

    name: str | None
    external_id: str | None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        if self.external_id is not None:
            needs.externals.add(("client", self.external_id))

    def decide(self, batch: Batch) -> ClientShown | Refused:
        """Keep it under a new id."""
        if self.external_id is not None and batch.external("client", self.external_id) is not None:
            return Refused(Refusal.EXTERNAL_ID_TAKEN, {"external_id": self.external_id})
        client_id = batch.ids.new(batch.now)
        batch.put(ClientRow(client_id, batch.at, self.name, self.external_id))
        if self.external_id is not None:
            batch.put(ExternalRow("client", self.external_id, client_id))
        return ClientShown(f"{CLIENT}{client_id}")


async def create_client(
    ledger: Ledger, *, name: str | None = None, external_id: str | None = None, key: str | Key | None = None
) -> ClientShown | Refused:
    """Make a client known, who can then post jobs. Refused as `external_id_taken`."""
    act = CreateClient(optional_text("name", name, MOST_NAME), optional_text("external_id", external_id, MOST_NAME))
    answer = await ledger.do(act, idempotency_key(key))
    if isinstance(answer, Refused):
        return answer
    return msgspec.structs.replace(answer, name=name, external_id=external_id)


async def client(ledger: Ledger, client_id: str) -> ClientShown | Refused:
    """Show a client."""
    found = await find(ledger, "client", client_id)
    row = None if found is None else await ledger.fetch_one(_CLIENT, {"client": found})
    if row is None:
        return Refused(Refusal.UNKNOWN_CLIENT)
    kept = ClientRow(*row)
    return ClientShown(f"{CLIENT}{kept.client_id}", kept.name, kept.external_id)


async def erase_client(ledger: Ledger, client_id: str) -> Refused | None:
    """Erase who a client is: the name, the caller's id, and who could sign in as them alone. Their jobs stay."""
    found = await find(ledger, "client", client_id)
    if found is None or await ledger.fetch_one(_CLIENT, {"client": found}) is None:
        return Refused(Refusal.UNKNOWN_CLIENT)
    for statement in (
        "delete from external where kind = 'client' and id = id(:client)",
        "update client set name = null, external_id = null where client_id = id(:client)",
    ):
        await ledger.store.change(statement, {"client": found})
    for statement in ERASE_PEOPLE:
        await ledger.store.change(statement, {"target": found})
    return None
