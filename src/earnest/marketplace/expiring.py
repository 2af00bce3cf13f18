"""Telling webhook endpoints what a coming boundary will take, once for each boundary, a few days ahead."""

import asyncio
from datetime import timedelta
from typing import ClassVar

from earnest.ledger import outbox, packing
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import BusyError
from earnest.ledger.ids import NOBODY
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.rows import AccountRow, Micros, ToldRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.rules.forecast import expiring
from earnest.rules.settle import look

ACCOUNTS_AT_ONCE = 500

_SUBSCRIBERS = "select kinds from endpoint"
# An account that holds nothing loses nothing; one that was told is done until its next boundary.
_COMING = (
    f"select {names(AccountRow)} from account a"  # noqa: S608
    " where account_id > id(:after) and due_at > :now and due_at <= :until and balance > 0"
    " and not exists (select 1 from told t where t.account_id = a.account_id and t.boundary = a.due_at)"
    " order by account_id limit :limit"
)


class TellExpiring(Act[int], frozen=True):
    """Tell what an account's coming boundaries take, those up to a time; answers how many events that made."""

    answers: ClassVar[type] = int
    patient: ClassVar[bool] = True

    account: str
    boundaries: tuple[Micros, ...]
    """The boundaries that may be told of: it is read whether they were."""

    @property
    def account_id(self) -> str:
        """The account."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.told.update((self.account, boundary) for boundary in self.boundaries)

    def decide(self, batch: Batch) -> int:
        """Tell of each that was not told of before and takes anything."""
        account = batch.account(self.account)
        if account is None:
            return 0
        now = max(batch.now, account.touched_at)
        balance = look(account, batch.pack, now)[0].balance
        events = 0
        for loss in expiring(account, batch.pack, now):
            boundary = micros(loss.at)
            if boundary in self.boundaries and not batch.was_told(self.account, boundary):
                batch.put(ToldRow(self.account, boundary))
                batch.tell(self.account, *outbox.expiring(account.id, loss.at, loss.connects, balance))
                events += 1
        return events


async def tell_expiring(ledger: Ledger, days: int) -> int:
    """Tell what boundaries of the next days will take, where an endpoint wants to know; return how many events."""
    wanted = [outbox.wanted(kinds) for (kinds,) in await ledger.fetch(_SUBSCRIBERS)]
    if not any(kinds is None or outbox.EXPIRING in kinds for kinds in wanted):
        return 0
    now, until = micros(ledger.now), micros(ledger.now + timedelta(days=days))
    after, told = NOBODY, 0
    while True:
        params = {"after": after, "now": now, "until": until, "limit": ACCOUNTS_AT_ONCE}
        rows = [AccountRow(*row) for row in await ledger.fetch(_COMING, params)]
        told += sum(await asyncio.gather(*(_tell(ledger, row, until) for row in rows)))
        if len(rows) < ACCOUNTS_AT_ONCE:
            return told
        after = rows[-1].account_id


async def _tell(ledger: Ledger, row: AccountRow, until: Micros) -> int:
    """Tell what an account's boundaries up to a time take: its cycle's end, and what has a time of its own."""
    own = (lot.expires_at for lot in packing.unpack_lots(row.account_id, row.lots))
    boundaries = {row.due_at, row.cycle_end, *(micros(at) for at in own if at is not None)}
    act = TellExpiring(row.account_id, tuple(sorted(at for at in boundaries if at <= until)))
    while True:
        try:
            events = await ledger.do(act)
        except BusyError as error:
            await asyncio.sleep(error.retry_after_seconds)
        else:
            return events if isinstance(events, int) else 0
