"""Accounts: opening one, finding one, what it holds now, held then, and will hold, and its journal."""

import asyncio
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from earnest.ledger import packing, reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import already_done
from earnest.ledger.ids import ACCOUNT, ENTRY, LOT, MEMBER, NOBODY, PROPOSAL, PURCHASE, numbered, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.rows import AccountRow, ExternalRow, ProfileRow
from earnest.ledger.sql import SEAT_HOLDS, names
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.closing import FENCE_SECONDS
from earnest.marketplace.given import (
    MOST_NAME,
    cursor_id,
    cursor_number,
    find,
    idempotency_key,
    instant,
    one_of,
    optional_text,
    page_size,
    text,
)
from earnest.marketplace.shown import (
    AccountShown,
    BalanceShown,
    ChargeShown,
    EntryShown,
    NoticeShown,
    Page,
)
from earnest.rules.account import Account, EntryKind, Kind
from earnest.rules.commands import Command, Open, Settle
from earnest.rules.forecast import expiring
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.settle import most_carried

_UNKNOWN = Refused(Refusal.UNKNOWN_ACCOUNT)

_FOUND = (
    f"select {names(AccountRow, 'a.')}, {names(ProfileRow, 'f.')}"  # noqa: S608
    " from account a join profile f on f.account_id = a.account_id where a.account_id > id(:after) and ("
    # As it is typed too: not every store knows the capitals of every alphabet.
    " lower(f.name) like :q escape '!' or f.name like :typed escape '!'"
    " or (:by = 'anything' and (:q = '%%' or a.account_id = id(:named)"
    " or lower(f.external_id) like :q escape '!' or f.external_id like :typed escape '!'"
    " or a.account_id in (select s.target_id from seat s join person p on p.person_id = s.person_id"
    " where s.kind in ('account', 'member') and lower(p.email) like :q escape '!'"
    f" and {SEAT_HOLDS.format(seat='s')}))))"
    " order by a.account_id limit :limit"
)

MOST_AHEAD = timedelta(days=36_525)
"""How far ahead a balance can be asked for: every month till then is lived through."""


class OpenAccount(Act[AccountShown], frozen=True):
    """Open an account."""

    answers: ClassVar[type] = AccountShown

    kind: Kind
    plan: str
    name: str | None
    external_id: str | None
    opened_at: datetime | None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        if self.external_id is not None:
            needs.externals.add(("account", self.external_id))

    def decide(self, batch: Batch) -> AccountShown | Refused:
        """Open it under a new id."""
        if self.external_id is not None and batch.external("account", self.external_id) is not None:
            return Refused(Refusal.EXTERNAL_ID_TAKEN, {"external_id": self.external_id})
        account_id = batch.ids.new(batch.now)
        outcome = batch.decide(account_id, Open(f"{ACCOUNT}{account_id}", self.kind, self.plan, self.opened_at))
        if isinstance(outcome, Refused):
            return outcome
        opened_at = batch.at if self.opened_at is None else micros(self.opened_at)
        batch.put(ProfileRow(account_id, opened_at, batch.at, self.name, self.external_id))
        if self.external_id is not None:
            batch.put(ExternalRow("account", self.external_id, account_id))
        return showing.account(outcome.account, batch.pack)


class ActOnAccount(Act[AccountShown], frozen=True):
    """A command on an account that is answered with the account after it."""

    answers: ClassVar[type] = AccountShown

    account: str

    @property
    def account_id(self) -> str:
        """The account."""
        return self.account

    def command(self, _: Batch, /) -> Command | Refused:
        """Return what is to be decided."""
        raise NotImplementedError

    def decide(self, batch: Batch) -> AccountShown | Refused:
        """Decide the command."""
        command = self.command(batch) if batch.account(self.account) is not None else _UNKNOWN
        if isinstance(command, Refused):
            return command
        outcome = batch.decide(self.account, command)
        if isinstance(outcome, Refused):
            return outcome
        return showing.account(outcome.account, batch.pack)


class SettleAccount(ActOnAccount, frozen=True):
    """Write up what is due."""

    patient: ClassVar[bool] = True

    def command(self, _: Batch) -> Command:
        """Settle, and do nothing else."""
        return Settle()


async def on_account(
    ledger: Ledger, account_id: str, make: "type[ActOnAccount]", key: str | Key | None, /, **fields: object
) -> AccountShown | Refused:
    """Have a command done on an account, and show the account with its name."""
    found = await find(ledger, "account", account_id)
    if found is None:
        return _UNKNOWN
    answer = await ledger.do(make(account=found, **fields), idempotency_key(key))
    if isinstance(answer, Refused):
        return answer
    with already_done():
        return await named(ledger, answer)


