"""From one rough seed in the marrow of each bone to both spaces in every slice of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import cut_patches, flatten, patient_axes_in
from ifspace.landmarks import exclusion
from ifspace.landmarks.facing import facing_gap
from ifspace.landmarks.gap import densify
from ifspace.landmarks.grading import Examined, judge
from ifspace.landmarks.memory import Memory
from ifspace.landmarks.outline import Contour, beside
from ifspace.landmarks.propose import level_at
from ifspace.landmarks.recognition import doubt_about, doubt_about_layer, doubt_between
from ifspace.landmarks.rework import Begun, corrected
from ifspace.landmarks.search import (
    Found,
    Scene,
    estimate_cortex,
    marrow_at,
    same_slice,
    search,
    snap,
)
from ifspace.landmarks.tendon import room_for_muscle
from ifspace.landmarks.values import (
    Bone,
    FoundSide,
    OutlinePoint,
    Reading,
)
from ifspace.landmarks.visibility import evidence_of
from ifspace.model import Outline, Reason, Refusal, Seed, Side, Volume

METHOD = "seeds/1"
# Window around the two seeds: the larger bone reaches 35 mm from its middle.
MARGIN_MM = 40.0
# Blur of the image relative to its pixel: box of the pixel and filter of the reconstruction.
BLUR_OF_PIXEL = 0.6
VOID_DETAIL = "a signal void wider than any cortex lies beside the bones, as metal leaves it"


def from_seeds(
    volume: Volume,
    seeds: Sequence[Seed],
    side: Side,
    level_range: tuple[int, int] | None = None,
    *,
    points: Sequence[OutlinePoint] = (),
    memory: Memory | None = None,
) -> FoundSide:
    """Find both spaces on one side from a rough seed in the marrow of femur and ischium.

    What a reader corrected is found again from the same beginning: the outlines keep the dragged
    points and enclose the further seeds, and slices that a correction does not touch stay.

    Parameters
    ----------
    volume
        An axial MR series without fat suppression.
    seeds
        Seeds of the session; those of the other side are left alone. They may lie on different
        slices and outside the range. The search begins at the first of each bone; further ones
        have to lie in the same bone within the range, and correct it.
    side
        The patient's side.
    level_range
        First and last slice index that show the lesser trochanter, both included; found from the
        femur seed if absent.
    points
        Points of the outer outlines that a reader dragged, of this side or the other.
    memory
        What was found on this volume before; with it a correction takes a fraction of the first
        search. The result is the same without.

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
    chosen = exclusion.seeds_of(seeds, side)
    if isinstance(chosen, Refusal):
        return FoundSide(side, METHOD, refusal=chosen)
    refusal = exclusion.check_series(volume)
    refusal = (
        refusal or exclusion.check_pixels(volume) or exclusion.check_placement(volume, chosen, side)
    )
    if refusal is not None:
        return FoundSide(side, METHOD, refusal=refusal)
    memory = Memory() if memory is None else memory
    apex = None
    if level_range is None:
        key = ("level", side, *chosen[Bone.FEMUR].position_lps_mm)
        level = memory.keep(key, lambda: level_at(volume, side, chosen[Bone.FEMUR]))
        if isinstance(level, Refusal):
            return FoundSide(side, METHOD, refusal=level)
        level_range, apex = (level.first, level.last), level.apex
    begun = _begin(volume, chosen, level_range, memory)
    if isinstance(begun, Refusal):
        return FoundSide(side, METHOD, refusal=begun)
    further = exclusion.further_seeds(seeds, side)
    dragged = [point for point in points if point.side is side]
    begun = corrected(begun, volume, chosen, further, dragged)
    if isinstance(begun, Refusal):
        return FoundSide(side, METHOD, refusal=begun)
    return replace(_measure(begun, side, blur_of(volume), memory), apex_slice=apex)


