"""From a label map to outlines, level and both spaces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats, Segment
from ifspace.image import Patch, flatten
from ifspace.labels import LabelMap
from ifspace.landmarks.confidence import Evidence, confidence_of, half_width_mm, light_of
from ifspace.landmarks.gap import Edge, Gap, closest, densify, gap_of, refine
from ifspace.landmarks.level import Level, find_level
from ifspace.landmarks.outline import Levels, across, resample_arc
from ifspace.landmarks.search import THICKEST_MM, estimate_cortex, estimate_muscle
from ifspace.landmarks.shapes import Shapes, shapes_in
from ifspace.landmarks.tendon import room_for_muscle
from ifspace.landmarks.values import (
    Bone,
    FoundSide,
    Light,
    Reading,
    Refusal,
    SliceOutline,
    SliceReading,
    SliceRefusal,
)
from ifspace.model import Reason, Side, Volume

METHOD = "masks/1"
METHOD_REFINED = "masks+grey/1"
# Labels coarser than this in two directions round the lesser trochanter away.
COARSE_MM = 2.0
# Grey levels may correct a label by this much, where the cortex is clear enough.
SHIFT_MAX_MM = 3.0
SCORE_MIN = 0.35
PRIOR = 0.15
DISAGREEMENT_SHARE = 0.5
ARC_MM = 15.0
# Half-width of a distance between label contours: what networks reach, by voxel size.
LABEL_U95_MM = 0.6
LABEL_U95_PER_VOXEL = 1.5


def from_masks(
    volume: Volume,
    label_map: LabelMap,
    side: Side,
    level_range: tuple[int, int] | None = None,
    *,
    refine_on_grey: bool = True,
) -> FoundSide:
    """Find both spaces on one side from a label map.

    Parameters
    ----------
    volume
        The series to measure on; its slices are the slices of the result.
    label_map
        Bones on any grid in the same frame of reference.
    side
        The patient's side.
    level_range
        First and last slice of the lesser trochanter; found from the femur's label if absent.
    refine_on_grey
        Correct the label's contour on the grey levels where the cortex is clear.

    Returns
    -------
    FoundSide
        Readings keep the distance of the label itself in ``label_mm``.
    """
    refusal = _check(volume, label_map, side)
    if refusal is not None:
        return FoundSide(side, METHOD, refusal=refusal)
    shapes = shapes_in(volume, label_map, side)
    if not any(item.femur_mm is not None for item in shapes.values()):
        return FoundSide(side, METHOD, refusal=_missing(side, "outside the images"))
    level = _level(volume, shapes, label_map, side) if level_range is None else None
    if isinstance(level, Refusal):
        return FoundSide(side, METHOD, refusal=level)
    first, last = (level.first, level.last) if level else (level_range or (0, 0))
    grey = refine_on_grey and _has_marrow_signal(volume)
    voxel_mm = float(np.sort(label_map.grid.spacing_kji_mm)[1])
    found = [_slice(k, shapes.get(k), voxel_mm, grey=grey) for k in range(first, last + 1)]
    return FoundSide(
        side,
        METHOD_REFINED if grey else METHOD,
        tuple(item[0] for item in found),
        tuple(item[1] for item in found),
        tuple(outline for item in found for outline in item[2]),
        apex_slice=level.apex if level else None,
    )


def level_from_masks(volume: Volume, label_map: LabelMap, side: Side) -> Level | Refusal:
    """Find the slices that show the lesser trochanter, from the femur's label."""
    return _check(volume, label_map, side) or _level(
        volume, shapes_in(volume, label_map, side), label_map, side
    )


# ------------------------------------------------------------------------------------- checks


def _missing(side: Side, what: str) -> Refusal:
    """Say that a label is of no use."""
    return Refusal(Reason.LABEL_MISSING, f"the label of the {side} hip is {what}")


def _check(volume: Volume, label_map: LabelMap, side: Side) -> Refusal | None:
    """Refuse labels of other images, missing ones, swapped ones."""
    ours, theirs = volume.series.frame_of_reference_uid, label_map.frame_of_reference_uid
    if ours and theirs and ours != theirs:
        return Refusal(
            Reason.OTHER_FRAME_OF_REFERENCE,
            "the label map lies in another frame of reference than the images",
        )
    centres = {}
    for name in (f"hip_{side}", f"femur_{side}"):
        mask = label_map.mask(name)
        if mask is None:
            return Refusal(Reason.LABEL_MISSING, f"the label map has no {name}, or it is empty")
        centres[name] = _centre_lps_mm(label_map, mask)
    outward = 1.0 if side is Side.LEFT else -1.0
    swapped = outward * (centres[f"femur_{side}"][0] - centres[f"hip_{side}"][0]) <= 0
    other = label_map.mask(f"femur_{'right' if side is Side.LEFT else 'left'}")
    if other is not None:
        across_mm = centres[f"femur_{side}"][0] - _centre_lps_mm(label_map, other)[0]
        swapped = swapped or outward * across_mm <= 0
    if swapped:
        return Refusal(
            Reason.LABELS_SWAPPED,
            f"the femur called {side} does not lie on the patient's {side}: left and right are "
            "swapped in the label map, or it is not aligned with the patient",
        )
    return None


