"""API keys over HTTP: what is kept of a secret, how soon a revocation is known, how often a key may ask."""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from earnest.api import bearers
from earnest.api.bearers import Bearers
from earnest.marketplace import keys
from tests.api.asking import Api, problem, serving
from tests.stores import StandingClock

Now = list[float]


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Now:
    """The monotonic clock that trust in a key goes by, to be moved."""
    now = [time.monotonic()]
    monkeypatch.setattr(bearers, "monotonic", lambda: now[0])
    return now


def test_a_secret_is_shown_once_and_kept_nowhere(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = api.made("POST", "/v1/keys", {"name": "till", "scope": "read"}, key="k")
    secret = made["secret"].rpartition("_")[2] if made["secret"].count("_") == 2 else made["secret"][37:]
    assert len(secret) >= 40
    assert api.ask("GET", "/v1/jobs", secret=made["secret"]).status_code == 200
    assert secret not in api.ask("GET", "/v1/keys").text
    again = api.ask("POST", "/v1/keys", {"name": "till", "scope": "read"}, key="k")
    assert again.json() == {**made, "secret": None}

    async def rows() -> str:
        statements = ("select * from api_key", "select * from request")
        return repr([await api.app.state.market.ledger.fetch(each) for each in statements])

    kept = api.client.blocking_portal.call(rows)
    assert secret not in kept
    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    assert secret not in caplog.text
    assert secret not in repr(vars(api.app.state.bearers))


def test_a_secret_is_compared_in_constant_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []
    honest = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return honest(one, other)

    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    secret = api.secret("read")
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    problem(api.ask("GET", "/v1/jobs", secret=wrong), 401, "unauthorized")
    assert api.ask("GET", "/v1/jobs", secret=secret).status_code == 200
    assert len(compared) == 2


def test_a_revocation_is_known_within_a_second(api: Api, moment: Now) -> None:
    made = api.made("POST", "/v1/keys", {"name": "till", "scope": "read"})
    assert api.ask("GET", "/v1/jobs", secret=made["secret"]).status_code == 200
    # By another process, so that this one has to find out by itself.
    api.do("revoke_key", made["id"])
    moment[0] += 1.0
    problem(api.ask("GET", "/v1/jobs", secret=made["secret"]), 401, "unauthorized")


def test_where_a_key_is_revoked_it_is_known_at_once(api: Api, moment: Now) -> None:
    made = api.made("POST", "/v1/keys", {"name": "till", "scope": "read"})
    assert api.ask("GET", "/v1/jobs", secret=made["secret"]).status_code == 200
    assert api.ask("DELETE", f"/v1/keys/{made['id']}").status_code == 200
    problem(api.ask("GET", "/v1/jobs", secret=made["secret"]), 401, "unauthorized")
    assert api.ask("GET", "/v1/jobs").status_code == 200


def test_a_key_that_was_unknown_a_moment_ago_is_known_within_a_second(api: Api, moment: Now) -> None:
    made = api.made("POST", "/v1/keys", {"name": "till", "scope": "read", "expires_at": "2024-01-03T09:00:01Z"})
    assert api.ask("GET", "/v1/jobs", secret=made["secret"]).status_code == 200
    moment[0] += 1.0
    api.app.state.market.ledger.clock.move(seconds=1)
    problem(api.ask("GET", "/v1/jobs", secret=made["secret"]), 401, "unauthorized")


def test_what_is_remembered_of_keys_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bearers, "MOST_TRUSTED", 10)
    for n in range(30):
        problem(api.ask("GET", "/v1/jobs", secret=f"ern_{n}"), 401, "unauthorized")
    remembered: Bearers = api.app.state.bearers
    assert max(len(each) for each in vars(remembered).values() if hasattr(each, "__len__")) <= 10


@pytest.fixture
def limited(new_sqlite: Callable[[], str], clock: StandingClock) -> Iterator[Api]:
    with serving(new_sqlite(), clock, rate_limit="3/minute") as asked:
        yield asked


def ask(api: Api, secret: str, times: int) -> list[int]:
    return [api.ask("GET", "/v1/jobs", secret=secret).status_code for _ in range(times)]


def test_how_often_a_key_may_ask_is_counted_for_each(limited: Api) -> None:
    one, another = limited.secret("read"), limited.secret("read")
    assert ask(limited, one, 5) == [200, 200, 200, 429, 429]
    assert ask(limited, another, 4) == [200, 200, 200, 429]
    answer = limited.ask("GET", "/v1/jobs", secret=one)
    found = problem(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert found["retry_after"] == int(answer.headers["retry-after"])


def test_a_key_s_own_limit_goes_before_the_server_s(limited: Api) -> None:
    assert ask(limited, limited.secret("read", rate_limit="1/hour"), 2) == [200, 429]
    assert ask(limited, limited.secret("read", rate_limit="5/second"), 5) == [200] * 5


def test_whoever_waits_may_ask_again(limited: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = limited.secret("read")
    assert ask(limited, secret, 4)[-1] == 429
    wait = int(limited.ask("GET", "/v1/jobs", secret=secret).headers["retry-after"])
    later = time.time() + wait + 1
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: later)
    assert ask(limited, secret, 1) == [200]


def test_nothing_is_limited_unless_that_is_set(api: Api) -> None:
    assert set(ask(api, api.secret("read"), 100)) == {200}


def test_limits_are_read_strictly(api: Api) -> None:
    body: dict[str, Any] = {"name": "till", "scope": "read"}
    for wrong in (
        "",
        "0/minute",
        "1/fortnight",
        "1 / minute",
        "-1/hour",
        "1.5/day",
        "٣/day",
        "1/minute\n",
        "9" * 10 + "/day",
    ):
        answer = api.ask("POST", "/v1/keys", {**body, "rate_limit": wrong})
        assert problem(answer, 400, "malformed")["field"] == "rate_limit", wrong
