"""Who may do what for an agency (RULES 8)."""

from typing import Literal

import msgspec

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
