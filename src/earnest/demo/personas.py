"""The people one can sign in as, each with something to look at."""

import msgspec

from earnest.demo.stage import Stage, must
from earnest.marketplace.people import Seat, SeatKind


class Place(msgspec.Struct, frozen=True):
    """Where somebody sits, by what it is called in the cast; an operator's seat is nobody's."""

    kind: SeatKind
    name: str | None = None


class Persona(msgspec.Struct, frozen=True):
    """Somebody to sign in as: who they are and what to look at, in a sentence, and where they sit."""

    email: str
    name: str
    says: str
    role: str
    places: tuple[Place, ...]


PERSONAS = (
    Persona(
        "ana@demo.example",
        "Ana Ferraz",
        "A designer on plus who is doing well: two invitations wait for her, unused connects roll over, and a bonus is "
        "about to run out.",
        "Freelancer, plus",
        (Place("account", "Ana Ferraz"),),
    ),
    Persona(
        "ben@demo.example",
        "Ben Okpara",
        "A developer on basic who runs short in busy months and loses the rest in quiet ones: see what he is advised.",
        "Freelancer, basic",
        (Place("account", "Ben Okpara"),),
    ),
    Persona(
        "cleo@demo.example",
        "Cleo Varga",
        "She sends everybody the same letter, was warned and then suspended: see the evidence and her appeal.",
        "Freelancer, suspended",
        (Place("account", "Cleo Varga"),),
    ),
    Persona(
        "elif@demo.example",
        "Elif Demirkan",
        "She owns Studio Kestrel and looks after its pool of connects, its people and what each of them spends.",
        "Agency, owner",
        (Place("member", "Elif Demirkan"),),
    ),
    Persona(
        "oskar@demo.example",
        "Oskar Nyman",
        "He runs Studio Kestrel from day to day: he may propose, buy and change the plan.",
        "Agency, admin",
        (Place("member", "Oskar Nyman"),),
    ),
    Persona(
        "duncan@demo.example",
        "Duncan Abernathy",
        "A writer with an account of his own who also proposes for Studio Kestrel: one person, two balances that never "
        "mix.",
        "Agency, member, and freelancer",
        (Place("account", "Duncan Abernathy"), Place("member", "Duncan Abernathy")),
    ),
    Persona(
        "wanjiru@demo.example",
        "Wanjiru Kibet",
        "She works at Studio Kestrel and may look, but not propose for it.",
        "Agency, member",
        (Place("member", "Wanjiru Kibet"),),
    ),
    Persona(
        "maud@demo.example",
        "Maud Ellery",
        "She posts jobs for Alder & Finch: one with proposals to compare, one too new to have any.",
        "Client",
        (Place("client", "Alder & Finch"),),
    ),
    Persona(
        "iris@demo.example",
        "Iris Holmgaard",
        "She runs the marketplace: an appeal waits for her, and she can tell where every connect went.",
        "Operator",
        (Place("operator"),),
    ),
)


async def seat(stage: Stage) -> None:
    """Make the people known, each with their seats."""
    for persona in PERSONAS:
        seats = [Seat(place.kind, _target(stage, place)) for place in persona.places]
        must(await stage.market.create_person(email=persona.email, name=persona.name, seats=seats, key=stage.key()))


def _target(stage: Stage, place: Place) -> str | None:
    """Return the id of where somebody sits."""
    match place.kind:
        case "account":
            return stage.holders[place.name or ""].id
        case "member":
            return stage.members[place.name or ""]
        case "client":
            return stage.clients[place.name or ""]
        case "operator":
            return None
