"""Who may do what: every path with every kind of key."""

from typing import Any

import httpx
import pytest

from tests.api.asking import Api, problem, routes
from tests.stores import StandingClock

WHO = ("none", "wrong", "revoked", "expired", "read", "propose", "manage", "operate", "own", "other")
"""Keys: the last two are of scope `operate`, and for one account: the one that is asked about, or another."""

TABLE = """
DELETE /v1/accounts/{account_id}/members/{member_id}          401 401 401 401 403 403 ok  ok  ok  404
DELETE /v1/accounts/{account_id}/plan                         401 401 401 401 403 403 ok  ok  ok  404
DELETE /v1/keys/{key_id}                                      401 401 401 401 403 403 403 ok  403 403
DELETE /v1/webhook-endpoints/{endpoint_id}                    401 401 401 401 403 403 403 ok  403 403
GET    /v1/accounts/{account_id}                              401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/advice                       401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/balance                      401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/charges                      401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/entries                      401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/invitations                  401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/members                      401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/notices                      401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/proposals                    401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/purchases                    401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/stats                        401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/accounts/{account_id}/suspension                   401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/clients/{client_id}                                401 401 401 401 ok  ok  ok  ok  403 403
GET    /v1/jobs                                               401 401 401 401 ok  ok  ok  ok  ok  ok
GET    /v1/jobs/{job_id}                                      401 401 401 401 ok  ok  ok  ok  ok  ok
GET    /v1/jobs/{job_id}/proposals                            401 401 401 401 ok  ok  ok  ok  403 403
GET    /v1/jobs/{job_id}/quote                                401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/keys                                               401 401 401 401 403 403 403 ok  403 403
GET    /v1/proposals/{proposal_id}                            401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/purchases/{purchase_id}                            401 401 401 401 ok  ok  ok  ok  ok  404
GET    /v1/reports/circulation                                401 401 401 401 ok  ok  ok  ok  403 403
GET    /v1/webhook-endpoints                                  401 401 401 401 403 403 403 ok  403 403
GET    /v1/webhook-endpoints/{endpoint_id}                    401 401 401 401 403 403 403 ok  403 403
GET    /v1/webhook-endpoints/{endpoint_id}/deliveries         401 401 401 401 403 403 403 ok  403 403
PATCH  /v1/accounts/{account_id}/members/{member_id}          401 401 401 401 403 403 ok  ok  ok  404
PATCH  /v1/jobs/{job_id}                                      401 401 401 401 403 403 ok  ok  403 403
PATCH  /v1/webhook-endpoints/{endpoint_id}                    401 401 401 401 403 403 403 ok  403 403
POST   /v1/accounts                                           401 401 401 401 403 403 ok  ok  403 403
POST   /v1/accounts/{account_id}/fees/paid                    401 401 401 401 403 403 403 ok  ok  404
POST   /v1/accounts/{account_id}/fees/unpaid                  401 401 401 401 403 403 403 ok  ok  404
POST   /v1/accounts/{account_id}/grants                       401 401 401 401 403 403 403 ok  ok  404
POST   /v1/accounts/{account_id}/members                      401 401 401 401 403 403 ok  ok  ok  404
POST   /v1/accounts/{account_id}/purchases                    401 401 401 401 403 403 ok  ok  ok  404
POST   /v1/accounts/{account_id}/revocations                  401 401 401 401 403 403 403 ok  ok  404
POST   /v1/accounts/{account_id}/suspension                   401 401 401 401 403 403 403 ok  ok  404
POST   /v1/accounts/{account_id}/suspension/appeal            401 401 401 401 403 403 ok  ok  ok  404
POST   /v1/accounts/{account_id}/suspension/lift              401 401 401 401 403 403 403 ok  ok  404
POST   /v1/accounts/{account_id}/suspension/uphold            401 401 401 401 403 403 403 ok  ok  404
POST   /v1/clients                                            401 401 401 401 403 403 ok  ok  403 403
POST   /v1/jobs                                               401 401 401 401 403 403 ok  ok  403 403
POST   /v1/jobs/{job_id}/close                                401 401 401 401 403 403 ok  ok  403 403
POST   /v1/jobs/{job_id}/invitations                          401 401 401 401 403 403 ok  ok  403 403
POST   /v1/jobs/{job_id}/proposals                            401 401 401 401 403 ok  ok  ok  ok  404
POST   /v1/keys                                               401 401 401 401 403 403 403 ok  403 403
POST   /v1/proposals/{proposal_id}/decline                    401 401 401 401 403 403 ok  ok  403 403
POST   /v1/proposals/{proposal_id}/hire                       401 401 401 401 403 403 ok  ok  403 403
POST   /v1/proposals/{proposal_id}/withdraw                   401 401 401 401 403 ok  ok  ok  ok  404
POST   /v1/proposals:batch                                    401 401 401 401 403 ok  ok  ok  ok  ok
POST   /v1/purchases/{purchase_id}/confirm                    401 401 401 401 403 403 403 ok  ok  404
POST   /v1/purchases/{purchase_id}/reverse                    401 401 401 401 403 403 403 ok  ok  404
POST   /v1/webhook-endpoints                                  401 401 401 401 403 403 403 ok  403 403
POST   /v1/webhook-endpoints/{endpoint_id}/redeliver          401 401 401 401 403 403 403 ok  403 403
POST   /v1/webhook-endpoints/{endpoint_id}/rotate-secret      401 401 401 401 403 403 403 ok  403 403
PUT    /v1/accounts/{account_id}/plan                         401 401 401 401 403 403 ok  ok  ok  404
"""


