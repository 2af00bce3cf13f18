"""Proposals: submitting one or many, withdrawing, declining, hiring (RULES 4, 5.2)."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from earnest.ledger import reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import LedgerError
from earnest.ledger.ids import JOB, MEMBER, NOBODY, PROPOSAL, numbered, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.rows import LetterRow, ProposalRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.given import (
    MOST_LETTER,
    cursor_number,
    find,
    idempotency_key,
    of_many,
    one_of,
    optional_text,
    page_size,
    whole,
)
from earnest.marketplace.shown import Page, ProposalShown
from earnest.rules import commands
from earnest.rules.account import MOST_CONNECTS, MOST_MINOR_UNITS
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.proposal import ProposalStatus
from earnest.rules.propose import bar_for_worker

MOST_IN_A_CALL = 1_000

_UNKNOWN_ACCOUNT = Refused(Refusal.UNKNOWN_ACCOUNT)
_UNKNOWN_JOB = Refused(Refusal.UNKNOWN_JOB)
_UNKNOWN_PROPOSAL = Refused(Refusal.UNKNOWN_PROPOSAL)
_UNKNOWN_MEMBER = Refused(Refusal.UNKNOWN_MEMBER)

_LETTERS = "select n, letter from letter where account_id = id(:account) and n between :first and :last"
_PROPOSED_TO = (
    f"select {names(ProposalRow)} from proposal"  # noqa: S608
    " where account_id = id(:account) and status <> 'withdrawn' and job_id in ({ids})"
)


class NewProposal(msgspec.Struct, frozen=True):
    """A proposal to submit, one of many. `bid` is in minor units, `agreed_price` in connects; see `submit`."""

    job_id: str
    account_id: str
    worker_id: str | None = None
    cover_letter: str | None = None
    bid: int | None = None
    agreed_price: int | None = None


class SubmitProposal(Act[ProposalShown], frozen=True):
    """Propose to a job."""

    answers: ClassVar[type] = ProposalShown

    account: str
    job: str
    worker: str | None = None
    letter: str | None = None
    bid: int | None = None
    agreed: int | None = None

    @property
    def account_id(self) -> str:
        """Whose connects it costs."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read. The job is not locked: a closing waits for what began before it."""
        pair = (self.account, self.job)
        needs.jobs.add(self.job)
        needs.attempts.add(pair)
        if self.worker is not None and (where := numbered(self.worker, MEMBER)):
            needs.members.add(where)

    def decide(self, batch: Batch) -> ProposalShown | Refused:
        """Propose, and keep the letter."""
        account = batch.account(self.account)
        if account is None:
            return _UNKNOWN_ACCOUNT
        refused = bar_for_worker(account.kind, named=self.worker is not None)
        if refused is not None:
            return refused
        job = batch.job(self.job)
        if job is None:
            return _UNKNOWN_JOB
        worker = None
        if self.worker is not None:
            where = numbered(self.worker, MEMBER)
            worker = batch.member(*where) if where is not None and where[0] == self.account else None
            if worker is None:
                return _UNKNOWN_MEMBER
        before = batch.attempts(self.account, self.job)
        live = bool(before) and before[-1].status is not ProposalStatus.WITHDRAWN
        invited = batch.invitation(self.account, self.job) is not None
        price = 0 if invited else job.price
        if self.agreed is not None and self.agreed != price:
            # Its client has edited the job since, or has invited the account.
            return Refused(Refusal.PRICE_CHANGED, {"agreed": self.agreed, "price": price})
        outcome = batch.decide(self.account, commands.Submit(job, invited, live, len(before), worker), bid=self.bid)
        if isinstance(outcome, Refused):
            return outcome
        proposal = outcome.proposals[0]
        if self.letter is not None:
            batch.put(LetterRow(self.account, proposal.n, self.letter))
        return showing.proposal(proposal, batch.pack, self.bid, None, outcome.account.balance)


class MoveProposal(Act[ProposalShown], frozen=True):
    """Withdraw, decline or hire."""

    answers: ClassVar[type] = ProposalShown

    account: str
    n: int
    to: Literal["withdrawn", "declined", "hired"]
    job: str | None = None

    @property
    def account_id(self) -> str:
        """Whose proposal it is."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read: for a hire the job's row, which decides between it and a closing."""
        needs.proposals.add((self.account, self.n))
        if self.job is not None:
            needs.held_jobs.add(self.job)

    def decide(self, batch: Batch) -> ProposalShown | Refused:
        """Move it, if it is live."""
        proposal = batch.proposal(self.account, self.n)
        if batch.account(self.account) is None or proposal is None:
            return _UNKNOWN_PROPOSAL
        command: commands.Command
        if self.to == "withdrawn":
            command = commands.Withdraw(proposal)
        elif self.to == "declined":
            command = commands.Decline(proposal)
        else:
            job = batch.job(self.job or "")
            if job is None:
                return _UNKNOWN_JOB
            command = commands.Hire(proposal, job)
        outcome = batch.decide(self.account, command)
        if isinstance(outcome, Refused):
            return outcome
        bid = batch.bid(self.account, self.n)
        return showing.proposal(outcome.proposals[0], batch.pack, bid, balance_after=outcome.account.balance)


