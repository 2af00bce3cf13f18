"""What the tables hold, a struct for each: its fields are the columns, in their order.

Instants are whole microseconds since 1970 in UTC, the same number in both stores. Ids are their 32 hexadecimal
digits here; a store keeps their 16 bytes. What belongs to an account bears the account's id first, and then a number:
`n` numbers its journal (and so its proposals and lots), `seq` everything else that comes to it. A field left at None
is left out of what travels to the store.

`schema.py` says the same with types and constraints for the migrations; a test holds the two together.
"""

from types import UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import msgspec

Id = Annotated[str, "id"]
"""An id's 32 hexadecimal digits."""

Micros = int
"""Microseconds since 1970, UTC."""


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A row of one table."""


class AccountRow(Row, frozen=True):
    """An account as of its last effect: what `rules.Account` holds, with `seq` beside it.

    `lots` are packed (`packing.pack_lots`); `standing` is None for an account that is neither warned nor suspended.
    """

    account_id: Id
    touched_at: Micros
    cycle_start: Micros
    cycle_end: Micros
    due_at: Micros
    n: int
    seq: int
    balance: int
    debt: int
    judge_on: int
    counted_from: int
    fee_unpaid: bool
    kind: str
    plan: str
    lots: str
    chosen_plan: str | None = None
    standing: str | None = None


class ProfileRow(Row, frozen=True):
    """Who holds an account. The name may be erased; nothing in the journal depends on it."""

    account_id: Id
    opened_at: Micros
    recorded_at: Micros
    name: str | None = None
    external_id: str | None = None


class ExternalRow(Row, frozen=True):
    """The caller's own id of an account, a client or a job, unique in its kind."""

    kind: str
    external_id: str
    id: Id


class EntryRow(Row, frozen=True):
    """A line of a journal. `lot`, `root`, `proposal` and `purchase` are numbers within the account."""

    account_id: Id
    n: int
    kind: str
    connects: int
    plan: str
    balance_after: int
    effective_at: Micros
    recorded_at: Micros
    lot: int | None = None
    source: str | None = None
    root: int | None = None
    expires_at: Micros | None = None
    purchase: int | None = None
    unit_price: int | None = None
    job_id: Id | None = None
    proposal: int | None = None
    pays_debt: bool | None = None
    note: str | None = None


class ProposalRow(Row, frozen=True):
    """A proposal. `taken` are the packed slices that paid for it."""

    account_id: Id
    n: int
    job_id: Id
    attempt: int
    status: str
    connects_spent: int
    invited: bool
    submitted_at: Micros
    taken: str
    worker: int | None = None
    returned_at: Micros | None = None
    bid: int | None = None


class LetterRow(Row, frozen=True):
    """A proposal's cover letter, apart from it so that it can be erased."""

    account_id: Id
    n: int
    letter: str


class InvitationRow(Row, frozen=True):
    """An account's invitation to a job."""

    account_id: Id
    job_id: Id
    invited_at: Micros


class MemberRow(Row, frozen=True):
    """A person of an agency. One who left stays, for the proposals that name them."""

    account_id: Id
    seq: int
    role: str
    added_at: Micros
    name: str | None = None
    can_propose: bool | None = None
    removed_at: Micros | None = None


class PurchaseRow(Row, frozen=True):
    """A purchase. `owed` is the debt that its reversal left, in connects."""

    account_id: Id
    seq: int
    connects: int
    unit_price: int
    status: str
    requested_at: Micros
    decided_at: Micros | None = None
    refusal: str | None = None
    owed: int | None = None


class ChargeRow(Row, frozen=True):
    """A membership fee that fell due, in minor units."""

    account_id: Id
    seq: int
    plan: str
    amount: int
    charged_at: Micros


class NoticeRow(Row, frozen=True):
    """Something the holder is told of."""

    account_id: Id
    seq: int
    kind: str
    noticed_at: Micros
    connects: int
    plan: str | None = None
    reason: str | None = None


class DeliveryRow(Row, frozen=True):
    """An event of an account, and what became of telling one endpoint of it.

    An endpoint is told of an account's events in the order of their `seq`. `status` is `waiting`, `delivered` or
    `failed`; `answered` is the HTTP status of the last answer, `error` why there was none.
    """

    account_id: Id
    seq: int
    endpoint_id: Id
    kind: str
    recorded_at: Micros
    payload: str
    status: str
    attempts: int
    next_at: Micros
    tried_at: Micros | None = None
    answered: int | None = None
    error: str | None = None


class ToldRow(Row, frozen=True):
    """That an account's endpoints were told what a coming boundary takes."""

    account_id: Id
    boundary: Micros


class RequestRow(Row, frozen=True):
    """An accepted request by its idempotency key, and its answer.

    The owner is the account it acted on, or where there is none whoever called.
    """

    owner_id: Id
    key: str
    recorded_at: Micros
    fingerprint: str
    outcome: str


class JobRow(Row, frozen=True):
    """A job: what sets its price, what it says, and what decides about its proposals."""

    job_id: Id
    client_id: Id
    type: str
    price: int
    hires: int
    posted_at: Micros
    lapses_at: Micros
    title: str
    budget: int | None = None
    duration: str | None = None
    weekly_hours: str | None = None
    closed_at: Micros | None = None
    close_reason: str | None = None
    description: str | None = None
    skills: str | None = None
    external_id: str | None = None


class ClientRow(Row, frozen=True):
    """Who posts jobs."""

    client_id: Id
    recorded_at: Micros
    name: str | None = None
    external_id: str | None = None


class TaskRow(Row, frozen=True):
    """Work across many accounts that must be finished, whoever finishes it: returning what a job's proposals cost."""

    job_id: Id
    kind: str
    started_at: Micros
    done_at: Micros | None = None


