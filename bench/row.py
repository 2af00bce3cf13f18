"""A figure as it is shown and kept."""

import msgspec


class Row(msgspec.Struct, frozen=True):
    """A figure: what it is, in which unit, the target and whether it was reached, and its cost in yardsticks."""

    measure: str
    figure: float
    unit: str
    target: str = ""
    reached: bool | None = None
    yardsticks: float | None = None


def at_least(measure: str, figure: float, least: float, unit: str = "") -> Row:
    """Return a figure that is to reach a target."""
    return Row(measure, round(figure, 2), unit, f">= {least}", figure >= least)


def at_most(measure: str, figure: float, most: float, unit: str = "") -> Row:
    """Return a figure that is not to pass a target."""
    return Row(measure, round(figure, 2), unit, f"<= {most}", figure <= most)