async def submit(
    ledger: Ledger,
    job_id: str,
    account_id: str,
    *,
    worker_id: str | None = None,
    cover_letter: str | None = None,
    bid: int | None = None,
    agreed_price: int | None = None,
    key: str | Key | None = None,
) -> ProposalShown | Refused:
    """Propose to a job; costs what the job says, all or nothing, and nothing where the account was invited (RULES 4).

    An agency names the member who would do the work. `bid` is in minor units; `agreed_price` is what whoever proposes
    has been told it costs, in connects, without which it costs what it does by then. Refused as `unknown_account`,
    `unknown_job`, `unknown_member`, `malformed` for a worker too many or too few, `price_changed` (with `agreed` and
    `price`), `not_permitted`, `account_suspended`, `job_not_open`, `already_proposed`, `insufficient_connects` (with
    `required` and `available`).
    """
    new = NewProposal(job_id, account_id, worker_id, cover_letter, bid, agreed_price)
    return await _submit(ledger, new, idempotency_key(key))


async def _submit(ledger: Ledger, new: NewProposal, key: Key | None) -> ProposalShown | Refused:
    account = await find(ledger, "account", new.account_id)
    # What the request says is checked before anything that is kept.
    act = _act(new, account or NOBODY, await find(ledger, "job", new.job_id))
    if account is None:
        return _UNKNOWN_ACCOUNT
    answer = await ledger.do(act, key)
    return _with_letter(answer, act.letter)


def _act(new: NewProposal, account: str, job: str | None) -> SubmitProposal:
    """Return a proposal as an act; raises ValueError for one that can't be meant.

    An id that can't be one names no job, and the account may still be refused for something earlier.
    """
    letter = optional_text("cover_letter", new.cover_letter, MOST_LETTER)
    bid = None if new.bid is None else whole("bid", new.bid, 0, MOST_MINOR_UNITS)
    agreed = None if new.agreed_price is None else whole("agreed_price", new.agreed_price, 0, MOST_CONNECTS)
    return SubmitProposal(account, job or NOBODY, new.worker_id, letter, bid, agreed)


def _with_letter(answer: ProposalShown | Refused, letter: str | None) -> ProposalShown | Refused:
    if letter is None or isinstance(answer, Refused):
        return answer
    return msgspec.structs.replace(answer, cover_letter=letter)


async def submit_batch(
    ledger: Ledger, proposals: Sequence[NewProposal | Refused], *, key: str | Key | None = None
) -> list[ProposalShown | Refused | LedgerError]:
    """Submit up to 1,000 proposals, each on its own, and answer each, in their order; proposal i uses the key `KEY/i`.

    One that makes no sense as it stands is refused as `malformed`; one that its caller has refused already stays so,
    in its place. Where the ledger fails for one, its error stands in
    its place; and the key is `replayed` if all that were kept had been done before.
    """
    if len(proposals) > MOST_IN_A_CALL:
        raise ValueError(f"proposals: expected at most {MOST_IN_A_CALL:,}, got {len(proposals):,}")
    for new in proposals:
        if not isinstance(new, NewProposal | Refused):
            raise ValueError(f"proposals: expected a list of NewProposal, got {type(new).__name__}")
    whole_key = idempotency_key(key)
    keys = [whole_key and Key(f"{whole_key.value}/{i}", whole_key.caller) for i in range(len(proposals))]
    plain = await _plain_ids(ledger, [new for new in proposals if isinstance(new, NewProposal)])
    # All are taken on before any is waited for, so that they are written together.
    started = [_start(ledger, new, each, plain) for new, each in zip(proposals, keys, strict=True)]
    answers = [await _finish(one) for one in started]
    kept = [each for each, answer in zip(keys, answers, strict=True) if isinstance(answer, ProposalShown)]
    if whole_key is not None:
        whole_key.replayed = bool(kept) and all(each is not None and each.replayed for each in kept)
    return answers


_Ids = dict[tuple[str, str], str | None]
_Started = tuple[asyncio.Future[ProposalShown | Refused], str | None] | Refused | LedgerError


async def _plain_ids(ledger: Ledger, proposals: list[NewProposal]) -> _Ids:
    """Return the plain ids of the accounts and jobs that proposals name, each looked for once."""
    named = {each for new in proposals for each in _named(new)}
    found = await asyncio.gather(*(find(ledger, kind, id_) for kind, id_ in named))
    return dict(zip(named, found, strict=True))


