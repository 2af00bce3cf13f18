"""Who may do what for an agency (RULES 8)."""

from typing import Literal

import msgspec

from earnest.rules.outcome import Refusal, Refused

Role = Literal["owner", "admin", "member"]


class Member(msgspec.Struct, frozen=True):
    """A person of an agency. `can_propose` is None where nobody has said otherwise than the role does."""

    id: str
    role: Role
    can_propose: bool | None = None

    def __post_init__(self) -> None:
        if self.role not in ("owner", "admin", "member"):
            raise ValueError(f"role: expected 'owner', 'admin' or 'member', got {self.role!r}")

    @property
    def leads(self) -> bool:
        """Whether this member may buy connects and change the plan: owners and admins only."""
        return self.role in ("owner", "admin")

    @property
    def may_propose(self) -> bool:
        """Whether proposals may go out in this member's name: as set, else owners and admins."""
        return self.leads if self.can_propose is None else self.can_propose


def bar_for_role(by: Member | None) -> Refused | None:
    """Refuse what only owners and admins may do to anybody else; None stands for the marketplace itself."""
    return None if by is None or by.leads else _not_permitted(by, "role")


def bar_for_changing(by: Member | None, other: Member | None, role: Role | None) -> Refused | None:
    """Refuse making a member something, or letting one go, to whom that isn't given; None stands for the marketplace.

    `other` is whom it is about, None for somebody new; `role` what they are to be, None for letting them go.
    What an owner may do and who becomes one only owners say, and nobody gives up being an owner by themselves: so there
    always is one, also when two of them take it from each other at once. Anybody else may leave.
    """
    if by is None:
        return None
    is_self = other is not None and other.id == by.id
    if is_self and by.role == "owner" and role != "owner":
        return _not_permitted(by, "own_ownership")
    if is_self and role is None:
        return None
    was = None if other is None else other.role
    if by.leads and by.role != "owner" and "owner" in (was, role):
        return _not_permitted(by, "for_owners")
    return bar_for_role(by)


def _not_permitted(by: Member, reason: str) -> Refused:
    return Refused(Refusal.NOT_PERMITTED, {"reason": reason, "member": by.id, "role": by.role})
