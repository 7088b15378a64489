"""From one rough seed in the marrow of each bone to both spaces in every slice of a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch, cut_patches, flatten
from ifspace.landmarks.edge import fit, profiles, smooth_along
from ifspace.landmarks.outline import (
    SAMPLE_MM,
    THICKEST_FEMUR_MM,
    THICKEST_ISCHIUM_MM,
    Contour,
    Levels,
    cast,
    contours_of,
    coupled_paths,
    outward_normals,
    ray_directions,
    resample_arc,
    smooth_outline,
)
from ifspace.landmarks.surfaces import thickness_samples
from ifspace.landmarks.values import Bone

# Window around the two seeds: the larger bone reaches 35 mm from its middle.
MARGIN_MM = 40.0
# Where the edges are fitted: this far around the closest points.
NEAR_MM = 14.0
NORMAL_STEP_MM = 0.75
OFFSET_SIGMA_MM = 1.5
THICKNESS_SIGMA_MM = 4.0
DENSE_MM = 0.1

CORTEX_PERCENTILE = 0.7
CORTEX_SMOOTH_MM = 0.6
MUSCLE_PERCENTILE = 40.0
THICKEST_MM = {Bone.FEMUR: THICKEST_FEMUR_MM, Bone.ISCHIUM: THICKEST_ISCHIUM_MM}


@dataclass(frozen=True, eq=False)
class Edge:
    """Outer edge of one bone near the other one, below the pixel.

    `points_mm` (n, 2); `reward`, `thickness_mm`, `sigma_mm`, `blur_ratio` and `offset_mm` (n,)
    say how it was seen.
    """

    points_mm: Floats
    reward: Floats
    thickness_mm: Floats
    sigma_mm: Floats
    blur_ratio: Floats
    offset_mm: Floats


@dataclass(frozen=True, eq=False)
class Gap:
    """Closest points of two edges, on the raster, and what the confidence rests on."""

    value_mm: float
    ischium_mm: Floats
    femur_mm: Floats
    edges: dict[Bone, Edge]
    score: float
    sigma_mm: float
    roughness_mm: float
    blur_ratio: float
    thickness_mm: dict[Bone, float]


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


def refine(
    patch: Patch, contour: Contour, level: Levels, blur_mm: float, near_mm: Floats
) -> Edge | None:
    """Fit the outer edge around the point of an outline that is nearest to `near_mm`."""
    points, reward, thickness = resample_arc(
        smooth_outline(contour.outer_mm), NORMAL_STEP_MM, contour.reward, contour.thickness_mm
    )
    close = np.flatnonzero(np.linalg.norm(points - near_mm, axis=1) < NEAR_MM)
    if len(close) < 8:
        return None
    part = slice(close[0], close[-1] + 1)
    normals = outward_normals(points, contour.centre_mm)[part]
    points, reward, thickness = points[part], reward[part], thickness[part]
    arc = np.arange(len(points)) * NORMAL_STEP_MM
    signal = profiles(patch, points, normals)
    cortex = np.full(len(points), level.cortex)
    first = fit(signal, thickness, cortex=cortex, blur_mm=blur_mm)
    weight = 1 / (first.sigma_mm**2 + 0.1**2) / (first.blur_ratio / first.blur_ratio.min()) ** 2
    held = smooth_along(first.thickness_mm, weight, arc, THICKNESS_SIGMA_MM)
    found = fit(signal, held, cortex=cortex, blur_mm=blur_mm, held=True)
    weight = 1 / (found.sigma_mm**2 + 0.15**2) * (np.abs(found.offset_mm) < 1.9) + 1e-6
    offset = smooth_along(found.offset_mm, weight, arc, OFFSET_SIGMA_MM)
    return Edge(
        points + normals * offset[:, None],
        reward,
        found.thickness_mm,
        found.sigma_mm,
        found.blur_ratio,
        found.offset_mm,
    )


def densify(points_mm: Floats) -> tuple[Floats, Floats]:
    """Give an open outline every tenth of a millimetre, with the index of each new point."""
    points, index = resample_arc(points_mm, DENSE_MM, np.arange(len(points_mm), dtype=float))
    return points, index


def closest(a_mm: Floats, b_mm: Floats) -> tuple[float, int, int]:
    """Find the smallest distance of two point sets, and its two indices."""
    gaps, partner = cKDTree(b_mm).query(a_mm)
    best = int(np.argmin(gaps))
    return float(gaps[best]), best, int(partner[best])


def gap_of(ischium: Edge, femur: Edge) -> Gap:
    """Measure between two edges."""
    a, index_a = densify(ischium.points_mm)
    b, index_b = densify(femur.points_mm)
    value, i, j = closest(a, b)
    at = {Bone.ISCHIUM: round(float(index_a[i])), Bone.FEMUR: round(float(index_b[j]))}
    edges = {Bone.ISCHIUM: ischium, Bone.FEMUR: femur}
    near = {bone: slice(max(0, at[bone] - 3), at[bone] + 4) for bone in edges}
    medians = {
        name: {bone: float(np.median(getattr(edges[bone], name)[near[bone]])) for bone in edges}
        for name in ("thickness_mm", "sigma_mm", "blur_ratio")
    }
    return Gap(
        value,
        a[i],
        b[j],
        edges,
        min(float(np.mean(edges[bone].reward[near[bone]])) for bone in edges),
        float(np.hypot(*medians["sigma_mm"].values())),
        max(float(np.std(edges[bone].offset_mm[near[bone]])) for bone in edges),
        max(medians["blur_ratio"].values()),
        medians["thickness_mm"],
    )


# --------------------------------------------------------------------------- both bones, all slices

SNAP_MM = 2.0
JITTER_MM = 1.5
FACING_DEG = 70.0
# A bone's axis leans by up to this much per millimetre of level; the track is shrunk to upright.
TRACK_SLOPE_SD = 0.3
TRACK_POINT_SD_MM = 2.0


def snap(patch: Patch, point_mm: Floats) -> Floats:
    """Move a rough seed to the brightest smoothed place within two millimetres."""
    smooth = ndi.gaussian_filter(patch.signal, 1.2 / RASTER_MM)
    steps = np.arange(-SNAP_MM, SNAP_MM + 0.1, 1.0)
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    candidates = point_mm + offsets
    rows, columns = patch.signal.shape
    at = np.clip(np.rint(candidates / RASTER_MM).astype(int), 0, [columns - 1, rows - 1])
    value = smooth[at[:, 1], at[:, 0]]
    value = value - 0.02 * np.linalg.norm(offsets, axis=1) * np.median(smooth)
    return np.asarray(candidates[int(np.argmax(value))])


def track(contours: Sequence[Contour], heights_mm: Floats, anchor: int) -> Floats:
    """Fit a straight, nearly upright axis through the centres of a bone, (slices, 2)."""
    points = np.stack([c.centroid_mm for c in contours])
    weight = np.clip([float(np.mean(c.reward)) for c in contours], 0.05, None) ** 2
    weight[anchor] *= 2
    h = heights_mm - heights_mm[anchor]
    design = np.stack([np.ones_like(h), h], axis=1)
    precision = design.T @ (design * weight[:, None]) / TRACK_POINT_SD_MM**2
    precision[1, 1] += 1 / TRACK_SLOPE_SD**2
    right = design.T @ (points * weight[:, None]) / TRACK_POINT_SD_MM**2
    return np.asarray(design @ np.linalg.solve(precision, right))


@dataclass(frozen=True, eq=False)
class BoneSearch:
    """Outlines of one bone from several starts: `contours[start][slice]`, `merit` likewise."""

    contours: tuple[tuple[Contour, ...], ...]
    merit: Floats

    def best(self) -> tuple[Contour, ...]:
        """Give the clearest outline of every slice."""
        return tuple(self.contours[s][k] for k, s in enumerate(self.merit.argmax(0)))


def search_bone(
    patches: tuple[Patch, ...],
    levels: tuple[Levels, ...],
    centres_mm: Floats,
    others_mm: Floats,
    bone: Bone,
    *,
    starts: Floats,
    expected_marrow: float,
    sweeps: int = 2,
) -> BoneSearch:
    """Outline one bone in all slices from several starts (starts, 2) around its centres."""
    count = len(patches)
    facing = np.mean(others_mm - centres_mm, axis=0)
    directions = ray_directions(facing)
    thicknesses = thickness_samples(SAMPLE_MM, THICKEST_MM[bone])
    moved = np.concatenate([centres_mm + start for start in starts])
    reward, marrow = cast(
        patches * len(starts),
        moved,
        np.tile(others_mm, (len(starts), 1)),
        directions,
        levels * len(starts),
        THICKEST_MM[bone],
        expected_marrow,
    )
    path = coupled_paths(reward, thicknesses, moved, directions, count, sweeps)
    found = contours_of(path, moved, directions, marrow)
    cosine = directions @ (facing / np.linalg.norm(facing))
    seen = cosine > np.cos(np.radians(FACING_DEG))
    merit = path.reward[:, seen].mean(1).reshape(len(starts), count)
    groups = [found[s * count : (s + 1) * count] for s in range(len(starts))]
    return BoneSearch(tuple(groups), merit)


def levels_between(patches, starts_mm, ends_mm, cortex) -> tuple[Levels, ...]:
    """Estimate the levels of all slices from the corridor between two bones."""
    return tuple(
        Levels(c, estimate_muscle(p, s, e))
        for p, s, e, c in zip(patches, starts_mm, ends_mm, cortex, strict=True)
    )
