"""What most of these tests begin with, and what they ask of an answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from earnest import Marketplace
from earnest.marketplace.shown import AccountShown, JobShown, Page
from earnest.rules.outcome import Refused

T = TypeVar("T")

MOST_PAGES = 1_000

BUDGETS = {1: 1_000, 2: 30_000, 3: 100_000, 4: 300_000, 5: 900_000}
"""A budget in cents for each price in connects."""


def day(month: int, day_: int, hour: int = 0, year: int = 2024) -> datetime:
    return datetime(year, month, day_, hour, tzinfo=UTC)


def post(market: Marketplace, price: int = 2, **more: Any) -> JobShown:
    """A job of a new client, at so many connects."""
    job = market.post_job(market.create_client().id, title="A logo", type="fixed", budget=BUDGETS[price], **more)
    assert isinstance(job, JobShown)
    return job


def open_account(market: Marketplace, plan: str = "basic", **more: Any) -> AccountShown:
    account = market.open_account(kind="agency" if plan == "agency" else "individual", plan=plan, **more)
    assert isinstance(account, AccountShown)
    return account


def refusal(answer: object) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code.value


def figures(answer: object) -> dict[str, int | str]:
    assert isinstance(answer, Refused), answer
    return answer.figures


def pages(ask: Callable[..., Page[T] | Refused], *arguments: Any, limit: int, **more: Any) -> list[list[T]]:
    """The pages of a list, one after the other."""
    found, cursor = [], None
    while True:
        page = ask(*arguments, limit=limit, cursor=cursor, **more)
        assert isinstance(page, Page)
        found.append(page.items)
        cursor = page.next_cursor
        assert len(found) < MOST_PAGES
        if cursor is None:
            return found
