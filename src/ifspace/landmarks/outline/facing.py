"""Measure where two outlines face each other: search across them once more, then fit the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.gap import NORMAL_STEP_MM, Gap, gap_of, refine
from ifspace.landmarks.borders.lines import closest, outward_normals, resample_arc, smooth_outline
from ifspace.landmarks.borders.rays import ACROSS_FORWARD_MM, OTHER, THICKEST_MM, Contour, across
from ifspace.landmarks.outline.search import HipOutlines
from ifspace.landmarks.values import Bone

# Part of an outline that is searched again: a little more than what is fitted.
ARC_MM = 18.0
SHORTEST_ARC = 12
# Reward lost by lying 2.5 mm off the first outline.
PRIOR = 0.35
# The closest points are looked for again if the fit moved them by more than this.
MOVED_MM = 3.0


def facing_gap(patch: Patch, hip: HipOutlines, k: int, blur_mm: float) -> Gap | None:
    """Fit both edges around the closest points, twice, and measure."""
    a, b = hip.outlines[Bone.FEMUR][k], hip.outlines[Bone.ISCHIUM][k]
    _, i, j = closest(a.outer_mm, b.outer_mm)
    near = {Bone.FEMUR: a.outer_mm[i], Bone.ISCHIUM: b.outer_mm[j]}
    gap = None
    for _ in range(2):
        edges = {
            bone: refine(
                patch,
                _again(patch, hip, bone, k, near),
                hip.levels[k],
                blur_mm,
                near[bone],
                hip.guides.points(bone, k),
                neighbours=_beside(hip.plain[bone], k),
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


def _again(patch: Patch, hip: HipOutlines, bone: Bone, k: int, near: dict[Bone, Floats]) -> Contour:
    """Search the part of an outline that faces the other bone again, across itself.

    Rays from the middle of a bone meet the flank of a trochanter at a slant; normals do not. An
    outline that a reader corrected stays.
    """
    contour = hip.outlines[bone][k]
    if len(hip.guides.points(bone, k)):
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
        hip.levels[k],
        THICKEST_MM[bone],
        marrow=contour.marrow,
        prior=PRIOR,
        ahead_mm=np.clip((length_mm - 1.0) / facing, 0.3, ACROSS_FORWARD_MM),
    )
    return replace(seen, centre_mm=contour.centre_mm)
