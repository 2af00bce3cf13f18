"""A marketplace in memory that notes what is done in it, so that the same can be done elsewhere, many things at once.

Two deeds may be done at once where neither changes an account or a job that the other changes or looks at; all others
keep their order. Done so, what comes of them doesn't depend on which of them is faster.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from earnest.lab.market import Market, Returned
from earnest.rules.commands import Command, GiveBack, Hire, Settle, Submit
from earnest.rules.job import CloseReason, Job
from earnest.rules.outcome import Accepted, Outcome, Refusal, Refused
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize


class Post(msgspec.Struct, frozen=True):
    """A client posts a job."""

    client_id: str
    size: JobSize


class Resize(msgspec.Struct, frozen=True):
    """A client edits a job's size."""

    size: JobSize


class Invite(msgspec.Struct, frozen=True):
    """A client invites an account to a job."""

    account_id: str


class Close(msgspec.Struct, frozen=True):
    """A client closes a job."""

    reason: CloseReason


class Lapse(msgspec.Struct, frozen=True):
    """A job has lapsed, and gives back."""


class Deed(msgspec.Struct, frozen=True):
    """Something done to an account (`what` is a command) or to a job, and what came of it by the rules.

    Of an invitation nothing is told: it shows in what the proposal costs.
    """

    what: Command | Post | Resize | Invite | Close | Lapse
    on: str
    outcome: Outcome | Job | Returned | None
    alters: tuple[str, ...]
    regards: tuple[str, ...] = ()


class NotedMarket(Market):
    """A market that keeps what is done in it until it is taken."""

    def __init__(self, pack: Pack, on_accepted: Callable[[Accepted], None] | None = None) -> None:
        super().__init__(pack, on_accepted)
        self._deeds: list[Deed] = []

    def take(self) -> list[Deed]:
        """Return what was done since this was last asked, in its order."""
        deeds, self._deeds = self._deeds, []
        return deeds

    def act(self, account_id: str, command: Command, now: datetime) -> Outcome:
        """Decide a command on an account and keep what comes of it."""
        outcome = super().act(account_id, command, now)
        # Settling changes nothing that anybody is shown; what is given back belongs to a closing or a lapse.
        if not isinstance(command, Settle | GiveBack):
            alters: tuple[str, ...] = (account_id,)
            regards: tuple[str, ...] = ()
            if isinstance(command, Hire):
                alters = (account_id, command.job.id)
            elif isinstance(command, Submit):
                regards = (command.job.id,)
            self._deeds.append(Deed(command, account_id, outcome, alters, regards))
        return outcome

    def post(self, job_id: str, client_id: str, size: JobSize, now: datetime) -> Job:
        """Post a job."""
        posted = super().post(job_id, client_id, size, now)
        self._deeds.append(Deed(Post(client_id, size), job_id, posted, (job_id,)))
        return posted

    def resize(self, job_id: str, size: JobSize, now: datetime) -> Job:
        """Edit a job's size; nobody asks what a closed one would cost."""
        open_ = self.jobs[job_id].closed_at is None
        resized = super().resize(job_id, size, now)
        outcome = resized if open_ else Refused(Refusal.JOB_NOT_OPEN)
        self._deeds.append(Deed(Resize(size), job_id, outcome, (job_id,)))
        return resized

    def invite(self, job_id: str, account_id: str) -> None:
        """Invite an account to a job."""
        super().invite(job_id, account_id)
        self._deeds.append(Deed(Invite(account_id), job_id, None, (account_id,), (job_id,)))

    def close(self, job_id: str, reason: CloseReason, now: datetime) -> Returned:
        """Close a job, and give back what was spent on it where nobody was hired; again answers the first result."""
        returned = super().close(job_id, reason, now)
        touched = () if self.jobs[job_id].hires else tuple(self.bidders(job_id))
        self._deeds.append(Deed(Close(reason), job_id, returned, (job_id, *touched)))
        return returned

    def give_back(self, job_id: str, now: datetime) -> Returned:
        """Return what was spent on a job to everyone who spent it, if the job gives back now; once."""
        returned = super().give_back(job_id, now)
        job = self.jobs[job_id]
        if job.closed_at is None and job.gives_back(self.pack, now):
            self._deeds.append(Deed(Lapse(), job_id, returned, tuple(self.bidders(job_id)), (job_id,)))
        return returned


def in_rounds(deeds: Iterable[Deed]) -> list[list[Deed]]:
    """Return deeds in rounds: those of one may be done at once, when all of the rounds before it are done."""
    rounds: list[list[Deed]] = []
    altered: dict[str, int] = {}
    regarded: dict[str, int] = {}
    for deed in deeds:
        # The first round in which all that it depends on, or that depends on how things were, is done.
        first = max(
            0,
            *(max(altered.get(each, 0), regarded.get(each, 0)) for each in deed.alters),
            *(altered.get(each, 0) for each in deed.regards),
        )
        if first == len(rounds):
            rounds.append([])
        rounds[first].append(deed)
        altered.update(dict.fromkeys(deed.alters, first + 1))
        for each in deed.regards:
            regarded[each] = max(first + 1, regarded.get(each, 0))
    return rounds
