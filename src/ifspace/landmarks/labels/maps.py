"""From a label map to outlines, level and both spaces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ifspace.geometry import Floats
from ifspace.labels import LabelMap
from ifspace.landmarks.borders.stack import heights_of
from ifspace.landmarks.grading.exclusion import check_pixels
from ifspace.landmarks.labels.distance_3d import smallest_in_space
from ifspace.landmarks.labels.distances import Muscle, measure_slices
from ifspace.landmarks.labels.shapes import Shapes, shapes_in, smooth_mask, smooth_masks
from ifspace.landmarks.propose.level import Level, find_level
from ifspace.landmarks.values import FoundSide
from ifspace.model import Reason, Refusal, Side, Volume

METHOD = "masks/1"
METHOD_REFINED = "masks+grey/2"
# Labels coarser than this in two directions round the lesser trochanter away.
COARSE_MM = 2.0


def from_masks(
    volume: Volume,
    label_map: LabelMap,
    side: Side,
    level_range: tuple[int, int] | None = None,
    *,
    refine_on_grey: bool = True,
    made_of_images: bool = False,
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
    made_of_images
        The labels were found in these very images, so that they cannot be shifted: where the grey
        levels contradict them, the slice is refused and not the map.

    Returns
    -------
    FoundSide
        Readings keep the distance of the label itself in ``label_mm``.
    """
    refusal = _check(volume, label_map, side)
    if refusal is not None:
        return FoundSide(side, METHOD, refusal=refusal)
    shapes = shapes_in(volume, smooth_masks(label_map, side))
    if not any(item.femur_mm is not None for item in shapes.values()):
        return FoundSide(side, METHOD, refusal=_missing(side, "outside the images"))
    heights = heights_of(volume, shapes)
    level = _level(shapes, heights, label_map, side) if level_range is None else None
    if isinstance(level, Refusal):
        return FoundSide(side, METHOD, refusal=level)
    first, last = (level.first, level.last) if level else (level_range or (0, 0))
    fine = check_pixels(volume) is None
    grey = refine_on_grey and fine and _has_marrow_signal(volume)
    found = measure_slices(
        volume,
        {k: shapes.get(k) for k in range(first, last + 1)},
        side,
        voxel_mm=float(np.sort(label_map.grid.spacing_kji_mm)[1]),
        grey=grey,
        muscle=_muscle(label_map, side),
        made_of_images=made_of_images,
    )
    if isinstance(found, Refusal):
        return FoundSide(side, METHOD_REFINED, refusal=found)
    return FoundSide(
        side,
        METHOD_REFINED if grey else METHOD,
        tuple(item.ifs for item in found),
        tuple(item.qfs for item in found),
        tuple(outline for item in found for outline in item.outlines),
        apex_slice=level.apex if level else None,
        ifs_3d_mm=_in_space(shapes, heights, first, last),
    )


def level_from_masks(volume: Volume, label_map: LabelMap, side: Side) -> Level | Refusal:
    """Find the slices that show the lesser trochanter, from the femur's label."""
    refusal = _check(volume, label_map, side)
    if refusal is not None:
        return refusal
    shapes = shapes_in(volume, smooth_masks(label_map, side))
    return _level(shapes, heights_of(volume, shapes), label_map, side)


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
    hip, femur = centres[f"hip_{side}"][0], centres[f"femur_{side}"][0]
    other_hip, other_femur = (
        _across_lps_mm(label_map, f"{bone}_{'right' if side is Side.LEFT else 'left'}")
        for bone in ("hip", "femur")
    )
    if outward * (femur - hip) <= 0 or (
        other_femur is not None and outward * (femur - other_femur) <= 0
    ):
        return _swapped(f"the femur called {side}", side)
    if (other_hip is not None and outward * (hip - other_hip) <= 0) or (
        other_femur is not None and abs(hip - femur) >= abs(hip - other_femur)
    ):
        return _swapped(f"the hip bone called {side}", side)
    return None


def _swapped(what: str, side: Side) -> Refusal:
    """Say which label is on the wrong side."""
    return Refusal(
        Reason.LABELS_SWAPPED,
        f"{what} does not lie on the patient's {side}: left and right are swapped in the label "
        "map, or it is not aligned with the patient",
    )


def _across_lps_mm(label_map: LabelMap, name: str) -> float | None:
    """How far to the left a label lies, where the map has it."""
    mask = label_map.mask(name)
    return None if mask is None else float(_centre_lps_mm(label_map, mask)[0])


def _centre_lps_mm(label_map: LabelMap, mask: NDArray[np.bool_]) -> Floats:
    """Mean position of a mask, (3,)."""
    return label_map.grid.to_lps_mm(np.argwhere(mask).mean(0))


def _has_marrow_signal(volume: Volume) -> bool:
    """Tell whether the grey levels show bright marrow inside dark cortex."""
    series = volume.series
    return series.modality in ("MR", "unknown", "") and not series.contrast.fat_suppressed


def _muscle(label_map: LabelMap, side: Side) -> Muscle | None:
    """Give the quadratus femoris of a side, where the map knows it."""
    name = f"quadratus_femoris_{side}"
    return None if label_map.mask(name) is None else Muscle(smooth_mask(label_map, name))


# ------------------------------------------------------------------------------------- level


def _level(
    shapes: Mapping[int, Shapes], heights_mm: Mapping[int, float], label_map: LabelMap, side: Side
) -> Level | Refusal:
    """Find the lesser trochanter from the femur's label."""
    spacing = np.sort(label_map.grid.spacing_kji_mm)
    if spacing[1] > COARSE_MM:
        return Refusal(
            Reason.LABEL_TOO_COARSE,
            f"the label map has voxels of {spacing[1]:.1f} mm, at most {COARSE_MM:.0f} mm show "
            "the lesser trochanter; give the level range, or a finer label map",
        )
    femora = {k: item.femur_mm for k, item in shapes.items() if item.femur_mm is not None}
    return find_level(femora, heights_mm, side)


def _in_space(
    shapes: Mapping[int, Shapes], heights_mm: Mapping[int, float], first: int, last: int
) -> float | None:
    """Measure in space, where the labels go on above and below the range."""
    if first not in heights_mm or last not in heights_mm:
        return None
    low, high = sorted((heights_mm[first], heights_mm[last]))
    return smallest_in_space(
        {heights_mm[k]: s.femur_mm for k, s in shapes.items() if s.femur_mm is not None},
        {heights_mm[k]: s.ischium_mm for k, s in shapes.items() if s.ischium_mm is not None},
        (low, high),
    )
