"""Start napari with the dock, and fit the dock into its window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
from qtpy.QtCore import QTimer

from napari_ifspace.widget import DOCK_NAME, IFSpaceDock, dock_of

WINDOW_SIZE_PX = (1440, 960)


def launch(path: Path | None = None) -> None:
    """Open a window, the dock and the study, and run until the window is closed."""
    viewer = napari.Viewer(title="IFSpace")
    dock = open_dock(viewer)
    hide_panels(viewer)
    if path is not None:
        QTimer.singleShot(0, lambda: dock.open_path(path))
    napari.run()


def open_dock(viewer: Any) -> IFSpaceDock:
    """Give the dock of a viewer, adding it and its strip where there is none yet."""
    dock = dock_of(viewer)
    if dock is not None:
        dock.come_back()
    else:
        dock = IFSpaceDock(viewer)
        viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="right")
        window = viewer.window._qt_window
        available = window.screen().availableSize()
        window.resize(
            min(WINDOW_SIZE_PX[0], available.width()), min(WINDOW_SIZE_PX[1], available.height())
        )
    return dock


def hide_panels(viewer: Any) -> None:
    """Give the image the room of the layer panels; the Window menu brings them back."""
    qt_viewer = viewer.window._qt_viewer
    for panel in (qt_viewer.dockLayerList, qt_viewer.dockLayerControls):
        panel.hide()
