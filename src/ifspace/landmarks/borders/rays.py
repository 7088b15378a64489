"""Outline a bone in neighbouring slices from one point inside it.

Rays leave a centre that follows the bone through the slices; the two surfaces of the cortex are
searched on all of them, and every slice listens to its neighbours: a bone does not jump. The
result is then searched again across its own outline, where rays meet the cortex squarely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.lines import area_and_centroid, radii_from
from ifspace.landmarks.borders.signal import TissueSignal, scaled
from ifspace.landmarks.borders.surfaces import (
    Path,
    Single,
    Strip,
    Whole,
    best_path,
    rewards,
    thickness_samples,
)
from ifspace.landmarks.values import Bone

# The thickest cortex believed: the shaft's is up to 7 mm; a thicker ischial one is tendon.
THICKEST_FEMUR_MM = 6.4
THICKEST_ISCHIUM_MM = 4.0
THICKEST_MM = {Bone.FEMUR: THICKEST_FEMUR_MM, Bone.ISCHIUM: THICKEST_ISCHIUM_MM}
OTHER = {Bone.FEMUR: Bone.ISCHIUM, Bone.ISCHIUM: Bone.FEMUR}
RING_REWARD = 0.35

REACH_MM = 38.0
CORE_MM = 2.2

# Marrow of one bone varies this much between slices; a centre beside the marrow must not mislead.
MARROW_LOW, MARROW_HIGH = 0.8, 1.25

# How strongly a slice listens to its neighbours: full strength for a clear neighbour, saturating
# once the two differ by more than a bone changes between slices.
NEIGHBOUR_WEIGHT = 0.5
NEIGHBOUR_SIGMA_MM = 2.0
NEIGHBOUR_CAP = 2.0


@dataclass(frozen=True)
class Rays:
    """How finely rays are cast."""

    step_deg: float
    sample_mm: float


COARSE = Rays(6.0, 0.8)
FINE = Rays(3.0, 0.4)


@dataclass(frozen=True, eq=False)
class Contour:
    """Both surfaces of one bone in one slice, on the raster, in mm.

    `inner_mm` and `outer_mm` are (n, 2), `reward` (n,) says how clearly the cortex was seen.
    """

    centre_mm: Floats
    inner_mm: Floats
    outer_mm: Floats
    reward: Floats
    marrow: float

    @property
    def thickness_mm(self) -> Floats:
        """Thickness of the cortex, (n,)."""
        return np.asarray(np.linalg.norm(self.outer_mm - self.inner_mm, axis=1))

    @property
    def area_mm2(self) -> float:
        """Area within the outer surface, signed: positive for clockwise on the screen."""
        return area_and_centroid(self.outer_mm, np.zeros(2))[0]

    @property
    def centroid_mm(self) -> Floats:
        """Centre of the area within the inner surface, (2,)."""
        return area_and_centroid(self.inner_mm, self.centre_mm)[1]

    @property
    def ring_share(self) -> float:
        """Share of the rays on which a cortex is seen."""
        return float(np.mean(self.reward > RING_REWARD))


def ray_directions(facing: Floats, rays: Rays) -> Floats:
    """Give unit vectors all around, the middle one pointing along `facing`, (rays, 2)."""
    middle = np.arctan2(facing[1], facing[0])
    angles = middle + np.radians(np.arange(-180.0, 180.0, rays.step_deg))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _ray_limits(
    centres_mm: Floats, others_mm: Floats, directions: Floats, samples: int, sample_mm: float
) -> Whole:
    """Stop every ray 1 mm short of the line through the other bone's centre."""
    gap = others_mm - centres_mm
    length = np.linalg.norm(gap, axis=1)
    cosine = (directions @ (gap / length[:, None]).T).T
    limit = (length[:, None] - 1.0) / np.maximum(cosine, 0.2) / sample_mm
    limit = np.where(cosine > 0.2, np.maximum(limit, 4), samples - 1)
    return np.minimum(limit, samples - 1).astype(np.intp)


