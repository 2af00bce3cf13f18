"""Whether an endpoint seems to be up, from how the last attempts went.

One that is up is told of many accounts' events at once. One that is down is tried with one event at a time, after
pauses that grow, so that it is not run over by all its accounts the moment it comes back.
"""

from earnest.relay.terms import Terms, jitter

EVER = float("-inf")


class Health:
    """An endpoint's, as its courier remembers it. Times are the event loop's."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._failures = 0
        self._pause = terms.probe_pause
        self.rests_until = EVER

    @property
    def is_down(self) -> bool:
        """Whether so many attempts have failed in a row that it is tried with one at a time."""
        return self._failures >= self._terms.failures_in_a_row

    def reset(self) -> None:
        """Take it to be up."""
        self.succeeded()
        self.rests_until = EVER

    def suspect(self) -> None:
        """Take it to be down until it shows otherwise."""
        self._failures = max(self._failures, self._terms.failures_in_a_row)

    def succeeded(self) -> None:
        """Take note of a success. For how long a receiver has asked to be left alone holds all the same."""
        self._failures = 0
        self._pause = self._terms.probe_pause

    def failed(self, now: float, asked: float | None) -> None:
        """Take note of a failure, and for how many seconds the receiver has asked to be left alone."""
        self._failures += 1
        # What was under way when it went down is no reason to rest for longer.
        if self.is_down and now >= self.rests_until:
            self.rests_until = now + jitter(self._pause)
            self._pause = min(2 * self._pause, self._terms.longest_probe_pause)
        if asked is not None:
            self.rests_until = max(self.rests_until, now + min(asked, self._terms.longest_probe_pause))
