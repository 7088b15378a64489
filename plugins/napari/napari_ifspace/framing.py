"""What part of a slice is in view: the whole, one hip, a mark; zooming and panning. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ifspace.geometry import Floats
from ifspace.model import Mark, Side
from ifspace.reading import screen
from ifspace.reading.controller import ReadingController

# What is shown around one hip: an adult's ischium, femur and the gap between them take some 90 mm.
HIP_VIEW_MM = 120.0
# A pelvis is wider than this: images that are not show one hip, in their middle.
ONE_HIP_MM = 240.0
FILLED = 0.95
NOTCH = 1.2


class Framing:
    """The camera of one viewer over the slices of one reading.

    Attributes
    ----------
    hips_lps_mm
        Where each hip seems to be, before anybody has marked it.
    """

    def __init__(self, viewer: Any, controller: ReadingController) -> None:
        """Begin with the whole slice; nothing moves before it is asked to."""
        self.viewer = viewer
        self.controller = controller
        self.hips_lps_mm: Mapping[Side, Floats] = {}
        self._side: Side | None = None
        # Middle (down, right) and width (mm) last asked for, and the zoom that came of it.
        self._framed: tuple[float, float, float] | None = None
        self._zoom = 0.0
        viewer.canvas.events.size.connect(self._resized)

    def toggle(self, side: Side) -> None:
        """Zoom to one hip, or from there back to the whole slice."""
        self.show_side(None if self._side is side else side)

    def show_side(self, side: Side | None) -> None:
        """Fill the view with one hip, or with the whole slice.

        A hip is where its marks are, else where the program sees it, else half of the image.
        """
        self._side = side
        down_mm, right_mm = self._size_mm()
        hip_lps_mm = None if side is None else self._hip_lps_mm(side)
        if side is None:
            self._frame(down_mm / 2.0, right_mm / 2.0, max(down_mm, right_mm))
        elif hip_lps_mm is not None:
            self._frame(*self.place(hip_lps_mm), HIP_VIEW_MM)
        elif right_mm < ONE_HIP_MM:
            self._frame(down_mm / 2.0, right_mm / 2.0, HIP_VIEW_MM)
        else:
            letters = screen.edge_letters(self.controller.volume, self.controller.display)
            on_left = letters["left"].startswith("R") is (side is Side.RIGHT)
            self._frame(down_mm / 2.0, right_mm * (0.25 if on_left else 0.75), right_mm / 2.0)

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Bring marks to the middle, as large as a hip is shown."""
        if marks:
            self._side = marks[0].side
            middle_lps_mm = np.mean([mark.position_lps_mm for mark in marks], axis=0)
            self._frame(*self.place(middle_lps_mm), HIP_VIEW_MM)

    def zoom_at(self, world: Sequence[float], notches: float) -> None:
        """Zoom so that what is under the cursor stays there."""
        camera = self.viewer.scene.camera
        factor = NOTCH**notches
        here, middle = np.asarray(tuple(world)[-2:]), np.asarray(camera.center[-2:])
        camera.zoom *= factor
        camera.center = (0.0, *(here + (middle - here) / factor))

    def pan(self, start_px: Floats, now_px: Floats, middle: Sequence[float]) -> None:
        """Carry the picture along with the mouse, from where its middle was at the start."""
        camera = self.viewer.scene.camera
        right_mm, down_mm = (now_px - start_px) / float(camera.zoom)
        down_sign = 1.0 if str(camera.orientation2d[0]) == "down" else -1.0
        right_sign = 1.0 if str(camera.orientation2d[1]) == "right" else -1.0
        camera.center = (0.0, middle[-2] - down_sign * down_mm, middle[-1] - right_sign * right_mm)

    def close(self) -> None:
        """Stop listening."""
        self.viewer.canvas.events.size.disconnect(self._resized)

    def _frame(self, down_mm: float, right_mm: float, width_mm: float) -> None:
        self._framed = (down_mm, right_mm, width_mm)
        camera = self.viewer.scene.camera
        camera.center = (0.0, float(down_mm), float(right_mm))
        camera.zoom = self._zoom = FILLED * min(self.viewer.canvas.size) / max(width_mm, 1.0)

    def _resized(self) -> None:
        """Fit again what filled the view, unless the reader has zoomed or panned since."""
        if self._framed is None:
            return
        camera = self.viewer.scene.camera
        moved = not np.allclose(camera.center[-2:], self._framed[:2], atol=0.01)
        if not moved and np.isclose(camera.zoom, self._zoom, rtol=0.01):
            self._frame(*self._framed)

    def place(self, point_lps_mm: Floats) -> tuple[float, float]:
        """Give where a patient point is in napari's world, (down, right)."""
        volume, display = self.controller.volume, self.controller.display
        slice_index = volume.nearest_slice(point_lps_mm)[0]
        data = screen.lps_mm_to_data(point_lps_mm, slice_index, volume, display)
        _, down_mm, right_mm = display.to_world(data)
        return float(down_mm), float(right_mm)

    def _hip_lps_mm(self, side: Side) -> Floats | None:
        """Give the middle of one hip, (3,)."""
        points = [m.position_lps_mm for m in self.controller.session.marks if m.side is side]
        if points:
            return np.asarray(np.mean(points, axis=0), dtype=np.float64)
        return self.hips_lps_mm.get(side)

    def _size_mm(self) -> tuple[float, float]:
        _, down, right = self.controller.display.shape
        _, down_mm, right_mm = self.controller.display.scale_mm
        return down * down_mm, right * right_mm
