"""What people are written: each letter's subject and text, in one reader's words.

Plain text that is read on its own: who it is about, what happened, the figures, where to look, and why one gets it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from earnest.marketplace.news import News
from earnest.marketplace.people import PersonShown
from earnest.web.labels import Labels
from earnest.web.words import Words


class Happened(msgspec.Struct, frozen=True):
    """What happened to an account, as its letter needs it. `data` is the event's.

    `job_title` is that of the job it is about, `month` what the month's turn brought.
    """

    kind: str
    data: Mapping[str, Any]
    account_name: str | None = None
    is_agency: bool = False
    is_suspended: bool = False
    job_title: str | None = None
    month: News | None = None


class Text(msgspec.Struct, frozen=True):
    """A letter's subject, what it says, and the path of the page that shows more."""

    subject: str
    paragraphs: list[str]
    path: str


def about(w: Words, happened: Happened) -> Text:
    """Return what there is to say of something that happened to an account; raises KeyError for an unknown kind."""
    return _ABOUT[happened.kind](w, happened)


def letter_text(w: Words, person: PersonShown, text: Text, happened: Happened, base: str, unsubscribe: str) -> str:
    """Return a whole letter about an account."""
    if happened.is_agency:
        name = happened.account_name or w.gettext("your agency")
        greeting = w.gettext("Hello %(person)s, this is about %(agency)s.") % {"person": _name(person), "agency": name}
        why = w.gettext("You get this because you are an owner or admin there.")
    else:
        greeting = w.gettext("Hello %(person)s,") % {"person": _name(person)}
        why = w.gettext("You get this because the account is yours.")
    more = w.gettext("If you want no more e-mail like this: %(link)s") % {"link": unsubscribe}
    return "\n\n".join([greeting, *text.paragraphs, f"{base}{text.path}", "-- \n" + why + "\n" + more])


def password_text(w: Words, person: PersonShown, link: str) -> tuple[str, str]:
    """Return the subject and the text of a letter with a link to set a password: a person's first, or a new one."""
    if person.has_password:
        subject = w.gettext("Set a new password")
        paragraphs = [
            w.gettext("Hello %(person)s,") % {"person": _name(person)},
            w.gettext("Somebody, most likely you, asked for a new password for %(email)s. Choose one here:")
            % {"email": person.email},
            link,
            w.gettext(
                "The link works once, within an hour. If it wasn’t you, do nothing: your password stays as it is."
            ),
        ]
    else:
        subject = w.gettext("Welcome to Earnest: choose your password")
        paragraphs = [
            w.gettext("Hello %(person)s,") % {"person": _name(person)},
            w.gettext("You can sign in with %(email)s. Choose your password first:") % {"email": person.email},
            link,
            w.gettext("The link works once, within seven days. After that, ask for another one where you sign in."),
        ]
    return subject, "\n\n".join(paragraphs)


def _name(person: PersonShown) -> str:
    # As it stands in the list of people; a line is a line, whatever it holds.
    return " ".join((person.name or person.email).split())


def _at(happened: Happened) -> datetime:
    return msgspec.convert(happened.data["at"], datetime)


def _expiring(w: Words, happened: Happened) -> Text:
    at, count = _at(happened), int(happened.data["connects"])
    balance = int(happened.data["balance"])
    subject = w.ngettext("%(connects)s expires at %(time)s", "%(connects)s expire at %(time)s", count)
    body = w.ngettext(
        "%(connects)s of the %(balance)s you hold expires at %(time)s, unless you use it by then.",
        "%(connects)s of the %(balance)s you hold expire at %(time)s, unless you use them by then.",
        count,
    )
    if count == balance:
        body = w.ngettext(
            "%(connects)s, all you hold, expires at %(time)s, unless you use it by then.",
            "%(connects)s, all you hold, expire at %(time)s, unless you use them by then.",
            count,
        )
    values = {
        "connects": w.connects(count),
        "balance": w.number(balance),
        "time": w.deadline(at),
    }
    if happened.is_suspended:
        body = w.ngettext(
            "%(connects)s of the %(balance)s you hold expires at %(time)s.",
            "%(connects)s of the %(balance)s you hold expire at %(time)s.",
            count,
        )
        rest = w.gettext("The account is suspended from proposing, and that doesn’t put it off. What can be done:")
        return Text(subject % values, [body % values, rest], "/standing")
    rest = w.gettext("There is no need to send proposals only to use them up. But if a job fits you, now is the time:")
    return Text(subject % values, [body % values, rest], "/work")


