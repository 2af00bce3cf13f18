"""The rules in force in plain words: plans, prices, choices, conduct; and the revisions that come."""

from litestar import Response

from earnest.lab import explain
from earnest.rules.pack import Revision
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours, price
from earnest.web.labels import Labels
from earnest.web.routes import page
from earnest.web.visit import Visit, query
from earnest.web.words import Words


@page("get", "/operate/rules", seats=("operator",))
async def rules(request: Visit) -> Response[str]:
    """Show a revision of the rules: the one in force, or another that is asked for."""
    pack, w = request.market.ledger.pack, request.words
    in_force = request.rules
    asked = query(request, "revision")
    shown = next((each for each in pack.revisions if str(each.number) == asked), in_force)
    index = pack.revisions.index(shown)
    return request.show(
        "operate/rules.html",
        rules=shown,
        in_force=in_force,
        pack=pack,
        bands=_bands(shown, w),
        hourly=_hourly(shown, w),
        hours=[_hours(w, each) for each in (None, *WeeklyHours)],
        choices=_choices(shown, w),
        thresholds=[
            (kind, limits)
            for kind, limits in (("individual", shown.conduct.individual), ("agency", shown.conduct.agency))
            if limits is not None
        ],
        changes=explain.changes(pack, index),
    )


def _bands(shown: Revision, w: Words) -> list[tuple[str, int]]:
    """Return what fixed prices cost: budgets in words, and connects."""
    bands, low = [], None
    for band in shown.price_card.fixed:
        high = w.minor_units(band.under)
        if low is None:
            said = w.gettext("Under %(high)s") % {"high": high}
        else:
            said = w.gettext("From %(low)s to under %(high)s") % {"low": low, "high": high}
        bands.append((said, band.price))
        low = high
    last = w.gettext("Any") if low is None else w.gettext("From %(low)s") % {"low": low}
    return [*bands, (last, shown.price_card.fixed_above)]


def _hourly(shown: Revision, w: Words) -> list[tuple[str, list[int]]]:
    """Return what jobs without a budget cost: for each duration, connects by hours a week."""
    label = Labels(w)
    return [
        (
            w.gettext("No duration stated") if duration is None else label.name(duration),
            [price(JobSize(JobType.HOURLY, None, duration, hours), shown.price_card) for hours in (None, *WeeklyHours)],
        )
        for duration in (None, *Duration)
    ]


def _hours(w: Words, hours: WeeklyHours | None) -> str:
    return w.gettext("No or other hours") if hours is None else Labels(w).name(hours)


def _choices(shown: Revision, w: Words) -> list[str]:
    """Return the choices of a revision as sentences."""
    tokens = {"connects": w.tokens}
    first_month = {
        "full": w.gettext("A first, partial month brings the whole allotment."),
        "prorated": w.gettext("A first, partial month brings the part of the allotment that its days left stand for."),
    }[shown.first_month]
    carried = {
        "carried": w.gettext(
            "What a month leaves unused is carried over up to the plan’s limit, and the allotment comes on top."
        ),
        "opening": w.gettext(
            "What a month leaves unused is carried over as far as it stays, together with the new "
            "allotment, within the plan’s limit."
        ),
    }[shown.carry_limit_counts]
    carried_first = {
        "paid": w.gettext("Bought %(connects)s are carried over before free ones, then the youngest first."),
        "free": w.gettext("Free %(connects)s are carried over before bought ones, then the youngest first."),
    }[shown.carry_first]
    returns = {
        "clip": w.gettext("Returned %(connects)s that would stand above the most a plan allows to hold are forfeited."),
        "keep": w.gettext("Returned %(connects)s may stand above the most a plan allows to hold."),
    }[shown.returns_above_most_held]
    upgrade = {
        "difference": w.gettext("A change to a higher plan brings the difference of the allotments at once."),
        "prorated": w.gettext(
            "A change to a higher plan brings, at once, the part of the difference of the allotments "
            "that the days left stand for."
        ),
        "full": w.gettext("A change to a higher plan brings the whole allotment of the new plan at once."),
    }[shown.upgrade_grants]
    lapse = w.ngettext(
        "A job not closed %(days)s day after it was posted lapses and takes no more proposals.",
        "A job not closed %(days)s days after it was posted lapses and takes no more proposals.",
        shown.lapse_days,
    ) % {"days": w.number(shown.lapse_days)}
    gives_back = (
        w.gettext("A lapse without a hire gives the %(connects)s spent on the job back.")
        if shown.lapse_gives_back
        else w.gettext("A lapse by itself gives no %(connects)s back; closing the job without a hire does.")
    )
    pending = w.ngettext(
        "A purchase that awaits payment counts towards the most a plan allows to hold for %(hours)s hour.",
        "A purchase that awaits payment counts towards the most a plan allows to hold for %(hours)s hours.",
        shown.pending_purchase_hours,
    ) % {"hours": w.number(shown.pending_purchase_hours)}
    return [
        first_month,
        carried,
        carried_first % tokens,
        returns % tokens,
        upgrade,
        lapse,
        gives_back % tokens,
        pending,
    ]


HANDLERS = [rules]
