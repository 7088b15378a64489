"""From one rough seed in the marrow of each bone to both spaces in every slice of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ifspace.geometry import Floats, Segment
from ifspace.image import Patch, cut_patches, flatten, patient_axes_in
from ifspace.landmarks import gates
from ifspace.landmarks.confidence import (
    AMBER_BELOW_MM,
    Evidence,
    confidence_of,
    half_width_mm,
    light_of,
    room_half_width_mm,
)
from ifspace.landmarks.gap import Gap, closest, densify, gap_of, refine
from ifspace.landmarks.outline import Contour
from ifspace.landmarks.propose import level_at
from ifspace.landmarks.search import Found, Scene, estimate_cortex, marrow_at, search, snap
from ifspace.landmarks.tendon import Room, room_for_muscle
from ifspace.landmarks.values import (
    Bone,
    FoundSide,
    Reading,
    Refusal,
    SliceOutline,
    SliceReading,
    SliceRefusal,
)
from ifspace.model import Kind, Reason, Seed, Side, Volume

METHOD = "seeds/1"
# Window around the two seeds: the larger bone reaches 35 mm from its middle.
MARGIN_MM = 40.0
# Blur of the image relative to its pixel: box of the pixel and filter of the reconstruction.
BLUR_OF_PIXEL = 0.6
# A fitted thickness of the ischial cortex beyond this is cortex and tendon together.
INSEPARABLE_MM = 3.0
SPREAD_STARTS = 3
VOID_DETAIL = "a signal void wider than any cortex lies beside the bones, as metal leaves it"


def from_seeds(
    volume: Volume,
    seeds: Sequence[Seed],
    side: Side,
    level_range: tuple[int, int] | None = None,
) -> FoundSide:
    """Find both spaces on one side from a rough seed in the marrow of femur and ischium.

    Parameters
    ----------
    volume
        An axial MR series without fat suppression.
    seeds
        Seeds of the session; those of the other side are left alone. They may lie on different
        slices and outside the range.
    side
        The patient's side.
    level_range
        First and last slice index that show the lesser trochanter, both included; found from the
        femur seed if absent.

    Returns
    -------
    FoundSide
        One entry per slice and space, or one reason for the whole side. Every number is a
        proposal until a person confirms it.

    Raises
    ------
    ValueError
        If the range is not within the volume.
    """
    if level_range is not None and not 0 <= level_range[0] <= level_range[1] < len(volume.slices):
        message = f"level_range is {level_range}, the volume has {len(volume.slices)} slices"
        raise ValueError(message)
    chosen = gates.seeds_of(seeds, side)
    if isinstance(chosen, Refusal):
        return FoundSide(side, METHOD, refusal=chosen)
    refusal = gates.check_series(volume)
    refusal = refusal or gates.check_pixels(volume) or gates.check_placement(volume, chosen, side)
    if refusal is not None:
        return FoundSide(side, METHOD, refusal=refusal)
    apex = None
    if level_range is None:
        level = level_at(volume, side, chosen[Bone.FEMUR])
        if isinstance(level, Refusal):
            return FoundSide(side, METHOD, refusal=level)
        level_range, apex = (level.first, level.last), level.apex
    first, last = level_range
    positions = {bone: seed.position_lps_mm for bone, seed in chosen.items()}
    scene = stage(volume, positions, range(first, last + 1))
    voids = sum(gates.has_void(patch) for patch in scene.patches)
    if 2 * voids > len(scene.patches):
        return FoundSide(side, METHOD, refusal=Refusal(Reason.IMPLANT_ARTIFACT, VOID_DETAIL))
    found = search(scene)
    muscle = float(np.median([level.muscle for level in found.levels]))
    refusal = gates.check_signal(scene, muscle) or gates.check_outlines(scene, found.outlines)
    if refusal is not None:
        return FoundSide(side, METHOD, refusal=refusal)
    return replace(_measure(scene, found, side, blur_of(volume)), apex_slice=apex)


def blur_of(volume: Volume) -> float:
    """Blur of the images in mm."""
    return BLUR_OF_PIXEL * _pixel_mm(volume)


def _pixel_mm(volume: Volume) -> float:
    """Pixel of the acquisition: never finer than the stored one, however it was interpolated."""
    plane, series = volume.slices[0].plane, volume.series
    pixel_mm = float(np.sqrt(plane.row_spacing_mm * plane.column_spacing_mm))
    if series.acquisition_matrix is None:
        return pixel_mm
    field_mm = max(
        plane.row_spacing_mm * plane.shape_ji[0], plane.column_spacing_mm * plane.shape_ji[1]
    )
    acquired_mm = field_mm / max(max(series.acquisition_matrix), 1)
    return float(np.clip(acquired_mm, pixel_mm, 2.0 * pixel_mm))


def stage(volume: Volume, positions_lps_mm: Mapping[Bone, Floats], slices: range) -> Scene:
    """Put the slices of a range and both seeds on one raster."""
    femur, ischium = positions_lps_mm[Bone.FEMUR], positions_lps_mm[Bone.ISCHIUM]
    left, back = patient_axes_in(volume.slices[slices.start].plane)
    half = tuple(abs(float((femur - ischium) @ axis)) / 2 + MARGIN_MM for axis in (left, back))
    middle = 0.5 * (femur + ischium)
    patches = tuple(flatten(p) for p in cut_patches(volume, slices, middle, (half[0], half[1])))
    anchor = {
        bone: int(np.clip(volume.nearest_slice(p)[0], slices.start, slices.stop - 1)) - slices.start
        for bone, p in positions_lps_mm.items()
    }
    seeds_mm = {
        bone: snap(patches[anchor[bone]], patches[anchor[bone]].to_xy_mm(p))
        for bone, p in positions_lps_mm.items()
    }
    reference = volume.slices[slices.start].plane
    heights = [float(reference.height_mm(volume.slices[k].plane.origin_lps_mm)) for k in slices]
    return Scene(
        patches,
        np.array(heights),
        seeds_mm,
        anchor,
        {bone: marrow_at(patches[anchor[bone]], seeds_mm[bone]) for bone in Bone},
        tuple(estimate_cortex(patch) for patch in patches),
    )


# ------------------------------------------------------------------------------------- per slice


def _spread_mm(found: Found, k: int) -> float:
    """Scatter of the distance over the best starts of both bones, before any fit."""
    lines, weights = {}, {}
    for bone in Bone:
        merit = found.searches[bone].merit[:, k]
        order = np.argsort(-merit)[:SPREAD_STARTS]
        contours = found.searches[bone].contours
        lines[bone] = [densify(contours[s][k].outer_mm)[0][::5] for s in order]
        weights[bone] = np.exp(4 * (merit[order] - merit.max()))
    values = np.array([[closest(a, b)[0] for b in lines[Bone.ISCHIUM]] for a in lines[Bone.FEMUR]])
    weight = weights[Bone.FEMUR][:, None] * weights[Bone.ISCHIUM][None, :]
    middle = np.median(values)
    return float(np.sqrt(np.sum(weight * (values - middle) ** 2) / weight.sum()))


def _steepness_mm(found: Found, k: int, gap: Gap) -> float:
    """How far the outlines move to the next slice at the closest points: partial volume."""
    moves = [0.0]
    for bone, end in ((Bone.FEMUR, gap.femur_mm), (Bone.ISCHIUM, gap.ischium_mm)):
        contours = found.outlines[bone]
        for n in (k - 1, k + 1):
            if 0 <= n < len(contours):
                apart = np.linalg.norm(contours[n].outer_mm - end, axis=1)
                moves.append(float(apart.min()))
    return max(moves)


def _gap(patch: Patch, found: Found, k: int, blur_mm: float) -> Gap | None:
    """Fit both edges around the closest points, twice, and measure."""
    a, b = found.outlines[Bone.FEMUR][k], found.outlines[Bone.ISCHIUM][k]
    _, i, j = closest(a.outer_mm, b.outer_mm)
    near = {Bone.FEMUR: a.outer_mm[i], Bone.ISCHIUM: b.outer_mm[j]}
    gap = None
    for _ in range(2):
        edges = {
            bone: refine(patch, found.outlines[bone][k], found.levels[k], blur_mm, near[bone])
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
        if moved < 3.0:
            break
    return gap


def _full_outline(contour: Contour, edge_mm: Floats) -> Floats:
    """Give the closed outline of a bone with its fitted part in place, dense, (n, 2)."""
    away = np.linalg.norm(contour.outer_mm[:, None] - edge_mm[None], axis=2).min(1)
    keep = contour.outer_mm[away > 2.5]
    points = np.vstack([keep, edge_mm])
    centre = contour.centroid_mm
    angle = np.arctan2(points[:, 1] - centre[1], points[:, 0] - centre[0])
    points = points[np.argsort(angle)]
    return np.vstack([points, points[:1]])


def _reading(
    patch: Patch, start_mm: Floats, end_mm: Floats, gap: Gap, u95_mm: float, note: str
) -> Reading:
    """Say the distance, or why not."""
    light = light_of(u95_mm, gap.score)
    if light is None:
        why = (
            f"the distance would be uncertain by {u95_mm:.1f} mm, {AMBER_BELOW_MM:.0f} mm are "
            "accepted"
            if u95_mm >= AMBER_BELOW_MM
            else "the dark line between marrow and muscle is missing at one end"
        )
        detail = f"cortex not clearly visible at the closest points: {why}"
        return SliceRefusal(patch.slice_index, Reason.LOW_CONFIDENCE, detail)
    segment = Segment(patch.to_lps_mm(start_mm), patch.to_lps_mm(end_mm))
    return SliceReading(
        patch.slice_index,
        segment,
        segment.length_mm,
        u95_mm,
        gap.score,
        confidence_of(u95_mm),
        light,
        note=note,
    )


def _slice_refusal(scene: Scene, found: Found, k: int) -> SliceRefusal | None:
    """Refuse one slice for metal or for a bone that the image cuts off."""
    patch = scene.patches[k]
    if gates.has_void(patch):
        return SliceRefusal(
            patch.slice_index,
            Reason.IMPLANT_ARTIFACT,
            VOID_DETAIL,
        )
    if not gates.inside_view(patch, found.outlines[Bone.FEMUR][k].outer_mm):
        return SliceRefusal(
            patch.slice_index,
            Reason.FEMUR_NOT_COVERED,
            "the femur reaches the border of the image",
        )
    return None


@dataclass(frozen=True, eq=False)
class Examined:
    """One slice before it is judged: the gap, the room and how they were seen."""

    gap: Gap
    room: Room
    evidence: Evidence
    bones_mm: Mapping[Bone, Floats]


def examine(scene: Scene, found: Found, k: int, blur_mm: float) -> Examined | None:
    """Measure both spaces in one slice; nothing where no outline faces the other bone."""
    patch = scene.patches[k]
    gap = _gap(patch, found, k, blur_mm)
    if gap is None:
        return None
    evidence = Evidence(
        gap.score,
        _spread_mm(found, k),
        gap.roughness_mm,
        gap.sigma_mm,
        gap.blur_ratio,
        _steepness_mm(found, k, gap),
    )
    bones = {
        bone: _full_outline(found.outlines[bone][k], gap.edges[bone].points_mm) for bone in Bone
    }
    dense = {bone: densify(points)[0][::2] for bone, points in bones.items()}
    ends = np.stack([gap.ischium_mm, gap.femur_mm])
    room = room_for_muscle(patch, found.levels[k], dense, ends)
    return Examined(gap, room, evidence, bones)


def _judge(patch: Patch, seen: Examined) -> tuple[Reading, Reading, list[SliceOutline]]:
    """Turn what was seen in one slice into readings and outlines."""
    gap, room = seen.gap, seen.room
    ifs = _reading(
        patch, gap.ischium_mm, gap.femur_mm, gap, half_width_mm(seen.evidence), _note(gap)
    )
    room_u95_mm = room_half_width_mm(seen.evidence, capped=any(room.capped.values()))
    qfs = _reading(patch, room.ischium_mm, room.femur_mm, gap, room_u95_mm, _room_note(room))
    outlines = [
        SliceOutline(patch.slice_index, bone, patch.to_lps_mm(points))
        for bone, points in seen.bones_mm.items()
    ]
    outlines += [
        SliceOutline(patch.slice_index, bone, patch.to_lps_mm(room.caps_mm[bone]), Kind.QFS)
        for bone in Bone
        if room.capped[bone]
    ]
    return ifs, qfs, outlines


def _measure(scene: Scene, found: Found, side: Side, blur_mm: float) -> FoundSide:
    """Measure both spaces in every slice."""
    ifs: list[Reading] = []
    qfs: list[Reading] = []
    outlines: list[SliceOutline] = []
    for k, patch in enumerate(scene.patches):
        refusal = _slice_refusal(scene, found, k)
        seen = None if refusal else examine(scene, found, k, blur_mm)
        if seen is None:
            refusal = refusal or SliceRefusal(
                patch.slice_index, Reason.LOW_CONFIDENCE, "no outline faces the other bone"
            )
            ifs.append(refusal)
            qfs.append(refusal)
            continue
        one, other, drawn = _judge(patch, seen)
        ifs.append(one)
        qfs.append(other)
        outlines += drawn
    return FoundSide(side, METHOD, tuple(ifs), tuple(qfs), tuple(outlines))


def _note(gap: Gap) -> str:
    """Say what cannot be told apart."""
    if gap.thickness_mm[Bone.ISCHIUM] > INSEPARABLE_MM:
        return "cortex and tendon of the ischium cannot be told apart here"
    return ""


def _room_note(room: Room) -> str:
    """Say what limits the room."""
    names = {
        Bone.ISCHIUM: ("hamstring tendon", "ischium"),
        Bone.FEMUR: ("iliopsoas tendon", "lesser trochanter"),
    }
    ischial, femoral = (
        names[bone][0 if room.capped[bone] else 1] for bone in (Bone.ISCHIUM, Bone.FEMUR)
    )
    return f"limited by {ischial} and {femoral}"
