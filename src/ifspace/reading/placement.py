"""Where a mark may lie: within the image, on the side its step asks for, beside its partner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats, Segment
from ifspace.measurement import side_of_pair, side_of_point, sides_are_crossed
from ifspace.model import MARKS_OF_KIND, Mark, Session, Volume
from ifspace.reading.edits import RefusedError, mark_at
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import LABELS, Step, step_of


@dataclass(frozen=True, eq=False)
class SlicePoint:
    """A point of a slice."""

    slice_index: int
    point_lps_mm: Floats


def refuse_wrong_place(volume: Volume, session: Session, spot: SlicePoint, step: Step) -> None:
    """Refuse a point that cannot be what a step asks for.

    Raises
    ------
    RefusedError
        If it lies outside the image, or on the other hip, or crosses the mark of the other hip.
    """
    plane = volume.slices[spot.slice_index].plane
    if not plane.shows(spot.point_lps_mm):
        raise RefusedError("This point lies outside the image; nothing was changed.")
    others = tuple(mark for mark in session.marks if step_of(mark) != step)
    side = side_of_point(volume, np.asarray(spot.point_lps_mm), others)
    if side not in (None, step.side):
        raise RefusedError(
            f"This point lies on the patient's {side}, the step asks for the "
            f"{step.title.lower()}; nothing was changed."
        )
    if _is_exchanged(volume, session, spot, step):
        ischial, femoral = (LABELS[name].lower() for name in MARKS_OF_KIND[step.kind])
        raise RefusedError(
            f"The {ischial} would lie further out than the {femoral}: the two are exchanged, or "
            f"this is not the patient's {step.side.value}; nothing was changed."
        )
    there = Mark(step.name, step.side, spot.point_lps_mm)
    if sides_are_crossed((*(m for m in session.marks if step_of(m) != step), there)):
        raise RefusedError(
            f"The {step.title.lower()} would lie on the wrong side of the mark of the other hip; "
            "nothing was changed."
        )


def _is_exchanged(volume: Volume, session: Session, spot: SlicePoint, step: Step) -> bool:
    """Tell whether the ischial end of a space would lie further out than the femoral one."""
    partner = mark_at(volume, session, step.partner, spot.slice_index)
    if partner is None:
        return False
    ends = (spot.point_lps_mm, partner.position_lps_mm)
    ischial_first = MARKS_OF_KIND[step.kind][0] is step.name
    return side_of_pair(Segment(*(ends if ischial_first else ends[::-1]))) not in (None, step.side)


def slices_apart(volume: Volume, session: Session, step: Step) -> str | None:
    """Say where the two marks of a step's space share no slice; nothing where they do."""
    names = MARKS_OF_KIND[step.kind]
    slices = {
        name: {
            slice_of(volume, mark)
            for mark in session.marks
            if mark.name is name and mark.side is step.side
        }
        for name in names
    }
    first, second = (slices[name] for name in names)
    if not first or not second or first & second:
        return None
    shown = [str(min(found) + 1) for found in (first, second)]
    return (
        f"The two marks of this space lie on different slices ({LABELS[names[0]].lower()} "
        f"on {shown[0]}, {LABELS[names[1]].lower()} on {shown[1]}); place both on one."
    )
