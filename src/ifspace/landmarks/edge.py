"""Find the outer edge of a cortex below the pixel, by fitting what the scanner would show.

Across the cortex the signal is modelled as marrow, a dark cortex whose level is known, perhaps a
thin bright layer of fat, and the tissue outside, all blurred. Fixing the level of the cortex is
what makes a cortex thinner than the blur measurable (the idea of Treece et al. 2010 for CT, here
with the dark level of MR). Place and thickness are searched on a grid; the amplitudes are linear
and follow from least squares.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch

Whole = NDArray[np.intp]

PROFILE_STEP_MM = 0.3
PROFILE_MM = np.arange(-9.3, 4.6, PROFILE_STEP_MM)
# Three parallel lines are averaged: less noise, and an edge is straight over 2 mm.
PARALLEL_MM = (-1.0, 0.0, 1.0)

OFFSETS_MM = np.arange(-1.95, 1.96, 0.15)
THICKNESSES_MM = np.arange(0.4, 7.05, 0.3)
RIMS_MM = (0.0, 0.4, 1.0)
RIM_PENALTY = (1.0, 1.0, 1.0)
# Blur relative to that of the image: more where the cortex runs obliquely through the slice.
BLURS = (0.9, 1.15, 1.5, 2.0, 2.6, 3.3, 4.2)
OBLIQUE = 1.4
# Blurs that differ by less are the same: the candidates are built once for all of them.
BLUR_STEP_MM = 0.03
# Share by which the error of a model counts more for a blur of twice, or half, what is expected.
BLUR_PRICE = 0.16
# The model claims the signal only so far inside the marrow and outside the cortex.
CLAIM_INSIDE_MM = 2.5
CLAIM_OUTSIDE_MM = 2.7
# First pass: thickness within this of the surface search; second: held at the smoothed value.
FREE_THICKNESS_MM = 1.2
# A band smeared by a blur looks wider than it is by twice the blur.
SMEAR = 2.0
HELD_THICKNESS_MM = 0.16
WORST = 1e9


@dataclass(frozen=True, eq=False)
class Models:
    """All candidate profiles as linear maps.

    `solve` (models, 3, samples) gives the amplitudes of marrow, outside and rim; `project`
    (models, 3, samples) an orthonormal basis; `cortex` (models, samples) the share of the cortex;
    `smear_mm` (models,) how much wider than it is a band looks beyond the blur of the image.
    """

    offset_mm: Floats
    thickness_mm: Floats
    rim: Floats
    penalty: Floats
    blur_mm: Floats
    smear_mm: Floats
    claimed: Floats
    cortex: Floats
    project: Floats
    solve: Floats


def _step(x_mm: Floats, point_mm: Floats, width_mm: Floats) -> Floats:
    """Give a step at zero, blurred by a Gaussian and spread evenly over a width."""

    def area(u: Floats) -> Floats:
        """Integrate the normal distribution function."""
        return np.asarray(u * ndtr(u) + np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi))

    high, low = (x_mm + width_mm / 2) / point_mm, (x_mm - width_mm / 2) / point_mm
    return np.asarray((area(high) - area(low)) * point_mm / width_mm)


@lru_cache(maxsize=8)
def _models(blur_mm: float) -> Models:
    """Build every candidate for an image blur, once per blur."""
    rows = list(
        itertools.product(range(len(BLURS)), THICKNESSES_MM, OFFSETS_MM, range(len(RIMS_MM)))
    )
    blur_at = np.array([row[0] for row in rows])
    thickness, offset = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    rim_at = np.array([row[3] for row in rows])
    sigma = blur_mm * np.array(BLURS)[blur_at]
    # Up to a half more is blur of the image; the rest is a surface that moves through the slice,
    # which spreads it evenly.
    point = np.where(np.array(BLURS)[blur_at] < OBLIQUE, sigma, blur_mm)[:, None]
    width = np.sqrt(12 * np.maximum(sigma[:, None] ** 2 - point**2, 1e-6))
    rim = np.array(RIMS_MM)[rim_at]
    x = PROFILE_MM[None, :]
    outside = _step(x - offset[:, None], point, width)
    marrow = 1 - _step(x - (offset - thickness)[:, None], point, width)
    beyond_rim = _step(x - (offset + rim)[:, None], point, width)
    layer = np.where(rim[:, None] > 0, outside - beyond_rim, 0.0)
    claimed = (x > (offset - thickness)[:, None] - CLAIM_INSIDE_MM) & (
        x < offset[:, None] + CLAIM_OUTSIDE_MM
    )
    basis = np.stack([marrow, outside, layer], axis=-1) * claimed[..., None]
    has_rim = rim > 0
    project = np.zeros((len(rows), 3, x.size))
    solve = np.zeros_like(project)
    for columns, which in ((3, has_rim), (2, ~has_rim)):
        rows_of = np.swapaxes(basis[which][..., :columns], 1, 2)
        # Normal equations by Cholesky: several times faster than QR for three unknowns.
        gram = rows_of @ np.swapaxes(rows_of, 1, 2)
        half = np.linalg.inv(np.linalg.cholesky(gram))
        project[which, :columns] = half @ rows_of
        solve[which, :columns] = np.swapaxes(half, 1, 2) @ project[which, :columns]
    penalty = np.array(RIM_PENALTY)[rim_at]
    return Models(
        offset,
        thickness,
        rim,
        penalty,
        sigma,
        SMEAR * np.maximum(sigma - blur_mm, 0.0),
        claimed.astype(np.float32),
        ((1 - marrow - outside) * claimed).astype(np.float32),
        project.astype(np.float32),
        solve.astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class Fit:
    """Best model per profile; each (profiles,).

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
    models = _models(BLUR_STEP_MM * max(1, round(blur_mm / BLUR_STEP_MM)))
    expected_mm = np.broadcast_to(np.hypot(blur_mm, ramp_mm), len(signal))
    blocks = [
        _fit_block(
            models,
            signal[i : i + 64],
            thickness_mm[i : i + 64],
            cortex[i : i + 64],
            expected_mm[i : i + 64],
            held=held,
        )
        for i in range(0, len(signal), 64)
    ]
    best, error2, contrast, layered = (np.concatenate(part) for part in zip(*blocks, strict=True))
    sigma = models.blur_mm[best]
    # The residual is correlated over the raster: that many values are independent.
    independent = np.maximum(1.0, 3.5 * sigma / (2 * RASTER_MM))
    noise = np.sqrt(np.maximum(error2, 1e-6)) * sigma * np.sqrt(2 * np.pi / independent)
    spread, layered_spread = (noise / np.maximum(step, 1e-3) for step in (contrast, layered))
    found = error2 < WORST
    return Fit(
        np.where(found, models.offset_mm[best], 0.0),
        np.where(found, models.thickness_mm[best], thickness_mm),
        np.where(found, np.minimum(spread, 5.0), 5.0),
        np.where(found, np.minimum(layered_spread, 5.0), 5.0),
        sigma / blur_mm,
    )


