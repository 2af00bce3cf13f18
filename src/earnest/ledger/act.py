"""What can be asked of the writer, and the batch it is decided in.

A batch reads what its acts need, decides them one after the other, each seeing what the ones before it did, and
writes everything at once. Here stands what happens between reading and writing; nothing here waits for anything.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from earnest.ledger import outbox, packing
from earnest.ledger.ids import Ids
from earnest.ledger.rows import (
    TABLES,
    AccountRow,
    ChargeRow,
    ClientRow,
    DeliveryRow,
    EndpointRow,
    EntryRow,
    ExternalRow,
    InvitationRow,
    JobRow,
    KeyRow,
    MemberRow,
    NoticeRow,
    PersonRow,
    ProposalRow,
    PurchaseRow,
    RequestRow,
    Row,
    ToldRow,
)
from earnest.ledger.sql import ERASE, ERASE_PEOPLE, REMOVE_PERSON
from earnest.ledger.store import Changes, Facts, Needs, Params
from earnest.rules import conduct
from earnest.rules.account import Account, Entry
from earnest.rules.buy import leaves_to_owe
from earnest.rules.commands import Command, GiveBack
from earnest.rules.decide import decide
from earnest.rules.job import Job
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Outcome, Refused
from earnest.rules.pack import Pack
from earnest.rules.proposal import Proposal
from earnest.rules.purchase import Purchase, PurchaseStatus

T = TypeVar("T")


class Act(msgspec.Struct, Generic[T], frozen=True):
    """Something to do in one transaction with at most one account, which is locked for it.

    Its fields are what was asked for: two acts of one kind and equal fields are the same request.
    """

    answers: ClassVar[Any]
    """The type of what it answers, to read the kept answer of a request that is repeated.

    A kept answer names no person and holds nobody's letter, so that erasing those need not search the answers.
    """

    patient: ClassVar[bool] = False
    """Whether it lets others go first: work that nobody waits for."""

    gives_back: ClassVar[bool] = False
    """Whether it may give connects back, which asks for more of an account's past."""

    @property
    def account_id(self) -> str | None:
        """The account it acts on: 32 hexadecimal digits."""
        return None

    def needs(self, needs: Needs) -> None:
        """Say what has to be read for it, beside its account."""

    def decide(self, batch: "Batch") -> T | Refused:
        """Decide it, and put down in the batch what it changes; on a refusal nothing."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Return what tells this request from any other."""
        return hashlib.blake2b(type(self).__name__.encode() + msgspec.json.encode(self), digest_size=16).hexdigest()


@lru_cache(maxsize=64)
def _key_of(row: type[Row]) -> Callable[[Row], object]:
    """Return what tells a table's row from its others: what stands in the columns of its key."""
    return attrgetter(*row.__struct_fields__[: TABLES[row].key])


class PastUnreadError(Exception):
    """What an earlier act of the batch did made older proposals necessary; the act has to be read for anew."""


