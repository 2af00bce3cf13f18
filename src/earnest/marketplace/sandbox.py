"""A sandbox's clock, as whoever tries things out moves it."""

from datetime import UTC, datetime

from earnest.ledger.errors import SandboxError
from earnest.ledger.ledger import Ledger
from earnest.ledger.sandbox import SandboxClock
from earnest.marketplace.given import instant
from earnest.marketplace.shown import ClockShown
from earnest.rules.calendar import told
from earnest.rules.outcome import Refusal, Refused


async def sandbox_clock(ledger: Ledger) -> ClockShown:
    """Show a sandbox's clock. Raises SandboxError where the marketplace is real."""
    return ClockShown(_clock(ledger)())


LAST = datetime(8500, 1, 1, tzinfo=UTC)
"""Before what a sandbox's clock stands: what it shows of the years to come must still be times."""


async def move_clock(ledger: Ledger, now: datetime) -> ClockShown | Refused:
    """Move a sandbox's clock forward; whatever falls due till then is due at once. Twice is once.

    Refused as `clock_behind` for an earlier time than it stands at. Raises SandboxError where the marketplace is real.
    """
    clock = _clock(ledger)
    to = instant("now", now)
    assert to is not None, "a time is given"  # noqa: S101
    if to >= LAST:
        raise ValueError(f"now: expected a time before {LAST.year}")
    if not await clock.move(to):
        return Refused(Refusal.CLOCK_BEHIND, {"now": told(clock())})
    return ClockShown(clock())


def _clock(ledger: Ledger) -> SandboxClock:
    if ledger.sandbox is None:
        raise SandboxError("the marketplace is real: it has no clock of its own")
    return ledger.sandbox
