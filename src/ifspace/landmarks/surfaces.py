"""Find the inner and the outer surface of a cortex together, along rays or normals.

On every ray the marrow ends, a dark band follows, and something brighter lies outside. Both
borders are found at once by dynamic programming over (ray; inner radius, thickness): the band
must be dark, the marrow free of dark gaps, and neighbouring rays must agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ifspace.geometry import Floats

Single = NDArray[np.float32]
Whole = NDArray[np.intp]

# Weights of the reward, on signal scaled to cortex 0 and marrow 1. Found on analytic hips; the
# scale of each is the share of the marrow-to-cortex step that counts as fully convincing.
INNER_STEP = 0.55
INNER_WIDE_MALUS = 0.1
OUTER_WEIGHT = 0.7
OUTER_STEP_MIN = 0.12
OUTER_STEP_OF_MUSCLE = 0.6
GAP_IN_MARROW_PER_MM = 0.45
BRIGHT_IN_BAND_PER_MM = 0.15
THICKNESS_PER_SAMPLE = 0.05
SIDE_WINDOW_MM = 1.2
WIDE_WINDOW = 2.5
THINNEST_MM = 0.35

# Smoothness between neighbouring rays: price of a step by one, two, three samples. The flank of a
# trochanter is steep, so large steps are dear but not forbidden.
RADIUS_PRICES = (0.04, 0.13, 0.26)
THICKNESS_PRICES = (0.03,)
IMPOSSIBLE = np.float32(-1e6)


@dataclass(frozen=True, eq=False)
class Strip:
    """Signal along rays of several outlines at once.

    Attributes
    ----------
    signal
        (outlines, rays, samples), scaled to cortex 0 and marrow 1.
    muscle
        Level of muscle on the same scale, (outlines,).
    step_mm
        Distance of two samples.
    last
        Farthest sample the outer surface may take, (outlines, rays).
    """

    signal: Floats
    muscle: Floats
    step_mm: float
    last: Whole


@dataclass(frozen=True, eq=False)
class Path:
    """Inner and outer radius in samples and the reward, each (outlines, rays)."""

    inner: Whole
    outer: Whole
    reward: Floats


def thickness_samples(step_mm: float, thickest_mm: float) -> range:
    """Give the thicknesses, in samples, that a cortex may have."""
    thinnest = max(1, round(THINNEST_MM / step_mm))
    return range(thinnest, max(thinnest, round(thickest_mm / step_mm)) + 1)


def _running(values: Floats) -> Floats:
    """Sum along the samples with a leading zero."""
    return np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, -1)], -1)


def rewards(strip: Strip, thicknesses: range) -> Single:
    """Compute the reward of every (outline, ray, inner sample, thickness)."""
    outlines, rays, samples = strip.signal.shape
    muscle = strip.muscle[:, None, None]
    middle = 0.5 * (1.0 + muscle)
    level = _running(strip.signal)
    gaps = _running(np.maximum(0.0, middle - strip.signal) / middle)
    bright = _running(np.maximum(0.0, strip.signal / muscle - 0.6))
    near = max(2, round(SIDE_WINDOW_MM / strip.step_mm))
    wide = int(WIDE_WINDOW * near)
    start = np.arange(samples)
    inside = (level[..., start] - level[..., np.maximum(start - near, 0)]) / near
    far_in = np.maximum(start - wide, 0)
    inside_wide = (level[..., start] - level[..., far_in]) / np.maximum(start - far_in, 1)
    hollow = GAP_IN_MARROW_PER_MM * strip.step_mm * gaps[..., start]
    outer_step = np.maximum(OUTER_STEP_MIN, OUTER_STEP_OF_MUSCLE * muscle)
    out = np.full((outlines, rays, samples, len(thicknesses)), IMPOSSIBLE, np.float32)
    for column, k in enumerate(thicknesses):
        end = np.minimum(start + k, samples)
        beyond, far_out = np.minimum(end + near, samples), np.minimum(end + wide, samples)
        band = (level[..., end] - level[..., start]) / k
        outside = (level[..., beyond] - level[..., end]) / np.maximum(beyond - end, 1)
        outside_wide = (level[..., far_out] - level[..., end]) / np.maximum(far_out - end, 1)
        inner = np.minimum((inside - np.minimum(band, outside)) / INNER_STEP, 1.0)
        inner_wide = np.minimum((inside_wide - outside_wide) / INNER_STEP, 1.0) - INNER_WIDE_MALUS
        outer = np.clip((outside - band) / outer_step, -0.5, 1.0)
        value = np.maximum(inner, inner_wide) + OUTER_WEIGHT * outer - np.maximum(0, band - muscle)
        value -= hollow + THICKNESS_PER_SAMPLE * k
        value -= BRIGHT_IN_BAND_PER_MM * strip.step_mm * (bright[..., end] - bright[..., start])
        allowed = (start >= near) & (start + k + near < samples)
        reachable = allowed & (start + k <= strip.last[..., None])
        out[..., column] = np.where(reachable, value, IMPOSSIBLE)
    return out


def _best_shift(
    values: Single, axis: int, prices: tuple[float, ...]
) -> tuple[Single, NDArray[np.int8]]:
    """Maximise over shifts along an axis minus their price; returns value and shift."""
    best = values.copy()
    chosen = np.zeros(values.shape, np.int8)
    size, reach = values.shape[axis], len(prices)
    for shift in [s for s in range(-reach, reach + 1) if s]:
        to = [slice(None)] * values.ndim
        of = [slice(None)] * values.ndim
        to[axis] = slice(max(0, -shift), size - max(0, shift))
        of[axis] = slice(max(0, shift), size - max(0, -shift))
        moved = values[tuple(of)] - np.float32(prices[abs(shift) - 1])
        target = best[tuple(to)]
        better = moved > target
        np.copyto(target, moved, where=better)
        chosen[tuple(to)][better] = shift
    return best, chosen


def best_path(reward: Single, thicknesses: range) -> Path:
    """Find the smoothest rewarding pair of surfaces from the first to the last ray.

    Parameters
    ----------
    reward
        (outlines, rays, samples, thicknesses), from :func:`rewards`, priors added.
    thicknesses
        What the last axis stands for, in samples.
    """
    outlines, rays, samples, count = reward.shape
    total = reward[:, 0].copy()
    shifts_r = np.zeros((rays, outlines, samples, count), np.int8)
    shifts_t = np.zeros_like(shifts_r)
    for ray in range(1, rays):
        by_radius, shifts_r[ray] = _best_shift(total, 1, RADIUS_PRICES)
        total, shifts_t[ray] = _best_shift(by_radius, 2, THICKNESS_PRICES)
        total += reward[:, ray]
    which = np.arange(outlines)
    i, t = np.unravel_index(total.reshape(outlines, -1).argmax(1), (samples, count))
    inner, thick = np.zeros((rays, outlines), np.intp), np.zeros((rays, outlines), np.intp)
    for ray in range(rays - 1, -1, -1):
        inner[ray], thick[ray] = i, t
        t = t + shifts_t[ray, which, i, t]
        i = i + shifts_r[ray, which, i, t]
    ray_index = np.arange(rays)[None, :]
    found = reward[which[:, None], ray_index, inner.T, thick.T]
    outer = inner.T + np.asarray(thicknesses)[thick.T]
    return Path(inner.T, outer, np.maximum(found.astype(np.float64), -2.0))
