"""The OpenAPI document: valid, whole, true, and the same as the one that is kept; and the page that shows it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from earnest import Marketplace
from earnest.api.app import make
from earnest.api.document import written
from earnest.api.events import PAYLOADS
from earnest.api.examples import examples
from earnest.ledger import outbox
from earnest.rules.outcome import Refusal
from earnest.settings import Settings
from tests.api.asking import Api, routes, serving
from tests.stores import StandingClock
from tools import openapi

ROOT = Path(__file__).parent.parent.parent
KEPT = (ROOT / "openapi.json").read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = json.loads(KEPT)
VERBS_THAT_CHANGE = {"post", "put", "patch", "delete"}


def sandbox_document() -> dict[str, Any]:
    document: dict[str, Any] = openapi.app("sqlite:////nowhere", sandbox=True).openapi_schema.to_schema()
    return json.loads(written(document))


BOTH = [DOCUMENT, sandbox_document()]
either = pytest.mark.parametrize("document", BOTH, ids=["real", "sandbox"])


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for part in ("paths", "webhooks"):
        for path, item in document[part].items():
            for verb, operation in item.items():
                yield verb, path, operation


def found(document: dict[str, Any], part: Any) -> Any:
    """What a part says, or what it refers to."""
    while isinstance(part, dict) and "$ref" in part:
        place: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        part = place
    return part


def parts(value: Any, where: str = "#") -> Iterator[tuple[str, Any]]:
    """Every part of a document, with where it stands. What stands in examples is no part of it."""
    yield where, value
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in ("example", "examples"):
                yield from parts(each, f"{where}/{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from parts(each, f"{where}/{place}")


@either
def test_the_document_is_valid(document: dict[str, Any]) -> None:
    OPENAPI_31_VALIDATOR.validate(document)
    for schema in document["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


@either
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    referred = {part["$ref"] for _, part in parts(document) if isinstance(part, dict) and "$ref" in part}
    for each in referred:
        found(document, {"$ref": each})
    # And nothing is there that nobody refers to.
    for kind in ("schemas", "responses"):
        assert {f"#/components/{kind}/{name}" for name in document["components"][kind]} <= referred


def test_the_kept_document_is_the_servers() -> None:
    assert openapi.document() == KEPT, "run `make openapi`"
    assert json.loads(KEPT)["paths"].keys() == BOTH[1]["paths"].keys() - {
        "/v1/sandbox/clock",
        "/v1/sandbox/purchases/{purchase_id}/pay",
    }


def test_it_is_served_as_it_is_kept(new_sqlite: Callable[[], str], clock: StandingClock) -> None:
    with serving(new_sqlite(), clock) as api:
        answer = api.ask("GET", "/schema/openapi.json", secret=None)
        assert answer.headers["content-type"].startswith("application/vnd.oai.openapi+json")
        assert answer.json() == DOCUMENT


def test_every_path_is_documented(new_sqlite: Callable[[], str], clock: StandingClock) -> None:
    with serving(new_sqlite(), clock) as api:
        known = {f"{verb.upper()} {path}" for verb, path, _ in operations({**DOCUMENT, "webhooks": {}})}
        assert routes(api.app) == {each for each in known if each.split()[1].startswith("/v1/")}


@either
def test_everything_is_described(document: dict[str, Any]) -> None:
    for verb, path, operation in operations(document):
        where = f"{verb} {path}"
        assert operation["summary"][:1].isupper(), where
        assert not operation["summary"].endswith("."), where
        assert operation["description"].strip().endswith("."), where
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"] if tag["description"]}, where
        for parameter in operation["parameters"]:
            assert parameter["description"].endswith((".", "`")), (where, parameter["name"])
        for status, answer in operation["responses"].items():
            assert found(document, answer)["description"], (where, status)
    for where, part in parts(document["components"]):
        for name, field in part.get("properties", {}).items() if isinstance(part, dict) else ():
            assert field.get("description", "").endswith("."), (where, name)
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"].rstrip().endswith("."), name


@either
def test_descriptions_are_written_for_whoever_reads_json(document: dict[str, Any]) -> None:
    said = [part for where, part in parts(document) if where.endswith(("description", "summary"))]
    texts = [text for text in said if isinstance(text, str)]
    assert len(texts) > 500
    assert not [text for text in texts if re.search(r"\b(None|True|False|datetime|RULES|Python)\b", text)]


@either
def test_whatever_changes_something_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            takes = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
            # A sandbox's clock is moved to a time: twice is once.
            changes = verb in VERBS_THAT_CHANGE and operation["operationId"] != "move_clock"
            assert bool(takes) == changes, (verb, path)
            for each in takes:
                assert (each["in"], each["required"]) == ("header", False)
                replayed = operation["responses"]["201" if "201" in operation["responses"] else "200"]
                assert "Idempotency-Replayed" in replayed["headers"]


@either
def test_whatever_isnt_done_is_answered_with_a_problem(document: dict[str, Any]) -> None:
    for verb, path, operation in operations({**document, "webhooks": {}}):
        statuses = {status for status in operation["responses"] if not status.startswith("2")}
        if path.startswith("/v1/"):
            assert statuses >= {"400", "401", "403", "429", "500", "503"}, (verb, path)
            assert operation["security"][0]["key"][0] in ("read", "propose", "manage", "operate")
        for status in statuses:
            answer = found(document, operation["responses"][status])
            assert answer["content"].keys() == {"application/problem+json"}
            [content] = answer["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in content["examples"].items():
                assert (example["value"]["code"], example["value"]["status"]) == (code, int(status))


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Holds a value against a schema, strictly: nothing that is not documented."""
    components = json.loads(json.dumps(document["components"]["schemas"]))
    for name, each in components.items():
        # A problem has the figures behind its code beside its members.
        if "properties" in each and name != "Problem":
            each["additionalProperties"] = False
    whole = {**schema, "components": {"schemas": components}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


@either
def test_the_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    held = 0
    for _, _, operation in operations(document):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [found(document, answer).get("content", {}) for answer in operation["responses"].values()]
        for content in (each for group in contents for each in group.values()):
            values = [content["example"]] if "example" in content else []
            values += [each["value"] for each in content.get("examples", {}).values()]
            for value in values:
                validator(document, content["schema"]).validate(value)
                held += 1
    assert held > 500


@either
def test_every_body_has_an_example_and_every_operation_an_answer(document: dict[str, Any]) -> None:
    for verb, path, operation in operations({**document, "webhooks": {}}):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        assert not body or "example" in body or body["schema"]["$ref"].endswith("/NoFields"), (verb, path)
        [first] = [answer for status, answer in operation["responses"].items() if status in ("200", "201")]
        assert "example" in first["content"].get("application/json", {"example": None}), (verb, path)


def test_the_examples_are_what_is_answered() -> None:
    story = json.loads(openapi.STORY.read_text(encoding="utf-8"))
    assert openapi.told(story) == story, "run `make openapi`"
    documented = {operation["operationId"] for _, _, operation in operations({**BOTH[1], "webhooks": {}})}
    assert documented - examples().keys() == {"metrics_text"}


def test_a_nullable_field_is_required_in_answers_and_left_out_of_bodies() -> None:
    job = DOCUMENT["components"]["schemas"]["Job"]
    assert job["required"] == list(job["properties"])
    assert job["properties"]["closed_at"]["anyOf"] == [{"type": "string", "format": "date-time"}, {"type": "null"}]
    assert "default" not in job["properties"]["closed_at"]
    new = DOCUMENT["components"]["schemas"]["NewJob"]
    assert new["required"] == ["client_id", "title", "type"]
    assert new["additionalProperties"] is False
    assert new["properties"]["external_id"]["anyOf"] == [
        {"type": "string", "maxLength": 200, "minLength": 1},
        {"type": "null"},
    ]
    change = DOCUMENT["components"]["schemas"]["JobChange"]
    assert change["required"] == []
    # What is left out stays, so null is no way to say so.
    assert change["properties"]["title"]["type"] == "string"


def test_many_proposals_are_a_list_of_proposals() -> None:
    proposals = DOCUMENT["components"]["schemas"]["ManyProposals"]["properties"]["proposals"]
    assert (proposals["items"]["anyOf"][0], proposals["maxItems"]) == (
        {"$ref": "#/components/schemas/ProposalOfMany"},
        1000,
    )
    [content] = DOCUMENT["paths"]["/v1/proposals:batch"]["post"]["requestBody"]["content"].values()
    assert content["schema"] == {"$ref": "#/components/schemas/ManyProposals"}


def test_choices_stand_in_the_order_that_means_something() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["NewKey"]["properties"]["scope"]["enum"] == ["read", "propose", "manage", "operate"]
    assert schemas["Refusal"]["enum"] == [each.value for each in Refusal]


def test_names_are_what_clients_would_call_things() -> None:
    names = DOCUMENT["components"]["schemas"].keys()
    assert {"Account", "Job", "JobPage", "Proposal", "Purchase", "NewAccount", "Problem", "Money"} <= names
    assert not [name for name in names if not re.fullmatch(r"[A-Z][A-Za-z]+", name) or name.endswith("Shown")]
    for _, _, operation in operations(DOCUMENT):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"])


def test_an_action_without_fields_needs_no_body() -> None:
    withdraw = DOCUMENT["paths"]["/v1/proposals/{proposal_id}/withdraw"]["post"]
    assert withdraw["requestBody"]["required"] is False
    assert DOCUMENT["paths"]["/v1/jobs"]["post"]["requestBody"]["required"] is True


def test_times_have_their_format_wherever_they_stand() -> None:
    for where, part in parts(DOCUMENT):
        for name, field in part.get("properties", {}).items() if isinstance(part, dict) else ():
            # null aside
            schema = next((each for each in field.get("anyOf", ()) if each.get("type") != "null"), field)
            if name == "at" or name.endswith(("_at", "_until", "since", "timestamp")):
                assert schema["format"] == "date-time", (where, name)
    [at] = DOCUMENT["paths"]["/v1/accounts/{account_id}/balance"]["get"]["parameters"][1:]
    assert at["schema"] == {"type": "string", "format": "date-time"}


def test_nothing_of_the_machine_stands_in_it() -> None:
    assert not re.search(r"https?://(?!example\.com|json-schema\.org)|localhost|127\.0\.0\.1|/home|/work|/tmp", KEPT)
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_every_kind_of_event_is_documented_with_its_data(market: Marketplace, clock: StandingClock) -> None:
    assert tuple(PAYLOADS) == outbox.KINDS
    market.create_endpoint("https://example.com/earnest")
    happen(market, clock)
    [endpoint] = market.endpoints().items
    told: dict[str, Any] = {}
    cursor = None
    while True:
        page = market.deliveries(endpoint.id, cursor=cursor)
        told |= {each.kind: each.payload for each in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
    # What nothing here brings about is sent with the same data as what does.
    same = {"connects.expiring": "connects.returned", "account.warned": "account.suspended"}
    assert tuple(kind for kind in outbox.KINDS if kind in told or kind in same) == outbox.KINDS
    for kind, payload in told.items():
        [content] = DOCUMENT["webhooks"][kind]["post"]["requestBody"]["content"].values()
        event = {"type": kind, "timestamp": "2024-01-03T09:00:00Z", "data": payload}
        validator(DOCUMENT, content["schema"]).validate(event)
    kind, data = outbox.expiring("acc_1", clock(), 2, 60)
    schema = DOCUMENT["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator(DOCUMENT, schema["properties"]["data"]).validate(json.loads(data))


def happen(market: Marketplace, clock: StandingClock) -> None:
    """Let nearly everything happen that webhooks tell of."""
    ana = market.open_account(kind="individual", plan="plus", name="Ana").id
    dan = market.create_client(name="Dan").id
    jobs = [market.post_job(dan, title="A logo", type="fixed", budget=300_00).id for _ in range(3)]
    sent = [market.submit(job, ana).id for job in jobs]
    market.withdraw(sent[0])
    market.decline(sent[1])
    market.close_job(jobs[1], "cancelled")
    market.hire(sent[2])
    bought = [market.buy(ana, connects).id for connects in (20, 1)]
    market.confirm_purchase(bought[0])
    market.reverse_purchase(bought[0])
    market.reverse_purchase(bought[1])
    late = market.buy(ana, 270).id
    market.grant(ana, 300, reason="so")
    market.confirm_purchase(late)
    market.suspend(ana, reason="so")
    market.lift_suspension(ana)
    market.change_plan(ana, "basic")
    clock.move(days=31)
    market.settle_account(ana)


ADDRESS = re.compile(r"""(?:src|href)=["']([^"']+)["']|url\(["']?([^"')]+)["']?\)""")


def test_the_page_needs_nothing_from_elsewhere(api: Api) -> None:
    page = api.ask("GET", "/schema/", secret=None)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    head = page.text.partition("<body>")[0]
    assert "//" not in head
    addresses = [first or second for first, second in ADDRESS.findall(head)]
    assert len(addresses) == 4
    styles = ""
    for address in addresses:
        answer = api.ask("GET", address, secret=None)
        assert (answer.status_code, len(answer.content) > 500) == (200, True), address
        styles += answer.text if address.endswith(".css") else ""
    wanted = [first or second for first, second in ADDRESS.findall(styles)]
    assert not [address for address in wanted if not address.startswith("data:")]


def test_the_page_is_found_without_its_last_slash(api: Api) -> None:
    assert api.ask("GET", "/schema", secret=None).status_code == 200


def test_a_setting_changes_nothing_of_the_document() -> None:
    settings = Settings(database="postgresql://me@host/name", port=80, workers=4, rate_limit="1/second")
    assert written(make(settings, lambda: None).openapi_schema.to_schema()) == KEPT  # type: ignore[arg-type, return-value]
