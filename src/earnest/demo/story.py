"""The deeds that a story is told in, each on somebody of the cast by name."""

import asyncio
from datetime import datetime

from earnest.demo.everyday import Everyday
from earnest.demo.stage import Holder, Posted, Stage, StoryError, must
from earnest.demo.texts import Posting


class Story:
    """What the deeds below are done with."""

    def __init__(self, stage: Stage, everyday: Everyday) -> None:
        self.stage = stage
        self.market = stage.market
        self._everyday = everyday
        self._jobs: dict[str, Posted] = {}
        self._purchases: dict[str, str] = {}

    def who(self, name: str) -> Holder:
        """Return somebody by name."""
        return self.stage.holders[name]

    # Jobs

    async def post(self, posting: Posting, client: str = "Alder & Finch", *, is_taking: bool = True) -> None:
        """Have a client post a job, which nobody ends by chance."""
        job = self._jobs[posting.title] = await self.stage.post(posting, client)
        job.is_taking, job.is_of_the_story = is_taking, True

    async def reprice(self, posting: Posting, budget: int) -> None:
        """Edit a job's budget, in minor units: later proposals cost more."""
        must(await self.market.edit_job(self._jobs[posting.title].id, budget=budget, key=self.stage.key()))

    async def propose(self, posting: Posting, name: str) -> None:
        """Have somebody propose to a job of the story."""
        job = self._jobs[posting.title]
        if self.who(name) not in job.sent and await self.stage.propose(self.who(name), job) is None:
            raise StoryError(f"{name} can't propose to {posting.title}")

    async def fill_up(self, posting: Posting, proposals: int) -> None:
        """Have designers propose to a job until it has so many proposals."""
        job = self._jobs[posting.title]
        job.is_taking = False
        for holder in list(self.stage.holders.values()):
            if len(job.live) < proposals and posting.trade in holder.known.trades and holder not in job.sent:
                await self.stage.propose(holder, job)

    async def hire(self, name: str, posting: Posting | None = None) -> None:
        """Have somebody hired: for a job of the story, or for the latest other one they can be hired from."""
        holder = self.who(name)
        if posting is not None:
            sent = self._jobs[posting.title].sent[holder]
        else:
            others = [sent for sent in holder.sent if sent.live and sent.job.is_taking and not sent.job.is_of_the_story]
            if not others:
                raise StoryError(f"{name} has no proposal to be hired from")
            sent = others[-1]
        await asyncio.gather(*self._everyday.hiring([sent]))

    async def invite(self, name: str, posting: Posting) -> None:
        """Have somebody invited to a job of the story, and leave the answer to whoever signs in as them."""
        job = self._jobs[posting.title]
        await self.stage.invite(job, self.who(name))
        self.who(name).left_open.add(job)

    # Accounts

    async def plan(self, name: str, plan: str) -> None:
        """Have somebody change plans."""
        must(await self.market.change_plan(self.who(name).id, plan, key=self.stage.key()))

    async def stay(self, name: str) -> None:
        """Have somebody take a change back."""
        must(await self.market.keep_plan(self.who(name).id, key=self.stage.key()))

    async def fee(self, name: str, *, paid: bool) -> None:
        """Report a fee unpaid, or paid after all."""
        report = self.market.report_fee_paid if paid else self.market.report_fee_unpaid
        must(await report(self.who(name).id, key=self.stage.key()))

    async def buy(self, name: str, connects: int, member: str | None = None) -> None:
        """Have somebody ask to buy."""
        by = None if member is None else self.stage.members[member]
        asked = await self.market.buy(self.who(name).id, connects, by_member_id=by, key=self.stage.key())
        self._purchases[name] = must(asked).id

    async def paid(self, name: str) -> None:
        """Report somebody's latest purchase as paid."""
        must(await self.market.confirm_purchase(self._purchases[name], key=self.stage.key()))

    async def reversed(self, name: str) -> None:
        """Report the payment of somebody's latest purchase as taken back, or not coming."""
        must(await self.market.reverse_purchase(self._purchases[name], key=self.stage.key()))

    async def leave(self, member: str) -> None:
        """Have a member leave their agency."""
        must(await self.market.remove_member(self.stage.members[member], key=self.stage.key()))
        for holder in self.stage.holders.values():
            holder.workers = [worker for worker in holder.workers if worker[0] != member]

    # Operators

    async def grant(self, name: str, connects: int, reason: str, expires_at: datetime | None = None) -> None:
        """Give connects."""
        account = self.who(name).id
        must(await self.market.grant(account, connects, reason=reason, expires_at=expires_at, key=self.stage.key()))

    async def revoke(self, name: str, connects: int, reason: str) -> None:
        """Take connects."""
        must(await self.market.revoke(self.who(name).id, connects, reason=reason, key=self.stage.key()))

    async def appeal(self, name: str, text: str) -> None:
        """Have somebody appeal."""
        must(await self.market.appeal(self.who(name).id, text, key=self.stage.key()))

    async def lift(self, name: str, reason: str) -> None:
        """Lift a suspension; whose it was is more careful from then on, and hired like others."""
        must(await self.market.lift_suspension(self.who(name).id, reason=reason, key=self.stage.key()))
        holder = self.who(name)
        holder.pace, holder.unlucky, holder.until, holder.stops_at = 2.0, False, None, self.who("Ben Okpara").stops_at
        holder.start_anew()