class Batch:
    """What was read for some acts, and on top of it what they have changed so far.

    Ids are 32 hexadecimal digits here, numbers are those within an account.
    """

    __slots__ = (
        "_accounts",
        "_bids",
        "_changed",
        "_clients",
        "_deliveries",
        "_endpoints",
        "_entries",
        "_externals",
        "_invitations",
        "_jobs",
        "_keys",
        "_known_jobs",
        "_members",
        "_new_accounts",
        "_new_proposals",
        "_owed",
        "_people",
        "_proposals",
        "_purchases",
        "_read_from",
        "_requests",
        "_rows",
        "_seq",
        "_statements",
        "_subscribers",
        "_told",
        "at",
        "ids",
        "now",
        "pack",
        "version",
    )

    def __init__(self, facts: Facts, pack: Pack, now: datetime, ids: Ids) -> None:
        self.pack, self.now, self.ids = pack, now, ids
        self.at = packing.micros(now)
        self.version = 0
        """Grows with everything that is put down."""
        self._subscribers = [(endpoint_id, outbox.wanted(kinds)) for endpoint_id, kinds in facts.subscribers]
        self._endpoints = {row.endpoint_id: row for row in facts.endpoints}
        self._deliveries = {(row.account_id, row.seq, row.endpoint_id): row for row in facts.deliveries}
        self._keys = {row.key_id: row for row in facts.keys}
        self._people = {row.person_id: row for row in facts.people}
        self._told = {(row.account_id, row.boundary) for row in facts.told}
        self._accounts: dict[str, Account] = {}
        self._seq: dict[str, int] = {}
        for row in facts.accounts:
            self._accounts[row.account_id] = packing.unpack_account(row)
            self._seq[row.account_id] = row.seq
        self._jobs = {row.job_id: row for row in facts.jobs}
        self._known_jobs: dict[str, Job] = {}
        self._clients = set(facts.clients)
        self._requests = {(row.owner_id, row.key): row for row in facts.requests}
        self._externals = {(row.kind, row.external_id): row.id for row in facts.externals}
        self._invitations = {(row.account_id, row.job_id): row for row in facts.invitations}
        self._members = {(row.account_id, row.seq): row for row in facts.members}
        self._purchases: dict[str, dict[int, PurchaseRow]] = defaultdict(dict)
        for purchase in facts.purchases:
            self._purchases[purchase.account_id][purchase.seq] = purchase
        self._owed: dict[str, int] = defaultdict(int)
        for line in facts.entries:
            self._owe(packing.unpack_entry(line))
        self._proposals: dict[str, dict[int, Proposal]] = {}
        self._bids: dict[tuple[str, int], int] = {}
        for proposal in facts.proposals:
            self._add(proposal)
        self._read_from: dict[str, int] = {}
        # What has changed:
        self._new_accounts: set[str] = set()
        self._changed: dict[str, None] = {}
        self._entries: list[Row] = []
        self._statements: list[tuple[str, Params]] = []
        self._new_proposals: dict[tuple[str, int], None] = {}
        self._rows: dict[type[Row], dict[object, tuple[bool, Row]]] = {}

    def _add(self, row: ProposalRow) -> None:
        self._proposals.setdefault(row.account_id, {})[row.n] = packing.unpack_proposal(row)
        if row.bid is not None:
            self._bids[row.account_id, row.n] = row.bid

    def _owe(self, entry: Entry) -> None:
        if entry.lot is not None and entry.lot.purchase_id is not None:
            self._owed[entry.lot.purchase_id] += leaves_to_owe(entry)

    # What is there

    def account(self, account_id: str) -> Account | None:
        """Return an account."""
        return self._accounts.get(account_id)

    def past_wanted(self, account_id: str, act: Act[Any]) -> int | None:
        """Return from when on an account's proposals are needed for an act, None where none are."""
        account = self._accounts.get(account_id)
        if account is None:
            return None
        now = max(self.now, account.touched_at)
        since = conduct.history_from(account, self.pack, now, gives_back=act.gives_back)
        return None if since is None else packing.micros(since)

    def add_past(self, since: dict[str, int], rows: list[ProposalRow]) -> None:
        """Add proposals that accounts submitted from a time on."""
        for row in rows:
            self._add(row)
        self._read_from.update(since)

    def job(self, job_id: str) -> Job | None:
        """Return what the rules know of a job."""
        # A batch often has many proposals for one job.
        known = self._known_jobs.get(job_id)
        if known is None and (row := self._jobs.get(job_id)) is not None:
            known = self._known_jobs[job_id] = packing.unpack_job(row)
        return known

    def job_row(self, job_id: str) -> JobRow | None:
        """Return a job's row."""
        return self._jobs.get(job_id)

    def has_client(self, client_id: str) -> bool:
        """Say whether there is such a client."""
        return client_id in self._clients

    def external(self, kind: str, external_id: str) -> str | None:
        """Return whose external id this is."""
        return self._externals.get((kind, external_id))

    def request(self, owner_id: str, key: str) -> RequestRow | None:
        """Return an accepted request."""
        return self._requests.get((owner_id, key))

    def invitation(self, account_id: str, job_id: str) -> InvitationRow | None:
        """Return an account's invitation to a job."""
        return self._invitations.get((account_id, job_id))

    def attempts(self, account_id: str, job_id: str) -> list[Proposal]:
        """Return an account's proposals for a job, the first one first."""
        proposals = self._proposals.get(account_id)
        if not proposals:
            return []
        id_ = f"job_{job_id}"
        return sorted([each for each in proposals.values() if each.job_id == id_], key=lambda each: each.n)

    def proposal(self, account_id: str, n: int) -> Proposal | None:
        """Return a proposal."""
        return self._proposals.get(account_id, {}).get(n)

    def bid(self, account_id: str, n: int) -> int | None:
        """Return what a proposal asks for, in minor units."""
        return self._bids.get((account_id, n))

    def member_row(self, account_id: str, seq: int) -> MemberRow | None:
        """Return a member's row."""
        return self._members.get((account_id, seq))

    def member(self, account_id: str, seq: int) -> Member | None:
        """Return a member who has not left."""
        row = self._members.get((account_id, seq))
        return None if row is None or row.removed_at is not None else packing.unpack_member(row)

    def purchase(self, account_id: str, seq: int) -> Purchase | None:
        """Return a purchase."""
        row = self._purchases[account_id].get(seq)
        return None if row is None else packing.unpack_purchase(row)

    def pending(self, account_id: str) -> tuple[Purchase, ...]:
        """Return an account's purchases that await payment."""
        rows = self._purchases[account_id].values()
        return tuple(packing.unpack_purchase(row) for row in rows if row.status == PurchaseStatus.PENDING)

    def endpoint(self, endpoint_id: str) -> EndpointRow | None:
        """Return a webhook endpoint, as it is held."""
        return self._endpoints.get(endpoint_id)

    def delivery(self, account_id: str, seq: int, endpoint_id: str) -> DeliveryRow | None:
        """Return a delivery of an endpoint that is held."""
        return self._deliveries.get((account_id, seq, endpoint_id))

    def api_key(self, key_id: str) -> KeyRow | None:
        """Return an API key, as it is held."""
        return self._keys.get(key_id)

    def person(self, person_id: str) -> PersonRow | None:
        """Return a person, as they are held."""
        return self._people.get(person_id)

    def was_told(self, account_id: str, boundary: int) -> bool:
        """Say whether an account's endpoints were told of a coming boundary."""
        return (account_id, boundary) in self._told

    def owed(self, account_id: str, seq: int) -> int:
        """Return what reversing a purchase would leave as a debt, in connects."""
        return self._owed[f"pur_{account_id}_{seq}"]

    def seq(self, account_id: str) -> int:
        """Return the last number an account has given to what isn't a line of its journal."""
        return self._seq[account_id]

    # What is done

    def replace(self, account: Account) -> None:
        """Put down an account that differs only in what the rules don't look at."""
        self.version += 1
        self._accounts[account.id[4:]] = account
        self._changed[account.id[4:]] = None

    def erase(self, account_id: str) -> None:
        """Put down that who holds an account, and what they wrote, is to be erased (`sql.ERASE`)."""
        for erase in ERASE:
            self.execute(erase, {"account": account_id})
        for erase in ERASE_PEOPLE:
            self.execute(erase, {"target": account_id})

    def remove_person(self, person_id: str) -> None:
        """Put down that a person is to go, with their seats, sessions and address (`sql.REMOVE_PERSON`)."""
        del self._people[person_id]
        for remove in REMOVE_PERSON:
            self.execute(remove, {"person": person_id})

    def remove_endpoint(self, endpoint_id: str) -> None:
        """Put down that an endpoint is to go. Its deliveries stay for others to drop."""
        del self._endpoints[endpoint_id]
        self._subscribers = [each for each in self._subscribers if each[0] != endpoint_id]
        self.execute("delete from endpoint where endpoint_id = id(:endpoint)", {"endpoint": endpoint_id})

    def execute(self, sql: str, params: Params) -> None:
        """Put down a statement, written for both stores, to be executed when all rows have been written."""
        self.version += 1
        self._statements.append((sql, params))

    def decide(self, account_id: str, command: Command, *, bid: int | None = None, owed: int | None = None) -> Outcome:
        """Decide a command on an account by the rules, and put down what comes of it.

        `bid` belongs to the proposal that comes of it, `owed` to the purchase. Raises PastUnreadError where older
        proposals are needed than were read.
        """
        account = self._accounts.get(account_id)
        history = None
        # A clock may stand a little behind that of another server; an account's time never runs backwards.
        now = self.now
        if account is not None:
            now = max(now, account.touched_at)
            since = conduct.history_from(account, self.pack, now, gives_back=isinstance(command, GiveBack))
            if since is not None:
                read_from = self._read_from.get(account_id)
                if read_from is None or read_from > packing.micros(since):
                    raise PastUnreadError
                # In their order, whatever the batch has read them for.
                proposals = self._proposals.get(account_id, {})
                history = [proposals[n] for n in sorted(proposals)]
        outcome = decide(account, command, self.pack, now, history)
        if isinstance(outcome, Accepted):
            self._keep(account_id, account, outcome, bid, owed)
        return outcome

    def _keep(
        self, account_id: str, before: Account | None, outcome: Accepted, bid: int | None, owed: int | None
    ) -> None:
        self.version += 1
        at = self.at
        self._accounts[account_id] = outcome.account
        self._changed[account_id] = None
        if before is None:
            self._new_accounts.add(account_id)
            self._seq[account_id] = 0
        for entry in outcome.entries:
            self._entries.append(packing.pack_entry(account_id, entry, at))
            self._owe(entry)
        for proposal in outcome.proposals:
            known = self._proposals.setdefault(account_id, {})
            if proposal.n not in known:
                self._new_proposals[account_id, proposal.n] = None
                if bid is not None:
                    self._bids[account_id, proposal.n] = bid
            known[proposal.n] = proposal
            if (account_id, proposal.n) not in self._new_proposals:
                self.put(packing.pack_proposal(proposal, self._bids.get((account_id, proposal.n))), new=False)
        decided = self._keep_beside(account_id, outcome, owed)
        if self._subscribers:
            asked = outbox.wanted_by_any(kinds for _, kinds in self._subscribers)
            for kind, payload in outbox.events(before, outcome, asked, decided=decided):
                self.tell(account_id, kind, payload)

    def tell(self, account_id: str, kind: str, payload: str) -> None:
        """Put down an event of an account for every endpoint that wants to be told of such."""
        wanting = [endpoint_id for endpoint_id, kinds in self._subscribers if kinds is None or kind in kinds]
        if wanting:
            seq = self.next_seq(account_id)
            for endpoint_id in wanting:
                self.put(DeliveryRow(account_id, seq, endpoint_id, kind, self.at, payload, outbox.WAITING, 0, self.at))

    def _keep_beside(self, account_id: str, outcome: Accepted, owed: int | None) -> bool:
        """Put down what an outcome has beside its account, lines and proposals; say whether its purchase changed."""
        decided = False
        if outcome.job is not None:
            job_id = outcome.job.id[4:]
            self.put(packing.repack_job(self._jobs[job_id], outcome.job), new=False)
        if outcome.purchase is not None:
            row = packing.pack_purchase(outcome.purchase, owed)
            old = self._purchases[account_id].get(row.seq)
            if old is None:
                # It was given the next number.
                self.next_seq(account_id)
            decided = old is None or old.status != row.status
            if decided:
                self.put(row, new=old is None)
        for charge in outcome.charges:
            seq = self.next_seq(account_id)
            self.put(ChargeRow(account_id, seq, charge.plan, charge.amount, packing.micros(charge.at)))
        for notice in outcome.notices:
            seq = self.next_seq(account_id)
            at_ = packing.micros(notice.at)
            self.put(
                NoticeRow(account_id, seq, notice.kind.value, at_, notice.connects, notice.plan, notice.reason or None)
            )

        return decided

    def next_seq(self, account_id: str) -> int:
        """Return the account's next number for what isn't a line of its journal."""
        seq = self._seq[account_id] = self._seq[account_id] + 1
        self._changed[account_id] = None
        return seq

    def put(self, row: Row, *, new: bool = True) -> None:
        """Put down a row: a new one, or one that replaces that of the same key."""
        self.version += 1
        # What a later act of the batch may ask for.
        match row:
            case JobRow():
                self._jobs[row.job_id] = row
                self._known_jobs.pop(row.job_id, None)
            case ClientRow():
                self._clients.add(row.client_id)
            case ExternalRow():
                self._externals[row.kind, row.external_id] = row.id
            case InvitationRow():
                self._invitations[row.account_id, row.job_id] = row
            case MemberRow():
                self._members[row.account_id, row.seq] = row
            case PurchaseRow():
                self._purchases[row.account_id][row.seq] = row
            case RequestRow():
                self._requests[row.owner_id, row.key] = row
            case ToldRow():
                self._told.add((row.account_id, row.boundary))
            case EndpointRow():
                self._endpoints[row.endpoint_id] = row
            case DeliveryRow():
                self._deliveries[row.account_id, row.seq, row.endpoint_id] = row
            case KeyRow():
                self._keys[row.key_id] = row
            case PersonRow():
                self._people[row.person_id] = row
        key = _key_of(type(row))(row)
        rows = self._rows.setdefault(type(row), {})
        # What the batch itself has put down as new stays new, whatever replaces it.
        rows[key] = (new or (key in rows and rows[key][0]), row)

    def changes(self) -> Changes:
        """Return what has to be written."""
        changes = Changes()
        changes.statements = self._statements
        for account_id in self._changed:
            row: AccountRow = packing.pack_account(self._accounts[account_id], self._seq[account_id])
            rows = changes.new if account_id in self._new_accounts else changes.old
            rows.setdefault(AccountRow, []).append(row)
        if self._entries:
            changes.new[EntryRow] = self._entries
        if self._new_proposals:
            changes.new[ProposalRow] = [
                packing.pack_proposal(self._proposals[account_id][n], self._bids.get((account_id, n)))
                for account_id, n in self._new_proposals
            ]
        for kind, keyed in self._rows.items():
            for new, row_ in keyed.values():
                (changes.new if new else changes.old).setdefault(kind, []).append(row_)
        return changes
