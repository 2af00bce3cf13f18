"""The audit on both stores: a ledger with a varied life passes, and each kind of damage is found and named."""

import asyncio
from typing import Any, TypeVar

import pytest

from earnest import Marketplace
from earnest.ledger.audit import MOST_TOLD, Audit, AuditTotals, Difference
from earnest.ledger.ids import NOBODY
from earnest.rules.outcome import Refused
from tests.stores import StandingClock

T = TypeVar("T")
Names = dict[str, str]


def right(answer: T | Refused) -> T:
    assert not isinstance(answer, Refused), answer
    return answer


def live(market: Marketplace, clock: StandingClock) -> Names:
    """A month and a day in which every kind of line is written, and each thing happens that the audit looks at.

    Returns plain ids by name: the accounts', and the jobs', which all cost 5. Ana's lines are these: 1 allot 70 ·
    2, 3 spend on one and two · 4 return of one · 5 purchase 50 · 6 revoke 60 · 7 bonus 5 · 8 spend on three, all of the
    bonus · 9 spend on four · 10 spend on five · 11, 12 spend on six, twice · 13 spend 0 on seven, invited ·
    14 revoke 35, the purchase's · 15 return of five · 16 revoke 5, for the debt · 17 bonus 20 · 18 revoke 10, for the
    debt · 19 bonus 3 · 20 expire 3 · 21, 22 carry 10 · 23 allot 70 · 24 purchase 30 · 25 bonus 300 · 26 forfeit 60.
    Beto's: 1 allot 60 · 2 spend on two. Caro's: 1 allot 70 · 2 revoke 70 · 3 purchase 10 · 4, 5 spend on two and four.
    """
    client = right(market.create_client(name="Dan")).id
    names = ("one", "two", "three", "four", "five", "six", "seven")
    jobs = {each: right(market.post_job(client, title=each, type="fixed", budget=500_000)).id for each in names}
    ana = right(market.open_account(kind="individual", plan="plus", name="Ana")).id
    beto = right(market.open_account(kind="individual", plan="basic", name="Beto")).id
    caro = right(market.open_account(kind="individual", plan="plus", name="Caro")).id
    clock.move(days=1)
    right(market.submit(jobs["one"], ana))
    right(market.submit(jobs["two"], ana))
    right(market.decline(right(market.submit(jobs["two"], beto)).id))
    clock.move(hours=1)
    assert right(market.close_job(jobs["one"], "cancelled")).returned.connects == 5
    bought = right(market.buy(ana, 50)).id
    right(market.confirm_purchase(bought))
    right(market.revoke(ana, 60, reason="too many"))
    right(market.grant(ana, 5, reason="soon gone", expires_at=clock.now.replace(day=20)))
    clock.move(hours=1)
    hired = right(market.submit(jobs["three"], ana)).id
    right(market.submit(jobs["four"], ana))
    right(market.submit(jobs["five"], ana))
    right(market.withdraw(right(market.submit(jobs["six"], ana)).id))
    right(market.submit(jobs["six"], ana))
    right(market.invite(jobs["seven"], ana))
    right(market.submit(jobs["seven"], ana))
    # At one instant: what is spent before the reversal is owed, and what is returned after it pays.
    right(market.reverse_purchase(bought))
    right(market.close_job(jobs["five"], "filled"))
    right(market.hire(hired))
    right(market.close_job(jobs["three"], "filled"))
    right(market.grant(ana, 20, reason="sorry"))
    right(market.grant(ana, 3, reason="soon gone", expires_at=clock.now.replace(day=20)))
    right(market.reverse_purchase(right(market.buy(ana, 7)).id))
    right(market.revoke(caro, 70, reason="all of it"))
    unpaid = right(market.buy(caro, 10)).id
    right(market.confirm_purchase(unpaid))
    right(market.submit(jobs["two"], caro))
    right(market.submit(jobs["four"], caro))
    clock.move(hours=1)
    right(market.reverse_purchase(unpaid))
    clock.now = clock.now.replace(month=2)
    right(market.settle_account(ana))
    right(market.confirm_purchase(right(market.buy(ana, 30)).id))
    right(market.buy(ana, 9))
    right(market.grant(ana, 300, reason="above most held"))
    return {"ana": ana[4:], "beto": beto[4:], "caro": caro[4:], "nobody": NOBODY} | {
        name: job_id[4:] for name, job_id in jobs.items()
    }


