"""Whose proposal one is: an agency's people found by their names, and the one who would do the work chosen."""

from collections.abc import Mapping

import msgspec

from earnest.marketplace.given import MOST_NAME, MOST_PAGE
from earnest.web.forms import Form
from earnest.web.visit import Visit

MOST_LISTED = 30
"""Of more people than that one isn't chosen from a list, but looked for by name."""


class Chosen(msgspec.Struct, frozen=True):
    """Who would do the work, by id; `among` is whom a name fits, with their names, where it fits several."""

    worker_id: str | None
    among: Mapping[str, str]


def called(name: str | None, words: str) -> bool:
    """Say whether a name has some words in it, in whatever case."""
    return words.casefold() in (name or "").casefold()


async def workers(request: Visit) -> dict[str, str]:
    """Return whose proposals whoever visits may send, by id: owners and admins choose among those who may propose."""
    if request.who.member is None or not request.who.manages:
        return {}
    may: dict[str, str] = {}
    cursor: str | None = None
    while True:
        members = request.known(await request.market.members(request.account_id, limit=MOST_PAGE, cursor=cursor))
        for each in members.items:
            if each.ruled.may_propose:
                may[each.id] = each.name or request.words.gettext("Without a name")
        cursor = members.next_cursor
        if cursor is None:
            return may


def choose(request: Visit, form: Form, known: Mapping[str, str]) -> Chosen:
    """Return who would do the work: who is chosen or named, else whoever visits as far as they may."""
    usual = request.member_id if not known or request.member_id in known else next(iter(known))
    named = form.text("worker_name", MOST_NAME, needed=False) if len(known) > MOST_LISTED else None
    if named is None:
        return Chosen((form.choice("worker", known, needed=False) if known else None) or usual, {})
    if known.get(form["worker"]) == named:
        # Several may have one name: whoever was chosen before stays, as long as they are named.
        return Chosen(form["worker"], {})
    fitting = {id_: name for id_, name in known.items() if called(name, named)}
    found = {id_: name for id_, name in fitting.items() if name.casefold() == named.casefold()} or fitting
    if len(found) == 1:
        return Chosen(next(iter(found)), {})
    words = request.words
    if not found:
        form.say("worker_name", words.gettext("Nobody who may propose has this in their name."))
        return Chosen(usual, {})
    count = {"count": words.number(len(found))}
    if len(found) > MOST_LISTED:
        form.say("worker_name", words.gettext("This fits %(count)s people. Please give more of the name.") % count)
        return Chosen(usual, {})
    form.say("worker", words.gettext("The name fits %(count)s people. Please choose one of them.") % count)
    return Chosen(next(iter(found)), found)
