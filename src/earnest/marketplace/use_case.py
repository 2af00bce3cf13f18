"""A use case is written once, as a function of a ledger that waits; both faces of the marketplace offer it.

`AsyncMarketplace` gives the function back bound to its ledger, to be awaited. `Marketplace` gives it back as a plain
function that waits by itself.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from earnest.ledger.ledger import Ledger

if TYPE_CHECKING:
    from earnest.marketplace import AsyncMarketplace, Marketplace

P = ParamSpec("P")
T = TypeVar("T")


class UseCase(Generic[P, T]):
    """One thing a person can do, as an attribute of both faces."""

    def __init__(self, function: Callable[Concatenate[Ledger, P], Coroutine[Any, Any, T]]) -> None:
        self._function = function
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        # What `help` shows: the function without its ledger.
        whole = inspect.signature(function)
        self.__signature__ = whole.replace(parameters=list(whole.parameters.values())[1:])

    @overload
    def __get__(self, face: "Marketplace", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, face: "AsyncMarketplace", owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, face: None, owner: type) -> "UseCase[P, T]": ...

    def __get__(self, face: Any, owner: type) -> Any:
        """Bind the function to a marketplace."""
        return self if face is None else face.bind(self._function)
