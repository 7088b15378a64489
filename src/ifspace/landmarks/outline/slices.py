"""Measure both spaces in one slice of an outlined hip."""

from __future__ import annotations

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks.borders.lines import beside, densify
from ifspace.landmarks.borders.rays import Contour
from ifspace.landmarks.borders.stack import SliceStack
from ifspace.landmarks.borders.tendon import tendon_gap
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.grading.readings import SliceFinding
from ifspace.landmarks.grading.recognition import doubt_about, doubt_about_layer, doubt_between
from ifspace.landmarks.grading.visibility import evidence_of
from ifspace.landmarks.outline.facing import facing_gap
from ifspace.landmarks.outline.search import HipOutlines
from ifspace.landmarks.values import Bone
from ifspace.model import Reason, Refusal

VOID_DETAIL = "a signal void wider than any cortex lies beside the bones, as metal leaves it"


def _full_outline(contour: Contour, edge_mm: Floats) -> Floats:
    """Give the closed outline of a bone with its fitted part in place, dense, (n, 2)."""
    kept = beside(contour.outer_mm, edge_mm[[0, -1]])
    points = np.vstack([contour.outer_mm[kept], edge_mm])
    return np.vstack([points, points[:1]])


def slice_refusal(stack: SliceStack, hip: HipOutlines, k: int) -> Refusal | None:
    """Refuse one slice for metal or for a bone that the image cuts off."""
    patch = stack.patches[k]
    if exclusion.has_void(patch):
        return Refusal(Reason.IMPLANT_ARTIFACT, VOID_DETAIL, patch.slice_index)
    if not exclusion.inside_view(patch, hip.outlines[Bone.FEMUR][k].outer_mm):
        detail = "the femur reaches the border of the image"
        return Refusal(Reason.FEMUR_NOT_COVERED, detail, patch.slice_index)
    return None


def examine(stack: SliceStack, hip: HipOutlines, k: int, blur_mm: float) -> SliceFinding | None:
    """Measure both spaces in one slice; nothing where no outline faces the other bone."""
    patch = stack.patches[k]
    gap = facing_gap(patch, hip, k, blur_mm)
    if gap is None:
        return None
    bones = {bone: _full_outline(hip.outlines[bone][k], gap.edges[bone].points_mm) for bone in Bone}
    dense = {bone: densify(points)[0][::2] for bone, points in bones.items()}
    ends = np.stack([gap.ischium_mm, gap.femur_mm])
    room = tendon_gap(patch, hip.levels[k], dense, ends)
    contours = {bone: hip.outlines[bone][k] for bone in Bone}
    doubt = doubt_about(patch, contours, stack.marrow, stack.cortex[k])
    doubt = doubt or doubt_between(patch, ends, stack.marrow, stack.cortex[k])
    doubt = doubt or doubt_about_layer(gap.thickness_mm[Bone.FEMUR])
    return SliceFinding(
        gap,
        room,
        evidence_of(patch, hip.outlines[Bone.FEMUR], k, hip.levels[k], gap),
        bones,
        doubt,
    )
