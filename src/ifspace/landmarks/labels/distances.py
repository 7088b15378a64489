"""Distances between labels slice by slice, corrected on the grey levels where those are clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ifspace.geometry import Segment
from ifspace.image import Patch
from ifspace.landmarks.borders.lines import closest
from ifspace.landmarks.borders.tendon import tendon_gap
from ifspace.landmarks.grading.confidence import GREEN_BELOW_MM, SCORE_NARROW_MIN, confidence_of
from ifspace.landmarks.labels.confidence import (
    contradicted,
    corrected_u95_mm,
    label_u95_mm,
    room_u95_mm,
)
from ifspace.landmarks.labels.correction import Corrected, correct
from ifspace.landmarks.labels.search import LabelledSlice, examine_labels
from ifspace.landmarks.labels.shapes import Shapes, SmoothMask
from ifspace.landmarks.values import Bone, QualityGrade, Reading, SliceReading
from ifspace.model import Kind, Outline, Reason, Refusal, Side, Volume

# A muscle is looked for this far beyond both ends of the segment.
BEYOND_MM = 5.0
ALONG_MM = 0.25
# Where more than this share of the slices contradicts the map, none of it is believed.
AGAINST_SHARE = 0.25
TOUCHING = "the outlines of both bones touch in this slice"


@dataclass(frozen=True, eq=False)
class Muscle:
    """The labelled quadratus femoris."""

    mask: SmoothMask

    def thickness_mm(self, segment: Segment) -> float:
        """Measure the muscle along the line of a segment."""
        reach = segment.length_mm + 2 * BEYOND_MM
        along = np.arange(0.0, reach, ALONG_MM) - BEYOND_MM
        points = segment.start_lps_mm + along[:, None] * segment.direction_lps
        return float(np.sum(self.mask.at(points) > 0.5) * ALONG_MM)


@dataclass(frozen=True, eq=False)
class SliceDistances:
    """Both spaces of one slice, and the outlines to draw."""

    ifs: Reading
    qfs: Reading
    outlines: tuple[Outline, ...] = ()


def measure_slices(
    volume: Volume,
    shapes: Mapping[int, Shapes | None],
    side: Side,
    *,
    voxel_mm: float,
    grey: bool,
    muscle: Muscle | None = None,
    made_of_images: bool = False,
) -> tuple[SliceDistances, ...] | Refusal:
    """Measure both spaces in every slice of a range; refuse labels that do not lie on bones.

    Parameters
    ----------
    volume
        The series.
    shapes
        Both labels of `side` per slice index, in index order; absent where the slice meets none.
    voxel_mm
        Voxel of the label map: how far its border may be wrong.
    grey
        Look at the grey levels too: they correct the bones and alone show the tendons.
    muscle
        The labelled quadratus femoris, where there is one.
    made_of_images
        A map that was found in these images is not refused as a whole.
    """
    whole = {
        k: item
        for k, item in shapes.items()
        if item is not None and item.femur_mm is not None and item.ischium_mm is not None
    }
    seen = _seen(volume, whole) if grey else {}
    if isinstance(seen, Refusal):
        return seen
    corrected = correct(seen)
    u95_mm = {k: _u95_mm(seen[k], item, voxel_mm) for k, item in corrected.items()}
    against = sum(contradicted(value, voxel_mm) for value in u95_mm.values())
    if not made_of_images and against > AGAINST_SHARE * len(corrected):
        return Refusal(
            Reason.GEOMETRY_UNTRUSTED,
            f"the grey levels contradict the labels in {against} of {len(corrected)} slices: the "
            "label map does not lie on the bones of these images; check the map over the images, "
            "or measure by hand",
        )
    out = []
    for k in shapes:
        if k not in whole:
            refusal = Refusal(
                Reason.LABEL_MISSING, "no ischium or no femur is labelled in this slice", k
            )
            out.append(SliceDistances(refusal, refusal))
        elif k in corrected:
            out.append(_by_both(whole[k], seen[k], corrected[k], voxel_mm, side, muscle))
        else:
            out.append(_by_label(k, whole[k], voxel_mm, side, grey=grey))
    return tuple(out)


def _seen(volume: Volume, shapes: Mapping[int, Shapes]) -> dict[int, LabelledSlice] | Refusal:
    """Look at the grey levels of every run of slices without a gap."""
    runs: list[list[int]] = []
    for k in sorted(shapes):
        if runs and k == runs[-1][-1] + 1:
            runs[-1].append(k)
        else:
            runs.append([k])
    out: dict[int, LabelledSlice] = {}
    for run in runs:
        seen = examine_labels(volume, {k: shapes[k] for k in run})
        if isinstance(seen, Refusal):
            return seen
        out.update(seen)
    return out


def _label_segment(shapes: Shapes) -> Segment:
    """Closest points of both labels, from the ischium to the femur."""
    if shapes.femur_mm is None or shapes.ischium_mm is None:
        message = "a slice without one of the labels has no distance"
        raise ValueError(message)
    _, i, j = closest(shapes.ischium_mm, shapes.femur_mm)
    ends = shapes.patch.to_lps_mm(np.stack([shapes.ischium_mm[i], shapes.femur_mm[j]]))
    return Segment(ends[0], ends[1])


def _refused(k: int, detail: str) -> SliceDistances:
    """Refuse both spaces of a slice."""
    refusal = Refusal(Reason.LOW_CONFIDENCE, f"{detail}; check the label map there", k)
    return SliceDistances(refusal, refusal)


def _by_label(k: int, shapes: Shapes, voxel_mm: float, side: Side, *, grey: bool) -> SliceDistances:
    """Measure one slice by its labels alone."""
    segment = _label_segment(shapes)
    if segment.length_mm <= 0.0:
        return _refused(k, TOUCHING)
    u95_mm = label_u95_mm(voxel_mm)
    detail = (
        "the cortex is not clear enough to correct the label, and tendons are not labelled"
        if grey
        else "tendons are not labelled and the grey levels are not used"
    )
    return SliceDistances(
        SliceReading(
            k,
            segment,
            segment.length_mm,
            u95_mm,
            0.0,
            confidence_of(u95_mm),
            QualityGrade.AMBER,
            label_mm=segment.length_mm,
            note="from the label alone",
        ),
        Refusal(Reason.LOW_CONFIDENCE, detail, k),
        tuple(
            Outline(bone, side, shapes.patch.to_lps_mm(line), k)
            for bone, line in ((Bone.FEMUR, shapes.femur_mm), (Bone.ISCHIUM, shapes.ischium_mm))
            if line is not None
        ),
    )


def _u95_mm(seen: LabelledSlice, corrected: Corrected, voxel_mm: float) -> float:
    """Give the half-width of a distance between corrected labels."""
    clear = seen.examined.gap.score >= SCORE_NARROW_MIN and not seen.examined.doubt
    return corrected_u95_mm(
        corrected.sigma_mm, seen.examined.u95_mm, voxel_mm, kept=corrected.kept, clear=clear
    )


def _by_both(
    shapes: Shapes,
    seen: LabelledSlice,
    corrected: Corrected,
    voxel_mm: float,
    side: Side,
    muscle: Muscle | None,
) -> SliceDistances:
    """Measure one slice by its labels as the grey levels corrected them."""
    patch, k = seen.patch, seen.patch.slice_index
    bones, score = dict(corrected.lines_mm), seen.examined.gap.score
    ends = np.stack([corrected.ends_mm[Bone.ISCHIUM], corrected.ends_mm[Bone.FEMUR]])
    segment = Segment(*patch.to_lps_mm(ends))
    if segment.length_mm <= 0.0:
        return _refused(k, TOUCHING)
    u95_mm = _u95_mm(seen, corrected, voxel_mm)
    if contradicted(u95_mm, voxel_mm):
        detail = (
            f"the grey levels contradict the label: the distance is uncertain by {u95_mm:.0f} mm"
        )
        return _refused(k, detail)
    if corrected.kept:
        note, label_mm = "the grey levels agree with the label", segment.length_mm
    else:
        note, label_mm = "label corrected on the grey levels", _label_segment(shapes).length_mm
    ifs = replace(_reading(patch, segment, u95_mm, score, note), label_mm=label_mm)
    tendon = tendon_gap(patch, seen.level, bones, ends)
    across = Segment(patch.to_lps_mm(tendon.ischium_mm), patch.to_lps_mm(tendon.femur_mm))
    qfs_u95_mm = room_u95_mm(u95_mm, capped=any(tendon.capped.values()))
    room = _reading(patch, across, qfs_u95_mm, score, "from the label and dark tendons")
    if muscle is not None:
        room = replace(room, muscle_mm=muscle.thickness_mm(across))
    qfs = tendon.refusal(k, ends) or room
    outlines = [Outline(bone, side, patch.to_lps_mm(line), k) for bone, line in bones.items()]
    outlines += [
        Outline(bone, side, patch.to_lps_mm(tendon.caps_mm[bone]), k, Kind.QFS)
        for bone in Bone
        if tendon.capped[bone]
    ]
    return SliceDistances(ifs, qfs, tuple(outlines))


def _reading(
    patch: Patch, segment: Segment, u95_mm: float, score: float, note: str
) -> SliceReading:
    """Say a distance; amber where it is as uncertain as a label alone."""
    return SliceReading(
        patch.slice_index,
        segment,
        segment.length_mm,
        u95_mm,
        score,
        confidence_of(u95_mm),
        QualityGrade.GREEN if u95_mm < GREEN_BELOW_MM else QualityGrade.AMBER,
        note=note,
    )
