"""Running the server: in this process, or in several that this one starts and looks after.

The first SIGTERM or SIGINT stops it with exit code 0: nobody new is let in, whoever waits is answered. A second one
ends it at once; what was acknowledged is on the disk all the same.
"""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from earnest.api import logs
from earnest.settings import Settings

APPLICATION = "earnest.main:create"
PROTOCOL = "earnest.api.http:Protocol"
BACKLOG = 2048
WORKER_STARTS_SECONDS = 60.0
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"

Tell = Callable[[], None]


def run(settings: Settings, listener: socket.socket, tell: Tell) -> int:
    """Serve on a socket until stopped; return the exit code. `tell` is called when requests are answered."""
    logs.configure(settings.log_level)
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        loop="uvloop",
        http=PROTOCOL,
        ws="none",
        lifespan="on",
        interface="asgi3",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.idle_seconds,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    if settings.workers == 1:
        os.environ.pop(MULTIPROCESS, None)
        server = _Server(config, tell)
        server.run([listener])
        return 0 if server.started else uvicorn.config.STARTUP_FAILURE
    folder = tempfile.mkdtemp(prefix="earnest-metrics-")
    os.environ[MULTIPROCESS] = folder
    try:
        workers = _Workers(config, listener, tell)
        workers.run()
        return 0 if workers.stopped_by_signal else uvicorn.config.STARTUP_FAILURE
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Server(uvicorn.Server):
    """The server of a single process."""

    def __init__(self, config: uvicorn.Config, tell: Tell) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._tell()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop; the second time end at once."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True


class _Workers(Multiprocess):
    """The processes that answer, and the one that starts them again when they die."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, tell: Tell) -> None:
        self.stopped_by_signal = False
        super().__init__(config, [listener])
        self._tell = tell
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, number: int, _: FrameType | None) -> None:
        if self.stopped_by_signal:
            for process in self.processes:
                process.process.kill()
            shutil.rmtree(os.environ[MULTIPROCESS], ignore_errors=True)
            os._exit(128 + number)
        self.stopped_by_signal = True
        self.should_exit.set()

    def init_processes(self) -> None:
        """Start all of them, and say when all answer."""
        super().init_processes()
        until = time.monotonic() + WORKER_STARTS_SECONDS
        if all(each.wait_until_ready(until - time.monotonic(), self.should_exit) for each in self.processes):
            self._tell()

    def terminate_all(self) -> None:
        """Have all of them stop; who would come in now is refused instead of waiting in vain."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        """Start those again that have died."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            _forget(pid)


def _forget(pid: int | None) -> None:
    """Leave a dead process out of the figures of those that live."""
    from prometheus_client.multiprocess import mark_process_dead

    if pid is not None:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
