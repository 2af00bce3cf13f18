"""A sandbox's clock, as whoever tries things out moves it."""

from datetime import datetime

from earnest.ledger.errors import SandboxError
from earnest.ledger.ledger import Ledger
from earnest.marketplace.given import instant
from earnest.marketplace.shown import ClockShown
from earnest.rules.outcome import Refusal, Refused


async def move_clock(ledger: Ledger, now: datetime) -> ClockShown | Refused:
    """Move a sandbox's clock forward; whatever falls due till then is due at once. Twice is once.

    Refused as `clock_behind` for an earlier time than it stands at. Raises SandboxError where the marketplace is real.
    """
    clock = ledger.sandbox
    if clock is None:
        raise SandboxError("the marketplace is real: its clock can't be moved")
    to = instant("now", now)
    assert to is not None, "a time is given"  # noqa: S101
    if not await clock.move(to):
        return Refused(Refusal.CLOCK_BEHIND, {"now": clock().isoformat()})
    return ClockShown(clock())