class Asked:
    """The accounts that are asked about, one of each kind of key, and what the paths are filled with."""

    def __init__(self, api: Api, clock: StandingClock) -> None:
        self.api = api
        self.acme, self.other = api.account("agency"), api.account()
        eve = api.made("POST", f"/v1/accounts/{self.acme}/members", {"name": "Eve", "role": "owner"})["id"]
        self.job = api.job()
        proposal = api.proposal(self.acme, self.job, worker_id=eve)
        purchase = api.made("POST", f"/v1/accounts/{self.acme}/purchases", {"connects": 1})["id"]
        client = api.client_id()
        self.ids = {
            "account_id": self.acme,
            "member_id": eve,
            "job_id": self.job,
            "proposal_id": proposal,
            "purchase_id": purchase,
            "client_id": client,
            "key_id": "key_" + "0" * 32,
            "endpoint_id": "whe_" + "0" * 32,
            "delivery_id": "del_x",
        }
        expires = clock.now.replace(year=2025)
        self.secrets: dict[str, str | None] = {
            "none": None,
            "wrong": api.operator[:-1] + ("A" if api.operator[-1] != "A" else "B"),
            "revoked": api.secret("operate"),
            "expired": api.secret("operate", expires_at=expires),
            "own": api.secret("operate", self.acme),
            "other": api.secret("operate", self.other),
        }
        for scope in ("read", "propose", "manage", "operate"):
            self.secrets[scope] = api.secret(scope)
        revoked = self.secrets["revoked"] or ""
        api.do("revoke_key", f"key_{revoked.split('_')[1]}")
        clock.now = expires

    def ask(self, route: str, who: str) -> httpx.Response:
        """Ask a path. What would change something comes with an unfit idempotency key, so that it goes no further."""
        verb, _, path = route.partition(" ")
        path = path.format(**self.ids)
        if path.endswith("/quote"):
            path += f"?account_id={self.acme}"
        body: Any = {"account_id": self.acme} if path.endswith(f"{self.job}/proposals") else {}
        return self.api.ask(
            verb,
            path,
            None if verb == "GET" else body,
            secret=self.secrets[who],
            headers={} if verb == "GET" else {"Idempotency-Key": ""},
        )


def outcome(answer: httpx.Response) -> str:
    """What a request was stopped by: its status, or `ok` where it was let through."""
    if answer.status_code in (401, 403):
        return str(answer.status_code)
    if answer.status_code == 404:
        # These two are no account's: whoever asks for them was let through, and there is none.
        return "ok" if answer.json()["code"] in ("unknown_endpoint", "unknown_key") else "404"
    assert answer.status_code in (200, 400), answer.text
    return "ok"


def expected() -> dict[str, list[str]]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {f"{verb} {path}": found for verb, path, *found in rows}


def test_every_path_lets_through_whom_it_should(api: Api, clock: StandingClock) -> None:
    asked = Asked(api, clock)
    found = {route: [outcome(asked.ask(route, who)) for who in WHO] for route in sorted(routes(api.app))}
    assert found == expected()


