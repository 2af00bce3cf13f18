"""The places there are to go to from anywhere, for each role."""

from collections.abc import Callable

from earnest.web.routes import Role
from earnest.web.words import Words


def _holder(w: Words) -> list[tuple[str, str]]:
    return [
        ("/work", w.gettext("Find work")),
        ("/proposals", w.gettext("Proposals")),
        ("/invitations", w.gettext("Invitations")),
        ("/connects", w.tokens.capitalize()),
        ("/membership", w.gettext("Membership")),
    ]


def _agency(w: Words) -> list[tuple[str, str]]:
    return [*_holder(w), ("/team", w.gettext("Team"))]


def _client(w: Words) -> list[tuple[str, str]]:
    return [("/jobs", w.gettext("Your jobs")), ("/post", w.gettext("Post a job"))]


def _operator(w: Words) -> list[tuple[str, str]]:
    return [
        ("/operate/accounts", w.gettext("Accounts")),
        ("/operate/suspensions", w.gettext("Suspensions")),
        ("/operate/circulation", w.gettext("Circulation")),
        ("/operate/rules", w.gettext("Rules")),
        ("/operate/webhooks", w.gettext("Webhooks")),
        ("/operate/audit", w.gettext("Audit")),
        ("/operate/people", w.gettext("People")),
    ]


_PLACES: dict[Role, Callable[[Words], list[tuple[str, str]]]] = {
    "freelancer": _holder,
    "agency": _agency,
    "client": _client,
    "operator": _operator,
}


def places(role: Role, words: Words) -> list[tuple[str, str]]:
    """Return where a role can go: addresses and what they are called."""
    return _PLACES[role](words)