@dataclass(frozen=True, eq=False)
class RayCosts:
    """Rays from one centre per patch, with the reward of every pair of surfaces on them.

    `reward` is (patches, rays, samples, thicknesses).
    """

    rays: Rays
    centres_mm: Floats
    directions: Floats
    thicknesses: range
    reward: Single
    marrow: Floats


def cast(
    patches: Sequence[Patch],
    centres_mm: Floats,
    others_mm: Floats,
    levels: Sequence[TissueSignal],
    thickest_mm: float,
    *,
    rays: Rays,
    facing: Floats,
    expected_marrow: float | None = None,
    fading: bool = True,
) -> RayCosts:
    """Cast rays from a centre per patch.

    Parameters
    ----------
    patches, levels
        The slices and their levels.
    centres_mm, others_mm
        Where rays start, and the centre of the other bone, where they stop; (patches, 2).
    thickest_mm
        Thickest cortex believed.
    rays
        How finely.
    facing
        Towards the other bone, (2,).
    expected_marrow
        Level of the bone's marrow, where it is known.
    fading
        Whether marrow may fade towards its cortex.
    """
    radii = np.arange(0, REACH_MM, rays.sample_mm)
    directions = ray_directions(facing, rays)
    signal = np.stack(
        [
            patch.sample(centre + radii[None, :, None] * directions[:, None, :])
            for patch, centre in zip(patches, centres_mm, strict=True)
        ]
    )
    marrow = np.median(signal[:, :, radii < CORE_MM], axis=(1, 2))
    if expected_marrow is not None:
        marrow = np.clip(marrow, MARROW_LOW * expected_marrow, MARROW_HIGH * expected_marrow)
    cortex = np.array([level.cortex for level in levels])
    muscle = np.array([level.muscle for level in levels])
    relative, muscle_level = scaled(signal, marrow, cortex, muscle)
    last = _ray_limits(centres_mm, others_mm, directions, len(radii), rays.sample_mm)
    thicknesses = thickness_samples(rays.sample_mm, thickest_mm)
    strip = Strip(relative, muscle_level, rays.sample_mm, last)
    reward = rewards(strip, thicknesses, fading=fading)
    return RayCosts(rays, centres_mm, directions, thicknesses, reward, marrow)


def _neighbour_prior(ray_costs: RayCosts, path: Path, slices: int) -> Floats:
    """Reward for lying where the neighbouring slices lie, (outlines, rays, outer sample).

    Outlines are ordered slice by slice, `slices` of them for each start.
    """
    outlines, rays = path.outer.shape
    step_mm = ray_costs.rays.sample_mm
    outer = ray_costs.centres_mm[:, None] + path.outer[..., None] * step_mm * ray_costs.directions
    trust = np.clip(path.reward, 0.05, 1.2)
    total, weight = np.zeros((outlines, rays)), np.zeros((outlines, rays))
    for n in range(outlines):
        for m in (n - 1, n + 1):
            if 0 <= m < outlines and m // slices == n // slices:
                total[n] += trust[m] * radii_from(
                    ray_costs.centres_mm[n], outer[m], ray_costs.directions
                )
                weight[n] += trust[m]
    expected = total / np.maximum(weight, 1e-9)
    return near_prior(ray_costs, expected) * np.minimum(weight, 1.0)[..., None]


def near_prior(ray_costs: RayCosts, expected_mm: Floats) -> Floats:
    """Reward for lying near expected radii (outlines, rays): (outlines, rays, outer sample)."""
    radii = np.arange(ray_costs.reward.shape[2]) * ray_costs.rays.sample_mm
    off = (radii - expected_mm[..., None]) / NEIGHBOUR_SIGMA_MM
    return np.asarray(-NEIGHBOUR_WEIGHT * np.minimum(0.5 * off**2, NEIGHBOUR_CAP))


