"""Where an outer edge crosses a line, below the pixel: of cortex, or of dark tendon.

The edge that was traced over parallel rays is fitted across itself at several places near the
line, smoothed along itself, and read off where it crosses the line.
"""

from __future__ import annotations

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks.borders.candidates import PROFILE_MM, PROFILE_STEP_MM
from ifspace.landmarks.borders.edge import Fit, fit, profiles
from ifspace.landmarks.borders.gap import OFFSET_SIGMA_MM, THICKNESS_SIGMA_MM
from ifspace.landmarks.borders.lines import arc_length, smooth_along
from ifspace.landmarks.borders.rays import THICKEST_FEMUR_MM, THICKEST_ISCHIUM_MM
from ifspace.landmarks.borders.signal import scaled
from ifspace.landmarks.borders.surfaces import IMPOSSIBLE, Single, Strip, rewards, thickness_samples
from ifspace.landmarks.grading.exclusion import MARROW_OVER_MUSCLE_MIN
from ifspace.landmarks.snap.line import (
    BESIDE_MM,
    CENTRAL,
    INWARD_MM,
    ROUGHEST_MM,
    STEP_MM,
    Crossing,
    ProfileBand,
    RayEdge,
    follow_edge,
    not_clear,
)
from ifspace.model import Reason, Refusal

# Behind a mark that is up to 4 mm off there is marrow; it is the brighter part of what is there,
# cortex and a septum being darker.
MARROW_MM = (-INWARD_MM + 2.0, -2.0)
MARROW_PERCENTILE = 75.0
# Half-width of the 95 % interval against clearness: the 95th percentile of the error on twelve
# analytic hips in three contrasts. Checked on other hips by the tests.
BONE_U95_MM = ((0.6, 0.8, 1.0), (1.1, 0.6, 0.5))
TENDON_U95_MM = ((0.5, 0.8), (0.7, 0.5))

# A tendon's border is judged by what lies within this on both sides.
TENDON_SIDE_MM = 1.2
# A tendon is darker than half-way to muscle.
TENDON_DARK = 0.5
# Where the plateaus beside a border are read, inwards and outwards of it.
PLATEAU_IN_MM = (-3.0, -0.7)
PLATEAU_OUT_MM = (0.7, 2.2)
HALF_LEVEL_ROUNDS = 3
FEWEST_PROFILES = 4
# The fit knows places and thicknesses on a grid only; the mean over shifted profiles lies between.
SHIFTS_MM = (-0.35, 0.0, 0.35)


def bone_crossing(band: ProfileBand, blur_mm: float, *, femur: bool) -> Crossing | Refusal:
    """Find the outer edge of a cortex on a line.

    Parameters
    ----------
    band
        The line.
    blur_mm
        Blur of the image.
    femur
        Whether the bone is the femur, whose cortex may be thicker.
    """
    steps, signal = band.steps_mm, band.signal()
    behind = signal[CENTRAL][:, (steps > MARROW_MM[0]) & (steps < MARROW_MM[1])]
    marrow = float(np.percentile(behind, MARROW_PERCENTILE))
    if marrow < MARROW_OVER_MUSCLE_MIN * band.levels.muscle:
        detail = "no bright marrow lies behind the mark on this line"
        return Refusal(Reason.LOW_CONFIDENCE, detail)
    levels = (np.array([value]) for value in (marrow, band.levels.cortex, band.levels.muscle))
    relative, muscle = scaled(signal[None], *levels)
    thicknesses = thickness_samples(STEP_MM, THICKEST_FEMUR_MM if femur else THICKEST_ISCHIUM_MM)
    last = np.full((1, len(BESIDE_MM)), len(steps) - 1, np.intp)
    # The mark says which edge is meant: what fades between it and another one is no bone.
    reward = rewards(Strip(relative, muscle, STEP_MM, last), thicknesses, fading=False)
    found = follow_edge(band, reward, thicknesses)
    return found if isinstance(found, Refusal) else _fit_cortex(band, found, blur_mm)


def _fit_cortex(band: ProfileBand, found: RayEdge, blur_mm: float) -> Crossing | Refusal:
    """Fit the cortex near the line, on profiles that start a little before and behind it."""
    points, normals, expected = found.near_line(band)
    if len(points) < FEWEST_PROFILES:
        return not_clear(band)
    places, thicknesses, roughness = [], [], []
    for shift_mm in SHIFTS_MM:
        shifted = points + shift_mm * normals
        best, held = _fit_profiles(band, shifted, normals, expected, blur_mm)
        offset = smooth_along(best.offset_mm, _weights(best), arc_length(points), OFFSET_SIGMA_MM)
        places.append(band.crossing_mm(shifted + normals * offset[:, None]))
        thicknesses.append(float(np.median(held)))
        roughness.append(float(np.std(best.offset_mm)))
    if np.mean(roughness) > ROUGHEST_MM:
        return not_clear(band)
    return Crossing(
        float(np.mean(places)),
        float(np.interp(found.clearness, *BONE_U95_MM)),
        found.clearness,
        float(np.mean(thicknesses)),
    )


