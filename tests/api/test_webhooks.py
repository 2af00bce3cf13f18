"""Webhook endpoints over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from earnest.ledger import outbox
from tests.api.asking import Api, problem, serving
from tests.stores import StandingClock

ALL = "/v1/webhook-endpoints"
URL = "https://example.com/earnest"


def made(api: Api, **more: Any) -> dict[str, Any]:
    endpoint: dict[str, Any] = api.made("POST", ALL, {"url": URL, **more})
    return endpoint


def test_an_endpoint_is_made_shown_changed_and_let_go(api: Api) -> None:
    new = made(api, kinds=["connects.returned", "account.opened"], description="our mailer")
    assert new["secret"].startswith("whsec_")
    assert (new["kinds"], new["status"]) == (["account.opened", "connects.returned"], "active")
    shown = {**new, "secret": None}
    one = f"{ALL}/{new['id']}"
    assert api.get(one) == shown
    assert api.get(ALL) == {"items": [shown], "next_cursor": None}
    assert api.made("PATCH", one, {}) == shown
    changed = api.made("PATCH", one, {"kinds": None, "description": None, "url": f"{URL}/2"})
    assert (changed["kinds"], changed["description"], changed["url"]) == (None, None, f"{URL}/2")
    assert api.made("DELETE", one) == changed
    problem(api.ask("GET", one), 404, "unknown_endpoint")
    assert api.get(ALL)["items"] == []


def test_a_secret_is_shown_once(api: Api) -> None:
    first = api.ask("POST", ALL, {"url": URL}, key="k")
    again = api.ask("POST", ALL, {"url": URL}, key="k")
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert again.json() == {**first.json(), "secret": None}
    one = f"{ALL}/{first.json()['id']}"
    rotated = api.made("POST", f"{one}/rotate-secret", {"overlap_hours": 2})
    assert rotated["secret"] != first.json()["secret"]
    assert rotated["old_secret_until"] is not None
    at_once = api.made("POST", f"{one}/rotate-secret", {"overlap_hours": 0})
    assert at_once["old_secret_until"] is None
    assert api.made("POST", f"{one}/rotate-secret")["old_secret_until"] is not None
    assert api.get(one)["secret"] is None


def test_deliveries_are_listed_and_sent_again(api: Api) -> None:
    one = f"{ALL}/{made(api)['id']}"
    for _ in range(3):
        api.account()
    first = api.get(f"{one}/deliveries?limit=2")
    rest = api.get(f"{one}/deliveries?limit=2&cursor={first['next_cursor']}")
    assert [len(page["items"]) for page in (first, rest)] == [2, 1]
    [delivery, *_] = first["items"]
    assert (delivery["kind"], delivery["status"], delivery["attempts"]) == ("account.opened", "waiting", 0)
    assert api.get(f"{one}/deliveries?status=failed")["items"] == []
    assert len(api.get(f"{one}/deliveries?status=waiting")["items"]) == 3
    for body in (None, {}, {"delivery_id": None}, {"delivery_id": delivery["id"]}):
        assert api.made("POST", f"{one}/redeliver", body)["status"] == "active"
    problem(api.ask("POST", f"{one}/redeliver", {"delivery_id": "del_1"}), 404, "unknown_delivery")
    problem(api.ask("GET", f"{one}/deliveries?status=lost"), 400, "malformed")
    problem(api.ask("GET", f"{one}/deliveries?cursor=x"), 400, "malformed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "x"}, "url"),
        ({"url": f"{URL}/{'x' * 2000}"}, "url"),
        ({"url": "http://example.com"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://me:secret@example.com/"}, "url"),
        ({"url": URL, "kinds": []}, "kinds"),
        ({"url": URL, "kinds": ["account.closed"]}, "kinds"),
        ({"url": URL, "kinds": list(outbox.KINDS) * 2}, "kinds"),
        ({"url": URL, "description": ""}, "description"),
        ({"url": URL, "secret": "whsec_x"}, "secret"),
    ],
)
def test_an_endpoint_that_cant_be_meant_is_malformed(api: Api, body: dict[str, Any], field: str) -> None:
    assert problem(api.ask("POST", ALL, body), 400, "malformed")["field"].startswith(field)
    if body:
        one = f"{ALL}/{made(api)['id']}"
        assert problem(api.ask("PATCH", one, body), 400, "malformed")["field"].startswith(field)


def test_an_overlap_has_its_limits(api: Api) -> None:
    one = f"{ALL}/{made(api)['id']}"
    for hours in (-1, 721, 1.5, "1"):
        answer = api.ask("POST", f"{one}/rotate-secret", {"overlap_hours": hours})
        assert problem(answer, 400, "malformed")["field"] == "overlap_hours"


def test_what_is_unknown_is_not_found(api: Api) -> None:
    for id_ in ("whe_1", f"whe_{'0' * 32}", "x"):
        one = f"{ALL}/{id_}"
        asked = [("GET", one), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/rotate-secret")]
        asked += [("GET", f"{one}/deliveries"), ("POST", f"{one}/redeliver")]
        for verb, path in asked:
            problem(api.ask(verb, path, {} if verb == "PATCH" else None), 404, "unknown_endpoint")


def test_only_an_operator_of_the_whole_marketplace_sees_endpoints(api: Api) -> None:
    one = f"{ALL}/{made(api)['id']}"
    for secret in (api.secret("manage"), api.secret("operate", api.account())):
        for verb, path in (("GET", ALL), ("GET", one), ("DELETE", one), ("GET", f"{one}/deliveries")):
            problem(api.ask(verb, path, secret=secret), 403, "not_permitted")
        problem(api.ask("POST", ALL, {"url": URL}, secret=secret), 403, "not_permitted")


def test_a_private_address_is_taken_where_the_settings_allow_it(
    new_sqlite: Callable[[], str], clock: StandingClock
) -> None:
    with serving(new_sqlite(), clock, webhook_private_addresses=True) as api:
        new = api.made("POST", ALL, {"url": "http://127.0.0.1:9000/"})
        assert api.made("PATCH", f"{ALL}/{new['id']}", {"url": "http://10.0.0.1/"})["url"] == "http://10.0.0.1/"
