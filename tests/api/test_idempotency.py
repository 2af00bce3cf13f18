"""Idempotency keys over HTTP: every path that changes something, what a key is checked before, and races."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.asking import Api, problem, routes
from tests.server.running import Serve
from tests.stores import StandingClock

PARALLEL = 24


class Once(dict[str, str]):
    """A marketplace whose ids stand by names, as paths and bodies below have them."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self["ana"], self["acme"] = api.account(), api.account("agency")
        self["eve"] = api.made("POST", f"/v1/accounts/{self['acme']}/members", {"name": "Eve", "role": "owner"})["id"]
        self["dan"] = api.client_id()
        self["job"], self["other"] = api.job(), api.job()
        for name in ("withdrawn", "declined", "hired"):
            self[name] = api.proposal(self["ana"])
        for name in ("bought", "reversed"):
            self[name] = api.made("POST", f"/v1/accounts/{self['ana']}/purchases", {"connects": 5})["id"]
        self["key"] = api.made("POST", "/v1/keys", {"name": "k", "scope": "read"})["id"]
        url = {"url": "https://example.com/earnest"}
        self["endpoint"], self["gone"] = (api.made("POST", "/v1/webhook-endpoints", url)["id"] for _ in range(2))

    def fill(self, value: Any) -> Any:
        """Put ids where their names stand in braces."""
        if isinstance(value, dict):
            return {name: self.fill(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return value.format(**self) if isinstance(value, str) else value


Step = tuple[str, str, Any, Any]

ANA = "/v1/accounts/{ana}"
STEPS: list[Step] = [
    # The declared path, what is asked, a body that will do, and another one; None where there is no other.
    (
        "POST /v1/accounts",
        "/v1/accounts",
        {"kind": "individual", "plan": "plus", "name": "Ben", "external_id": "ben"},
        {"kind": "individual", "plan": "plus", "name": "Ben"},
    ),
    ("PUT /v1/accounts/{account_id}/plan", f"{ANA}/plan", {"plan": "basic"}, {"plan": "plus"}),
    ("DELETE /v1/accounts/{account_id}/plan", f"{ANA}/plan", None, None),
    ("POST /v1/accounts/{account_id}/fees/unpaid", f"{ANA}/fees/unpaid", None, None),
    ("POST /v1/accounts/{account_id}/fees/paid", f"{ANA}/fees/paid", None, None),
    ("POST /v1/accounts/{account_id}/purchases", f"{ANA}/purchases", {"connects": 3}, {"connects": 4}),
    ("POST /v1/purchases/{purchase_id}/confirm", "/v1/purchases/{bought}/confirm", None, None),
    ("POST /v1/purchases/{purchase_id}/reverse", "/v1/purchases/{reversed}/reverse", None, None),
    (
        "POST /v1/accounts/{account_id}/grants",
        f"{ANA}/grants",
        {"connects": 3, "reason": "so"},
        {"connects": 3, "reason": "so", "expires_at": "2025-01-01T00:00:00Z"},
    ),
    (
        "POST /v1/accounts/{account_id}/revocations",
        f"{ANA}/revocations",
        {"connects": 3, "reason": "so"},
        {"connects": 3, "reason": "So"},
    ),
    (
        "POST /v1/accounts/{account_id}/members",
        "/v1/accounts/{acme}/members",
        {"name": "Tom", "role": "member"},
        {"name": "Tim", "role": "member"},
    ),
    (
        "PATCH /v1/accounts/{account_id}/members/{member_id}",
        "/v1/accounts/{acme}/members/{eve}",
        {"name": "Eva"},
        {"name": "Eva", "can_propose": None},
    ),
    (
        "DELETE /v1/accounts/{account_id}/members/{member_id}",
        "/v1/accounts/{acme}/members/{eve}",
        None,
        None,
    ),
    ("POST /v1/clients", "/v1/clients", {"name": "Dora", "external_id": "dora"}, {"name": "Dora"}),
    (
        "POST /v1/jobs",
        "/v1/jobs",
        {"client_id": "{dan}", "title": "A", "type": "hourly", "external_id": "j"},
        {"client_id": "ext:nobody", "title": "A", "type": "hourly"},
    ),
    ("PATCH /v1/jobs/{job_id}", "/v1/jobs/{job}", {"title": "B"}, {"title": "C"}),
    (
        "POST /v1/jobs/{job_id}/invitations",
        "/v1/jobs/{other}/invitations",
        {"account_id": "{ana}"},
        None,
    ),
    (
        "POST /v1/jobs/{job_id}/proposals",
        "/v1/jobs/{job}/proposals",
        {"account_id": "{ana}", "cover_letter": "Hello", "bid": {"amount": 1, "currency": "USD"}},
        {"account_id": "{ana}", "worker_id": "mem_x"},
    ),
    (
        "POST /v1/proposals:batch",
        "/v1/proposals:batch",
        {"proposals": [{"job_id": "{other}", "account_id": "{ana}"}]},
        None,
    ),
    ("POST /v1/proposals/{proposal_id}/withdraw", "/v1/proposals/{withdrawn}/withdraw", None, None),
    ("POST /v1/proposals/{proposal_id}/decline", "/v1/proposals/{declined}/decline", {}, None),
    ("POST /v1/proposals/{proposal_id}/hire", "/v1/proposals/{hired}/hire", None, None),
    ("POST /v1/jobs/{job_id}/close", "/v1/jobs/{job}/close", {"reason": "cancelled"}, {"reason": "filled"}),
    ("POST /v1/accounts/{account_id}/suspension", f"{ANA}/suspension", {"reason": "so"}, {"reason": "So"}),
    ("POST /v1/accounts/{account_id}/suspension/appeal", f"{ANA}/suspension/appeal", {"text": "No"}, {"text": "no"}),
    ("POST /v1/accounts/{account_id}/suspension/uphold", f"{ANA}/suspension/uphold", {"reason": "a"}, {}),
    ("POST /v1/accounts/{account_id}/suspension/lift", f"{ANA}/suspension/lift", None, {"reason": "a"}),
    ("POST /v1/keys", "/v1/keys", {"name": "k", "scope": "read"}, {"name": "k", "scope": "propose"}),
    ("DELETE /v1/keys/{key_id}", "/v1/keys/{key}", None, None),
    (
        "POST /v1/webhook-endpoints",
        "/v1/webhook-endpoints",
        {"url": "https://example.com/a"},
        {"url": "https://example.com/b"},
    ),
    (
        "PATCH /v1/webhook-endpoints/{endpoint_id}",
        "/v1/webhook-endpoints/{endpoint}",
        {"description": "a"},
        {"description": "b"},
    ),
    (
        "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret",
        "/v1/webhook-endpoints/{endpoint}/rotate-secret",
        {},
        {"overlap_hours": 1},
    ),
    (
        "POST /v1/webhook-endpoints/{endpoint_id}/redeliver",
        "/v1/webhook-endpoints/{endpoint}/redeliver",
        None,
        {"delivery_id": "del_x"},
    ),
    ("DELETE /v1/webhook-endpoints/{endpoint_id}", "/v1/webhook-endpoints/{gone}", None, None),
]

SHOWN_ONCE = ("POST /v1/keys", "POST /v1/webhook-endpoints", "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret")
"""What is answered with a secret, which a replay has no more."""


def test_every_path_that_changes_something_is_done_once_for_a_key(api: Api, clock: StandingClock) -> None:
    once = Once(api)
    firsts: list[tuple[str, str, Any, int, Any]] = []
    for n, (route, path, body, other) in enumerate(STEPS):
        verb, where, sent = route.partition(" ")[0], once.fill(path), once.fill(body)
        first = api.ask(verb, where, sent, key=f"k{n}")
        assert first.status_code in (200, 201), (route, first.text)
        assert "idempotency-replayed" not in first.headers, route
        kept = first.json() | ({"secret": None} if route in SHOWN_ONCE else {})
        firsts.append((verb, where, sent, first.status_code, kept))
        if other is not None:
            problem(api.ask(verb, where, once.fill(other), key=f"k{n}"), 422, "key_reused")
    clock.move(days=45)
    # Much has changed since, and the answers are still the first ones.
    for n, (verb, where, sent, status, kept) in enumerate(firsts):
        again = api.ask(verb, where, sent, key=f"k{n}")
        assert (again.status_code, again.json()) == (status, kept), (verb, where)
        assert again.headers["idempotency-replayed"] == "true", where
    assert {step[0] for step in STEPS} == {each for each in routes(api.app) if not each.startswith("GET ")}
    assert api.do("audit").differences == []


def test_a_key_that_came_with_another_path_is_refused(api: Api) -> None:
    once = Once(api)
    for n, (route, path, body, _) in enumerate(STEPS):
        where = once.fill(path)
        assert api.ask(route.partition(" ")[0], where, once.fill(body), key=f"k{n}").status_code < 300, route
        owner = next((name for name in ("acme", "ana") if once[name][4:] in where + str(once.fill(body))), None)
        elsewhere = "/v1/clients" if owner is None else f"/v1/accounts/{once[owner]}/grants"
        sent = {"name": "else"} if owner is None else {"connects": 1, "reason": "else"}
        key = f"k{n}/0" if route.endswith(":batch") else f"k{n}"
        problem(api.ask("POST", elsewhere, sent, key=key), 422, "key_reused")


def test_a_key_is_checked_before_whatever_else_a_request_could_be_refused_for(api: Api) -> None:
    once = Once(api)
    ana, acme = once["ana"], once["acme"]
    api.made("POST", "/v1/clients", {"name": "Dan"}, key="k")
    for account in (ana, acme):
        api.made("POST", f"/v1/accounts/{account}/fees/paid", key="k")
    nobody = "0" * 32
    job = {"client_id": "x", "title": "A", "type": "hourly"}
    plan = {"plan": "gold", "by_member_id": "x"}
    for verb, path, body in (
        ("POST", "/v1/jobs", job),
        ("POST", "/v1/jobs", {**job, "client_id": f"cli_{nobody}"}),
        ("PATCH", "/v1/jobs/x", {"title": "A"}),
        ("POST", f"/v1/jobs/job_{nobody}/close", {"reason": "filled"}),
        ("POST", "/v1/jobs/x/close", {"reason": "filled"}),
        ("POST", "/v1/jobs/x/invitations", {"account_id": ana}),
        ("POST", "/v1/jobs/x/proposals", {"account_id": ana}),
        ("POST", "/v1/jobs/x/proposals", {"account_id": ana, "worker_id": "x"}),
        ("PUT", f"/v1/accounts/{acme}/plan", plan),
        ("PUT", f"/v1/accounts/{acme}/plan", {**plan, "by_member_id": f"mem_{ana[4:]}_1"}),
        ("DELETE", f"/v1/accounts/{acme}/plan?by_member_id=x", None),
        ("POST", f"/v1/accounts/{acme}/purchases", {"connects": 1_000, "by_member_id": "x"}),
        ("POST", f"/v1/accounts/{ana}/members", {"name": "Tom", "role": "owner"}),
        ("PATCH", f"/v1/accounts/{acme}/members/x", {"name": "Tom"}),
        ("DELETE", f"/v1/accounts/{acme}/members/mem_{ana[4:]}_1", None),
        ("POST", f"/v1/proposals/prp_{ana[4:]}_999/hire", None),
        ("POST", f"/v1/proposals/prp_{ana[4:]}_999/withdraw", None),
        ("POST", f"/v1/purchases/pur_{ana[4:]}_999/confirm", None),
        ("POST", f"/v1/accounts/{ana}/suspension/appeal", {"text": "No"}),
        ("POST", f"/v1/accounts/{ana}/revocations", {"connects": 10_000, "reason": "so"}),
        ("POST", "/v1/keys", {"name": "k", "scope": "read", "account_id": "x"}),
        ("DELETE", "/v1/keys/x", None),
        ("POST", "/v1/accounts", {"kind": "individual", "plan": "gold", "name": "Ana"}),
    ):
        answer = api.ask(verb, path, body, key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused"), (verb, path, answer.text)
    # But not before who asks, and whether that can be meant.
    problem(api.ask("POST", "/v1/jobs", job, key="k", secret=None), 401, "unauthorized")
    problem(api.ask("POST", "/v1/jobs", job, key="k", secret=api.secret("propose")), 403, "not_permitted")
    problem(api.ask("POST", "/v1/jobs", {}, key="k"), 400, "malformed")
    problem(api.ask("POST", "/v1/jobs", {**job, "title": " "}, key="k"), 400, "malformed")


def test_a_member_s_name_is_answered_again_as_it_was_given(api: Api) -> None:
    acme = api.account("agency")
    path = f"/v1/accounts/{acme}/members"
    first = api.ask("POST", path, {"name": "Eve", "role": "owner"}, key="1")
    path += f"/{first.json()['id']}"
    second = api.ask("PATCH", path, {"name": "Eva"}, key="2")
    assert api.made("PATCH", path, {"name": "Ava"}, key="3")["name"] == "Ava"
    for verb, where, body, key, then in (
        ("POST", path.rpartition("/")[0], {"name": "Eve", "role": "owner"}, "1", first),
        ("PATCH", path, {"name": "Eva"}, "2", second),
    ):
        again = api.ask(verb, where, body, key=key)
        assert (again.status_code, again.json()) == (then.status_code, then.json())


def test_a_refused_request_is_decided_afresh(api: Api) -> None:
    ana, job = api.account(), api.job(5)
    path, body = f"/v1/jobs/{job}/proposals", {"account_id": ana}
    api.made("POST", f"/v1/accounts/{ana}/revocations", {"connects": 70, "reason": "so"})
    for _ in range(2):
        problem(api.ask("POST", path, body, key="k"), 402, "insufficient_connects")
    api.made("POST", f"/v1/accounts/{ana}/grants", {"connects": 7, "reason": "so"})
    first = api.ask("POST", path, body, key="k")
    assert (first.status_code, first.json()["balance_after"]) == (201, 2)
    assert "idempotency-replayed" not in first.headers
    assert api.ask("POST", path, body, key="k").headers["idempotency-replayed"] == "true"


def test_a_key_belongs_to_an_api_key_and_to_the_account_acted_on(api: Api) -> None:
    ana, ben = api.account(), api.account()
    body = {"connects": 1, "reason": "so"}
    for account in (ana, ben):
        for secret in ("", api.secret("operate")):
            for replayed in (None, "true"):
                answer = api.ask("POST", f"/v1/accounts/{account}/grants", body, key="k", secret=secret)
                assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (201, replayed)
    assert [api.get(f"/v1/accounts/{each}/balance")["available"] for each in (ana, ben)] == [72, 72]
    dan = [
        api.made("POST", "/v1/clients", {"name": "Dan"}, key="k", secret=secret)["id"]
        for secret in ("", api.secret("manage"))
    ]
    assert dan[0] != dan[1]


def test_each_proposal_of_a_batch_has_a_key_of_its_own(api: Api) -> None:
    accounts, job = [api.account() for _ in range(3)], api.job()
    items = [{"job_id": job, "account_id": account} for account in accounts]

    def batch(items: list[Any], key: str) -> httpx.Response:
        return api.ask("POST", "/v1/proposals:batch", {"proposals": items}, key=key)

    first = batch(items[:2], "k")
    assert [each["status"] for each in first.json()["items"]] == [201, 201]
    assert "idempotency-replayed" not in first.headers
    again = batch(items[:2], "k")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    more = batch(items, "k")
    assert more.json()["items"][:2] == first.json()["items"]
    assert more.json()["items"][2]["status"] == 201
    assert "idempotency-replayed" not in more.headers
    alone = api.ask("POST", f"/v1/jobs/{job}/proposals", {"account_id": accounts[2]}, key="k/2")
    assert (alone.status_code, alone.headers["idempotency-replayed"]) == (201, "true")
    assert alone.json() == more.json()["items"][2]["proposal"]
    other = batch([{**items[0], "cover_letter": "Other"}, *items[1:]], "k").json()["items"]
    assert [each["status"] for each in other] == [422, 201, 201]
    assert other[0]["problem"]["code"] == "key_reused"
    assert [api.get(f"/v1/accounts/{each}/balance")["available"] for each in accounts] == [68, 68, 68]


@pytest.mark.parametrize("value", ["x" * 255, "é", "a b", "k/0:1%"])
def test_a_key_is_any_printable_text_of_up_to_255_characters(api: Api, value: str) -> None:
    headers = [(b"Authorization", f"Bearer {api.operator}".encode()), (b"Idempotency-Key", value.encode())]
    first, again = (api.client.post("/v1/clients", content=b'{"name":"Dan"}', headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("value", [b"", b" ", b"x" * 256, b"a\x01b", b"a\x7fb", b"\x85"])
def test_what_is_no_key_is_malformed(api: Api, value: bytes) -> None:
    headers = [(b"Authorization", f"Bearer {api.operator}".encode()), (b"Idempotency-Key", value)]
    answer = api.client.post("/v1/clients", content=b'{"name":"Dan"}', headers=headers)
    assert problem(answer, 400, "malformed")["field"] == "Idempotency-Key"


def race(urls: list[str], secret: str, path: str, body: Any) -> list[tuple[int, Any, str | None]]:
    """Ask the same with the same key many times at once; what each was answered."""
    limits = httpx.Limits(max_connections=PARALLEL)
    with httpx.Client(limits=limits, timeout=30) as client, ThreadPoolExecutor(PARALLEL) as pool:
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "race"}

        def ask(n: int) -> tuple[int, Any, str | None]:
            answer = client.post(urls[n % len(urls)] + path, json=body, headers=headers)
            return answer.status_code, answer.json(), answer.headers.get("idempotency-replayed")

        return list(pool.map(ask, range(PARALLEL)))


def check_race(answers: list[tuple[int, Any, str | None]]) -> None:
    """See that one was done, and that all were answered what came of it."""
    assert Counter(replayed for _, _, replayed in answers) == {None: 1, "true": PARALLEL - 1}
    assert all(answer[:2] == answers[0][:2] for answer in answers)
    assert answers[0][0] == 201


def test_one_of_many_that_race_with_a_key_is_done_and_all_get_its_answer(serve: Serve, database: str) -> None:
    servers = [serve(database)]
    if database.startswith("postgresql"):
        servers.append(serve(database))
    urls, secret = [each.url for each in servers], servers[0].key
    client = httpx.Client(base_url=urls[0], headers={"Authorization": f"Bearer {secret}"}, timeout=30)
    person = {"kind": "individual", "plan": "plus", "name": "Ana", "external_id": "ana"}
    check_race(race(urls, secret, "/v1/accounts", person))
    check_race(race(urls, secret, "/v1/accounts/ext:ana/grants", {"connects": 1, "reason": "so"}))
    assert client.get("/v1/accounts/ext:ana/balance").json()["available"] == 71
    dan = client.post("/v1/clients", json={"name": "Dan"}).json()["id"]
    job = client.post("/v1/jobs", json={"client_id": dan, "title": "A", "type": "hourly"}).json()["id"]
    # Kept by account and key, so that the one above is another.
    proposal = {"account_id": "ext:ben", "cover_letter": "Hello"}
    client.post("/v1/accounts", json={**person, "external_id": "ben"})
    check_race(race(urls, secret, f"/v1/jobs/{job}/proposals", proposal))
    assert client.get("/v1/accounts/ext:ben/balance").json()["available"] == 68
    assert len(client.get(f"/v1/jobs/{job}/proposals").json()["items"]) == 1
    client.close()
