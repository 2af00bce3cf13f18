"""Worked examples for the documentation: requests of one story with their answers, and problems as they are answered.

tools/openapi.py tells the story and keeps it in examples.json; a test tells it again.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from earnest.api import problems
from earnest.api.statuses import TITLE
from earnest.rules.outcome import Refusal, Refused


class Example(msgspec.Struct, frozen=True):
    """A request of an operation, with its body, and what it was answered."""

    operation: str | None
    request: str
    answer: Any = None
    body: Any = None


@cache
def examples() -> dict[str, Example]:
    """Return an example of each operation that has one, by the operation's id."""
    story = msgspec.json.decode(files("earnest.api").joinpath("examples.json").read_bytes(), type=list[Example])
    return {each.operation: each for each in story if each.operation is not None}


_FIGURES: dict[str, dict[str, int | str]] = {
    Refusal.CLOCK_BEHIND: {"now": "2026-02-01T00:00:00Z"},
    Refusal.MALFORMED: {"field": "budget.amount", "expected": "a whole number"},
    Refusal.EXTERNAL_ID_TAKEN: {"external_id": "user-17"},
    Refusal.NOT_PERMITTED: {"reason": "scope", "needs": "operate", "scope": "manage"},
    Refusal.ACCOUNT_SUSPENDED: {"since": "2026-01-05T09:00:00Z"},
    Refusal.JOB_NOT_OPEN: {"status": "closed"},
    Refusal.ALREADY_PROPOSED: {"job": "job_019b8d627a807c9da12e7696a6cecc1b"},
    Refusal.PROPOSAL_NOT_LIVE: {"status": "withdrawn"},
    Refusal.INSUFFICIENT_CONNECTS: {"required": 4, "available": 1},
    Refusal.PLAN_CANNOT_BUY: {"plan": "basic"},
    Refusal.OVER_MOST_HELD: {"most_held": 350, "would_fit": 280},
    Refusal.NOT_FOR_THIS_KIND: {"kind": "individual", "plan": "agency"},
    Refusal.ALREADY_APPEALED: {"appealed_at": "2026-01-05T09:00:00Z"},
}
_SAID: dict[str, tuple[str, dict[str, object]]] = {
    "busy": ("Nothing was done; ask again", {"retry_after": 1}),
    "unavailable": ("Nothing was done; ask again", {"retry_after": 1, "outcome_unknown": False}),
    "too_many_requests": ("try again in 30 s", {"retry_after": 30}),
    "not_ready": ("The database can't be reached", {"part": "ledger"}),
}


def example_of_problem(code: str, status: int) -> dict[str, object]:
    """Return a problem as it is answered."""
    if code in set(Refusal):
        return problems.refused(Refused(Refusal(code), _FIGURES.get(code, {})))
    detail, figures = _SAID.get(code, (TITLE[code], {}))
    return problems.problem(code, status, detail, **figures)
