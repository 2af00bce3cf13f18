"""Jobs: posting, editing, finding them, what a proposal to one costs, and invitations."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

import msgspec

from earnest.ledger import reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.ids import JOB, NOBODY, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant as instant_of
from earnest.ledger.packing import micros, repack_job, unpack_job
from earnest.ledger.rows import ExternalRow, InvitationRow, JobRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.given import (
    MOST_DESCRIPTION,
    MOST_NAME,
    MOST_SKILLS,
    cursor_id,
    find,
    idempotency_key,
    of_many,
    one_of,
    optional_text,
    page_size,
    text,
    whole,
)
from earnest.marketplace.members import named_member
from earnest.marketplace.shown import InvitationShown, JobShown, Page, QuoteShown
from earnest.rules import conduct, job
from earnest.rules.account import MOST_CONNECTS
from earnest.rules.commands import Submit
from earnest.rules.decide import decide
from earnest.rules.job import JobStatus
from earnest.rules.member import Member
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from earnest.rules.proposal import ProposalStatus

T = TypeVar("T")

_UNKNOWN = Refused(Refusal.UNKNOWN_JOB)
_NEWEST = "f" * 32

_BY_ID = f"select {names(JobRow)} from job where job_id in ({{ids}})"  # noqa: S608
_JOBS = (
    f"select {names(JobRow)} from job where job_id < id(:before) and price <= :max_price"  # noqa: S608
    " and (:client = '' or client_id = id(:client_id)) and (:type = '' or type = :type)"
    " and lower(title) like :q escape '!'"
    " and (:status = ''"
    " or (:status = 'closed' and closed_at is not null)"
    " or (:status = 'open' and closed_at is null and lapses_at > :now)"
    " or (:status = 'lapsed' and closed_at is null and lapses_at <= :now))"
    " order by job_id desc limit :limit"
)
_INVITATIONS = (
    f"select {names(InvitationRow)} from invitation where account_id = id(:account) and job_id < id(:before)"  # noqa: S608
    " order by job_id desc limit :limit"
)


class PostJob(Act[JobShown], frozen=True):
    """Post a job."""

    answers: ClassVar[type] = JobShown

    client: str
    size: JobSize
    title: str
    description: str | None
    skills: tuple[str, ...]
    external_id: str | None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.clients.add(self.client)
        if self.external_id is not None:
            needs.externals.add(("job", self.external_id))

    def decide(self, batch: Batch) -> JobShown | Refused:
        """Post it at the price that holds now."""
        if not batch.has_client(self.client):
            return Refused(Refusal.UNKNOWN_CLIENT)
        if self.external_id is not None and batch.external("job", self.external_id) is not None:
            return Refused(Refusal.EXTERNAL_ID_TAKEN, {"external_id": self.external_id})
        job_id = batch.ids.new(batch.now)
        posted = job.post(f"{JOB}{job_id}", f"cli_{self.client}", self.size, batch.pack, batch.now)
        row = JobRow(
            job_id,
            self.client,
            self.size.type.value,
            posted.price,
            0,
            micros(posted.posted_at),
            micros(posted.lapses_at),
            self.title,
            description=self.description,
            skills=msgspec.json.encode(self.skills).decode() if self.skills else None,
            external_id=self.external_id,
        )
        row = repack_job(row, posted)
        batch.put(row)
        if self.external_id is not None:
            batch.put(ExternalRow("job", self.external_id, job_id))
        return showing.job(row, batch.pack, batch.now)


class EditJob(Act[JobShown], frozen=True):
    """Edit a job: what is left at None stays."""

    answers: ClassVar[type] = JobShown

    job: str
    title: str | None
    description: str | None
    skills: tuple[str, ...] | None
    type: str | None
    budget: int | msgspec.UnsetType | None = msgspec.UNSET
    duration: str | msgspec.UnsetType | None = msgspec.UNSET
    weekly_hours: str | msgspec.UnsetType | None = msgspec.UNSET

    def needs(self, needs: Needs) -> None:
        """Say what has to be read: the job's row decides between an edit, a hire and a closing."""
        needs.held_jobs.add(self.job)

    def decide(self, batch: Batch) -> JobShown | Refused:
        """Edit it; later proposals cost what the size is worth now."""
        row = batch.job_row(self.job)
        if row is None:
            return _UNKNOWN
        if row.closed_at is not None:
            return Refused(Refusal.JOB_NOT_OPEN, {"job": f"{JOB}{self.job}", "status": JobStatus.CLOSED.value})
        row = msgspec.structs.replace(
            row,
            title=row.title if self.title is None else self.title,
            description=row.description if self.description is None else self.description,
            skills=row.skills if self.skills is None else msgspec.json.encode(self.skills).decode(),
        )
        if self.type is not None or not self.budget is self.duration is self.weekly_hours is msgspec.UNSET:
            # What is left out is taken from the job as it is now, whatever another edit has made of it meanwhile.
            size = _size(
                self.type or row.type,
                _or_else(self.budget, row.budget),
                _or_else(self.duration, row.duration),
                _or_else(self.weekly_hours, row.weekly_hours),
            )
            row = repack_job(row, job.resize(unpack_job(row), size, batch.pack, batch.now))
        batch.put(row, new=False)
        return showing.job(row, batch.pack, batch.now)


