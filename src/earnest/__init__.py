"""Earnest: connects for freelance marketplaces, exact and explained.

`from earnest import Marketplace` is the way in for programs; what its use cases answer is described in
`earnest.marketplace.shown`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earnest.ledger.errors import BusyError, LedgerError, RevisionError, SchemaError, UnavailableError
    from earnest.ledger.writer import Key
    from earnest.marketplace import AsyncMarketplace, Marketplace
    from earnest.marketplace.proposals import NewProposal
    from earnest.rules.outcome import Refusal, Refused

_FOUND_IN = {
    "AsyncMarketplace": "earnest.marketplace",
    "BusyError": "earnest.ledger.errors",
    "Key": "earnest.ledger.writer",
    "LedgerError": "earnest.ledger.errors",
    "Marketplace": "earnest.marketplace",
    "NewProposal": "earnest.marketplace.proposals",
    "Refusal": "earnest.rules.outcome",
    "Refused": "earnest.rules.outcome",
    "RevisionError": "earnest.ledger.errors",
    "SchemaError": "earnest.ledger.errors",
    "UnavailableError": "earnest.ledger.errors",
}

__all__ = [
    "AsyncMarketplace",
    "BusyError",
    "Key",
    "LedgerError",
    "Marketplace",
    "NewProposal",
    "Refusal",
    "Refused",
    "RevisionError",
    "SchemaError",
    "UnavailableError",
]


def __getattr__(name: str) -> Any:
    # Whoever wants only the rules doesn't load a database's driver.
    if name in _FOUND_IN:
        return getattr(importlib.import_module(_FOUND_IN[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
