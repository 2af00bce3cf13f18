"""What tests about people and sessions begin with: people with passwords, a cheap hasher, and the machine's clock."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from earnest import Marketplace
from earnest.ledger.schema import METADATA
from earnest.marketplace import hashing, passwords, sessions, tries
from earnest.marketplace.people import PersonShown, Seat
from earnest.marketplace.sessions import Session, SignedIn
from tests.stores import StandingClock

PASSWORD = "a long walk home"  # noqa: S105
ADDRESS = "192.0.2.7"

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Spy:
    """A hasher that counts what it is asked for."""

    def __init__(self, inner: PasswordHasher = CHEAP) -> None:
        self.inner = inner
        self.against: list[str] = []
        """The hashes that passwords were compared with."""

    def hash(self, password: bytes) -> str:
        return self.inner.hash(password)

    def verify(self, kept: str, password: bytes) -> bool:
        self.against.append(kept)
        return self.inner.verify(kept, password)

    def check_needs_rehash(self, kept: str) -> bool:
        return self.inner.check_needs_rehash(kept)


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spy]:
    """A hasher that takes no time, and counts."""
    spy = Spy()
    monkeypatch.setattr(hashing, "_HASHER", spy)
    hashing._nobodys.cache_clear()
    yield spy
    hashing._nobodys.cache_clear()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    """The machine's clock, which is another than the ledger's."""
    clock = StandingClock()
    for module in (sessions, passwords, tries):
        monkeypatch.setattr(module, "utc_now", clock)
    return clock


def known(market: Marketplace, email: str = "ana@example.com", seats: tuple[Seat, ...] = ()) -> PersonShown:
    """A person with a password."""
    made = market.create_person(email=email, name="Ana", seats=seats)
    assert isinstance(made, PersonShown), made
    answer = market.set_password(link(market, email), PASSWORD)
    assert isinstance(answer, PersonShown), answer
    return answer


def link(market: Marketplace, email: str = "ana@example.com") -> str:
    given = market.password_link(email)
    assert given is not None
    return given[1]


def sign_in(market: Marketplace, email: str = "ana@example.com", password: str = PASSWORD) -> str:
    """Sign in, and return the session's secret."""
    answer = market.sign_in(email, password, address=ADDRESS)
    assert isinstance(answer, SignedIn), answer
    return answer.secret


def session(market: Marketplace, secret: str) -> Session:
    found = market.session(secret)
    assert found is not None
    return found


def everything(market: Marketplace) -> str:
    """All that the tables hold, as one text."""
    ledger = market._inner.ledger
    return "\n".join(repr(market.wait(ledger.fetch(f"select * from {name}"))) for name in METADATA.tables)  # noqa: S608


def count(market: Marketplace, table: str) -> int:
    [(found,)] = market.wait(market._inner.ledger.fetch(f"select count(*) from {table}"))  # noqa: S608
    return int(found)
