"""The demo's marketplace as those who live in it know it: who is there, what is posted, who proposed to what.

Everything is done by the use cases, each under an idempotency key of its own, so that with the same ids the same is
written. What is noted here spares asking for what was answered before.
"""

import itertools
from datetime import datetime, timedelta
from random import Random
from typing import Literal, TypeVar

from earnest.demo.cast import Agency, Cast, Freelancer
from earnest.demo.texts import Posting, Texts
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.shown import ProposalShown
from earnest.rules.job import CloseReason
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.price import JobType

T = TypeVar("T")
Ending = Literal["hire", "cancelled", "removed", "lapse"]

_PROPOSES_LESS = (Refusal.INSUFFICIENT_CONNECTS, Refusal.ACCOUNT_SUSPENDED, Refusal.NOT_PERMITTED)
"""Why somebody can't propose just now, as happens to people."""


class StoryError(RuntimeError):
    """Something that the story needs was refused."""


def must(answer: T | Refused) -> T:
    """Return an answer; raises StoryError for a refusal."""
    if isinstance(answer, Refused):
        raise StoryError(f"{answer.code}: {answer.figures}")
    return answer


class Sent:
    """A proposal that somebody sent."""

    def __init__(self, shown: ProposalShown, holder: "Holder", job: "Posted") -> None:
        self.id = shown.id
        self.at = shown.submitted_at
        self.connects = shown.connects_spent
        self.holder = holder
        self.job = job
        self.live = True
        self.returned = False


class Posted:
    """A job, and what will become of it: its client decides at a time of theirs, or never."""

    def __init__(self, id_: str, price: int, posting: Posting, client: str, at: datetime) -> None:
        self.id = id_
        self.price = price
        self.posting = posting
        self.client = client
        self.at = at
        self.ending: Ending = "lapse"
        self.ends_at: datetime | None = None
        self.is_taking = True
        """Whether people of the everyday propose to it."""
        self.is_of_the_story = False
        """Whether only the story decides on those who propose."""
        self.invited: set[Holder] = set()
        self.sent: dict[Holder, Sent] = {}
        """The latest proposal of each; who withdrew and will not come back keeps theirs."""

    @property
    def live(self) -> list[Sent]:
        """The proposals the client can still choose from, in an order that doesn't depend on who was answered first."""
        return sorted((sent for sent in self.sent.values() if sent.live), key=lambda sent: (sent.at, sent.holder.name))


class Holder:
    """Who holds an account: a freelancer or an agency, with what they do next."""

    def __init__(self, known: Freelancer, account_id: str, stops_at: int) -> None:
        self.known = known
        self.id = account_id
        self.name = known.name
        self.pace = known.pace
        self.unlucky = known.unlucky
        self.until = known.until
        self.stops_at = known.stops_at or stops_at
        self.workers: list[tuple[str, str]] = []
        """An agency's members who may propose: their names and ids."""
        self.sent: list[Sent] = []
        self.waits_until: datetime | None = None
        self.left_open: set[Posted] = set()
        """Jobs that are left to whoever signs in as them."""
        self._sent_at_hire = 0

    @property
    def unrewarded(self) -> int:
        """The connects spent since the last hire that didn't come back."""
        return sum(sent.connects for sent in self.sent[self._sent_at_hire :] if not sent.returned)

    def start_anew(self) -> None:
        """Begin to count again, after a hire or a lifted suspension."""
        self._sent_at_hire = len(self.sent)


