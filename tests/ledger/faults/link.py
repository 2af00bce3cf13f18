"""A link between a ledger and PostgreSQL that can be cut, just where a commit goes by."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

HOST = "127.0.0.1"
When = Literal["before", "during", "after", "silent"]

_STARTUP = 196_608
_ANSWERED_BY_ONE_BYTE = (80_877_103, 80_877_104)


class Link:
    """Forwards connections to a server on this machine.

    `cut_at_commits` has the link cut at the next commits: before the server hears of it, while it is committing, or
    after it has committed and before any answer. "silent" cuts nothing: before the server hears of it, nothing comes
    through any more, and the server isn't told when the client hangs up. `down` refuses connections from then on.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._listening = socket.create_server((HOST, 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._cuts: list[When] = []
        self._lock = threading.Lock()
        self.is_up = True
        self._silent: list[socket.socket] = []
        self.cut = 0
        """How often it was cut."""
        self.down_after_cut = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.down()
        # Closing alone leaves whoever accepts waiting.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    @property
    def url(self) -> str:
        """The server's URL by way of the link."""
        port = self._listening.getsockname()[1]
        return urlunsplit(self._server._replace(netloc=f"{self._server.username}@{HOST}:{port}"))

    def cut_at_commits(self, *when: When, and_stay_down: bool = False) -> None:
        with self._lock:
            self._cuts = list(when)
            self.down_after_cut = and_stay_down

    def down(self) -> None:
        self.is_up = False
        for pair in self._pairs:
            _close(*pair)

    def up(self) -> None:
        self.is_up = True

    def hang_up_silent(self) -> None:
        """Tell the server that those are gone whom nobody heard any more."""
        _close(*self._silent)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if not self.is_up:
                    client.close()
                    continue
                assert self._server.port is not None
                try:
                    server = socket.create_connection((HOST, self._server.port))
                except OSError:
                    client.close()
                    continue
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = _Pair(client, server, self._next_cut, self._was_cut, self._silent.append)
                self._pairs.append((client, server))
                threading.Thread(target=pair.ask, daemon=True).start()
                threading.Thread(target=pair.answer, daemon=True).start()

    def _next_cut(self) -> When | None:
        with self._lock:
            return self._cuts.pop(0) if self._cuts else None

    def _was_cut(self) -> None:
        self.cut += 1
        if self.down_after_cut and not self._cuts:
            self.down()


class _Pair:
    """One connection's two ways."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        next_cut: Callable[[], When | None],
        was_cut: Callable[[], None],
        fell_silent: Callable[[socket.socket], None],
    ) -> None:
        self._client, self._server = client, server
        self._next_cut, self._was_cut, self._fell_silent = next_cut, was_cut, fell_silent
        self._statements: dict[bytes, bytes] = {}
        self._mute = threading.Event()
        self._swallow = threading.Event()
        self._silent = False

    def ask(self) -> None:
        with contextlib.suppress(OSError):
            while code := self._start():
                if code == _STARTUP:
                    self._go_on()
                    break
        if self._silent:
            return
        _close(self._client, self._server)

    def _start(self) -> int:
        """Forward a message of those that come before and with the startup, which have no type."""
        head = _exactly(self._client, 8)
        if not head:
            return 0
        length, code = struct.unpack("!ii", head)
        self._server.sendall(head + _exactly(self._client, length - 8))
        assert code == _STARTUP or code in _ANSWERED_BY_ONE_BYTE, "neither encrypted nor a cancellation"
        return int(code)

    def _go_on(self) -> None:
        while head := _exactly(self._client, 5):
            (length,) = struct.unpack("!i", head[1:])
            body = _exactly(self._client, length - 4)
            when = self._next_cut() if self._is_commit(head[:1], body) else None
            if when == "silent":
                self._silent = True
                self._fell_silent(self._server)
                self._was_cut()
                return
            if when == "before":
                # Counted first: whoever is cut off may be done with it before this goes on.
                self._was_cut()
                _close(self._client, self._server)
                return
            if when == "after":
                self._mute.set()
            if when == "during":
                # However fast the server is, its answer comes too late.
                self._swallow.set()
            self._server.sendall(head + body)
            if when == "during":
                # The rest of what says commit: until the client waits for the answer.
                while head and head[:1] != b"S":
                    head = _exactly(self._client, 5)
                    (length,) = struct.unpack("!i", head[1:])
                    self._server.sendall(head + _exactly(self._client, length - 4))
                # Counted first: whoever is cut off may be done with it before this goes on.
                self._was_cut()
                _close(self._client, self._server)
                return

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        first, second = [*body.split(b"\0", 2), b"", b""][:2]
        match kind:
            case b"P":
                self._statements[first] = second
            case b"B":
                return self._statements.get(second) == b"commit"
            case b"Q":
                return first == b"commit"
        return False

    def answer(self) -> None:
        heard = b""
        with contextlib.suppress(OSError):
            while data := self._server.recv(65_536):
                if self._swallow.is_set():
                    continue
                if not self._mute.is_set():
                    self._client.sendall(data)
                    continue
                heard += data
                if b"COMMIT\0" in heard:
                    # Counted first: whoever is cut off may be done with it before this goes on.
                    self._was_cut()
                    _close(self._client, self._server)
                    return
        _close(self._client, self._server)


def _exactly(from_: socket.socket, count: int) -> bytes:
    """Receive so many bytes; none where the connection ends."""
    data = b""
    while len(data) < count:
        more = from_.recv(count - len(data))
        if not more:
            return b""
        data += more
    return data


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
