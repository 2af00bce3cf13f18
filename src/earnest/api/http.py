"""HTTP itself, within bounds: how long a request may take to arrive, how large its head may be, how many may connect.

uvicorn parses and answers; here stands what it lacks. Whoever sends too slowly, or nothing at all, or doesn't read
what they are answered, is let go of. One look over all connections a few times a second does that, so that a request
costs no timer.
"""

import asyncio
import logging
from typing import Any, cast
from weakref import WeakKeyDictionary

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from earnest.api import metrics
from earnest.api.observed import Observed
from earnest.api.problems import MEDIA_TYPE, problem
from earnest.rules.outcome import Refusal

HEAD_BYTES = 65_536
"""The largest head of a request."""

LINGER_SECONDS = 2.0
"""How long the rest of a request is still taken that was answered before it had arrived."""

LOOK_SECONDS = 0.5

# Anybody may send what is no HTTP, as often as they like; the metrics count it.
_log = logging.getLogger("earnest.connection")
_log.setLevel(logging.ERROR)

NEVER = float("inf")


class Protocol(HttpToolsProtocol):
    """One connection. `let_go_at` is when it is given up, by the loop's clock, if nothing happens before."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _log
        self._observed = cast(Observed, config.loaded_app)
        self._request_seconds = self._observed.settings.request_seconds
        self._arrives = False
        """Whether a part of a request has come, and not yet all of it."""
        self._head_bytes = 0
        """What has come of a head; -1 once it is whole."""
        self._between_bytes = 0
        """What has come of a body since its last part: the lines between chunks, or the trailer."""
        self._broken = False
        self.let_go_at = NEVER

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, unless there are too many."""
        settings = self._observed.settings
        if len(self.connections) >= settings.connections:
            metrics.closed("too many")
            self.transport = cast(asyncio.Transport, transport)
            self.transport.close()
            self._broken = True
            return
        super().connection_made(cast(asyncio.Transport, transport))
        self.let_go_at = self.loop.time() + settings.idle_seconds
        metrics.connections(len(self.connections))
        _Looks.over(self.server_state, self.loop).begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        metrics.connections(len(self.connections))

    def data_received(self, data: bytes) -> None:
        """Read on, within bounds."""
        if self._broken:
            return
        if not self._arrives:
            self._arrives = True
            self._head_bytes = 0
            self.let_go_at = self.loop.time() + self._request_seconds
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        else:
            self._between_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES and not self._broken:
            self._break_off(431, problem("head_too_large", 431, _TOO_LARGE))
        elif self._between_bytes > HEAD_BYTES and not self._broken:
            self._trails_on()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio allows it, uvicorn says None
        """Answer what was asked, if it is whole, though nothing more comes; return whether there is such a thing."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        # Whoever has gone altogether looks the same, so that it isn't waited for without end.
        cycle.keep_alive = False
        self._arrives = False
        self._lingers(self._observed.settings.idle_seconds)
        return True

    def pause_writing(self) -> None:
        """Wait for the client to read, for a while."""
        super().pause_writing()
        self.let_go_at = self.loop.time() + self._request_seconds

    def resume_writing(self) -> None:
        """Go on: it reads."""
        super().resume_writing()
        if not self.transport.is_closing():
            self.let_go_at = self.loop.time() + self._request_seconds if self._arrives else NEVER

    # The parser's calls

    def on_headers_complete(self) -> None:
        """Have the request answered, unless its head is too large."""
        if self._head_bytes > HEAD_BYTES and self._head_size() > HEAD_BYTES:
            # The parser ends here, and so does the connection.
            raise ValueError(_TOO_LARGE)
        self._head_bytes = -1
        super().on_headers_complete()
        # What is still appended is the trailer, and that says nothing: the application has the list from before.
        self.headers = _NOWHERE

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._between_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Know that the request is there; what comes now is another one."""
        self._arrives = False
        self._between_bytes = 0
        self.let_go_at = NEVER
        if self.cycle.response_complete:
            # Answered before it was whole, so nothing else waits for the next one.
            self.let_go_at = self.loop.time() + self._observed.settings.idle_seconds
        super().on_message_complete()

    def on_message_begin(self) -> None:
        """Begin another request: it may come in the same piece as the end of the one before."""
        if not self._arrives:
            self._arrives = True
            self._head_bytes = 0
            self.let_go_at = self.loop.time() + self._request_seconds
        super().on_message_begin()

    # uvicorn's calls

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._lingers(self._request_seconds)
        elif self._arrives and self.cycle.more_body:
            # Answered early: a client that was promised nothing sends nothing, any other has a moment to stop.
            if self.expect_100_continue:
                self.transport.close()
            self._lingers(LINGER_SECONDS)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer what is no HTTP, or too much of it."""
        if self._head_bytes > HEAD_BYTES:
            self._break_off(431, problem("head_too_large", 431, _TOO_LARGE))
        else:
            detail = "request: expected HTTP/1.1"
            self._break_off(400, problem(Refusal.MALFORMED, 400, detail, field="request", expected="HTTP/1.1"))

    def shutdown(self) -> None:
        """Stop: what is under way is answered."""
        self._observed.stop_soon()
        super().shutdown()
        if self.transport.is_closing():
            self._lingers(self._request_seconds)

    def timeout_keep_alive_handler(self) -> None:
        """Close what nothing more is asked on."""
        super().timeout_keep_alive_handler()
        self._lingers(LINGER_SECONDS)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: anybody may ask for anything."""

    # Letting go

    def _break_off(self, status: int, members: dict[str, object]) -> None:
        """Answer a request that will never be whole, and close; but first answer those that came before it."""
        self._broken = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
            self.let_go_at = NEVER
            return
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body = msgspec.json.encode(members)
            head = [STATUS_LINE[status]]
            head += [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
            head.append(b"content-type: %b\r\ncontent-length: %d\r\n" % (MEDIA_TYPE.encode(), len(body)))
            head.append(b"connection: close\r\n\r\n")
            self.transport.write(b"".join(head) + body)
            metrics.refusal(str(members["code"]))
            if status != 408:
                metrics.closed("no request")
        if cycle is not None and not cycle.response_complete:
            # Whoever waits for the rest learns that it doesn't come, and answers nobody.
            cycle.disconnected = True
            cycle.message_event.set()
        self._close()

    def _trails_on(self) -> None:
        """Break off a request whose body goes on without a part of it; it has at most one answer, in its turn."""
        if self.cycle.response_complete or self.pipeline:
            self._broken = True
            metrics.closed("no request")
            self._close()
        else:
            self._break_off(431, problem("head_too_large", 431, _TRAILS_ON))

    def _close(self) -> None:
        """Close; a client that doesn't read what is still to be sent is cut off after a while."""
        self.transport.close()
        self._lingers(LINGER_SECONDS)

    def _lingers(self, seconds: float) -> None:
        self.let_go_at = min(self.let_go_at, self.loop.time() + seconds)

    def look(self, now: float) -> None:
        """Give the connection up if it is time."""
        if now < self.let_go_at:
            return
        if self.transport.is_closing() or self.flow.write_paused:
            metrics.closed("not read")
            self.transport.abort()
        elif not self._arrives:
            metrics.closed("idle")
            self.transport.close()
        elif self.flow.read_paused:
            # It isn't the client who is slow.
            self.let_go_at = now + self._request_seconds
        elif self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            # A part of the next request has come while this one is still being answered.
            self.let_go_at = now + self._request_seconds
        else:
            metrics.closed("slow")
            if self.cycle is not None and self.cycle.more_body and self.cycle.response_complete:
                self._close()
            else:
                detail = f"expected the whole request within {self._request_seconds:g} s of its first byte"
                self._break_off(408, problem("request_timeout", 408, detail))


_TOO_LARGE = f"expected at most {HEAD_BYTES:,} bytes of address and header fields"
_TRAILS_ON = f"expected at most {HEAD_BYTES:,} bytes between the chunks of a body, and of trailer fields behind them"


class _Nowhere(list[tuple[bytes, bytes]]):
    """Where header fields go that nobody reads."""

    def append(self, _: tuple[bytes, bytes], /) -> None:
        """Keep nothing."""


_NOWHERE = _Nowhere()


class _Looks:
    """Looks over the connections of a server, as long as there are any."""

    def __init__(self, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self._connections = cast("set[Protocol]", server.connections)
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def over(cls, server: ServerState, loop: asyncio.AbstractEventLoop) -> "_Looks":
        """Return the one for a server."""
        looks = _LOOKS.get(server)
        if looks is None:
            looks = _LOOKS[server] = cls(server, loop)
        return looks

    def begin(self) -> None:
        """Look now and then from here on."""
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for connection in list(self._connections):
            connection.look(now)
        if self._connections:
            self.begin()


_LOOKS: "WeakKeyDictionary[ServerState, _Looks]" = WeakKeyDictionary()
