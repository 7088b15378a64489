"""Measure where two outlines face each other: search across them once more, then fit the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.gap import NORMAL_STEP_MM, Gap, closest, gap_of, refine
from ifspace.landmarks.outline import (
    ACROSS_FORWARD_MM,
    Contour,
    across,
    outward_normals,
    resample_arc,
    smooth_outline,
)
from ifspace.landmarks.search import OTHER, THICKEST_MM, Found
from ifspace.landmarks.values import Bone

# Part of an outline that is searched again: a little more than what is fitted.
ARC_MM = 18.0
SHORTEST_ARC = 12
# Reward lost by lying 2.5 mm off the first outline.
PRIOR = 0.35
# The closest points are looked for again if the fit moved them by more than this.
MOVED_MM = 3.0


def facing_gap(patch: Patch, found: Found, k: int, blur_mm: float) -> Gap | None:
    """Fit both edges around the closest points, twice, and measure."""
    a, b = found.outlines[Bone.FEMUR][k], found.outlines[Bone.ISCHIUM][k]
    _, i, j = closest(a.outer_mm, b.outer_mm)
    near = {Bone.FEMUR: a.outer_mm[i], Bone.ISCHIUM: b.outer_mm[j]}
    gap = None
    for _ in range(2):
        edges = {
            bone: refine(
                patch,
                _again(patch, found, bone, k, near),
                found.levels[k],
                blur_mm,
                near[bone],
                found.guides.points(bone, k),
                neighbours=_beside(found.plain[bone], k),
            )
            for bone in Bone
        }
        femur, ischium = edges[Bone.FEMUR], edges[Bone.ISCHIUM]
        if femur is None or ischium is None:
            return gap
        gap = gap_of(ischium, femur)
        moved = np.linalg.norm(gap.femur_mm - near[Bone.FEMUR]) + np.linalg.norm(
            gap.ischium_mm - near[Bone.ISCHIUM]
        )
        near = {Bone.FEMUR: gap.femur_mm, Bone.ISCHIUM: gap.ischium_mm}
        if moved < MOVED_MM:
            break
    return gap


def _beside(outlines: Sequence[Contour], k: int) -> list[Contour]:
    """Outlines of the slices above and below; a correction there must not move this slice."""
    return [outlines[n] for n in (k - 1, k + 1) if 0 <= n < len(outlines)]


def _again(patch: Patch, found: Found, bone: Bone, k: int, near: dict[Bone, Floats]) -> Contour:
    """Search the part of an outline that faces the other bone again, across itself.

    Rays from the middle of a bone meet the flank of a trochanter at a slant; normals do not. An
    outline that a reader corrected stays.
    """
    contour = found.outlines[bone][k]
    if len(found.guides.points(bone, k)):
        return contour
    (points,) = resample_arc(smooth_outline(contour.outer_mm), NORMAL_STEP_MM)
    close = np.flatnonzero(np.linalg.norm(points - near[bone], axis=1) < ARC_MM)
    if len(close) < SHORTEST_ARC:
        return contour
    part = slice(close[0], close[-1] + 1)
    normals = outward_normals(points, contour.centre_mm)[part]
    toward = near[OTHER[bone]] - near[bone]
    length_mm = max(float(np.linalg.norm(toward)), 1e-6)
    facing = np.maximum(normals @ (toward / length_mm), 0.3)
    seen = across(
        patch,
        points[part],
        normals,
        found.levels[k],
        THICKEST_MM[bone],
        marrow=contour.marrow,
        prior=PRIOR,
        ahead_mm=np.clip((length_mm - 1.0) / facing, 0.3, ACROSS_FORWARD_MM),
    )
    return replace(seen, centre_mm=contour.centre_mm)
