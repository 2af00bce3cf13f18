"""The report on circulation is the journals' sums, over HTTP, of accounts that nobody has written up for months."""

from collections import Counter
from typing import Any

from tests.api.asking import Api
from tests.stores import StandingClock

FIGURE = {
    "allot": "granted",
    "bonus": "granted",
    "purchase": "bought",
    "return": "returned",
    "spend": "spent",
    "expire": "expired",
    "forfeit": "forfeited",
    "revoke": "taken_back",
}
LEAVES = ("spent", "expired", "forfeited", "taken_back")
SPANS = (
    (None, None),
    (None, "2024-02-01T00:00:00Z"),
    ("2024-01-03T09:00:00Z", "2024-01-05T09:00:00Z"),
    ("2024-02-01T00:00:00Z", "2024-02-01T00:00:00.000001Z"),
    ("2024-02-01T00:00:00Z", "2024-04-01T00:00:00Z"),
    ("2024-03-01T00:00:00Z", None),
    ("2024-01-20T00:00:00+02:00", "2030-01-01T00:00:00Z"),
    ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"),
)


def lived(api: Api, clock: StandingClock) -> list[str]:
    """Accounts of every plan that did everything, and then nothing for months."""
    accounts = [api.account(plan) for plan in ("basic", "plus", "agency", "plus")]
    basic, plus, acme, reversing = accounts
    eve = api.made("POST", f"/v1/accounts/{acme}/members", {"name": "Eve", "role": "owner"})["id"]
    job, kept = api.job(5), api.job(3)
    for account in accounts:
        worker = {"worker_id": eve} if account == acme else {}
        api.proposal(account, job, **worker)
        api.proposal(account, kept, **worker)
        grant = {"connects": 7, "reason": "so", "expires_at": "2024-03-10T00:00:00Z"}
        api.made("POST", f"/v1/accounts/{account}/grants", grant)
    clock.move(days=2)
    for account in (plus, acme, reversing):
        bought = api.made("POST", f"/v1/accounts/{account}/purchases", {"connects": 100})["id"]
        api.made("POST", f"/v1/purchases/{bought}/confirm")
        if account == reversing:
            clock.move(days=20)
            api.made("POST", f"/v1/purchases/{bought}/reverse")
    api.made("POST", f"/v1/accounts/{plus}/grants", {"connects": 300, "reason": "too much"})
    api.made("POST", f"/v1/accounts/{basic}/revocations", {"connects": 4, "reason": "so"})
    api.made("POST", f"/v1/jobs/{job}/close", {"reason": "cancelled"})
    api.made("PUT", f"/v1/accounts/{basic}/plan", {"plan": "plus"})
    api.made("PUT", f"/v1/accounts/{plus}/plan", {"plan": "basic"})
    clock.move(days=100)
    return accounts


def journal(api: Api, account: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = api.get(f"/v1/accounts/{account}/entries?limit=7{cursor}")
        lines += page["items"]
        if page["next_cursor"] is None:
            return lines
        cursor = f"&cursor={page['next_cursor']}"


def instant(text: str | None, default: str) -> str:
    """A time as entries have it, so that texts can be compared."""
    text = "2024-01-19T22:00:00Z" if text == "2024-01-20T00:00:00+02:00" else text or default
    whole, _, part = text.removesuffix("Z").partition(".")
    return f"{whole}.{part:0<6}"


def sums(lines: list[dict[str, Any]], since: str | None, until: str | None) -> dict[str, int]:
    """What the lines of a span come to."""
    first, last = instant(since, "2000-01-01T00:00:00Z"), instant(until, "9000-01-01T00:00:00Z")
    found = Counter[str](dict.fromkeys(("held", "held_before", *FIGURE.values()), 0))
    for line in lines:
        at = instant(line["effective_at"], "")
        if at >= last:
            continue
        found["held"] += line["connects"]
        if at < first:
            found["held_before"] += line["connects"]
        elif line["kind"] != "carry":
            figure = FIGURE[line["kind"]]
            found[figure] += -line["connects"] if figure in LEAVES else line["connects"]
    return dict(found)


def test_the_report_is_the_journals_sums_for_any_span(api: Api, clock: StandingClock) -> None:
    accounts = lived(api, clock)
    lines = [line for account in accounts for line in journal(api, account)]
    assert {line["kind"] for line in lines} == {*FIGURE, "carry"}
    assert any(line["recorded_at"] is None for line in lines), "nothing has been written up since"
    for since, until in SPANS:
        parts = [f"{name}={value}".replace("+", "%2B") for name, value in (("from", since), ("to", until)) if value]
        report = api.get("/v1/reports/circulation?" + "&".join(parts))
        expected = sums(lines, since, until)
        assert {name: report[name] for name in expected} == expected, (since, until)
        for figure in FIGURE.values():
            for split in ("by_source", "by_plan"):
                assert sum(part[figure] for part in report[split].values()) == expected[figure], (split, figure)
            for plan, part in report["by_plan"].items():
                of_plan = sums([line for line in lines if line["plan"] == plan], since, until)
                assert part[figure] == of_plan[figure], (plan, figure, since, until)
    held = sum(api.get(f"/v1/accounts/{account}/balance")["available"] for account in accounts)
    assert api.get("/v1/reports/circulation")["held"] == held
    # Writing it all up changes nothing of it.
    before = api.get("/v1/reports/circulation")
    api.do("keep_up")
    assert api.get("/v1/reports/circulation") == before
    assert all(line["recorded_at"] for account in accounts for line in journal(api, account))
