"""One ruler for each space: where every word and line stands, in millimetres of paper.

The words are measured with the font that prints them and spread so that none touches another
word or a line, however close the published values lie.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from PIL import ImageFont

from ifspace.model import SIDES_AS_SEEN, AssessedSpace, Kind, Measurement, StudyResult
from ifspace.report import wording
from ifspace.report.references import References
from ifspace.report.texts import Texts

# Wide enough for a wide adult hip; the published control means lie at 23 to 29 mm.
RULER_MM = 40.0
GUTTER_MM, LENGTH_MM = 20.0, 150.0
WORD_PT, SIDE_PT = 6.6, 8.0
WORD_HEIGHT_MM, GAP_MM = 2.9, 1.4
# Room in which a slanted line leads from a word to its place on the scale.
LEADER_MM = 2.6
LANE_MM, LANE_GAP_MM = 3.6, 0.8
TICK_MM, TICK_STEP_MM = 1.1, 5.0
MM_PER_PT = 25.4 / 72.0
# The setting engine kerns a little otherwise than the measuring one.
WIDTH_RESERVE = 1.04


@dataclass(frozen=True)
class Word:
    """Words in their box: upper left corner and size."""

    words: str
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    size_pt: float = WORD_PT
    bold: bool = False


@dataclass(frozen=True)
class Stroke:
    """A straight line; `style` is ``cutoff``, ``mean`` or ``axis``."""

    x1_mm: float
    y1_mm: float
    x2_mm: float
    y2_mm: float
    style: str


@dataclass(frozen=True)
class Ruler:
    """Everything that is drawn of one space."""

    height_mm: float
    words: tuple[Word, ...]
    strokes: tuple[Stroke, ...]
    lanes: tuple[dict[str, float], ...]


def rulers(result: StudyResult, references: References, texts: Texts) -> list[dict[str, Any]]:
    """Describe one ruler for each kind that has a number on either side."""
    described = (_described(kind, result, references, texts) for kind in Kind)
    return [ruler for ruler in described if ruler is not None]


def _described(
    kind: Kind, result: StudyResult, references: References, texts: Texts
) -> dict[str, Any] | None:
    spaces = [wording.find_space(result, kind, side) for side in SIDES_AS_SEEN]
    measured = [
        (space, space.outcome)
        for space in spaces
        if space is not None and isinstance(space.outcome, Measurement)
    ]
    if not measured:
        return None
    cutoffs = cutoff_labels([space for space, _ in measured], references)
    means = mean_labels(kind, result, [space for space, _ in measured], references, texts)
    values = [
        (texts[f"side.letter.{item.side.value}"], item.value_mm, item.u95_mm)
        for _, item in measured
    ]
    drawn = lay_out(values, cutoffs, means)
    said = " ".join(
        texts["ruler.alt.value"].format(
            side=texts[f"side.{item.side.value}"], value=wording.value(item, texts)
        )
        for _, item in measured
    )
    return {
        "kind": kind.value,
        "name": f"{texts[f'kind.name.{kind.value}']} ({texts[f'kind.short.{kind.value}']})",
        "note": texts["ruler.cutoffs" if cutoffs else "ruler.none"],
        "height_mm": drawn.height_mm,
        "words": [vars(word) for word in drawn.words],
        "strokes": [vars(stroke) for stroke in drawn.strokes],
        "lanes": list(drawn.lanes),
        "alt": texts["ruler.alt"].format(
            kind=texts[f"kind.name.{kind.value}"],
            values=said,
            cutoffs=", ".join(label for _, label in cutoffs) or texts["none"],
        ),
    }


def cutoff_labels(
    spaces: Sequence[AssessedSpace], references: References
) -> list[tuple[float, str]]:
    """Give every cut-off once, with the numbers of the studies that it is from."""
    numbers: dict[float, set[int]] = {}
    for space in spaces:
        for item in space.comparisons:
            numbers.setdefault(item.cutoff_mm, set()).add(references.number(item.published))
    return [
        (cutoff_mm, f"{wording.plain(cutoff_mm)} {references.cited(numbers[cutoff_mm])}")
        for cutoff_mm in sorted(numbers)
    ]


def mean_labels(
    kind: Kind,
    result: StudyResult,
    spaces: Sequence[AssessedSpace],
    references: References,
    texts: Texts,
) -> list[tuple[float, str]]:
    """Give the group means beside the values: of the reference, and of rows without cut-offs."""
    published = [space.reference.published for space in spaces if space.reference is not None]
    published += [
        item
        for item in result.panel
        if item.kind is kind and item.cutoff_mm is None and item.controls_mean_mm is not None
    ]
    labels: dict[tuple[float, str], None] = {}
    for item in dict.fromkeys(published):
        cited = references.cited({references.number(item)})
        groups = ((item.cases_mean_mm, "cases"), (item.controls_mean_mm, "controls"))
        for mean_mm, group in groups:
            if mean_mm is not None:
                name = _group_name(group, item.cases_mean_mm is not None, item.controls, texts)
                labels[mean_mm, f"{wording.millimetres(mean_mm)} {name} {cited}"] = None
    return sorted(labels)


def _group_name(group: str, in_pair: bool, controls: str, texts: Texts) -> str:
    """Name a group in one word; a norm by sex is named after its sex."""
    return texts[f"ruler.group.{group}"] if in_pair else controls.split()[0]


def lay_out(
    values: Sequence[tuple[str, float, float]],
    cutoffs: Sequence[tuple[float, str]],
    means: Sequence[tuple[float, str]],
) -> Ruler:
    """Place words and lines.

    Parameters
    ----------
    values
        Letter of the side, value and 95 % half-width in mm.
    cutoffs, means
        Published figure in mm and its label, in rising order.
    """
    range_mm = _range_mm(values, [*cutoffs, *means])
    above, beneath = _row(cutoffs, range_mm), _row(means, range_mm)
    top = WORD_HEIGHT_MM + LEADER_MM if above else 0.0
    axis = top + LANE_MM * len(values) + LANE_GAP_MM
    below = axis + TICK_MM + WORD_HEIGHT_MM + 0.6
    words: list[Word] = []
    strokes = [Stroke(GUTTER_MM, axis, GUTTER_MM + LENGTH_MM, axis, "axis")]
    for (figure_mm, label), left in above:
        width, x = width_mm(label), _x(figure_mm, range_mm)
        words.append(Word(label, left, 0.0, width, WORD_HEIGHT_MM))
        strokes.append(Stroke(left + width / 2.0, WORD_HEIGHT_MM + 0.2, x, top, "cutoff"))
        strokes.append(Stroke(x, top, x, axis, "cutoff"))
    for (figure_mm, label), left in beneath:
        width, x = width_mm(label), _x(figure_mm, range_mm)
        words.append(Word(label, left, below + LEADER_MM, width, WORD_HEIGHT_MM))
        strokes.append(Stroke(x, top, x, below, "mean"))
        foot = below + LEADER_MM - 0.2
        strokes.append(Stroke(x, below, left + width / 2.0, foot, "mean"))
    words += _ticks(range_mm, axis, strokes)
    lanes = []
    for number, (letter, value_mm, u95_mm) in enumerate(values):
        y = top + LANE_MM * number
        label = f"{letter}  {wording.millimetres(value_mm)}"
        width = width_mm(label, SIDE_PT, bold=True)
        words.append(Word(label, GUTTER_MM - 2.5 - width, y, width, 3.4, SIDE_PT, bold=True))
        lanes.append(
            {
                "y_mm": y,
                "x_mm": _x(value_mm, range_mm),
                "low_mm": _x(max(0.0, value_mm - u95_mm), range_mm),
                "high_mm": _x(value_mm + u95_mm, range_mm),
            }
        )
    height = below + (WORD_HEIGHT_MM + LEADER_MM if beneath else 0.0)
    return Ruler(height, tuple(words), tuple(strokes), tuple(lanes))


def _range_mm(
    values: Sequence[tuple[str, float, float]], figures: Sequence[tuple[float, str]]
) -> float:
    """Keep the common range; stretch it by tens where a value would not fit."""
    farthest_mm = max(
        [value_mm + u95_mm + 2.0 for _, value_mm, u95_mm in values]
        + [figure_mm for figure_mm, _ in figures]
    )
    return max(RULER_MM, 10.0 * math.ceil(farthest_mm / 10.0))


def _x(figure_mm: float, range_mm: float) -> float:
    return GUTTER_MM + LENGTH_MM * figure_mm / range_mm


Placed = tuple[tuple[float, str], float]


def _row(labels: Sequence[tuple[float, str]], range_mm: float) -> list[Placed]:
    """Spread labels over a row; one that is too full gives up its references."""
    if not labels:
        return []
    widths = [width_mm(label) for _, label in labels]
    if sum(widths) + GAP_MM * (len(widths) - 1) > LENGTH_MM:
        # The references stand in the table of studies as well.
        labels = [(figure_mm, label.split(" ")[0]) for figure_mm, label in labels]
        widths = [width_mm(label) for _, label in labels]
    wanted = [
        _x(figure_mm, range_mm) - width / 2.0
        for (figure_mm, _), width in zip(labels, widths, strict=True)
    ]
    return list(zip(labels, spread(wanted, widths), strict=True))


def spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Move boxes as little as needed, in their order, until none overlaps, within the scale.

    Least squares under the order (pool adjacent violators): boxes that would overlap form a block
    around the mean of where they want to be.
    """
    offsets, total = [], 0.0
    for width in widths:
        offsets.append(total)
        total += width + GAP_MM
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        place, count = want - offset, 1
        while blocks and blocks[-1][0] > place:
            last, many = blocks.pop()
            place = (last * many + place * count) / (many + count)
            count += many
        blocks.append((place, count))
    low, high = GUTTER_MM, GUTTER_MM + LENGTH_MM - (total - GAP_MM)
    places = [min(max(place, low), max(high, low)) for place, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]