def with_prior(reward: Single, prior: Floats, thicknesses: range) -> Single:
    """Add a reward of the outer sample to that of (inner sample, thickness)."""
    samples = reward.shape[2]
    at = np.minimum(np.arange(samples)[:, None] + np.asarray(thicknesses), samples - 1)
    return np.asarray(reward + prior.astype(np.float32)[..., at])


def paths_in(ray_costs: RayCosts, slices: int, sweeps: int) -> Path:
    """Search all outlines, then again with each one listening to its neighbouring slices."""
    path = best_path(ray_costs.reward, ray_costs.thicknesses)
    for _ in range(sweeps if slices > 1 else 0):
        prior = _neighbour_prior(ray_costs, path, slices)
        path = best_path(
            with_prior(ray_costs.reward, prior, ray_costs.thicknesses), ray_costs.thicknesses
        )
    return path


def contours_of(ray_costs: RayCosts, path: Path) -> tuple[Contour, ...]:
    """Turn radii into points."""
    step_mm = ray_costs.rays.sample_mm
    return tuple(
        Contour(
            centre,
            centre + path.inner[n][:, None] * step_mm * ray_costs.directions,
            centre + path.outer[n][:, None] * step_mm * ray_costs.directions,
            path.reward[n],
            float(ray_costs.marrow[n]),
        )
        for n, centre in enumerate(ray_costs.centres_mm)
    )


# ------------------------------------------------------------------------------ across an outline

ACROSS_BACK_MM = 5.0
ACROSS_FORWARD_MM = 4.0
ACROSS_STEP_MM = 0.3
ACROSS_SIGMA_MM = 2.5


def across(
    patch: Patch,
    points_mm: Floats,
    normals: Floats,
    level: TissueSignal,
    thickest_mm: float,
    *,
    marrow: float,
    prior: float,
    ahead_mm: Floats | None = None,
) -> Contour:
    """Search both surfaces again across a known outline.

    Parameters
    ----------
    patch, level
        The slice and its levels.
    points_mm, normals
        The outline at even steps, and its outward normals, (n, 2).
    thickest_mm
        Thickest cortex believed.
    marrow
        Level of the bone's marrow.
    prior
        Reward lost by lying 2.5 mm off the outline.
    ahead_mm
        Room in front of every point, (n,), where another bone limits it.
    """
    steps = np.arange(-ACROSS_BACK_MM, ACROSS_FORWARD_MM, ACROSS_STEP_MM)
    signal = patch.sample(points_mm[:, None] + normals[:, None] * steps[None, :, None])[None]
    relative, muscle = scaled(
        signal, np.array([marrow]), np.array([level.cortex]), np.array([level.muscle])
    )
    ahead = np.full(len(points_mm), ACROSS_FORWARD_MM) if ahead_mm is None else ahead_mm
    last = np.clip((ahead + ACROSS_BACK_MM) / ACROSS_STEP_MM, 4, len(steps) - 1)
    thicknesses = thickness_samples(ACROSS_STEP_MM, thickest_mm)
    reward = rewards(
        Strip(relative, muscle, ACROSS_STEP_MM, last[None].astype(np.intp)), thicknesses
    )
    pull = -prior * np.minimum((steps / ACROSS_SIGMA_MM) ** 2, 4.0)
    path = best_path(
        with_prior(reward, np.broadcast_to(pull, reward.shape[:3]), thicknesses), thicknesses
    )
    inner = steps[path.inner[0]]
    outer = steps[np.minimum(path.outer[0], len(steps) - 1)]
    inside = points_mm.mean(0) - 8.0 * normals.mean(0)
    return Contour(
        inside,
        points_mm + inner[:, None] * normals,
        points_mm + outer[:, None] * normals,
        path.reward[0] - pull[np.minimum(path.outer[0], len(steps) - 1)],
        marrow,
    )
