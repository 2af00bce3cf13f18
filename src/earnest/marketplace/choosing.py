"""What a client looks at to choose: the proposals for a job, how many there are, and who those are that proposed.

Of an account a client is told its name and its record. What it holds, and who may sign in there, is nobody else's
business.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from earnest.ledger import reads
from earnest.ledger.ids import ACCOUNT, JOB, NOBODY, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.rows import ProposalRow
from earnest.ledger.sql import names
from earnest.marketplace import showing
from earnest.marketplace.given import find, instant, of_many, one_of, page_size
from earnest.marketplace.shown import Page, ProposalShown
from earnest.rules.account import Kind
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.proposal import ProposalStatus
from earnest.rules.stats import percent

MOST_IDS = 500
"""How many accounts or jobs can be asked about at once."""

_CURSOR = re.compile(r"(\d{1,18})_([0-9a-f]{32})_(\d{1,9})")

_LATEST = (
    f"select {names(ProposalRow, 'p.')}, l.letter from proposal p"  # noqa: S608
    " left join letter l on l.account_id = p.account_id and l.n = p.n"
    " where p.job_id = id(:job) and (:status = '' or p.status = :status)"
    " and (p.submitted_at, p.account_id, p.attempt) < (:at, id(:account), :attempt)"
    " order by p.submitted_at desc, p.account_id desc, p.attempt desc limit :limit"
)
_COUNTS = (
    "select job_id, count(*) filter (where status = 'live'),"
    " count(*) filter (where status = 'live' and submitted_at >= :since),"
    " count(*) filter (where status = 'hired'), count(*) filter (where status = 'declined'),"
    " count(*) filter (where status = 'withdrawn'),"
    " coalesce(sum(connects_spent) filter (where returned_at is null), 0),"
    " count(distinct account_id) filter (where returned_at is null and connects_spent > 0),"
    " coalesce(sum(connects_spent) filter (where returned_at is not null), 0),"
    " count(distinct account_id) filter (where returned_at is not null)"
    " from proposal where job_id in ({ids}) group by job_id"
)
_RECORDS = (
    "select a.account_id, a.kind, f.name, count(p.n), count(p.n) filter (where p.status = 'hired')"
    " from account a join profile f on f.account_id = a.account_id"
    " left join proposal p on p.account_id = a.account_id and p.submitted_at >= :since"
    " where a.account_id in ({ids}) group by a.account_id, a.kind, f.name"
)
_APPROACHED = (
    "select account_id, 'invited' from invitation where job_id = id(:job) and account_id in ({ids})"
    " union all select account_id, status from proposal"
    " where job_id = id(:job) and account_id in ({ids}) and status <> 'withdrawn'"
)


class ProposalCounts(msgspec.Struct, frozen=True):
    """How many proposals there are for a job, by what became of them, and the connects they cost.

    `unreturned` connects of `unreturned_to` accounts go back if the job is closed without a hire; `returned` ones of
    `returned_to` accounts have gone back. `new` ones are among the `live`.
    """

    live: int = 0
    new: int = 0
    hired: int = 0
    declined: int = 0
    withdrawn: int = 0
    unreturned: int = 0
    unreturned_to: int = 0
    returned: int = 0
    returned_to: int = 0

    @property
    def standing(self) -> int:
        """All that were not taken back."""
        return self.live + self.hired + self.declined


class TrackRecord(msgspec.Struct, frozen=True):
    """What others may know of an account: its name, and what became of its proposals of some months.

    `conversion` is hires for a hundred proposals, rounded down; `name` is None once its holder is erased.
    """

    account_id: str
    kind: Kind
    name: str | None
    proposals: int
    hires: int

    @property
    def conversion(self) -> int:
        """Hires for a hundred proposals, rounded down."""
        return percent(self.hires, self.proposals)


async def latest_proposals_for(
    ledger: Ledger, job_id: str, *, status: str | None = None, limit: int = 100, cursor: str | None = None
) -> Page[ProposalShown] | Refused:
    """List the proposals for a job with their letters, the latest first; of a status, if one is asked for.

    Refused as `unknown_job`.
    """
    if status is not None:
        one_of("status", status, tuple(each.value for each in ProposalStatus))
    limit = page_size(limit)
    at, account, attempt = reads.EVER, NOBODY, 0
    if cursor is not None:
        where = _CURSOR.fullmatch(cursor) if type(cursor) is str else None
        if where is None:
            raise ValueError(f"cursor: expected one that was answered before, got {cursor!r}")
        at, account, attempt = int(where[1]), where[2], int(where[3])
    found = await find(ledger, "job", job_id)
    if found is None or await reads.job(ledger, found) is None:
        return Refused(Refusal.UNKNOWN_JOB)
    params = {
        "job": found,
        "status": status or "",
        "at": at,
        "account": account,
        "attempt": attempt,
        "limit": limit + 1,
    }
    rows = [(ProposalRow(*row[:-1]), row[-1]) for row in await ledger.fetch(_LATEST, params)]
    items = [showing.kept_proposal(row, ledger.pack, letter) for row, letter in rows[:limit]]
    last = rows[limit - 1][0] if len(rows) > limit else None
    return Page(items, None if last is None else f"{last.submitted_at}_{last.account_id}_{last.attempt}")


async def proposal_counts(
    ledger: Ledger, job_ids: Sequence[str], *, new_since: datetime | None = None
) -> dict[str, ProposalCounts]:
    """Count the proposals for each of these jobs; live ones submitted from `new_since` on count as new.

    Every job that is named by its id is in the answer, also one nobody has proposed to.
    """
    plain_ids = _plain_ids("job_ids", job_ids, JOB)
    since = instant("new_since", new_since)
    params = {"since": reads.EVER if since is None else micros(since)}
    counts = {f"{JOB}{id_}": ProposalCounts() for id_ in plain_ids}
    for job_id, *numbers in await of_many(ledger, _COUNTS, plain_ids, params):
        counts[f"{JOB}{job_id}"] = ProposalCounts(*map(int, numbers))
    return counts


async def track_records(ledger: Ledger, account_ids: Sequence[str], *, since: datetime) -> dict[str, TrackRecord]:
    """Show each of these accounts as others may know it, with what became of its proposals from a time on."""
    plain_ids = _plain_ids("account_ids", account_ids, ACCOUNT)
    from_ = instant("since", since)
    params = {"since": 0 if from_ is None else micros(from_)}
    rows = await of_many(ledger, _RECORDS, plain_ids, params)
    return {
        f"{ACCOUNT}{id_}": TrackRecord(f"{ACCOUNT}{id_}", kind, name, int(proposals), int(hires))
        for id_, kind, name, proposals, hires in rows
    }


async def approached(ledger: Ledger, job_id: str, account_ids: Sequence[str]) -> dict[str, str]:
    """Say of these accounts which were `invited` to a job, or what the status of their proposal for it is.

    Who was neither, or has only withdrawn proposals, isn't in the answer.
    """
    job = plain(job_id, JOB)
    if job is None:
        return {}
    plain_ids = _plain_ids("account_ids", account_ids, ACCOUNT)
    rows = await of_many(ledger, _APPROACHED, plain_ids, {"job": job})
    # A proposal says more than the invitation it may have followed.
    rows.sort(key=lambda row: row[1] != "invited")
    return {f"{ACCOUNT}{id_}": status for id_, status in rows}


def _plain_ids(name: str, ids: Sequence[str], prefix: str) -> list[str]:
    """Return the plain ids of those that are ids of a kind, each once."""
    if len(ids) > MOST_IDS:
        raise ValueError(f"{name}: expected at most {MOST_IDS}, got {len(ids):,}")
    return [id_ for id_ in dict.fromkeys(plain(id_, prefix) for id_ in ids) if id_ is not None]
