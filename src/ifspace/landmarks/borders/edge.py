"""Find the outer edge of a cortex below the pixel, by fitting what the scanner would show.

Fixing the level of the cortex is what makes a cortex thinner than the blur measurable (the idea of
Treece et al. 2010 for CT, here with the dark level of MR).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.candidates import PROFILE_MM, Candidates, candidates_for
from ifspace.landmarks.borders.surfaces import Single, Whole

# Three parallel lines are averaged: less noise, and an edge is straight over 2 mm.
PARALLEL_MM = (-1.0, 0.0, 1.0)
# Share by which the error of a candidate counts more for a blur of twice, or half, what is
# expected.
BLUR_PRICE = 0.16
# First pass: thickness within this of the surface search; second: held at the smoothed value.
FREE_THICKNESS_MM = 1.2
HELD_THICKNESS_MM = 0.16
# Place, thickness and the amplitudes of both sides are fitted: so many samples tell nothing more.
FITTED = 4
# No bone shows a tissue outside that is hardly brighter than its cortex (by less than this share of
# the cortex), marrow darker than this share of that tissue, or a layer of fat brighter than so many
# times the marrow.
OUTSIDE_LEAST = 0.2
MARROW_LEAST = 0.8
RIM_MOST = 1.35
# The residual is correlated over two steps of the raster; a blurred edge is this many blurs wide.
EDGE_WIDTH_IN_BLURS = 3.5
CORRELATED_MM = 2 * RASTER_MM
# No edge is said to be worse known than this, and where no candidate fits it is this.
WORST_SIGMA_MM = 5.0
WORST = 1e9
# Profiles that are fitted at a time: the work space stays within the cache of a core.
BLOCK = 64


@dataclass(frozen=True, eq=False)
class Fit:
    """Best candidate per profile; each (profiles,).

    `sigma_mm` is the standard uncertainty of the offset from the residual and the step to the
    tissue outside; `layered_sigma_mm` counts the step to a thin layer of fat as well, which is
    what is seen, but a layer that is fitted wrongly must not weigh more. `blur_ratio` is the blur
    relative to the image's.
    """

    offset_mm: Floats
    thickness_mm: Floats
    sigma_mm: Floats
    layered_sigma_mm: Floats
    blur_ratio: Floats


def profiles(patch: Patch, points_mm: Floats, normals: Floats) -> Floats:
    """Read the signal across an outline, (points, samples), outwards."""
    along = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
    ray = points_mm[:, None] + normals[:, None] * PROFILE_MM[None, :, None]
    shifted = ray[None] + np.array(PARALLEL_MM)[:, None, None, None] * along[None, :, None]
    return np.asarray(patch.sample(shifted).mean(axis=0))


def fit(
    signal: Floats,
    thickness_mm: Floats,
    *,
    cortex: Floats,
    blur_mm: float,
    ramp_mm: Floats | float = 0.0,
    held: bool = False,
) -> Fit:
    """Fit profiles (n, samples) around an expected thickness (n,).

    Parameters
    ----------
    signal
        From :func:`profiles`.
    thickness_mm
        Expected thickness of the cortex.
    cortex
        Level of the cortex, (n,).
    blur_mm
        Blur of the image.
    ramp_mm
        Blur expected on top where the surface runs obliquely through the slice, (n,) or
        one for all.
    held
        Keep the thickness instead of searching around it.
    """
    candidates = candidates_for(blur_mm)
    expected_mm = np.broadcast_to(np.hypot(blur_mm, ramp_mm), len(signal))
    blocks = [
        _fit_block(
            candidates,
            signal[i : i + BLOCK],
            thickness_mm[i : i + BLOCK],
            cortex[i : i + BLOCK],
            expected_mm[i : i + BLOCK],
            held=held,
        )
        for i in range(0, len(signal), BLOCK)
    ]
    best, error2, contrast, layered = (np.concatenate(part) for part in zip(*blocks, strict=True))
    sigma = candidates.blur_mm[best]
    independent = np.maximum(1.0, EDGE_WIDTH_IN_BLURS * sigma / CORRELATED_MM)
    noise = np.sqrt(np.maximum(error2, 1e-6)) * sigma * np.sqrt(2 * np.pi / independent)
    spread, layered_spread = (noise / np.maximum(step, 1e-3) for step in (contrast, layered))
    found = error2 < WORST
    return Fit(
        np.where(found, candidates.offset_mm[best], 0.0),
        np.where(found, candidates.thickness_mm[best], thickness_mm),
        np.where(found, np.minimum(spread, WORST_SIGMA_MM), WORST_SIGMA_MM),
        np.where(found, np.minimum(layered_spread, WORST_SIGMA_MM), WORST_SIGMA_MM),
        sigma / blur_mm,
    )


def _fit_block(
    candidates: Candidates,
    signal: Floats,
    thickness_mm: Floats,
    cortex: Floats,
    blur_mm: Floats,
    *,
    held: bool,
) -> tuple[Whole, Floats, Floats, Floats]:
    """Find the best candidate of some profiles: index, squared error, step without and with rim."""
    use, impossible = _within(candidates, thickness_mm, held=held)
    # Everything relative to the cortex, so that its share drops out of the linear part.
    level = (signal - cortex[:, None]).astype(np.float32).T
    error2 = _squared_error(candidates, use, level)
    marrow, outside, rim = _amplitudes(candidates, use, level)
    impossible |= _no_bone(marrow, outside, rim, cortex.astype(np.float32)[None, :])
    impossible |= (candidates.rim_mm[use] > 0)[:, None] & (rim <= 0)
    octaves = np.log2(candidates.blur_mm[use][:, None] / blur_mm[None, :]).astype(np.float32)
    score = error2 * (1 + np.float32(BLUR_PRICE) * octaves**2)
    score = np.where(impossible, 2 * WORST, score)
    at, every = score.argmin(0), np.arange(level.shape[1])
    ok = score[at, every] < WORST
    # Against a thin layer of fat the edge is steeper than against the muscle behind it.
    widths = candidates.rim_mm[use[at]] / candidates.blur_mm[use[at]]
    contrast = outside[at, every]
    layered = contrast + (1 - np.exp(-0.5 * widths**2)) * np.maximum(rim[at, every], 0)
    return use[at], np.where(ok, error2[at, every], WORST), contrast, layered


def _within(
    candidates: Candidates, thickness_mm: Floats, *, held: bool
) -> tuple[Whole, NDArray[np.bool_]]:
    """Choose by thickness: the candidates for any of the profiles, and which of them each lacks."""
    thicker_mm = HELD_THICKNESS_MM if held else FREE_THICKNESS_MM
    thinner_mm = thicker_mm + (0.0 if held else 1.0) * candidates.smear_mm
    low, high = thickness_mm.min() - thinner_mm, thickness_mm.max() + thicker_mm
    thickness = candidates.thickness_mm
    use = np.flatnonzero((thickness >= low) & (thickness <= high))
    if use.size == 0:
        use = np.flatnonzero(thickness == thickness.max())
    off = thickness[use][:, None] - thickness_mm[None, :]
    return use, (off > thicker_mm) | (off < -thinner_mm[use][:, None])


def _squared_error(candidates: Candidates, use: Whole, level: Single) -> Single:
    """Give what each candidate leaves of every profile (samples, profiles), per sample."""
    claimed = candidates.claimed[use]
    energy = claimed @ level**2
    energy -= np.square(_applied(candidates.project[use], level)).sum(1)
    counted = claimed.sum(1)[:, None] - FITTED
    return np.asarray(np.maximum(energy, 0) / counted)


def _amplitudes(candidates: Candidates, use: Whole, level: Single) -> tuple[Single, Single, Single]:
    """Give marrow, outside and rim of each candidate in every profile, above the cortex."""
    found = _applied(candidates.solve[use], level)
    return found[:, 0], found[:, 1], found[:, 2]


def _applied(maps: Single, level: Single) -> Single:
    """Apply linear maps (candidates, 3, samples) to profiles (samples, profiles)."""
    flat = maps.reshape(-1, PROFILE_MM.size) @ level
    return np.asarray(flat.reshape(*maps.shape[:2], level.shape[1]))


def _no_bone(marrow: Single, outside: Single, rim: Single, cortex: Single) -> NDArray[np.bool_]:
    """Tell which amplitudes above the level of the cortex no bone shows."""
    bad = outside < OUTSIDE_LEAST * cortex
    bad |= marrow + cortex < MARROW_LEAST * (outside + cortex)
    bad |= outside + rim + cortex > RIM_MOST * (marrow + cortex)
    return np.asarray(bad)