class RevisionRow(Row, frozen=True):
    """A revision of the rule pack as it was when it first came into use."""

    number: int
    effective_from: str
    fingerprint: str
    canonical: str
    recorded_at: Micros


class LaneRow(Row, frozen=True):
    """The number of the last batch of a lane's connection: written with the batch, so it tells whether that was kept.

    Rows of programs that were killed stay. One may not be removed while anybody could still ask for it.
    """

    lane_id: Id
    batch: int


class EndpointRow(Row, frozen=True):
    """Where events are delivered; while there is none, none are written.

    `kinds` are those it asks for, packed, None for all. After a change of secrets the old one signs too, until
    `old_secret_until`. `failing_since` is set from a failure to the next success; a paused endpoint is told nothing.
    """

    endpoint_id: Id
    url: str
    created_at: Micros
    secret: str
    kinds: str | None = None
    description: str | None = None
    old_secret: str | None = None
    old_secret_until: Micros | None = None
    failing_since: Micros | None = None
    paused_at: Micros | None = None
    paused_because: str | None = None


class KeyRow(Row, frozen=True):
    """An API key: what its bearer may do, and the SHA-256 of its secret. `bound_to` is the one account it is for."""

    key_id: Id
    name: str
    scope: str
    digest: str
    created_at: Micros
    bound_to: Id | None = None
    rate_limit: str | None = None
    expires_at: Micros | None = None
    revoked_at: Micros | None = None


class PersonRow(Row, frozen=True):
    """Who may sign in to the pages. Its e-mail address is kept as given here, and folded as an external id.

    `password` is its hash, None until one is set. `link` is the SHA-256 of the one secret that sets a password now.
    `mail_off`: they want no e-mail about what they hold.
    Times of links, sessions and attempts are the machine's own, never a sandbox's.
    """

    person_id: Id
    email: str
    recorded_at: Micros
    name: str | None = None
    password: str | None = None
    link: str | None = None
    link_until: Micros | None = None
    mail_off: bool | None = None


class SeatRow(Row, frozen=True):
    """What a person may act as: an account's holder, an agency's member (by `seq`), a client, or an operator."""

    person_id: Id
    kind: str
    target_id: Id
    seq: int
    added_at: Micros


class SeenRow(Row, frozen=True):
    """How far a person has seen an account's news: the last line of its journal, and how many notices there were."""

    account_id: Id
    person_id: Id
    n: int
    notices: int


class SessionRow(Row, frozen=True):
    """A person signed in with a browser: the SHA-256 of its secret, and the seat chosen for it."""

    digest: str
    person_id: Id
    created_at: Micros
    seen_at: Micros
    until: Micros
    seat_kind: str | None = None
    seat_target: Id | None = None
    seat_seq: int | None = None


class AttemptRow(Row, frozen=True):
    """A try at signing in, under a hash of the e-mail address it was made for, or of where it came from."""

    name: str
    at: Micros
    nonce: str


class AuditRunRow(Row, frozen=True):
    """An audit somebody asked for from a page: how far it is, and what it found, packed."""

    run_id: Id
    started_at: Micros
    done: int
    total: int
    asked_by: Id | None = None
    finished_at: Micros | None = None
    findings: str | None = None


class LeaseRow(Row, frozen=True):
    """Work that one process at a time does, who does it, and until when it may, by the machine's clock."""

    name: str
    holder: str
    until: Micros


class SandboxRow(Row, frozen=True):
    """The clock of a sandbox. A database has this one row from its founding, or never."""

    number: int
    now: Micros


class Table(msgspec.Struct, frozen=True):
    """A table's name and how many of its first columns are its key."""

    name: str
    key: int = 1


TABLES: dict[type[Row], Table] = {
    AccountRow: Table("account"),
    ProfileRow: Table("profile"),
    ExternalRow: Table("external", 2),
    EntryRow: Table("entry", 2),
    ProposalRow: Table("proposal", 2),
    LetterRow: Table("letter", 2),
    InvitationRow: Table("invitation", 2),
    MemberRow: Table("member", 2),
    PurchaseRow: Table("purchase", 2),
    ChargeRow: Table("charge", 2),
    NoticeRow: Table("notice", 2),
    DeliveryRow: Table("delivery", 3),
    ToldRow: Table("told", 2),
    RequestRow: Table("request", 2),
    JobRow: Table("job"),
    ClientRow: Table("client"),
    TaskRow: Table("task", 2),
    RevisionRow: Table("revision"),
    EndpointRow: Table("endpoint"),
    KeyRow: Table("api_key"),
    PersonRow: Table("person"),
    SeatRow: Table("seat", 4),
    SeenRow: Table("seen", 2),
    SessionRow: Table("session"),
    AttemptRow: Table("attempt", 3),
    AuditRunRow: Table("audit_run"),
    LeaseRow: Table("lease"),
    SandboxRow: Table("sandbox"),
    LaneRow: Table("lane"),
}
"""In the order in which a batch writes them: what others refer to comes first."""


class Column(msgspec.Struct, frozen=True):
    """A column's name, and whether it holds an id, a whole number, a truth value or a text."""

    name: str
    holds: str


def columns(row: type[Row]) -> tuple[Column, ...]:
    """Return the columns of a table."""
    return tuple(Column(name, _holds(hint)) for name, hint in get_type_hints(row, include_extras=True).items())


def _holds(hint: object) -> str:
    for part in get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,):
        if part is Id:
            return "id"
        if part in (bool, int, str):
            return {bool: "bool", int: "int", str: "str"}[part]
    raise TypeError(f"no column holds {hint}")
