"""The marketplace: one function for each thing a person can do, over a ledger.

`Marketplace` is for programs that wait, `AsyncMarketplace` for programs that must not; both have the same use cases,
which answer plain values (`shown.py`). What the rules turn down is answered as a `Refused`, with a code and the
figures behind it; a malformed argument raises ValueError; and where the ledger itself fails, a `LedgerError` tells
what to do.

    from earnest import Marketplace

    with Marketplace.open("sqlite:///earnest.db") as m:
        ana = m.open_account(kind="individual", plan="basic", name="Ana")
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from earnest.ledger import audit
from earnest.ledger.errors import UnavailableError
from earnest.ledger.ids import Ids
from earnest.ledger.ledger import Clock, Ledger, utc_now
from earnest.marketplace import (
    accounts,
    audits,
    choosing,
    circulation,
    clients,
    closing,
    endpoints,
    jobs,
    keys,
    mailing,
    members,
    memberships,
    news,
    operators,
    overview,
    passwords,
    people,
    previews,
    proposals,
    purchases,
    reports,
    sandbox,
    sessions,
    standing,
    upkeep,
    workers,
)
from earnest.marketplace.use_case import UseCase
from earnest.rules.pack import Pack

CLOSING_SECONDS = 10.0
"""How long whoever still asks something is waited for when a marketplace closes."""

P = ParamSpec("P")
T = TypeVar("T")


class UseCases:
    """Everything that can be done, and seen."""

    # Accounts
    open_account = UseCase(accounts.open_account)
    account = UseCase(accounts.account)
    find_accounts = UseCase(accounts.find_accounts)
    balance = UseCase(accounts.balance)
    entries = UseCase(accounts.entries)
    charges = UseCase(accounts.charges)
    notices = UseCase(accounts.notices)
    settle_account = UseCase(accounts.settle_account)
    erase_person = UseCase(accounts.erase_person)
    stats = UseCase(reports.stats)
    advice = UseCase(reports.advice)
    standing = UseCase(standing.standing)

    # Agencies
    add_member = UseCase(members.add_member)
    change_member = UseCase(members.change_member)
    remove_member = UseCase(members.remove_member)
    member = UseCase(members.member)
    names_of_members = UseCase(members.names_of_members)
    members = UseCase(members.members)
    spending_by_worker = UseCase(workers.spending_by_worker)
    proposals_by_worker = UseCase(workers.proposals_by_worker)

    # Memberships
    change_plan = UseCase(memberships.change_plan)
    keep_plan = UseCase(memberships.keep_plan)
    preview_plan = UseCase(previews.preview_plan)
    report_fee_unpaid = UseCase(memberships.report_fee_unpaid)
    report_fee_paid = UseCase(memberships.report_fee_paid)

    # Clients and jobs
    create_client = UseCase(clients.create_client)
    client = UseCase(clients.client)
    erase_client = UseCase(clients.erase_client)
    post_job = UseCase(jobs.post_job)
    edit_job = UseCase(jobs.edit_job)
    job = UseCase(jobs.show_job)
    jobs_by_id = UseCase(jobs.jobs_by_id)
    quote = UseCase(jobs.quote)
    invite = UseCase(jobs.invite)
    invitations = UseCase(jobs.invitations)
    close_job = UseCase(closing.close_job)
    returned_by_closing = UseCase(closing.returned_by_closing)
    give_back_lapsed = UseCase(closing.give_back_lapsed)
    # Last of those in its file, as the name stands for the use case from here on.
    jobs = UseCase(jobs.jobs)

    # Proposals
    submit = UseCase(proposals.submit)
    submit_batch = UseCase(proposals.submit_batch)
    withdraw = UseCase(proposals.withdraw)
    decline = UseCase(proposals.decline)
    hire = UseCase(proposals.hire)
    proposal = UseCase(proposals.proposal)
    proposals_of = UseCase(proposals.proposals_of)
    proposals_for = UseCase(proposals.proposals_for)
    proposed_to = UseCase(proposals.proposed_to)

    # Choosing
    latest_proposals_for = UseCase(choosing.latest_proposals_for)
    proposal_counts = UseCase(choosing.proposal_counts)
    track_records = UseCase(choosing.track_records)
    approached = UseCase(choosing.approached)

    # Buying
    preview_purchase = UseCase(previews.preview_purchase)
    buy = UseCase(purchases.buy)
    confirm_purchase = UseCase(purchases.confirm_purchase)
    reverse_purchase = UseCase(purchases.reverse_purchase)
    purchase = UseCase(purchases.purchase)
    purchases = UseCase(purchases.purchases)

    # Webhooks
    create_endpoint = UseCase(endpoints.create_endpoint)
    endpoint = UseCase(endpoints.endpoint)
    change_endpoint = UseCase(endpoints.change_endpoint)
    delete_endpoint = UseCase(endpoints.delete_endpoint)
    rotate_secret = UseCase(endpoints.rotate_secret)
    deliveries = UseCase(endpoints.deliveries)
    redeliver = UseCase(endpoints.redeliver)
    endpoints = UseCase(endpoints.endpoints)

    # People
    create_person = UseCase(people.create_person)
    person = UseCase(people.person)
    person_by_email = UseCase(people.person_by_email)
    people_of = UseCase(people.people_of)
    add_seat = UseCase(people.add_seat)
    remove_seat = UseCase(people.remove_seat)
    rename_person = UseCase(people.rename_person)
    remove_person = UseCase(people.remove_person)
    people = UseCase(people.people)

    # Telling them
    unseen_news = UseCase(news.unseen_news)
    see_news = UseCase(news.see_news)
    news = UseCase(news.news)
    keep_mail = UseCase(mailing.keep_mail)
    to_be_written = UseCase(mailing.to_be_written)
    choose_mail = UseCase(mailing.choose_mail)
    unsubscribe_code = UseCase(mailing.unsubscribe_code)
    person_to_unsubscribe = UseCase(mailing.person_to_unsubscribe)

    # Signing in
    sign_in = UseCase(sessions.sign_in)
    sign_in_as = UseCase(sessions.sign_in_as)
    session = UseCase(sessions.session)
    take_seat = UseCase(sessions.take_seat)
    sign_out = UseCase(sessions.sign_out)
    sign_out_everywhere = UseCase(sessions.sign_out_everywhere)
    sessions_of = UseCase(sessions.sessions_of)
    password_link = UseCase(passwords.password_link)
    forgot_password = UseCase(passwords.forgot_password)
    person_of_link = UseCase(passwords.person_of_link)
    set_password = UseCase(passwords.set_password)
    change_password = UseCase(passwords.change_password)

    # Operators
    grant = UseCase(operators.grant)
    revoke = UseCase(operators.revoke)
    suspend = UseCase(operators.suspend)
    suspension = UseCase(operators.suspension)
    appeal = UseCase(operators.appeal)
    lift_suspension = UseCase(operators.lift_suspension)
    uphold_suspension = UseCase(operators.uphold_suspension)
    standings = UseCase(overview.standings)
    overview = UseCase(overview.overview)
    circulated = UseCase(circulation.circulated)
    circulation_by_month = UseCase(circulation.circulation_by_month)
    circulation = UseCase(circulation.circulation)
    sandbox_clock = UseCase(sandbox.sandbox_clock)
    move_clock = UseCase(sandbox.move_clock)
    create_key = UseCase(keys.create_key)
    revoke_key = UseCase(keys.revoke_key)
    bearer = UseCase(keys.bearer)
    keys = UseCase(keys.keys)
    keep_up = UseCase(upkeep.keep_up)
    start_audit = UseCase(audits.start_audit)
    audit_runs = UseCase(audits.audit_runs)
    audit = UseCase(audit.audit)


class AsyncMarketplace(UseCases):
    """A marketplace for programs with an event loop: each use case is awaited."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        pack: Pack | str = "article",
        clock: Clock = utc_now,
        ids: Ids | None = None,
        lanes: int | None = None,
        sandbox_at: datetime | None = None,
    ) -> Self:
        """Open a marketplace on a database: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.

        With `sandbox_at` it is a sandbox, whose clock stands there at first.

        An empty database gets its tables. Raises SchemaError, RevisionError, PackError, UnavailableError, and
        ValueError for another address.
        """
        marketplace = cls(await Ledger.open(url, pack, clock, ids, lanes, sandbox_at=sandbox_at))
        # Whatever was closed when the last one stopped in the middle is gone on with.
        marketplace.ledger.once("returns left unfinished", marketplace._finish)
        return marketplace

    async def _finish(self) -> bool:
        # The database may still be at what a killed program sent last, and keep a closing that nobody would look for.
        await self.ledger.store.fence(closing.FENCE_SECONDS)
        await closing.finish_tasks(self.ledger)
        return True

    def bind(self, function: Callable[Concatenate[Ledger, P], Coroutine[Any, Any, T]]) -> Callable[P, Any]:
        """Return a use case of this marketplace, to be awaited."""

        def bound(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
            return function(self.ledger, *args, **kwargs)

        return bound

    async def close(self) -> None:
        """Do what waits, and let go of the database."""
        await self.ledger.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Marketplace(UseCases):
    """A marketplace for programs that wait; any number of threads may share it.

    It is an `AsyncMarketplace` on an event loop of its own, in a thread of its own, so that what several threads ask
    for at once is written together.
    """

    def __init__(self, inner: AsyncMarketplace, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
        self._inner = inner
        self._loop = loop
        self._thread = thread
        self._closing = False
        self._asking = threading.Lock()
        """Held while something is put on the loop, so that nothing comes to it after its end."""

    @classmethod
    def open(
        cls,
        url: str,
        *,
        pack: Pack | str = "article",
        clock: Clock = utc_now,
        ids: Ids | None = None,
        lanes: int | None = None,
    ) -> Self:
        """Open a marketplace on a database; see `AsyncMarketplace.open`."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="earnest", daemon=True)
        thread.start()
        opening = AsyncMarketplace.open(url, pack=pack, clock=clock, ids=ids, lanes=lanes)
        try:
            inner = asyncio.run_coroutine_threadsafe(opening, loop).result()
        except BaseException:
            _stop(loop, thread)
            raise
        return cls(inner, loop, thread)

    def bind(self, function: Callable[Concatenate[Ledger, P], Coroutine[Any, Any, T]]) -> Callable[P, Any]:
        """Return a use case of this marketplace that waits for its answer."""

        def bound(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.wait(function(self._inner.ledger, *args, **kwargs))

        return bound

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on the marketplace's loop, and wait for it; raises UnavailableError once it is closed."""
        with self._asking:
            if self._closing:
                coroutine.close()
                raise UnavailableError("the marketplace is closed")
            asked = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return asked.result()

    def close(self) -> None:
        """Do what waits, and let go of the database."""
        with self._asking:
            if self._closing:
                return
            self._closing = True
        try:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        finally:
            _stop(self._loop, self._thread)

    async def _end(self) -> None:
        try:
            await self._inner.close()
        finally:
            # Whoever is still on the way finds everything closed, and is told so.
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if left:
                await asyncio.wait(left, timeout=CLOSING_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
