"""Colours of the theme, the shapes of the states, and the small drawing of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QBrush, QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QWidget

from ifspace.model import MarkName, MarkState, Side
from ifspace.reading.steps import Step
from napari_ifspace.drawing import STATE_COLORS


@dataclass(frozen=True)
class Colors:
    """The few colours that own drawings need, from napari's theme."""

    background: QColor
    panel: QColor
    text: QColor
    faint: QColor
    accent: QColor
    warning: QColor


def colors_of(theme_name: str) -> Colors:
    """Read the colours of a napari theme."""
    from napari.utils.theme import get_theme

    theme: Any = get_theme(theme_name)
    background = QColor(theme.background.as_hex())
    dark = background.lightnessF() < 0.5
    return Colors(
        background=background,
        panel=QColor(theme.foreground.as_hex()),
        text=QColor(theme.text.as_hex()),
        faint=QColor("#9aa0ab" if dark else "#5c626b"),
        accent=QColor("#56B4E9" if dark else "#0072B2"),
        warning=QColor("#E69F00" if dark else "#A04000"),
    )


def state_color(state: MarkState, *, dark: bool) -> QColor:
    """Give the colour of a state; darker on a light ground, where yellow would vanish."""
    color = QColor(STATE_COLORS[state])
    return color if dark else color.darker(190 if state is MarkState.PLACED else 150)


def draw_state(painter: QPainter, box: QRectF, state: MarkState | None, color: QColor) -> None:
    """Draw the shape of a state: nothing yet, proposed, placed, confirmed."""
    painter.setPen(QPen(color, 1.8))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state is None:
        painter.setPen(QPen(color, 1.2, Qt.PenStyle.DotLine))
        painter.drawEllipse(box)
    elif state is MarkState.PROPOSED:
        center = box.center()
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(center.x(), box.top()),
                    QPointF(box.right(), center.y()),
                    QPointF(center.x(), box.bottom()),
                    QPointF(box.left(), center.y()),
                ]
            )
        )
    elif state is MarkState.PLACED:
        painter.drawEllipse(box)
    else:
        painter.drawRect(box)
        painter.setBrush(QBrush(color))
        painter.drawRect(box.adjusted(3, 3, -3, -3))


def state_icon(state: MarkState | None, colors: Colors, size: int = 16) -> QIcon:
    """Make the icon of a state for the list."""
    pixmap = QPixmap(size * 2, size * 2)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    dark = colors.background.lightnessF() < 0.5
    color = colors.faint if state is None else state_color(state, dark=dark)
    draw_state(painter, QRectF(2.5, 2.5, size - 5, size - 5), state, color)
    painter.end()
    return QIcon(pixmap)


# The drawing is made for a right hip, as seen on the screen, within this box.
_BOX = QRectF(24.0, 18.0, 144.0, 78.0)
_TARGETS: dict[MarkName, tuple[float, float]] = {
    MarkName.ISCHIUM_LATERAL: (119.0, 58.0),
    MarkName.LESSER_TROCHANTER_MEDIAL: (86.0, 58.0),
    MarkName.HAMSTRING_SUPEROLATERAL: (113.0, 76.0),
    MarkName.ILIOPSOAS_POSTEROMEDIAL: (87.0, 66.0),
}


class StepDrawing(QWidget):
    """A small axial sketch of one hip with the point to place."""

    def __init__(self, colors: Colors) -> None:
        """Begin without a step."""
        super().__init__()
        self.colors = colors
        self.step: Step | None = None
        self.setMinimumSize(150, 90)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Prefer the size the drawing was made for."""
        return QSize(200, 120)

    def show_step(self, step: Step | None) -> None:
        """Draw another step."""
        self.step = step
        self.setAccessibleName(step.definition if step else "")
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Paint bone, muscle, tendons and the target."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        factor = min(self.width() / _BOX.width(), self.height() / _BOX.height())
        painter.translate(self.width() / 2.0, self.height() / 2.0)
        painter.scale(factor, factor)
        left = self.step is not None and self.step.side is Side.LEFT
        painter.scale(-1.0 if left else 1.0, 1.0)
        painter.translate(-_BOX.center())
        self._anatomy(painter)
        if self.step is not None:
            self._target(painter, self.step)
        painter.end()

    def _anatomy(self, painter: QPainter) -> None:
        bone = QPen(self.colors.text, 2.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(160, 70, 70, 110))
        painter.drawPath(_muscle())
        painter.setPen(bone)
        painter.setBrush(QColor(230, 215, 170, 70))
        painter.drawPath(_femur())
        painter.drawPath(_ischium())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colors.faint)
        painter.drawEllipse(QRectF(110, 74, 13, 16))
        painter.drawEllipse(QRectF(78, 40, 11, 26))

    def _target(self, painter: QPainter, step: Step) -> None:
        here, there = QPointF(*_TARGETS[step.name]), QPointF(*_TARGETS[step.partner.name])
        painter.setPen(QPen(self.colors.accent, 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(here, there)
        painter.setPen(QPen(self.colors.warning, 3.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(here, 6.5, 6.5)


def _femur() -> QPainterPath:
    path = QPainterPath()
    path.moveTo(30, 45)
    path.cubicTo(30, 20, 66, 20, 70, 40)
    path.cubicTo(74, 46, 86, 48, 86, 58)
    path.cubicTo(86, 68, 74, 68, 70, 72)
    path.cubicTo(60, 88, 30, 82, 30, 45)
    return path


def _ischium() -> QPainterPath:
    path = QPainterPath()
    path.moveTo(122, 40)
    path.cubicTo(140, 24, 165, 40, 160, 60)
    path.cubicTo(158, 86, 134, 92, 124, 80)
    path.cubicTo(117, 70, 116, 50, 122, 40)
    return path


def _muscle() -> QPainterPath:
    path = QPainterPath()
    path.moveTo(74, 66)
    path.cubicTo(90, 58, 104, 58, 122, 56)
    path.cubicTo(124, 70, 118, 78, 112, 82)
    path.cubicTo(96, 88, 82, 90, 66, 84)
    path.closeSubpath()
    return path
