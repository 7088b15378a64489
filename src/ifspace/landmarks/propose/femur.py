"""Without clicks and without labels: femur, level and region of the ischium. Never a distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.rays import COARSE, THICKEST_MM, Contour, cast, contours_of
from ifspace.landmarks.borders.signal import TissueSignal, estimate_cortex
from ifspace.landmarks.borders.stack import heights_of
from ifspace.landmarks.borders.surfaces import best_path
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.propose.body import JUMP_MAX_MM, Body, shaft_candidates, track
from ifspace.landmarks.propose.level import Level, find_level
from ifspace.landmarks.values import Bone
from ifspace.model import Outline, Reason, Refusal, Seed, SeedName, Side, Volume

TILT_MAX_DEG = 25.0
# Fat under the skin over muscle: 1.7 (PD) to 3.4 (T2); below 0.6 with fat suppression.
FAT_OVER_MUSCLE_MIN = 1.5
# Femora lie this far from the midline of the body.
FROM_MIDLINE_MM = 45.0
# A small field of view whose middle is nearer to the midline shows no hip.
MIDLINE_VIEW_MM = 25.0
OUTLINE_SCORE_MIN = 0.55
FEMUR_SCORE_MIN = 0.7
FEMUR_AREA_MAX_MM2 = 3200.0
FEMUR_AREA_MIN_MM2 = 350.0
# The femur's section does not shrink much from slice to slice on the way up to the neck.
SHRINK_MIN = 0.8
DOWNWARD_SHRINK_MIN = 0.5
SIDES_APART_MAX_MM = 15.0
# Half-width of the window a femur is outlined in.
WINDOW_MM = 45.0


@dataclass(frozen=True, eq=False)
class ProposedSide:
    """What can be proposed for one side without asking.

    Attributes
    ----------
    level
        Range and apex of the lesser trochanter.
    femur_seed
        A point in the marrow of the femur, on the apex slice.
    outlines
        Outline of the femur in every slice where it was followed.
    ischium_region_lps_mm
        Four patient points on the apex slice around where the ischium is to be expected: where
        to click, not where it is.
    confidence
        0 to 1.
    """

    side: Side
    level: Level
    femur_seed: Seed
    outlines: tuple[Outline, ...]
    ischium_region_lps_mm: Floats
    confidence: float


@dataclass(frozen=True, eq=False)
class Proposal:
    """A proposal or a reason for each side."""

    sides: Mapping[Side, ProposedSide | Refusal]


def propose(volume: Volume) -> Proposal:
    """Propose femur outline, level range and region of the ischium on both sides.

    Parameters
    ----------
    volume
        Any series; the gate refuses what is not an axial MR without fat suppression.
    """
    refusal = unsuited(volume)
    if refusal is not None:
        return Proposal(dict.fromkeys(Side, refusal))
    body = Body.of(volume)
    if body.fat_over_muscle is not None and body.fat_over_muscle < FAT_OVER_MUSCLE_MIN:
        suppressed = Refusal(
            Reason.FAT_SUPPRESSED,
            f"fat under the skin is {body.fat_over_muscle:.1f} times as bright as muscle, "
            f"expected at least {FAT_OVER_MUSCLE_MIN}: the images look fat-suppressed",
        )
        return Proposal(dict.fromkeys(Side, suppressed))
    candidates = [shaft_candidates(image) for image in body.images]
    found = {side: _side(volume, body, candidates, side) for side in Side}
    return Proposal(_agreeing(volume, found))


def level_at(volume: Volume, side: Side, femur_seed: Seed) -> Level | Refusal:
    """Find the range of the lesser trochanter from one seed in the marrow of the femur.

    Parameters
    ----------
    volume
        An axial MR series without fat suppression.
    side
        The patient's side.
    femur_seed
        A rough point in the femoral shaft or the trochanteric region.
    """
    refusal = unsuited(volume)
    if refusal is not None:
        return refusal
    body = Body.of(volume)
    start, _ = volume.nearest_slice(femur_seed.position_lps_mm)
    point = body.patches[start].to_xy_mm(femur_seed.position_lps_mm)
    count = len(volume.slices)
    found: dict[int, tuple[Contour, float]] = {}
    for order in (range(start, -1, -1), range(start, count)):
        path: list[Floats | None] = [None] * count
        path[start] = np.array([*point, 1.0])
        # Downwards from a wide section the femur may shrink, upwards it does not.
        found |= _follow(body, path, order, shrink_min=DOWNWARD_SHRINK_MIN)
    proposed = _with_level(volume, body, found, side) if found else None
    if proposed is None:
        return Refusal(Reason.SEED_NOT_IN_MARROW, "no ring of cortex is seen around the femur seed")
    return proposed if isinstance(proposed, Refusal) else proposed.level


def unsuited(volume: Volume) -> Refusal | None:
    """Refuse a series whose header or plane already tells that no border can be found in it."""
    refusal = exclusion.check_series(volume)
    if refusal is not None:
        return refusal
    tilt_deg = volume.slices[0].plane.tilt_from_axial_deg
    if tilt_deg > TILT_MAX_DEG:
        return Refusal(
            Reason.NOT_AXIAL,
            f"slices are tilted by {tilt_deg:.0f} degrees from axial, at most "
            f"{TILT_MAX_DEG:.0f} are accepted",
        )
    return None


def _agreeing(
    volume: Volume, found: dict[Side, ProposedSide | Refusal]
) -> dict[Side, ProposedSide | Refusal]:
    """Refuse both sides where their levels contradict each other."""
    both = [item for item in found.values() if isinstance(item, ProposedSide)]
    if len(both) == 2:
        apart_mm = abs(both[0].level.apex_height_mm - both[1].level.apex_height_mm)
        tilt = volume.slices[0].plane.normal_lps[0]
        gap_mm = abs(
            float((both[0].femur_seed.position_lps_mm - both[1].femur_seed.position_lps_mm)[0])
        )
        if apart_mm > SIDES_APART_MAX_MM + abs(float(tilt)) * gap_mm:
            refusal = Refusal(
                Reason.LEVEL_NOT_COVERED,
                f"left and right lesser trochanter seem to lie {apart_mm:.0f} mm apart: one of "
                "them is not what was found; choose the slices by hand",
            )
            return dict.fromkeys(Side, refusal)
    return found


# ------------------------------------------------------------------------------------- the femur


def _outline(patch: Patch, centre_mm: Floats, level: TissueSignal) -> Contour:
    """Outline the femur all around from a centre."""
    far = centre_mm + np.array([[500.0, 0.0]])
    ray_costs = cast(
        (patch,),
        centre_mm[None],
        far,
        (level,),
        THICKEST_MM[Bone.FEMUR],
        rays=COARSE,
        facing=np.array([1.0, 0.0]),
        # The shaft is cut squarely; what fades around it is muscle.
        fading=False,
    )
    return contours_of(ray_costs, best_path(ray_costs.reward, ray_costs.thicknesses))[0]


def _follow(
    body: Body,
    path: Sequence[Floats | None],
    order: Sequence[int],
    *,
    shrink_min: float = SHRINK_MIN,
) -> dict[int, tuple[Contour, float]]:
    """Outline the femur upwards from where it is first seen."""
    found: dict[int, tuple[Contour, float]] = {}
    centre, missed, last_area = None, 0, FEMUR_AREA_MIN_MM2
    for k in order:
        point = path[k]
        if point is not None and (
            centre is None or np.linalg.norm(point[:2] - centre) < JUMP_MAX_MM
        ):
            centre = point[:2]
        if centre is None:
            continue
        patch = body.patches[k]
        level = TissueSignal(
            estimate_cortex(patch), float(np.percentile(patch.signal[patch.seen], 30))
        )
        contour = _outline(patch, centre, level)
        weakest = len(contour.reward) // 5
        score = float(np.mean(np.sort(contour.reward)[weakest:]))
        area = abs(contour.area_mm2)
        shrunk = area < shrink_min * last_area
        if score < OUTLINE_SCORE_MIN or area > FEMUR_AREA_MAX_MM2 or shrunk:
            missed += 1
            if missed > 2:
                break
            continue
        missed, last_area = 0, area
        found[k] = (contour, score)
        centre = contour.centroid_mm
    return found


def _side(
    volume: Volume, body: Body, candidates: Sequence[Floats], side: Side
) -> ProposedSide | Refusal:
    """Propose one side, or say why not."""
    outward = 1.0 if side is Side.LEFT else -1.0
    one_hip = body.patches[0].size_xy_mm[0] < 4 * FROM_MIDLINE_MM
    from_middle = 0.0 if one_hip else FROM_MIDLINE_MM
    if one_hip and _shown_side(body) is None:
        return Refusal(
            Reason.FEMUR_NOT_COVERED,
            f"the field of view of {body.patches[0].size_xy_mm[0]:.0f} mm around the midline does "
            "not reach the femora",
        )
    if one_hip and _shown_side(body) is not side:
        return Refusal(Reason.SIDE_NOT_SHOWN, f"the images show the {_shown_side(body)} hip only")
    allowed = [
        (points[:, 0] - body.middle_x_mm) * outward > from_middle
        if not one_hip
        else np.ones(len(points), bool)
        for points in candidates
    ]
    up = volume.slices[0].plane.normal_lps[2] >= 0
    order = range(len(volume.slices)) if up else range(len(volume.slices) - 1, -1, -1)
    path = track(candidates, allowed)
    found = _follow(body, path, order)
    if len(found) < 4:
        return Refusal(
            Reason.FEMUR_NOT_COVERED, f"no {side} femoral shaft is found within the images"
        )
    cut = [
        k for k, (c, _) in found.items() if not exclusion.inside_view(body.patches[k], c.outer_mm)
    ]
    if len(cut) > len(found) // 3:
        return Refusal(
            Reason.FEMUR_NOT_COVERED, f"the {side} femur reaches the border of the images"
        )
    return _with_level(volume, body, found, side)


def _shown_side(body: Body) -> Side | None:
    """Tell which hip a small field of view shows; none where it lies around the midline."""
    patch = body.patches[len(body.patches) // 2]
    middle = patch.to_lps_mm(patch.size_xy_mm / 2)
    if abs(middle[0]) < MIDLINE_VIEW_MM:
        return None
    return Side.LEFT if middle[0] > 0 else Side.RIGHT


def _with_level(
    volume: Volume, body: Body, found: Mapping[int, tuple[Contour, float]], side: Side
) -> ProposedSide | Refusal:
    """Add the level, and where to look for the ischium."""
    outer = {k: contour.outer_mm for k, (contour, _) in found.items()}
    level = find_level(outer, heights_of(volume, outer), side)
    if isinstance(level, Refusal):
        return level
    scores = [found[k][1] for k in range(level.first, level.last + 1) if k in found]
    quality = float(np.mean(scores)) if scores else 0.0
    if quality < FEMUR_SCORE_MIN or level.apex not in found:
        return Refusal(
            Reason.LOW_CONFIDENCE, f"the outline of the {side} femur is not clear enough"
        )
    patch, contour = body.patches[level.apex], found[level.apex][0]
    seed = Seed(SeedName.FEMUR_MARROW, side, patch.to_lps_mm(contour.centroid_mm))
    outlines = tuple(
        Outline(Bone.FEMUR, side, body.patches[k].to_lps_mm(c.outer_mm), k)
        for k, (c, _) in found.items()
    )
    confidence = level.confidence * float(np.clip(quality, 0.0, 1.0))
    region = _ischium_region(contour, side)
    return ProposedSide(side, level, seed, outlines, patch.to_lps_mm(region), confidence)


# Where the ischium lies from the most medial point of the femur at this level: 8 to 65 mm
# towards the midline, 10 mm in front of to 40 mm behind it.
REGION_MEDIAL_MM = (8.0, 65.0)
REGION_BACK_MM = (-10.0, 40.0)


def _ischium_region(femur: Contour, side: Side) -> Floats:
    """Corners of the region in which the ischium is to be expected, (4, 2)."""
    medial = -1.0 if side is Side.LEFT else 1.0
    tip = femur.outer_mm[int(np.argmax(medial * femur.outer_mm[:, 0]))]
    near, far = (tip[0] + medial * mm for mm in REGION_MEDIAL_MM)
    front, back = (tip[1] + mm for mm in REGION_BACK_MM)
    return np.array([[near, front], [far, front], [far, back], [near, back]])
