"""What is refused, over HTTP: each code by a real request, the first that applies, and said so that one understands."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from earnest.api.sentences import sentence
from earnest.api.statuses import STATUS, TITLE
from earnest.rules.outcome import Refusal, Refused
from tests.api.asking import Api, problem
from tests.stores import StandingClock

NOWHERE = "0" * 32
USUAL = {"type", "title", "status", "detail", "code"}


def grant(api: Api, account: str, connects: int, act: str = "grants", **more: Any) -> httpx.Response:
    return api.ask("POST", f"/v1/accounts/{account}/{act}", {"connects": connects, "reason": "so", **more})


def submit(api: Api, account: str, job: str, **more: Any) -> httpx.Response:
    return api.ask("POST", f"/v1/jobs/{job}/proposals", {"account_id": account, **more})


def buy(api: Api, account: str, connects: int, **more: Any) -> httpx.Response:
    return api.ask("POST", f"/v1/accounts/{account}/purchases", {"connects": connects, **more})


def move(api: Api, proposal: str, act: str = "withdraw") -> httpx.Response:
    return api.ask("POST", f"/v1/proposals/{proposal}/{act}")


def plan(api: Api, account: str, code: str, **more: Any) -> httpx.Response:
    return api.ask("PUT", f"/v1/accounts/{account}/plan", {"plan": code, **more})


def conduct(api: Api, account: str, act: str = "", **body: str) -> httpx.Response:
    return api.ask("POST", f"/v1/accounts/{account}/suspension{act}", body)


def close(api: Api, job: str) -> httpx.Response:
    return api.ask("POST", f"/v1/jobs/{job}/close", {"reason": "filled"})


def of_scope(api: Api) -> httpx.Response:
    return api.ask("GET", "/v1/keys", secret=api.secret("propose"))


def of_one_account(api: Api) -> httpx.Response:
    return api.ask("GET", "/v1/keys", secret=api.secret("operate", api.account()))


def by_role(api: Api) -> httpx.Response:
    acme = api.account("agency")
    tom = api.made("POST", f"/v1/accounts/{acme}/members", {"name": "Tom", "role": "member"})["id"]
    return submit(api, acme, api.job(), worker_id=tom)


def fee_unpaid(api: Api) -> httpx.Response:
    acme = api.account("agency")
    api.made("POST", f"/v1/accounts/{acme}/fees/unpaid")
    return buy(api, acme, 1)


def key_reused(api: Api) -> httpx.Response:
    ana = api.account()
    api.made("POST", f"/v1/accounts/{ana}/fees/paid", key="k")
    return api.ask("POST", f"/v1/accounts/{ana}/fees/unpaid", key="k")


def taken(api: Api, path: str, **body: Any) -> httpx.Response:
    api.made("POST", path, {**body, "external_id": "user-17"})
    return api.ask("POST", path, {**body, "external_id": "user-17"})


def suspended(api: Api) -> httpx.Response:
    ana = api.account()
    conduct(api, ana, reason="so")
    return submit(api, ana, api.job())


def closed(api: Api) -> httpx.Response:
    job = api.job()
    close(api, job)
    return submit(api, api.account(), job)


def proposed(api: Api) -> httpx.Response:
    ana, job = api.account(), api.job()
    submit(api, ana, job)
    return submit(api, ana, job)


def moved(api: Api, first: str, then: str) -> httpx.Response:
    proposal = api.proposal(api.account())
    assert move(api, proposal, first).status_code == 200
    return move(api, proposal, then)


def too_dear(api: Api) -> httpx.Response:
    ana = api.account()
    grant(api, ana, 67, "revocations")
    return submit(api, ana, api.job(5))


def appealed(api: Api) -> httpx.Response:
    ana = api.account()
    conduct(api, ana, reason="so")
    conduct(api, ana, "/appeal", text="No")
    return conduct(api, ana, "/appeal", text="No")


PATH = "/v1/accounts"
PERSON = {"kind": "individual", "plan": "plus", "name": "Ana"}

Case = tuple[Callable[[Api], httpx.Response], int, str, dict[str, Any], str]

CASES: list[Case] = [
    (lambda api: api.ask("GET", f"{PATH}/x"), 404, "unknown_account", {}, "There is no account with this id"),
    (lambda api: api.ask("GET", "/v1/clients/x"), 404, "unknown_client", {}, "There is no client with this id"),
    (lambda api: api.ask("GET", "/v1/jobs/x"), 404, "unknown_job", {}, "There is no job with this id"),
    (lambda api: move(api, "x"), 404, "unknown_proposal", {}, "There is no proposal with this id"),
    (lambda api: api.ask("GET", "/v1/purchases/x"), 404, "unknown_purchase", {}, "There is no purchase with this id"),
    (
        lambda api: buy(api, api.account("agency"), 1, by_member_id="x"),
        *(404, "unknown_member", {}, "The account has no member with this id"),
    ),
    (lambda api: api.ask("DELETE", "/v1/keys/x"), 404, "unknown_key", {}, "There is no API key with this id"),
    (key_reused, 422, "key_reused", {}, "This idempotency key came with another path or another body before"),
    (
        lambda api: taken(api, PATH, **PERSON),
        *(409, "external_id_taken", {"external_id": "user-17"}, "The external id user-17 is another one's already"),
    ),
    (
        lambda api: taken(api, "/v1/clients", name="Dan"),
        *(409, "external_id_taken", {"external_id": "user-17"}, "The external id user-17 is another one's already"),
    ),
    (
        lambda api: taken(api, "/v1/jobs", client_id=api.client_id(), title="A", type="hourly"),
        *(409, "external_id_taken", {"external_id": "user-17"}, "The external id user-17 is another one's already"),
    ),
    (
        of_scope,
        *(403, "not_permitted", {"reason": "scope", "needs": "operate", "scope": "propose"}),
        "This takes a key of scope operate; this one's scope is propose",
    ),
    (of_one_account, 403, "not_permitted", {"reason": "one_account"}, "This key is for one account"),
    (
        by_role,
        403,
        "not_permitted",
        {"reason": "role", "role": "member", "member_id": ...},
        "their role there is member",
    ),
    (fee_unpaid, 403, "not_permitted", {"reason": "fee_unpaid"}, "The account's membership fee is unpaid"),
    (
        suspended,
        *(403, "account_suspended", {"since": "2024-01-03T09:00:00Z"}),
        "The account is suspended from proposing since 2024-01-03T09:00:00Z",
    ),
    (closed, 409, "job_not_open", {"job_id": ..., "current_status": "closed"}, "The job is closed"),
    (proposed, 409, "already_proposed", {"job_id": ...}, "The account has a proposal for this job"),
    (
        lambda api: moved(api, "withdraw", "hire"),
        *(409, "proposal_not_live", {"current_status": "withdrawn"}, "The proposal was withdrawn already"),
    ),
    (
        lambda api: moved(api, "decline", "withdraw"),
        *(409, "proposal_not_live", {"current_status": "declined"}, "The proposal was declined already"),
    ),
    (
        lambda api: moved(api, "hire", "decline"),
        *(409, "proposal_not_live", {"current_status": "hired"}, "The proposal has led to a hire already"),
    ),
    (
        too_dear,
        *(402, "insufficient_connects", {"required": 5, "available": 3}),
        "This takes 5 connects, and 3 are available",
    ),
    (
        lambda api: grant(api, api.account(), 71, "revocations"),
        *(402, "insufficient_connects", {"required": 71, "available": 70}),
        "This takes 71 connects, and 70 are available",
    ),
    (
        lambda api: buy(api, api.account("basic"), 1),
        *(403, "plan_cannot_buy", {"plan": "basic"}, "Connects can't be bought on the plan basic"),
    ),
    (
        lambda api: buy(api, api.account(), 281),
        *(409, "over_most_held", {"most_held": 350, "would_fit": 280}),
        "The plan lets the account hold 350 at most: 280 more would fit",
    ),
    (
        lambda api: api.ask("POST", PATH, {**PERSON, "plan": "agency"}),
        *(422, "not_for_this_kind", {"plan": "agency", "kind": "individual"}),
        "The account is an individual's, and the plan agency is for the other kind",
    ),
    (
        lambda api: plan(api, api.account("agency"), "plus"),
        *(422, "not_for_this_kind", {"plan": "plus", "kind": "agency"}),
        "The account is an agency's, and the plan plus is for the other kind",
    ),
    (
        lambda api: api.ask("POST", f"{PATH}/{api.account()}/members", {"name": "Eve", "role": "owner"}),
        *(422, "not_for_this_kind", {"kind": "individual"}),
        "The account is an individual's, and has no members",
    ),
    (lambda api: conduct(api, api.account(), "/appeal", text="No"), 409, "not_suspended", {}, "is not suspended"),
    (lambda api: conduct(api, api.account(), "/lift"), 409, "not_suspended", {}, "The account is not suspended"),
    (lambda api: conduct(api, api.account(), "/uphold"), 409, "not_suspended", {}, "The account is not suspended"),
    (
        appealed,
        *(409, "already_appealed", {"appealed_at": "2024-01-03T09:00:00Z"}),
        "The suspension was appealed at 2024-01-03T09:00:00Z, and can be appealed only once",
    ),
    (
        lambda api: api.ask("DELETE", f"{PATH}/{api.account()}/plan"),
        *(409, "nothing_pending", {}, "No change of plan is pending that could be taken back"),
    ),
    (
        lambda api: plan(api, api.account(), "gold"),
        *(400, "malformed", {"field": "plan", "expected": "one of basic, plus, agency"}),
        "plan: expected one of basic, plus, agency",
    ),
    (
        lambda api: api.ask("POST", PATH, {**PERSON, "opened_at": "2024-01-03T09:00:01Z"}),
        *(400, "malformed", {"field": "opened_at", "expected": "a time not after now"}),
        "opened_at: expected a time not after now",
    ),
    (
        lambda api: grant(api, api.account(), 1, expires_at="2024-01-03T09:00:00Z"),
        *(400, "malformed", {"field": "expires_at", "expected": "a time after now"}),
        "expires_at: expected a time after now",
    ),
    (
        lambda api: submit(api, api.account(), api.job(), worker_id="mem_x"),
        *(400, "malformed", {"field": "worker_id", "expected": "none, as the account is an individual's"}),
        "worker_id: expected none, as the account is an individual's",
    ),
    (
        lambda api: submit(api, api.account("agency"), api.job()),
        *(400, "malformed", {"field": "worker_id", "expected": "a member of the agency"}),
        "worker_id: expected a member of the agency",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[2]}-{CASES.index(case)}")
def test_each_refusal_has_its_status_its_figures_and_a_sentence(api: Api, case: Case) -> None:
    ask, status, code, figures, said = case
    found = problem(ask(api), status, code)
    assert said in found["detail"]
    assert found["title"] == TITLE[code]
    assert found.keys() - USUAL == figures.keys()
    assert all(value is ... or found[name] == value for name, value in figures.items())


ELSEWHERE = {
    Refusal.CLOCK_BEHIND: "the sandbox's clock, and a clock of the server's that went back",
    Refusal.PRICE_CHANGED: "the pages propose at a price that was shown, and have a test of it",
    Refusal.UNKNOWN_ENDPOINT: "webhooks have tests of their own",
    Refusal.UNKNOWN_DELIVERY: "webhooks have tests of their own",
    **dict.fromkeys(
        (
            *(Refusal.UNKNOWN_PERSON, Refusal.UNKNOWN_LINK, Refusal.EMAIL_TAKEN),
            *(Refusal.NOT_SIGNED_IN, Refusal.TOO_MANY_TRIES, Refusal.WRONG_CREDENTIALS),
        ),
        "people sign in to the pages, and have tests of their own",
    ),
}


def test_every_refusal_is_told_of_and_has_been_met() -> None:
    assert set(STATUS) == set(Refusal)
    assert set(TITLE) >= set(Refusal)
    assert {case[2] for case in CASES} | {code.value for code in ELSEWHERE} == {code.value for code in Refusal}
    assert all(STATUS[Refusal(case[2])] == case[1] for case in CASES)


def test_statuses_are_those_of_the_contract() -> None:
    assert {status: {code.value for code in Refusal if STATUS[code] == status} for status in set(STATUS.values())} == {
        400: {"malformed"},
        401: {"not_signed_in", "wrong_credentials"},
        402: {"insufficient_connects"},
        403: {"not_permitted", "account_suspended", "plan_cannot_buy"},
        404: {
            *("unknown_account", "unknown_client", "unknown_job", "unknown_proposal", "unknown_purchase"),
            *("unknown_member", "unknown_key", "unknown_endpoint", "unknown_delivery"),
            *("unknown_person", "unknown_link"),
        },
        409: {
            *("clock_behind", "external_id_taken", "email_taken", "price_changed", "job_not_open", "already_proposed"),
            *("proposal_not_live", "over_most_held", "not_suspended", "already_appealed", "nothing_pending"),
        },
        422: {"key_reused", "not_for_this_kind"},
        429: {"too_many_tries"},
    }


def test_clocks_and_lapsed_jobs_are_spoken_of_too() -> None:
    behind = {"now": "2024-01-03T09:00:00Z"}
    assert "only moves forward" in sentence(Refused(Refusal.CLOCK_BEHIND, behind))
    last = {**behind, "last_effect_at": "2024-01-04T00:00:00Z"}
    assert "last changed at 2024-01-04" in sentence(Refused(Refusal.CLOCK_BEHIND, last))
    assert sentence(Refused(Refusal.UNKNOWN_ENDPOINT)) == "There is no webhook endpoint with this id"
    assert sentence(Refused(Refusal.EMAIL_TAKEN, {"email": "ana@b.c"})).startswith("The e-mail address ana@b.c is")
    assert "in 7 seconds" in sentence(Refused(Refusal.TOO_MANY_TRIES, {"retry_after_seconds": 7}))
    agency = {"kind": "agency", "seat": "account"}
    assert "entered as one of its members" in sentence(Refused(Refusal.NOT_FOR_THIS_KIND, agency))
    assert sentence(Refused(Refusal.NOT_PERMITTED, {"reason": "seat"})) == "This person has no such seat"
    changed = Refused(Refusal.PRICE_CHANGED, {"agreed": 2, "price": 4})
    assert sentence(changed) == "2 was agreed to, and a proposal costs 4 now"
    for code in (Refusal.UNKNOWN_PERSON, Refusal.UNKNOWN_LINK, Refusal.NOT_SIGNED_IN, Refusal.WRONG_CREDENTIALS):
        assert sentence(Refused(code))
    assert sentence(Refused(Refusal.UNKNOWN_DELIVERY)) == "The endpoint has no delivery with this id"


def test_a_proposal_is_refused_for_the_first_reason_that_applies(api: Api, clock: StandingClock) -> None:
    ana, job, gone, dear = api.account(), api.job(5), api.job(), api.job(5)
    acme = api.account("agency")
    tom = api.made("POST", f"{PATH}/{acme}/members", {"name": "Tom", "role": "member"})["id"]
    assert submit(api, ana, gone).status_code == 201
    close(api, gone)
    for account in (ana, acme):
        conduct(api, account, reason="so")
    assert submit(api, ana, job).json()["code"] == "account_suspended"
    for answer, code in (
        (submit(api, f"acc_{NOWHERE}", "x"), "unknown_account"),
        (submit(api, "x", "x"), "unknown_account"),
        (submit(api, acme, "x", worker_id="x"), "unknown_job"),
        (submit(api, acme, gone, worker_id="x"), "unknown_member"),
        (submit(api, acme, gone, worker_id=f"mem_{ana[4:]}_1"), "unknown_member"),
        (submit(api, acme, gone, worker_id=tom), "not_permitted"),
        (submit(api, ana, gone), "account_suspended"),
    ):
        assert answer.json()["code"] == code
    conduct(api, ana, "/lift")
    assert submit(api, ana, gone).json()["code"] == "job_not_open"
    assert submit(api, ana, job).status_code == 201
    held = api.get(f"{PATH}/{ana}/balance")["available"]
    grant(api, ana, held, "revocations")
    assert submit(api, ana, job).json()["code"] == "already_proposed"
    assert submit(api, ana, dear).json()["code"] == "insufficient_connects"
    clock.move(days=31)
    grant(api, ana, api.get(f"{PATH}/{ana}/balance")["available"], "revocations")
    assert problem(submit(api, ana, dear), 409, "job_not_open")["detail"].startswith("The job has lapsed")


def test_a_purchase_or_change_of_plan_is_refused_for_the_first_reason_that_applies(api: Api) -> None:
    acme = api.account("agency")
    tom = api.made("POST", f"{PATH}/{acme}/members", {"name": "Tom", "role": "member"})["id"]
    for ask in (
        lambda who, by: buy(api, who, 1_000, by_member_id=by),
        lambda who, by: plan(api, who, "plus", by_member_id=by),
    ):
        assert ask("x", "x").json()["code"] == "unknown_account"
        assert ask(f"acc_{NOWHERE}", "x").json()["code"] == "unknown_account"
        assert ask(acme, "x").json()["code"] == "unknown_member"
        assert ask(acme, tom).json()["code"] == "not_permitted"
    assert buy(api, acme, 1_000).json()["code"] == "over_most_held"
    assert plan(api, acme, "plus").json()["code"] == "not_for_this_kind"
    assert buy(api, api.account("basic"), 1_000_000).json()["code"] == "plan_cannot_buy"


def test_a_quote_tells_the_refusal_a_proposal_would_get(api: Api) -> None:
    ana, job = api.account(), api.job(5)
    grant(api, ana, 67, "revocations")
    quote = api.get(f"/v1/jobs/{job}/quote?account_id={ana}")
    assert quote["refusal"] == {"code": "insufficient_connects", "figures": {"required": 5, "available": 3}}
    assert (quote["balance_before"], quote["balance_after"]) == (3, 3)
    conduct(api, ana, reason="so")
    quote = api.get(f"/v1/jobs/{job}/quote?account_id={ana}")
    assert quote["refusal"] == {"code": "account_suspended", "figures": {"since": "2024-01-03T09:00:00Z"}}
