"""Find the inner and the outer surface of a cortex together, along rays or normals.

On every ray the marrow ends, a dark band follows, and something brighter lies outside. Both
borders are found at once by dynamic programming over (ray; inner radius, thickness): the band
must be dark, the marrow free of dark gaps, and neighbouring rays must agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

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
# Nothing is darker than cortex: a band with something darker outside ends too early.
OUTER_STEP_WORST = -1.0
GAP_IN_MARROW_PER_MM = 0.45
BRIGHT_IN_BAND_PER_MM = 0.15
THICKNESS_PER_SAMPLE = 0.05
SIDE_WINDOW_MM = 1.2
WIDE_WINDOW = 2.5
THINNEST_MM = 0.35

# Marrow that is darker than what follows within this, as behind a strand or a cortex, has a gap.
BEHIND_GAP_MM = 6.0

# Smoothness between neighbouring rays: price of a step by one, two, three samples. The flank of a
# trochanter is steep, so large steps are dear but not forbidden.
RADIUS_PRICES = (0.04, 0.13, 0.26)
THICKNESS_PRICES = (0.03,)
IMPOSSIBLE = np.float32(-1e4)
# What a ray without any cortex is worth: a single one must not outweigh all others.
LEAST_REWARD = -2.0


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


def _gaps(signal: Single, middle: Single, step_mm: float, *, fading: bool) -> Single:
    """Measure how far the signal lies below `middle`, or below what follows if that is darker.

    Marrow that fades towards an obliquely cut cortex has no gap; a dark line with something
    brighter behind it is one. What follows counts only where marrow may fade.
    """
    if fading:
        reach = round(BEHIND_GAP_MM / step_mm)
        ahead = ndi.maximum_filter1d(signal, reach + 1, axis=-1, origin=-((reach + 1) // 2))
        middle = np.minimum(ahead, middle)
    return np.asarray(np.maximum(0, middle - signal))


def _running(values: Single) -> Single:
    """Sum along the samples with a leading zero."""
    zero = np.zeros((*values.shape[:-1], 1), np.float32)
    return np.concatenate([zero, np.cumsum(values, -1, dtype=np.float32)], -1)


def rewards(strip: Strip, thicknesses: range, *, fading: bool = True) -> Single:
    """Compute the reward of every (outline, ray, inner sample, thickness).

    Marrow may fade towards its cortex where `fading`, as it does where the cortex runs obliquely
    through the slice; otherwise all that is darker than half-way to muscle is a gap in it.
    """
    outlines, rays, samples = strip.signal.shape
    muscle = strip.muscle[:, None, None].astype(np.float32)
    signal = strip.signal.astype(np.float32)
    middle = np.float32(0.5) * (1 + muscle)
    level = _running(signal)
    gaps = _running(_gaps(signal, middle, strip.step_mm, fading=fading) / middle)
    bright = _running(np.maximum(0, signal / muscle - np.float32(0.6)))
    near = max(2, round(SIDE_WINDOW_MM / strip.step_mm))
    wide = int(WIDE_WINDOW * near)
    start = np.arange(samples)
    inside = (level[..., start] - level[..., np.maximum(start - near, 0)]) / near
    far_in = np.maximum(start - wide, 0)
    inside_wide = (level[..., start] - level[..., far_in]) / np.maximum(start - far_in, 1).astype(
        np.float32
    )
    hollow = GAP_IN_MARROW_PER_MM * strip.step_mm * gaps[..., start]
    outer_step = np.maximum(OUTER_STEP_MIN, OUTER_STEP_OF_MUSCLE * muscle)
    out = np.full((outlines, rays, samples, len(thicknesses)), IMPOSSIBLE, np.float32)
    for column, k in enumerate(thicknesses):
        end = np.minimum(start + k, samples)
        beyond, far_out = np.minimum(end + near, samples), np.minimum(end + wide, samples)
        band = (level[..., end] - level[..., start]) / k
        outside = (level[..., beyond] - level[..., end]) / np.maximum(beyond - end, 1).astype(
            np.float32
        )
        outside_wide = (level[..., far_out] - level[..., end]) / np.maximum(
            far_out - end, 1
        ).astype(np.float32)
        inner = np.minimum((inside - np.minimum(band, outside)) / INNER_STEP, 1.0)
        inner_wide = np.minimum((inside_wide - outside_wide) / INNER_STEP, 1.0) - INNER_WIDE_MALUS
        outer = np.clip((outside - band) / outer_step, OUTER_STEP_WORST, 1.0)
        value = np.maximum(inner, inner_wide) + OUTER_WEIGHT * outer - np.maximum(0, band - muscle)
        value -= hollow + THICKNESS_PER_SAMPLE * k
        value -= BRIGHT_IN_BAND_PER_MM * strip.step_mm * (bright[..., end] - bright[..., start])
        allowed = (start >= near) & (start + k + near < samples)
        reachable = allowed & (start + k <= strip.last[..., None])
        out[..., column] = np.where(reachable, value, IMPOSSIBLE)
    return out


def _best_shift(values: Single, axis: int, prices: tuple[float, ...]) -> Single:
    """Maximise over shifts along an axis minus their price."""
    best = values.copy()
    size, reach = values.shape[axis], len(prices)
    for shift in [s for s in range(-reach, reach + 1) if s]:
        to = [slice(None)] * values.ndim
        of = [slice(None)] * values.ndim
        to[axis] = slice(max(0, -shift), size - max(0, shift))
        of[axis] = slice(max(0, shift), size - max(0, -shift))
        target = best[tuple(to)]
        moved = values[tuple(of)] - np.float32(prices[abs(shift) - 1])
        np.maximum(target, moved, out=target)
    return best


def _steps(prices: tuple[float, ...]) -> tuple[Whole, Single]:
    """Give all shifts and their prices."""
    reach = len(prices)
    shifts = np.arange(-reach, reach + 1)
    return shifts, np.array([0.0, *prices], np.float32)[np.abs(shifts)]


def _trace(totals: Single) -> tuple[Whole, Whole]:
    """Walk back along the best path: inner sample and thickness column, (outlines, rays)."""
    rays, outlines, samples, count = totals.shape
    shift_i, price_i = _steps(RADIUS_PRICES)
    shift_t, price_t = _steps(THICKNESS_PRICES)
    price = price_i[:, None] + price_t[None, :]
    which = np.arange(outlines)[:, None, None]
    inner, thick = np.zeros((outlines, rays), np.intp), np.zeros((outlines, rays), np.intp)
    i, t = np.unravel_index(totals[-1].reshape(outlines, -1).argmax(1), (samples, count))
    for ray in range(rays - 1, -1, -1):
        inner[:, ray], thick[:, ray] = i, t
        if ray == 0:
            break
        from_i = i[:, None, None] + shift_i[None, :, None]
        from_t = t[:, None, None] + shift_t[None, None, :]
        valid = (from_i >= 0) & (from_i < samples) & (from_t >= 0) & (from_t < count)
        before = totals[
            ray - 1, which, np.clip(from_i, 0, samples - 1), np.clip(from_t, 0, count - 1)
        ]
        value = np.where(valid, before - price, 2 * rays * IMPOSSIBLE)
        a, b = np.unravel_index(value.reshape(outlines, -1).argmax(1), price.shape)
        i, t = i + shift_i[a], t + shift_t[b]
    return inner, thick


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
    totals = np.empty((rays, outlines, samples, count), np.float32)
    totals[0] = reward[:, 0]
    for ray in range(1, rays):
        by_radius = _best_shift(totals[ray - 1], 1, RADIUS_PRICES)
        totals[ray] = _best_shift(by_radius, 2, THICKNESS_PRICES)
        totals[ray] += reward[:, ray]
    inner, thick = _trace(totals)
    which, ray_index = np.arange(outlines)[:, None], np.arange(rays)[None, :]
    found = reward[which, ray_index, inner, thick]
    outer = inner + np.asarray(thicknesses)[thick]
    return Path(inner, outer, np.maximum(found.astype(np.float64), LEAST_REWARD))
