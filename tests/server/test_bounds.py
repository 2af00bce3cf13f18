"""What a stranger can't do: hold a connection for nothing, send without end, or crash the parser."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import PATIENCE, Running, Serve, until

BODY_BYTES = 100_000
SECONDS = 1


@pytest.fixture(scope="module")
def server(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server of little patience."""
    return serve_all(
        f"sqlite:///{tmp_path_factory.mktemp('bounds')}/one.db",
        EARNEST_REQUEST_SECONDS=str(SECONDS),
        EARNEST_IDLE_SECONDS="2",
        EARNEST_BODY_BYTES=str(BODY_BYTES),
        EARNEST_BATCH_BODY_BYTES=str(5 * BODY_BYTES),
    )


class Line:
    """A connection on which anything can be sent."""

    def __init__(self, server: Running) -> None:
        self._socket = socket.create_connection(server.address, PATIENCE)

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_last(self, data: bytes) -> None:
        """Send something, and in the same packet that nothing more comes; but go on reading."""
        self._socket.sendall(data, socket.MSG_MORE)
        self.end()

    def offer(self, pieces: Iterator[bytes]) -> bool:
        """Send until the server closes; return whether it did."""
        try:
            for piece in pieces:
                self.send(piece)
        except OSError:
            return True
        return False

    def end(self) -> None:
        """Send nothing more, but go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def some(self) -> bytes:
        """What comes next."""
        return self._socket.recv(65_536)

    def rest(self) -> bytes:
        """Everything that comes until the server closes."""
        pieces = []
        while piece := self._socket.recv(65_536):
            pieces.append(piece)
        return b"".join(pieces)


def post(server: Running, *headers: str, path: str = "/v1/clients") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: here", f"authorization: Bearer {server.key}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answered(data: bytes) -> tuple[int, dict[str, Any]]:
    """The status and the problem of an answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head, data
    return int(head.split()[1]), json.loads(body)


def asked(server: Running, data: bytes) -> tuple[int, dict[str, Any]]:
    with Line(server) as line:
        line.send(data)
        return answered(line.rest())


