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
        self._name: str | None = None
        functools.update_wrapper(self, function)
        # What `help` shows: the function without its ledger.
        whole = inspect.signature(function)
        self.__signature__ = whole.replace(parameters=list(whole.parameters.values())[1:])

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember under which name it is offered."""
        self._name = name

    def __call__(self, *_args: P.args, **_kwargs: P.kwargs) -> T:
        """Raise TypeError: a use case is one of a marketplace that was opened. So `help` can show its arguments."""
        raise TypeError("expected a marketplace: open one, and call its use cases")

    @overload
    def __get__(self, face: "Marketplace", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, face: "AsyncMarketplace", owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, face: None, owner: type) -> "UseCase[P, T]": ...

    def __get__(self, face: Any, owner: type) -> Any:
        """Bind the function to a marketplace."""
        if face is None:
            return self
        bound = face.bind(self._function)
        functools.update_wrapper(bound, self._function)
        bound.__signature__ = self.__signature__
        # Found there from now on, without asking here.
        if self._name is not None:
            face.__dict__[self._name] = bound
        return bound