def change(market: Marketplace, names: Names, sql: str) -> None:
    """Do a statement behind the ledger's back; it must change something."""
    store = market._inner.ledger.store
    assert market.wait(store.change(sql, names)) > 0, f"nothing changed: {sql}"


def test_a_sound_ledger_passes_and_adds_up(
    market: Marketplace, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(market, clock)
    sound = Audit(
        accounts=3,
        entries=33,
        totals=AuditTotals(
            granted=70 + 60 + 70 + 5 + 20 + 3 + 70 + 300,
            bought=50 + 30 + 10,
            returned=10,
            spent=7 * 5 + 5 + 10,
            expired=3,
            forfeited=60,
            taken_back=60 + 35 + 5 + 10 + 70,
            held=350 + 55,
            debt=10,
        ),
        differences=[],
        more=0,
        pending=0,
    )
    assert market.audit() == sound
    # However the rows come in pieces:
    for rows in (1, 2, 7):
        monkeypatch.setattr("earnest.ledger.sqlite.STREAMED_ROWS", rows)
        monkeypatch.setattr("earnest.ledger.postgresql.STREAMED_ROWS", rows)
        assert market.audit() == sound


def test_an_empty_ledger_passes(market: Marketplace) -> None:
    assert market.audit() == Audit(0, 0, AuditTotals(), [], 0, 0)


def test_it_tells_how_far_it_is(market: Marketplace, clock: StandingClock) -> None:
    live(market, clock)
    told: list[tuple[int, int]] = []
    market.audit(tell=lambda done, all_: told.append((done, all_)))
    assert told == sorted(told)
    assert told[-1] == (33 + 11, 33 + 11)


_LIKE_LINE = (
    "insert into entry (account_id, n, kind, connects, plan, balance_after, effective_at, recorded_at, lot, source,"
    " root, expires_at, purchase, unit_price, job_id, proposal, pays_debt) select account_id, 27, kind, connects, plan,"
    " 350 + connects, {at}, recorded_at, 27, source, root, expires_at, purchase, unit_price, job_id, proposal,"
    " pays_debt from entry where account_id = id(:ana) and n = {n}"
)
_WITH_LOT = (
    "update account set n = 27, balance = 350 + {connects}, lots = substr(lots, 1, length(lots) - 2) || ',[27,{lot}]]]'"
    " where account_id = id(:ana)"
)
_FEBRUARY = "1707048000000000"


def like_line(n: int, connects: int, lot: str, at: str = _FEBRUARY) -> list[str]:
    """A line written again at the end of ana's journal, its lot among those she holds."""
    return [_LIKE_LINE.format(n=n, at=at), _WITH_LOT.format(connects=connects, lot=lot)]


def _set(table: str, changed: str, which: str) -> list[str]:
    return [f"update {table} set {changed} where {which}"]  # noqa: S608


def entry(changed: str, n: int) -> list[str]:
    return _set("entry", changed, f"account_id = id(:ana) and n = {n}")


def account(changed: str, of: str = "ana") -> list[str]:
    return _set("account", changed, f"account_id = id(:{of})")


def proposal(changed: str, n: int) -> list[str]:
    return _set("proposal", changed, f"account_id = id(:ana) and n = {n}")


def purchase(changed: str, seq: int, of: str = "ana") -> list[str]:
    return _set("purchase", changed, f"account_id = id(:{of}) and seq = {seq}")


def job(changed: str, name: str) -> list[str]:
    return _set("job", changed, f"job_id = id(:{name})")


_CLOSED = job(f"closed_at = {_FEBRUARY}, close_reason = 'cancelled'", "six")

DAMAGES: dict[str, tuple[list[str], str, str]] = {
    # The journal
    "a lost line": (["delete from entry where account_id = id(:ana) and n = 9"], "ana", "line 10: expected line 9"),
    "a lost first line": (
        ["delete from entry where account_id = id(:ana) and n = 1"],
        "ana",
        "line 2: expected line 1",
    ),
    "a lost last line": (
        ["delete from entry where account_id = id(:ana) and n = 26"],
        "ana",
        "line 25: the account is at line 26, the journal ends with line 25",
    ),
    "all lines lost": (["delete from entry where account_id = id(:beto)"], "beto", "the journal ends with line 0"),
    "a doubled line": (
        [_LIKE_LINE.format(n=26, at=_FEBRUARY)],
        "ana",
        "line 27: takes 60 from lot 27, which holds nothing",
    ),
    "a changed amount": (entry("connects = -4", 3), "ana", "line 3: balance_after: expected 61, got 60"),
    "a changed balance after": (entry("balance_after = 61", 3), "ana", "line 3: balance_after: expected 60, got 61"),
    "another kind": (entry("kind = 'expire'", 9), "ana", "proposal 9: no line of the journal is for it"),
    "a kind unheard of": (entry("kind = 'gift'", 25), "ana", "line 25: gift must take, but adds 300"),
    "back in time": (entry("effective_at = 1704272400000000", 5), "ana", "line 5: effective at 2024-01-03T09:00:00"),
    "another lot": (entry("lot = 4", 6), "ana", "line 6: takes 60 from lot 4, which holds 5"),
    "another source": (entry("source = 'bonus'", 4), "ana", "line 4: return cannot bring 5 as lot 4 (bonus, grant 1)"),
    "another root": (
        entry("root = 9", 9),
        "ana",
        "line 9: expected a slice of 5 of lot 4 (refund, grant 1), got lot 4",
    ),
    "another expiry": (
        entry("expires_at = null", 8),
        "ana",
        "line 8: expected a slice of 5 of lot 7 (bonus, grant 7, exp",
    ),
    "another purchase": (entry("purchase = 5", 10), "ana", "got lot 5 (purchase, grant 5, purchase 5 at 100 each)"),
    "another price": (entry("unit_price = 99", 10), "ana", "got lot 5 (purchase, grant 5, purchase 2 at 99 each)"),
    "half a carry": (entry("connects = 11, balance_after = 11", 22), "ana", "line 22: carry cannot bring 11 as lot 22"),
    "a stranger's lines": (
        ["update entry set account_id = id(:nobody) where account_id = id(:beto)"],
        "nobody",
        "the account does not exist, but 2 lines, 0 proposals, 0 purchases of it do",
    ),
    "a line for another job": (entry("job_id = id(:one)", 3), "ana", "line 3: spend for job_"),
    "a line for no proposal": (
        entry("proposal = null", 3),
        "ana",
        "line 3: spend for proposal None, which does not ex",
    ),
    # The account
    "another balance": (account("balance = 351"), "ana", "line 26: the account's balance is 351, the journal's 350"),
    "another number of lines": (account("n = 25"), "ana", "line 26: the account is at line 25"),
    "touched too early": (
        account("touched_at = 0"),
        "ana",
        "the account was last touched at 1970-01-01T00:00:00+00:00",
    ),
    "a lot of other connects": (
        account("lots = replace(lots, '240', '239')"),
        "ana",
        "the account holds 239 of lot 25",
    ),
    "a lot of another source": (
        account("""lots = replace(lots, '"b"', '"a"')"""),
        "ana",
        "holds 240 of lot 25 (allotm",
    ),
    "a lot of another grant": (
        account("lots = replace(lots, '10,17', '10,1')"),
        "ana",
        "10 of lot 22 (carried, grant 1)",
    ),
    "a lot of another price": (account("lots = replace(lots, '5,100', '5,99')"), "ana", "purchase 5 at 99 each"),
    "a lot of another purchase": (account("lots = replace(lots, '5,100', '2,100')"), "ana", "purchase 2 at 100 each"),
    "a lot with an expiry": (
        account("lots = replace(lots, '0,null', '0,7')"),
        "ana",
        "expires 1970-01-01T00:00:00.000007",
    ),
    "a lot lost": (account("""lots = replace(lots, '[23,"a",70],', '')"""), "ana", "the account lacks 70 of lot 23"),
    "a lot doubled": (account("""lots = replace(lots, '[23', '[23,"a",70],[23')"""), "ana", "journal it holds nothing"),
    "lots of another format": (
        account("lots = replace(lots, '[1,', '[2,')"),
        "ana",
        "the account's lots can't be read",
    ),
    "lots that are none": (account("lots = 'lost'", "beto"), "beto", "the account's lots can't be read: lost"),
    "another debt": (
        account("debt = 9", "caro"),
        "caro",
        "the account owes 9, but its reversed purchases left 10, of which 0 are paid",
    ),
    "a payment of debt unmarked": (entry("pays_debt = null", 18), "ana", "left 15, of which 5 are paid"),
    "an account lost": (
        [
            "delete from profile where account_id = id(:beto)",
            "delete from account where account_id = id(:beto)",
        ],
        "beto",
        "the account does not exist, but 2 lines, 1 proposals, 0 purchases of it do",
    ),
    # Proposals
    "a proposal lost": (
        ["delete from proposal where account_id = id(:ana) and n = 3"],
        "ana",
        "line 3: spend for proposal 3, which does not exist",
    ),
    "another cost": (proposal("connects_spent = 4", 9), "ana", "proposal 9: it cost 4, but its lines spend 5"),
    "paid with another lot": (
        proposal("taken = replace(taken, '[4', '[9')", 9),
        "ana",
        "proposal 9: it was not paid with",
    ),
    "paid with what can't be read": (proposal("taken = ''", 9), "ana", "proposal 9: it was not paid with"),
    "a proposal without a line": (proposal("n = 99", 9), "ana", "proposal 99: no line of the journal is for it"),
    "submitted at another time": (
        proposal("submitted_at = 0", 9),
        "ana",
        "line 9: spent for proposal 9 at another time",
    ),
    "the lines of two exchanged": (
        [*entry("proposal = 12", 11), *entry("proposal = 11", 12)],
        "ana",
        "line 11: spent for proposal 12 at another time or as another line than it says",
    ),
    "an invited one that cost": (
        proposal("invited = (1 = 1)", 9),
        "ana",
        "proposal 9: it was by invitation, but cost 5",
    ),
    "a return unmarked": (
        proposal("returned_at = null", 2),
        "ana",
        "proposal 2: 5 came back, but it is not marked as returned",
    ),
    "a return marked and never made": (
        proposal(f"returned_at = {_FEBRUARY}", 9),
        "ana",
        "proposal 9: it is marked as returned and cost 5, but 0 came back",
    ),
    "returned at another time": (
        proposal("returned_at = returned_at + 1", 2),
        "ana",
        "line 4: returned at another time",
    ),
    # Another spend of the same grant, on two, is out: by grants alone it would pass.
    "a doubled return": (
        like_line(4, 5, '"r",5,1'),
        "ana",
        "proposal 2: it is marked as returned and cost 5, but 10 came back (more than once)",
    ),
    "another's return": (
        [*entry("proposal = 3", 4), *entry("job_id = id(:two)", 4)],
        "ana",
        "proposal 3: 5 came back, but it is not marked as returned",
    ),
    "a price that came back otherwise": (
        proposal("taken = replace(taken, '2,100', '2,99')", 10),
        "ana",
        "proposal 10: what came back is not what was spent",
    ),
    "attempts with a gap": (proposal("attempt = 3", 12), "ana", "are not numbered as they came: (1, 3)"),
    "attempts exchanged": (
        [*proposal("attempt = 3", 11), *proposal("attempt = 1", 12), *proposal("attempt = 2", 11)],
        "ana",
        "are not numbered as they came: (1, 2)",
    ),
    "two live for one job": (proposal("status = 'live'", 11), "ana", "without having withdrawn: live, live"),
    # Purchases
    "a purchase lost": (
        ["delete from purchase where account_id = id(:ana) and seq = 5"],
        "ana",
        "line 24: brings purchase 5, which does not exist",
    ),
    "a purchase's line doubled": (
        like_line(24, 30, '"p",30,0,null,5,100') + entry("root = 27", 27),
        "ana",
        "purchase 5: it is confirmed, but 2 lines bring it",
    ),
    "a purchase that brought nothing": (
        purchase("status = 'confirmed'", 6),
        "ana",
        "purchase 6: it is confirmed, but 0 lines bring it",
    ),
    "a refused purchase that arrived": (
        purchase("status = 'refused'", 5),
        "ana",
        "purchase 5: it is refused, but 1 lines bring it",
    ),
    "a purchase of other connects": (
        purchase("connects = 31", 5),
        "ana",
        "purchase 5: it was of 31 at 100 each, but line 24 brings 30 at 100 each",
    ),
    "a purchase at another price": (purchase("unit_price = 99", 5), "ana", "purchase 5: it was of 30 at 99 each"),
    "confirmed at another time": (purchase("decided_at = 0", 5), "ana", "purchase 5: it was confirmed at another time"),
    "another purchase reversed": (
        purchase("status = 'reversed', owed = 0", 5),
        "ana",
        "purchase 5: it was reversed, but 30 of it were not taken back",
    ),
    "a reversal that left less": (
        purchase("owed = 9", 2, "caro") + account("debt = 9", "caro"),
        "caro",
        "purchase 2: its reversal left 9 to owe, by the journal 10",
    ),
    "a reversal that left less, at one instant with others": (
        purchase("owed = 14", 2),
        "ana",
        "purchase 2: its reversal left 14 to owe, by the journal 15",
    ),
    "a debt of no reversal": (purchase("owed = 1", 5), "ana", "purchase 5: it is confirmed, but left 1 to owe"),
    # Jobs
    "a job's hires": (job("hires = 2", "three"), "", "counts 2 hires, but 1 of its proposals are hired"),
    "a hire nobody counted": (proposal("status = 'hired'", 9), "", "counts 0 hires, but 1 of its proposals are hired"),
    "a job lost": (["delete from job where job_id = id(:four)"], "", "does not exist, but 2 proposals for it do"),
    "closed, and nothing to return it": (_CLOSED, "ana", "proposal 11: its 5 never came back, though job_"),
    "closed, and not all returned": (
        [
            *_CLOSED,
            "insert into task (job_id, kind, started_at, done_at) values (id(:six), 'closing', 1, 1)",
        ],
        "ana",
        "proposal 12: its 5 never came back, though job_",
    ),
    "returned by an open job": (
        job("closed_at = null, close_reason = null", "one"),
        "ana",
        "proposal 2: its 5 came back, though job_",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_and_named(name: str, market: Marketplace, clock: StandingClock) -> None:
    statements, whose, message = DAMAGES[name]
    names = live(market, clock)
    for sql in statements:
        change(market, names, sql)
    found = market.audit()
    account_id = f"acc_{names[whose]}" if whose else None
    assert [each for each in found.differences if each.account_id == account_id and message in each.what], found
    assert found.more == 0


def test_what_a_closing_has_yet_to_return_is_no_difference(market: Marketplace, clock: StandingClock) -> None:
    names = live(market, clock)
    for sql in [*_CLOSED, "insert into task (job_id, kind, started_at) values (id(:six), 'closing', 1)"]:
        change(market, names, sql)
    found = market.audit()
    assert (found.differences, found.pending) == ([], 2)


def test_what_comes_back_after_a_debt_was_paid_is_no_difference(market: Marketplace, clock: StandingClock) -> None:
    names = live(market, clock)
    right(market.grant(f"acc_{names['caro']}", 10, reason="for the debt"))
    clock.move(hours=1)
    assert right(market.close_job(f"job_{names['four']}", "cancelled")).returned.connects == 10
    found = market.audit()
    assert (found.differences, found.totals.debt) == ([], 0)


def test_of_very_many_differences_the_first_are_told_and_the_others_counted(
    market: Marketplace, clock: StandingClock
) -> None:
    accounts = [right(market.open_account(kind="individual", plan="basic")).id for _ in range(MOST_TOLD + 3)]
    change(market, {}, "update account set balance = 61")
    found = market.audit()
    assert [each.account_id for each in found.differences] == sorted(accounts)[:MOST_TOLD]
    assert found.more == 3
    assert found.totals == AuditTotals()


def test_a_difference_names_its_account() -> None:
    assert str(Difference("acc_1", "its balance")) == "acc_1: its balance"
    assert str(Difference(None, "job_1 is lost")) == "job_1 is lost"


def test_it_sees_one_moment_while_others_write(market: Marketplace, clock: StandingClock) -> None:
    """Submissions, closings and audits at once: no audit sees half of anything."""
    client = right(market.create_client(name="Dan")).id
    jobs = [right(market.post_job(client, title="a job", type="fixed", budget=30_000)).id for _ in range(20)]
    accounts = [right(market.open_account(kind="individual", plan="basic")).id for _ in range(20)]
    ledger = market._inner

    async def submit(job_id: str) -> None:
        for account_id in accounts:
            await ledger.submit(job_id, account_id)
        await ledger.close_job(job_id, "cancelled")

    async def audits(writing: "asyncio.Future[Any]") -> list[Audit]:
        found = []
        while not writing.done():
            found.append(await ledger.audit())
        return [*found, await ledger.audit()]

    async def race() -> list[Audit]:
        writing = asyncio.gather(*(submit(each) for each in jobs))
        found = await audits(writing)
        await writing
        return found

    found = market.wait(race())
    assert [each.differences for each in found] == [[]] * len(found)
    assert len({each.entries for each in found}) > 2, "it was read while it was written"
    assert found[-1].totals.spent == found[-1].totals.returned == 20 * 20 * 2
