"""Which lines of a journal somebody asks for: of a kind, in a span of days; and the journal as a file."""

import asyncio
from datetime import datetime, timedelta

import msgspec

from earnest.marketplace import journal_csv
from earnest.rules.account import EntryKind
from earnest.web.forms import Form
from earnest.web.visit import Visit, query

LINES_AT_ONCE = 500
KINDS: tuple[str, ...] = tuple(each.value for each in EntryKind)


class Asked(msgspec.Struct, frozen=True):
    """Which lines are wanted: of a kind, from a time on, before another one. None is for all."""

    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def asked(request: Visit) -> tuple[Asked, Form]:
    """Return which lines a page's query asks for, and the query as it was typed; all where that can't be meant.

    Both days are in: `since` is the beginning of the one, `until` the end of the other, in the pack's zone.
    """
    form = Form({name: query(request, name) for name in ("kind", "since", "until")}, request.words)
    kind = form.choice("kind", KINDS, needed=False)
    since, until = form.day("since", needed=False), form.day("until", needed=False)
    if since is not None:
        # The form gives a day's end.
        calendar = request.market.ledger.pack.calendar
        since = calendar.day_start(calendar.day(since - timedelta(microseconds=1)))
    if since is not None and until is not None and since >= until:
        form.say("until", request.words.gettext("Please give a day that isn’t before the first one."))
    return (Asked() if form.errors else Asked(kind, since, until)), form


async def as_file(request: Visit, account_id: str, wanted: Asked) -> str:
    """Return the lines of an account's journal that are wanted as CSV, in the journal's order."""
    written, cursor = [journal_csv.header()], None
    while True:
        lines = request.known(
            await request.market.entries(
                account_id,
                kind=wanted.kind,
                since=wanted.since,
                until=wanted.until,
                limit=LINES_AT_ONCE,
                cursor=cursor,
            )
        )
        written.append(journal_csv.lines(lines.items))
        cursor = lines.next_cursor
        if cursor is None:
            return "".join(written)
        await asyncio.sleep(0)
