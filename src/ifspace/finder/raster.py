"""Slices on the raster that the network was trained on: 1.25 mm, leftwards, backwards, upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from ifspace.geometry import Floats, Grid
from ifspace.image import patient_axes_in
from ifspace.model import Volume

RASTER_MM = 1.25
# Distances of the five planes that the network sees, from the slice it judges.
PLANES_MM = (-12.0, -6.0, 0.0, 6.0, 12.0)
# The network halves the picture five times.
MULTIPLE = 32
# Widest picture that is looked at; wider ones hold table and air.
WIDEST_MM = 480.0
# Signal below this share of the brightest is air.
AIR = 0.06

Signal = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stack:
    """All slices of a volume on the network's raster.

    Attributes
    ----------
    signal
        (slices, rows, columns), scaled to 0 ... about 1; slices upwards, rows backwards, columns
        to the patient's left.
    seen
        (slices, rows, columns), true where the series has pixels.
    heights_mm
        Height of every slice along the normal, growing.
    slice_indices
        Index in the volume of every slice of the stack.
    grid
        Where the raster lies; the slices are taken as evenly spaced.
    """

    signal: Signal
    seen: NDArray[np.bool_]
    heights_mm: Floats
    slice_indices: tuple[int, ...]
    grid: Grid

    def planes(self, slice_number: int) -> Signal:
        """Interpolate the five planes around one slice, (5, rows, columns).

        Beyond the first and the last slice that slice is repeated.
        """
        wanted = self.heights_mm[slice_number] + np.array(PLANES_MM)
        at = np.interp(wanted, self.heights_mm, np.arange(len(self.heights_mm)))
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, len(self.signal) - 1)
        share = (at - low)[:, None, None].astype(np.float32)
        mixed = self.signal[low] * (1 - share) + self.signal[high] * share
        return np.asarray(mixed, dtype=np.float32)


def stack_of(volume: Volume) -> Stack:
    """Bring a volume onto the network's raster, cropped to the body."""
    first = volume.slices[0].plane
    upward = 1.0 if first.normal_lps[2] >= 0 else -1.0
    heights_mm = np.array(
        [upward * float(first.height_mm(item.plane.origin_lps_mm)) for item in volume.slices]
    )
    order = tuple(int(k) for k in np.argsort(heights_mm))
    corner_lps_mm, shape_ji = _window(volume)
    cut = [_cut(volume, k, corner_lps_mm, shape_ji) for k in order]
    signal, seen = (np.stack(parts) for parts in zip(*cut, strict=True))
    heights_mm = heights_mm[list(order)]
    left, back = patient_axes_in(first)
    step_mm = float(heights_mm[-1] - heights_mm[0]) / max(1, len(order) - 1) or 1.0
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack(
        [upward * first.normal_lps * step_mm, back * RASTER_MM, left * RASTER_MM]
    )
    affine[:3, 3] = volume.slices[order[0]].plane.foot_lps_mm(corner_lps_mm)
    grid = Grid((len(order), *shape_ji), affine)
    return _cropped(Stack(_scaled(signal, seen), seen, heights_mm, order, grid))


def _window(volume: Volume) -> tuple[Floats, tuple[int, int]]:
    """Corner point (3,) and size of the raster that holds every pixel of the first slice."""
    plane = volume.slices[0].plane
    left, back = patient_axes_in(plane)
    rows, columns = plane.shape_ji
    ends = plane.to_lps_mm([[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]])
    middle = ends.mean(axis=0)
    across, deep = (ends - middle) @ left, (ends - middle) @ back
    half = [min(float(np.ptp(a)), WIDEST_MM) / 2 for a in (across, deep)]
    corner = middle - half[0] * left - half[1] * back
    return corner, (int(2 * half[1] / RASTER_MM) + 1, int(2 * half[0] / RASTER_MM) + 1)


def _cut(
    volume: Volume, k: int, corner_lps_mm: Floats, shape_ji: tuple[int, int]
) -> tuple[Signal, NDArray[np.bool_]]:
    """Resample one slice; pixels finer than the raster are smoothed first."""
    stored = volume.slices[k].plane
    left, back = patient_axes_in(stored)
    spacing = np.array([stored.row_spacing_mm, stored.column_spacing_mm])
    blur = np.sqrt(np.maximum(RASTER_MM**2 - spacing**2, 0)) / 2 / spacing
    smooth = ndi.gaussian_filter(volume.voxels[k], blur)
    step = RASTER_MM * np.stack([back, left])
    axes = np.stack([stored.along_column_lps, stored.along_row_lps]) / spacing[:, None]
    start = stored.to_index_ji(stored.foot_lps_mm(corner_lps_mm))
    matrix = axes @ step.T
    signal = ndi.affine_transform(smooth, matrix, start, shape_ji, order=1, mode="nearest")
    j, i = np.ogrid[: shape_ji[0], : shape_ji[1]]
    at = [start[n] + matrix[n, 0] * j + matrix[n, 1] * i for n in (0, 1)]
    inside = [(a >= -0.5) & (a <= size - 0.5) for a, size in zip(at, stored.shape_ji, strict=True)]
    seen = inside[0] & inside[1]
    return np.where(seen, signal, 0).astype(np.float32), seen


def _scaled(signal: Signal, seen: NDArray[np.bool_]) -> Signal:
    """Scale by the 1st and the 99th percentile of what is seen, as in training."""
    low, high = np.percentile(signal[seen] if seen.any() else signal, [1, 99])
    scaled = np.clip((signal - low) / max(float(high - low), 1e-6), 0, 1.5)
    return np.asarray(np.where(seen, scaled, 0), dtype=np.float32)


def _cropped(stack: Stack) -> Stack:
    """Leave out the air around the body and pad to what the network can halve."""
    body = (ndi.uniform_filter(stack.signal, (1, 7, 7)) > AIR).any(axis=0)
    if not body.any():
        body[:] = True
    low, counts = [], []
    for axis in (0, 1):
        used = np.flatnonzero(body.any(axis=1 - axis))
        low.append(int(used[0]))
        counts.append(-(-int(used[-1] - used[0] + 1) // MULTIPLE) * MULTIPLE)
    affine = stack.grid.affine_lps_mm.copy()
    affine[:3, 3] = stack.grid.to_lps_mm([0, *low])
    signal, seen = (_window_of(part, low, counts) for part in (stack.signal, stack.seen))
    grid = Grid((len(signal), counts[0], counts[1]), affine)
    return Stack(signal, seen, stack.heights_mm, stack.slice_indices, grid)


def _window_of(array: NDArray[Any], low: list[int], counts: list[int]) -> NDArray[Any]:
    """Cut a window in plane; what lies outside is zero."""
    part = array[:, low[0] : low[0] + counts[0], low[1] : low[1] + counts[1]]
    return np.pad(part, ((0, 0), *((0, counts[n] - part.shape[n + 1]) for n in (0, 1))))
