"""The layer of bone outlines that proposals rest on, and where the mouse takes one. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Vectors

from ifspace.geometry import Floats
from ifspace.landmarks import Bone, FoundSide, OutlinePoint
from ifspace.model import Kind, MarkState, Side
from ifspace.reading.controller import ReadingController
from ifspace.reading.placement import SlicePoint
from ifspace.reading.proposer import HeldOutline
from napari_ifspace.drawing import LINE_WIDTH_PX, STATE_COLORS, pixel_mm

OUTLINES_NAME = "IFSpace outlines"
OUTLINE_LEAP_MM = 8.0
# Arms of the cross that shows where a reader dragged an outline to.
POINT_ARM_MM = 1.5


class Outlines:
    """The outlines shown on the image of one controller; none most of the time."""

    def __init__(self, viewer: Any, controller: ReadingController) -> None:
        """Begin without any."""
        self.viewer = viewer
        self.controller = controller
        self.layer: Vectors | None = None
        self._shown: tuple[Any, ...] = ()
        self._sides: tuple[FoundSide, ...] = ()

    def show(self, found: Mapping[Side, FoundSide], dragged: Sequence[OutlinePoint] = ()) -> None:
        """Draw the outlines that proposals rest on, and the points that a reader dragged."""
        wanted = (*found.values(), *dragged)
        same = len(wanted) == len(self._shown) and all(
            new is old for new, old in zip(wanted, self._shown, strict=True)
        )
        if same and (self.layer is None or self.layer in self.viewer.layers):
            return
        self.remove()
        self._shown, self._sides = wanted, tuple(found.values())
        pieces = [
            self._pieces(outline.points_lps_mm, outline.slice_index)
            for side in self._sides
            for outline in side.outlines
            if outline.slice_index is not None and len(outline.points_lps_mm) > 1
        ]
        pieces += [self._cross(point) for point in dragged]
        if not pieces:
            return
        self.layer = Vectors(
            np.concatenate(pieces),
            name=OUTLINES_NAME,
            scale=self.controller.display.scale_mm,
            units="mm",
            vector_style="line",
            edge_color=STATE_COLORS[MarkState.PROPOSED],
            edge_width=LINE_WIDTH_PX * pixel_mm(self.viewer) / self.controller.display.scale_mm[2],
            opacity=0.8,
        )
        self.viewer.layers.insert(1, self.layer)

    def near(self, spot: SlicePoint, reach_mm: float) -> HeldOutline | None:
        """Find the bone outline under the mouse; it is held where it is nearest."""
        best: tuple[float, HeldOutline] | None = None
        for side in self._sides:
            for outline in side.outlines:
                if outline.slice_index != spot.slice_index or outline.kind is not Kind.IFS:
                    continue
                point_lps_mm = _nearest_lps_mm(outline.points_lps_mm, spot.point_lps_mm)
                gap_mm = float(np.linalg.norm(point_lps_mm - spot.point_lps_mm))
                if gap_mm <= reach_mm and (best is None or gap_mm < best[0]):
                    held = HeldOutline(
                        side.side, Bone(outline.structure), spot.slice_index, point_lps_mm
                    )
                    best = (gap_mm, held)
        return best[1] if best else None

    def _pieces(self, points_lps_mm: Floats, slice_index: int) -> Floats:
        display = self.controller.display
        points = self._data(points_lps_mm, slice_index)
        steps = np.diff(points, axis=0)
        lengths_mm = np.linalg.norm(steps * np.asarray(display.scale_mm), axis=1)
        # An outline may be made of bone and tendon: the leap between them is no border.
        near = lengths_mm < OUTLINE_LEAP_MM
        return np.stack([points[:-1][near], steps[near]], axis=1)

    def _data(self, points_lps_mm: Floats, slice_index: int) -> Floats:
        index_ji = self.controller.volume.slices[slice_index].plane.to_index_ji(points_lps_mm)
        index_kji = np.insert(index_ji, 0, slice_index, axis=1)
        return self.controller.display.to_data(index_kji)

    def _cross(self, point: OutlinePoint) -> Floats:
        slice_index, _ = self.controller.volume.nearest_slice(point.position_lps_mm)
        center = self._data(point.position_lps_mm[None], slice_index)[0]
        arm = POINT_ARM_MM / np.asarray(self.controller.display.scale_mm)
        ways = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, -1.0]]) * arm
        return np.stack([center - ways, 2.0 * ways], axis=1)

    def remove(self) -> None:
        """Take the outlines away."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.viewer.layers.remove(self.layer)
        self.layer = None
        self._shown, self._sides = (), ()


def _nearest_lps_mm(points_lps_mm: Floats, wanted_lps_mm: Floats) -> Floats:
    """Find the point of a polyline, (n, 3), that is nearest to another point, (3,)."""
    start, way = points_lps_mm[:-1], np.diff(points_lps_mm, axis=0)
    share = np.sum((wanted_lps_mm - start) * way, axis=1) / np.maximum(np.sum(way**2, axis=1), 1e-9)
    feet = start + np.clip(share, 0.0, 1.0)[:, None] * way
    return np.asarray(feet[int(np.linalg.norm(feet - wanted_lps_mm, axis=1).argmin())])
