"""What happens every day: jobs are posted, people are invited and propose, and clients decide.

At one instant each account does one thing at most and at most one job is posted, so that all of it can be done at
once, and nothing that is kept depends on what is answered first.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

from earnest.demo.stage import Ending, Holder, Posted, Sent, Stage

Deed = Coroutine[Any, Any, object]

INSTANTS_A_WEEK = 24
"""Four on each weekday, two on each day of the weekend."""

POSTED = 54
"""At so many of a hundred instants a job is posted; at the last ones at more, so that there is work to be found."""

POSTED_LATELY = 90
INVITES, WITHDRAWN, DECLINED, COMES_BACK = 25, 9, 22, 40
"""Of a hundred: jobs with invitations, instants with a withdrawal and a decline, and who proposes again after one."""

ENDINGS: tuple[Ending, ...] = ("hire", "cancelled", "removed", "lapse")
ENDING_SO = (60, 19, 4, 17)
"""What becomes of jobs, and of how many of a hundred."""

MOST_PROPOSALS = 12
FRESH = timedelta(days=11)
"""How many proposals people still join, and how old a job may be for them."""


class Everyday:
    """Lives the everyday of a stage. `last_days` is from when on more is posted."""

    def __init__(self, stage: Stage, last_days: datetime) -> None:
        self._stage = stage
        self._chance = stage.chance
        self._last_days = last_days
        self._busy: set[Holder] = set()
        """Who has done something at this instant."""
        self._hired: list[Posted] = []
        self._filled: list[Posted] = []
        """Jobs to be closed as filled: since this instant, and since the one before."""
        self._inviting: list[tuple[Posted, Holder]] = []

    async def live(self) -> None:
        """Live one instant."""
        stage, now = self._stage, self._stage.now
        choices = self._choices()
        deeds: list[Deed] = [stage.propose(holder, job) for holder, job in choices]
        self._busy = {holder for holder, _ in choices}
        deeds += self._second_thoughts()
        ended = [job for job in stage.jobs if job.ends_at is not None and job.ends_at <= now]
        deeds += [deed for job in ended if job.ending == "hire" for deed in self._hire(job)]
        deeds += [stage.close(job, "filled") for job in self._filled]
        deeds += [stage.invite(job, holder) for job, holder in self._inviting]
        self._filled, self._inviting = self._hired, []
        self._hired = []
        posted, _ = await asyncio.gather(self._post(), asyncio.gather(*deeds))
        if posted is not None and self._percent(INVITES):
            known = [each for each in stage.holders.values() if _suits(each, posted) and not each.unlucky]
            some = self._chance.sample(known, min(len(known), self._chance.choice((1, 1, 2, 3))))
            self._inviting = [(posted, holder) for holder in some]
        for job in ended:
            # These give back to many at once, so each is done alone.
            if job.ending == "cancelled" or job.ending == "removed":
                await stage.close(job, job.ending)

    def _percent(self, percent: int) -> bool:
        return self._chance.randrange(100) < percent

    # Posting

    async def _post(self) -> Posted | None:
        stage, chance = self._stage, self._chance
        if not self._percent(POSTED_LATELY if stage.now >= self._last_days else POSTED):
            return None
        posting = stage.texts.posting()
        if posting is None:
            return None
        client, ending = chance.choice(list(stage.clients)), chance.choices(ENDINGS, ENDING_SO)[0]
        stays = timedelta(days=chance.randint(4, 16), hours=chance.randrange(8))
        job = await stage.post(posting, client)
        job.ending = ending
        job.ends_at = None if ending == "lapse" else job.at + stays
        return job

    # Proposing

    def _choices(self) -> list[tuple[Holder, Posted]]:
        """Return who proposes to what now: each at their pace, to one job."""
        chosen = []
        for holder in self._stage.holders.values():
            if self._chance.random() < holder.pace / INSTANTS_A_WEEK and self._is_looking(holder):
                job = self._choice(holder)
                if job is not None:
                    chosen.append((holder, job))
        return chosen

    def _is_looking(self, holder: Holder) -> bool:
        now = self._stage.now
        if holder.until is not None and now.date() >= holder.until:
            return False
        return holder.waits_until is None or now >= holder.waits_until

    def _choice(self, holder: Holder) -> Posted | None:
        """Return the job somebody proposes to: one they are invited to, or one of the newest that suit them."""
        stage = self._stage
        open_ = [
            job
            for job in stage.jobs
            if job.is_taking
            and stage.now - job.at < FRESH
            and holder not in job.sent
            and job not in holder.left_open
            and (len(job.sent) < MOST_PROPOSALS or holder in job.invited)
            and _suits(holder, job)
        ]
        invited = [job for job in open_ if holder in job.invited]
        if invited:
            return invited[-1]
        spendable = holder.stops_at - holder.unrewarded
        if holder.known.monthly:
            spent = stage.spent.get((holder.name, stage.now.month), 0)
            spendable = min(spendable, holder.known.monthly[stage.now.month - 1] - spent)
        payable = [job for job in open_ if job.price <= spendable]
        return self._chance.choice(payable[-5:]) if payable else None

    def _second_thoughts(self) -> list[Deed]:
        """Return what becomes of two proposals by the way: one is withdrawn, one declined, or neither."""
        jobs = [job for job in self._stage.jobs if job.is_taking and not job.is_of_the_story]
        some = [sent for job in jobs for sent in job.live if sent.holder not in self._busy]
        if len(some) < 2:
            return []
        withdrawn, declined = self._chance.sample(some, 2)
        thoughts: list[Deed] = []
        if self._percent(WITHDRAWN):
            thoughts.append(self._stage.withdraw(withdrawn))
            if self._percent(COMES_BACK):
                del withdrawn.job.sent[withdrawn.holder]
        if self._percent(DECLINED) and declined.holder is not withdrawn.holder:
            thoughts.append(self._stage.decline(declined))
        self._busy |= {withdrawn.holder, declined.holder}
        return thoughts

    # Deciding

    def _hire(self, job: Posted) -> list[Deed]:
        """Return whom a client hires and turns down; nobody yet while one of them is busy with something else."""
        if any(sent.holder in self._busy for sent in job.live):
            return []
        job.ends_at = None
        # Who has gone without a hire for longest is hired most, so nobody outside the story is minded for it.
        chosen = sorted(
            (sent for sent in job.live if not sent.holder.unlucky),
            key=lambda sent: -sent.holder.unrewarded - 9 * self._chance.random(),
        )
        return self.hiring(chosen[: 2 if len(chosen) > 4 and self._percent(15) else 1]) if chosen else []

    def hiring(self, chosen: Sequence[Sent]) -> list[Deed]:
        """Return how a client hires one or more for a job and turns most of the others down; most then close it."""
        job = chosen[0].job
        job.is_taking = False
        job.ends_at = None
        others = [sent for sent in job.live if sent not in chosen and self._percent(70)]
        self._busy |= {sent.holder for sent in (*chosen, *others)}
        if self._percent(88):
            self._hired.append(job)
        return [*map(self._stage.hire, chosen), *map(self._stage.decline, others)]


def _suits(holder: Holder, job: Posted) -> bool:
    return job.posting.trade in holder.known.trades
