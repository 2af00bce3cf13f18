"""What an account holds, when that expires, its journal, and its months in figures."""

from collections.abc import Sequence

import msgspec
from litestar import Response

from earnest.marketplace.shown import BalanceShown, EntryShown, Page, StatsShown
from earnest.rules.account import EntryKind
from earnest.rules.stats import Month, percent
from earnest.web import charts, journal_asked
from earnest.web.charts import Series
from earnest.web.forms import Form
from earnest.web.journal_lines import sentences
from earnest.web.routes import HOLDERS, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.words import Words

MONTHS = 6
LINES_ON_A_PAGE = 25
MOST_PARTS = 4
"""How many losses a bar shows apart; later ones are shown together."""

OFTEN_ALIKE, MOSTLY_ALIKE = 25, 60
"""From how many of a hundred on letters are said to be rather alike, and mostly the same."""

_LOSSES = ("c3", "c2", "c4", "c5")


class Part(msgspec.Struct, frozen=True):
    """A part of a balance in its bar: `css` is the colour's class."""

    css: str
    connects: int
    said: str


def parts(w: Words, balance: BalanceShown) -> list[Part]:
    """Return a balance by what is lost when if nothing is used, the earliest first, and what stays at the end."""
    losses = balance.expiring
    apart = losses if len(losses) <= MOST_PARTS else losses[: MOST_PARTS - 1]
    found = []
    for css, loss in zip(_LOSSES, apart, strict=False):
        said = w.ngettext("%(connects)s expires at %(time)s", "%(connects)s expire at %(time)s", loss.connects)
        values = {"connects": w.connects(loss.connects), "time": w.deadline(loss.at)}
        found.append(Part(css, loss.connects, said % values))
    rest = losses[len(apart) :]
    if rest:
        later = sum(loss.connects for loss in rest)
        said = w.gettext("%(connects)s expire after that, till %(time)s")
        text = said % {"connects": w.connects(later), "time": w.deadline(rest[-1].at)}
        found.append(Part(_LOSSES[-1], later, text))
    stays = balance.available - sum(loss.connects for loss in losses)
    if stays:
        said = w.ngettext(
            "%(connects)s is carried from month to month", "%(connects)s are carried from month to month", stays
        )
        found.append(Part("c1", stays, said % {"connects": w.connects(stays)}))
    return found


def spending(w: Words, months: Sequence[Month]) -> list[Series]:
    """Return what was spent, came back and expired in each month, to be drawn."""
    return [
        Series("c1", w.gettext("Spent"), [each.spent for each in months]),
        Series("c2", w.gettext("Returned"), [each.returned for each in months]),
        Series("c3", w.gettext("Expired unused"), [each.expired for each in months]),
    ]


def alike(w: Words, stats: StatsShown) -> str | None:
    """Say how alike a holder's letters are, None where there is nothing to compare."""
    if stats.letters_alike is None:
        return None
    share = {"share": w.percent(stats.letters_alike)}
    if stats.letters_alike >= MOSTLY_ALIKE:
        return (
            w.gettext(
                "Your letters are mostly one letter: %(share)s of each stands in another too. Clients see many of "
                "the same kind, and pass them by. Write the first lines for the job at hand."
            )
            % share
        )
    if stats.letters_alike >= OFTEN_ALIKE:
        return (
            w.gettext(
                "%(share)s of each of your letters stands in another one too. Some of that is natural. Make sure the"
                " first lines are about this job and no other."
            )
            % share
        )
    return w.gettext("Your letters are your own each time: only %(share)s of each stands in another one too.") % share


@page("get", "/connects", seats=HOLDERS)
async def see_connects(request: Visit) -> Response[str]:
    """Show the balance, what of it expires when, and the account's months."""
    w, account, balance = request.words, request.who.account, request.who.balance
    assert account is not None, "the page is declared for holders"  # noqa: S101
    assert balance is not None, "as above"  # noqa: S101
    stats: StatsShown = request.known(await request.market.stats(account.id, months=MONTHS))
    shown = parts(w, balance)
    plan = request.rules.plan(account.plan)
    next_plan = request.market.ledger.pack.at(account.cycle.end).plan(account.pending_plan or account.plan)
    sent, hires = sum(each.proposals for each in stats.months), sum(each.hires for each in stats.months)
    return request.show(
        "connects.html",
        account=account,
        balance=balance,
        parts=shown,
        pieces=charts.pieces([(part.css, part.connects) for part in shown]),
        plan=plan,
        comes=next_plan.connects,
        months=stats.months,
        month_names=[w.month_short(each.start) for each in stats.months],
        series=spending(w, stats.months),
        sent=sent,
        hires=hires,
        conversion=percent(hires, sent),
        invitations=sum(each.invitations for each in stats.months),
        alike=alike(w, stats),
    )


@page("get", "/connects/journal", seats=HOLDERS)
async def see_journal(request: Visit) -> Response[str]:
    """Show the journal, the latest line first, each line explained."""
    wanted, form = journal_asked.asked(request)
    if form.errors:
        return _journal(request, form, Page([]), {}, status=422)
    found = await request.market.entries(
        request.account_id,
        kind=wanted.kind,
        since=wanted.since,
        until=wanted.until,
        latest_first=True,
        limit=LINES_ON_A_PAGE,
        cursor=query(request, "cursor") or None,
    )
    lines: Page[EntryShown] = request.known(found)
    return _journal(request, form, lines, await sentences(request, lines.items))


def _journal(
    request: Visit, form: Form, lines: Page[EntryShown], said: dict[str, str], *, status: int = 200
) -> Response[str]:
    asked = {name: form[name] for name in ("kind", "since", "until") if form[name]}
    return request.show(
        "journal.html",
        status=status,
        lines=lines,
        said=said,
        form=form,
        asked=asked,
        kinds=[(each, kind_name(request.words, each)) for each in journal_asked.KINDS],
        more=next_page(request, lines.next_cursor),
        paged=bool(query(request, "cursor")),
    )


@page("get", "/connects/journal.csv", seats=HOLDERS)
async def save_journal(request: Visit) -> Response[str]:
    """Give the journal as a file for spreadsheets, in its order, as the filters leave it."""
    wanted, form = journal_asked.asked(request)
    if form.errors:
        return _journal(request, form, Page([]), {}, status=422)
    content = await journal_asked.as_file(request, request.account_id, wanted)
    return request.answer_file(content, "journal.csv", "text/csv; charset=utf-8")


def kind_name(w: Words, kind: str) -> str:
    """Return what a kind of journal line is called, to choose it by."""
    return {
        EntryKind.ALLOT: w.gettext("Monthly allotments"),
        EntryKind.PURCHASE: w.gettext("Bought"),
        EntryKind.BONUS: w.gettext("Bonuses"),
        EntryKind.RETURN: w.gettext("Returned"),
        EntryKind.SPEND: w.gettext("Spent"),
        EntryKind.EXPIRE: w.gettext("Expired unused"),
        EntryKind.FORFEIT: w.gettext("Forfeited"),
        EntryKind.REVOKE: w.gettext("Taken back"),
        EntryKind.CARRY: w.gettext("Carried over"),
    }[EntryKind(kind)]


HANDLERS = [see_connects, see_journal, save_journal]