async def named(ledger: Ledger, shown: AccountShown) -> AccountShown:
    """Return an account with what is kept apart from it: its name and the caller's id of it."""
    profile = await reads.profile(ledger, shown.id[4:])
    if profile is None:
        return shown
    return msgspec.structs.replace(shown, name=profile.name, external_id=profile.external_id)


async def open_account(
    ledger: Ledger,
    *,
    kind: Kind,
    plan: str,
    name: str | None = None,
    external_id: str | None = None,
    opened_at: datetime | None = None,
    key: str | Key | None = None,
) -> AccountShown | Refused:
    """Open an account on a plan, now or as of an earlier time, and grant its first allotment.

    `external_id` is the caller's own id of it, by which it can be named as `ext:…`. Refused as `malformed` for an
    unknown plan or a later time, `not_for_this_kind`, `external_id_taken`. Raises ValueError for other malformed
    arguments.
    """
    act = OpenAccount(
        kind,
        plan,
        optional_text("name", name, MOST_NAME),
        optional_text("external_id", external_id, MOST_NAME),
        instant("opened_at", opened_at),
    )
    Open(ACCOUNT, kind, plan)
    answer = await ledger.do(act, idempotency_key(key))
    if isinstance(answer, Refused):
        return answer
    return msgspec.structs.replace(answer, name=name, external_id=external_id)


async def account(ledger: Ledger, account_id: str) -> AccountShown | Refused:
    """Show an account as it is now."""
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None:
        return _UNKNOWN
    return await named(ledger, showing.account(paper.account, ledger.pack))


async def find_accounts(
    ledger: Ledger, *, q: str = "", by_name_only: bool = False, limit: int = 100, cursor: str | None = None
) -> Page[AccountShown]:
    """List the accounts that some words may mean, in the order in which they were opened; without words all of them.

    Meant is an account whose name or external id has the words in it, whose id they are, or the id of something that
    belongs to it, and one where somebody whose e-mail address has them in it may act. With `by_name_only` nothing but
    the name counts, and accounts without one aren't there: for askers who may not know more of others.
    """
    limit, after = page_size(limit), cursor_id(cursor, NOBODY)
    words = text("q", q, MOST_NAME, 0).strip()
    typed = words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    params = {
        "after": after,
        "q": f"%{typed.lower()}%",
        "typed": f"%{typed}%",
        "by": "name" if by_name_only else "anything",
        "named": _whose(words) or NOBODY,
        "limit": limit + 1,
    }
    rows = await ledger.fetch(_FOUND, params)
    width = len(AccountRow.__struct_fields__)
    found = [(AccountRow(*row[:width]), ProfileRow(*row[width:])) for row in rows]
    now = ledger.now
    papers = await asyncio.gather(*(reads.paper_of(ledger, row, now) for row, _ in found[:limit]))
    items = [
        showing.account(paper.account, ledger.pack, profile)
        for paper, (_, profile) in zip(papers, found[:limit], strict=True)
    ]
    return Page(items, found[limit - 1][0].account_id if len(found) > limit else None)


def _whose(id_: str) -> str | None:
    """Return the account that an id is of, or belongs to."""
    owned = (numbered(id_, prefix) for prefix in (MEMBER, PURCHASE, PROPOSAL, ENTRY, LOT))
    return plain(id_, ACCOUNT) or next((where[0] for where in owned if where is not None), None)


async def settle_account(ledger: Ledger, account_id: str) -> AccountShown | Refused:
    """Write up what is due on an account. It changes nothing that anybody is shown."""
    return await on_account(ledger, account_id, SettleAccount, None)


async def balance(ledger: Ledger, account_id: str, *, at: datetime | None = None) -> BalanceShown | Refused:
    """Show what an account holds: now, at an earlier time, or at a coming one if nothing happens till then.

    Before its opening it held nothing.
    """
    at = instant("at", at)
    found = await find(ledger, "account", account_id)
    kept = None if found is None else await reads.account(ledger, found)
    if kept is None or found is None:
        return _UNKNOWN
    when = ledger.now if at is None else at
    if when > ledger.now + MOST_AHEAD:
        raise ValueError("at: expected a time at most a hundred years ahead")
    there: Account | None
    if at is not None and when < kept.touched_at:
        there = await reads.as_of(ledger, kept, when)
    else:
        paper = await reads.paper(ledger, found, when)
        there = None if paper is None else paper.account
    rules = ledger.pack.at(when)
    plan = rules.plan(kept.plan if there is None else there.plan)
    if there is None:
        return BalanceShown(kept.id, when, 0, 0, [], [], plan.most_held, most_carried(plan, rules))
    return BalanceShown(
        kept.id,
        when,
        there.balance,
        there.debt,
        [showing.lot(lot, there, ledger.pack) for lot in there.lots],
        expiring(there, ledger.pack, max(when, there.touched_at)),
        plan.most_held,
        most_carried(plan, rules),
    )


