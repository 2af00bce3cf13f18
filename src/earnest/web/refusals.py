"""What the rules turn down, in plain words, and the way out of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from earnest.rules.outcome import Refusal, Refused
from earnest.web.words import N_, Words

if TYPE_CHECKING:
    from earnest.web.visit import Who


class Told(msgspec.Struct, frozen=True):
    """A refusal as a reader is told it: what is the matter, and a link that leads on, if there is one."""

    code: str
    sentence: str
    link: str = ""
    label: str = ""


def _insufficient(refused: Refused, w: Words, who: "Who") -> Told:
    required, available = int(refused.figures["required"]), int(refused.figures["available"])
    said = w.gettext("This costs %(required)s; the account holds %(available)s. Nothing was spent.")
    sentence = said % {"required": w.connects(required), "available": w.connects(available)}
    if not who.manages:
        return Told(refused.code, sentence)
    plan = None if who.account is None or who.balance is None else w.pack.at(who.balance.at).plan(who.account.plan)
    if plan is not None and plan.connect_price is not None:
        return Told(refused.code, sentence, "/connects/buy", w.gettext("Buy %(connects)s") % {"connects": w.tokens})
    return Told(refused.code, sentence, "/membership", w.gettext("See what other plans bring"))


def _suspended(refused: Refused, w: Words, _: "Who") -> Told:
    sentence = w.gettext("This account is suspended from proposing, for now. Nothing was spent.")
    return Told(refused.code, sentence, "/standing", w.gettext("See why, and what can be done"))


def _not_permitted(refused: Refused, w: Words, _: "Who") -> Told:
    reason = refused.figures.get("reason")
    if reason == "for_owners":
        return Told(refused.code, w.gettext("Only an owner can change what an owner may do, or make somebody one."))
    if reason == "own_ownership":
        return Told(refused.code, w.gettext("An owner stays one until another owner changes that."))
    if reason == "fee_unpaid":
        said = w.gettext("The membership fee is reported unpaid. Once it is paid this is possible again.")
        return Told(refused.code, said, "/membership", w.gettext("See your membership"))
    return Told(refused.code, w.gettext("This is for others to do here: an owner or an admin can, or give you leave."))


def _over(refused: Refused, w: Words, _: "Who") -> Told:
    fit = int(refused.figures["would_fit"])
    if not fit:
        return Told(refused.code, w.gettext("The account holds as many as its plan allows; no more fit."))
    said = w.gettext("So many don’t fit under what the plan allows to hold. %(fit)s would.")
    return Told(refused.code, said % {"fit": w.connects(fit)})


def _not_open(refused: Refused, w: Words, who: "Who") -> Told:
    if who.role != "client":
        sentence = w.gettext("This job takes no more proposals. Nothing was spent.")
        return Told(refused.code, sentence, "/work", w.gettext("Find other work"))
    if refused.figures.get("status") == "lapsed":
        return Told(refused.code, w.gettext("This job’s time is over: it takes no new proposals. Nothing was changed."))
    return Told(refused.code, w.gettext("This job is closed, and stays as it was. Nothing was changed."))


def _too_many_tries(refused: Refused, w: Words, _: "Who") -> Told:
    minutes = -(-int(refused.figures["retry_after_seconds"]) // 60)
    said = w.ngettext(
        "There were too many tries. Try again in %(minutes)s minute, or set a new password.",
        "There were too many tries. Try again in %(minutes)s minutes, or set a new password.",
        minutes,
    )
    return Told(refused.code, said % {"minutes": w.number(minutes)})


def _simple(sentence: str, link: str = "", label: str = "") -> Callable[[Refused, Words, "Who"], Told]:
    def tell(refused: Refused, w: Words, _: "Who") -> Told:
        return Told(refused.code, w.gettext(sentence), link, w.gettext(label) if label else "")

    return tell


_TOLD: dict[str, Callable[[Refused, Words, "Who"], Told]] = {
    Refusal.INSUFFICIENT_CONNECTS: _insufficient,
    Refusal.ACCOUNT_SUSPENDED: _suspended,
    Refusal.OVER_MOST_HELD: _over,
    Refusal.KEY_REUSED: _simple(
        N_("This form was sent before with something else in it, and that was done. Look at what is there now.")
    ),
    Refusal.TOO_MANY_TRIES: _too_many_tries,
    Refusal.WRONG_CREDENTIALS: _simple(N_("This isn’t your present password.")),
    Refusal.NOT_PERMITTED: _not_permitted,
    Refusal.JOB_NOT_OPEN: _not_open,
    Refusal.ALREADY_PROPOSED: _simple(
        N_("You have a proposal for this job already. Nothing more was spent."), "/proposals", N_("See your proposals")
    ),
    Refusal.PRICE_CHANGED: _simple(N_("What this costs has changed meanwhile. Nothing was spent.")),
    Refusal.PROPOSAL_NOT_LIVE: _simple(N_("This proposal was withdrawn, declined or hired before. Nothing changed.")),
    Refusal.PLAN_CANNOT_BUY: _simple(
        N_("This plan doesn’t allow buying more."), "/membership", N_("See what other plans bring")
    ),
    Refusal.NOT_FOR_THIS_KIND: _simple(N_("This isn’t for an account of this kind.")),
    Refusal.NOT_SUSPENDED: _simple(N_("The account isn’t suspended, so there is nothing to decide.")),
    Refusal.ALREADY_APPEALED: _simple(N_("This suspension was appealed before; an appeal is heard once.")),
    Refusal.NOTHING_PENDING: _simple(N_("There is no change of plan waiting that could be taken back.")),
    Refusal.CLOCK_BEHIND: _simple(N_("The clock here stands before what has happened already. Try again in a moment.")),
    Refusal.MALFORMED: _simple(N_("Something in this form can’t be meant. Nothing was done.")),
    Refusal.UNKNOWN_ACCOUNT: _simple(N_("There is no such account.")),
    Refusal.UNKNOWN_MEMBER: _simple(N_("There is no such member.")),
    Refusal.UNKNOWN_JOB: _simple(N_("There is no such job.")),
    Refusal.EXTERNAL_ID_TAKEN: _simple(N_("This is in use already.")),
}


def told(refused: Refused, words: Words, who: "Who") -> Told:
    """Return a refusal in plain words."""
    tell = _TOLD.get(refused.code)
    if tell is None:
        return Told(refused.code, words.gettext("That can’t be done. Nothing was changed."))
    return tell(refused, words, who)
