"""Charts as SVG drawn here: no script, no style of their own, and what they show stands beside them as a table.

Everything is whole units of a drawing that scales with its place; colours are the stylesheet's, by class.
"""

from collections.abc import Sequence

import msgspec

WIDTH = 640
HEIGHT = 180
BASE = 28
"""What is left under the bars for the names of their groups."""

TOP = 24
GAP = 2
MOST_BAR = 44


class Series(msgspec.Struct, frozen=True):
    """One thing that is drawn for each group, under its name: `css` is the colour's class."""

    css: str
    name: str
    values: Sequence[int]


class Bar(msgspec.Struct, frozen=True):
    """A bar, its value and where that is written."""

    css: str
    x: int
    y: int
    width: int
    height: int
    value: int


class Group(msgspec.Struct, frozen=True):
    """Bars side by side over one name."""

    name: str
    x: int
    bars: list[Bar]


def highest(series: Sequence[Series]) -> int:
    """Return the highest value of several series, 0 where there is none."""
    return max((value for each in series for value in each.values), default=0)


def grouped(names: Sequence[str], series: Sequence[Series]) -> list[Group]:
    """Return the bars of several series, side by side in each group, as high as their values."""
    top = highest(series) or 1
    room = WIDTH // max(1, len(names))
    width = min(MOST_BAR, (room - 4 * GAP) // max(1, len(series)) - GAP)
    whole = len(series) * (width + GAP) - GAP
    groups = []
    for at, name in enumerate(names):
        middle = at * room + room // 2
        bars = []
        for number, each in enumerate(series):
            value = each.values[at]
            height = round((HEIGHT - BASE - TOP) * value / top)
            x = middle - whole // 2 + number * (width + GAP)
            bars.append(Bar(each.css, x, HEIGHT - BASE - height, width, height, value))
        groups.append(Group(name, middle, bars))
    return groups


class Piece(msgspec.Struct, frozen=True):
    """A piece of a bar that is as long as its whole."""

    css: str
    x: int
    width: int


def pieces(parts: Sequence[tuple[str, int]], width: int = WIDTH) -> list[Piece]:
    """Return parts, each a colour's class and a value, as pieces of one bar; what is there at all can be seen."""
    whole = sum(value for _, value in parts)
    drawn, before = [], 0
    for css, value in parts:
        if value:
            x, end = width * before // whole, width * (before + value) // whole
            drawn.append(Piece(css, x, max(3, end - x - GAP)))
        before += value
    return drawn