def _centre_lps_mm(label_map: LabelMap, mask: np.ndarray) -> Floats:
    """Mean position of a mask, (3,)."""
    return label_map.grid.to_lps_mm(np.argwhere(mask).mean(0))


def _has_marrow_signal(volume: Volume) -> bool:
    """Tell whether the grey levels show bright marrow inside dark cortex."""
    series = volume.series
    return series.modality in ("MR", "unknown", "") and not series.contrast.fat_suppressed


# ------------------------------------------------------------------------------------- level


def _level(
    volume: Volume, shapes: Mapping[int, Shapes], label_map: LabelMap, side: Side
) -> Level | Refusal:
    """Find the lesser trochanter from the femur's label."""
    spacing = np.sort(label_map.grid.spacing_kji_mm)
    if spacing[1] > COARSE_MM:
        return Refusal(
            Reason.LABEL_TOO_COARSE,
            f"the label map has voxels of {spacing[1]:.1f} mm, at most {COARSE_MM:.0f} mm show "
            "the lesser trochanter; give the level range, or a finer label map",
        )
    reference = volume.slices[0].plane
    upward = 1.0 if reference.normal_lps[2] >= 0 else -1.0
    heights = {
        k: upward * float(reference.height_mm(volume.slices[k].plane.origin_lps_mm)) for k in shapes
    }
    femora = {k: item.femur_mm for k, item in shapes.items() if item.femur_mm is not None}
    return find_level(femora, heights, side)


# ------------------------------------------------------------------------------------- distances


def _slice(
    k: int, shapes: Shapes | None, voxel_mm: float, *, grey: bool
) -> tuple[Reading, Reading, list[SliceOutline]]:
    """Measure both spaces in one slice."""
    if shapes is None or shapes.femur_mm is None or shapes.ischium_mm is None:
        refusal = SliceRefusal(
            k, Reason.LABEL_MISSING, "no ischium or no femur is labelled in this slice"
        )
        return refusal, refusal, []
    patch = flatten(shapes.patch)
    bones = {Bone.FEMUR: shapes.femur_mm, Bone.ISCHIUM: shapes.ischium_mm}
    label_mm, i, j = closest(bones[Bone.ISCHIUM], bones[Bone.FEMUR])
    ends = {Bone.ISCHIUM: bones[Bone.ISCHIUM][i], Bone.FEMUR: bones[Bone.FEMUR][j]}
    outlines = [SliceOutline(k, bone, patch.to_lps_mm(points)) for bone, points in bones.items()]
    segment = Segment(patch.to_lps_mm(ends[Bone.ISCHIUM]), patch.to_lps_mm(ends[Bone.FEMUR]))
    u95_mm = LABEL_U95_MM + LABEL_U95_PER_VOXEL * voxel_mm
    of_label = _reading(k, segment, u95_mm, 0.0, label_mm, "from the label alone")
    if not grey:
        room: Reading = SliceRefusal(
            k, Reason.LOW_CONFIDENCE, "tendons are not labelled and the grey levels are not used"
        )
        return of_label, room, outlines
    refined = _refined(patch, bones, ends)
    level = _levels(patch, ends)
    tendon = room_for_muscle(patch, level, dict(bones), np.stack(list(ends.values())))
    to = Segment(patch.to_lps_mm(tendon.ischium_mm), patch.to_lps_mm(tendon.femur_mm))
    room = _reading(k, to, u95_mm, 0.0, None, "from label and dark tendons")
    if refined is None:
        return of_label, room, outlines
    return _of_gap(patch, *refined, label_mm) or of_label, room, outlines


def _reading(
    k: int, segment: Segment, u95_mm: float, score: float, label_mm: float | None, note: str
) -> SliceReading:
    """Say a distance that rests on the label."""
    return SliceReading(
        k,
        segment,
        segment.length_mm,
        u95_mm,
        score,
        confidence_of(u95_mm),
        Light.AMBER,
        label_mm=label_mm,
        note=note,
    )