class Invite(Act[InvitationShown], frozen=True):
    """Invite an account to a job."""

    answers: ClassVar[type] = InvitationShown

    account: str
    job: str

    @property
    def account_id(self) -> str:
        """Who is invited."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.jobs.add(self.job)
        needs.attempts.add((self.account, self.job))

    def decide(self, batch: Batch) -> InvitationShown | Refused:
        """Invite, once."""
        if batch.account(self.account) is None:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        known = batch.job(self.job)
        if known is None:
            return _UNKNOWN
        status = known.status(batch.now)
        if status is not JobStatus.OPEN:
            return Refused(Refusal.JOB_NOT_OPEN, {"job": known.id, "status": status.value})
        row = batch.invitation(self.account, self.job)
        if row is None:
            row = InvitationRow(self.account, self.job, batch.at)
            batch.put(row)
        return shown_invitation(row)


def shown_invitation(row: InvitationRow) -> InvitationShown:
    """Show an invitation."""
    return InvitationShown(f"acc_{row.account_id}", f"{JOB}{row.job_id}", instant_of(row.invited_at))


def _skills(skills: Sequence[str]) -> tuple[str, ...]:
    if isinstance(skills, str) or len(skills) > MOST_SKILLS:
        raise ValueError(f"skills: expected a list of at most {MOST_SKILLS}, got {skills!r:.80}")
    return tuple(text("skills", skill, MOST_NAME) for skill in skills)


def _or_else(given: T | msgspec.UnsetType, kept: T) -> T:
    """Return what is given, and what is kept where nothing is."""
    return kept if isinstance(given, msgspec.UnsetType) else given


def _size(type_: str, budget: int | None, duration: str | None, weekly_hours: str | None) -> JobSize:
    for name, value, choices in (
        ("type", type_, JobType),
        ("duration", duration, Duration),
        ("weekly_hours", weekly_hours, WeeklyHours),
    ):
        if value is not None or name == "type":
            one_of(name, value or "", tuple(choice.value for choice in choices))
    return JobSize(
        JobType(type_),
        budget,
        None if duration is None else Duration(duration),
        None if weekly_hours is None else WeeklyHours(weekly_hours),
    )


async def post_job(
    ledger: Ledger,
    client_id: str,
    *,
    title: str,
    type: str,  # noqa: A002 - the API's name
    budget: int | None = None,
    duration: str | None = None,
    weekly_hours: str | None = None,
    description: str | None = None,
    skills: Sequence[str] = (),
    external_id: str | None = None,
    key: str | Key | None = None,
) -> JobShown | Refused:
    """Post a job. Its price in connects is set now, by its type (`fixed`, `hourly`) and size (RULES 1).

    `budget` is in minor units. Refused as `unknown_client`, `external_id_taken`. Raises ValueError for malformed
    arguments.
    """
    size = _size(type, budget, duration, weekly_hours)
    title = text("title", title, MOST_NAME)
    description = optional_text("description", description, MOST_DESCRIPTION)
    external_id = optional_text("external_id", external_id, MOST_NAME)
    skills = _skills(skills)
    # An id that names nobody is refused by the act, as a key that is known goes before.
    found = await find(ledger, "client", client_id) or NOBODY
    act = PostJob(found, size, title, description, skills, external_id)
    return await ledger.do(act, idempotency_key(key))


async def edit_job(
    ledger: Ledger,
    job_id: str,
    *,
    title: str | None = None,
    type: str | None = None,  # noqa: A002 - the API's name
    budget: int | msgspec.UnsetType | None = msgspec.UNSET,
    duration: str | msgspec.UnsetType | None = msgspec.UNSET,
    weekly_hours: str | msgspec.UnsetType | None = msgspec.UNSET,
    description: str | None = None,
    skills: Sequence[str] | None = None,
    key: str | Key | None = None,
) -> JobShown | Refused:
    """Edit a job; what is left out stays. A new size reprices later proposals only (RULES 1.3).

    Refused as `unknown_job`, `job_not_open` for a closed one. Raises ValueError for malformed arguments.
    """
    # Only to look at what is given; what it means for the job is decided with the job as it is then.
    kind = JobType.FIXED.value if type is None else type
    _size(kind, _or_else(budget, None), _or_else(duration, None), _or_else(weekly_hours, None))
    title = optional_text("title", title, MOST_NAME)
    description = optional_text("description", description, MOST_DESCRIPTION, 0)
    listed = None if skills is None else _skills(skills)
    found = await find(ledger, "job", job_id) or NOBODY
    act = EditJob(found, title, description, listed, type, budget, duration, weekly_hours)
    return await ledger.do(act, idempotency_key(key))


async def show_job(ledger: Ledger, job_id: str) -> JobShown | Refused:
    """Show a job as it is now."""
    found = await find(ledger, "job", job_id)
    row = None if found is None else await reads.job(ledger, found)
    return _UNKNOWN if row is None else showing.job(row, ledger.pack, ledger.now)


async def jobs(
    ledger: Ledger,
    *,
    status: str | None = None,
    q: str | None = None,
    type: str | None = None,  # noqa: A002 - the API's name
    max_price: int | None = None,
    client_id: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[JobShown] | Refused:
    """List jobs, the newest first: of a status, a type, with words in the title, at most at a price, of a client."""
    if status is not None:
        one_of("status", status, tuple(each.value for each in JobStatus))
    if type is not None:
        one_of("type", type, tuple(each.value for each in JobType))
    limit = page_size(limit)
    client = None if client_id is None else await find(ledger, "client", client_id)
    if client_id is not None and client is None:
        return Refused(Refusal.UNKNOWN_CLIENT)
    words = (q or "").lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    rows = await ledger.fetch(
        _JOBS,
        {
            "before": cursor_id(cursor, _NEWEST),
            "max_price": reads.ALL if max_price is None else whole("max_price", max_price, 0, MOST_CONNECTS),
            "client": client or "",
            "client_id": client or "0" * 32,
            "q": f"%{text('q', words, MOST_NAME, 0)}%",
            "status": status or "",
            "type": type or "",
            "now": micros(ledger.now),
            "limit": limit + 1,
        },
    )
    items = [showing.job(JobRow(*row), ledger.pack, ledger.now) for row in rows[:limit]]
    return Page(items, rows[limit - 1][0] if len(rows) > limit else None)


async def jobs_by_id(ledger: Ledger, job_ids: Iterable[str]) -> dict[str, JobShown]:
    """Show several jobs as they are now, by their ids; those that are none are left out."""
    found = {plain_id for id_ in job_ids if (plain_id := plain(id_, JOB)) is not None}
    rows = await of_many(ledger, _BY_ID, sorted(found), {})
    shown = [showing.job(JobRow(*row), ledger.pack, ledger.now) for row in rows]
    return {each.id: each for each in shown}


async def quote(ledger: Ledger, job_id: str, account_id: str, *, worker_id: str | None = None) -> QuoteShown | Refused:
    """Show what proposing to a job would cost an account and leave, and whether it would be turned down.

    Decided on paper by the same rules as a proposal; nothing moves.
    """
    found, who = await find(ledger, "job", job_id), await find(ledger, "account", account_id)
    now = ledger.now
    paper = None if who is None else await reads.paper(ledger, who, now)
    if paper is None or who is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    row = None if found is None else await reads.job(ledger, found)
    if row is None or found is None:
        return _UNKNOWN
    worker = await _worker(ledger, who, paper.account.kind, worker_id)
    if isinstance(worker, Refused):
        return worker
    known = unpack_job(row)
    before = await reads.attempts(ledger, who, found)
    invited = await reads.invited(ledger, who, found)
    live = bool(before) and before[-1].status != ProposalStatus.WITHDRAWN
    now = max(now, paper.account.touched_at)
    since = conduct.history_from(paper.account, ledger.pack, now)
    history = None if since is None else await reads.proposals_since(ledger, who, since)
    outcome = decide(paper.account, Submit(known, invited, live, len(before), worker), ledger.pack, now, history)
    price = 0 if invited else known.price
    refusal = outcome if isinstance(outcome, Refused) else None
    connect_price = ledger.pack.at(now).plan(paper.account.plan).connect_price
    return QuoteShown(
        price,
        _why(known, invited=invited),
        paper.account.balance,
        paper.account.balance if refusal is not None else paper.account.balance - price,
        None if connect_price is None else showing.money(ledger.pack, price * connect_price),
        refusal,
    )


async def _worker(ledger: Ledger, account_id: str, kind: str, worker_id: str | None) -> Member | Refused | None:
    """Return who would do the work; for an agency that names nobody, anybody who may."""
    if worker_id is None:
        return Member("mem_any", "owner") if kind == "agency" else None
    return await named_member(ledger, account_id, worker_id)


def _why(known: job.Job, *, invited: bool) -> str:
    """Say in a few words what a price rests on."""
    if invited:
        return "invited"
    size = known.size
    if size.type is JobType.FIXED and size.budget is not None:
        return "fixed, by budget"
    parts = [size.type.value, "by duration" if size.duration is None else size.duration.value.replace("_", " ")]
    if size.weekly_hours is not None:
        parts.append(size.weekly_hours.value.replace("_", " ") + " hours a week")
    return ", ".join(parts)


async def invite(
    ledger: Ledger, job_id: str, account_id: str, *, key: str | Key | None = None
) -> InvitationShown | Refused:
    """Invite an account to a job: proposing to it costs nothing from then on. Twice is once.

    Refused as `unknown_account`, `unknown_job`, `job_not_open`.
    """
    found, who = await find(ledger, "job", job_id), await find(ledger, "account", account_id)
    if who is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    return await ledger.do(Invite(who, found or NOBODY), idempotency_key(key))


async def invitations(
    ledger: Ledger, account_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[InvitationShown] | Refused:
    """List an account's invitations, those to the newest jobs first."""
    limit = page_size(limit)
    found = await find(ledger, "account", account_id)
    if found is None or await reads.account(ledger, found) is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    params = {"account": found, "before": cursor_id(cursor, _NEWEST), "limit": limit + 1}
    rows = [InvitationRow(*row) for row in await ledger.fetch(_INVITATIONS, params)]
    return Page([shown_invitation(row) for row in rows[:limit]], rows[limit - 1].job_id if len(rows) > limit else None)
