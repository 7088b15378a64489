"""Translate between the patient and what napari shows: pure, knows neither Qt nor napari.

The only place that knows napari's axis order. The stored slices are shown as they are, one voxel
per pixel, mirrored or transposed within the slice until the patient stands as radiologists expect
(patient's right on the screen's left, front up for axial slices). No rotated or sheared affine is
ever used, because napari cannot place a click exactly under one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifspace.geometry import Floats, Plane
from ifspace.measurement import slice_of_mark
from ifspace.model import Mark, MarkName, MarkState, Side, Volume

# Screen right and screen down for each viewing direction, as patient directions (LPS): axial as
# seen from the feet, coronal as seen from the front, sagittal with the front on the left.
_SCREEN_AXES_LPS: Mapping[int, tuple[tuple[int, int, int], tuple[int, int, int]]] = (
    MappingProxyType(
        {2: ((1, 0, 0), (0, 1, 0)), 1: ((1, 0, 0), (0, 0, -1)), 0: ((0, 1, 0), (0, 0, -1))}
    )
)
# Letters for the negative and the positive end of each patient axis (LPS).
_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))

# A direction within 27 degrees of a patient axis is named by that axis alone.
_SECOND_LETTER_SHARE = 0.45

# Percentiles of the signal that become black and white: the top per cent is coil-near fat.
WINDOW_PERCENTILES = (1.0, 99.0)
# The window is estimated from about this many voxels, so that it costs the same for any volume.
_WINDOW_SAMPLE = 400_000


@dataclass(frozen=True)
class Display:
    """How the slices of one volume are turned for the screen.

    Attributes
    ----------
    shape_kji
        Shape of the stored voxels.
    scale_mm
        Size of one displayed voxel: slice step, then vertical, then horizontal on the screen.
    transposed
        Whether stored columns run down the screen.
    flipped_down, flipped_right
        Whether the displayed axis runs against the stored one.
    """

    shape_kji: tuple[int, int, int]
    scale_mm: tuple[float, float, float]
    transposed: bool
    flipped_down: bool
    flipped_right: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the displayed array."""
        slices, rows, columns = self.shape_kji
        return (slices, columns, rows) if self.transposed else (slices, rows, columns)

    def array(self, voxels_kji: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn stored voxels (k, j, i) for the screen; a view, nothing is copied."""
        shown = voxels_kji.swapaxes(1, 2) if self.transposed else voxels_kji
        down = slice(None, None, -1 if self.flipped_down else 1)
        right = slice(None, None, -1 if self.flipped_right else 1)
        return shown[:, down, right]

    def to_data(self, index_kji: ArrayLike) -> Floats:
        """Map stored indices (..., 3) to indices of the displayed array (..., 3)."""
        index = np.array(index_kji, dtype=np.float64)
        if self.transposed:
            index[..., [1, 2]] = index[..., [2, 1]]
        return self._flip(index)

    def to_index_kji(self, data: ArrayLike) -> Floats:
        """Map indices of the displayed array (..., 3) to stored indices (..., 3)."""
        index = self._flip(np.array(data, dtype=np.float64))
        if self.transposed:
            index[..., [1, 2]] = index[..., [2, 1]]
        return index

    def to_world(self, data: ArrayLike) -> Floats:
        """Map indices of the displayed array (..., 3) to napari's world (..., 3), in mm."""
        return np.asarray(np.asarray(data, dtype=np.float64) * np.asarray(self.scale_mm))

    def from_world(self, world: ArrayLike) -> Floats:
        """Map napari's world (..., 3) to indices of the displayed array (..., 3)."""
        return np.asarray(np.asarray(world, dtype=np.float64) / np.asarray(self.scale_mm))

    def _flip(self, index: Floats) -> Floats:
        _, down, right = self.shape
        if self.flipped_down:
            index[..., 1] = down - 1 - index[..., 1]
        if self.flipped_right:
            index[..., 2] = right - 1 - index[..., 2]
        return index


def display_of(volume: Volume) -> Display:
    """Choose the turn that shows the slices in the radiological convention."""
    plane = volume.slices[0].plane
    right_lps, down_lps = screen_axes_lps(plane)
    straight = abs(plane.along_row_lps @ right_lps) + abs(plane.along_column_lps @ down_lps)
    crossed = abs(plane.along_column_lps @ right_lps) + abs(plane.along_row_lps @ down_lps)
    transposed = bool(crossed > straight)
    shown_right_lps = plane.along_column_lps if transposed else plane.along_row_lps
    shown_down_lps = plane.along_row_lps if transposed else plane.along_column_lps
    in_plane_mm = (plane.row_spacing_mm, plane.column_spacing_mm)
    down_mm, across_mm = in_plane_mm[::-1] if transposed else in_plane_mm
    return Display(
        shape_kji=(volume.voxels.shape[0], volume.voxels.shape[1], volume.voxels.shape[2]),
        # napari refuses a step of zero; a stack without a sound step is browsed, never measured.
        scale_mm=(volume.slice_step_mm or 1.0, down_mm, across_mm),
        transposed=transposed,
        flipped_down=bool(shown_down_lps @ down_lps < 0.0),
        flipped_right=bool(shown_right_lps @ right_lps < 0.0),
    )


def screen_axes_lps(plane: Plane) -> tuple[Floats, Floats]:
    """Give the patient directions that radiologists expect to the right and downwards."""
    right, down = _SCREEN_AXES_LPS[int(np.argmax(np.abs(plane.normal_lps)))]
    return np.asarray(right, dtype=np.float64), np.asarray(down, dtype=np.float64)


def edge_letters(
    volume: Volume, display: Display, *, right: str = "right", down: str = "down"
) -> dict[str, str]:
    """Name the edges of the screen by the patient direction that lies there.

    Parameters
    ----------
    right, down
        Where napari's camera lets the displayed columns and rows grow: ``right`` or ``left``,
        ``down`` or ``up``.

    Returns
    -------
    dict
        ``left``, ``right``, ``top``, ``bottom`` to one or two letters of R L A P F H.
    """
    plane = volume.slices[0].plane
    across_lps = plane.along_column_lps if display.transposed else plane.along_row_lps
    downward_lps = plane.along_row_lps if display.transposed else plane.along_column_lps
    if display.flipped_right is (right == "right"):
        across_lps = -across_lps
    if display.flipped_down is (down == "down"):
        downward_lps = -downward_lps
    return {
        "left": _letters(-across_lps),
        "right": _letters(across_lps),
        "top": _letters(-downward_lps),
        "bottom": _letters(downward_lps),
    }


def _letters(direction_lps: Floats) -> str:
    order = np.argsort(-np.abs(direction_lps))
    named = [axis for axis in order if abs(direction_lps[axis]) >= _SECOND_LETTER_SHARE]
    return "".join(_LETTERS[axis][int(direction_lps[axis] > 0.0)] for axis in named[:2])


def slice_shown(world: ArrayLike, display: Display) -> int:
    """Give the slice that napari shows when its dims point lies at `world` (3,)."""
    index = int(np.round(display.from_world(world)[0]))
    return min(max(index, 0), display.shape_kji[0] - 1)


def world_to_lps_mm(world: ArrayLike, volume: Volume, display: Display) -> Floats:
    """Map a cursor position in napari's world (3,) to the patient point on the slice shown."""
    slice_index = slice_shown(world, display)
    index_kji = display.to_index_kji(display.from_world(world))
    return volume.slices[slice_index].plane.to_lps_mm(index_kji[1:])


def lps_mm_to_data(
    point_lps_mm: ArrayLike, slice_index: int, volume: Volume, display: Display
) -> Floats:
    """Map a patient point (3,) on a slice to the displayed array (3,)."""
    index_ji = volume.slices[slice_index].plane.to_index_ji(point_lps_mm)
    return display.to_data([slice_index, *index_ji])


def nudged_lps_mm(
    point_lps_mm: ArrayLike,
    slice_index: int,
    volume: Volume,
    display: Display,
    *,
    down: float,
    right: float,
) -> Floats:
    """Move a patient point by displayed pixels within its slice."""
    data = lps_mm_to_data(point_lps_mm, slice_index, volume, display)
    data[1:] += (down, right)
    index_kji = display.to_index_kji(data)
    return volume.slices[slice_index].plane.to_lps_mm(index_kji[1:])


def slice_of(volume: Volume, mark: Mark) -> int:
    """Find the slice to show a mark on; for a mark that lies on none, the nearest one."""
    try:
        return slice_of_mark(volume, mark)
    except ValueError:
        return volume.nearest_slice(mark.position_lps_mm)[0]


@dataclass(frozen=True, eq=False)
class MarkPicture:
    """What a Points layer needs to show marks: one row per mark, in the order of the session."""

    data: Floats
    names: tuple[MarkName, ...]
    sides: tuple[Side, ...]
    states: tuple[MarkState, ...]


def picture_of(marks: Iterable[Mark], volume: Volume, display: Display) -> MarkPicture:
    """Turn marks into the data of a Points layer that shares the image's scale."""
    listed = tuple(marks)
    rows = [
        lps_mm_to_data(mark.position_lps_mm, slice_of(volume, mark), volume, display)
        for mark in listed
    ]
    return MarkPicture(
        data=np.array(rows, dtype=np.float64).reshape(len(listed), 3),
        names=tuple(mark.name for mark in listed),
        sides=tuple(mark.side for mark in listed),
        states=tuple(mark.state for mark in listed),
    )


def positions_lps_mm(picture: MarkPicture, volume: Volume, display: Display) -> Floats:
    """Read patient points (n, 3) off the data of a Points layer; inverts :func:`picture_of`."""
    rows = [world_to_lps_mm(display.to_world(point), volume, display) for point in picture.data]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)


def dashes(start: ArrayLike, end: ArrayLike, count: int = 7) -> Floats:
    """Cut the line between two displayed points (3,) into dashes, as napari vectors (n, 2, 3)."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    piece = (last - first) / (2 * count - 1)
    starts = first + 2.0 * np.arange(count)[:, None] * piece
    return np.stack([starts, np.broadcast_to(piece, starts.shape)], axis=1)


def window(volume: Volume) -> tuple[float, float]:
    """Choose black and white level by percentiles of the signal outside the air."""
    return percentile_window(volume.voxels, WINDOW_PERCENTILES)


def percentile_window(
    voxels: NDArray[np.float32], percentiles: tuple[float, float]
) -> tuple[float, float]:
    """Choose black and white level by two percentiles of the signal outside the air."""
    voxels = voxels.reshape(-1)
    sample = voxels[:: max(1, voxels.size // _WINDOW_SAMPLE)]
    sample = sample[np.isfinite(sample)]
    tissue = sample[sample > sample.min()] if sample.size else sample
    if not tissue.size:
        return 0.0, 1.0
    low, high = np.percentile(tissue, percentiles)
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)
