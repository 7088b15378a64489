"""The strip beside the canvas: every slice with its marks and millimetres; a click jumps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from ifspace.measure import level_range_indices
from ifspace.model import (
    MARKS_OF_KIND,
    Kind,
    Measurement,
    Session,
    Side,
    StudyResult,
    Volume,
)
from napari_ifspace.layers import slice_of
from napari_ifspace.paint import Colors

ROWS: tuple[tuple[Kind, Side], ...] = tuple(
    (kind, side) for side in (Side.RIGHT, Side.LEFT) for kind in Kind
)
_HEAD_PX = 66.0


@dataclass(frozen=True)
class Cell:
    """One space on one slice: which of its marks are there, and the distance."""

    ischial: bool = False
    femoral: bool = False
    value_mm: float | None = None
    smallest: bool = False
    second: bool = False


def cells(
    volume: Volume, session: Session, result: StudyResult | None
) -> dict[tuple[Kind, Side, int], Cell]:
    """Gather what the strip shows; only slices that hold something have a cell."""
    found: dict[tuple[Kind, Side, int], Cell] = {}
    for kind, side in ROWS:
        present: dict[int, list[bool]] = {}
        for mark in session.marks:
            if mark.side is side and mark.name in MARKS_OF_KIND[kind]:
                both = present.setdefault(slice_of(volume, mark), [False, False])
                both[MARKS_OF_KIND[kind].index(mark.name)] = True
        values = _values(result, kind, side)
        ordered = sorted(values.values())
        for slice_index, (ischial, femoral) in present.items():
            value_mm = values.get(slice_index)
            found[kind, side, slice_index] = Cell(
                ischial,
                femoral,
                value_mm,
                smallest=value_mm is not None and value_mm == ordered[0],
                second=len(ordered) > 1 and value_mm == ordered[1],
            )
    return found


def _values(result: StudyResult | None, kind: Kind, side: Side) -> dict[int, float]:
    for space in result.spaces if result is not None else ():
        outcome = space.outcome
        if isinstance(outcome, Measurement) and (outcome.kind, outcome.side) == (kind, side):
            curve = {level.slice_index: level.value_mm for level in outcome.curve}
            return curve or {outcome.slice_index: outcome.value_mm}
    return {}


class Strip(QWidget):
    """The slices from first to last, one column each."""

    jumped = Signal(int)

    def __init__(self, colors: Colors) -> None:
        """Begin empty."""
        super().__init__()
        self.colors = colors
        self._count = 0
        self._here = 0
        self._cells: dict[tuple[Kind, Side, int], Cell] = {}
        self._ranges: dict[Side, tuple[int, int]] = {}
        self.setToolTip(
            "● ischial mark   ◆ femoral mark   filled: smallest distance   framed: second best   "
            "shaded: slices of the lesser trochanter. Click to go to a slice."
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for five lines."""
        return QSize(700, int(QFontMetricsF(self.font()).height() * 6.6))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Never be cut."""
        return QSize(300, self.sizeHint().height())

    def show_reading(
        self, volume: Volume, session: Session, result: StudyResult | None, here: int
    ) -> None:
        """Show another state."""
        self._count, self._here = len(volume.slices), here
        self._cells = cells(volume, session, result)
        self._ranges = {}
        for side in Side:
            try:
                ends = level_range_indices(volume, session, side)
            except ValueError:
                ends = None
            if ends is not None:
                self._ranges[side] = ends
        self.update()

    def show_slice(self, here: int) -> None:
        """Move the frame of the slice in view."""
        self._here = here
        self.update()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """Go to the slice under the mouse."""
        self._jump(event)

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: N802
        """Go to the slice under the mouse."""
        self._jump(event)

    def _jump(self, event: Any) -> None:
        x = float(event.position().x() if hasattr(event, "position") else event.x())
        slice_index = int((x - _HEAD_PX) // self._column_px())
        if self._count and 0 <= slice_index < self._count:
            self.jumped.emit(slice_index)

    def _column_px(self) -> float:
        return float((self.width() - _HEAD_PX - 4) / max(self._count, 1))

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Paint heads, ranges, marks and numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QFontMetricsF(self.font()).height() * 1.25
        self._heads(painter, line)
        for row, (kind, side) in enumerate(ROWS):
            self._row(painter, kind, side, QRectF(0, (row + 1) * line, self.width(), line))
        if self._count:
            column = self._column_px()
            painter.setPen(QPen(self.colors.accent, 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(_HEAD_PX + self._here * column, 1, column, 5 * line))
        painter.end()

    def _heads(self, painter: QPainter, line: float) -> None:
        column = self._column_px()
        metrics = QFontMetricsF(self.font())
        every = max(1, int((metrics.horizontalAdvance("000") + 6) // max(column, 1.0)) + 1)
        painter.setPen(self.colors.faint)
        painter.drawText(QRectF(2, 0, _HEAD_PX, line), Qt.AlignmentFlag.AlignVCenter, "Slice")
        for slice_index in range(self._count):
            if slice_index % every == 0 or slice_index == self._here:
                if slice_index != self._here and abs(slice_index - self._here) < every:
                    continue
                x = _HEAD_PX + (slice_index + 0.5) * column
                box = QRectF(x - 20, 0, 40, line)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(slice_index + 1))

    def _row(self, painter: QPainter, kind: Kind, side: Side, box: QRectF) -> None:
        column = self._column_px()
        painter.setPen(self.colors.text)
        name = f"{side.value[0].upper()}  {kind.value.upper()}"
        painter.drawText(
            QRectF(2, box.top(), _HEAD_PX, box.height()), Qt.AlignmentFlag.AlignVCenter, name
        )
        for slice_index in range(self._count):
            place = QRectF(
                _HEAD_PX + slice_index * column, box.top() + 1, column - 1, box.height() - 2
            )
            first, last = self._ranges.get(side, (1, 0))
            ground = QColor(
                self.colors.accent if first <= slice_index <= last else self.colors.panel
            )
            ground.setAlphaF(0.35 if first <= slice_index <= last else 0.6)
            painter.fillRect(place, ground)
        for (its_kind, its_side, slice_index), cell in self._cells.items():
            if (its_kind, its_side) == (kind, side):
                middle = _HEAD_PX + (slice_index + 0.5) * column
                self._cell(painter, cell, middle, column, box)

    def _cell(
        self, painter: QPainter, cell: Cell, middle: float, column: float, box: QRectF
    ) -> None:
        metrics = QFontMetricsF(self.font())
        if cell.value_mm is None:
            painter.setPen(QPen(self.colors.text, 1.0))
            painter.setBrush(self.colors.text)
            y = box.center().y()
            if cell.ischial:
                painter.drawEllipse(QPointF(middle, y), 3.5, 3.5)
            if cell.femoral:
                corners = [(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)]
                diamond = QPolygonF([QPointF(middle + dx, y + dy) for dx, dy in corners])
                painter.drawPolygon(diamond)
            return
        words = f"{cell.value_mm:.1f}"
        width = max(metrics.horizontalAdvance(words) + 6, min(column - 1, 46.0))
        place = QRectF(middle - width / 2, box.top() + 1, width, box.height() - 2)
        painter.setPen(QPen(self.colors.text, 1.4 if cell.second else 0.8))
        painter.setBrush(self.colors.accent if cell.smallest else self.colors.background)
        painter.drawRect(place)
        bright = self.colors.accent.lightnessF() > 0.5
        on_fill = QColor("black" if bright else "white")
        painter.setPen(on_fill if cell.smallest else self.colors.text)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
