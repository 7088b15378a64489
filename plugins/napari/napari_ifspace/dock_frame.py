"""The dock in napari's window: where it and its strip go, and how it comes back."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QWidget


def main_window(viewer: Any) -> Any:
    """Give the window of a viewer; nothing where it has none."""
    return getattr(getattr(viewer, "window", None), "_qt_window", None)


def furnish(viewer: Any, strip: QWidget) -> Any:
    """Put the strip of slices under the image; gives the window, if there is one."""
    window = main_window(viewer)
    if window is not None:
        # The strip lies under the image only; the dock needs the height.
        corner, area = Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea
        window.setCorner(corner, area)
        viewer.window.add_dock_widget(strip, name="Slices", area="bottom")
    return window


def show_sliders(viewer: Any, *, shown: bool) -> None:
    """Show or hide napari's sliders: they count slices from 0, the strip does from 1."""
    if main_window(viewer) is not None:
        viewer.window._qt_viewer.dims.setVisible(shown)


def come_back(dock: QWidget, viewer: Any, name: str) -> bool:
    """Show a dock again where it was closed or hidden; tells if it was."""
    frame = dock.parentWidget()
    if main_window(viewer) is None or not (frame is None or frame.isHidden()):
        return False
    if frame is None:
        # napari takes the dock out of its frame when the frame is closed.
        viewer.window.add_dock_widget(dock, name=name, area="right")
    else:
        frame.show()
    dock.show()
    return True


def make_way(dock: QWidget, viewer: Any) -> None:
    """Leave the window to the dock that came back."""
    if isinstance(dock.parentWidget(), QDockWidget):
        viewer.window.remove_dock_widget(dock)
