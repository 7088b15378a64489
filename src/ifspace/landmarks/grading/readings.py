"""Turn what was seen in one slice into numbers that are shown, or into the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats, Segment
from ifspace.image import Patch
from ifspace.landmarks.borders.gap import Gap
from ifspace.landmarks.borders.tendon import TendonGap
from ifspace.landmarks.grading.confidence import (
    AMBER_BELOW_MM,
    Evidence,
    confidence_of,
    grade_of,
    half_width_mm,
    room_half_width_mm,
)
from ifspace.landmarks.values import Bone, QualityGrade, Reading, SliceReading
from ifspace.model import Kind, Outline, Reason, Refusal, Side

# Bones nearer than this touch on the image, and wider gaps do not occur at this level: readers of
# real hips measured up to 33 mm.
GAP_RANGE_MM = (3.0, 45.0)
EXCHANGED = "what was outlined as femur lies towards the midline from what was outlined as ischium"
# A fitted thickness of the ischial cortex beyond this is cortex and tendon together.
INSEPARABLE_MM = 3.0


@dataclass(frozen=True, eq=False)
class SliceFinding:
    """One slice before it is judged: the gap, the room and how they were seen.

    `doubt` says why an outline may not be that of its bone.
    """

    gap: Gap
    room: TendonGap
    evidence: Evidence
    bones_mm: Mapping[Bone, Floats]
    doubt: str

    @property
    def u95_mm(self) -> float:
        """Half-width of the 95 % interval of the distance between the bones."""
        return half_width_mm(self.evidence)

    @property
    def room_u95_mm(self) -> float:
        """Half-width for the quadratus femoris space."""
        return room_half_width_mm(self.evidence)

    def grade(self, u95_mm: float) -> QualityGrade | None:
        """Green, amber, or nothing where a distance with this half-width has to be hidden."""
        inside = GAP_RANGE_MM[0] <= self.gap.value_mm <= GAP_RANGE_MM[1]
        return grade_of(u95_mm, self.gap.score) if inside and not self.doubt else None

    def reason(self, u95_mm: float) -> str:
        """Say why a distance with this half-width is hidden."""
        if self.doubt:
            return self.doubt
        low, high = GAP_RANGE_MM
        if not low <= self.gap.value_mm <= high:
            return (
                f"the outlines are {self.gap.value_mm:.0f} mm apart, {low:.0f} to {high:.0f} mm "
                "are believed"
            )
        why = (
            f"the distance would be uncertain by {u95_mm:.1f} mm, {AMBER_BELOW_MM:.0f} mm are "
            "accepted"
            if u95_mm >= AMBER_BELOW_MM
            else "the dark line between marrow and the tissue outside is missing at one end"
        )
        return f"cortex not clearly visible at the closest points: {why}"


def readings_of(
    patch: Patch, seen: SliceFinding, side: Side
) -> tuple[Reading, Reading, list[Outline]]:
    """Turn what was seen in one slice into readings and outlines."""
    gap, room = seen.gap, seen.room
    outward = 1.0 if side is Side.LEFT else -1.0
    # The raster grows towards the patient's left.
    if outward * (gap.femur_mm - gap.ischium_mm)[0] <= 0:
        refusal = Refusal(Reason.SIDE_CONTRADICTED, EXCHANGED, patch.slice_index)
        return refusal, refusal, []
    ifs = _reading(patch, seen, (gap.ischium_mm, gap.femur_mm), seen.u95_mm, _note(gap))
    ends_mm = (room.ischium_mm, room.femur_mm)
    bones_mm = np.stack([gap.ischium_mm, gap.femur_mm])
    qfs = room.refusal(patch.slice_index, bones_mm) or _reading(
        patch, seen, ends_mm, seen.room_u95_mm, _room_note(room)
    )
    outlines = [
        Outline(bone, side, patch.to_lps_mm(points), patch.slice_index)
        for bone, points in seen.bones_mm.items()
    ]
    outlines += [
        Outline(bone, side, patch.to_lps_mm(room.caps_mm[bone]), patch.slice_index, Kind.QFS)
        for bone in Bone
        if room.capped[bone]
    ]
    return ifs, qfs, outlines


def _reading(
    patch: Patch, seen: SliceFinding, ends_mm: tuple[Floats, Floats], u95_mm: float, note: str
) -> Reading:
    """Say the distance, or why not."""
    grade = seen.grade(u95_mm)
    if grade is None:
        return Refusal(Reason.LOW_CONFIDENCE, seen.reason(u95_mm), patch.slice_index)
    segment = Segment(patch.to_lps_mm(ends_mm[0]), patch.to_lps_mm(ends_mm[1]))
    return SliceReading(
        patch.slice_index,
        segment,
        segment.length_mm,
        u95_mm,
        seen.gap.score,
        confidence_of(u95_mm),
        grade,
        note=note,
    )


def _note(gap: Gap) -> str:
    """Say what cannot be told apart."""
    if gap.thickness_mm[Bone.ISCHIUM] > INSEPARABLE_MM:
        return "cortex and tendon of the ischium cannot be told apart here"
    return ""


def _room_note(room: TendonGap) -> str:
    """Say what limits the room."""
    femoral = "iliopsoas tendon" if room.capped[Bone.FEMUR] else "lesser trochanter"
    return f"limited by hamstring tendon and {femoral}"
