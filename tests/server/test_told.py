"""What a server tells of itself: its log and its metrics, and what they never tell."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.running import Running, Serve, until

LETTER = "I drew three logos for bakeries, call me at Sesame Street"


@pytest.fixture(scope="module")
def server(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    return serve_all(f"sqlite:///{tmp_path_factory.mktemp('told')}/one.db")


def last_access(server: Running, request_id: str) -> dict[str, object]:
    """The line of a request, which is written after its answer."""
    lines = until(
        lambda: [line for line in server.lines() if line.get("request_id") == request_id], f"{request_id} is logged"
    )
    return dict(lines[-1])


def test_each_request_is_a_line_with_its_id(server: Running) -> None:
    account = server.made("/v1/accounts", kind="individual", plan="basic", name="Ana", external_id="ana@example.org")
    answer = server.get("/v1/accounts/ext:ana@example.org?at=x", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["X-Request-Id"] == "mine-1"
    line = last_access(server, "mine-1")
    assert (line["method"], line["route"], line["path"]) == ("GET", "/v1/accounts/{account_id}", "/v1/accounts/ext:…")
    assert (line["status"], line["code"], line["level"]) == (400, "malformed", "info")
    assert re.fullmatch("key_[0-9a-f]{32}", str(line["key_id"]))
    assert isinstance(line["milliseconds"], float)
    assert line["bytes"] == len(answer.content)
    assert server.get(f"/v1/accounts/{account['id']}").status_code == 200
    assert "ana@example.org" not in server.log()


@pytest.mark.parametrize("unfit", ["", "a b", "x" * 65, "ä".encode().decode("latin1"), '"}'])
def test_an_id_that_is_none_is_replaced(server: Running, unfit: str) -> None:
    answer = server.get("/healthz", headers={"X-Request-Id": unfit.encode("latin1")})
    assert re.fullmatch("[0-9a-f]{12}-[0-9a-f]+", answer.headers["X-Request-Id"])


def test_each_request_without_an_id_gets_another(server: Running) -> None:
    assert len({server.get("/healthz").headers["X-Request-Id"] for _ in range(5)}) == 5


def test_what_leads_nowhere_is_not_repeated(server: Running) -> None:
    assert server.get(f"/{server.key}", headers={"X-Request-Id": "lost"}).status_code == 404
    assert "path" not in last_access(server, "lost")


def test_nothing_that_was_sent_is_in_the_log(server: Running) -> None:
    letter = {"account_id": "acc_1", "cover_letter": LETTER}
    asked = (
        server.post("/v1/jobs/job_1/proposals", letter),
        server.post("/v1/jobs/job_1/proposals", {**letter, "bid": LETTER}),
        server.post("/v1/jobs/job_1/proposals", {**letter, LETTER: 1}),
        server.post("/v1/jobs/job_1/proposals", {**letter, "cover_letter": LETTER * 5_000}),
        server.post("/v1/proposals:batch", {"proposals": [letter, {"bid": LETTER}]}),
        server.client.post("/v1/jobs/job_1/proposals", content=f'{{"cover_letter": "{LETTER}'.encode()),
        server.get("/v1/jobs", params={"limit": LETTER}),
        server.get("/v1/jobs", headers={"Authorization": f"Bearer {LETTER}"}),
        server.get("/v1/jobs", headers={"Idempotency-Key": LETTER}),
        server.client.post("/v1/accounts", json={"kind": LETTER, "plan": "basic", "name": "Ana Ananas"}),
    )
    for answer in asked:
        last_access(server, answer.headers["X-Request-Id"])
    log = server.log()
    assert "Sesame" not in log
    assert "Ananas" not in log
    assert server.key not in log
    assert server.key.rpartition("_")[2] not in log


def figures(server: Running) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = server.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_count_what_was_done(server: Running) -> None:
    before = figures(server)
    clients = [server.made("/v1/clients", name="Dan") for _ in range(3)]
    assert server.get(f"/v1/clients/{clients[0]['id'][:-1]}x").status_code == 404
    server.client.request("BREW", "/v1/clients")
    after = figures(server)

    def more(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0.0)

    assert more("earnest_requests_total", method="POST", route="/v1/clients", status="201") == 3
    assert more("earnest_request_seconds_count", method="POST", route="/v1/clients") == 3
    assert more("earnest_refusals_total", code="unknown_client") == 1
    assert more("earnest_batch_requests_sum") >= 3
    assert more("earnest_commit_seconds_count") >= 1
    assert after["earnest_waiting_requests", ()] == 0
    assert after["earnest_outbox_waiting", ()] == 0
    assert after["earnest_connections", ()] >= 1
    assert after["earnest_worker_memory_bytes", ()] > 10_000_000
    until(lambda: figures(server).get(("earnest_sweeps_total", (("outcome", "done"),))), "it has swept")


def test_the_metrics_tell_no_ids_and_are_all_written_down(server: Running) -> None:
    made = server.made("/v1/clients", name="Dan")
    server.get(f"/v1/clients/{made['id']}")
    text = server.get("/metrics").text
    assert made["id"] not in text
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    ours = set(re.findall(r"^# TYPE (earnest_\w+) ", text, re.MULTILINE))
    assert ours == set(re.findall(r"^\| `(earnest_\w+)` ", page, re.MULTILINE))


@pytest.fixture
def silent(serve: Serve, tmp_path: Path) -> Running:
    return serve(f"sqlite:///{tmp_path}/one.db", EARNEST_ACCESS_LOG="false", EARNEST_LOG_LEVEL="warning")


def test_the_log_can_be_silent(silent: Running) -> None:
    assert silent.get("/v1/jobs").headers["X-Request-Id"]
    assert silent.stop() == 0
    assert silent.log() == ""
