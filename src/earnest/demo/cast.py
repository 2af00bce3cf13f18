"""Who is on the demo's marketplace, read from `cast.toml`."""

from datetime import date
from importlib.resources import files

import msgspec

from earnest.demo.texts import Care
from earnest.rules.member import Role


class Freelancer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody with an account of their own, or an agency with its members.

    `pace` is in proposals a week. Spending without a hire they stop at `stops_at` connects; None: well before it
    would be minded. `unlucky` ones are hired only by the story. They are there from `since` on and propose until
    `until`. `monthly` is the most they spend in each month, from the first.
    """

    name: str
    trades: tuple[str, ...]
    pace: float
    letters: Care
    plan: str
    stops_at: int | None = None
    unlucky: bool = False
    since: date | None = None
    until: date | None = None
    monthly: tuple[int, ...] = ()


class Colleague(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member of an agency; where `can_propose` isn't said, the role decides."""

    name: str
    role: Role
    can_propose: bool | None = None


class Agency(Freelancer, frozen=True, forbid_unknown_fields=True):
    """An agency."""

    members: tuple[Colleague, ...] = ()


class Cast(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody. Clients are their names."""

    freelancers: tuple[Freelancer, ...]
    agencies: tuple[Agency, ...]
    clients: tuple[str, ...]


def read() -> Cast:
    """Return everybody."""
    return msgspec.toml.decode(files("earnest.demo").joinpath("cast.toml").read_bytes(), type=Cast)
