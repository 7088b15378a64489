"""The ruler: where each value lies between published numbers."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPen
from qtpy.QtWidgets import QToolTip, QWidget

from ifspace.model import AssessedSpace, Kind, Measurement, Side, StudyResult
from ifspace.report.wording import find_space
from napari_ifspace.theme import Colors, state_color

# Published values and control means of both spaces lie below this; larger ones get an arrow.
RULER_MM = 40.0
_TICK_MM = 5
_KINDS = {Kind.IFS: "IFS", Kind.QFS: "QFS"}


class Ruler(QWidget):
    """One axis per space with both sides, their intervals, group means and cut-offs."""

    def __init__(self, colors: Colors) -> None:
        """Begin empty."""
        super().__init__()
        self.colors = colors
        self._result: StudyResult | None = None
        self._spots: list[tuple[QRectF, str]] = []
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for room for two axes of four lines of text each."""
        return QSize(360, int(QFontMetricsF(self.font()).height() * 11.4))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Never be cut."""
        return QSize(260, self.sizeHint().height())

    def show_result(self, result: StudyResult | None) -> None:
        """Show other values."""
        self._result = result
        self.update()

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802
        """Give the source of the number under the mouse."""
        here = event.position() if hasattr(event, "position") else event.pos()
        for box, words in self._spots:
            if box.contains(QPointF(here)):
                QToolTip.showText(event.globalPosition().toPoint(), words, self)
                return
        QToolTip.hideText()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Paint both axes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._spots = []
        half = self.height() / len(_KINDS)
        for number, (kind, name) in enumerate(_KINDS.items()):
            self._axis(painter, kind, name, QRectF(0, number * half, self.width(), half))
        painter.end()

    def _x(self, box: QRectF, value_mm: float) -> float:
        left, right = box.left() + 34.0, box.right() - 16.0
        return float(left + min(max(value_mm, 0.0), RULER_MM) / RULER_MM * (right - left))

    def _axis(self, painter: QPainter, kind: Kind, name: str, box: QRectF) -> None:
        line = QFontMetricsF(self.font()).height()
        base = box.top() + 3.6 * line
        painter.setPen(QPen(self.colors.text, 1.2))
        bold = painter.font()
        bold.setBold(True)
        painter.setFont(bold)
        painter.drawText(QRectF(0, box.top(), 60, line), Qt.AlignmentFlag.AlignLeft, name)
        bold.setBold(False)
        painter.setFont(bold)
        painter.drawLine(QPointF(self._x(box, 0), base), QPointF(self._x(box, RULER_MM), base))
        for value_mm in range(0, int(RULER_MM) + 1, _TICK_MM):
            x = self._x(box, value_mm)
            painter.drawLine(QPointF(x, base), QPointF(x, base + 4))
            if value_mm % 10 == 0:
                label = f"{value_mm} mm" if value_mm == RULER_MM else str(value_mm)
                self._text(painter, x, base + 4, label, self.colors.faint, line)
        spaces = {side: self._space(kind, side) for side in (Side.RIGHT, Side.LEFT)}
        known = [space for space in spaces.values() if space]
        self._means(painter, box, base, line, known)
        self._cutoffs(painter, box, base, line, known)
        for row, (side, space) in enumerate(spaces.items()):
            self._value(painter, box, base - (2.3 - row) * line + 0.35 * line, side, space)

    def _space(self, kind: Kind, side: Side) -> AssessedSpace | None:
        return find_space(self._result, kind, side) if self._result is not None else None

    def _means(
        self, painter: QPainter, box: QRectF, base: float, line: float, spaces: list[AssessedSpace]
    ) -> None:
        reference = next((space.reference for space in spaces if space.reference), None)
        if reference is None:
            return
        for value_mm, word in (
            (reference.symptomatic_mean_mm, f"mean, {reference.published.cases}"),
            (reference.control_mean_mm, f"mean, {reference.published.controls}"),
        ):
            x, top = self._x(box, value_mm), base - 3.5 * line
            # As in the report: means of groups are dashed, cut-offs are solid.
            painter.setPen(QPen(self.colors.text, 1.6, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, base - 2.5 * line), QPointF(x, base))
            self._text(painter, x, top, f"{value_mm:g}", self.colors.text, line)
            words = f"{value_mm:g} mm: {word}. {reference.published.citation}"
            self._remember(x, top, base, words)

    def _cutoffs(
        self, painter: QPainter, box: QRectF, base: float, line: float, spaces: list[AssessedSpace]
    ) -> None:
        last_x = -1e9
        for value_mm, sources in sorted(_sources(spaces).items()):
            x = self._x(box, value_mm)
            painter.setPen(QPen(self.colors.accent, 1.2))
            painter.drawLine(QPointF(x, base - 2.5 * line), QPointF(x, base + 4))
            label = f"{value_mm:g}"
            width = QFontMetricsF(self.font()).horizontalAdvance(label)
            if x - last_x > width + 4:
                self._text(painter, x, base + 4 + line, label, self.colors.accent, line)
                last_x = x
            words = f"cut-off {label} mm:\n" + "\n".join(sources)
            self._remember(x, base - 2.5 * line, base + 4 + 2 * line, words)

    def _value(
        self, painter: QPainter, box: QRectF, y: float, side: Side, space: AssessedSpace | None
    ) -> None:
        letter = side.value[0].upper()
        metrics = QFontMetricsF(self.font())
        painter.setPen(self.colors.text)
        painter.drawText(QPointF(box.left() + 12, y + 0.35 * metrics.ascent()), letter)
        if space is None or not isinstance(space.outcome, Measurement):
            return
        outcome = space.outcome
        dark = self.colors.background.lightnessF() < 0.5
        color = state_color(outcome.state, dark=dark)
        low = self._x(box, outcome.value_mm - outcome.u95_mm)
        high = self._x(box, outcome.value_mm + outcome.u95_mm)
        x = self._x(box, outcome.value_mm)
        painter.setPen(QPen(color, 2.0))
        painter.drawLine(QPointF(low, y), QPointF(high, y))
        painter.drawLine(QPointF(low, y - 4), QPointF(low, y + 4))
        painter.drawLine(QPointF(high, y - 4), QPointF(high, y + 4))
        painter.setBrush(color)
        painter.drawEllipse(QPointF(x, y), 4.0, 4.0)
        if outcome.value_mm > RULER_MM:
            painter.drawText(QPointF(x - 2, y - 6), "▸")

    def _text(
        self, painter: QPainter, x: float, top: float, words: str, color: QColor, line: float
    ) -> None:
        width = QFontMetricsF(self.font()).horizontalAdvance(words) + 4
        left = min(max(x - width / 2, 0.0), self.width() - width)
        painter.setPen(color)
        painter.drawText(QRectF(left, top, width, line), Qt.AlignmentFlag.AlignCenter, words)

    def _remember(self, x: float, top: float, bottom: float, words: str) -> None:
        self._spots.append((QRectF(x - 5, top, 10, bottom - top), words))


def _sources(spaces: list[AssessedSpace]) -> dict[float, list[str]]:
    """Collect who published each cut-off (mm), every source once."""
    found: dict[float, list[str]] = {}
    for space in spaces:
        for item in space.comparisons:
            entry = found.setdefault(item.cutoff_mm, [])
            words = f"{item.published.citation} ({item.published.evidence_level})"
            if words not in entry:
                entry.append(words)
    return found
