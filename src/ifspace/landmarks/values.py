"""What the landmark finders hand back: readings and refusals per slice, outlines, proposals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ifspace.geometry import Floats, Segment, finite
from ifspace.model import (
    MARKS_OF_KIND,
    Kind,
    LevelValue,
    Mark,
    MarkState,
    Outline,
    Refusal,
    Side,
    Source,
)


class Bone(StrEnum):
    """A bone whose outline is drawn."""

    FEMUR = "femur"
    ISCHIUM = "ischium"


class QualityGrade(StrEnum):
    """How far a reading can be trusted, from its half-width."""

    GREEN = "green"
    AMBER = "amber"


@dataclass(frozen=True, eq=False)
class SliceReading:
    """One distance found by the program in one slice: a proposal, never more.

    Attributes
    ----------
    segment
        From the ischial to the femoral end, patient mm.
    score
        How clearly the cortex is seen at the weaker of the two ends; about 0 (not at all) to 1.7.
    u95_mm
        Half-width of the 95 % interval of the edges alone; slice step and tilt come on top.
    confidence
        The same on the scale of marks, 0 to 1.
    label_mm
        Where a label map was refined on the grey levels: the distance of the label itself.
    muscle_mm
        Where a label map knows the quadratus femoris: its thickness along the segment.
    note
        A sentence for the reader, where something has to be said.
    """

    slice_index: int
    segment: Segment
    value_mm: float
    u95_mm: float
    score: float
    confidence: float
    grade: QualityGrade
    label_mm: float | None = None
    muscle_mm: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class OutlinePoint:
    """A point of a bone's outer outline that a reader dragged to where the bone ends.

    It belongs to the slice that it lies on.
    """

    bone: Bone
    side: Side
    position_lps_mm: Floats

    def __post_init__(self) -> None:
        """Refuse a position that is not finite."""
        position = finite(self.position_lps_mm, (3,), "position_lps_mm")
        object.__setattr__(self, "position_lps_mm", position)


Reading = SliceReading | Refusal


@dataclass(frozen=True, eq=False)
class FoundSide:
    """Everything found on one side, from seeds or from a label map.

    `ifs` and `qfs` hold one entry per slice of the range, in slice order; a `Refusal` among them
    names its slice. Where the whole side is
    refused both are empty and `refusal` says why. `ifs_3d_mm` is the smallest distance in space,
    where a label map shows the bones above and below.
    """

    side: Side
    method: str
    ifs: tuple[Reading, ...] = ()
    qfs: tuple[Reading, ...] = ()
    outlines: tuple[Outline, ...] = ()
    refusal: Refusal | None = None
    apex_slice: int | None = None
    ifs_3d_mm: float | None = None

    def of(self, kind: Kind) -> tuple[Reading, ...]:
        """Give the entries of one space."""
        return self.ifs if kind is Kind.IFS else self.qfs

    @property
    def slices(self) -> tuple[int, int] | None:
        """Give the first and the last slice that was looked at."""
        indices = [item.slice_index for item in self.ifs if item.slice_index is not None]
        return (min(indices), max(indices)) if indices else None

    def readings(self, kind: Kind) -> tuple[SliceReading, ...]:
        """Give the slices of one space that have a number."""
        return tuple(item for item in self.of(kind) if isinstance(item, SliceReading))

    def best(self, kind: Kind) -> SliceReading | None:
        """Give the smallest distance within the range, or nothing."""
        return min(self.readings(kind), key=lambda item: item.value_mm, default=None)

    def curve(self, kind: Kind) -> tuple[LevelValue, ...]:
        """Give distance against slice."""
        return tuple(
            LevelValue(item.slice_index, item.value_mm, item.u95_mm) for item in self.readings(kind)
        )

    def marks(self, kind: Kind) -> tuple[Mark, ...]:
        """Give the two marks of the smallest distance, as the program's proposal."""
        best = self.best(kind)
        if best is None:
            return ()
        ends = (best.segment.start_lps_mm, best.segment.end_lps_mm)
        return tuple(
            Mark(
                name=name,
                side=self.side,
                position_lps_mm=end,
                state=MarkState.PROPOSED,
                source=Source.PROGRAM,
                confidence=best.confidence,
            )
            for name, end in zip(MARKS_OF_KIND[kind], ends, strict=True)
        )
