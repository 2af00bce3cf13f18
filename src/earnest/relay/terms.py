"""On what terms events are sent: how long is waited for what, and how much is done at once."""

import random

import msgspec

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86_400.0


class Terms(msgspec.Struct, frozen=True):
    """All durations are in seconds.

    An event is given up once it has failed after the last of `pauses`. These are longer together than
    `pause_after`, so an endpoint that takes nothing at all is paused before anything is given up.
    """

    allow_private: bool = False
    """Whether plain http and addresses of private networks may be called: for tests and development."""

    timeout: float = 10.0
    """How long an answer is waited for, from the look-up of the name on."""

    pauses: tuple[float, ...] = (
        5 * SECOND,
        30 * SECOND,
        2 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
        1 * HOUR,
        2 * HOUR,
        4 * HOUR,
        8 * HOUR,
        12 * HOUR,
        24 * HOUR,
        24 * HOUR,
    )
    """How long an event rests after each failure in turn; up to a fifth longer, so that not all come back at once."""

    failures_in_a_row: int = 5
    """After how many an endpoint is taken to be down, and tried with one event at a time."""

    probe_pause: float = 5 * SECOND
    longest_probe_pause: float = 15 * MINUTE
    """How long an endpoint that is down rests after each failure: the first, doubled each time, and at most."""

    longest_asked_pause: float = 24 * HOUR
    """For how long at most an event rests because a receiver asked for it (Retry-After)."""

    pause_after: float | None = 3 * DAY
    """After how long without a success an endpoint that fails is paused; None for never."""

    poll: float = 0.5
    """How often new events and changed endpoints are looked for."""

    lease: float = 40.0
    """How long another process waits before it takes over from one that was killed."""

    stop: float = 5.0
    """How long what is under way is waited for in the end."""

    turn: float = 2.0
    """How long is sent before what came of it is written down."""

    page: int = 200
    """How many events are read, and at most written down, at once."""

    at_once: int = 32
    """Requests under way to one endpoint."""


def jitter(seconds: float) -> float:
    """Return a pause up to a fifth longer, by chance."""
    return seconds * (1 + random.random() / 5)  # noqa: S311 - only so that not all come at once
