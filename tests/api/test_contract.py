"""Every path of the contract, with what it takes and what it answers."""

import csv
import io
import re
from typing import Any

import msgspec
import pytest

from earnest.api.operators import SuspensionOfAccount
from earnest.marketplace import shown
from earnest.marketplace.circulation import CirculationShown
from earnest.marketplace.shown import Page
from tests.api.asking import Api, problem, routes
from tests.stores import StandingClock

USD = {"amount": 30_000, "currency": "USD"}
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
PREFIXES = {
    "account_id": "acc_",
    "client_id": "cli_",
    "job_id": "job_",
    "proposal_id": "prp_",
    "purchase_id": "pur_",
    "lot_id": "lot_",
    "worker_id": "mem_",
}


class Story:
    """A marketplace in which each path is asked once, with success; and what it has answered."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.asked: set[str] = set()

    def ask(self, route: str, body: Any = None, *, status: int = 200, as_: Any, query: str = "", **ids: str) -> Any:
        """Ask a path, see that the answer is of its type and says no more, and return it."""
        verb, _, path = route.partition(" ")
        answer = self.api.ask(verb, path.format(**ids) + query, body)
        assert answer.status_code == status, (route, answer.text)
        assert answer.headers["content-type"] == "application/json", route
        read = msgspec.json.decode(answer.content, type=as_)
        assert msgspec.json.decode(msgspec.json.encode(read)) == answer.json(), route
        check_values(answer.json())
        self.asked.add(route)
        return answer.json()


def check_values(value: Any, name: str = "") -> None:
    """See that times, ids and money are written as they are everywhere."""
    if isinstance(value, dict):
        for inner_name, inner in value.items():
            check_values(inner, inner_name)
    elif isinstance(value, list):
        for inner in value:
            check_values(inner, name)
    elif isinstance(value, str) and name in PREFIXES:
        assert value.startswith(PREFIXES[name]), (name, value)
    elif isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        assert TIMES.fullmatch(value), (name, value)


def members(answer: dict[str, Any], *names: str) -> None:
    assert set(names) <= answer.keys(), (set(names) - answer.keys(), answer)


def test_every_path_answers_as_the_contract_says(api: Api, clock: StandingClock) -> None:
    story = Story(api)
    ana, acme = accounts(story)
    job = jobs(story, ana)
    proposals(story, ana, job)
    memberships(story, ana, acme)
    purchases(story, ana)
    operators(story, ana)
    lists(story, ana)
    api_keys(story)
    webhooks = {route for route in routes(api.app) if "/v1/webhook-endpoints" in route}
    assert story.asked == routes(api.app) - webhooks


def accounts(story: Story) -> tuple[str, str]:
    body = {"kind": "individual", "plan": "plus", "name": "Ana", "external_id": "user/17 ä"}
    ana = story.ask("POST /v1/accounts", body, status=201, as_=shown.AccountShown)
    members(ana, "id", "kind", "plan", "status", "cycle", "pending_plan", "external_id")
    assert (ana["kind"], ana["plan"], ana["status"], ana["external_id"]) == (
        "individual",
        "plus",
        "active",
        "user/17 ä",
    )
    assert ana["cycle"] == {"start": "2024-01-01T00:00:00Z", "end": "2024-02-01T00:00:00Z"}
    body = {"kind": "agency", "plan": "agency", "name": "Acme", "opened_at": "2023-12-31T23:00:00+02:00"}
    acme = story.ask("POST /v1/accounts", body, status=201, as_=shown.AccountShown)
    of_id = story.ask("GET /v1/accounts/{account_id}", as_=shown.AccountShown, account_id=ana["id"])
    assert of_id == ana
    held = story.ask("GET /v1/accounts/{account_id}/balance", as_=shown.BalanceShown, account_id=ana["id"])
    members(held, "available", "debt", "lots", "expiring", "most_held", "carry_limit")
    members(held["lots"][0], "id", "source", "remaining", "expires_at", "paid")
    assert (held["available"], held["debt"], held["most_held"], held["carry_limit"]) == (70, 0, 350, 140)
    lines = story.ask("GET /v1/accounts/{account_id}/entries", as_=Page[shown.EntryShown], account_id=ana["id"])
    members(
        lines["items"][0],
        *("id", "kind", "connects", "lot_id", "source", "paid", "job_id", "proposal_id", "purchase_id"),
        *("effective_at", "recorded_at", "balance_after", "note"),
    )
    assert lines["items"][0]["id"].startswith("ent_")
    assert lines["next_cursor"] is None
    return ana["id"], acme["id"]


def jobs(story: Story, ana: str) -> str:
    dan = story.ask("POST /v1/clients", {"name": "Dan", "external_id": "d"}, status=201, as_=shown.ClientShown)
    assert dan["id"].startswith("cli_")
    assert story.ask("GET /v1/clients/{client_id}", as_=shown.ClientShown, client_id=dan["id"]) == dan
    body = {
        "client_id": "ext:d",
        "title": "A logo",
        "description": "Round",
        "type": "fixed",
        "budget": USD,
        "duration": "under_1_month",
        "weekly_hours": "under_30",
        "skills": ["lettering"],
        "external_id": "job-9",
    }
    job = story.ask("POST /v1/jobs", body, status=201, as_=shown.JobShown)
    assert job["id"].startswith("job_")
    assert {name: job[name] for name in body} == {**body, "client_id": dan["id"]}
    assert (job["status"], job["price"]) == ("open", 2)
    assert story.ask("GET /v1/jobs/{job_id}", as_=shown.JobShown, job_id=job["id"]) == job
    change = {"title": "Two logos", "budget": {"amount": 900_000, "currency": "USD"}}
    edited = story.ask("PATCH /v1/jobs/{job_id}", change, as_=shown.JobShown, job_id=job["id"])
    assert edited == {**job, **change, "price": 5}
    found = story.ask("GET /v1/jobs", as_=Page[shown.JobShown], query="?status=open&q=LOGO&max_price=5")
    assert found["items"] == [edited]
    assert story.api.get("/v1/jobs?max_price=4")["items"] == []
    query = f"?account_id={ana}"
    quote = story.ask("GET /v1/jobs/{job_id}/quote", as_=shown.QuoteShown, query=query, job_id=job["id"])
    members(quote, "price", "why", "balance_before", "balance_after", "price_in_money", "refusal")
    assert (quote["price"], quote["balance_after"], quote["price_in_money"]["amount"]) == (5, 65, 500)
    other = story.api.job()
    invited = story.ask(
        "POST /v1/jobs/{job_id}/invitations", {"account_id": ana}, status=201, as_=shown.InvitationShown, job_id=other
    )
    members(invited, "account_id", "job_id", "invited_at")
    closed = story.ask(
        "POST /v1/jobs/{job_id}/close", {"reason": "cancelled"}, as_=shown.ClosedShown, job_id=story.api.job()
    )
    assert closed["job"]["status"] == "closed"
    assert closed["returned"] == {"proposals": 0, "connects": 0, "pending": False}
    return str(job["id"])


def proposals(story: Story, ana: str, job: str) -> None:
    body = {"account_id": ana, "cover_letter": "Hello", "bid": USD}
    route = "POST /v1/jobs/{job_id}/proposals"
    sent = story.ask(route, body, status=201, as_=shown.ProposalShown, job_id=job)
    members(sent, "id", "status", "connects_spent", "invited", "balance_after")
    assert sent["id"].startswith("prp_")
    assert (sent["status"], sent["connects_spent"], sent["invited"], sent["balance_after"]) == ("live", 5, False, 65)
    assert (sent["cover_letter"], sent["bid"]) == ("Hello", USD)
    listed = story.ask("GET /v1/jobs/{job_id}/proposals", as_=Page[shown.ProposalShown], job_id=job)
    assert [each["id"] for each in listed["items"]] == [sent["id"]]
    one = story.ask("GET /v1/proposals/{proposal_id}", as_=shown.ProposalShown, proposal_id=sent["id"])
    assert one == {**sent, "balance_after": None}
    gone = story.ask("POST /v1/proposals/{proposal_id}/withdraw", as_=shown.ProposalShown, proposal_id=sent["id"])
    assert gone["status"] == "withdrawn"
    for act, status in (("decline", "declined"), ("hire", "hired")):
        id_ = story.api.proposal(ana)
        route = f"POST /v1/proposals/{{proposal_id}}/{act}"
        assert story.ask(route, {}, as_=shown.ProposalShown, proposal_id=id_)["status"] == status
    many = {"proposals": [{"job_id": job, "account_id": ana}, {"job_id": job, "account_id": ana}]}
    items = story.ask("POST /v1/proposals:batch", many, as_=dict[str, Any])["items"]
    assert [each["status"] for each in items] == [201, 409]
    assert items[0]["proposal"]["status"] == "live"
    assert items[1]["problem"]["code"] == "already_proposed"


def memberships(story: Story, ana: str, acme: str) -> None:
    plan = "{verb} /v1/accounts/{{account_id}}/plan".format
    down = story.ask(plan(verb="PUT"), {"plan": "basic"}, as_=shown.AccountShown, account_id=ana)
    assert (down["plan"], down["pending_plan"]) == ("plus", "basic")
    assert story.ask(plan(verb="DELETE"), as_=shown.AccountShown, account_id=ana)["pending_plan"] is None
    unpaid = story.ask("POST /v1/accounts/{account_id}/fees/unpaid", as_=shown.AccountShown, account_id=ana)
    assert unpaid["fee_unpaid"]
    paid = story.ask("POST /v1/accounts/{account_id}/fees/paid", {}, as_=shown.AccountShown, account_id=ana)
    assert not paid["fee_unpaid"]
    route = "POST /v1/accounts/{account_id}/members"
    eve = story.ask(route, {"name": "Eve", "role": "owner"}, status=201, as_=shown.MemberShown, account_id=acme)
    assert eve["id"].startswith("mem_")
    assert (eve["name"], eve["role"], eve["can_propose"]) == ("Eve", "owner", None)
    path = "{verb} /v1/accounts/{{account_id}}/members/{{member_id}}".format
    ids = {"account_id": acme, "member_id": eve["id"]}
    changed = story.ask(path(verb="PATCH"), {"name": "Eva", "can_propose": False}, as_=shown.MemberShown, **ids)
    assert changed == {**eve, "name": "Eva", "can_propose": False}
    listed = story.ask("GET /v1/accounts/{account_id}/members", as_=Page[shown.MemberShown], account_id=acme)
    assert listed["items"] == [changed]
    assert story.ask(path(verb="DELETE"), as_=shown.MemberShown, **ids) == changed
    assert story.api.get(f"/v1/accounts/{acme}/members")["items"] == []


def purchases(story: Story, ana: str) -> None:
    route = "POST /v1/accounts/{account_id}/purchases"
    asked = story.ask(route, {"connects": 200}, status=201, as_=shown.PurchaseShown, account_id=ana)
    members(asked, "id", "status", "connects", "amount", "warning")
    assert (asked["status"], asked["connects"], asked["amount"]) == (
        "pending",
        200,
        {"amount": 20_000, "currency": "USD"},
    )
    assert asked["warning"].keys() == {"connects", "at"}
    id_ = asked["id"]
    assert id_.startswith("pur_")
    assert story.ask("GET /v1/purchases/{purchase_id}", as_=shown.PurchaseShown, purchase_id=id_)["status"] == "pending"
    for act, status in (("confirm", "confirmed"), ("confirm", "confirmed"), ("reverse", "reversed")):
        route = f"POST /v1/purchases/{{purchase_id}}/{act}"
        assert story.ask(route, as_=shown.PurchaseShown, purchase_id=id_)["status"] == status
    unpaid = story.api.made("POST", f"/v1/accounts/{ana}/purchases", {"connects": 1})["id"]
    assert story.api.made("POST", f"/v1/purchases/{unpaid}/reverse")["status"] == "cancelled"


def operators(story: Story, ana: str) -> None:
    path = "/v1/accounts/{account_id}"
    ids = {"account_id": ana, "as_": shown.AccountShown}
    body = {"connects": 10, "reason": "a welcome", "expires_at": "2024-03-01T00:00:00Z"}
    story.ask(f"POST {path}/grants", body, status=201, **ids)
    story.ask(f"POST {path}/revocations", {"connects": 3, "reason": "a mistake"}, status=201, **ids)
    suspension = {"account_id": ana, "as_": SuspensionOfAccount}
    assert story.ask(f"GET {path}/suspension", **suspension) == {"suspension": None}
    assert story.ask(f"POST {path}/suspension", {"reason": "copied"}, **ids)["status"] == "suspended"
    story.ask(f"POST {path}/suspension/appeal", {"text": "No"}, **ids)
    story.ask(f"POST {path}/suspension/uphold", {"reason": "Yes"}, **ids)
    found = story.ask(f"GET {path}/suspension", **suspension)["suspension"]
    members(found, "since", "evidence", "appeal", "decision")
    assert (found["appeal"], found["decision"], found["reason"]) == ("No", "upheld", "copied")
    assert story.ask(f"POST {path}/suspension/lift", **ids)["status"] == "active"
    report = story.ask("GET /v1/reports/circulation", as_=CirculationShown)
    figures = ("granted", "bought", "spent", "returned", "expired", "forfeited", "taken_back", "held")
    members(report, *figures, "by_source", "by_plan")
    members(report["by_source"]["allotment"], *figures)
    members(report["by_plan"]["plus"], *figures, "moved_in", "moved_out")


def lists(story: Story, ana: str) -> None:
    for name, type_ in (
        ("stats", shown.StatsShown),
        ("advice", shown.AdviceShown),
        ("proposals", Page[shown.ProposalShown]),
        ("invitations", Page[shown.InvitationShown]),
        ("purchases", Page[shown.PurchaseShown]),
        ("charges", Page[shown.ChargeShown]),
        ("notices", Page[shown.NoticeShown]),
    ):
        assert story.ask(f"GET /v1/accounts/{{account_id}}/{name}", as_=type_, account_id=ana), name


def api_keys(story: Story) -> None:
    body = {"name": "till", "scope": "read", "rate_limit": "600/minute", "expires_at": "2030-01-01T00:00:00Z"}
    made = story.ask("POST /v1/keys", body, status=201, as_=shown.KeyShown)
    assert made["id"].startswith("key_")
    assert made["secret"].startswith("ern_")
    listed = story.ask("GET /v1/keys", as_=Page[shown.KeyShown])
    assert {**made, "secret": None} in listed["items"]
    assert all(each["secret"] is None for each in listed["items"])
    assert story.ask("DELETE /v1/keys/{key_id}", as_=shown.KeyShown, key_id=made["id"])["revoked_at"]


def test_an_external_id_will_do_wherever_an_id_is_asked_for(api: Api) -> None:
    ana = api.account(external_id="user 17/a?%ä")
    dan = api.made("POST", "/v1/clients", {"name": "Dan", "external_id": "d"})["id"]
    named = "ext:user%2017%2Fa%3F%25%C3%A4"
    for path in ("", "/balance", "/entries", "/stats", "/advice", "/proposals", "/members", "/suspension"):
        assert api.get(f"/v1/accounts/{named}{path}") == api.get(f"/v1/accounts/{ana}{path}")
    assert api.get("/v1/clients/ext:d")["id"] == dan
    job = api.made(
        "POST", "/v1/jobs", {"client_id": "ext:d", "title": "A", "type": "hourly", "external_id": "ext:ext:"}
    )["id"]
    assert api.get("/v1/jobs/ext:ext:ext:")["id"] == job
    assert api.get("/v1/jobs?client_id=ext:d")["items"][0]["id"] == job
    assert api.get(f"/v1/jobs/ext:ext:ext:/quote?account_id={named}")["balance_before"] == 70
    external = "ext:user 17/a?%ä"
    assert api.made("POST", f"/v1/jobs/{job}/invitations", {"account_id": external})["account_id"] == ana
    sent = {"account_id": external}
    assert api.made("POST", "/v1/jobs/ext:ext:ext:/proposals", sent)["job_id"] == job
    many = {"proposals": [{"job_id": "ext:ext:ext:", "account_id": external}]}
    assert api.made("POST", "/v1/proposals:batch", many)["items"][0]["problem"]["code"] == "already_proposed"
    assert api.made("POST", "/v1/keys", {"name": "k", "scope": "read", "account_id": external})["account_id"] == ana
    assert api.made("PATCH", "/v1/jobs/ext:ext:ext:", {"title": "B"})["title"] == "B"
    assert api.made("POST", f"/v1/accounts/{named}/grants", {"connects": 1, "reason": "so"})["id"] == ana


ODD_IDS = (
    "x",
    "acc_",
    "ext:",
    "ext:nobody",
    "0" * 32,
    "%00",
    "%ff",
    "%ED%A0%80",
    "job_" + "0" * 32,
    "A" * 5_000,
    "%20",
)


def test_an_id_that_is_unknown_or_none_at_all_is_not_found(api: Api) -> None:
    for odd in (*ODD_IDS, "acc_" + "0" * 32, "acc_" + "F" * 32):
        problem(api.ask("GET", f"/v1/accounts/{odd}"), 404, "unknown_account")
        problem(api.ask("POST", f"/v1/accounts/{odd}/fees/paid"), 404, "unknown_account")
    for odd in (*ODD_IDS, "cli_" + "0" * 32):
        problem(api.ask("GET", f"/v1/clients/{odd}"), 404, "unknown_client")
    ana = api.account()
    for odd in (*ODD_IDS, "job_" + "1" * 32):
        problem(api.ask("GET", f"/v1/jobs/{odd}"), 404, "unknown_job")
        problem(api.ask("PATCH", f"/v1/jobs/{odd}", {"title": "A"}), 404, "unknown_job")
        problem(api.ask("POST", f"/v1/jobs/{odd}/close", {"reason": "filled"}), 404, "unknown_job")
        problem(api.ask("POST", f"/v1/jobs/{odd}/proposals", {"account_id": ana}), 404, "unknown_job")
        problem(api.ask("POST", f"/v1/jobs/{odd}/invitations", {"account_id": ana}), 404, "unknown_job")
        problem(api.ask("GET", f"/v1/jobs/{odd}/quote?account_id={ana}"), 404, "unknown_job")
    for kind, code in (("prp_", "proposal"), ("pur_", "purchase")):
        far = (f"{kind}{ana[4:]}_9", f"{kind}{ana[4:]}_0", f"{kind}{ana[4:]}_2147483648", f"{kind}{'0' * 32}_1")
        for odd in (*ODD_IDS, *far):
            act = "hire" if kind == "prp_" else "confirm"
            problem(api.ask("GET", f"/v1/{code}s/{odd}"), 404, f"unknown_{code}")
            problem(api.ask("POST", f"/v1/{code}s/{odd}/{act}"), 404, f"unknown_{code}")
    for odd in (*ODD_IDS, "key_" + "0" * 32):
        problem(api.ask("DELETE", f"/v1/keys/{odd}"), 404, "unknown_key")
    acme = api.account("agency")
    for odd in (*ODD_IDS, f"mem_{acme[4:]}_7", f"mem_{ana[4:]}_1"):
        problem(api.ask("PATCH", f"/v1/accounts/{acme}/members/{odd}", {"name": "A"}), 404, "unknown_member")
        problem(api.ask("DELETE", f"/v1/accounts/{acme}/members/{odd}"), 404, "unknown_member")
        problem(api.ask("DELETE", f"/v1/accounts/x/members/{odd}"), 404, "unknown_account")


def test_a_list_is_answered_in_pages_that_hold_each_item_once(api: Api) -> None:
    ana, acme = api.account(), api.account("agency")
    job = api.job()
    for n in range(5):
        api.made("POST", f"/v1/accounts/{acme}/members", {"name": f"M{n}", "role": "owner"})
        api.made("POST", f"/v1/accounts/{ana}/purchases", {"connects": 1})
        api.made("POST", f"/v1/jobs/{api.job()}/invitations", {"account_id": ana})
        api.proposal(ana)
        api.proposal(api.account(), job)
    for path in (
        f"/v1/accounts/{ana}/entries?",
        f"/v1/accounts/{ana}/proposals?",
        f"/v1/accounts/{ana}/purchases?",
        f"/v1/accounts/{ana}/invitations?",
        f"/v1/accounts/{ana}/charges?",
        f"/v1/accounts/{ana}/notices?",
        f"/v1/accounts/{acme}/members?",
        f"/v1/jobs/{job}/proposals?",
        "/v1/jobs?status=open&",
        "/v1/keys?",
    ):
        whole = api.get(f"{path}limit=500")
        assert whole["next_cursor"] is None
        for limit in (1, 2, 5):
            items, cursor = [], None
            while cursor is not None or not items:
                page = api.get(f"{path}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
                items += page["items"]
                assert len(page["items"]) == limit or page["next_cursor"] is None
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert items == whole["items"], path
        for wrong in ("limit=0", "limit=501", "limit=-1", "limit=1e3", "limit=٣", "limit=", "limit=1.0", "limit=x"):
            assert problem(api.ask("GET", path + wrong), 400, "malformed")["field"] == "limit", (path, wrong)
        for wrong in ("x", "", "-1", "1.5", "0" * 31, "%00", "٣", "1" * 500, "acc_" + "0" * 32, "_", "0_1"):
            answer = api.ask("GET", f"{path}cursor={wrong}")
            assert problem(answer, 400, "malformed")["field"] == "cursor", (path, wrong)


def test_a_journal_is_csv_for_whoever_accepts_that(api: Api) -> None:
    ana = api.account()
    for _ in range(3):
        api.proposal(ana)
    path = f"/v1/accounts/{ana}/entries"
    as_json = api.get(path)["items"]
    for accept in ("text/csv", "text/csv, application/json;q=0.5", "text/*"):
        answer = api.ask("GET", path, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == "text/csv", accept
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(each["id"], int(each["connects"])) for each in lines] == [
            (each["id"], each["connects"]) for each in as_json
        ]
    spent = api.ask("GET", f"{path}?kind=spend&limit=1", headers={"Accept": "text/csv"}).text
    assert len(list(csv.DictReader(io.StringIO(spent)))) == 3
    for accept in ("application/json", "*/*", "text/html", "", "nonsense", "text/csv;q=0.1,*/*"):
        answer = api.ask("GET", path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), accept
    problem(api.ask("GET", "/v1/accounts/x/entries", headers={"Accept": "text/csv"}), 404, "unknown_account")
    problem(api.ask("GET", f"{path}?kind=x", headers={"Accept": "text/csv"}), 400, "malformed")


def test_a_closing_that_is_still_returning_is_answered_as_accepted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, job = api.account(), api.job(5)
    api.proposal(ana, job)

    async def not_yet(*_: object) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr("earnest.marketplace.closing.give_back", not_yet)
        answer = api.ask("POST", f"/v1/jobs/{job}/close", {"reason": "removed"})
    assert answer.status_code == 202
    assert answer.json()["returned"] == {"proposals": 0, "connects": 0, "pending": True}
    answer = api.ask("POST", f"/v1/jobs/{job}/close", {"reason": "filled"})
    assert answer.status_code == 200
    assert answer.json()["returned"] == {"proposals": 1, "connects": 5, "pending": False}
    assert answer.json()["job"]["close_reason"] == "removed"


def test_an_action_without_fields_takes_no_body_or_an_empty_object(api: Api) -> None:
    ana = api.account()
    path = f"/v1/accounts/{ana}/fees/paid"
    for content in (None, b"", b"{}", b" {} \n"):
        assert api.ask("POST", path, content=content).status_code == 200, content
    for content in (b"[]", b"1", b'""', b"{", b'{"a":1}', b"null"):
        problem(api.ask("POST", path, content=content), 400, "malformed")


def test_a_balance_is_told_for_times_past_and_to_come(api: Api, clock: StandingClock) -> None:
    ana = api.account()
    clock.move(days=2)
    api.proposal(ana)
    path = f"/v1/accounts/{ana}/balance?at="
    for at, available in (
        ("2023-01-01T00:00:00Z", 0),
        ("2024-01-03T09:00:00Z", 70),
        ("2024-01-03T10:00:00.5%2B01:00", 70),
        ("2024-01-05T09:00:00Z", 68),
        ("2024-02-01T00:00:00Z", 138),
        ("2024-03-01T00:00:00Z", 208),
    ):
        assert api.get(path + at)["available"] == available, at