def _begin(
    volume: Volume, chosen: Mapping[Bone, Seed], level_range: tuple[int, int], memory: Memory
) -> Begun | Refusal:
    """Outline both bones from the first seeds, or remember that."""
    positions = {bone: seed.position_lps_mm for bone, seed in chosen.items()}
    key = ("range", *level_range, *np.concatenate([positions[bone] for bone in Bone]))
    slices = range(level_range[0], level_range[1] + 1)
    scene = memory.keep((*key, "scene"), lambda: stage(volume, positions, slices))
    voids = memory.keep((*key, "voids"), lambda: sum(map(exclusion.has_void, scene.patches)))
    if 2 * voids > len(scene.patches):
        return Refusal(Reason.IMPLANT_ARTIFACT, VOID_DETAIL)
    found = memory.keep((*key, "search"), lambda: search(scene))
    return Begun(key, scene, found, found)


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


def _full_outline(contour: Contour, edge_mm: Floats) -> Floats:
    """Give the closed outline of a bone with its fitted part in place, dense, (n, 2)."""
    kept = beside(contour.outer_mm, edge_mm[[0, -1]])
    points = np.vstack([contour.outer_mm[kept], edge_mm])
    return np.vstack([points, points[:1]])


def _slice_refusal(scene: Scene, found: Found, k: int) -> Refusal | None:
    """Refuse one slice for metal or for a bone that the image cuts off."""
    patch = scene.patches[k]
    if exclusion.has_void(patch):
        return Refusal(Reason.IMPLANT_ARTIFACT, VOID_DETAIL, patch.slice_index)
    if not exclusion.inside_view(patch, found.outlines[Bone.FEMUR][k].outer_mm):
        detail = "the femur reaches the border of the image"
        return Refusal(Reason.FEMUR_NOT_COVERED, detail, patch.slice_index)
    return None


def examine(scene: Scene, found: Found, k: int, blur_mm: float) -> Examined | None:
    """Measure both spaces in one slice; nothing where no outline faces the other bone."""
    patch = scene.patches[k]
    gap = facing_gap(patch, found, k, blur_mm)
    if gap is None:
        return None
    bones = {
        bone: _full_outline(found.outlines[bone][k], gap.edges[bone].points_mm) for bone in Bone
    }
    dense = {bone: densify(points)[0][::2] for bone, points in bones.items()}
    ends = np.stack([gap.ischium_mm, gap.femur_mm])
    room = room_for_muscle(patch, found.levels[k], dense, ends)
    contours = {bone: found.outlines[bone][k] for bone in Bone}
    doubt = doubt_about(patch, contours, scene.marrow, scene.cortex[k])
    doubt = doubt or doubt_between(patch, ends, scene.marrow, scene.cortex[k])
    doubt = doubt or doubt_about_layer(gap.thickness_mm[Bone.FEMUR])
    return Examined(gap, room, evidence_of(patch, found, k, gap), bones, doubt)


def _measure(begun: Begun, side: Side, blur_mm: float, memory: Memory) -> FoundSide:
    """Measure both spaces in every slice; a slice that was seen alike before is remembered."""
    scene, found = begun.scene, begun.found
    ifs: list[Reading] = []
    qfs: list[Reading] = []
    outlines: list[Outline] = []
    for k, patch in enumerate(scene.patches):
        refusal = _slice_refusal(scene, found, k)
        seen = None if refusal else _seen(begun, k, blur_mm, memory)
        if seen is None:
            refusal = refusal or Refusal(
                Reason.LOW_CONFIDENCE, "no outline faces the other bone", patch.slice_index
            )
            ifs.append(refusal)
            qfs.append(refusal)
            continue
        one, other, drawn = judge(patch, seen, side)
        ifs.append(one)
        qfs.append(other)
        outlines += drawn
    return FoundSide(side, METHOD, tuple(ifs), tuple(qfs), tuple(outlines))


def _seen(begun: Begun, k: int, blur_mm: float, memory: Memory) -> Examined | None:
    if not same_slice(begun.first, begun.found, k):
        return examine(begun.scene, begun.found, k, blur_mm)
    key = (begun.key, "slice", k)
    return memory.keep(key, lambda: examine(begun.scene, begun.first, k, blur_mm))