def _fit_profiles(
    band: ProfileBand, points: Floats, normals: Floats, expected_mm: Floats, blur_mm: float
) -> tuple[Fit, Floats]:
    """Fit marrow, cortex and what lies outside; the thickness is smoothed and then held."""
    signal = profiles(band.patch, points, normals)
    cortex = np.full(len(points), band.levels.cortex)
    first = fit(signal, expected_mm, cortex=cortex, blur_mm=blur_mm)
    blurred = first.blur_ratio / first.blur_ratio.min()
    weight = 1 / (first.sigma_mm**2 + 0.1**2) / blurred**2
    held = smooth_along(first.thickness_mm, weight, arc_length(points), THICKNESS_SIGMA_MM)
    return fit(signal, held, cortex=cortex, blur_mm=blur_mm, held=True), held


def _weights(best: Fit) -> Floats:
    """Trust in every profile; a fit that ended at its limit says little."""
    inside = np.abs(best.offset_mm) < 1.9
    return np.asarray(inside / (best.sigma_mm**2 + 0.15**2) + 1e-6)


# ------------------------------------------------------------------------------------- tendons


def tendon_crossing(band: ProfileBand) -> Crossing | Refusal:
    """Find the outer edge of dark tendon, or of dark cortex without one, on a line."""
    found = follow_edge(band, _tendon_rewards(band), range(1, 2))
    if isinstance(found, Refusal):
        return found
    points, normals, _ = found.near_line(band)
    offset = np.array([_half_level_mm(row) for row in profiles(band.patch, points, normals)])
    seen = np.isfinite(offset)
    if seen.sum() < FEWEST_PROFILES or float(np.std(offset[seen])) > ROUGHEST_MM:
        return not_clear(band)
    points, normals, offset = points[seen], normals[seen], offset[seen]
    smooth = smooth_along(offset, np.ones(len(offset)), arc_length(points), OFFSET_SIGMA_MM)
    return Crossing(
        band.crossing_mm(points + normals * smooth[:, None]),
        float(np.interp(found.clearness, *TENDON_U95_MM)),
        found.clearness,
    )


def _tendon_rewards(band: ProfileBand) -> Single:
    """Reward a step from dark to muscle or fat, (1, rays, samples, 1)."""
    contrast = max(band.levels.muscle - band.levels.cortex, 1e-6)
    relative = (band.signal() - band.levels.cortex) / contrast
    wide, samples = round(TENDON_SIDE_MM / STEP_MM), relative.shape[1]
    level = np.pad(np.cumsum(relative, axis=1), ((0, 0), (1, 0)))
    at = np.arange(wide, samples - wide)
    inside = (level[:, at] - level[:, at - wide]) / wide
    outside = (level[:, at + wide] - level[:, at]) / wide
    value = np.clip(outside - inside, -0.5, 1.0) - np.maximum(0.0, inside - TENDON_DARK)
    reward = np.full(relative.shape, IMPOSSIBLE, np.float32)
    # The search tells a surface by the sample before it.
    reward[:, at - 1] = value
    return reward[None, :, :, None]


def _half_level_mm(profile: Floats) -> float:
    """Where a profile rises through the middle of its two plateaus; NaN where it does not.

    The dark plateau is the darker half of what lies inside: a tendon may be thin.
    """
    place_mm = 0.0
    for _ in range(HALF_LEVEL_ROUNDS):
        x = PROFILE_MM - place_mm
        inside = np.sort(profile[(x > PLATEAU_IN_MM[0]) & (x < PLATEAU_IN_MM[1])])
        outside = profile[(x > PLATEAU_OUT_MM[0]) & (x < PLATEAU_OUT_MM[1])]
        if not len(inside) or not len(outside):
            return float("nan")
        middle = 0.5 * (inside[: (len(inside) + 1) // 2].mean() + outside.mean())
        rises = np.flatnonzero((profile[:-1] < middle) & (profile[1:] >= middle))
        if not len(rises):
            return float("nan")
        share = (middle - profile[rises]) / (profile[rises + 1] - profile[rises])
        places_mm = PROFILE_MM[rises] + share * PROFILE_STEP_MM
        place_mm = float(places_mm[np.argmin(np.abs(places_mm - place_mm))])
    return place_mm
