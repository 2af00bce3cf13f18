"""Where all connects came from and went, over all accounts: as charts, as tables and as a file."""

import csv
import io
from datetime import timedelta

from litestar import Response

from earnest.marketplace.circulation import CirculatedInMonth
from earnest.web import journal_asked
from earnest.web.charts import Series
from earnest.web.labels import Labels
from earnest.web.routes import page
from earnest.web.visit import Visit
from earnest.web.words import Words

MONTHS = 6
CAME = ("granted", "bought", "returned")
WENT = ("spent", "expired", "forfeited", "taken_back")
COLUMNS = ("held_before", *CAME, *WENT, "held")


@page("get", "/operate/circulation", seats=("operator",))
async def circulation(request: Visit) -> Response[str]:
    """Show what circulated in the last months, and in a span by source and by plan."""
    market = request.market
    asked, form = journal_asked.asked(request)
    since = asked.since
    months = _lived(await market.circulation_by_month(months=MONTHS))
    if since is None and asked.until is None:
        since = market.ledger.pack.calendar.day_start(months[0].start.toordinal())
    in_span = await market.circulation(since=since, until=asked.until)
    w = request.words
    label, figures = Labels(w), names(w)
    # Short enough to head a column.
    sources = {"allotment": w.gettext("Allotment"), "purchase": w.gettext("Bought"), "bonus": w.gettext("Bonus")}
    return request.show(
        "operate/circulation.html",
        status=422 if form.errors else 200,
        months=months,
        month_names=[w.month_short(each.start) for each in months],
        came=_series(months, CAME, figures, ("c1", "c2", "c4")),
        went=_series(months, WENT, figures, ("c1", "c3", "c4", "c5")),
        held=_series(months, ("held",), figures, ("c2",)),
        span=in_span,
        last_day=(in_span.until - timedelta(microseconds=1)),
        by_source=[(sources[code], row) for code, row in in_span.by_source.items()],
        by_plan=[(label.plan(code), row) for code, row in in_span.by_plan.items()],
        form=form,
        figures=figures,
        columns=COLUMNS,
        plan_columns=("held_before", *CAME, "moved_in", *WENT, "moved_out", "held"),
    )


@page("get", "/operate/circulation.csv", seats=("operator",))
async def circulation_file(request: Visit) -> Response[str]:
    """Send the months as a file."""
    months = _lived(await request.market.circulation_by_month(months=MONTHS))
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(("month", *COLUMNS))
    writer.writerows((f"{each.start:%Y-%m}", *(getattr(each, column) for column in COLUMNS)) for each in months)
    return request.answer_file(written.getvalue(), "circulation.csv", "text/csv; charset=utf-8")


def _lived(months: list[CirculatedInMonth]) -> list[CirculatedInMonth]:
    """Return months without those before anything came; the present one always."""
    first = next((at for at, month in enumerate(months) if month.held or month.held_before or month.granted), -1)
    return months[first:]


def _series(
    months: list[CirculatedInMonth], columns: tuple[str, ...], figures: dict[str, str], css: tuple[str, ...]
) -> list[Series]:
    return [
        Series(colour, figures[column], [getattr(month, column) for month in months])
        for colour, column in zip(css, columns, strict=True)
    ]


def names(w: Words) -> dict[str, str]:
    """Return what the figures of a circulation are called."""
    return {
        "held_before": w.gettext("Held before"),
        "granted": w.gettext("Granted"),
        "bought": w.gettext("Bought"),
        "returned": w.gettext("Returned"),
        "moved_in": w.gettext("Moved in"),
        "spent": w.gettext("Spent"),
        "expired": w.gettext("Expired"),
        "forfeited": w.gettext("Forfeited"),
        "taken_back": w.gettext("Taken back"),
        "moved_out": w.gettext("Moved out"),
        "held": w.gettext("Held after"),
    }


HANDLERS = [circulation, circulation_file]
