"""Ids: made of the time and chance, and read strictly."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from earnest.ledger.ids import ACCOUNT, PROPOSAL, Ids, numbered, plain

NOW = datetime(2024, 1, 3, 9, tzinfo=UTC)
HEX = "018cce8d0e807896af388d0964ce7849"


def test_an_id_is_a_uuid_of_version_7_with_its_millisecond_in_front() -> None:
    made = UUID(Ids().new(NOW))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(NOW.timestamp() * 1000)


def test_a_later_id_sorts_later() -> None:
    ids = Ids()
    made = [ids.new(NOW + timedelta(milliseconds=i)) for i in range(100)]
    assert made == sorted(made)
    assert len({*made, *(ids.new(NOW) for _ in range(1000))}) == 1100


def test_the_same_chance_and_times_make_the_same_ids() -> None:
    assert Ids(Random(1)).new(NOW) == Ids(Random(1)).new(NOW) != Ids(Random(2)).new(NOW)


def test_an_id_is_read_without_its_prefix() -> None:
    assert plain(f"acc_{HEX}", ACCOUNT) == HEX
    assert numbered(f"prp_{HEX}_17", PROPOSAL) == (HEX, 17)
    assert numbered(f"prp_{HEX}_2147483647", PROPOSAL) == (HEX, 2**31 - 1)


@pytest.mark.parametrize(
    "id_",
    ["", "acc_", HEX, f"job_{HEX}", f"acc_{HEX}0", f"acc_{HEX[1:]}", f"acc_{HEX.upper()}", f"acc_{HEX}\n", None, 7],
)
def test_what_is_no_id_of_its_kind_is_none(id_: str) -> None:
    assert plain(id_, ACCOUNT) is None


@pytest.mark.parametrize(
    "id_",
    [
        f"prp_{HEX}",
        f"prp_{HEX}_",
        f"prp_{HEX}_0",
        f"prp_{HEX}_01",
        f"prp_{HEX}_-1",
        f"prp_{HEX}_²",
        f"prp_{HEX}_2147483648",
        f"prp_{HEX}_17\n",
        f"pur_{HEX}_17",
        None,
    ],
)
def test_what_is_no_numbered_id_of_its_kind_is_none(id_: str) -> None:
    assert numbered(id_, PROPOSAL) is None