def _of_gap(patch: Patch, gap: Gap, evidence: Evidence, label_mm: float) -> SliceReading | None:
    """Say a distance that was corrected on the grey levels, if it is sure enough."""
    segment = Segment(patch.to_lps_mm(gap.ischium_mm), patch.to_lps_mm(gap.femur_mm))
    # A label that disagrees is a second opinion: part of the disagreement stays in doubt.
    doubt_mm = DISAGREEMENT_SHARE * abs(segment.length_mm - label_mm)
    u95_mm = float(np.hypot(half_width_mm(evidence), doubt_mm))
    light = light_of(u95_mm, gap.score)
    if light is None:
        return None
    return SliceReading(
        patch.slice_index,
        segment,
        segment.length_mm,
        u95_mm,
        gap.score,
        confidence_of(u95_mm),
        light,
        label_mm=label_mm,
        note="label corrected on the grey levels",
    )


def _levels(patch: Patch, ends: Mapping[Bone, Floats]) -> Levels:
    """Estimate the levels of one slice from its closest points."""
    muscle = estimate_muscle(patch, ends[Bone.FEMUR], ends[Bone.ISCHIUM])
    return Levels(estimate_cortex(patch), muscle)


def _arc_around(line: Floats, point_mm: Floats) -> tuple[Floats, Floats]:
    """Open arc of a closed outline around a point, at even steps, with outward normals."""
    start = int(np.argmin(np.linalg.norm(line - point_mm, axis=1)))
    ring = np.roll(line, len(line) // 2 - start, axis=0)
    points, _ = resample_arc(ring, 0.8, np.zeros(len(ring)))
    middle = int(np.argmin(np.linalg.norm(points - point_mm, axis=1)))
    reach = int(ARC_MM / 0.8)
    arc = points[max(0, middle - reach) : middle + reach + 1]
    tangent = np.gradient(ndi.gaussian_filter1d(arc, 2.0, axis=0), axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normals = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    x, y = ring.T
    signed = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    return arc, normals if signed > 0 else -normals


def _edge(
    patch: Patch, line: Floats, point_mm: Floats, other_mm: Floats, level: Levels, bone: Bone
) -> tuple[Edge, float] | None:
    """Correct one label contour around a point: the edge, and how far it moved."""
    arc, normals = _arc_around(line, point_mm)
    if len(arc) < 12:
        return None
    inside = arc - 4.0 * normals
    marrow = float(np.median(patch.sample(inside)))
    toward = other_mm - point_mm
    length = max(float(np.linalg.norm(toward)), 1e-6)
    facing = np.maximum(normals @ (toward / length), 0.3)
    ahead = np.clip((length - 1.0) / facing, 0.3, 4.0)
    contour = across(
        patch,
        arc,
        normals,
        level,
        THICKEST_MM[bone],
        marrow=marrow,
        prior=PRIOR,
        ahead_mm=ahead,
    )
    edge = refine(patch, contour, level, BLUR_MM, point_mm)
    if edge is None:
        return None
    shift = float(np.linalg.norm(edge.points_mm - point_mm, axis=1).min())
    return edge, shift


# Blur of clinical pelvis series: 0.6 of a pixel of 0.7 mm.
BLUR_MM = 0.42


def _refined(
    patch: Patch, bones: Mapping[Bone, Floats], ends: Mapping[Bone, Floats]
) -> tuple[Gap, Evidence] | None:
    """Correct both contours around the closest points, twice; nothing where that is unclear."""
    other = {Bone.FEMUR: Bone.ISCHIUM, Bone.ISCHIUM: Bone.FEMUR}
    near, gap, shifts = dict(ends), None, [0.0]
    for _ in range(2):
        level = _levels(patch, near)
        edges = {
            bone: _edge(patch, bones[bone], near[bone], near[other[bone]], level, bone)
            for bone in Bone
        }
        femur, ischium = edges[Bone.FEMUR], edges[Bone.ISCHIUM]
        if femur is None or ischium is None:
            return None
        gap = gap_of(ischium[0], femur[0])
        shifts = [
            float(np.linalg.norm(densify(bones[bone])[0] - end, axis=1).min())
            for bone, end in ((Bone.FEMUR, gap.femur_mm), (Bone.ISCHIUM, gap.ischium_mm))
        ]
        near = {Bone.FEMUR: gap.femur_mm, Bone.ISCHIUM: gap.ischium_mm}
    if gap is None or max(shifts) >= SHIFT_MAX_MM or gap.score < SCORE_MIN:
        return None
    evidence = Evidence(
        gap.score,
        0.1,
        gap.roughness_mm,
        gap.sigma_mm,
        gap.blur_ratio,
        0.0,
    )
    return gap, evidence
