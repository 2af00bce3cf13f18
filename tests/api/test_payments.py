"""Paying for connects over HTTP: by an operator's word, and in a sandbox by one request."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from earnest.marketplace import payments
from earnest.settings import SettingError, Settings, from_environment
from tests.api.asking import Api, problem, serving
from tests.api.test_sandbox import sandbox
from tests.stores import StandingClock

NOW = datetime(2016, 1, 5, tzinfo=UTC)


@pytest.fixture
def played(database: str) -> Iterator[Api]:
    """The API of a sandbox."""
    with sandbox(database, NOW) as api:
        yield api


def bought(api: Api, account_id: str, connects: int = 20, **more: Any) -> dict[str, Any]:
    asked: dict[str, Any] = api.made("POST", f"/v1/accounts/{account_id}/purchases", {"connects": connects}, **more)
    return asked


def available(api: Api, account_id: str) -> int:
    return int(api.get(f"/v1/accounts/{account_id}/balance")["available"])


def test_where_an_operator_confirms_payments_there_is_nowhere_to_pay(api: Api) -> None:
    ana = api.account()
    asked = bought(api, ana)
    assert (asked["status"], asked["checkout_url"]) == ("pending", None)
    assert api.get(f"/v1/purchases/{asked['id']}")["checkout_url"] is None
    confirmed = api.made("POST", f"/v1/purchases/{asked['id']}/confirm")
    assert (confirmed["status"], confirmed["checkout_url"], available(api, ana)) == ("confirmed", None, 90)


def test_in_a_sandbox_one_request_pays(played: Api) -> None:
    ana = played.account()
    asked = bought(played, ana)
    assert asked["checkout_url"] == f"/v1/sandbox/purchases/{asked['id']}/pay"
    assert played.get(f"/v1/purchases/{asked['id']}") == asked
    assert available(played, ana) == 70
    paid = played.made("POST", asked["checkout_url"], secret=played.secret("manage"))
    assert (paid["status"], paid["checkout_url"], available(played, ana)) == ("confirmed", None, 90)
    # Whoever pays twice has paid once.
    assert played.made("POST", asked["checkout_url"], {"outcome": "paid"}) == paid
    assert available(played, ana) == 90
    assert played.get(f"/v1/purchases/{asked['id']}") == paid


def test_a_payment_can_be_refused_and_taken_back(played: Api) -> None:
    ana = played.account()
    never, late = bought(played, ana), bought(played, ana)
    refused = {"outcome": "refused"}
    assert played.made("POST", never["checkout_url"], refused)["status"] == "cancelled"
    assert played.made("POST", never["checkout_url"])["status"] == "cancelled"
    played.made("POST", late["checkout_url"])
    assert available(played, ana) == 90
    assert played.made("POST", late["checkout_url"], refused)["status"] == "reversed"
    assert available(played, ana) == 70


def test_a_purchase_asked_for_again_is_answered_as_it_was(played: Api) -> None:
    ana = played.account()
    asked = bought(played, ana, key="k1")
    paid = played.made("POST", asked["checkout_url"], key="k2")
    assert bought(played, ana, key="k1") == asked
    again = played.ask("POST", asked["checkout_url"], key="k2")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (paid, "true")
    other = played.ask("POST", asked["checkout_url"], {"outcome": "refused"}, key="k2")
    problem(other, 422, "key_reused")
    assert available(played, ana) == 90


def test_who_may_not_manage_the_account_may_not_pay(played: Api) -> None:
    ana, ben = played.account(), played.account()
    asked = bought(played, ana)
    problem(played.ask("POST", asked["checkout_url"], secret=None), 401, "unauthorized")
    problem(played.ask("POST", asked["checkout_url"], secret=played.secret("propose")), 403, "not_permitted")
    problem(played.ask("POST", asked["checkout_url"], secret=played.secret("manage", ben)), 404, "unknown_purchase")
    assert available(played, ana) == 70
    own = played.secret("manage", ana)
    assert played.made("POST", asked["checkout_url"], secret=own)["status"] == "confirmed"


def test_what_no_payment_is_is_refused(played: Api) -> None:
    asked = bought(played, played.account())
    for wrong in ({"outcome": "lost"}, {"outcome": None}, {"paid": True}, []):
        problem(played.ask("POST", asked["checkout_url"], wrong), 400, "malformed")
    for id_ in ("pur_1", "pur_" + "0" * 32 + "_1", "x"):
        problem(played.ask("POST", f"/v1/sandbox/purchases/{id_}/pay"), 404, "unknown_purchase")


def test_a_sandbox_can_leave_payments_to_an_operator(new_sqlite: Any) -> None:
    with sandbox(new_sqlite(), NOW, payments="manual") as api:
        assert bought(api, api.account())["checkout_url"] is None


def test_real_payments_are_never_taken_by_the_sandbox(new_sqlite: Any, clock: StandingClock) -> None:
    with pytest.raises(SettingError, match="EARNEST_PAYMENTS"):
        from_environment({"EARNEST_PAYMENTS": "sandbox"})
    assert from_environment({"EARNEST_PAYMENTS": "sandbox", "EARNEST_SANDBOX": "true"}).payments == "sandbox"
    with pytest.raises(ValueError, match="payments: expected manual, got 'sandbox'"):
        payments.provider("sandbox", is_sandbox=False)
    with pytest.raises(ValueError, match="payments: expected manual, or sandbox, got 'bank'"):
        payments.provider("bank", is_sandbox=True)
    with pytest.raises(ValueError, match="payments"), serving(new_sqlite(), clock, payments="sandbox"):
        pass
    assert Settings().payments is None
    assert isinstance(payments.provider(None, is_sandbox=False), payments.Manual)
    assert isinstance(payments.provider(None, is_sandbox=True), payments.Sandbox)
