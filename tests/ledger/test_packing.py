"""Between the rules' values and the ledger's rows: nothing is lost on the way and back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.ledger import packing
from earnest.ledger.packing import FormatError
from earnest.ledger.rows import JobRow
from earnest.rules.account import Account, Entry, EntryKind, Evidence, Lot, Source, Suspension
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase, PurchaseStatus

HEX = "018cce8d0e807896af388d0964ce7849"
JOB = f"job_{HEX}"
NUMBERS = st.integers(1, 2**31 - 1)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@st.composite
def lots(draw: st.DrawFn) -> Lot:
    n = draw(NUMBERS)
    paid = draw(st.booleans())
    return Lot(
        n,
        draw(st.sampled_from(Source)),
        draw(NUMBERS),
        draw(st.one_of(st.just(n), NUMBERS)),
        draw(st.none() | TIMES),
        f"pur_{HEX}_{draw(NUMBERS)}" if paid else None,
        draw(st.integers(0, 2**53 - 1)) if paid else None,
    )


LOTS = st.lists(lots(), max_size=5).map(tuple)
EVIDENCE = st.builds(Evidence, NUMBERS, st.just(JOB), NUMBERS, TIMES)
SUSPENSIONS = st.builds(
    Suspension,
    TIMES,
    st.sampled_from(["conduct", "operator"]),
    st.text(max_size=9),
    st.lists(EVIDENCE, max_size=3).map(tuple),
    st.none() | TEXTS,
    st.none() | TIMES,
    st.none() | st.just("upheld"),
    st.none() | TIMES,
    st.text(max_size=9),
)
ACCOUNTS = st.builds(
    Account,
    st.just(f"acc_{HEX}"),
    st.sampled_from(["individual", "agency"]),
    TEXTS,
    NUMBERS,
    TIMES,
    TIMES,
    TIMES,
    TIMES,
    LOTS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.booleans(),
    st.none() | SUSPENSIONS,
    st.none() | TEXTS,
    st.booleans(),
)
PROPOSALS = st.builds(
    Proposal,
    st.just(f"acc_{HEX}"),
    NUMBERS,
    st.just(JOB),
    NUMBERS,
    st.sampled_from(ProposalStatus),
    NUMBERS,
    st.booleans(),
    TIMES,
    LOTS,
    st.none() | NUMBERS.map(lambda n: f"mem_{HEX}_{n}"),
    st.none() | TIMES,
)
PURCHASES = st.builds(
    Purchase,
    NUMBERS.map(lambda n: f"pur_{HEX}_{n}"),
    NUMBERS,
    st.integers(0, 2**53 - 1),
    st.sampled_from(PurchaseStatus),
    TIMES,
    st.none() | TIMES,
    st.none() | TEXTS,
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    lot = draw(st.none() | lots())
    sign = draw(st.sampled_from([1, -1]))
    return Entry(
        draw(NUMBERS),
        draw(st.sampled_from(EntryKind)),
        0 if lot is None else sign * lot.remaining,
        lot,
        draw(st.integers(0, 2**31 - 1)),
        draw(TIMES),
        draw(TEXTS),
        draw(st.none() | st.just(JOB)),
        draw(st.none() | NUMBERS),
        draw(st.text(max_size=9)),
        draw(st.booleans()),
    )


@given(TIMES)
def test_an_instant_is_kept_to_the_microsecond(at: datetime) -> None:
    assert packing.instant(packing.micros(at)) == at


def test_instants_are_whole_numbers_from_1970_on() -> None:
    assert packing.micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert packing.micros(datetime(1970, 1, 2, tzinfo=UTC) + timedelta(microseconds=1)) == 86_400_000_001
    # Beyond what a floating number keeps exact.
    last = datetime(8999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert packing.micros(last) % 1_000_000 == 999_999


@given(LOTS)
def test_lots_come_back_as_they_went(kept: tuple[Lot, ...]) -> None:
    assert packing.unpack_lots(HEX, packing.pack_lots(kept)) == kept


def test_lots_are_one_short_text_without_what_they_lack() -> None:
    assert packing.pack_lots((Lot(61, Source.ALLOTMENT, 60, 61),)) == '[1,[[61,"a",60]]]'
    until = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert packing.pack_lots((Lot(61, Source.BONUS, 5, 7, until),)) == '[1,[[61,"b",5,7,1767268800000000]]]'


@given(ACCOUNTS, NUMBERS)
def test_an_account_comes_back_as_it_went(account: Account, seq: int) -> None:
    row = packing.pack_account(account, seq)
    assert row.seq == seq
    assert packing.unpack_account(row) == account


@given(entries(), NUMBERS)
def test_a_line_comes_back_as_it_went(entry: Entry, recorded_at: int) -> None:
    row = packing.pack_entry(HEX, entry, recorded_at)
    assert row.recorded_at == recorded_at
    assert packing.unpack_entry(row) == entry


@given(PROPOSALS, st.none() | st.integers(0, 2**53 - 1))
def test_a_proposal_comes_back_as_it_went(proposal: Proposal, bid: int | None) -> None:
    row = packing.pack_proposal(proposal, bid)
    assert row.bid == bid
    assert packing.unpack_proposal(row) == proposal


@given(PURCHASES, st.none() | NUMBERS)
def test_a_purchase_comes_back_as_it_went(purchase: Purchase, owed: int | None) -> None:
    row = packing.pack_purchase(purchase, owed)
    assert row.owed == owed
    assert packing.unpack_purchase(row) == purchase


def test_a_job_s_row_keeps_what_the_rules_know_of_it_and_what_they_don_t() -> None:
    row = JobRow(HEX, HEX, "hourly", 3, 1, 1, 2, "A", None, "over_6_months", "under_30", 5, "filled", "B", "[]", "x")
    assert packing.repack_job(row, packing.unpack_job(row)) == row


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "[1]", '[1,[["1","a",2]]]', "[1,[[1]]]", '[2,[[61,"a",60]]]', '["1",[]]']
)
def test_lots_of_another_format_are_not_guessed_at(text: str) -> None:
    with pytest.raises(FormatError, match=HEX):
        packing.unpack_lots(HEX, text)
