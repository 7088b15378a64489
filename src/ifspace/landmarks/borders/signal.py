"""Signal of marrow, cortex and muscle in one slice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.lines import nearest_values
from ifspace.model import Volume

CORTEX_PERCENTILE = 0.7
CORTEX_SMOOTH_MM = 0.6
MUSCLE_PERCENTILE = 40.0
SNAP_MM = 2.0
MARROW_DISC_MM = 2.5
# Blur of the image relative to its pixel: box of the pixel and filter of the reconstruction.
BLUR_OF_PIXEL = 0.6


@dataclass(frozen=True)
class TissueSignal:
    """Signal of cortex and muscle in one slice."""

    cortex: float
    muscle: float


def scaled(signal: Floats, marrow: Floats, cortex: Floats, muscle: Floats) -> tuple[Floats, Floats]:
    """Scale to cortex 0 and marrow 1; gives the signal and the level of muscle on that scale."""
    span = np.maximum(marrow - cortex, 1e-3 * np.maximum(np.abs(marrow), 1e-6))
    level = np.clip((muscle - cortex) / span, 0.15, 0.8)
    return (signal - cortex[:, None, None]) / span[:, None, None], level


def estimate_cortex(patch: Patch) -> float:
    """Level of the cortex: the darkest of a smoothed window, so that noise does not lower it."""
    smooth = ndi.gaussian_filter(patch.signal, CORTEX_SMOOTH_MM / RASTER_MM)
    inside = smooth[patch.seen]
    return float(np.percentile(inside, CORTEX_PERCENTILE)) if inside.size else 0.0


def estimate_muscle(patch: Patch, start_mm: Floats, end_mm: Floats) -> float:
    """Level of muscle: a low percentile of the middle of the corridor between two points."""
    along = end_mm - start_mm
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    share = np.linspace(0.3, 0.7, 15)[:, None, None]
    width = np.arange(-6.0, 6.1, 1.0)[None, :, None]
    points = start_mm + share * along + width * across
    return float(np.percentile(patch.sample(points), MUSCLE_PERCENTILE))


def levels_between(
    patches: Sequence[Patch],
    starts_mm: Iterable[Floats],
    ends_mm: Iterable[Floats],
    cortex: Sequence[float],
) -> tuple[TissueSignal, ...]:
    """Estimate the levels of all slices from the corridor between two bones."""
    return tuple(
        TissueSignal(level, estimate_muscle(patch, start, end))
        for patch, start, end, level in zip(patches, starts_mm, ends_mm, cortex, strict=True)
    )


def marrow_at(patch: Patch, point_mm: Floats) -> float:
    """Median signal of a small disc."""
    steps = np.arange(-MARROW_DISC_MM, MARROW_DISC_MM + 0.1, 0.5)
    disc = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    disc = disc[np.linalg.norm(disc, axis=1) <= MARROW_DISC_MM]
    return float(np.median(patch.sample(point_mm + disc)))


def brightest_near(patch: Patch, point_mm: Floats) -> Floats:
    """Move a rough seed to the brightest smoothed place within two millimetres."""
    smooth = ndi.gaussian_filter(patch.signal, 1.2 / RASTER_MM)
    steps = np.arange(-SNAP_MM, SNAP_MM + 0.1, 1.0)
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    candidates = point_mm + offsets
    value = nearest_values(smooth, candidates)
    value = value - 0.02 * np.linalg.norm(offsets, axis=1) * np.median(smooth)
    return np.asarray(candidates[int(np.argmax(value))])


def blur_of(volume: Volume) -> float:
    """Blur of the images in mm."""
    return BLUR_OF_PIXEL * _pixel_mm(volume)


def _pixel_mm(volume: Volume) -> float:
    """Pixel of the acquisition: never finer than the stored one, however it was interpolated."""
    plane, series = volume.slices[0].plane, volume.series
    pixel_mm = float(np.sqrt(plane.row_spacing_mm * plane.column_spacing_mm))
    if series.acquisition_matrix is None:
        return pixel_mm
    field_mm = max(
        plane.row_spacing_mm * plane.shape_ji[0], plane.column_spacing_mm * plane.shape_ji[1]
    )
    acquired_mm = field_mm / max(max(series.acquisition_matrix), 1)
    return float(np.clip(acquired_mm, pixel_mm, 2.0 * pixel_mm))
