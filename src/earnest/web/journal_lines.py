"""Each line of a journal explained in a sentence, for its holder and for operators alike."""

from collections.abc import Callable, Mapping

from earnest.marketplace.shown import EntryShown
from earnest.rules.account import EntryKind, Source
from earnest.rules.book import TOWARDS_DEBT
from earnest.rules.buy import reversal_note
from earnest.rules.refund import LAPSED
from earnest.web.labels import Labels
from earnest.web.visit import Visit
from earnest.web.words import Words

Explain = Callable[[Words, EntryShown, str], str]


async def sentences(visit: Visit, lines: list[EntryShown]) -> dict[str, str]:
    """Return what each of some lines of a journal is about, in a sentence, by the line's id."""
    jobs = await visit.market.jobs_by_id({line.job_id for line in lines if line.job_id is not None})
    return explain(visit.words, lines, job_titles={id_: job.title for id_, job in jobs.items()})


def explain(words: Words, lines: list[EntryShown], *, job_titles: Mapping[str, str]) -> dict[str, str]:
    """Say in a sentence what each line of a journal is about, by its id; `job_titles` are known by the jobs' ids."""
    # What one proposal cost, or gave back, was taken from several lots: a line each, which may else read alike.
    together: dict[tuple[str, str], list[EntryShown]] = {}
    for line in sorted(lines, key=lambda line: int(line.id.rpartition("_")[2])):
        if line.proposal_id is not None:
            together.setdefault((line.kind, line.proposal_id), []).append(line)
    said = {line.id: _explained(words, line, job_titles) for line in lines}
    for parts in together.values():
        if len(parts) > 1:
            for number, line in enumerate(parts, 1):
                part = words.gettext("Part %(number)s of %(parts)s.") % {"number": number, "parts": len(parts)}
                said[line.id] += f" {part}"
    return said


def _explained(words: Words, entry: EntryShown, job_titles: Mapping[str, str]) -> str:
    title = words.gettext("a job that is gone")
    known = job_titles.get(entry.job_id or "")
    if known is not None:
        title = words.gettext("“%(title)s”") % {"title": known}
    return _EXPLAINED[EntryKind(entry.kind)](words, entry, title)


def _allot(w: Words, entry: EntryShown, _: str) -> str:
    plan = {"plan": Labels(w).plan(entry.plan)}
    if entry.note:
        return w.gettext("More, for moving up to the plan %(plan)s.") % plan
    return w.gettext("The month’s allotment on the plan %(plan)s.") % plan


def _purchase(w: Words, _: EntryShown, __: str) -> str:
    return w.gettext("Bought and paid for.")


def _bonus(w: Words, entry: EntryShown, _: str) -> str:
    return w.gettext("A bonus: %(reason)s") % {"reason": entry.note}


def _return(w: Words, entry: EntryShown, title: str) -> str:
    if entry.note == LAPSED:
        return w.gettext("Back from %(job)s: the post lapsed without a hire.") % {"job": title}
    return w.gettext("Back from %(job)s: it was closed without a hire.") % {"job": title}


def _spend(w: Words, entry: EntryShown, title: str) -> str:
    if not entry.connects:
        return w.gettext("Proposed to %(job)s by invitation, which is free.") % {"job": title}
    if entry.paid:
        return w.gettext("Proposed to %(job)s, with %(tokens)s that were bought.") % {"job": title, "tokens": w.tokens}
    if entry.source == Source.BONUS:
        return w.gettext("Proposed to %(job)s, with %(tokens)s of a bonus.") % {"job": title, "tokens": w.tokens}
    if entry.source == Source.CARRIED:
        return w.gettext("Proposed to %(job)s, with %(tokens)s carried over.") % {"job": title, "tokens": w.tokens}
    if entry.source == Source.REFUND:
        said = w.gettext("Proposed to %(job)s, with %(tokens)s that had come back.")
        return said % {"job": title, "tokens": w.tokens}
    return w.gettext("Proposed to %(job)s.") % {"job": title}


def _expire(w: Words, entry: EntryShown, _: str) -> str:
    if entry.source == Source.BONUS:
        return w.gettext("The rest of a bonus expired unused.")
    if entry.paid:
        return w.gettext("Expired unused: bought, and more than could be carried over.")
    return w.gettext("Expired unused: the month ended, and these could not be carried over.")


def _forfeit(w: Words, entry: EntryShown, _: str) -> str:
    most = w.pack.at(entry.effective_at).plan(entry.plan).most_held
    if most is None:
        return w.gettext("Forfeited: no more could be held.")
    said = w.gettext("Forfeited: the plan %(plan)s allows to hold %(most)s, and no more.")
    return said % {"plan": Labels(w).plan(entry.plan), "most": w.connects(most)}


def _revoke(w: Words, entry: EntryShown, _: str) -> str:
    if entry.note == TOWARDS_DEBT:
        return w.gettext("Taken towards a debt: a payment for %(tokens)s spent before was taken back.") % {
            "tokens": w.tokens
        }
    if entry.purchase_id is not None and entry.note == reversal_note(entry.purchase_id):
        return w.gettext("Taken back: the payment for them was taken back.")
    return w.gettext("Taken back by an operator: %(reason)s") % {"reason": entry.note}


def _carry(w: Words, entry: EntryShown, _: str) -> str:
    if entry.connects < 0:
        return w.gettext("Carried out of the month that ended.")
    return w.gettext("Carried into %(month)s.") % {"month": w.month(entry.effective_at)}


_EXPLAINED: dict[EntryKind, Explain] = {
    EntryKind.ALLOT: _allot,
    EntryKind.PURCHASE: _purchase,
    EntryKind.BONUS: _bonus,
    EntryKind.RETURN: _return,
    EntryKind.SPEND: _spend,
    EntryKind.EXPIRE: _expire,
    EntryKind.FORFEIT: _forfeit,
    EntryKind.REVOKE: _revoke,
    EntryKind.CARRY: _carry,
}
