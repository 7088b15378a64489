"""The signal along the line of a snapped mark, with the click and the edge. Shows only."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from ifspace.landmarks import Snapped
from napari_ifspace.theme import Colors

_TICK_MM = 2
_SIDE_PX = 8.0


class ProfileView(QWidget):
    """One curve: inside the bone on the left, the muscle on the right."""

    def __init__(self, colors: Colors) -> None:
        """Begin empty."""
        super().__init__()
        self.colors = colors
        self.seen: Snapped | None = None
        self.setToolTip(
            "Signal of the image along the line of this mark. Dashed: where it was clicked. "
            "Solid: the edge it went to."
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for six lines."""
        return QSize(320, int(QFontMetricsF(self.font()).height() * 6.2))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Never be cut."""
        return QSize(220, self.sizeHint().height())

    def show_seen(self, seen: Snapped | None) -> None:
        """Show another profile."""
        self.seen = seen
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Paint axis, curve, click and edge."""
        if self.seen is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QFontMetricsF(self.font()).height()
        box = QRectF(_SIDE_PX, 1.2 * line, self.width() - 2 * _SIDE_PX, self.height() - 2.5 * line)
        self._axis(painter, box, line)
        self._interval(painter, box, self.seen)
        self._curve(painter, box, self.seen)
        self._place(painter, box, 0.0, "click", edge=False)
        self._place(painter, box, self.seen.moved_mm, "edge", edge=True)
        painter.end()

    def _x(self, box: QRectF, position_mm: float) -> float:
        if self.seen is None:
            return float(box.left())
        first, last = self.seen.profile.position_mm[[0, -1]]
        return float(box.left() + (position_mm - first) / (last - first) * box.width())

    def _axis(self, painter: QPainter, box: QRectF, line: float) -> None:
        painter.setPen(QPen(self.colors.faint, 1.0))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        if self.seen is None:
            return
        first, last = (round(float(v)) for v in self.seen.profile.position_mm[[0, -1]])
        for position_mm in range(first, last + 1, _TICK_MM):
            x = self._x(box, position_mm)
            painter.drawLine(QPointF(x, box.bottom()), QPointF(x, box.bottom() + 3))
            if position_mm % (2 * _TICK_MM) == 0:
                words = f"{position_mm:+d}".replace("+0", "0").replace("-", "\N{MINUS SIGN}")
                place = QRectF(x - 30, box.bottom() + 2, 60, line)
                painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, words)
        ends = QRectF(box.left() - 4, 0, box.width() + 8, line)
        painter.drawText(ends, Qt.AlignmentFlag.AlignLeft, "inwards")
        painter.drawText(ends, Qt.AlignmentFlag.AlignRight, "outwards, mm")

    def _interval(self, painter: QPainter, box: QRectF, seen: Snapped) -> None:
        """Shade the interval that holds the edge in 95 of 100 cases."""
        left = self._x(box, seen.moved_mm - seen.u95_mm)
        right = self._x(box, seen.moved_mm + seen.u95_mm)
        ground = QColor(self.colors.accent)
        ground.setAlphaF(0.25)
        painter.fillRect(QRectF(left, box.top(), right - left, box.height()), ground)

    def _curve(self, painter: QPainter, box: QRectF, seen: Snapped) -> None:
        signal = seen.profile.signal
        low, high = float(signal.min()), float(signal.max())
        span = max(high - low, 1e-9)
        points = [
            QPointF(self._x(box, position), box.bottom() - (value - low) / span * box.height())
            for position, value in zip(seen.profile.position_mm, signal, strict=True)
        ]
        painter.setPen(QPen(self.colors.text, 1.6))
        painter.drawPolyline(QPolygonF(points))

    def _place(
        self, painter: QPainter, box: QRectF, position_mm: float, words: str, *, edge: bool
    ) -> None:
        style = Qt.PenStyle.SolidLine if edge else Qt.PenStyle.DashLine
        color = self.colors.accent if edge else self.colors.faint
        painter.setPen(QPen(color, 2.0 if edge else 1.4, style))
        x = self._x(box, position_mm)
        painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        # The two words stand on the outer sides of their lines, so that they never overlap.
        moved_mm = self.seen.moved_mm if self.seen is not None else 0.0
        right = (moved_mm > 0.0) is edge
        line = QFontMetricsF(self.font()).height()
        place = QRectF(x + 3 if right else x - 63, box.top() - 2, 60, line)
        side = Qt.AlignmentFlag.AlignLeft if right else Qt.AlignmentFlag.AlignRight
        painter.drawText(place, side, words)