def test_a_key_of_another_account_sees_and_touches_nothing_of_it(api: Api) -> None:
    ana, ben, acme = api.account(external_id="ana"), api.account(external_id="ben"), api.account("agency")
    eve = api.made("POST", f"/v1/accounts/{acme}/members", {"name": "Eve", "role": "owner"})["id"]
    job, other = api.job(), api.job()
    proposal = api.proposal(ana, job)
    purchase = api.made("POST", f"/v1/accounts/{ana}/purchases", {"connects": 1})["id"]
    mine = {"secret": api.secret("operate", ben)}
    before = api.get(f"/v1/accounts/{ana}/entries"), api.get(f"/v1/accounts/{acme}/members")
    for whose in (ana, "ext:ana", acme, "x", "acc_" + "0" * 32):
        body = {"account_id": whose}
        problem(api.ask("POST", f"/v1/jobs/{other}/proposals", body, **mine), 404, "unknown_account")
        problem(api.ask("GET", f"/v1/jobs/{job}/quote?account_id={whose}", **mine), 404, "unknown_account")
        many = {"proposals": [{**body, "job_id": other}, {"account_id": ben, "job_id": "x"}, {"x": 1}]}
        items = api.made("POST", "/v1/proposals:batch", many, **mine)["items"]
        assert [each["problem"]["code"] for each in items] == ["unknown_account", "unknown_job", "malformed"]
        problem(api.ask("GET", f"/v1/accounts/{whose}/balance", **mine), 404, "unknown_account")
        path = f"/v1/accounts/{whose}/members/{eve}"
        problem(api.ask("PATCH", path, {"name": "Eva"}, **mine), 404, "unknown_account")
    for whose in (ben, "ext:ben"):
        problem(api.ask("DELETE", f"/v1/accounts/{whose}/members/{eve}", **mine), 404, "unknown_member")
        path = f"/v1/accounts/{whose}/plan"
        problem(api.ask("PUT", path, {"plan": "plus", "by_member_id": eve}, **mine), 404, "unknown_member")
        assert api.get(f"/v1/jobs/{job}/quote?account_id={whose}", **mine)["balance_before"] == 70
    problem(api.ask("GET", f"/v1/proposals/{proposal}", **mine), 404, "unknown_proposal")
    problem(api.ask("POST", f"/v1/proposals/{proposal}/withdraw", **mine), 404, "unknown_proposal")
    problem(api.ask("GET", f"/v1/purchases/{purchase}", **mine), 404, "unknown_purchase")
    problem(api.ask("POST", f"/v1/purchases/{purchase}/confirm", **mine), 404, "unknown_purchase")
    assert (api.get(f"/v1/accounts/{ana}/entries"), api.get(f"/v1/accounts/{acme}/members")) == before
    sent = api.made("POST", f"/v1/jobs/{job}/proposals", {"account_id": "ext:ben"}, **mine)
    assert api.made("POST", f"/v1/proposals/{sent['id']}/withdraw", **mine)["status"] == "withdrawn"


def test_a_key_of_one_account_can_make_no_keys_and_act_for_no_client(api: Api) -> None:
    ana, job = api.account(), api.job()
    proposal = api.proposal(ana, job)
    mine = {"secret": api.secret("operate", ana)}
    body = {"name": "x", "scope": "operate", "account_id": ana}
    for verb, path, sent in (
        ("POST", "/v1/keys", body),
        ("GET", "/v1/keys", None),
        ("POST", f"/v1/proposals/{proposal}/hire", None),
        ("POST", f"/v1/proposals/{proposal}/decline", None),
        ("POST", f"/v1/jobs/{job}/close", {"reason": "filled"}),
        ("POST", f"/v1/jobs/{job}/invitations", {"account_id": ana}),
        ("POST", "/v1/jobs", {"client_id": "ext:x", "title": "A", "type": "hourly"}),
        ("GET", f"/v1/jobs/{job}/proposals", None),
        ("GET", "/v1/reports/circulation", None),
    ):
        assert problem(api.ask(verb, path, sent, **mine), 403, "not_permitted")["reason"] == "one_account"
    assert api.get(f"/v1/proposals/{proposal}")["status"] == "live"


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "Basic YTpi", "ern_", "Bearer ern_", "Bearer  {}", "Bearer {} ", "bearer x", "{}"),
        *("Bearer " + "x" * 100_000, "Bearer ern_" + "0" * 32 + "_" + "A" * 43, "Bearer é", "Bearer \ud800\u00ff"),
    ],
)
def test_whoever_sends_no_key_that_is_in_force_is_told_so_and_no_more(api: Api, header: str) -> None:
    raw = header.format(api.operator).encode("utf-8", "surrogatepass")
    answer = api.client.get("/v1/keys", headers=[(b"Authorization", raw)])
    if raw.strip() == f"Bearer {api.operator}".encode() or b"  " in raw:
        assert answer.status_code in (200, 401)
        return
    found = problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert found.keys() == {"type", "title", "status", "detail", "code"}


def test_the_documentation_needs_no_key(api: Api) -> None:
    for path in ("/schema", "/schema/openapi.json"):
        assert api.client.get(path).status_code == 200
