"""What a batch asks PostgreSQL travels in one piece."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import _pipeline_base

from earnest import Marketplace
from tests.marketplace.given import open_account, post
from tests.stores import StandingClock


def test_a_batch_is_sent_in_two_pieces_one_to_read_and_one_to_write(
    new_postgresql: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[int] = []
    communicate: Any = _pipeline_base.pipeline_communicate

    def counted(connection: Any, commands: Any) -> Any:
        pieces.append(len(commands))
        return communicate(connection, commands)

    with Marketplace.open(new_postgresql(), clock=clock) as market:
        ana, job = open_account(market), post(market)
        monkeypatch.setattr(_pipeline_base, "pipeline_communicate", counted)
        market.submit(job.id, ana.id, key="once")
    assert len(pieces) == 2
    assert min(pieces) > 5
