"""Earnest: connects for freelance marketplaces, exact and explained.

`from earnest import Marketplace` is the way in for programs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earnest.marketplace import AsyncMarketplace, Marketplace

__all__ = ["AsyncMarketplace", "Marketplace"]


def __getattr__(name: str) -> Any:
    # Whoever wants only the rules doesn't load a database's driver.
    if name in __all__:
        from earnest import marketplace

        return getattr(marketplace, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
