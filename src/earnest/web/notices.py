"""Notices: what happened to what somebody holds, as a page; and whether they get it by e-mail too."""

from collections.abc import Callable

import msgspec
from litestar import Response

from earnest.marketplace.news import News
from earnest.marketplace.people import PersonShown
from earnest.web.labels import Labels
from earnest.web.letters import month_sentence
from earnest.web.routes import HOLDERS, Id, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.words import N_, Words

ON_A_PAGE = 20


class Told(msgspec.Struct, frozen=True):
    """A piece of news as a reader is told it; `more` are further sentences."""

    news: News
    sentence: str
    more: list[str]
    link: str
    label: str
    is_new: bool


@page("get", "/notices", seats=HOLDERS)
async def notices(request: Visit) -> Response[str]:
    """Show what happened, the latest first, and take it as seen."""
    person, w = request.who.person, request.words
    assert person is not None, "whoever comes here is signed in"  # noqa: S101
    cursor = query(request, "cursor") or None
    found = await request.market.news(request.account_id, limit=ON_A_PAGE, cursor=cursor)
    news = request.known(found)
    unseen = 0 if cursor else request.who.unseen
    if not cursor:
        await request.market.see_news(request.account_id, person.id)
    return request.show(
        "notices.html",
        news=[told(each, w, is_new=number < unseen) for number, each in enumerate(news.items)],
        more=next_page(request, news.next_cursor),
        first="/notices" if cursor else None,
        next_cursor=news.next_cursor,
        person=person,
    )


def told(news: News, w: Words, *, is_new: bool = False) -> Told:
    """Return a piece of news in a reader's words."""
    sentence, link, label = _TOLD[news.kind](news, w)
    more = []
    if news.paid_debt:
        said = w.gettext("%(connects)s of it went towards the debt.")
        more.append(said % {"connects": w.connects(news.paid_debt)})
    if news.kind == "bonus" and news.expires_at is not None:
        more.append(w.gettext("To be used by %(moment)s.") % {"moment": w.moment(news.expires_at)})
    return Told(news, sentence, more, link, label, is_new)


def _see_journal(w: Words) -> str:
    return w.gettext("See the journal")


def _journal(sentence: Callable[[News, Words], str]) -> Callable[[News, Words], tuple[str, str, str]]:
    return lambda news, w: (sentence(news, w), "/connects/journal", _see_journal(w))


def _returned(news: News, w: Words) -> tuple[str, str, str]:
    values = {"connects": w.connects(news.connects), "title": news.job_title}
    if news.job_title is None:
        said = w.gettext("%(connects)s came back: a job ended without hiring anybody.")
        return said % values, "/proposals", w.gettext("See the proposals")
    said = w.gettext("%(connects)s came back: “%(title)s” ended without hiring anybody.")
    return said % values, f"/work/{news.job_id}", w.gettext("See the job")


def _renewed(news: News, w: Words) -> str:
    said = w.gettext("A new month began. %(what)s You held %(balance)s then.")
    return said % {"what": month_sentence(w, news), "balance": w.connects(news.balance)}


def _plan(news: News, w: Words) -> tuple[str, str, str]:
    said = w.gettext("The account is on the plan %(plan)s from here on.") % {"plan": Labels(w).plan(news.plan or "")}
    return said, "/membership", w.gettext("See the membership")


def _standing(said: str) -> Callable[[News, Words], tuple[str, str, str]]:
    return lambda news, w: (
        w.gettext(said) % {"connects": w.connects(news.connects)},
        "/standing",
        w.gettext("See the standing"),
    )


def _with_connects(said: str) -> Callable[[News, Words], tuple[str, str, str]]:
    return _journal(lambda news, w: w.gettext(said) % {"connects": w.connects(news.connects)})


_TOLD: dict[str, Callable[[News, Words], tuple[str, str, str]]] = {
    "opened": _with_connects(N_("The account was opened, and %(connects)s came with it.")),
    "renewed": _journal(_renewed),
    "return": _returned,
    "purchase": _with_connects(N_("%(connects)s that were bought arrived.")),
    "bonus": _with_connects(N_("%(connects)s came as a bonus.")),
    "revoke": _with_connects(N_("An operator took back %(connects)s.")),
    "reversed": _with_connects(N_("The payment for a purchase was taken back, and %(connects)s went with it.")),
    "allot": _with_connects(N_("%(connects)s came with the higher plan.")),
    "expire": _with_connects(N_("%(connects)s expired unused.")),
    "forfeited": _with_connects(N_("%(connects)s could not be kept: that is more than the plan allows to hold.")),
    "plan_changed": _plan,
    "warned": _standing(
        N_("A warning: %(connects)s went into proposals that led to no hire. If that goes on, proposing is suspended.")
    ),
    "suspended": _standing(N_("The account was suspended from proposing.")),
    "reinstated": _standing(N_("The suspension has ended: the account can send proposals again.")),
}


@page("post", "/you/mail", seats=())
async def choose_mail(request: Visit) -> Response[str]:
    """Take down whether somebody wants e-mail about what they hold."""
    form, person = await request.sent(), request.who.person
    assert person is not None, "whoever comes here is signed in"  # noqa: S101
    gets_mail = form.ticked("mail")
    request.known(await request.market.choose_mail(person.id, gets_mail=gets_mail))
    return request.go("/you", done="mail-on" if gets_mail else "mail-off")


@page("get", "/unsubscribe/{code:str}", seats=None)
async def unsubscribe_page(request: Visit, code: Id) -> Response[str]:
    """Ask whether somebody's mail is to end, whoever follows the link in it."""
    return _unsubscribe(request, await request.market.person_to_unsubscribe(code), code)


@page("post", "/unsubscribe/{code:str}", seats=None, is_own_form=False)
async def unsubscribe(request: Visit, code: Id) -> Response[str]:
    """End it, or begin it again. A mail program asks for this by itself, without our form: the link says who it is."""
    person = await request.market.person_to_unsubscribe(code)
    if person is not None:
        form = await request.sent()
        person = request.known(await request.market.choose_mail(person.id, gets_mail=form["mail"] == "again"))
    return _unsubscribe(request, person, code, is_done=True)


def _unsubscribe(request: Visit, person: PersonShown | None, code: str, *, is_done: bool = False) -> Response[str]:
    status = 404 if person is None else 200
    return request.show("unsubscribe.html", status=status, person=person, code=code, is_done=is_done)


HANDLERS = [notices, choose_mail, unsubscribe_page, unsubscribe]
