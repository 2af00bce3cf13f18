"""The auditor's arithmetic: a sound journal passes, and each way of breaking it is noticed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from earnest.lab.market import Market
from earnest.ledger.conservation import Conservation, ConservationError, Totals
from earnest.rules.account import Account, Entry, EntryKind, Lot, Source
from earnest.rules.commands import Grant, Open, Settle
from earnest.rules.outcome import Accepted
from earnest.rules.price import JobSize, JobType
from tests.packs import article

ME = "acc_me"
OPENED = datetime(2016, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
Journal = list[Entry]


def lived() -> tuple[Account, Journal]:
    """A life of two months in which every kind of line is written."""
    journal: Journal = []
    market = Market(article(), lambda outcome: journal.extend(outcome.entries))
    market.open(Open(ME, "individual", "plus"), OPENED)
    for number in range(4):
        market.post(f"job_{number}", "cli_1", JobSize(JobType.FIXED, 10_000), OPENED)
    market.propose(ME, "job_0", OPENED + DAY)
    market.propose(ME, "job_1", OPENED + DAY)
    market.close("job_0", "cancelled", OPENED + 2 * DAY)
    market.buy(ME, "pur_1", 50, OPENED + 3 * DAY)
    market.confirm(ME, "pur_1", OPENED + 3 * DAY)
    market.act(ME, Grant(5, "soon gone", OPENED + 10 * DAY), OPENED + 4 * DAY)
    market.propose(ME, "job_2", OPENED + 5 * DAY)
    market.invite("job_3", ME)
    market.propose(ME, "job_3", OPENED + 5 * DAY)
    market.act(ME, Settle(), OPENED + 30 * DAY)
    market.reverse(ME, "pur_1", OPENED + 31 * DAY)
    assert isinstance(market.act(ME, Grant(300, "too much"), OPENED + 32 * DAY), Accepted)
    return market.accounts[ME], journal


def index(journal: Journal, kind: EntryKind, which: int = 0) -> int:
    return [i for i, entry in enumerate(journal) if entry.kind is kind][which]


def edit(
    kind: EntryKind, which: int = 0, /, *, lot: dict[str, object] | None = None, **fields: object
) -> Callable[[Journal], Journal]:
    """A way of breaking a journal: change fields of one line of a kind, and of its lot."""

    def broken(journal: Journal) -> Journal:
        i = index(journal, kind, which)
        slice_ = journal[i].lot
        assert slice_ is not None
        journal[i] = replace(journal[i], **({} if lot is None else {"lot": replace(slice_, **lot)}))
        journal[i] = replace(journal[i], **fields)
        return journal

    return broken


def move(kind: EntryKind, connects: int, which: int = 0) -> Callable[[Journal], Journal]:
    """A way of breaking a journal: one line moves other connects, and its own figures agree with it."""

    def broken(journal: Journal) -> Journal:
        i = index(journal, kind, which)
        after = journal[i].balance_after - journal[i].connects + connects
        return edit(kind, which, lot={"remaining": abs(connects)}, connects=connects, balance_after=after)(journal)

    return broken


def append(kind: EntryKind, connects: int, lot: Lot) -> Callable[[Journal], Journal]:
    """A way of breaking a journal: one line more, its own figures right."""

    def broken(journal: Journal) -> Journal:
        last = journal[-1]
        n = last.n + 1
        lot_ = lot if lot.n else replace(lot, n=n)
        return [*journal, Entry(n, kind, connects, lot_, last.balance_after + connects, last.effective_at, "plus")]

    return broken


def bonus_until(expires_at: datetime) -> Callable[[Journal], Journal]:
    """A way of breaking a journal: the bonus, of which some was spent five days in, had expired at a time."""

    def broken(journal: Journal) -> Journal:
        journal = edit(EntryKind.BONUS, lot={"expires_at": expires_at})(journal)
        journal = edit(EntryKind.SPEND, 2, lot={"expires_at": expires_at})(journal)
        return edit(EntryKind.EXPIRE, lot={"expires_at": expires_at})(journal)

    return broken


def carry_two_at_once(journal: Journal) -> Journal:
    first, second = index(journal, EntryKind.CARRY), index(journal, EntryKind.CARRY, 2)
    other = journal[second]
    after = journal[first].balance_after + other.connects
    return [*journal[: first + 1], replace(other, n=journal[first].n + 1, balance_after=after)]


def carry_in_two_instants(journal: Journal) -> Journal:
    i = index(journal, EntryKind.CARRY, 1)
    later = journal[i].effective_at + DAY
    return [*journal[:i], *(replace(entry, effective_at=later) for entry in journal[i:])]


K = EntryKind
BROKEN: dict[str, tuple[Callable[[Journal], Journal], str]] = {
    "a line dropped": (lambda j: j[:3] + j[4:], "line 5: expected line 4"),
    "the first line dropped": (lambda j: j[1:], "line 2: expected line 1"),
    "a line doubled": (lambda j: [*j[:4], j[3], *j[4:]], "line 4: expected line 5"),
    "two lines swapped": (lambda j: [*j[:3], j[4], j[3], *j[5:]], "expected line 4"),
    "a sign changed": (edit(K.SPEND, connects=2), "balance_after"),
    "a sign changed and the balance with it": (move(K.SPEND, 2), "expected a lot 2 of more than none, got 2 of lot 1"),
    "a grant that takes": (move(K.PURCHASE, -3), "holds nothing"),
    "another kind that adds": (edit(K.SPEND, 1, kind=K.BONUS), "bonus must add, but takes 2"),
    "another kind that takes": (edit(K.BONUS, kind=K.EXPIRE), "expire must take, but adds 5"),
    "another balance after": (edit(K.RETURN, balance_after=69), "balance_after: expected 68, got 69"),
    "back in time": (edit(K.PURCHASE, effective_at=OPENED), "before the line before it"),
    "a lot overdrawn": (move(K.SPEND, -71), "takes 71 from lot 1, which holds 70"),
    "a lot that never was": (edit(K.SPEND, lot={"n": 77}), "from lot 77, which holds nothing"),
    "an empty lot": (append(K.SPEND, -5, Lot(6, Source.BONUS, 5, 6)), "from lot 6, which holds nothing"),
    "a slice of other connects": (edit(K.SPEND, lot={"remaining": 3}), "expected a slice of 2"),
    "a slice of another grant": (edit(K.SPEND, lot={"root": 9}), "expected a slice of 2"),
    "a slice of another source": (edit(K.SPEND, lot={"source": Source.BONUS}), "expected a slice of 2"),
    "a slice of another purchase": (edit(K.SPEND, lot={"purchase_id": "pur_9"}), "expected a slice of 2"),
    "a slice of another price": (edit(K.SPEND, lot={"unit_price": 9}), "expected a slice of 2"),
    "a slice with another expiry": (edit(K.SPEND, lot={"expires_at": OPENED + 9 * DAY}), "expected a slice of 2"),
    "spent after it expired": (bonus_until(OPENED + DAY), "takes from lot 6, which expired at"),
    "spent as it expired": (bonus_until(OPENED + 5 * DAY), "takes from lot 6, which expired at"),
    "expired before it could": (bonus_until(OPENED + 90 * DAY), "expire takes from lot 6, which only expires at"),
    "returned and never spent": (edit(K.RETURN, lot={"root": 5}), "returns 2 of grant 5, of which 0 are spent"),
    "returned more than spent": (append(K.RETURN, 3, Lot(0, Source.REFUND, 3, 1)), "of which 2 are spent"),
    "a return that is no refund": (edit(K.RETURN, lot={"source": Source.BONUS}), "return cannot bring"),
    "a lot with another number": (edit(K.BONUS, lot={"n": 77}), "expected a lot 6 of more than none, got 5 of lot 77"),
    "a lot of other connects": (edit(K.BONUS, lot={"remaining": 4}), "expected a slice of 5, got 4"),
    "a line that brings nothing": (append(K.BONUS, 0, Lot(0, Source.BONUS, 0, 1)), "more than none"),
    "an allotment of an older grant": (edit(K.ALLOT, 1, lot={"root": 1}), "allot cannot bring"),
    "an allotment from elsewhere": (edit(K.ALLOT, lot={"source": Source.BONUS}), "allot cannot bring"),
    "a bonus of an older grant": (edit(K.BONUS, lot={"root": 1}), "bonus cannot bring"),
    "a bonus from elsewhere": (edit(K.BONUS, lot={"source": Source.REFUND}), "bonus cannot bring"),
    "a purchase of an older grant": (edit(K.PURCHASE, lot={"root": 1}), "purchase cannot bring"),
    "a purchase from elsewhere": (edit(K.PURCHASE, lot={"source": Source.BONUS}), "purchase cannot bring"),
    "a purchase nobody bought": (edit(K.PURCHASE, lot={"purchase_id": None}), "purchase cannot bring"),
    "an unequal carry": (move(K.CARRY, 1, 1), "carry cannot bring"),
    "a carry to another grant": (edit(K.CARRY, 1, lot={"root": 5}), "carry cannot bring"),
    "a carry to another purchase": (edit(K.CARRY, 1, lot={"purchase_id": "pur_9"}), "carry cannot bring"),
    "a carry to another price": (edit(K.CARRY, 1, lot={"unit_price": 9}), "carry cannot bring"),
    "a carry to another source": (edit(K.CARRY, 1, lot={"source": Source.REFUND}), "carry cannot bring"),
    "a carry in two instants": (carry_in_two_instants, "carry cannot bring"),
    "a carry cut in two": (edit(K.CARRY, 1, kind=K.BONUS), "expected the second line of a carry"),
    "two carries at once": (carry_two_at_once, "expected the second line of a carry"),
    "a carry from nowhere": (append(K.CARRY, 5, Lot(0, Source.CARRIED, 5, 1)), "carry cannot bring"),
    "half a carry at the end": (lambda j: j[: index(j, K.CARRY) + 1], "ends between the two lines of a carry"),
}


def fold(journal: Journal) -> Conservation:
    folded = Conservation()
    folded.add(ME, journal)
    return folded


def test_a_sound_journal_passes_and_adds_up() -> None:
    account, journal = lived()
    assert {entry.kind for entry in journal} == set(EntryKind)
    assert any(entry.lot is None for entry in journal)
    totals = fold(journal).check([account])
    assert totals == Totals(
        granted=70 + 5 + 70 + 300,
        bought=50,
        returned=2,
        spent=6,
        expired=3,
        forfeited=88,
        taken_back=50,
        held=350,
    )
    assert totals.surplus == 0
    assert replace(totals, held=349).surplus == 1


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_journal_is_noticed(name: str) -> None:
    broken, message = BROKEN[name]
    account, journal = lived()
    with pytest.raises(ConservationError, match=message) as raised:
        fold(broken(journal)).check([account])
    assert raised.value.account_id == ME
    assert str(raised.value).startswith(f"{ME}, line {raised.value.n}: ")


@pytest.mark.parametrize("connects", [-2, 0])
def test_only_a_free_proposal_has_no_lot(connects: int) -> None:
    _, journal = lived()
    i = index(journal, K.SPEND if connects else K.RETURN)
    before = journal[i].balance_after - journal[i].connects
    journal[i] = replace(journal[i], lot=None, connects=connects, balance_after=before + connects)
    with pytest.raises(ConservationError, match="without a lot"):
        fold(journal)


ACCOUNTS: dict[str, tuple[Callable[[Account], Account], str]] = {
    "another line": (lambda a: replace(a, n=a.n + 1), "the account is at line"),
    "touched before its last line": (lambda a: replace(a, touched_at=OPENED), "last touched at"),
    "another balance": (lambda a: replace(a, balance=a.balance - 1), "the account's balance is 349"),
    "a lot less": (lambda a: replace(a, lots=a.lots[1:]), "the account lacks 66 of lot 11"),
    "a lot twice": (lambda a: replace(a, lots=(*a.lots, a.lots[0])), "by the journal it holds nothing of it"),
    "a connect more": (lambda a: replace(a, lots=(replace(a.lots[0], remaining=999), *a.lots[1:])), "the account hol"),
    "a lot of another age": (lambda a: replace(a, lots=(replace(a.lots[0], root=77), *a.lots[1:])), "the account hol"),
    "another lot": (lambda a: replace(a, lots=(replace(a.lots[0], n=77), *a.lots[1:])), "the account holds"),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_that_differs_from_its_journal_is_noticed(name: str) -> None:
    differ, message = ACCOUNTS[name]
    account, journal = lived()
    with pytest.raises(ConservationError, match=message):
        fold(journal).check([differ(account)])


def test_many_accounts_are_checked_together() -> None:
    account, journal = lived()
    other = replace(account, id="acc_other")
    both = Conservation()
    for entry in journal:
        both.add(ME, (entry,))
        both.add("acc_other", (entry,))
    one = fold(journal).check([account])
    assert both.check([account, other]) == Totals(*(2 * each for each in vars_of(one)))
    with pytest.raises(ConservationError, match="acc_other, line 1: lines of an account that does not exist"):
        both.check([account])
    with pytest.raises(ConservationError, match="acc_third, line 0"):
        both.check([account, other, replace(account, id="acc_third")])


def vars_of(totals: Totals) -> list[int]:
    return [getattr(totals, field) for field in Totals.__struct_fields__]


def test_nothing_adds_up_to_nothing() -> None:
    assert Conservation().check([]) == Totals()
