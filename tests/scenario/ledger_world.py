"""A `World` on a database: every step and every look goes through the use cases, as a program of anybody's would.

A scenario's names stand for the ids that were answered. Each proposal is quoted first, and must come to what the quote
said.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from earnest import Marketplace
from earnest.marketplace.shown import EntryShown, Page, PurchaseShown
from earnest.rules.outcome import Refusal, Refused
from tests.scenario.world import Answer, Line, LotSeen, ProposalSeen, Size, SuspensionSeen, View
from tests.stores import StandingClock

T = TypeVar("T")

MOST_ITEMS = 1_000


class LedgerWorld:
    """A `World` in a marketplace, whose clock it moves; lists are read in pages of so many items.

    Malformed is what a use case raises ValueError for.
    """

    def __init__(self, market: Marketplace, clock: StandingClock, page: int = 100) -> None:
        self._market = market
        self._clock = clock
        self._page = page
        self.accounts = 0
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def _at(self, at: datetime) -> Marketplace:
        assert at >= self._clock.now, "time never runs backwards"
        self._clock.now = at
        return self._market

    def _name(self, name: str, id_: str) -> None:
        self._ids[name], self._names[id_] = id_, name

    def _id(self, name: str) -> str:
        """The id a name stands for; what was refused has none, and then the name is asked for as it is."""
        return self._ids.get(name, name)

    def _optional_id(self, account: str, member: str | None) -> str | None:
        return None if member is None else self._ids[f"{member} of {account}"]

    def _answer(self, shown: object) -> Answer:
        if isinstance(shown, Refused):
            figures = {key: self._names.get(value, value) for key, value in shown.figures.items()}  # type: ignore[call-overload]
            return Answer(shown.code.value, figures)
        if not isinstance(shown, PurchaseShown):
            return Answer()
        warning = None if shown.warning is None else (shown.warning.connects, shown.warning.at)
        return Answer(purchase=shown.status, amount=shown.amount.amount, warning=warning)

    def join(self, account: str, kind: str, plan: str, opened_at: datetime | None, at: datetime) -> Answer:
        shown = self._at(at).open_account(kind=kind, plan=plan, name=account, external_id=account, opened_at=opened_at)  # type: ignore[arg-type]
        if not isinstance(shown, Refused):
            self._name(account, shown.id)
            self.accounts += 1
        return self._answer(shown)

    def add_member(self, account: str, member: str, role: str, at: datetime) -> Answer:
        shown = self._at(at).add_member(self._id(account), name=member, role=role)  # type: ignore[arg-type]
        if not isinstance(shown, Refused):
            self._ids[f"{member} of {account}"], self._names[shown.id] = shown.id, member
        return self._answer(shown)

    def let_propose(self, account: str, member: str, allowed: bool, at: datetime) -> Answer:
        return self._answer(self._at(at).change_member(self._ids[f"{member} of {account}"], can_propose=allowed))

    def post(self, job: str, client: str, size: Size, at: datetime) -> Answer:
        market = self._at(at)
        if client not in self._ids:
            self._name(client, right(market.create_client(name=client)).id)
        shown = right(market.post_job(self._id(client), title=f"{client}'s {job}", **vars(size)))
        self._name(job, shown.id)
        return Answer(costs=shown.price)

    def edit(self, job: str, size: Size, at: datetime) -> Answer:
        return Answer(costs=right(self._at(at).edit_job(self._id(job), **vars(size))).price)

    def invite(self, account: str, job: str, at: datetime) -> Answer:
        return self._answer(self._at(at).invite(self._id(job), self._id(account)))

    def propose(self, account: str, job: str, worker: str | None, at: datetime) -> Answer:
        market, job_id, account_id = self._at(at), self._id(job), self._id(account)
        worker_id = self._optional_id(account, worker)
        quote = market.quote(job_id, account_id, worker_id=worker_id)
        shown = market.submit(job_id, account_id, worker_id=worker_id, cover_letter=f"Dear client of {job}")
        if isinstance(shown, Refused):
            # Whom an agency would send may be left out of a quote, and not out of a proposal.
            if shown.code is not Refusal.MALFORMED:
                assert shown == (quote if isinstance(quote, Refused) else quote.refusal), quote
            return self._answer(shown)
        assert not isinstance(quote, Refused)
        assert (quote.price, quote.balance_after, quote.refusal) == (shown.connects_spent, shown.balance_after, None)
        return Answer(costs=shown.connects_spent)

    def _proposal(self, account: str, job: str) -> str:
        """The id of an account's latest proposal for a job, or one that names none."""
        mine = self._all(self._market.proposals_of, self._id(account))
        return next((each.id for each in mine if each.job_id == self._id(job)), "prp_none")

    def withdraw(self, account: str, job: str, at: datetime) -> Answer:
        return self._answer(self._at(at).withdraw(self._proposal(account, job)))

    def decline(self, account: str, job: str, at: datetime) -> Answer:
        return self._answer(self._at(at).decline(self._proposal(account, job)))

    def hire(self, account: str, job: str, at: datetime) -> Answer:
        return self._answer(self._at(at).hire(self._proposal(account, job)))

    def close(self, job: str, reason: str, at: datetime) -> Answer:
        returned = right(self._at(at).close_job(self._id(job), reason)).returned  # type: ignore[arg-type]
        assert not returned.pending
        return Answer(returned=(returned.connects, returned.proposals))

    def lapse(self, job: str, at: datetime) -> Answer:
        returned = right(self._at(at).give_back_lapsed(self._id(job)))
        assert not returned.pending
        return Answer(returned=(returned.connects, returned.proposals))

    def job_status(self, job: str, at: datetime) -> str:
        return right(self._at(at).job(self._id(job))).status

    def buy(self, account: str, purchase: str, connects: int, by: str | None, at: datetime) -> Answer:
        try:
            shown = self._at(at).buy(self._id(account), connects, by_member_id=self._optional_id(account, by))
        except ValueError:
            return Answer("malformed")
        if not isinstance(shown, Refused):
            self._name(purchase, shown.id)
        return self._answer(shown)

    def confirm(self, purchase: str, at: datetime) -> Answer:
        return self._answer(self._at(at).confirm_purchase(self._id(purchase)))

    def reverse(self, purchase: str, at: datetime) -> Answer:
        return self._answer(self._at(at).reverse_purchase(self._id(purchase)))

    def change_plan(self, account: str, plan: str, by: str | None, at: datetime) -> Answer:
        by_member_id = self._optional_id(account, by)
        return self._answer(self._at(at).change_plan(self._id(account), plan, by_member_id=by_member_id))

    def keep_plan(self, account: str, by: str | None, at: datetime) -> Answer:
        return self._answer(self._at(at).keep_plan(self._id(account), by_member_id=self._optional_id(account, by)))

    def report_fee(self, account: str, paid: bool, at: datetime) -> Answer:
        market = self._at(at)
        return self._answer((market.report_fee_paid if paid else market.report_fee_unpaid)(self._id(account)))

    def grant(self, account: str, connects: int, until: datetime | None, at: datetime) -> Answer:
        return self._answer(self._at(at).grant(self._id(account), connects, reason="a present", expires_at=until))

    def revoke(self, account: str, connects: int, at: datetime) -> Answer:
        return self._answer(self._at(at).revoke(self._id(account), connects, reason="a correction"))

    def suspend(self, account: str, at: datetime) -> Answer:
        return self._answer(self._at(at).suspend(self._id(account), reason="copied letters"))

    def appeal(self, account: str, at: datetime) -> Answer:
        return self._answer(self._at(at).appeal(self._id(account), "please look again"))

    def lift(self, account: str, at: datetime) -> Answer:
        return self._answer(self._at(at).lift_suspension(self._id(account)))

    def uphold(self, account: str, at: datetime) -> Answer:
        return self._answer(self._at(at).uphold_suspension(self._id(account)))

    def settle(self, account: str, at: datetime) -> Answer:
        return self._answer(self._at(at).settle_account(self._id(account)))

    def look(self, account: str, at: datetime) -> View:
        market, id_ = self._at(at), self._ids[account]
        shown, balance, suspension = right(market.account(id_)), right(market.balance(id_)), market.suspension(id_)
        assert not isinstance(suspension, Refused)
        bought = {each.id: each for each in self._all(market.purchases, id_)}
        return View(
            balance.available,
            balance.debt,
            shown.status,
            shown.plan,
            shown.pending_plan,
            (shown.cycle.start, shown.cycle.end),
            tuple(
                LotSeen(
                    lot.source,
                    lot.remaining,
                    lot.expires_at,
                    None if lot.purchase_id is None else self._names[lot.purchase_id],
                    None if lot.unit_price is None else lot.unit_price.amount,
                )
                for lot in balance.lots
            ),
            tuple(self._line(entry, bought) for entry in self._all(market.entries, id_)),
            tuple((loss.connects, loss.at) for loss in balance.expiring),
            tuple((notice.kind, notice.connects) for notice in self._all(market.notices, id_)),
            tuple(charge.amount.amount for charge in self._all(market.charges, id_)),
            tuple(
                ProposalSeen(
                    self._names[each.job_id],
                    each.status,
                    None if each.worker_id is None else self._names[each.worker_id],
                    each.invited,
                )
                for each in reversed(self._all(market.proposals_of, id_))
            ),
            None
            if suspension is None
            else SuspensionSeen(
                suspension.since,
                tuple((self._names[proof.job_id], proof.connects) for proof in suspension.evidence),
                suspension.appealed_at is not None,
                suspension.decision,
            ),
        )

    def _all(self, list_of: Callable[..., Page[Any] | Refused], id_: str) -> list[Any]:
        """All items of an account's list, page by page."""
        page = right(list_of(id_, limit=self._page))
        items = page.items
        while page.next_cursor is not None:
            assert len(page.items) == self._page
            assert len(items) < MOST_ITEMS, "a list that never ends"
            page = right(list_of(id_, limit=self._page, cursor=page.next_cursor))
            items = items + page.items
        return items

    def _line(self, entry: EntryShown, bought: dict[str, PurchaseShown]) -> Line:
        purchase = None if entry.purchase_id is None else bought[entry.purchase_id]
        return Line(
            entry.kind,
            entry.connects,
            entry.source,
            None if purchase is None else self._names[purchase.id],
            None if purchase is None else purchase.amount.amount // purchase.connects,
            entry.balance_after,
            entry.effective_at,
        )


def right(answer: T | Refused) -> T:
    """What was answered, where nothing may be refused."""
    assert not isinstance(answer, Refused), answer
    return answer