class Stage:
    """A marketplace with the demo's cast on it. `jobs` are all that were posted, the earliest first."""

    def __init__(self, market: AsyncMarketplace, cast: Cast, texts: Texts, chance: Random) -> None:
        self.market = market
        self.texts = texts
        self.chance = chance
        self.holders: dict[str, Holder] = {}
        self.members: dict[str, str] = {}
        self.clients: dict[str, str] = {}
        self.jobs: list[Posted] = []
        self.spent: dict[tuple[str, int], int] = {}
        """What each spent in a month, by name and month."""
        self._cast = cast
        self._still_to_come: list[Freelancer] = [*cast.freelancers, *cast.agencies]
        self._keys = itertools.count(1)

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return self.market.ledger.now

    def key(self) -> str:
        """Return a key nobody has used."""
        return f"demo-{next(self._keys)}"

    # Who is there

    async def open(self) -> None:
        """Make the clients known."""
        for name in self._cast.clients:
            self.clients[name] = must(await self.market.create_client(name=name, key=self.key())).id

    async def admit(self) -> None:
        """Open the accounts of those who are there from today on."""
        today = self.now.date()
        for known in [known for known in self._still_to_come if known.since is None or known.since <= today]:
            self._still_to_come.remove(known)
            await self._admit(known)

    async def _admit(self, known: Freelancer) -> None:
        market = self.market
        kind: Literal["individual", "agency"] = "agency" if isinstance(known, Agency) else "individual"
        account = must(await market.open_account(kind=kind, plan=known.plan, name=known.name, key=self.key()))
        limits = market.ledger.pack.at(self.now).conduct.thresholds(kind)
        # Most people notice that they are getting nowhere before they are told.
        stops_at = known.stops_at or (1_000 if limits is None else limits.warned_at * 4 // 5)
        holder = self.holders[known.name] = Holder(known, account.id, stops_at)
        if not isinstance(known, Agency):
            return
        for each in known.members:
            member = must(
                await market.add_member(
                    account.id, name=each.name, role=each.role, can_propose=each.can_propose, key=self.key()
                )
            )
            self.members[each.name] = member.id
            if member.ruled.may_propose:
                holder.workers.append((each.name, member.id))

    # What they do

    async def post(self, posting: Posting, client: str) -> Posted:
        """Post a job."""
        job = must(
            await self.market.post_job(
                self.clients[client],
                title=posting.title,
                type=(JobType.HOURLY if posting.budget is None else JobType.FIXED).value,
                budget=None if posting.budget is None else self._minor(posting.budget),
                duration=posting.duration,
                weekly_hours=posting.weekly_hours,
                description=posting.description,
                skills=posting.skills,
                key=self.key(),
            )
        )
        posted = Posted(job.id, job.price, posting, client, job.posted_at)
        self.jobs.append(posted)
        return posted

    async def invite(self, job: Posted, holder: Holder) -> None:
        """Have a job's client invite somebody."""
        must(await self.market.invite(job.id, holder.id, key=self.key()))
        job.invited.add(holder)

    async def propose(self, holder: Holder, job: Posted) -> Sent | None:
        """Have somebody propose to a job; None where they can't, and they look again in three days."""
        name, worker = self.chance.choice(holder.workers) if holder.workers else (holder.name, None)
        letter = self.texts.letter(job.posting, name, holder.known.letters)
        answer = await self.market.submit(
            job.id, holder.id, worker_id=worker, cover_letter=letter, bid=self._bid(job.posting), key=self.key()
        )
        if isinstance(answer, Refused) and answer.code in _PROPOSES_LESS:
            holder.waits_until = self.now + timedelta(days=3)
            return None
        shown = must(answer)
        sent = job.sent[holder] = Sent(shown, holder, job)
        holder.sent.append(sent)
        month = (holder.name, shown.submitted_at.month)
        self.spent[month] = self.spent.get(month, 0) + sent.connects
        return sent

    def _bid(self, posting: Posting) -> int:
        """Return what somebody asks for, in minor units: about the budget, or for an hour's work."""
        if posting.budget is None:
            return self._minor(self.chance.randrange(14, 66))
        asked = posting.budget * self.chance.choice((75, 80, 90, 95, 100, 100, 105, 115)) // 100
        # People round to fives, but for small sums.
        return self._minor(asked // 5 * 5 if asked > 50 else asked)

    def _minor(self, whole: int) -> int:
        """Return an amount in minor units of the pack's currency."""
        return whole * int(10**self.market.ledger.pack.file.currency.minor_digits)

    async def withdraw(self, sent: Sent) -> None:
        """Have somebody take a proposal back."""
        must(await self.market.withdraw(sent.id, key=self.key()))
        sent.live = False

    async def decline(self, sent: Sent) -> None:
        """Have a client turn a proposal down."""
        must(await self.market.decline(sent.id, key=self.key()))
        sent.live = False

    async def hire(self, sent: Sent) -> None:
        """Have a client hire somebody."""
        must(await self.market.hire(sent.id, key=self.key()))
        sent.live = False
        sent.holder.start_anew()

    async def close(self, job: Posted, reason: CloseReason) -> None:
        """Have a client close a job."""
        closed = must(await self.market.close_job(job.id, reason, key=self.key()))
        job.is_taking = False
        job.ends_at = None
        for sent in job.sent.values():
            sent.live = False
            sent.returned = not closed.job.hires