@pytest.mark.parametrize("begun", [b"G", b"\r\n", b"GET /v1/jobs HTTP/1.1\r\nhost: here\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(server: Running, begun: bytes) -> None:
    began = time.monotonic()
    status, problem = asked(server, begun)
    assert (status, problem["code"]) == (408, "request_timeout")
    assert time.monotonic() - began < SECONDS + 5


def test_a_head_that_drips_is_not_waited_for(server: Running) -> None:
    with Line(server) as line:
        line.send(b"GET /v1/jobs HTTP/1.1\r\n")
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() < began + PATIENCE:
                line.send(b"x: y\r\n")
                time.sleep(0.05)
        assert time.monotonic() - began < SECONDS + 5


@pytest.mark.parametrize("size", ["content-length: 100", "transfer-encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(server: Running, size: str) -> None:
    status, problem = asked(server, post(server, size))
    assert (status, problem["code"]) == (408, "request_timeout")
    assert not [line for line in server.lines() if line["level"] == "error"]


def test_a_connection_that_says_nothing_is_closed(server: Running) -> None:
    with Line(server) as line:
        assert line.rest() == b""


def test_a_connection_that_asks_nothing_more_is_closed(server: Running) -> None:
    with Line(server) as line:
        line.send(b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n")
        assert line.rest().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 70_000,
        b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"x: aaaaaaa\r\n" * 7_000 + b"\r\n",
    ],
)
def test_a_head_that_is_too_large_is_refused(server: Running, head: bytes) -> None:
    status, problem = asked(server, head)
    assert (status, problem["code"]) == (431, "head_too_large")


def test_a_large_body_behind_a_small_head_is_no_large_head(server: Running) -> None:
    body = json.dumps({"name": "Dan", "external_id": "x" * 70_000}).encode()
    with Line(server) as line:
        line.send(post(server, f"content-length: {len(body)}", "connection: close") + body)
        status, problem = answered(line.rest())
    assert (status, problem["field"]) == (400, "external_id")


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: here\r\n\r\n",
        b"GET http://here HTTP/1.1\r\nhost: here\r\n\r\n",
        b"CONNECT here:443 HTTP/1.1\r\nhost: here\r\n\r\n",
        b"POST /v1/clients HTTP/1.1\r\nhost: here\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/clients HTTP/1.1\r\nhost: here\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /v1/clients HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_told_so(server: Running, sent: bytes) -> None:
    with Line(server) as line:
        line.send(sent)
        # Whoever sends no key may be told that first.
        status, problem = answered(line.rest().rpartition(b"HTTP/1.1 4")[2].join([b"HTTP/1.1 4", b""]))
    assert (status, problem["code"]) in ((400, "malformed"), (401, "unauthorized"))


def test_a_request_is_answered_before_the_garbage_behind_it(server: Running) -> None:
    with Line(server) as line:
        line.send(post(server, "content-length: 14") + b'{"name":"Dan"}' + b"garbage\r\n\r\n")
        answer = line.rest()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_requests_sent_at_once_are_answered_in_their_order(server: Running) -> None:
    with Line(server) as line:
        line.send(post(server, "content-length: 14") + b'{"name":"Dan"}')
        line.send(b"GET /nothing HTTP/1.1\r\nhost: here\r\n\r\n")
        line.send(b"GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        answer = line.rest()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"201", b"404", b"200"]


@pytest.mark.parametrize(
    ("headers", "pieces"),
    [
        (["content-length: 1000000000"], [b"{"]),
        (["content-length: 1000000000", "expect: 100-continue"], []),
        (["transfer-encoding: chunked"], [b"10000\r\n" + b" " * 0x10000 + b"\r\n"] * 3),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_there(
    server: Running, headers: list[str], pieces: list[bytes]
) -> None:
    with Line(server) as line:
        line.send(post(server, *headers))
        for piece in pieces:
            line.send(piece)
        status, problem = answered(line.rest())
    assert (status, problem["code"]) == (413, "body_too_large")


def test_a_connection_lives_on_whose_large_body_came_to_its_end(server: Running) -> None:
    body = b" " * (BODY_BYTES + 1)
    with Line(server) as line:
        line.send(post(server, f"content-length: {len(body)}") + body)
        line.send(b"GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        answer = line.rest()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"413", b"200"]


def test_a_batch_may_be_larger_up_to_a_bound_of_its_own(server: Running) -> None:
    letter = "x" * (BODY_BYTES // 10)
    many = [{"job_id": "job_1", "account_id": "acc_1", "cover_letter": letter}] * 20
    answer = server.post("/v1/proposals:batch", {"proposals": many})
    assert answer.status_code == 200, answer.text
    assert server.post("/v1/proposals:batch", {"proposals": many * 3}).status_code == 413


MB = 1_000_000
CHUNKED = "transfer-encoding: chunked"
NAMED = b'{"name":"Dan"}'
ONE_CHUNK = b"e\r\n" + NAMED + b"\r\n"
ENDLESS = {
    "trailer fields": (ONE_CHUNK + b"0\r\n", b"A: %b\r\n" % (b"x" * 990) * 100),
    "a trailer's value": (ONE_CHUNK + b"0\r\nA: ", b"x" * 100_000),
    "a trailer's name": (ONE_CHUNK + b"0\r\n", b"x" * 100_000),
    "a chunk's extension": (ONE_CHUNK + b"1;x=", b"x" * 100_000),
}


def memory(server: Running) -> int:
    """What the server's process takes, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def patient(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server that doesn't close because of the time."""
    return serve_all(f"sqlite:///{tmp_path_factory.mktemp('patient')}/one.db")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("endless", ENDLESS)
def test_a_body_that_goes_on_without_a_part_of_it_is_broken_off(patient: Running, endless: str, known: bool) -> None:
    begun, more = ENDLESS[endless]
    head = post(patient, CHUNKED)
    if not known:
        head = head.replace(patient.key.encode(), b"nobody")
    before = memory(patient)
    with Line(patient) as line:
        line.send(head + begun)
        assert line.offer(repeat(more, 50 * MB // len(more)))
    assert memory(patient) - before < 8 * MB
    assert not [line for line in patient.lines() if line["level"] == "error"]


def test_a_trailer_that_is_too_large_is_refused(patient: Running) -> None:
    with Line(patient) as line:
        # Told to continue, it has taken this much; all that comes from here on is the trailer.
        line.send(post(patient, CHUNKED, "expect: 100-continue") + ONE_CHUNK + b"0\r\n")
        assert line.some().startswith(b"HTTP/1.1 100 ")
        line.send(b"A: " + b"x" * 65_536)
        status, problem = answered(line.rest())
    assert (status, problem["code"]) == (431, "head_too_large")


def test_who_has_an_answer_gets_no_second_one_for_a_trailer(patient: Running) -> None:
    with Line(patient) as line:
        line.send(
            b"POST /v1/clients HTTP/1.1\r\nhost: here\r\n" + CHUNKED.encode() + b"\r\n\r\n" + ONE_CHUNK + b"0\r\n"
        )
        assert line.some().startswith(b"HTTP/1.1 401 ")
        line.send(b"A: " + b"x" * 65_536)
        assert b"HTTP/1.1" not in line.rest()


@pytest.mark.parametrize("sent", [b"authorization: Bearer KEY", b"a: b\r\nAuthorization: Bearer KEY"])
def test_a_key_behind_the_body_is_none(patient: Running, sent: bytes) -> None:
    head = b"POST /v1/clients HTTP/1.1\r\nhost: here\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    trailer = sent.replace(b"KEY", patient.key.encode())
    with Line(patient) as line:
        line.send(head + ONE_CHUNK + b"0\r\n" + trailer + b"\r\n\r\n")
        status, problem = answered(line.rest())
    assert (status, problem["code"]) == (401, "unauthorized")


def test_an_idempotency_key_behind_the_body_is_none(patient: Running) -> None:
    request = post(patient, CHUNKED, "connection: close") + ONE_CHUNK + b"0\r\nidempotency-key: once\r\n\r\n"
    answers = []
    for _ in range(2):
        with Line(patient) as line:
            line.send(request)
            answers.append(line.rest())
    assert all(answer.startswith(b"HTTP/1.1 201 ") for answer in answers)
    assert not any(b"idempotency-replayed" in answer.lower() for answer in answers)


def test_a_small_trailer_is_passed_over(patient: Running) -> None:
    request = post(patient, CHUNKED) + ONE_CHUNK + b"0\r\nchecksum: 1\r\n\r\n"
    with Line(patient) as line:
        line.send(request * 2)
        line.send(b"GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        answer = line.rest()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"200"]


@pytest.mark.parametrize("chunk_bytes", [1_000, 100_000, 15 * MB])
def test_a_large_body_comes_in_chunks_of_any_size(patient: Running, chunk_bytes: int) -> None:
    letter = "x" * 15_000
    many = [{"job_id": "job_1", "account_id": "acc_1", "cover_letter": letter}] * 990
    body = json.dumps({"proposals": many}).encode()
    pieces = [body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes)]
    with Line(patient) as line:
        line.send(post(patient, CHUNKED, "connection: close", path="/v1/proposals:batch"))
        for piece in pieces:
            line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        line.send(b"0\r\n\r\n")
        assert line.rest().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("times", [1, 3])
def test_who_sends_nothing_more_is_answered_still(patient: Running, times: int) -> None:
    with Line(patient) as line:
        line.send_last((post(patient, f"content-length: {len(NAMED)}") + NAMED) * times)
        answer = line.rest()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"201"] * times
    assert answer.count(b"connection: close") == 1


def test_what_is_whole_is_answered_before_what_never_will_be(patient: Running) -> None:
    with Line(patient) as line:
        line.send(post(patient, f"content-length: {len(NAMED)}") + NAMED + b"GET /healthz HT")
        line.end()
        answer = line.rest()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"201"]


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HT", b"POST /v1/clients HTTP/1.1\r\nhost: here\r\n"])
def test_who_ends_within_a_request_is_not_answered(patient: Running, begun: bytes) -> None:
    with Line(patient) as line:
        line.send(begun)
        line.end()
        assert line.rest() == b""


def test_who_ends_within_a_body_is_not_answered(patient: Running) -> None:
    with Line(patient) as line:
        line.send(post(patient, "content-length: 100") + b"{")
        line.end()
        assert line.rest() == b""


def test_who_does_not_read_the_answer_is_let_go(server: Running) -> None:
    with Line(server) as line:
        # More than any buffer on the way takes.
        line.send(b"GET /schema/openapi.json HTTP/1.1\r\nhost: here\r\n\r\n" * 400)
        until(lambda: closed(server, "not read") > 0, "it is let go")


def closed(server: Running, reason: str) -> float:
    name = f'earnest_connections_closed_total{{reason="{reason}"}} '
    found = [line for line in server.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(found[0].removeprefix(name)) if found else 0.0


@pytest.fixture
def crowded(serve: Serve, tmp_path: Any) -> Running:
    return serve(f"sqlite:///{tmp_path}/one.db", key=False, EARNEST_CONNECTIONS="3")


def test_no_more_connections_are_taken_than_are_set(crowded: Running) -> None:
    with Line(crowded) as first, Line(crowded), Line(crowded):
        with Line(crowded) as one_more:
            assert one_more.rest() == b""
        first.send(b"GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        assert first.rest().startswith(b"HTTP/1.1 200 ")
    until(lambda: crowded.get("/healthz").status_code == 200, "there is room again")


def test_who_sends_too_slowly_does_not_hold_up_the_end(serve: Serve, tmp_path: Any) -> None:
    server = serve(f"sqlite:///{tmp_path}/one.db", EARNEST_STOP_SECONDS="1")
    with Line(server) as head, Line(server) as body, Line(server) as unread:
        head.send(b"GET /healthz HT")
        body.send(post(server, "content-length: 100"))
        unread.send(b"GET /schema/openapi.json HTTP/1.1\r\nhost: here\r\n\r\n" * 400)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8
