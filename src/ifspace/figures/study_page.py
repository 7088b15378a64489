"""Parts that the PDF summaries of agreement, groups and follow-up have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ifspace.figures.chart import Dots, Item
from ifspace.figures.sheet import Block, Sheet, callout, heading, items
from ifspace.figures.wording import (
    KIND_COLOURS,
    SIDE_SHAPES,
    given,
    ignoring_of,
    interval_of,
    p_value,
    plural,
)
from ifspace.model import Kind, Side
from ifspace.statistics import Estimate, Result
from ifspace.tables import RowProblem
from ifspace.version import __version__

STATISTIC_HEADER = ("statistic", "value", "95 % interval", "hips as independent")
ROWS_NOT_USED_ON_PAPER = 12


def study_sheet(title: str, subtitle: str, blocks: list[Block], methods: Sequence[str]) -> Sheet:
    """Close a summary with how its figures were made."""
    end = [heading("How these figures were made", level=3), items(methods, small=True)]
    return Sheet(title, subtitle, (*blocks, *end), f"ifspace {__version__}")


def study_warnings(
    cautions: Iterable[str], problems: Sequence[RowProblem], data_file: str
) -> list[Block]:
    """List cautions, each once, and the rows of the table that were not used."""
    texts = list(dict.fromkeys(cautions))
    blocks = [callout("Keep in mind", texts)] if texts else []
    if problems:
        printed = problems[:ROWS_NOT_USED_ON_PAPER]
        lines = [f"row {problem.row}: {problem.detail} ({problem.reason})" for problem in printed]
        more = len(problems) - len(printed)
        lines += [f"and {more} more, all in {data_file}"] if more else []
        blocks.append(callout(f"{plural(len(problems), 'row')} not used", lines))
    return blocks


def statistic_row(name: str, result: Result, digits: int = 2, *, with_p: bool = False) -> list[str]:
    """Give a row below `STATISTIC_HEADER`; `with_p` adds the p-value to the name."""
    if with_p and isinstance(result, Estimate) and result.p_value is not None:
        name = f"{name}, {p_value(result.p_value)}"
    return [name, given(result, digits), interval_of(result, digits), ignoring_of(result, digits)]


def side_dots(kind: Kind, points: Iterable[tuple[Side, tuple[float, float]]]) -> list[Item]:
    """Draw the points of each side in the shape of that side."""
    by_side: dict[Side, list[tuple[float, float]]] = {side: [] for side in SIDE_SHAPES}
    for side, point in points:
        by_side[side].append(point)
    colour = KIND_COLOURS[kind]
    return [
        Dots(tuple(by_side[side]), colour, shape, side is Side.RIGHT, f"{side.value} hip")
        for side, shape in SIDE_SHAPES.items()
        if by_side[side]
    ]
