"""How spaces and statistics are named, drawn and said; the data files keep numbers unrounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ifspace.figures.chart import Colour, Shape
from ifspace.model import Kind, Side
from ifspace.statistics import Estimate, Interval, Result

MINUS = "\u2212"
DASH = "\u2013"
ELLIPSIS = "\u2026"

KIND_COLOURS: Mapping[Kind, Colour] = MappingProxyType({Kind.IFS: "ifs", Kind.QFS: "qfs"})
# Told apart without colour; the left one is hollow as well.
SIDE_SHAPES: Mapping[Side, Shape] = MappingProxyType({Side.RIGHT: "circle", Side.LEFT: "diamond"})


def kind_title(kind: Kind) -> str:
    """Name a space in full with its abbreviation."""
    return f"{kind.full_name} ({kind.name})"


def shortened(names: Iterable[str], most: int) -> dict[str, str]:
    """Give every name in at most so many letters, its beginning and end; no two the same.

    >>> shortened(["reader of the north hospital", "B"], 15)
    {'reader of the north hospital': 'reader…ospital', 'B': 'B'}
    """
    short: dict[str, str] = {}
    for name in dict.fromkeys(names):
        words = name if len(name) <= most else _squeezed(name, most)
        number_of_name = 2
        while words in short.values():
            mark = f" ({number_of_name})"
            words = _squeezed(name, most - len(mark)) + mark
            number_of_name += 1
        short[name] = words
    return short


def _squeezed(name: str, most: int) -> str:
    end = (most - 1) // 2
    return f"{name[: most - 1 - end].rstrip()}{ELLIPSIS}{name[len(name) - end :].lstrip()}"


def number(value: float, digits: int) -> str:
    """Round, with a true minus sign, and never print a negative zero."""
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0.0 else text).replace("-", MINUS)


def given(result: Result, digits: int) -> str:
    """Say the value of a statistic, or that it is not given."""
    return number(result.value, digits) if isinstance(result, Estimate) else "not given"


def span(interval: Interval | None, digits: int) -> str:
    """Say an interval."""
    if interval is None:
        return DASH
    return f"{number(interval.low, digits)} to {number(interval.high, digits)}"


def interval_of(result: Result, digits: int) -> str:
    """Say the interval of a statistic, or why there is nothing."""
    if not isinstance(result, Estimate):
        return result.detail
    return span(result.interval, digits) if result.interval else (result.note or DASH)


def ignoring_of(result: Result, digits: int) -> str:
    """Say the interval that takes two hips for two persons, where it differs."""
    return span(result.ignoring_clusters, digits) if isinstance(result, Estimate) else DASH


def p_value(value: float | None) -> str:
    """Say a p-value as journals print it."""
    if value is None:
        return DASH
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def share(result: Result) -> str:
    """Say a share in percent with its interval."""
    if not isinstance(result, Estimate):
        return result.detail
    held = result.interval
    ends = "" if held is None else f" ({100 * held.low:.0f} to {100 * held.high:.0f})"
    return f"{100 * result.value:.0f} %{ends}"


def plural(count: int, one: str, many: str = "") -> str:
    """Say a count with its noun."""
    return f"{count} {one if count == 1 else many or one + 's'}"
