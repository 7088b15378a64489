"""A chart as data: what is drawn, in the units of its axes. How it looks is the template's.

Colours are names of the palette in the template and every series has a shape or a dash of its
own, so that it is told apart without colour too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Colour = Literal["ifs", "qfs", "ink", "muted", "caution"]
Shape = Literal["circle", "square", "triangle", "diamond"]
Dash = Literal["solid", "dashed", "dotted"]

# Steps that people count in; five or six of them fill an axis.
TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
TICKS_WANTED = 5
# Air between the outermost value and the frame.
MARGIN_SHARE = 0.06


@dataclass(frozen=True)
class Axis:
    """One axis: its label with the unit, its ends, and where it is marked with which words."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def __post_init__(self) -> None:
        """Refuse an axis without length."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            message = f"the axis runs from {self.low} to {self.high}, expected a rising range"
            raise ValueError(message)


def axis_around(
    label: str, values: Iterable[float], *, include: Sequence[float] = (), least_span: float = 1.0
) -> Axis:
    """Lay an axis around values, a little wider, with round numbers at its marks."""
    found = [*values, *include]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    lacking = max(0.0, least_span - (high - low)) / 2.0
    margin = MARGIN_SHARE * max(high - low, least_span) + lacking
    low, high = low - margin, high + margin
    return Axis(label, low, high, ticks_between(low, high))


def ticks_between(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Choose round numbers between two ends.

    >>> [text for _, text in ticks_between(-3.2, 4.1)]
    ['−2', '0', '2', '4']
    """
    rough = (high - low) / TICKS_WANTED
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * item for item in TICK_STEPS if power * item >= rough * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += step / 10.0 ** math.floor(math.log10(step) + 1e-9) == TICK_STEPS[2]
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return tuple((number * step, _tick_text(number * step, digits)) for number in numbers)


def _tick_text(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return "0" if float(text) == 0.0 else text.replace("-", "\u2212")


@dataclass(frozen=True)
class Dots:
    """Points at (x, y); a label puts them into the legend."""

    points: tuple[tuple[float, float], ...]
    colour: Colour = "ink"
    shape: Shape = "circle"
    filled: bool = True
    label: str = ""


@dataclass(frozen=True)
class Bars:
    """Vertical intervals at x from low to high."""

    bars: tuple[tuple[float, float, float], ...]
    colour: Colour = "ink"
    label: str = ""


@dataclass(frozen=True)
class Line:
    """A line through (x, y)."""

    points: tuple[tuple[float, float], ...]
    colour: Colour = "ink"
    dash: Dash = "solid"
    label: str = ""


@dataclass(frozen=True)
class Level:
    """A straight line across the whole chart at one y (or x), with words at its end."""

    at: float
    words: str = ""
    colour: Colour = "ink"
    dash: Dash = "solid"
    upright: bool = False
    label: str = ""


Item = Dots | Bars | Line | Level


@dataclass(frozen=True)
class Chart:
    """One chart.

    `name` becomes the file name, `alt` is what a screen reader says.
    """

    name: str
    title: str
    alt: str
    x: Axis
    y: Axis
    items: tuple[Item, ...]
    width_mm: float = 84.0
    height_mm: float = 56.0
    right_room_mm: float = 4.0

    def as_data(self) -> dict[str, Any]:
        """Give the chart as plain JSON values for the template."""
        data = asdict(self)
        data["items"] = [
            {"kind": type(item).__name__.lower(), **asdict(item)} for item in self.items
        ]
        return data
