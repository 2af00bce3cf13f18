"""Tries at signing in: how many there may be in a while, for an e-mail address and from one place.

For an e-mail address there are few from any one place, and more from all of them: so a stranger who knows somebody's
address can't lock them out from where they are, and somebody with many places still can't guess for long.

A try is written before the password is looked at, and counted after that, in the database and so by all processes.
However many come at once, no more are let through than may be: each that is let through has been written before the
last of them was counted. Who tried is kept as a hash only, and forgotten when it no longer counts.

Times are the machine's, not those of a sandbox's clock: moving that must not end a lock-out.
"""

import hashlib
import ipaddress
import secrets
from datetime import timedelta

import msgspec

from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import micros
from earnest.marketplace.people import folded
from earnest.rules.outcome import Refusal, Refused

WITHIN = timedelta(minutes=15)
"""How long a try counts."""

MOST_FOR_EMAIL = 10
"""How often the password of one e-mail address may be tried from one place."""

MOST_FOR_EMAIL_ANYWHERE = 100
MOST_FROM_ADDRESS = 100
MOST_LINKS = 5
"""How often a link to set a new password may be asked for with one e-mail address."""

IPV6_NETWORK_BITS = 64
"""What one subscriber has of IPv6."""

_WITHIN = WITHIN // timedelta(microseconds=1)
_COUNT = "select at from attempt where name = :name and at > :since order by at"
_BEGIN = "insert into attempt (name, at, nonce) values (:name, :at, :nonce) on conflict do nothing"
_TAKE_BACK = "delete from attempt where name = :name and at = :at and nonce = :nonce"
_FORGIVE = "delete from attempt where name = :name"
_FORGIVE_ANYWHERE = "delete from attempt where name = :name or name like :from_one_place"
_DROP = "delete from attempt where at <= :before"


class Tried(msgspec.Struct, frozen=True):
    """A try that is let through, and what it is counted by."""

    names: tuple[str, ...]
    at: int
    nonce: str

    async def take_back(self, ledger: Ledger) -> None:
        """Have it not been one: it told nothing of any password."""
        for name in self.names:
            await ledger.store.change(_TAKE_BACK, {"name": name, "at": self.at, "nonce": self.nonce})


async def sign_in_try(ledger: Ledger, email: str, address: str) -> Tried | Refused:
    """Count a try with an e-mail address's password; `too_many_tries`."""
    allowed = {
        _from(email, address): MOST_FOR_EMAIL,
        _named("email", email): MOST_FOR_EMAIL_ANYWHERE,
        _named("address", network(address)): MOST_FROM_ADDRESS,
    }
    return await _begin(ledger, allowed)


async def change_try(ledger: Ledger, email: str) -> Tried | Refused:
    """Count a try of somebody who is signed in with their old password; `too_many_tries`.

    What strangers try, who aren't signed in, doesn't count here.
    """
    return await _begin(ledger, {f"{_named('email', email)} inside": MOST_FOR_EMAIL})


async def link_try(ledger: Ledger, email: str, address: str) -> Tried | Refused:
    """Count a try at having a link sent to an e-mail address; `too_many_tries`."""
    place = _named("link from", network(address))
    return await _begin(ledger, {_named("link", email): MOST_LINKS, place: MOST_FROM_ADDRESS})


async def forgive(ledger: Ledger, email: str, address: str) -> None:
    """Forget what was tried with an e-mail address from one place: somebody there has the password."""
    await ledger.store.change(_FORGIVE, {"name": _from(email, address)})


async def forgive_anywhere(ledger: Ledger, email: str) -> None:
    """Forget what was tried with an e-mail address: its password is another one now."""
    name = _named("email", email)
    await ledger.store.change(_FORGIVE_ANYWHERE, {"name": name, "from_one_place": f"{name} %"})


async def drop_tries(ledger: Ledger) -> None:
    """Forget the tries that no longer count."""
    await ledger.store.change(_DROP, {"before": micros(utc_now() - WITHIN)})


async def _begin(ledger: Ledger, allowed: dict[str, int]) -> Tried | Refused:
    now = micros(utc_now())
    # Whoever is turned away here needn't write anything.
    refused = await _over(ledger, allowed, now, before=True)
    if refused is not None:
        return refused
    tried = Tried(tuple(allowed), now, secrets.token_hex(8))
    for each in tried.names:
        await ledger.store.change(_BEGIN, {"name": each, "at": now, "nonce": tried.nonce})
    refused = await _over(ledger, allowed, now, before=False)
    if refused is not None:
        await tried.take_back(ledger)
        return refused
    return tried


async def _over(ledger: Ledger, allowed: dict[str, int], now: int, *, before: bool) -> Refused | None:
    """Return a refusal where there are too many tries of a name: before one more, or with it among them."""
    for name, most in allowed.items():
        rows = await ledger.fetch(_COUNT, {"name": name, "since": now - _WITHIN})
        too_many = len(rows) + before - most
        if too_many > 0:
            free_at = rows[min(too_many, len(rows)) - 1][0] + _WITHIN
            seconds = max(1, -(-(free_at - now) // 1_000_000))
            return Refused(Refusal.TOO_MANY_TRIES, {"retry_after_seconds": int(seconds)})
    return None


def _named(kind: str, what: str) -> str:
    """Return the hash under which tries are counted: of any length, and telling nobody who tried."""
    said = folded(what) if type(what) is str else ""
    return hashlib.sha256(f"{kind}:{said}".encode("utf-8", "surrogatepass")).hexdigest()


def _from(email: str, address: str) -> str:
    """Return the name under which tries with an e-mail address are counted that come from one place."""
    return f"{_named('email', email)} {_named('address', network(address))}"


def network(address: str) -> str:
    """Return what of an IP address is one subscriber's."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, IPV6_NETWORK_BITS), strict=False))
