"""What the people of the demo write: postings and letters, put together from the parts in `texts.toml`."""

from collections.abc import Sequence
from importlib.resources import files
from random import Random
from typing import Literal

import msgspec

Care = Literal["careful", "plain", "lazy", "copied"]
"""How somebody writes letters: to this client, to any client of the trade, in a line, or the same one to all."""


class _Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of job: with each of its `its` another posting."""

    title: str
    its: tuple[tuple[str, str], ...]
    work: str
    brief: tuple[str, ...]
    answers: tuple[str, ...]
    skills: tuple[str, ...]
    budgets: tuple[int, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()


class _Trade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    about: tuple[str, ...]
    experience: tuple[str, ...]
    questions: tuple[str, ...]
    jobs: tuple[_Job, ...]


class _Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    greetings: tuple[str, ...]
    openings: tuple[str, ...]
    availability: tuple[str, ...]
    closings: tuple[str, ...]
    lazy: tuple[str, ...]
    copied: str
    terms: tuple[str, ...]
    trades: tuple[_Trade, ...]


class Posting(msgspec.Struct, frozen=True):
    """A job as a client words it. `budget` is in whole units of the currency.

    `work` names it in letters, `remark` fits in letters to it alone, `answers` in those to jobs of its kind.
    """

    trade: str
    title: str
    description: str
    skills: tuple[str, ...]
    work: str
    remark: str
    answers: tuple[str, ...]
    budget: int | None = None
    duration: str | None = None
    weekly_hours: str | None = None


class Texts:
    """Composes postings and letters; the same chance composes the same ones."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        text = files("earnest.demo").joinpath("texts.toml").read_bytes()
        self._parts = msgspec.toml.decode(text, type=_Parts)
        self._trades = {trade.code: trade for trade in self._parts.trades}
        self._unposted = [(trade, job, it) for trade in self._parts.trades for job in trade.jobs for it in job.its]
        chance.shuffle(self._unposted)
        self._said: dict[str, set[str]] = {}
        """What was written to each posting's client, by its title."""

    def posting(self) -> Posting | None:
        """Return a posting nobody has read yet, None where all have been posted."""
        if not self._unposted:
            return None
        trade, job, (it, remark) = self._unposted.pop()
        chance = self._chance
        said = [_fill(sentence, it) for sentence in job.brief]
        said += [chance.choice(trade.about), *chance.sample(self._parts.terms, chance.choice((1, 1, 2)))]
        duration, weekly_hours = chance.choice(job.terms) if job.terms else (None, None)
        return Posting(
            trade.code,
            _capital(_fill(job.title, it)),
            " ".join(said),
            job.skills,
            _fill(job.work, it),
            remark,
            tuple(_fill(answer, it) for answer in job.answers),
            chance.choice(job.budgets) if job.budgets else None,
            duration,
            weekly_hours,
        )

    def letter(self, posting: Posting, name: str, care: Care) -> str:
        """Return somebody's letter in answer to a posting."""
        chance, parts = self._chance, self._parts
        if care == "copied":
            return f"{parts.copied}\n{name}"
        if care == "lazy":
            return chance.choice(parts.lazy)
        trade = self._trades[posting.trade]
        [opening, *_] = self._say(posting, chance.sample(parts.openings, len(parts.openings)), 1) or parts.openings
        opening = opening.replace("{work}", posting.work)
        # What one has done stays the same from letter to letter.
        more = [chance.choice(_own(trade.experience, name)), chance.choice(parts.availability)]
        about: list[str] = []
        if care == "careful":
            about = self._say(posting, (posting.remark, *posting.answers), 2)
            more = [*more, chance.choice(trade.questions)]
        # Whoever has something to say about the job says less of themselves.
        more = chance.sample(more, 1 if about else 2)
        paragraphs = [chance.choice(parts.greetings), " ".join([opening, *about]), " ".join(more)]
        if care == "careful":
            paragraphs.append(chance.choice(parts.closings))
        return "\n\n".join(paragraphs) + f"\n{name}"

    def _say(self, posting: Posting, sentences: Sequence[str], most: int) -> list[str]:
        """Return the first sentences that nobody has written to a posting's client yet."""
        said = self._said.setdefault(posting.title, set())
        unsaid = [sentence for sentence in sentences if sentence not in said][:most]
        said.update(unsaid)
        return unsaid


def _own(experience: Sequence[str], name: str) -> list[str]:
    """Return what of a trade's experience somebody has: half of it, by the name."""
    return Random(name).sample(experience, (len(experience) + 1) // 2)


def _fill(text: str, it: str) -> str:
    return text.replace("{it}", it).replace("{It}", _capital(it))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