def _named(new: NewProposal) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the account and the job a proposal names; what is no text names none."""
    account, job = (id_ if isinstance(id_, str) else "" for id_ in (new.account_id, new.job_id))
    return ("account", account), ("job", job)


def _start(ledger: Ledger, new: NewProposal | Refused, key: Key | None, plain: _Ids) -> _Started:
    """Take one of many on: whatever is wrong with it is its own answer."""
    if isinstance(new, Refused):
        return new
    try:
        account, job = (plain[each] for each in _named(new))
        act = _act(new, account or NOBODY, job)
        return _UNKNOWN_ACCOUNT if account is None else (ledger.start(act, key), act.letter)
    except LedgerError as error:
        return error
    except ValueError as error:
        field, _, expected = str(error).partition(": expected ")
        return Refused(Refusal.MALFORMED, {"field": field, "expected": expected})


async def _finish(started: _Started) -> ProposalShown | Refused | LedgerError:
    if not isinstance(started, tuple):
        return started
    answer, letter = started
    try:
        return _with_letter(await answer, letter)
    except LedgerError as error:
        return error


async def withdraw(ledger: Ledger, proposal_id: str, *, key: str | Key | None = None) -> ProposalShown | Refused:
    """Take a proposal back; nothing is returned (RULES 4.4). Refused as `unknown_proposal`, `proposal_not_live`."""
    return await _move(ledger, proposal_id, "withdrawn", key)


async def decline(ledger: Ledger, proposal_id: str, *, key: str | Key | None = None) -> ProposalShown | Refused:
    """Turn a proposal down, as the client; nothing is returned. Refused as `unknown_proposal`, `proposal_not_live`."""
    return await _move(ledger, proposal_id, "declined", key)


async def hire(ledger: Ledger, proposal_id: str, *, key: str | Key | None = None) -> ProposalShown | Refused:
    """Hire from a proposal, as the client. The account's conduct is counted anew (RULES 9).

    Refused as `unknown_proposal`, `job_not_open` for a closed job, `proposal_not_live`.
    """
    return await _move(ledger, proposal_id, "hired", key)


async def _move(
    ledger: Ledger, proposal_id: str, to: Literal["withdrawn", "declined", "hired"], key: str | Key | None
) -> ProposalShown | Refused:
    where = numbered(proposal_id, PROPOSAL)
    if where is None:
        return _UNKNOWN_PROPOSAL
    job = None
    if to == "hired":
        # Which job it is for never changes, so it may be asked before anything is locked.
        row = await reads.proposal(ledger, *where)
        job = NOBODY if row is None else row.job_id
    return await ledger.do(MoveProposal(*where, to, job), idempotency_key(key))


async def proposal(ledger: Ledger, proposal_id: str) -> ProposalShown | Refused:
    """Show a proposal with its letter."""
    where = numbered(proposal_id, PROPOSAL)
    row = None if where is None else await reads.proposal(ledger, *where)
    if row is None:
        return _UNKNOWN_PROPOSAL
    return showing.kept_proposal(row, ledger.pack, await reads.letter(ledger, row.account_id, row.n))


async def proposals_of(
    ledger: Ledger, account_id: str, *, status: str | None = None, limit: int = 100, cursor: str | None = None
) -> Page[ProposalShown] | Refused:
    """List an account's proposals with their letters, the latest first; of a status, if one is asked for."""
    statuses = tuple(each.value for each in ProposalStatus)
    chosen = None if status is None else ProposalStatus(one_of("status", status, statuses))
    limit = page_size(limit)
    found = await find(ledger, "account", account_id)
    if found is None or await reads.account(ledger, found) is None:
        return _UNKNOWN_ACCOUNT
    rows = await reads.proposals(ledger, found, cursor_number(cursor, reads.ALL), limit + 1, chosen)
    span = {"account": found, "first": rows[-1].n, "last": rows[0].n} if rows else None
    letters = {} if span is None else dict(await ledger.fetch(_LETTERS, span))
    items = [showing.kept_proposal(row, ledger.pack, letters.get(row.n)) for row in rows[:limit]]
    return Page(items, str(rows[limit - 1].n) if len(rows) > limit else None)


async def proposals_for(
    ledger: Ledger, job_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[ProposalShown] | Refused:
    """List the proposals for a job, account by account."""
    limit = page_size(limit)
    account, attempt = NOBODY, 0
    if cursor is not None:
        where = numbered(cursor, "")
        if where is None:
            raise ValueError(f"cursor: expected one that was answered before, got {cursor!r}")
        account, attempt = where
    found = await find(ledger, "job", job_id)
    if found is None or await reads.job(ledger, found) is None:
        return _UNKNOWN_JOB
    rows = await reads.proposals_for(ledger, found, account, attempt, limit + 1)
    letters = await asyncio.gather(*(reads.letter(ledger, row.account_id, row.n) for row in rows[:limit]))
    items = [showing.kept_proposal(row, ledger.pack, text) for row, text in zip(rows[:limit], letters, strict=True)]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items, None if last is None else f"{last.account_id}_{last.attempt}")


async def proposed_to(ledger: Ledger, account_id: str, job_ids: Sequence[str]) -> dict[str, ProposalShown]:
    """Return an account's latest proposal to each of these jobs that it has proposed to and not withdrawn from."""
    account = await find(ledger, "account", account_id)
    if account is None:
        return {}
    found = {plain_id for id_ in job_ids if (plain_id := plain(id_, JOB)) is not None}
    # Whoever proposes again has withdrawn before, so there is at most one for each.
    rows = await of_many(ledger, _PROPOSED_TO, sorted(found), {"account": account})
    shown = [showing.kept_proposal(ProposalRow(*row), ledger.pack, None) for row in rows]
    return {each.job_id: each for each in shown}
