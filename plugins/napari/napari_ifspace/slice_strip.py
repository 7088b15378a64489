"""The strip beside the canvas: every slice with its bones and millimetres; a click jumps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from ifspace.landmarks import FoundSide
from ifspace.model import Kind, Session, Side, StudyResult, Volume
from ifspace.reading.slice_overview import (
    Bones,
    Cell,
    Seen,
    SliceRanges,
    bones,
    cells,
    reader_levels,
)
from napari_ifspace.theme import Colors

# Radiological order; of each side first the bones, then both spaces.
ROWS: tuple[tuple[Side, Kind | None], ...] = tuple(
    (side, kind) for side in (Side.RIGHT, Side.LEFT) for kind in (None, *Kind)
)
_HEAD_PX = 76.0
_LINE = 1.25
# The curve fills this share of a row from below; the number stands on it.
_CURVE_FLOOR, _CURVE_SHARE = 0.12, 0.88
_PALE = 0.6


class SliceStrip(QWidget):
    """The slices from first to last, one column each."""

    jumped = Signal(int)

    def __init__(self, colors: Colors) -> None:
        """Begin empty."""
        super().__init__()
        self.colors = colors
        self._count = 0
        self._here = 0
        self._cells: dict[tuple[Kind, Side, int], Cell] = {}
        self._bones: dict[tuple[Side, int], Bones] = {}
        self._ranges: dict[Side, tuple[int, int]] = {}
        self.setToolTip(
            "Bones: upper bar ischium, lower bar lesser trochanter; solid as you marked it, "
            "dashed as the program estimates it.\n"
            "Distances in mm, with their curve from slice to slice: filled smallest, framed "
            "second best, grey the program's estimate.\n"
            "● ischial mark alone, ◆ femoral mark alone. "
            "Shaded: your slices of the lesser trochanter. Click to go to a slice."
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a line each for slices, bones and spaces."""
        line = QFontMetricsF(self.font()).height() * _LINE
        return QSize(700, int((len(ROWS) + 1.2) * line))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Never be cut."""
        return QSize(300, self.sizeHint().height())

    def show_reading(
        self,
        volume: Volume,
        session: Session,
        result: StudyResult | None,
        here: int,
        *,
        found: Mapping[Side, FoundSide] | None = None,
        level_hint: SliceRanges | None = None,
    ) -> None:
        """Show another state.

        Parameters
        ----------
        volume, session, result
            The images, the reading and what it measures.
        here
            The slice in view.
        found
            What the program found from seeds, per side.
        level_hint
            Slices that seem to show the lesser trochanter where nobody has pointed yet.
        """
        self._count, self._here = len(volume.slices), here
        self._cells = cells(volume, session, result, found)
        self._bones = bones(volume, session, found, level_hint)
        self._ranges = reader_levels(volume, session)
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
        """Paint heads, ranges, bones, curves and numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QFontMetricsF(self.font()).height() * _LINE
        self._heads(painter, line)
        boxes = [QRectF(0, (row + 1) * line, self.width(), line) for row in range(len(ROWS))]
        for (side, kind), box in zip(ROWS, boxes, strict=True):
            self._ground(painter, side, "bones" if kind is None else kind.value.upper(), box)
        # Below the numbers: a number may be wider than its column, and the frame would cut it.
        self._frame(painter, line)
        for (side, kind), box in zip(ROWS, boxes, strict=True):
            if kind is None:
                self._bones_row(painter, side, box)
            else:
                self._values_row(painter, kind, side, box)
        painter.end()

    def _frame(self, painter: QPainter, line: float) -> None:
        if not self._count:
            return
        column = self._column_px()
        painter.setPen(QPen(self.colors.accent, 2.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(_HEAD_PX + self._here * column, 1, column, (len(ROWS) + 1) * line))

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

    def _place(self, slice_index: int, box: QRectF) -> QRectF:
        column = self._column_px()
        return QRectF(_HEAD_PX + slice_index * column, box.top() + 1, column - 1, box.height() - 2)

    def _ground(self, painter: QPainter, side: Side, words: str, box: QRectF) -> None:
        painter.setPen(self.colors.text)
        place = QRectF(2, box.top(), _HEAD_PX, box.height())
        name = f"{side.value[0].upper()}  {words}"
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, name)
        first, last = self._ranges.get(side, (1, 0))
        for slice_index in range(self._count):
            inside = first <= slice_index <= last
            ground = QColor(self.colors.accent if inside else self.colors.panel)
            ground.setAlphaF(0.35 if inside else 0.6)
            painter.fillRect(self._place(slice_index, box), ground)

    def _bones_row(self, painter: QPainter, side: Side, box: QRectF) -> None:
        for (its_side, slice_index), seen in self._bones.items():
            if its_side is not side:
                continue
            place = self._place(slice_index, box)
            half = place.height() / 2.0
            for number, who in enumerate((seen.ischium, seen.trochanter)):
                bar = QRectF(place.left() + 1, place.top() + number * half, place.width() - 2, half)
                self._bar(painter, bar.adjusted(0, 1.5, 0, -1.5), who)

    def _bar(self, painter: QPainter, bar: QRectF, who: Seen) -> None:
        """Draw one bone: whole where the reader says so, pale and broken for an estimate."""
        if who is Seen.READER:
            painter.fillRect(bar, self.colors.text)
        elif who is Seen.PROGRAM:
            pale = QColor(self.colors.text)
            pale.setAlphaF(_PALE)
            piece = bar.width() / 5.0
            for number in (0, 2, 4):
                dash = QRectF(bar.left() + number * piece, bar.top(), piece, bar.height())
                painter.fillRect(dash, pale)

    def _values_row(self, painter: QPainter, kind: Kind, side: Side, box: QRectF) -> None:
        mine = {
            slice_index: cell
            for (its_kind, its_side, slice_index), cell in self._cells.items()
            if (its_kind, its_side) == (kind, side)
        }
        values = [cell.value_mm for cell in mine.values() if cell.value_mm is not None]
        if len(values) > 1:
            for slice_index, cell in mine.items():
                if cell.value_mm is not None:
                    share = (cell.value_mm - min(values)) / max(max(values) - min(values), 1e-6)
                    self._curve(painter, self._place(slice_index, box), cell, share)
        # The two that matter come last, on top of their neighbours.
        for slice_index, cell in sorted(
            mine.items(), key=lambda item: (item[1].smallest, item[1].second)
        ):
            self._cell(painter, cell, self._place(slice_index, box), alone=len(values) == 1)

    def _curve(self, painter: QPainter, place: QRectF, cell: Cell, share: float) -> None:
        """Draw one slice of the curve of distance against level."""
        bar = QRectF(place)
        bar.setTop(place.bottom() - place.height() * (_CURVE_FLOOR + _CURVE_SHARE * share))
        color = QColor(self.colors.faint if cell.estimated else self.colors.accent)
        color.setAlphaF(0.45)
        painter.fillRect(bar, color)

    def _cell(self, painter: QPainter, cell: Cell, place: QRectF, *, alone: bool) -> None:
        metrics = QFontMetricsF(self.font())
        if cell.value_mm is None:
            self._mark(painter, cell, place.center())
            return
        words = f"{cell.value_mm:.1f}"
        width = metrics.horizontalAdvance(words) + 6
        important = cell.smallest or cell.second or (alone and not cell.estimated)
        if width > place.width() and not important:
            return
        box = QRectF(place.center().x() - width / 2, place.top(), width, place.height())
        if important:
            painter.setPen(QPen(self.colors.text, 1.4 if cell.second else 0.8))
            painter.setBrush(self.colors.accent if cell.smallest else self.colors.background)
            painter.drawRect(box)
        bright = self.colors.accent.lightnessF() > 0.5
        on_fill = QColor("black" if bright else "white")
        plain = self.colors.faint if cell.estimated else self.colors.text
        painter.setPen(on_fill if cell.smallest else plain)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _mark(self, painter: QPainter, cell: Cell, middle: QPointF) -> None:
        """Draw a mark whose partner is missing."""
        painter.setPen(QPen(self.colors.text, 1.0))
        painter.setBrush(self.colors.text)
        if cell.ischial:
            painter.drawEllipse(middle, 3.5, 3.5)
        if cell.femoral:
            corners = [(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)]
            painter.drawPolygon(QPolygonF([middle + QPointF(dx, dy) for dx, dy in corners]))