def _ticks(range_mm: float, axis: float, strokes: list[Stroke]) -> list[Word]:
    """Write the numbers of the axis, but not where a line comes down."""
    means_x = [stroke.x1_mm for stroke in strokes if stroke.style == "mean"]
    words = []
    for number in range(round(range_mm / TICK_STEP_MM) + 1):
        x = _x(number * TICK_STEP_MM, range_mm)
        strokes.append(Stroke(x, axis, x, axis + TICK_MM, "axis"))
        label = wording.plain(number * TICK_STEP_MM)
        width = width_mm(label)
        if all(abs(x - other) > width / 2.0 + 0.4 for other in means_x):
            word = Word(label, x - width / 2.0, axis + TICK_MM + 0.3, width, WORD_HEIGHT_MM)
            words.append(word)
    return words


def width_mm(words: str, size_pt: float = WORD_PT, *, bold: bool = False) -> float:
    """Measure words in the bundled font."""
    return _font(bold).getlength(words) / 100.0 * size_pt * MM_PER_PT * WIDTH_RESERVE


@cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    name = "NotoSans-Bold.ttf" if bold else "NotoSans-Regular.ttf"
    data = (files("ifspace.report") / "fonts" / name).read_bytes()
    return ImageFont.truetype(io.BytesIO(data), 100, layout_engine=ImageFont.Layout.BASIC)
