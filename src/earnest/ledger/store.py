"""What a store does for the ledger; SQLite and PostgreSQL are one each."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, Protocol

from earnest.ledger.rows import (
    AccountRow,
    DeliveryRow,
    EndpointRow,
    EntryRow,
    ExternalRow,
    InvitationRow,
    JobRow,
    KeyRow,
    MemberRow,
    PersonRow,
    ProposalRow,
    PurchaseRow,
    RequestRow,
    Row,
    ToldRow,
)

Params = Mapping[str, object]
NONE: Params = MappingProxyType({})


class Needs:
    """What a batch has to read, by ids of 32 hexadecimal digits and numbers within an account.

    `accounts`, `held_jobs`, `endpoints`, `keys` and `people` are locked to the end of the transaction, accounts first,
    each in the order of their ids; everything else is read after that.
    """

    __slots__ = (
        "accounts",
        "attempts",
        "clients",
        "deliveries",
        "endpoints",
        "externals",
        "held_jobs",
        "jobs",
        "keys",
        "members",
        "owed",
        "pending",
        "people",
        "proposals",
        "purchases",
        "requests",
        "told",
    )

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.held_jobs: set[str] = set()
        self.jobs: set[str] = set()
        self.clients: set[str] = set()
        self.requests: set[tuple[str, str]] = set()
        self.externals: set[tuple[str, str]] = set()
        self.attempts: set[tuple[str, str]] = set()
        """Accounts and jobs: the proposals of one for the other, and its invitation."""
        self.proposals: set[tuple[str, int]] = set()
        self.members: set[tuple[str, int]] = set()
        self.purchases: set[tuple[str, int]] = set()
        self.pending: set[str] = set()
        """Accounts whose purchases that await payment are wanted."""
        self.owed: set[tuple[str, int]] = set()
        """Purchases whose lines in the journal are wanted."""
        self.told: set[tuple[str, int]] = set()
        """Accounts and boundaries."""
        self.endpoints: set[str] = set()
        self.deliveries: set[tuple[str, int, str]] = set()
        """Accounts, numbers and endpoints. Whoever changes a delivery holds its endpoint."""
        self.keys: set[str] = set()
        self.people: set[str] = set()


class Facts:
    """What a batch has read. `elsewhere` are the accounts and jobs that somebody else holds a lock on just now."""

    __slots__ = (
        "accounts",
        "clients",
        "deliveries",
        "elsewhere",
        "endpoints",
        "entries",
        "externals",
        "invitations",
        "jobs",
        "keys",
        "members",
        "people",
        "proposals",
        "purchases",
        "requests",
        "subscribers",
        "told",
    )

    def __init__(self) -> None:
        self.accounts: list[AccountRow] = []
        self.elsewhere: set[str] = set()
        self.jobs: list[JobRow] = []
        self.clients: list[str] = []
        self.requests: list[RequestRow] = []
        self.externals: list[ExternalRow] = []
        self.entries: list[EntryRow] = []
        self.proposals: list[ProposalRow] = []
        self.invitations: list[InvitationRow] = []
        self.members: list[MemberRow] = []
        self.purchases: list[PurchaseRow] = []
        self.told: list[ToldRow] = []
        self.endpoints: list[EndpointRow] = []
        self.deliveries: list[DeliveryRow] = []
        self.keys: list[KeyRow] = []
        self.people: list[PersonRow] = []
        self.subscribers: list[tuple[str, str | None]] = []
        """The endpoints that want to be told of events, and of which kinds, packed."""


class Changes:
    """What a batch writes: new rows by table, rows that replace those of the same key, and statements after that."""

    __slots__ = ("new", "old", "statements")

    def __init__(self) -> None:
        self.new: dict[type[Row], list[Row]] = {}
        self.old: dict[type[Row], list[Row]] = {}
        self.statements: list[tuple[str, Params]] = []
        """Written for both stores, like those of `Store`."""


class Session(Protocol):
    """One lane's way to the store: a transaction at a time, read once or twice, then written or given up.

    Everything here raises StoreError for failures that lie with the store.
    """

    async def read(self, needs: Needs) -> Facts:
        """Begin a transaction, lock, and read."""

    async def read_history(self, since: Mapping[str, int]) -> list[ProposalRow]:
        """Read the proposals that accounts, which are locked, submitted from a time on."""

    async def write(self, changes: Changes) -> None:
        """Write everything and commit."""

    async def was_kept(self) -> bool:
        """Say whether the batch that failed in its commit was kept; waits for its transaction to end."""

    async def give_up(self) -> None:
        """End the transaction, if one is open, as if it had never begun; raises nothing."""

    async def close(self) -> None:
        """Let go of the store."""


class Snapshot(Protocol):
    """Many questions to one moment of the store."""

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows."""

    def stream(self, sql: str, params: Params = NONE) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """Yield the rows in pieces, so that any number fits into memory."""


class Store(Protocol):
    """A database.

    Statements are written once for both stores: parameters as `:name`, an id's parameter as `id(:name)`, ids of a
    result as columns named as such. Times and ids are always parameters.
    """

    lanes: int
    """How many lanes it is best written by."""

    async def session(self) -> Session:
        """Open a lane's way to the store."""

    async def fetch(self, sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
        """Return all rows of a question."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Ask many questions to one moment."""

    async def change(self, sql: str, params: Params = NONE) -> int:
        """Execute one statement in a transaction of its own, and return how many rows it changed.

        It must be one that does nothing the second time: a lost link may have it executed twice.
        """

    async def fence(self, patience_seconds: float, /) -> bool:
        """Return True once every write that began before has ended, False where that takes too long."""

    async def close(self) -> None:
        """Let go of the database."""
