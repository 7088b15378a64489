"""A real window with the dock, and hands to drive it by mouse and key events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.waiting import LIMIT_S

from ifspace.model import Mark
from ifspace.reading import screen
from napari_ifspace.app import open_dock
from napari_ifspace.widget import IFSpaceDock

# A drawn pixel is an eighth of a millimetre: a click is exact to a sixth of an image pixel.
ZOOM_PX_PER_MM = 8.0


class Window:
    """A napari window with the dock, and hands to drive it.

    Unless it `seeks_level`, it stays at the slice it opens at, and starts no thread for that.
    """

    def __init__(self, *, seeks_level: bool = False) -> None:
        import napari
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.qt, self.hands = Qt, QTest
        self.viewer = napari.Viewer()
        self.dock: IFSpaceDock = open_dock(self.viewer)
        self.dock.opening.seeks_level = seeks_level
        self.asked: list[str] = []
        self.question = ""
        self.answer = ""
        self.dock.ask = self._ask
        self.window = self.viewer.window._qt_window
        self.window.activateWindow()

    def _ask(self, _parent: Any, title: str, question: str, answers: tuple[str, ...]) -> str:
        self.asked.append(title)
        self.question = question
        return self.answer if self.answer in answers else answers[-1]

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas

    def wait(self, until: Callable[[], bool], seconds: float = LIMIT_S) -> None:
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"waited in vain; it says: {self.dock.message.text()}"
            self.hands.qWait(20)

    def open(self, path: Path) -> None:
        before = self.dock.viewer_layers
        self.dock.open_path(path)
        self.wait(
            lambda: (
                self.dock.viewer_layers not in (None, before)
                and self.dock.viewer_layers.has_drawing
            )
        )
        self.hands.qWait(50)

    def look_at(self, mark: Mark) -> tuple[float, ...]:
        """Turn to a mark's slice and close to it; gives its place in napari's world."""
        controller, viewer_layers = self.dock.controller, self.dock.viewer_layers
        assert controller is not None
        assert viewer_layers is not None
        slice_index = screen.slice_of(controller.volume, mark)
        viewer_layers.show_slice(slice_index)
        data = screen.lps_mm_to_data(
            mark.position_lps_mm, slice_index, controller.volume, controller.display
        )
        world = controller.display.to_world(data)
        self.viewer.scene.camera.center = (0.0, world[1], world[2])
        self.viewer.scene.camera.zoom = ZOOM_PX_PER_MM
        self.hands.qWait(30)
        return tuple(world)

    def pixel(self, world: tuple[float, ...]) -> Any:
        from qtpy.QtCore import QPoint

        x, y = self.canvas.view.scene.transform.map([world[-1], world[-2], 0.0, 1.0])[:2]
        return QPoint(round(float(x)), round(float(y)))

    def hover(self, world: tuple[float, ...]) -> None:
        """Move the mouse there, wherever it was: a pointer that stays put sends no event."""
        from qtpy.QtCore import QPoint

        for off_px in (8, 0):
            self.hands.mouseMove(self.canvas.native, self.pixel(world) + QPoint(off_px, off_px))
            self.hands.qWait(15)

    def click(self, world: tuple[float, ...]) -> None:
        native, at = self.canvas.native, self.pixel(world)
        self.hands.mouseMove(native, at)
        self.hands.qWait(15)
        self.hands.mouseClick(native, self.qt.MouseButton.LeftButton, pos=at)
        self.hands.qWait(15)

    def drag(
        self, start: tuple[float, ...], end: tuple[float, ...], button: str = "LeftButton"
    ) -> None:
        native, held = self.canvas.native, getattr(self.qt.MouseButton, button)
        first, last = self.pixel(start), self.pixel(end)
        self.hands.mouseMove(native, first)
        self.hands.qWait(15)
        self.hands.mousePress(native, held, pos=first)
        for share in (0.3, 0.7, 1.0):
            self.move_held(first + (last - first) * share, held)
            self.hands.qWait(25)
        self.hands.mouseRelease(native, held, pos=last)
        self.hands.qWait(25)

    def move_held(self, at: Any, button: Any) -> None:
        """Move the mouse with a button down; QTest itself says of none but the left one."""
        from qtpy.QtCore import QEvent, QPointF
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtWidgets import QApplication

        if button == self.qt.MouseButton.LeftButton:
            self.hands.mouseMove(self.canvas.native, at)
            return
        here = QPointF(at)
        everywhere = QPointF(self.canvas.native.mapToGlobal(at))
        none = self.qt.KeyboardModifier.NoModifier
        kind = QEvent.Type.MouseMove
        moved = QMouseEvent(kind, here, everywhere, self.qt.MouseButton.NoButton, button, none)
        QApplication.sendEvent(self.canvas.native, moved)

    def wheel(self, world: tuple[float, ...], notches: int, modifier: str = "NoModifier") -> None:
        """Turn the wheel over a place of the image."""
        self.wheel_at(self.pixel(world), notches, modifier)
        self.hands.qWait(25)

    def wheel_at(self, at: Any, notches: int, modifier: str = "NoModifier") -> None:
        """Turn the wheel over a pixel of the canvas."""
        from qtpy.QtCore import QPoint, QPointF
        from qtpy.QtGui import QWheelEvent
        from qtpy.QtWidgets import QApplication

        event = QWheelEvent(
            QPointF(at),
            QPointF(self.canvas.native.mapToGlobal(at)),
            QPoint(),
            QPoint(0, 120 * notches),
            self.qt.MouseButton.NoButton,
            getattr(self.qt.KeyboardModifier, modifier),
            self.qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.canvas.native, event)

    def activate(self) -> None:
        """Take the keyboard: without an active window Qt carries no shortcut out."""
        self.window.activateWindow()
        # Without a window manager a request may come to nothing; it is made again.
        self.wait(lambda: bool(self.window.isActiveWindow() or self.window.activateWindow()))

    def focus(self, widget: Any) -> None:
        """Put the keyboard's focus on a widget of the window."""
        self.activate()
        self.wait(lambda: bool(widget.hasFocus() or widget.setFocus()))

    def press(self, key: str) -> None:
        from qtpy.QtGui import QKeySequence
        from qtpy.QtWidgets import QApplication

        if QApplication.activeWindow() is None:
            self.activate()
        combination = QKeySequence(key)[0]
        self.hands.keyClick(self.canvas.native, combination.key(), combination.keyboardModifiers())
        self.hands.qWait(10)
