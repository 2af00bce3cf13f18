"""Webhook endpoints: made, shown, changed, deleted, their secrets rotated, and deliveries asked for again."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from earnest import Marketplace
from earnest.ledger.outbox import KINDS
from earnest.ledger.writer import Key
from earnest.marketplace.shown import DeliveryShown, EndpointShown
from tests.marketplace.given import open_account, pages, refusal
from tests.stores import START, StandingClock

URL = "https://example.com/hooks"
NONE = "whe_" + "0" * 32


def made(market: Marketplace, **more: Any) -> EndpointShown:
    endpoint = market.create_endpoint(URL, **more)
    assert isinstance(endpoint, EndpointShown)
    return endpoint


def listed(market: Marketplace, endpoint: EndpointShown, status: str | None = None) -> list[DeliveryShown]:
    return [each for page in pages(market.deliveries, endpoint.id, limit=500, status=status) for each in page]


def became(market: Marketplace, status: str, **columns: object) -> None:
    """Have all deliveries be as a relay would leave them."""
    given = ", ".join(f"{name} = :{name}" for name in columns)
    sql = f"update delivery set status = :status, tried_at = 1, {given}"  # noqa: S608
    market.wait(market._inner.ledger.store.change(sql, {"status": status, **columns}))


def secrets(market: Marketplace) -> tuple[str, str | None, int | None]:
    [row] = market.wait(market._inner.ledger.fetch("select secret, old_secret, old_secret_until from endpoint"))
    return row


def test_an_endpoint_shows_its_secret_once(market: Marketplace) -> None:
    endpoint = made(market, kinds=["connects.returned", "account.opened"], description="The till")
    assert endpoint.secret is not None
    assert len(base64.b64decode(endpoint.secret.removeprefix("whsec_"), validate=True)) == 32
    shown = market.endpoint(endpoint.id)
    assert shown.secret is None
    assert (shown.url, shown.kinds, shown.description) == (URL, ["account.opened", "connects.returned"], "The till")
    assert (shown.status, shown.failing_since, shown.paused_at, shown.created_at) == ("active", None, None, START)
    assert market.endpoints().items == [shown]
    assert secrets(market) == (endpoint.secret, None, None)


def test_a_repeated_request_makes_one_endpoint_and_tells_its_secret_to_nobody_else(market: Marketplace) -> None:
    first, second = (market.create_endpoint(URL, key=Key("k", "till")) for _ in range(2))
    assert first.secret is not None
    assert second.secret is None
    assert first.id == second.id
    assert refusal(market.create_endpoint(URL, description="Another", key=Key("k", "till"))) == "key_reused"
    rotated, again = (market.rotate_secret(first.id, key=Key("r", "till")) for _ in range(2))
    assert rotated.secret is not None
    assert again.secret is None
    assert secrets(market)[:2] == (rotated.secret, first.secret)
    kept = market.wait(market._inner.ledger.fetch("select outcome from request"))
    assert not [outcome for (outcome,) in kept if "whsec_" in outcome]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": ["account.closed"]}, "kinds"),
        ({"kinds": "account.opened"}, "kinds"),
        ({"kinds": 7}, "kinds"),
        ({"kinds": [7]}, "kinds"),
        ({"kinds": [["account.opened"]]}, "kinds"),
        ({"description": ""}, "description"),
        ({"description": "a" * 201}, "description"),
        ({"description": 7}, "description"),
        ({"key": ""}, "key"),
    ],
)
def test_what_can_t_be_meant_is_told_so(market: Marketplace, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}: expected"):
        market.create_endpoint(URL, **more)
    endpoint = made(market)
    with pytest.raises(ValueError, match=f"^{said}: expected"):
        market.change_endpoint(endpoint.id, **more)
    assert market.endpoint(endpoint.id).kinds is None


def test_urls_are_checked_when_they_are_given(market: Marketplace) -> None:
    endpoint = made(market)
    private = ("127.0.0.1", "127.1", "0x7f000001", "2130706433", "0", "[::1]", "localhost", "LOCALHOST", "a.localhost")
    for url in ("http://example.com/", "https://ana@example.com/", *(f"https://{host}/" for host in private)):
        with pytest.raises(ValueError, match=r"^url: expected"):
            market.create_endpoint(url)
        with pytest.raises(ValueError, match=r"^url: expected"):
            market.change_endpoint(endpoint.id, url=url)
    assert market.create_endpoint("http://127.0.0.1/", allow_private=True).url == "http://127.0.0.1/"


def test_every_kind_of_event_can_be_asked_for(market: Marketplace) -> None:
    assert made(market, kinds=KINDS).kinds == list(KINDS)


def test_endpoints_are_listed_in_pages_the_oldest_first(market: Marketplace, clock: StandingClock) -> None:
    ids = []
    for _ in range(5):
        ids.append(made(market).id)
        clock.move(seconds=1)
    assert [[each.id for each in page] for page in pages(market.endpoints, limit=2)] == [ids[:2], ids[2:4], ids[4:]]
    with pytest.raises(ValueError, match=r"^cursor: expected"):
        market.endpoints(cursor="whe_x")


def test_what_is_left_out_of_a_change_stays(market: Marketplace) -> None:
    endpoint = made(market, kinds=["account.opened"], description="The till")
    assert market.change_endpoint(endpoint.id) == market.endpoint(endpoint.id)
    changed = market.change_endpoint(endpoint.id, url="https://example.org/")
    assert (changed.url, changed.kinds, changed.description) == (
        "https://example.org/",
        ["account.opened"],
        "The till",
    )
    changed = market.change_endpoint(endpoint.id, kinds=None, description=None)
    assert (changed.kinds, changed.description) == (None, None)
    assert market.endpoint(endpoint.id) == changed


def test_another_url_is_not_held_to_what_the_last_one_failed_at(market: Marketplace) -> None:
    endpoint = made(market)
    market.wait(market._inner.ledger.store.change("update endpoint set failing_since = 1"))
    assert market.change_endpoint(endpoint.id, url=URL, description="Same").status == "failing"
    assert market.change_endpoint(endpoint.id, url="https://example.org/").status == "active"


def test_events_are_kept_for_the_endpoints_that_ask_for_them(market: Marketplace) -> None:
    every, some = made(market), made(market, kinds=["account.suspended"])
    ana = open_account(market).id
    market.suspend(ana, reason="so")
    assert [each.kind for each in listed(market, every)] == ["account.suspended", "account.opened"]
    [told] = listed(market, some)
    assert told.kind == "account.suspended"
    assert told.event_id == listed(market, every)[0].event_id
    assert told.id == f"del_{ana[4:]}_{told.event_id.rpartition('_')[2]}_{some.id[4:]}"
    assert (told.status, told.attempts, told.next_at, told.account_id) == ("waiting", 0, None, ana)
    market.change_endpoint(some.id, kinds=["account.reinstated"])
    market.lift_suspension(ana)
    assert [each.kind for each in listed(market, some)] == ["account.reinstated", "account.suspended"]


def test_deliveries_are_listed_the_latest_first_in_pages_of_any_size(market: Marketplace, clock: StandingClock) -> None:
    endpoint = made(market)
    for _ in range(3):
        accounts = [open_account(market).id for _ in range(2)]
        for account in accounts:
            market.suspend(account, reason="so")
        clock.move(seconds=1)
    whole = listed(market, endpoint)
    assert [each.recorded_at for each in whole] == sorted((each.recorded_at for each in whole), reverse=True)
    assert len({each.id for each in whole}) == 12
    for limit in (1, 2, 5):
        assert [each for page in pages(market.deliveries, endpoint.id, limit=limit) for each in page] == whole
    assert listed(market, endpoint, "waiting") == whole
    assert listed(market, endpoint, "failed") == []
    for cursor in ("", "x", "1_2", f"1_{'0' * 32}_99999999999", f"1_{'0' * 32}_1\n"):
        with pytest.raises(ValueError, match=r"^cursor: expected"):
            market.deliveries(endpoint.id, cursor=cursor)
    with pytest.raises(ValueError, match=r"^status: expected one of waiting, delivered, failed"):
        market.deliveries(endpoint.id, status="lost")


def test_a_deleted_endpoint_is_told_nothing_more_and_is_unknown(market: Marketplace) -> None:
    gone, stays = made(market), made(market)
    ana = open_account(market).id
    assert market.delete_endpoint(gone.id).id == gone.id
    market.suspend(ana, reason="so")
    assert [each.id for each in market.endpoints().items] == [stays.id]
    assert len(listed(market, stays)) == 2
    assert market.keep_up().events_dropped == 1
    left = market.wait(market._inner.ledger.fetch("select distinct endpoint_id from delivery"))
    assert [f"whe_{endpoint_id}" for (endpoint_id,) in left] == [stays.id]
    for answer in (
        market.delete_endpoint(gone.id),
        market.endpoint(gone.id),
        market.change_endpoint(gone.id, description="So"),
        market.rotate_secret(gone.id),
        market.deliveries(gone.id),
        market.redeliver(gone.id),
    ):
        assert refusal(answer) == "unknown_endpoint"


def test_of_many_who_delete_an_endpoint_at_once_one_does(market: Marketplace) -> None:
    endpoint = made(market)

    async def at_once() -> list[Any]:
        return await asyncio.gather(
            *(market._inner.delete_endpoint(endpoint.id) for _ in range(5)),
            market._inner.change_endpoint(endpoint.id, description="So"),
        )

    answers = market.wait(at_once())
    assert sum(isinstance(each, EndpointShown) for each in answers) == 1
    assert market.endpoints().items == []


@pytest.mark.parametrize("id_", [NONE, "", "whe_", "key_" + "0" * 32, "whe_" + "G" * 32, 7, None])
def test_what_is_no_endpoint_is_refused_as_unknown(market: Marketplace, id_: Any) -> None:
    for answer in (
        market.endpoint(id_),
        market.change_endpoint(id_, url=URL),
        market.delete_endpoint(id_),
        market.rotate_secret(id_),
        market.deliveries(id_),
        market.redeliver(id_),
        market.redeliver(id_, "del_x"),
    ):
        assert refusal(answer) == "unknown_endpoint"


def test_an_old_secret_goes_on_for_as_long_as_is_said(market: Marketplace) -> None:
    endpoint = made(market)
    rotated = market.rotate_secret(endpoint.id, overlap_hours=2)
    new, old, until = secrets(market)
    assert (new, old) == (rotated.secret, endpoint.secret)
    assert until is not None
    # By the machine's clock: the marketplace's stands, eight years ago.
    assert rotated.old_secret_until == datetime.fromtimestamp(until / 1e6, UTC)
    ends_in = rotated.old_secret_until - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < ends_in <= timedelta(hours=2)
    at_once = market.rotate_secret(endpoint.id, overlap_hours=0)
    assert secrets(market) == (at_once.secret, None, None)
    for hours in (-1, 721, True, "2", 1.5):
        with pytest.raises(ValueError, match=r"^overlap_hours: expected"):
            market.rotate_secret(endpoint.id, overlap_hours=hours)  # type: ignore[arg-type]


def test_one_delivery_is_asked_for_again_whatever_became_of_it(market: Marketplace) -> None:
    endpoint = made(market)
    for _ in range(3):
        open_account(market)
    for status in ("delivered", "failed", "waiting"):
        became(market, status, attempts=5, next_at=2**50, answered=500, error="answered 500")
        one, *others = listed(market, endpoint)
        assert market.redeliver(endpoint.id, one.id) == market.endpoint(endpoint.id)
        again, *same = listed(market, endpoint)
        assert (again.status, again.attempts, again.next_at) == ("waiting", 0, None)
        assert same == others


def test_everything_that_has_not_arrived_is_asked_for_again(market: Marketplace) -> None:
    endpoint, other = made(market), made(market)
    for status in ("delivered", "failed", "waiting"):
        open_account(market)
        became_now = "update delivery set status = :status, attempts = 5, tried_at = 1 where attempts = 0"
        market.wait(market._inner.ledger.store.change(became_now, {"status": status}))
    stopped = "update endpoint set failing_since = 1, paused_at = 2, paused_because = 'so'"
    market.wait(market._inner.ledger.store.change(stopped))
    assert market.endpoint(endpoint.id).status == "paused"
    resumed = market.redeliver(endpoint.id)
    assert (resumed.status, resumed.failing_since, resumed.paused_at, resumed.paused_because) == (
        *("active", None),
        *(None, None),
    )
    assert sorted((each.status, each.attempts) for each in listed(market, endpoint)) == [
        ("delivered", 5),
        ("waiting", 0),
        ("waiting", 0),
    ]
    assert sorted(each.status for each in listed(market, other)) == ["delivered", "failed", "waiting"]
    assert market.endpoint(other.id).status == "paused"


def test_a_delivery_of_another_endpoint_is_unknown(market: Marketplace) -> None:
    endpoint, other = made(market), made(market)
    ana = open_account(market).id[4:]
    theirs = listed(market, other)[0].id
    of = endpoint.id[4:]
    for id_ in (theirs, "", "del_x", f"del_{ana}_99_{of}", f"del_{ana}_99999999999_{of}", f"del_{ana}_1_{of}\n", 7):
        assert refusal(market.redeliver(endpoint.id, id_)) == "unknown_delivery"  # type: ignore[arg-type]
    assert refusal(market.redeliver(NONE, theirs)) == "unknown_endpoint"


def test_every_use_case_of_webhooks_that_changes_something_replays_its_answer(market: Marketplace) -> None:
    endpoint, gone = made(market), made(market)
    open_account(market)
    asked: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (market.change_endpoint, (endpoint.id,), {"description": "So"}),
        (market.redeliver, (endpoint.id,), {}),
        (market.redeliver, (endpoint.id, listed(market, endpoint)[0].id), {}),
        (market.delete_endpoint, (gone.id,), {}),
    ]
    for i, (use_case, arguments, more) in enumerate(asked):
        first_key, second_key = Key(str(i), "till"), Key(str(i), "till")
        first = use_case(*arguments, **more, key=first_key)
        assert use_case(*arguments, **more, key=second_key) == first
        assert (first_key.replayed, second_key.replayed) == (False, True)