def _returned(w: Words, happened: Happened) -> Text:
    values = {
        "connects": w.connects(int(happened.data["connects"])),
        "balance": w.connects(int(happened.data["balance"])),
        "title": " ".join((happened.job_title or "").split()),
    }
    if happened.job_title is None:
        body = w.gettext("A job you proposed to ended without hiring anybody, so %(connects)s came back.")
    else:
        body = w.gettext("The job “%(title)s” ended without hiring anybody, so %(connects)s came back.")
    now = w.gettext("You hold %(balance)s now. What came back and when it expires stands in your journal:")
    return Text(w.gettext("%(connects)s came back") % values, [body % values, now % values], "/connects/journal")


def _renewed(w: Words, happened: Happened) -> Text:
    month, at = happened.month, _at(happened)
    values = {"month": w.month(at), "balance": w.connects(int(happened.data["balance"]))}
    subject = w.gettext("Your membership renewed: you hold %(balance)s") % values
    paragraphs = [w.gettext("A new month of your membership began, and you hold %(balance)s.") % values]
    if month is not None:
        paragraphs.append(month_sentence(w, month))
    paragraphs.append(w.gettext("Every line of it stands in your journal:"))
    return Text(subject, paragraphs, "/connects/journal")


def month_sentence(w: Words, month: News) -> str:
    """Say what a month's turn brought, kept and took."""
    values = {
        "connects": w.connects(month.connects),
        "carried": w.connects(month.carried),
        "expired": w.connects(month.expired),
    }
    if month.carried and month.expired:
        said = w.gettext("%(connects)s came, %(carried)s were carried over, and %(expired)s expired unused.")
    elif month.carried:
        said = w.gettext("%(connects)s came, on top of %(carried)s carried over.")
    elif month.expired:
        said = w.gettext("%(connects)s came, and %(expired)s of the month before expired unused.")
    else:
        said = w.gettext("%(connects)s came.")
    return said % values


def _plan(w: Words, happened: Happened) -> Text:
    plan = Labels(w).plan(str(happened.data.get("plan", "")))
    values = {"plan": plan, "day": w.day(_at(happened))}
    body = w.gettext("Since %(day)s, the account is on the plan %(plan)s.") % values
    more = w.gettext("What it brings and what it costs:")
    return Text(w.gettext("The plan is now %(plan)s") % values, [body, more], "/membership")


def _warned(w: Words, happened: Happened) -> Text:
    values = {"connects": w.connects(int(happened.data["connects"])), "day": w.day(_at(happened))}
    return Text(
        w.gettext("A warning: many proposals, and no hire yet"),
        [
            w.gettext(
                "On %(day)s, %(connects)s had been spent on proposals that led to no hire. If that goes on, "
                "the account will be suspended from proposing."
            )
            % values,
            w.gettext("Nothing has been taken. Fewer proposals that fit better help most, and a hire ends the count."),
            w.gettext("Which proposals count, and when the limit is reached:"),
        ],
        "/standing",
    )


def _suspended(w: Words, happened: Happened) -> Text:
    values = {"day": w.day(_at(happened)), "reason": str(happened.data.get("reason", ""))}
    paragraphs = [w.gettext("Since %(day)s, the account can’t send proposals.") % values]
    if values["reason"]:
        paragraphs.append(w.gettext("The reason given: %(reason)s") % values)
    paragraphs += [
        w.gettext("What you hold stays yours, and expires or carries over as ever. You can appeal once."),
        w.gettext("Why this happened, and how to appeal:"),
    ]
    return Text(w.gettext("Suspended from proposing"), paragraphs, "/standing")


def _reinstated(w: Words, happened: Happened) -> Text:
    values = {"day": w.day(_at(happened)), "reason": str(happened.data.get("reason", ""))}
    paragraphs = [w.gettext("Since %(day)s, the account can send proposals again.") % values]
    if values["reason"]:
        paragraphs.append(w.gettext("The reason given: %(reason)s") % values)
    paragraphs.append(w.gettext("Jobs that take proposals:"))
    return Text(w.gettext("You can propose again"), paragraphs, "/work")


_ABOUT: dict[str, Callable[[Words, Happened], Text]] = {
    "connects.expiring": _expiring,
    "connects.returned": _returned,
    "cycle.renewed": _renewed,
    "plan.changed": _plan,
    "account.warned": _warned,
    "account.suspended": _suspended,
    "account.reinstated": _reinstated,
}
