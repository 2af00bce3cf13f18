"""What Prometheus is told: what requests there were and how long they took, how the ledger, webhooks and sweeps do.

Nothing here bears an id. The hot path looks nothing up but what it has seen before.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from earnest.api.statuses import TITLE
from earnest.ledger.ledger import Ledger
from earnest.relay import Lag, Relay

# A line more for each figure, that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_requests = Counter(
    "earnest_requests",
    "Requests answered, by method, route and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
_durations = Histogram(
    "earnest_request_seconds",
    "How long requests took, from their head to the end of their answer.",
    ["method", "route"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
_refusals = Counter(
    "earnest_refusals", "Requests not done, by the code they were answered.", ["code"], registry=REGISTRY
)
_batch_sizes = Histogram(
    "earnest_batch_requests", "Requests that the ledger did in one transaction.", buckets=_SIZES, registry=REGISTRY
)
_commits = Histogram(
    "earnest_commit_seconds",
    "How long writing and committing a transaction of the ledger took.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
_waiting = Gauge(
    "earnest_waiting_requests",
    "Requests that wait for the ledger's writer.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
_connections = Gauge(
    "earnest_connections", "Connections that clients hold.", registry=REGISTRY, multiprocess_mode="livesum"
)
_turned_away = Counter(
    "earnest_connections_closed", "Connections closed early, by the reason.", ["reason"], registry=REGISTRY
)
_outbox_waiting = Gauge(
    "earnest_outbox_waiting",
    "Webhook deliveries that wait, of endpoints that aren't paused.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)
_outbox_oldest = Gauge(
    "earnest_outbox_oldest_seconds",
    "How long the oldest of them has waited.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)
_deliveries = Counter(
    "earnest_deliveries", "Attempts to deliver a webhook event, by their outcome.", ["outcome"], registry=REGISTRY
)
_sweeps = Counter(
    "earnest_sweeps", "Rounds of writing up what nobody waits for, by their outcome.", ["outcome"], registry=REGISTRY
)
_swept_at = Gauge(
    "earnest_sweep_timestamp_seconds",
    "When the last such round ended well, in Unix time; 0 for never.",
    registry=REGISTRY,
    multiprocess_mode="max",
)
_memory = Gauge(
    "earnest_worker_memory_bytes",
    "Memory that a process which answers holds (its resident set).",
    registry=REGISTRY,
    multiprocess_mode="liveall",
)
_cpu = Gauge(
    "earnest_worker_cpu_seconds", "Processor time that it has used.", registry=REGISTRY, multiprocess_mode="liveall"
)

Known = tuple[Callable[[], None], Callable[[float], None]]

_known: dict[tuple[str, str, int], Known] = {}
"""What counts and what times the requests of a kind, as far as there were any."""


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    known = _known.get((method, route, status))
    if known is None:
        known = _known[method, route, status] = _know(method if method in METHODS else "other", route, status)
    known[0]()
    known[1](seconds)


def _know(method: str, route: str, status: int) -> Known:
    return _requests.labels(method, route, str(status)).inc, _durations.labels(method, route).observe


def refusal(code: str) -> None:
    """Count a request that was not done."""
    _refusals.labels(code if code in TITLE else "other").inc()


def closed(reason: str) -> None:
    """Count a connection that was closed early."""
    _turned_away.labels(reason).inc()


class LedgerMeter:
    """Told by the ledger's writer what it does."""

    def __init__(self) -> None:
        self.batch = _batch_sizes.observe
        self.commit = _commits.observe


def attach(ledger: Ledger) -> None:
    """Have a ledger's writer measured."""
    ledger.measure(LedgerMeter())


class Looks:
    """What is looked at once a second: of a process, its ledger and its relay."""

    def __init__(self, ledger: Ledger, relay: Relay) -> None:
        self._ledger = ledger
        self._relay = relay
        self._seen = {"delivered": 0, "failed": 0, "given_up": 0}

    def look(self) -> None:
        """Take the figures as they are now."""
        _waiting.set(self._ledger.waiting)
        _memory.set(_resident_bytes())
        _cpu.set(time.process_time())
        figures = self._relay.figures
        for outcome, before in self._seen.items():
            now = getattr(figures, outcome)
            _deliveries.labels(outcome).inc(now - before)
            self._seen[outcome] = now


def connections(many: int) -> None:
    """Tell how many connections there are."""
    _connections.set(many)


def outbox(lag: Lag) -> None:
    """Tell how far webhooks are behind."""
    _outbox_waiting.set(lag.waiting)
    _outbox_oldest.set(lag.oldest_seconds)


@contextmanager
def sweeping() -> Iterator[None]:
    """Count a round of writing up."""
    try:
        yield
    except Exception:
        _sweeps.labels("failed").inc()
        raise
    _sweeps.labels("done").inc()
    _swept_at.set(time.time())


def text() -> bytes:
    """Return the figures of all processes of this server, in Prometheus's text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE


_PAGE = os.sysconf("SC_PAGE_SIZE")

if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # Of several processes, the figures of the one that happens to answer would only mislead.
    ProcessCollector(registry=REGISTRY)
    GCCollector(registry=REGISTRY)
