"""What happens by the story, and when: the people one can sign in as, and whatever has to be seen once."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from earnest.demo.story import Story
from earnest.demo.texts import Posting


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of the demo's year."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


class Episode(msgspec.Struct, frozen=True):
    """A deed at a time."""

    at: datetime
    do: Callable[[Story], Awaitable[None]]


COMPARED = Posting(
    "design",
    "Twelve ink drawings for a picture book about a lighthouse",
    "The text is finished: a keeper's daughter counts the ships of one night, from the first dusk to the morning. We "
    "are looking for twelve drawings in ink with one colour, across a spread each. We would like sketches by the end "
    "of May and finals in July. The book is printed on uncoated paper, so please think of fine lines. Tell us which "
    "of the twelve hours you would draw first, and why.",
    ("illustration", "ink", "picture books"),
    "the drawings for the lighthouse book",
    "A keeper's daughter would know each ship by its lights before she sees a hull.",
    (
        "I would draw the hour before dawn first, when the light is on and no longer needed.",
        "I would begin with midnight: it decides how dark the book may get on uncoated paper.",
        "The first ship at dusk is where the colour comes in, so I would start there.",
        "At three in the morning hardly anything happens, and those are the drawings children stay with.",
        "On uncoated paper a fine line spreads, so I would draw a little larger and thinner than it should look.",
        "The morning would be my first, as the whole night has to arrive there.",
        "Across a spread the fold takes a hand's width, and no ship should sail into it.",
        "I would give the colour to the lamp alone, and let the ships be what the light leaves out.",
    ),
    1400,
)
"""The job whose proposals a client compares at the end."""

NEWEST = Posting(
    "design",
    "Cover lettering for a novel about bees",
    "The title has three short words and may fill the cover. We want letters drawn for it, and no typeface with leaves "
    "added. The author likes the signs of old seed shops. One round of sketches and one of changes would do.",
    ("lettering", "book covers"),
    "the lettering for the novel about bees",
    "Old seed packets have letters with swollen stems, and those I would go and look at first.",
    ("Three short words are a gift, and I would let them fill the cover from edge to edge.",),
    420,
)
"""The job nobody has proposed to yet."""

REPRICED = Posting(
    "design",
    "Catalogue of forty-eight pages for a paper shop",
    "Once a year we print a catalogue of all our papers, with a sample glued to each page. We need a layout that "
    "leaves room for the samples and keeps the prices easy to change. Photographs and texts are ready.",
    ("layout", "print"),
    "the catalogue for the paper shop",
    "Glued samples make a spine swell, so the binding has to be thought of before the page.",
    ("I would keep the prices in a table of their own, so that next year's catalogue is an hour's work.",),
    460,
)

LAPSED = Posting(
    "writing",
    "Blurbs for the autumn list",
    "Nine books need a text for the back of the cover, a hundred and twenty words each. You get the manuscripts and a "
    "page of notes from each editor. We have been slow to decide on such things before, and apologise beforehand.",
    ("copywriting", "books"),
    "the blurbs for the autumn list",
    "Nine blurbs stand side by side in a shop, so no two may begin with a question.",
    ("I would read the first and the last chapter of each, and ask its editor one question.",),
    380,
)

POSTER = Posting(
    "design",
    "Poster for a play without words",
    "In June we show an evening of mime, and the poster should be as quiet as the play. It hangs in shop windows and "
    "at four bus stops, so it must be read from across the street. There is one photograph we love and nothing else.",
    ("poster", "typography"),
    "the poster for the play without words",
    "An evening without words wants a poster one can read without hearing it shout.",
    ("I would give the photograph the whole sheet and keep the words to one line.",),
    350,
)

MAP = Posting(
    "design",
    "Hand-drawn map of a walk from hut to hut",
    "Guests walk from one of our houses to the next in five days. We want a map they like to unfold, with the huts, "
    "the springs and the places where one gets lost. It is printed on both sides of a large sheet and has to "
    "survive rain.",
    ("maps", "illustration", "print"),
    "the map of the walk",
    "People unfold a map in the wind, so the fold decides what is next to what.",
    ("I would draw it so that the day's walk runs upwards on the sheet, as one sees it ahead.",),
    1250,
)

_EPISODES = (
    # Ana is on plus and does well: she buys twice, is hired now and then, and carries what she doesn't use.
    (at(1, 29, 15, 20), lambda s: s.hire("Ana Ferraz")),
    (at(2, 17, 9, 31), lambda s: s.buy("Ana Ferraz", 20)),
    (at(2, 17, 9, 34), lambda s: s.paid("Ana Ferraz")),
    (at(2, 18, 10, 5), lambda s: s.post(REPRICED)),
    (at(2, 18, 16, 40), lambda s: s.propose(REPRICED, "Ana Ferraz")),
    (at(2, 20, 9, 15), lambda s: s.reprice(REPRICED, 165_000)),
    (at(3, 2, 11, 50), lambda s: s.hire("Ana Ferraz", REPRICED)),
    (at(3, 11, 10, 30), lambda s: s.hire("Ana Ferraz")),
    (at(3, 20, 12, 5), lambda s: s.hire("Ana Ferraz")),
    (at(4, 8, 13, 10), lambda s: s.hire("Ana Ferraz")),
    (at(4, 9, 8, 45), lambda s: s.buy("Ana Ferraz", 15)),
    (at(4, 9, 8, 47), lambda s: s.paid("Ana Ferraz")),
    (at(4, 14, 10), lambda s: s.grant("Ana Ferraz", 12, "Thank you for testing the new search", at(4, 28, 10))),
    (at(4, 22, 11, 20), lambda s: s.post(POSTER, "Bramble Theatre")),
    (at(4, 22, 11, 25), lambda s: s.invite("Ana Ferraz", POSTER)),
    (at(4, 23, 9, 30), lambda s: s.post(MAP, "Hilltop Hostels")),
    (at(4, 23, 9, 40), lambda s: s.invite("Ana Ferraz", MAP)),
    # Ben is on basic and needs more than it brings in some months, while it takes the rest of others.
    (at(1, 28, 10, 12), lambda s: s.hire("Ben Okpara")),
    (at(2, 6, 14, 30), lambda s: s.hire("Ben Okpara")),
    (at(2, 13, 9, 50), lambda s: s.hire("Ben Okpara")),
    (at(2, 20, 16, 5), lambda s: s.hire("Ben Okpara")),
    (at(2, 27, 12, 0), lambda s: s.hire("Ben Okpara")),
    (at(3, 6, 10, 45), lambda s: s.hire("Ben Okpara")),
    (at(3, 13, 15, 15), lambda s: s.hire("Ben Okpara")),
    (at(3, 20, 11, 35), lambda s: s.hire("Ben Okpara")),
    (at(3, 27, 13, 55), lambda s: s.hire("Ben Okpara")),
    (at(4, 10, 9, 20), lambda s: s.hire("Ben Okpara")),
    (at(2, 9, 9, 5), lambda s: s.grant("Ben Okpara", 8, "For reporting a job that was no job")),
    (at(3, 9, 9, 5), lambda s: s.grant("Ben Okpara", 8, "For reporting a job that was no job")),
    # Cleo sends everybody the same letter, is warned and suspended by conduct, and appeals.
    (
        at(4, 20, 18, 22),
        lambda s: s.appeal(
            "Cleo Varga",
            "I only apply a lot because I need the work. My letter is a good letter and I don't see why I should write "
            "a new one each time. Please let me propose again.",
        ),
    ),
    # Tomasz was suspended in February, is let off, and changes his ways. Noor is warned.
    (
        at(2, 18, 12, 15),
        lambda s: s.appeal(
            "Tomasz Wilk",
            "I sent too many and too fast, I see that now. I would like to go on with fewer and better ones.",
        ),
    ),
    (at(2, 20, 9, 30), lambda s: s.lift("Tomasz Wilk", "A fair answer. Fewer and better ones, then.")),
    (at(3, 25, 14, 45), lambda s: s.hire("Tomasz Wilk")),
    # Rui wins a prize that is credited twice, moves up, buys, and the payment is taken back when half of it is spent.
    (at(3, 26, 9), lambda s: s.grant("Rui Takeda", 40, "First prize of the spring contest")),
    (at(3, 26, 9, 1), lambda s: s.grant("Rui Takeda", 40, "First prize of the spring contest")),
    (at(4, 2, 10, 30), lambda s: s.revoke("Rui Takeda", 40, "The prize of 26 March was credited twice")),
    (at(4, 12, 17, 5), lambda s: s.hire("Rui Takeda")),
    (at(4, 13, 9), lambda s: s.plan("Rui Takeda", "plus")),
    (at(4, 13, 9, 4), lambda s: s.buy("Rui Takeda", 20)),
    (at(4, 13, 9, 6), lambda s: s.paid("Rui Takeda")),
    (at(4, 22, 15, 30), lambda s: s.reversed("Rui Takeda")),
    # Greta holds as much as anybody may.
    (at(2, 3, 12), lambda s: s.grant("Greta Lindqvist", 180, "For hosting the audio forum", at(6, 30, 0))),
    # Plans: two go up, one means to go down and stays, one goes down soon; a payment comes too late for a third.
    (at(2, 2, 8, 40), lambda s: s.plan("Lucía Barrientos", "plus")),
    (at(3, 16, 19, 10), lambda s: s.plan("Minh Anh Dao", "plus")),
    (at(3, 9, 18, 20), lambda s: s.plan("Samuel Achieng", "basic")),
    (at(3, 12, 8, 50), lambda s: s.stay("Samuel Achieng")),
    (at(4, 18, 10, 10), lambda s: s.plan("Mateo Quispe", "basic")),
    (at(1, 30, 21, 15), lambda s: s.buy("Zeynep Aksoylu", 10)),
    (at(1, 31, 9, 30), lambda s: s.plan("Zeynep Aksoylu", "basic")),
    (at(2, 2, 7, 50), lambda s: s.paid("Zeynep Aksoylu")),
    # Fees: one isn't paid in February and costs the plan, one is late, one is open now.
    (at(2, 11, 6), lambda s: s.fee("Chiara Bellandi", paid=False)),
    (at(2, 9, 6), lambda s: s.fee("Quayside Software", paid=False)),
    (at(2, 12, 14, 25), lambda s: s.fee("Quayside Software", paid=True)),
    (at(4, 13, 6), lambda s: s.fee("Nadia Benkirane", paid=False)),
    # Purchases: bought, given up, waiting for the payment.
    (at(3, 3, 16, 20), lambda s: s.buy("Priya Raghunath", 12)),
    (at(3, 3, 16, 22), lambda s: s.paid("Priya Raghunath")),
    (at(3, 11, 20, 35), lambda s: s.buy("Pavel Horak", 15)),
    (at(3, 12, 20, 35), lambda s: s.reversed("Pavel Horak")),
    (at(3, 20, 10, 40), lambda s: s.buy("Studio Kestrel", 30, "Elif Demirkan")),
    (at(3, 20, 10, 43), lambda s: s.paid("Studio Kestrel")),
    (at(4, 23, 20, 15), lambda s: s.buy("Hanna Vesterinen", 20)),
    # Bonuses of an expiry of their own, and one without.
    (at(2, 10, 9), lambda s: s.grant("Oksana Hrytsenko", 24, "For a talk at the writers' evening", at(3, 10, 0))),
    (at(3, 5, 9), lambda s: s.grant("Dilnoza Karimova", 6, "Sorry for the outage of 4 March")),
    # The studio's people come and go, and it finds work.
    (at(2, 12, 10, 30), lambda s: s.hire("Studio Kestrel")),
    (at(3, 18, 15, 45), lambda s: s.hire("Studio Kestrel")),
    (at(3, 27, 17), lambda s: s.leave("Petra Zupan")),
    # Alder & Finch: a post that lapsed, one given up, one to compare proposals at, and one nobody has seen yet.
    (at(3, 12, 9, 10), lambda s: s.post(LAPSED)),
    (at(4, 16, 9, 30), lambda s: s.post(COMPARED)),
    (at(4, 17, 10, 20), lambda s: s.propose(COMPARED, "Studio Kestrel")),
    (at(4, 17, 18, 50), lambda s: s.propose(COMPARED, "Ingrid Solheim")),
    (at(4, 18, 11, 15), lambda s: s.propose(COMPARED, "Ana Ferraz")),
    (at(4, 23, 14, 30), lambda s: s.fill_up(COMPARED, 8)),
    (at(4, 24, 8, 41), lambda s: s.post(NEWEST, is_taking=False)),
)

EPISODES = tuple(sorted((Episode(at, do) for at, do in _EPISODES), key=lambda episode: episode.at))
"""All of them, the earliest first."""
