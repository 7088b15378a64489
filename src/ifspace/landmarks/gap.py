"""Measure the gap between two outlines: sub-pixel edges, closest points, how they were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.edge import fit, profiles, smooth_along
from ifspace.landmarks.outline import (
    Contour,
    Levels,
    outward_normals,
    resample_arc,
    smooth_outline,
)
from ifspace.landmarks.values import Bone

# Where the edges are fitted: this far around the closest points.
NEAR_MM = 14.0
NORMAL_STEP_MM = 0.75
OFFSET_SIGMA_MM = 1.5
THICKNESS_SIGMA_MM = 4.0
DENSE_MM = 0.1


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
    arc = np.arange(len(points), dtype=np.float64) * NORMAL_STEP_MM
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
        float(np.linalg.norm(list(medians["sigma_mm"].values()))),
        max(float(np.std(edges[bone].offset_mm[near[bone]])) for bone in edges),
        max(medians["blur_ratio"].values()),
        medians["thickness_mm"],
    )
