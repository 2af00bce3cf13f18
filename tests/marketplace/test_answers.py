"""What a caller is told where a request was executed and only its answer could not be drawn up."""

from typing import Any, NoReturn

import pytest

from earnest import Marketplace, UnavailableError
from earnest.ledger import reads
from tests.marketplace.given import open_account


def test_a_read_that_fails_after_the_commit_leaves_the_outcome_unknown(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = open_account(market).id

    async def fails(*_: Any) -> NoReturn:
        raise UnavailableError("the link is gone")

    with monkeypatch.context() as broken:
        broken.setattr(reads, "profile", fails)
        with pytest.raises(UnavailableError, match="the link is gone") as failure:
            market.grant(ana, 5, reason="a present", key="k")
    assert failure.value.outcome_unknown
    # Asked again by its key it is done once.
    market.grant(ana, 5, reason="a present", key="k")
    assert [line.connects for line in market.entries(ana, kind="bonus").items] == [5]
