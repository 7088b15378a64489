"""Measure the gap between two outlines: sub-pixel edges, closest points, how they were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.clearness import clearness
from ifspace.landmarks.borders.edge import Fit, fit, profiles
from ifspace.landmarks.borders.lines import (
    closest,
    densify,
    outward_normals,
    resample_arc,
    smooth_along,
    smooth_outline,
)
from ifspace.landmarks.borders.rays import Contour
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.values import Bone

# A fitted edge that is drawn to a point takes its neighbours along over about this far.
SHARE_MM = 3.0
# A person drags a point to within half a pixel of 0.6 mm.
HELD_MM = 0.3
# Half a raster step and half the distance of two rays at 30 mm: then the outline passes the point.
PASSED_MM = 1.0
NO_POINTS = np.zeros((0, 2))

# Where the edges are fitted: this far around the closest points.
NEAR_MM = 14.0
NORMAL_STEP_MM = 0.75
OFFSET_SIGMA_MM = 1.5
THICKNESS_SIGMA_MM = 4.0
# No profile is trusted beyond this when offsets, or thicknesses, are smoothed along an edge.
LEAST_SIGMA_MM = 0.15
LEAST_THICKNESS_SIGMA_MM = 0.1
# An offset at the border of the search is none: it says nothing, but divides nothing by zero.
OFFSET_INSIDE_MM = 1.9
NO_WEIGHT = 1e-6
# Fewer points of an outline than this are not fitted.
SHORTEST = 8
# Standard deviation of an even spread over one.
EVEN_SPREAD = 1.0 / np.sqrt(12.0)


@dataclass(frozen=True, eq=False)
class Edge:
    """Outer edge of one bone near the other one, below the pixel.

    `points_mm` (n, 2); `clearness`, `thickness_mm`, `sigma_mm` and `offset_mm` (n,)
    say how it was seen.
    """

    points_mm: Floats
    clearness: Floats
    thickness_mm: Floats
    sigma_mm: Floats
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
    thickness_mm: dict[Bone, float]


def refine(
    patch: Patch,
    contour: Contour,
    level: TissueSignal,
    blur_mm: float,
    near_mm: Floats,
    through_mm: Floats = NO_POINTS,
    *,
    neighbours: Sequence[Contour] = (),
) -> Edge | None:
    """Fit the outer edge around the point of an outline that is nearest to `near_mm`.

    Points of the outline that a reader dragged, `through_mm` (n, 2), are kept. `neighbours` are
    the outlines of the same bone in the slices above and below.
    """
    points, thickness = resample_arc(
        smooth_outline(contour.outer_mm), NORMAL_STEP_MM, contour.thickness_mm
    )
    close = np.flatnonzero(np.linalg.norm(points - near_mm, axis=1) < NEAR_MM)
    if len(close) < SHORTEST:
        return None
    part = slice(close[0], close[-1] + 1)
    normals = outward_normals(points, contour.centre_mm)[part]
    points, thickness = points[part], thickness[part]
    arc = np.arange(len(points), dtype=np.float64) * NORMAL_STEP_MM
    signal = profiles(patch, points, normals)
    found, offset = _fit_twice(
        signal,
        thickness,
        arc,
        cortex=level.cortex,
        blur_mm=blur_mm,
        ramp=ramp_mm(points, neighbours),
    )
    offset = held_offset(points, normals, offset, through_mm, arc)
    clear = clearness(
        signal,
        offset,
        found.thickness_mm,
        marrow=contour.marrow,
        cortex=level.cortex,
        muscle=level.muscle,
        step_mm=NORMAL_STEP_MM,
    )
    return Edge(
        points + normals * offset[:, None],
        clear,
        found.thickness_mm,
        found.layered_sigma_mm,
        found.offset_mm,
    )


def _fit_twice(
    signal: Floats,
    thickness_mm: Floats,
    arc_mm: Floats,
    *,
    cortex: float,
    blur_mm: float,
    ramp: Floats,
) -> tuple[Fit, Floats]:
    """Fit the thickness, then the place with the smoothed thickness; give the smoothed offsets."""
    level = np.full(len(signal), cortex)
    first = fit(signal, thickness_mm, cortex=level, blur_mm=blur_mm, ramp_mm=ramp)
    blur2 = (first.blur_ratio / first.blur_ratio.min()) ** 2
    weight = 1 / (first.layered_sigma_mm**2 + LEAST_THICKNESS_SIGMA_MM**2) / blur2
    held = smooth_along(first.thickness_mm, weight, arc_mm, THICKNESS_SIGMA_MM)
    found = fit(signal, held, cortex=level, blur_mm=blur_mm, ramp_mm=ramp, held=True)
    inside = np.abs(found.offset_mm) < OFFSET_INSIDE_MM
    weight = 1 / (found.layered_sigma_mm**2 + LEAST_SIGMA_MM**2) * inside + NO_WEIGHT
    return found, smooth_along(found.offset_mm, weight, arc_mm, OFFSET_SIGMA_MM)


def ramp_mm(points_mm: Floats, neighbours: Sequence[Contour]) -> Floats:
    """Give the blur of an edge that runs obliquely through its slice, (n,).

    A surface that moves by some millimetres from slice to slice is spread evenly over about as
    many within one.
    """
    if not neighbours:
        return np.zeros(len(points_mm))
    moves = [
        np.linalg.norm(points_mm[:, None] - one.outer_mm[None], axis=2).min(1) for one in neighbours
    ]
    return np.asarray(EVEN_SPREAD * np.mean(moves, axis=0))


def _joint_sigma_mm(sigma_mm: Floats) -> float:
    """Uncertainty of one point that stands for its neighbours: clear profiles count for more.

    The offsets are smoothed along the edge with the same weights, so a few unclear profiles
    between clear ones do not make the edge unclear.
    """
    floor2 = LEAST_SIGMA_MM**2
    joint2 = 1 / float(np.mean(1 / (sigma_mm**2 + floor2)))
    return float(np.sqrt(max(joint2 - floor2, 0.0)))


def gap_of(ischium: Edge, femur: Edge) -> Gap:
    """Measure between two edges."""
    a, index_a = densify(ischium.points_mm)
    b, index_b = densify(femur.points_mm)
    value, i, j = closest(a, b)
    at = {Bone.ISCHIUM: round(float(index_a[i])), Bone.FEMUR: round(float(index_b[j]))}
    edges = {Bone.ISCHIUM: ischium, Bone.FEMUR: femur}
    near = {bone: slice(max(0, at[bone] - 3), at[bone] + 4) for bone in edges}
    return Gap(
        value,
        a[i],
        b[j],
        edges,
        min(float(np.mean(edges[bone].clearness[near[bone]])) for bone in edges),
        float(
            np.linalg.norm([_joint_sigma_mm(edges[bone].sigma_mm[near[bone]]) for bone in edges])
        ),
        max(float(np.std(edges[bone].offset_mm[near[bone]])) for bone in edges),
        {bone: float(np.median(edges[bone].thickness_mm[near[bone]])) for bone in edges},
    )


def held_offset(
    points_mm: Floats, normals: Floats, offset_mm: Floats, through_mm: Floats, arc_mm: Floats
) -> Floats:
    """Draw a fitted edge to within a held distance of dragged points, (n,).

    Parameters
    ----------
    points_mm, normals, offset_mm, arc_mm
        The outline, its outward normals, the fitted offsets along them, and its arc length.
    through_mm
        Dragged points of this slice, (m, 2); those beside this part of the outline do nothing.
    """
    for point in through_mm:
        away = np.linalg.norm(points_mm - point, axis=1)
        at = int(away.argmin())
        along = points_mm[at] - point
        sideways = np.linalg.norm(along - (along @ normals[at]) * normals[at])
        if sideways > PASSED_MM:
            continue
        missed = float((point - points_mm[at]) @ normals[at]) - offset_mm[at]
        excess = np.sign(missed) * max(abs(missed) - HELD_MM, 0.0)
        offset_mm = offset_mm + excess * np.exp(-0.5 * ((arc_mm - arc_mm[at]) / SHARE_MM) ** 2)
    return offset_mm
