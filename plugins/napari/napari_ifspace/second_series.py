"""A second series over the images that are measured, at the same patient position. No Qt.

It is for looking only: its layer is a picture on the slices of the measured series, nothing is
read off it, and while it is in view no mark is placed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.components.overlays import TextOverlay
from napari.layers import Image, Layer
from numpy.typing import NDArray
from psygnal import Signal

from ifspace.image import same_frame, values_on
from ifspace.io import load_volume, open_study
from ifspace.model import Contrast, Series, Volume
from ifspace.reading import screen
from ifspace.reading.study import describe, find_again
from napari_ifspace.gray_window import series_key
from napari_ifspace.slice_view import SliceView

SECOND_NAME = "Second series (for looking only)"
_OVERLAY = "ifspace_second"
# Characters of a line on the canvas: under the slice number, clear of the letters at its edges.
CANVAS_LINE = 30
BLOCKED = (
    "The second series is for looking only: hide it to place or move marks on the series that "
    "is measured."
)


@dataclass(frozen=True, eq=False)
class LinkedSeries:
    """A second series on the slices of the measured one.

    Attributes
    ----------
    series
        The second series.
    voxels
        (k, j, i) of the measured series; black where the second one does not reach.
    covered
        Share of every measured slice that the second series reaches, (k,).
    window
        Black and white level of the second series.
    corresponds
        Whether positions mean the same place; nothing where the files do not say.
    """

    series: Series
    voxels: NDArray[np.float32]
    covered: NDArray[np.float64]
    window: tuple[float, float]
    corresponds: bool | None


def load_linked(path: Path, series: Series, measured: Volume) -> LinkedSeries:
    """Load a second series of a study onto the slices of the measured one; slow.

    Raises
    ------
    IfspaceError
        If the series is not there any more or cannot be read.
    """
    with open_study(path) as inventory:
        volume = load_volume(find_again(inventory, series))
    return link(volume, measured)


def link(volume: Volume, measured: Volume) -> LinkedSeries:
    """Put a second series onto the slices of the measured one."""
    window = screen.window(volume)
    voxels = np.empty(measured.voxels.shape, np.float32)
    covered = np.empty(len(measured.slices))
    for k, item in enumerate(measured.slices):
        values = values_on(volume, item.plane)
        seen = np.isfinite(values)
        voxels[k] = np.where(seen, values, window[0])
        covered[k] = seen.mean()
    corresponds = same_frame(measured.series, volume.series)
    return LinkedSeries(volume.series, voxels, covered, window, corresponds)


def short_name(series: Series) -> str:
    """Name a series in a few words for the canvas."""
    if series.contrast is not Contrast.UNKNOWN:
        return series.contrast.value
    return series.modality if series.modality != "MR" else "second series"


class SecondSeries:
    """The second series of one viewer layers: at most one, shown or hidden."""

    changed = Signal()
    gone = Signal()

    def __init__(self, view: SliceView) -> None:
        """Begin without one."""
        self.view = view
        self.linked: LinkedSeries | None = None
        self.layer: Image | None = None

    @property
    def layers(self) -> Sequence[Layer]:
        """The layer, if there is one."""
        return () if self.layer is None else (self.layer,)

    @property
    def visible(self) -> bool:
        """Whether the second series is in view."""
        return self.layer is not None and bool(self.layer.visible)

    @property
    def warning(self) -> str | None:
        """What has to be known while the second series is in view."""
        if self.linked is None:
            return None
        if self.linked.covered[self.view.slice_index] == 0.0:
            return "The second series does not reach this slice."
        if self.linked.corresponds is None:
            return "No frame of reference is given: positions may not correspond."
        if not self.linked.corresponds:
            return "Other frame of reference: positions may not correspond."
        return None

    def show(self, linked: LinkedSeries) -> None:
        """Put a series over the measured images."""
        self.remove()
        view = self.view
        self.linked = linked
        self.layer = Image(
            view.controller.display.array(linked.voxels),
            name=SECOND_NAME,
            scale=view.controller.display.scale_mm,
            units="mm",
            contrast_limits=linked.window,
            interpolation2d="linear",
            blending="translucent",
            metadata={"ifspace": f"for looking only: {describe(linked.series)}"},
        )
        viewer = view.viewer
        viewer.layers.insert(viewer.layers.index(view.image) + 1, self.layer)
        viewer.layers.selection.active = view.image
        view.keep_in_place(self.layer)
        view.gray.adopt(self.layer, series_key(linked.series))
        self.layer.events.visible.connect(self._on_seen)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.canvas.overlays[_OVERLAY] = TextOverlay(
            text="", position="top_left", font_size=11, visible=True, box=True
        )
        self._on_seen()

    def toggle(self) -> None:
        """Bring the second series into view, or take it out of view."""
        if self.layer is not None:
            self.layer.visible = not self.layer.visible

    def set_opacity(self, share: float) -> None:
        """Let the measured images shine through."""
        if self.layer is not None:
            self.layer.opacity = share

    def write(self) -> None:
        """Write on the canvas what is in view, and what has to be known about it."""
        overlay = self.view.viewer.canvas.overlays.get(_OVERLAY)
        if overlay is None or self.linked is None:
            return
        words = ""
        if self.visible:
            words = f"{short_name(self.linked.series)}: for looking only"
            if self.warning is not None:
                words += "\n" + textwrap.fill(f"▲ {self.warning}", CANVAS_LINE)
        overlay.text = words

    def remove(self) -> None:
        """Take the second series away."""
        layer, self.layer, self.linked = self.layer, None, None
        viewer = self.view.viewer
        if layer is not None:
            viewer.layers.events.removed.disconnect(self._on_removed)
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        viewer.canvas.overlays.pop(_OVERLAY, None)
        self.view.controller.active_step.covered = None

    def _on_seen(self) -> None:
        self.view.controller.active_step.covered = BLOCKED if self.visible else None
        self.view.controller.cursor.point(None)
        self.write()
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.remove()
            self.gone.emit()