async def entries(
    ledger: Ledger,
    account_id: str,
    *,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    latest_first: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[EntryShown] | Refused:
    """Show an account's journal in its order, or the latest first: of a kind, effective from `since` to before `until`.

    Lines that are due and not yet written are shown as they will be, with no `recorded_at`. A cursor goes on in the
    order it was answered in.
    """
    chosen = None if kind is None else EntryKind(one_of("kind", kind, tuple(each.value for each in EntryKind)))
    first, last = instant("since", since), instant("until", until)
    limit = page_size(limit)
    after = cursor_number(cursor, reads.ALL if latest_first else 0)
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return _UNKNOWN
    span = (0 if first is None else micros(first), reads.EVER if last is None else micros(last))
    if latest_first:
        # What was written since the account was looked at is due there too, and is shown once.
        before = min(after, paper.kept.n + 1)
        rows = await reads.latest_entry_rows(
            ledger, found, before=before, kind=chosen, since=span[0], until=span[1], limit=limit + 1
        )
    else:
        rows = await reads.entry_rows(
            ledger, found, after=after, kind=chosen, since=span[0], until=span[1], limit=limit + 1
        )
    written = [
        showing.entry(found, packing.unpack_entry(row), packing.instant(row.recorded_at))
        for row in rows
        if row.n <= paper.kept.n
    ]
    due = [
        showing.entry(found, line, None)
        for line in paper.due
        if (line.n < after if latest_first else line.n > after)
        and (chosen is None or line.kind is chosen)
        and (first is None or line.effective_at >= first)
        and (last is None or line.effective_at < last)
    ]
    shown = due[::-1] + written if latest_first else written + due
    more = len(shown) > limit
    return Page(shown[:limit], shown[limit - 1].id.rpartition("_")[2] if more else None)


async def charges(
    ledger: Ledger, account_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[ChargeShown] | Refused:
    """Show the membership fees that have fallen due, the earliest first, written up or not."""
    limit, skipped = page_size(limit), cursor_number(cursor, 0)
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return _UNKNOWN
    known = await reads.charges(ledger, found, paper, skipped, limit + 1)
    items = [ChargeShown(each.plan, showing.money(ledger.pack, each.amount), each.at) for each in known]
    return Page(items[:limit], str(skipped + limit) if len(items) > limit else None)


async def notices(
    ledger: Ledger, account_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[NoticeShown] | Refused:
    """Show what there is to tell the holder, in the order in which it came about, written up or not."""
    limit, skipped = page_size(limit), cursor_number(cursor, 0)
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return _UNKNOWN
    known = await reads.notices(ledger, found, paper, skipped, limit + 1)
    items = [NoticeShown(each.kind.value, each.at, each.connects, each.plan, each.reason) for each in known]
    return Page(items[:limit], str(skipped + limit) if len(items) > limit else None)


class ErasePerson(ActOnAccount, frozen=True):
    """Erase who holds an account and what they wrote."""

    def decide(self, batch: Batch) -> AccountShown | Refused:
        """Leave the journal, a suspension, and that it was appealed."""
        account_ = batch.account(self.account)
        if account_ is None:
            return _UNKNOWN
        if account_.suspension is not None and account_.suspension.appeal is not None:
            suspension = msgspec.structs.replace(account_.suspension, appeal="")
            batch.replace(msgspec.structs.replace(account_, suspension=suspension))
        batch.erase(self.account)
        return showing.account(account_, batch.pack)


async def erase_person(ledger: Ledger, account_id: str) -> Refused | None:
    """Erase who an account's holder is and what they wrote: names, members' names, the caller's id, letters, an appeal.

    Seats at the account are taken, and people who sit nowhere else can't sign in any more: they are removed.

    What had begun before and is kept after it, such as a letter on its way, is erased too. The journal stays as it is:
    it names nobody. Refused as `unknown_account`.
    """
    found = await find(ledger, "account", account_id)
    if found is None:
        return _UNKNOWN
    answer = await ledger.do(ErasePerson(found))
    if isinstance(answer, Refused):
        return answer
    await ledger.store.fence(FENCE_SECONDS)
    await ledger.do(ErasePerson(found))
    return None
