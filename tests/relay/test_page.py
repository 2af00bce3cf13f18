"""What docs/webhooks.md says: its Python runs, its table is whole, and its examples have the fields that are sent."""

import json
import re
from datetime import timedelta

import pytest

from earnest import Marketplace
from earnest.ledger.outbox import KINDS
from earnest.relay import Terms
from tests.marketplace.given import day, open_account, post
from tests.stores import StandingClock
from tests.test_readme import ROOT, run_python

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^\| `(\w+\.\w+)` \| [^|]+ \| `(\{.*\})` \|$", PAGE, re.MULTILINE))


def test_its_python_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_python(PAGE, capsys) == 1


def test_its_table_has_every_kind() -> None:
    assert sorted(EXAMPLES) == sorted(KINDS)


def test_its_examples_have_the_fields_that_are_sent(new_sqlite, clock: StandingClock) -> None:  # type: ignore[no-untyped-def]
    with Marketplace.open(new_sqlite(), clock=clock) as market:
        endpoint = market.create_endpoint("https://example.com/")
        live(market, clock)
        sent: dict[str, set[str]] = {}
        cursor = None
        while True:
            page = market.deliveries(endpoint.id, limit=500, cursor=cursor)
            for each in page.items:
                sent.setdefault(each.kind, set(each.payload))
            if (cursor := page.next_cursor) is None:
                break
    assert sent == {kind: set(json.loads(data)) for kind, data in EXAMPLES.items()}


def live(market: Marketplace, clock: StandingClock) -> None:
    """Have everything happen that there is to be told of."""
    ana, ben = open_account(market, "plus").id, open_account(market).id
    jobs = [post(market, 5) for _ in range(12)]
    market.withdraw(market.submit(jobs[0].id, ana).id)
    market.decline(market.submit(jobs[1].id, ana).id)
    market.submit(jobs[2].id, ana)
    market.close_job(jobs[2].id, "cancelled")
    bought, cancelled = market.buy(ana, 20), market.buy(ana, 1)
    market.confirm_purchase(bought.id)
    market.reverse_purchase(bought.id)
    market.reverse_purchase(cancelled.id)
    refused = market.buy(ana, 5)
    market.grant(ana, 1_000, reason="so")
    market.confirm_purchase(refused.id)
    market.change_plan(ben, "plus")
    market.suspend(ben, reason="so")
    market.lift_suspension(ben)
    for job in jobs[3:9]:
        market.submit(job.id, ben)
    clock.now = day(1, 30)
    market.keep_up()
    clock.now += timedelta(days=16)
    market.settle_account(ben)
    market.hire(market.submit(post(market).id, ana).id)


def test_its_durations_are_those_of_the_relay() -> None:
    terms = Terms()
    said = "5 and 30 seconds, 2, 10 and 30 minutes, 1, 2, 4, 8, 12, 24 and 24 hours"
    assert said in PAGE.replace("\n", " ")
    assert terms.pauses == (5, 30, 120, 600, 1800, *(hours * 3600 for hours in (1, 2, 4, 8, 12, 24, 24)))
    # So nothing is given up by an endpoint that takes nothing, before that is paused.
    assert sum(terms.pauses) > terms.pause_after == 3 * 86_400
    assert (terms.timeout, terms.at_once, terms.failures_in_a_row) == (10, 32, 5)
    assert (terms.probe_pause, terms.longest_probe_pause, terms.longest_asked_pause) == (5, 900, 86_400)
