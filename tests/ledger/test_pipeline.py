"""What a batch asks PostgreSQL travels in one piece."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import _pipeline_base, errors

from earnest import Marketplace
from earnest.ledger.errors import StoreError
from earnest.ledger.postgresql import PostgreSQLSession
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


def test_what_aborted_a_pipeline_is_told_and_not_only_that_it_was() -> None:
    async def fail() -> None:
        try:
            raise errors.NotNullViolation("null value in column")
        except errors.NotNullViolation:
            # As psycopg does, it hides the first.
            raise errors.PipelineAborted("pipeline aborted")  # noqa: B904

    session = PostgreSQLSession("postgresql://nobody@127.0.0.1/none")
    with pytest.raises(errors.NotNullViolation):
        asyncio.run(session._guarded(fail(), committing=True))


def test_a_pipeline_aborted_for_no_reason_that_is_known_may_go_well_another_time() -> None:
    async def fail() -> None:
        raise errors.PipelineAborted("pipeline aborted")

    with pytest.raises(StoreError):
        asyncio.run(PostgreSQLSession("postgresql://nobody@127.0.0.1/none")._guarded(fail()))
