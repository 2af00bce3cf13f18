"""What matters now to whoever holds an account, said on each of their pages."""

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from earnest.rules.forecast import Expiring
from earnest.web.words import Words

if TYPE_CHECKING:
    from earnest.web.visit import Who


class Alert(msgspec.Struct, frozen=True):
    """Something that matters now, on every page of whoever it concerns: `looks` is how much, link and label lead on.

    Pages it is `said_on` anyway needn't say it again.
    """

    looks: str
    sentence: str
    link: str
    label: str
    said_on: tuple[str, ...]


def alerts(who: "Who", w: Words, path: str, expiry_days: int) -> list[Alert]:
    """Return what matters now beside a page, the most pressing first; also what expires within so many days."""
    if who.account is None or who.balance is None:
        return []
    found = []
    is_suspended = who.account.status == "suspended"
    if is_suspended:
        said = w.gettext("This account is suspended from proposing.")
        found.append(Alert("bad", said, "/standing", w.gettext("See why, and what can be done"), ("/standing",)))
    if who.account.status == "warned":
        said = w.gettext("This account is close to a suspension: it has spent much on proposals and was not hired.")
        found.append(Alert("warn", said, "/standing", w.gettext("See what counts"), ("/standing",)))
    if who.balance.debt:
        said = w.gettext("There is a debt of %(debt)s, as a payment was taken back. What comes next pays it first.")
        said = said % {"debt": w.connects(who.balance.debt)}
        found.append(Alert("warn", said, "/connects/journal", w.gettext("See the journal"), ()))
    until = who.balance.at + timedelta(days=expiry_days)
    found += [_soon_lost(w, loss, is_suspended=is_suspended) for loss in who.balance.expiring if loss.at <= until]
    return [each for each in found if path not in each.said_on]


def _soon_lost(w: Words, loss: Expiring, *, is_suspended: bool) -> Alert:
    values = {"connects": w.connects(loss.connects), "time": w.deadline(loss.at)}
    if is_suspended:
        said = w.ngettext(
            "%(connects)s expires at %(time)s; the suspension doesn’t put that off.",
            "%(connects)s expire at %(time)s; the suspension doesn’t put that off.",
            loss.connects,
        )
        return Alert("info", said % values, "/connects", w.gettext("See what you hold"), ("/connects",))
    said = w.ngettext(
        "%(connects)s expires at %(time)s, unless you use it by then.",
        "%(connects)s expire at %(time)s, unless you use them by then.",
        loss.connects,
    )
    return Alert("info", said % values, "/work", w.gettext("Find work"), ("/connects",))
