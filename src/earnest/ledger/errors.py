"""What can go wrong beside a refusal: the ledger is busy, out of reach, or not one this version can use."""

from collections.abc import Iterator
from contextlib import contextmanager


class LedgerError(Exception):
    """Something about the ledger, not about the request."""


class BusyError(LedgerError):
    """The request was not taken on, and nothing happened: try again in `retry_after_seconds`."""

    def __init__(self, what: str, retry_after_seconds: int = 1) -> None:
        super().__init__(what)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(LedgerError):
    """The store can't be reached or written to.

    With `outcome_unknown` the request may have been executed: asked again with the same idempotency key, it is
    answered as it came out, or executed once.
    """

    def __init__(self, what: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(what)
        self.outcome_unknown = outcome_unknown


@contextmanager
def already_done() -> Iterator[None]:
    """Say of what fails in here that the request itself may have been executed: only its answer is missing."""
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(str(error), outcome_unknown=True) from error


class SchemaError(LedgerError):
    """The database's tables are not this version's."""


class RevisionError(LedgerError):
    """The rule pack differs from what was in force in this database."""


class SandboxError(LedgerError):
    """The database is a sandbox's where a real one is wanted, or the other way round."""


class StoreError(Exception):
    """A transaction failed for a reason that lies with the store.

    `lasting` says that trying again at once is no use (no space, no permission to write); `committing` that it failed
    while it was committing, so that nobody knows yet whether it did; `conflict` that a row of the same key was there,
    which somebody else has just written, or which only a defect explains.
    """

    def __init__(self, what: str, *, lasting: bool = False, committing: bool = False, conflict: bool = False) -> None:
        super().__init__(what)
        self.lasting = lasting
        self.committing = committing
        self.conflict = conflict
