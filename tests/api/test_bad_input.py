"""Whatever is sent, it is answered with what was asked for or with what is the matter: never a 500, never a trace."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earnest.api.problems import MOST_FIELD
from tests.api.asking import Api, problem, routes, well_formed
from tests.api.odd import ODD_BODIES, ODD_HEADERS, ODD_JSON, ODD_PARTS, ODD_VALUES
from tests.api.test_idempotency import STEPS, Once

NOT_FOR_PEOPLE = re.compile(
    r"`(int|str|datetime|object|array|float|bool|null)|Traceback|File \"|msgspec|litestar|sqlite|psycopg|<class"
)

some = st.sampled_from


def check(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        said = well_formed(answer)
        assert not NOT_FOR_PEOPLE.search(answer.text), answer.text
        assert len(said["detail"]) < 1_000, said["detail"][:200]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body, the whole included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, each in inner for found in leaves(each, (*path, name)))]


def put(value: Any, path: tuple[Any, ...], new: str) -> str:
    """A body as JSON in which something else stands at a place, as it is."""
    if not path:
        return new
    changed = json.loads(json.dumps(value))
    there = changed
    for name in path[:-1]:
        there = there[name]
    there[path[-1]] = "@@"
    return json.dumps(changed).replace('"@@"', new, 1)


@st.composite
def bodies(draw: st.DrawFn, body: Any) -> bytes:
    """A body that would do, with something odd in it; or something odd altogether."""
    kind = draw(st.integers(0, 3))
    if kind == 0 or body is None:
        return draw(some(ODD_BODIES) | st.binary(max_size=50))
    if kind == 1:
        anything = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=5,
        )
        return put(body, draw(some(leaves(body))), json.dumps(draw(anything))).encode()
    if kind == 2 and isinstance(body, dict):
        return put({**body, draw(st.text(max_size=10)): 0}, draw(some(leaves(body))), draw(some(ODD_JSON))).encode()
    return put(body, draw(some(leaves(body))), draw(some(ODD_JSON))).encode()


FULL = {
    "POST /v1/jobs": {"budget": {"amount": 1, "currency": "USD"}, "skills": ["a"], "duration": "over_6_months"},
    "PATCH /v1/jobs/{job_id}": {"budget": {"amount": 1, "currency": "USD"}, "skills": ["a"], "type": "fixed"},
    "POST /v1/accounts": {"opened_at": "2023-01-01T00:00:00Z", "external_id": "a"},
    "POST /v1/keys": {"expires_at": "2030-01-01T00:00:00Z", "rate_limit": "1/day", "account_id": "ext:a"},
    "POST /v1/accounts/{account_id}/grants": {"expires_at": "2030-01-01T00:00:00Z"},
    "POST /v1/accounts/{account_id}/members": {"can_propose": True},
    "POST /v1/accounts/{account_id}/purchases": {"by_member_id": "mem_x"},
    "PUT /v1/accounts/{account_id}/plan": {"by_member_id": "mem_x"},
    "POST /v1/webhook-endpoints": {"kinds": ["connects.returned"], "description": "a"},
    "POST /v1/webhook-endpoints/{endpoint_id}/redeliver": {"delivery_id": "del_x"},
}
"""What more a body may have."""


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_nothing_that_is_sent_breaks_it(api: Api, data: st.DataObject) -> None:
    once, asked = api.__dict__.setdefault("once", None) or Once(api), sorted(routes(api.app))
    api.__dict__["once"] = once
    route = data.draw(some(asked))
    verb, _, path = route.partition(" ")
    step = next((each for each in STEPS if each[0] == route), None)
    target = (once.fill(step[1]) if step else _filled(path, once)).encode()
    if data.draw(st.booleans()):
        parts = target.split(b"/")
        parts[data.draw(st.integers(2, len(parts) - 1))] = data.draw(some(ODD_PARTS))
        target = b"/".join(parts)
    names = ["limit", "cursor", "at", "since", "until", "kind", "months", "status", "q", "max_price", "client_id"]
    names += ["account_id", "worker_id", "from", "to", "by_member_id", "nonsense", "%ff", ""]
    pairs = data.draw(st.lists(st.tuples(some(names), some(ODD_VALUES)), max_size=3))
    if pairs:
        target += b"?" + b"&".join(name.encode() + b"=" + value for name, value in pairs)
    body = b""
    if verb != "GET" or data.draw(st.integers(0, 9)) == 0:
        sent = once.fill(step[2]) if step else None
        full = {**(sent or {}), **FULL.get(route, {})} or None
        body = data.draw(bodies(full))
    headers = data.draw(st.lists(some(ODD_HEADERS), max_size=2))
    check(api.raw(verb, target, headers, body))


def _filled(path: str, once: Once) -> str:
    ids = {"account_id": "ana", "member_id": "eve", "proposal_id": "hired", "purchase_id": "bought", "client_id": "dan"}
    ids |= {"job_id": "job", "key_id": "key", "endpoint_id": "endpoint"}
    return path.format(**{name: once[known] for name, known in ids.items()})


JOB = {"client_id": "ext:x", "title": "A", "type": "fixed"}
USD = {"amount": 1, "currency": "USD"}
WHOLE = "a whole number from 1 to 2,147,483,647"
TIME = "a time with its zone, as in 2024-01-31T09:00:00Z"


@pytest.mark.parametrize(
    ("path", "body", "field", "expected"),
    [
        ("/v1/jobs", {**JOB, "budget": {**USD, "amount": "7"}}, "budget.amount", "a whole number"),
        ("/v1/jobs", {**JOB, "budget": {**USD, "amount": 2**53}}, "budget.amount", "a whole number"),
        ("/v1/jobs", {**JOB, "budget": {**USD, "amount": -1}}, "budget.amount", "a whole number"),
        ("/v1/jobs", {**JOB, "budget": {"amount": 1}}, "budget.currency", "a value; it is required"),
        ("/v1/jobs", {**JOB, "budget": {**USD, "x": 1}}, "budget.x", "no field of this name"),
        ("/v1/jobs", {**JOB, "budget": {**USD, "currency": "EUR"}}, "budget.currency", "USD"),
        ("/v1/jobs", {**JOB, "budget": 7}, "budget", "a JSON object, or null"),
        ("/v1/jobs", {**JOB, "skills": ["a", 7]}, "skills[1]", "a text of 1 to 200 characters"),
        ("/v1/jobs", {**JOB, "skills": ["a"] * 51}, "skills", "a list of at most 50 items"),
        ("/v1/jobs", {**JOB, "type": "x"}, "type", "one of fixed, hourly"),
        ("/v1/jobs", {**JOB, "title": ""}, "title", "a text of 1 to 200 characters"),
        ("/v1/jobs", {**JOB, "title": " \n"}, "title", "a text of 1 to 200 characters"),
        ("/v1/jobs", {**JOB, "title": "a\0"}, "title", "a text without NUL characters and broken surrogates"),
        ("/v1/jobs", {**JOB, "title": None}, "title", "a text of 1 to 200 characters"),
        ("/v1/jobs", {**JOB, "description": "x" * 50_001}, "description", "a text of 0 to 50,000 characters, or null"),
        ("/v1/jobs", {"title": "A", "type": "fixed"}, "client_id", "a value; it is required"),
        ("/v1/jobs", [], "body", "a JSON object"),
        ("/v1/jobs", None, "body", ""),
        ("/v1/accounts/{ana}/grants", {"connects": "7", "reason": "so"}, "connects", WHOLE),
        ("/v1/accounts/{ana}/grants", {"connects": 7.0, "reason": "so"}, "connects", WHOLE),
        ("/v1/accounts/{ana}/grants", {"connects": True, "reason": "so"}, "connects", WHOLE),
        ("/v1/accounts/{ana}/grants", {"connects": 0, "reason": "so"}, "connects", WHOLE),
        ("/v1/accounts/{ana}/grants", {"connects": 10**400, "reason": "so"}, "connects", WHOLE),
        ("/v1/accounts/{ana}/grants", {"connects": 1, "reason": ""}, "reason", "a text"),
        (
            "/v1/accounts/{ana}/grants",
            {"connects": 1, "reason": "so", "expires_at": 5},
            "expires_at",
            TIME + ", or null",
        ),
        (
            "/v1/accounts/{ana}/grants",
            {"connects": 1, "reason": "so", "expires_at": "2030-01-01T00:00:00"},
            *("expires_at", TIME + ", or null"),
        ),
        (
            "/v1/accounts/{ana}/grants",
            {"connects": 1, "reason": "so", "expires_at": "9999-12-31T23:59:59Z"},
            *("expires_at", "a time from 1970 to 9000"),
        ),
        ("/v1/accounts/{ana}/members", {"name": "A", "role": "boss"}, "role", "one of "),
        (
            "/v1/accounts/{ana}/members",
            {"name": "A", "role": "owner", "can_propose": 1},
            "can_propose",
            "true or false",
        ),
        ("/v1/accounts/{ana}/fees/paid", {"x": 1}, "x", "no field of this name"),
        ("/v1/jobs/{job}/proposals", {"account_id": "{ana}", "bid": {**USD, "amount": 1.5}}, "bid.amount", "a whole"),
        ("/v1/jobs/{job}/proposals", {"account_id": "{ana}", "bid": {**USD, "amount": -1}}, "bid.amount", "a whole"),
        ("/v1/jobs/{job}/proposals", {"account_id": 7}, "account_id", "a text"),
        ("/v1/jobs/{job}/close", {"reason": "x"}, "reason", "one of cancelled, filled, removed"),
        ("/v1/proposals:batch", {"proposals": [{}] * 1_001}, "proposals", "a list of at most 1,000 items"),
        ("/v1/proposals:batch", {"proposals": {}}, "proposals", "a list of at most 1,000 items"),
        ("/v1/proposals:batch", {}, "proposals", "a value; it is required"),
        ("/v1/keys", {"name": "k", "scope": "all"}, "scope", "one of "),
        ("/v1/keys", {"name": "k", "scope": "read", "x" * 5_000: 1}, "x" * MOST_FIELD, "no field of this name"),
    ],
)
def test_what_can_t_be_meant_is_told_by_its_field(api: Api, path: str, body: Any, field: str, expected: str) -> None:
    ids = {"ana": api.account("agency" if "members" in path else "plus"), "job": api.job()}
    text = json.dumps(body).replace("{ana}", ids["ana"]) if body is not None else None
    found = problem(api.ask("POST", path.format(**ids), content=text), 400, "malformed")
    assert found["field"] == field
    assert found["expected"].startswith(expected)
    assert found["detail"] == f"{field}: expected {found['expected']}"
    assert found.keys() == {"type", "title", "status", "detail", "code", "field", "expected"}


def test_what_is_no_json_is_told_so(api: Api) -> None:
    for body in ODD_BODIES:
        answer = api.raw("POST", b"/v1/clients", body=body)
        assert problem(answer, 400, "malformed")["field"] is not None, body


def test_each_proposal_of_a_batch_is_malformed_by_itself(api: Api) -> None:
    ana, job = api.account(), api.job()
    good = {"account_id": ana, "job_id": job}
    items = [good, {**good, "bid": {"amount": "1", "currency": "USD"}}, 7, {**good, "bid": {**USD, "amount": -1}}]
    items += [{**good, "cover_letter": "x" * 10_001}, {**good, "cover_letter": "\0"}, {"job_id": job}, {**good, "x": 1}]
    found = api.made("POST", "/v1/proposals:batch", {"proposals": items})["items"]
    assert [each["status"] for each in found] == [201, *[400] * 7]
    fields = [each["problem"]["field"] for each in found[1:]]
    assert fields == ["bid.amount", "body", "bid.amount", "cover_letter", "cover_letter", "account_id", "x"]
    raw = json.dumps({"proposals": [good, "@@"]})
    for odd in ODD_JSON:
        answer = api.raw("POST", b"/v1/proposals:batch", body=raw.replace('"@@"', odd).encode())
        check(answer)


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ("balance?at=5", "at", TIME),
        ("balance?at=2024-01-01T00:00:00", "at", TIME),
        ("balance?at=2016-12-31T23:59:60Z", "at", TIME),
        ("balance?at=9999-01-01T00:00:00Z", "at", "a time from 1970 to 9000"),
        ("balance?at=inf", "at", TIME),
        ("balance?at=2024-01-01T00:00:00Z&at=2024-01-01T00:00:00Z", "at", "one value"),
        ("entries?since=x", "since", TIME),
        ("entries?kind=x", "kind", "one of allot, "),
        ("entries?limit=1e3", "limit", "a whole number from 1 to 500"),
        ("entries?Limit=1", "Limit", "no parameter of this name"),
        ("entries?%ff=1", "query", "text in UTF-8"),
        ("entries?" + "&".join(f"a{n}=1" for n in range(101)), "query", "at most 100 parameters"),
        ("stats?months=0", "months", "a whole number from 1 to 60"),
        ("stats?months=61", "months", "a whole number from 1 to 60"),
        ("balance?" + "x" * 5_000 + "=1", "x" * MOST_FIELD, "no parameter of this name"),
    ],
)
def test_a_query_is_as_strict_as_a_body(api: Api, query: str, field: str, expected: str) -> None:
    answer = api.raw("GET", f"/v1/accounts/{api.account()}/{query}".encode())
    found = problem(answer, 400, "malformed")
    assert found["field"] == field
    assert found["expected"].startswith(expected)


def test_other_queries_are_strict_too(api: Api) -> None:
    for query, field in (
        (f"jobs/{api.job()}/quote", "account_id"),
        ("jobs?max_price=-1", "max_price"),
        ("jobs?max_price=99999999999", "max_price"),
        ("jobs?status=gone", "status"),
        ("jobs?q=%00", "q"),
        (f"jobs?q={'x' * 201}", "q"),
        ("reports/circulation?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z", "from"),
        ("reports/circulation?since=2024-01-02T00:00:00Z", "since"),
    ):
        assert problem(api.ask("GET", f"/v1/{query}"), 400, "malformed")["field"] == field, query
    assert api.get("/v1/jobs?q=")["items"]


def test_what_is_nowhere_and_what_a_path_does_not_take_are_told_so(api: Api) -> None:
    for path in (
        "/",
        "/v1",
        "/v2/jobs",
        "/V1/jobs",
        "/v1/accounts/a/b/c",
        "/.env",
        "/v1/sandbox/clock",
    ):
        for verb in ("GET", "POST", "PUT"):
            answer = api.raw(verb, path.encode())
            assert answer.status_code in (404, 405), (verb, path)
            well_formed(answer)
    for verb, path in (
        ("PUT", "/v1/jobs"),
        ("DELETE", "/v1/accounts/x"),
        ("GET", "/v1/proposals:batch"),
        ("TRACE", "/v1/jobs"),
    ):
        answer = api.raw(verb, path.encode())
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"]
    head = api.raw("HEAD", b"/v1/jobs")
    assert head.status_code in (200, 405)
    options = api.raw("OPTIONS", b"/v1/jobs")
    assert options.status_code == 204
    assert set(options.headers["allow"].split(", ")) == {"GET", "POST", "OPTIONS"}


def test_a_body_that_nobody_asked_for_changes_nothing(api: Api) -> None:
    ana = api.account()
    for body in (b"{}", b"{", b"\xff", b"x" * 10_000):
        assert api.raw("GET", f"/v1/accounts/{ana}".encode(), body=body).status_code == 200


def test_a_body_over_the_limit_is_too_large(api: Api) -> None:
    body = json.dumps({"name": "x" * 1_000_001}).encode()
    problem(api.raw("POST", b"/v1/clients", body=body), 413, "body_too_large")


def test_a_defect_is_told_of_without_its_trace(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setitem(api.app.state.market.__dict__, "circulation", lambda **_: broken())
    answer = api.ask("GET", "/v1/reports/circulation")
    problem(answer, 500, "internal")
    assert "inside" not in answer.text
    assert "Zero" not in answer.text