def _fit_block(
    models: Models,
    signal: Floats,
    thickness_mm: Floats,
    cortex: Floats,
    blur_mm: Floats,
    *,
    held: bool,
) -> tuple[Whole, Floats, Floats, Floats]:
    """Find the best model of some profiles: index, squared error, step without and with rim."""
    thicker_mm = HELD_THICKNESS_MM if held else FREE_THICKNESS_MM
    thinner_mm = thicker_mm + (0.0 if held else 1.0) * models.smear_mm
    low, high = thickness_mm.min() - thinner_mm, thickness_mm.max() + thicker_mm
    use = np.flatnonzero((models.thickness_mm >= low) & (models.thickness_mm <= high))
    if use.size == 0:
        use = np.flatnonzero(models.thickness_mm == models.thickness_mm.max())
    # Everything relative to the cortex, so that its share drops out of the linear part.
    level = (signal - cortex[:, None]).astype(np.float32).T
    claimed, project, solve = models.claimed[use], models.project[use], models.solve[use]
    shape = (len(use), 3, level.shape[1])
    energy = claimed @ level**2
    explained = (project.reshape(-1, PROFILE_MM.size) @ level).reshape(shape)
    energy -= np.square(explained).sum(1)
    amplitude = (solve.reshape(-1, PROFILE_MM.size) @ level).reshape(shape)
    counted = claimed.sum(1)[:, None] - 4
    error2 = np.maximum(energy, 0) / counted
    octaves = np.log2(models.blur_mm[use][:, None] / blur_mm[None, :]).astype(np.float32)
    score = error2 * models.penalty[use][:, None] * (1 + np.float32(BLUR_PRICE) * octaves**2)
    marrow, outside, rim = amplitude[:, 0], amplitude[:, 1], amplitude[:, 2]
    has_rim = (models.rim[use] > 0)[:, None]
    level0 = cortex.astype(np.float32)[None, :]
    bad = (outside < 0.2 * level0) | (marrow + level0 < 0.8 * (outside + level0))
    bad |= outside + rim + level0 > 1.35 * (marrow + level0)
    bad |= has_rim & (rim <= 0)
    off = models.thickness_mm[use][:, None] - thickness_mm[None, :]
    bad |= (off > thicker_mm) | (off < -thinner_mm[use][:, None])
    score = np.where(bad, 2 * WORST, score)
    at = score.argmin(0)
    every = np.arange(level.shape[1])
    ok = score[at, every] < WORST
    # Against a thin layer of fat the edge is steeper than against the muscle behind it.
    share = 1 - np.exp(-0.5 * (models.rim[use[at]] / models.blur_mm[use[at]]) ** 2)
    contrast = outside[at, every]
    layered = contrast + share * np.maximum(rim[at, every], 0)
    return use[at], np.where(ok, error2[at, every], WORST), contrast, layered


def smooth_along(
    values: Floats, weights: Floats, arc_mm: Floats, sigma_mm: float, *, rounds: int = 3
) -> Floats:
    """Smooth values along an outline with a Gaussian, giving outliers less and less say."""
    kernel = np.exp(-0.5 * ((arc_mm[:, None] - arc_mm[None]) / sigma_mm) ** 2)
    trust = np.ones_like(values)
    mean = values
    for _ in range(rounds):
        share = kernel * (weights * trust)[None]
        mean = (share @ values) / np.maximum(share.sum(1), 1e-12)
        off = np.abs(values - mean)
        scale = 1.4826 * np.median(off) + 0.05
        trust = 1 / (1 + (off / (2 * scale)) ** 2)
    return np.asarray(mean)
