"""Charts of a cohort as SVG text, the same bytes on every machine.

Colours come from the style sheet of the page, by class, so that they follow a dark screen and
black ink on paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ifspace.batch.cohort import Summary, Value, median_difference_mm

GroupRows = Sequence[tuple[str, Sequence[tuple[str, Sequence[Value]]]]]

_WIDTH, _LEFT, _RIGHT = 940, 150, 210
_ROW, _HEADING, _BAR_ROOM = 46, 24, 30
_LETTER_ROW = 17
_AXIS_STEP_MM = 5
_LEAST_AXIS_MM = 35
_BIN_MM = 1.0
_DOT_STEP = 7.0
# Up to here every hip is a dot; beyond, dots would run together and bars say more.
_MOST_DOTS = 80
_SCATTER, _MARGIN = 440, 52


@dataclass(frozen=True)
class Line:
    """One published figure: a letter on the chart, and what it says below."""

    letter: str
    value_mm: float
    is_cutoff: bool
    says: str


@dataclass(frozen=True)
class _Axis:
    """From millimetres to pixels."""

    start_px: float
    end_px: float
    end_mm: float

    def px(self, value_mm: float) -> float:
        return self.start_px + (self.end_px - self.start_px) * value_mm / self.end_mm

    @property
    def ticks_mm(self) -> range:
        return range(0, int(self.end_mm) + 1, _AXIS_STEP_MM)


def distributions(groups: GroupRows, lines: Sequence[Line], title: str) -> str:
    """Draw one row of dots or bars per group with median and quartiles, and published figures."""
    values = [value.value_mm for _, rows in groups for _, found in rows for value in found]
    axis = _Axis(_LEFT, _WIDTH - _RIGHT, _axis_end(values, lines))
    letters, top = _letters(lines, axis)
    parts: list[str] = []
    y = float(top)
    for heading, rows in groups:
        parts.append(f'<text class="group" x="0" y="{y + 16:.0f}">{escape(heading)}</text>')
        y += _HEADING
        for name, found in rows:
            parts += _row(name, found, axis, y)
            y += _ROW
    height = y + 34
    frame = _grid(axis, top, y)
    ruled = [_ruled(line, axis, top, y) for line in lines]
    return _svg(_WIDTH, height, title, [*frame, *ruled, *letters, *parts])


def scatter(pairs: Sequence[tuple[Value, Value]], title: str) -> str:
    """Draw left against right, with the line where both are equal."""
    values = [value.value_mm for pair in pairs for value in pair]
    end = _axis_end(values, ())
    across = _Axis(_MARGIN, _SCATTER - 12, end)
    up = _Axis(_SCATTER - _MARGIN, 12, end)
    parts = []
    for tick in across.ticks_mm:
        x, y = across.px(tick), up.px(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {up.px(0):.1f}V{up.px(end):.1f}"/>')
        parts.append(f'<path class="grid" d="M{across.px(0):.1f} {y:.1f}H{across.px(end):.1f}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_SCATTER - 34}">{tick}</text>')
        parts.append(f'<text class="tick end" x="{_MARGIN - 7}" y="{y + 4:.1f}">{tick}</text>')
    parts.append(
        f'<path class="equal" d="M{across.px(0):.1f} {up.px(0):.1f}'
        f'L{across.px(end):.1f} {up.px(end):.1f}"/>'
    )
    for right, left in pairs:
        says = f"{right.case_id}: right {right.value_mm:.1f} mm, left {left.value_mm:.1f} mm"
        hollow = " child" if right.child else ""
        parts.append(
            f'<circle class="dot{hollow}" r="4" cx="{across.px(right.value_mm):.1f}"'
            f' cy="{up.px(left.value_mm):.1f}"><title>{escape(says)}</title></circle>'
        )
    middle = _SCATTER / 2
    parts.append(f'<text class="axis" x="{middle}" y="{_SCATTER - 12}">right, mm</text>')
    parts.append(
        f'<text class="axis" transform="translate(14 {middle}) rotate(-90)">left, mm</text>'
    )
    if pairs:
        difference = median_difference_mm(pairs)
        note = f"{len(pairs)} studies, median difference {difference:.1f} mm"
        parts.append(f'<text class="note" x="{_MARGIN + 8}" y="26">{note}</text>')
    return _svg(_SCATTER, _SCATTER, title, parts)


def _axis_end(values_mm: Sequence[float], lines: Sequence[Line]) -> float:
    largest = max([*values_mm, *(line.value_mm for line in lines), _LEAST_AXIS_MM])
    return math.ceil(largest / _AXIS_STEP_MM) * float(_AXIS_STEP_MM)


def _grid(axis: _Axis, top: float, bottom: float) -> list[str]:
    parts = []
    for tick in axis.ticks_mm:
        x = axis.px(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {top}V{bottom:.1f}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16:.1f}">{tick}</text>')
    x = axis.px(axis.end_mm / 2)
    parts.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 31:.1f}">mm</text>')
    return parts


def _letters(lines: Sequence[Line], axis: _Axis) -> tuple[list[str], int]:
    """Write the letters over their lines, one above another where they would touch."""
    ends: list[float] = []
    places: list[tuple[Line, int]] = []
    for line in sorted(lines, key=lambda item: item.value_mm):
        x = axis.px(line.value_mm)
        level = next((k for k, end in enumerate(ends) if x - end > 18), len(ends))
        ends[level : level + 1] = [x]
        places.append((line, level))
    top = _LETTER_ROW * max(len(ends), 1) + 8
    stems, badges = [], []
    for line, level in places:
        x, y = axis.px(line.value_mm), top - 8 - _LETTER_ROW * level
        kind = "cutoff" if line.is_cutoff else "mean"
        stems.append(f'<path class="stem {kind}" d="M{x:.1f} {y + 2:.1f}V{top}"/>')
        badges.append(
            f'<circle class="badge {kind}" cx="{x:.1f}" cy="{y - 4:.1f}" r="8"/>'
            f'<text class="letter" x="{x:.1f}" y="{y:.1f}">{line.letter}</text>'
        )
    return stems + badges, top


def _ruled(line: Line, axis: _Axis, top: float, bottom: float) -> str:
    kind = "cutoff" if line.is_cutoff else "mean"
    x = axis.px(line.value_mm)
    says = escape(line.says)
    return f'<path class="{kind}" d="M{x:.1f} {top}V{bottom:.1f}"><title>{says}</title></path>'


def _row(name: str, values: Sequence[Value], axis: _Axis, y: float) -> list[str]:
    """Draw one group: its name, dots or bars, the box below them and the numbers behind."""
    base = y + _BAR_ROOM
    summary = Summary.of([value.value_mm for value in values])
    draw = _dots if len(values) <= _MOST_DOTS else _bars
    low, high = axis.px(summary.first_quartile_mm), axis.px(summary.third_quartile_mm)
    middle = axis.px(summary.median_mm)
    numbers = (
        f"{summary.median_mm:.1f} ({summary.first_quartile_mm:.1f} to"
        f" {summary.third_quartile_mm:.1f}), n = {summary.count}"
    )
    return [
        f'<text class="name" x="{_LEFT - 12}" y="{base:.1f}">{escape(name)}</text>',
        *draw(values, axis, base),
        f'<path class="base" d="M{axis.px(0):.1f} {base + 1:.1f}H{axis.px(axis.end_mm):.1f}"/>',
        _box(low, high, base),
        f'<path class="median" d="M{middle:.1f} {base + 1:.1f}v11"/>',
        f'<text class="numbers" x="{_WIDTH - _RIGHT + 14}" y="{base:.1f}">{numbers}</text>',
    ]


def _box(low: float, high: float, base: float) -> str:
    width = max(high - low, 1)
    place = f'x="{low:.1f}" y="{base + 3:.1f}" width="{width:.1f}" height="7"'
    return f'<rect class="box" rx="2" {place}/>'


def _bins(values: Sequence[Value]) -> dict[int, list[Value]]:
    bins: dict[int, list[Value]] = {}
    for value in sorted(values, key=lambda item: (item.child, item.value_mm, item.case_id)):
        bins.setdefault(int(value.value_mm // _BIN_MM), []).append(value)
    return bins


def _dots(values: Sequence[Value], axis: _Axis, base: float) -> list[str]:
    """Put one dot per hip at its length, so that it lies on its own side of every cut-off.

    Dots that would touch are stacked.
    """
    ends: list[float] = []
    places: list[tuple[Value, float, int]] = []
    for value in sorted(values, key=lambda item: (item.value_mm, item.case_id, item.side)):
        x = axis.px(value.value_mm)
        height = next((k for k, end in enumerate(ends) if x - end >= _DOT_STEP), len(ends))
        ends[height : height + 1] = [x]
        places.append((value, x, height))
    step = min(_DOT_STEP, (_BAR_ROOM - 4) / len(ends))
    parts = []
    for value, x, height in places:
        hollow = " child" if value.child else ""
        says = f"{value.case_id} {value.side}: {value.value_mm:.1f} mm"
        parts.append(
            f'<circle class="dot{hollow}" r="3.2" cx="{x:.1f}"'
            f' cy="{base - 4 - step * height:.1f}"><title>{escape(says)}</title></circle>'
        )
    return parts


def _bars(values: Sequence[Value], axis: _Axis, base: float) -> list[str]:
    """Draw a histogram of one millimetre per bar, the hips under 18 hollow on top."""
    bins = _bins(values)
    step = (_BAR_ROOM - 4) / max(len(found) for found in bins.values())
    width = axis.px(_BIN_MM) - axis.px(0) - 1
    parts = []
    for number, found in sorted(bins.items()):
        x, top = axis.px(number * _BIN_MM), base
        children = sum(value.child for value in found)
        for kind, count, whom in (
            ("bar", len(found) - children, "hips"),
            ("bar child", children, "hips under 18"),
        ):
            if count:
                top -= step * count
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}"'
                    f' height="{step * count:.1f}"><title>{number} to {number + 1} mm:'
                    f" {count} {whom}</title></rect>"
                )
    return parts


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
