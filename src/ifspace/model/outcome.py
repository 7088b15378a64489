"""What came of a measurement: a distance, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Segment
from ifspace.model.session import Mark
from ifspace.model.vocabulary import Kind, MarkState, Reason, Side


@dataclass(frozen=True)
class LevelValue:
    """The distance on one slice of the curve."""

    slice_index: int
    value_mm: float
    u95_mm: float


@dataclass(frozen=True)
class UncertaintyPart:
    """One row of the uncertainty budget: a standard uncertainty in mm and where it comes from."""

    name: str
    standard_mm: float
    source: str


@dataclass(frozen=True, eq=False)
class Measurement:
    """A distance that was measured.

    `curve` holds every slice that could be measured, in slice order, and is empty where there
    was only one; `second_best_mm` and `minimum_at_range_end` belong to it. `apex_mm` is the value
    on the slice of the most prominent lesser trochanter, where that is known. `label_mm` is the
    distance of a label map itself, where `value_mm` was corrected on the grey levels. `ifs_3d_mm`
    is the smallest distance between the bones in space, which is another quantity: smaller than
    the one in a slice, and never compared with anything.
    """

    kind: Kind
    side: Side
    value_mm: float
    u95_mm: float
    segment: Segment
    slice_index: int
    method: str
    state: MarkState
    marks: tuple[Mark, ...]
    sop_instance_uid: str | None = None
    frame_number: int | None = None
    budget: tuple[UncertaintyPart, ...] = ()
    readings: int = 1
    curve: tuple[LevelValue, ...] = ()
    second_best_mm: float | None = None
    minimum_at_range_end: bool | None = None
    apex_mm: float | None = None
    label_mm: float | None = None
    ifs_3d_mm: float | None = None

    def __post_init__(self) -> None:
        """Refuse a value that is no length and an interval that has no width."""
        if not (np.isfinite(self.value_mm) and self.value_mm > 0.0):
            message = f"value_mm is {self.value_mm}, expected a length above zero"
            raise ValueError(message)
        if not (np.isfinite(self.u95_mm) and self.u95_mm > 0.0):
            message = f"u95_mm is {self.u95_mm}, expected a half-width above zero"
            raise ValueError(message)


@dataclass(frozen=True)
class Refusal:
    """Why there is no number: in the closed list, and in a sentence a radiologist understands.

    It is returned, never raised. `slice_index` is the slice that is refused; absent where it
    holds for a whole side or series.
    """

    reason: Reason
    detail: str
    slice_index: int | None = None


@dataclass(frozen=True)
class NotMeasured:
    """The outcome of a space that was refused; see `Refusal`, which it is made from.

    `curve` holds the slices that were read where others of the range were not, so that the
    smallest of them is an upper limit only.
    """

    kind: Kind
    side: Side
    reason: Reason
    detail: str
    curve: tuple[LevelValue, ...] = ()

    @classmethod
    def of(cls, kind: Kind, side: Side, refusal: Refusal) -> NotMeasured:
        """Give the outcome of one space from the refusal of its side or slices."""
        return cls(kind, side, refusal.reason, refusal.detail)


Outcome = Measurement | NotMeasured
