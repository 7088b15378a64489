"""Where a mark may lie: within the image, on the side its step asks for, beside its partner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats, Segment
from ifspace.measurement import side_of_pair, side_of_point, sides_are_crossed
from ifspace.model import MARKS_OF_KIND, Mark, Session, Side, Volume
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
    side = _side_of(volume, session, spot, step)
    if side is not None and side is not step.side:
        raise RefusedError(
            f"This point lies on the patient's {side.value}, the step asks for the "
            f"{step.title.lower()}; nothing was changed."
        )
    there = Mark(step.name, step.side, spot.point_lps_mm)
    if sides_are_crossed((*(m for m in session.marks if step_of(m) != step), there)):
        raise RefusedError(
            f"The {step.title.lower()} would lie on the wrong side of the mark of the other hip; "
            "nothing was changed."
        )


def _side_of(volume: Volume, session: Session, spot: SlicePoint, step: Step) -> Side | None:
    """Ask the library which hip a point belongs to: by its partner, else by marks and body."""
    others = tuple(mark for mark in session.marks if step_of(mark) != step)
    partner = mark_at(volume, session, step.partner, spot.slice_index)
    if partner is not None:
        ends = (spot.point_lps_mm, partner.position_lps_mm)
        ischial_first = MARKS_OF_KIND[step.kind][0] is step.name
        side = side_of_pair(Segment(*(ends if ischial_first else ends[::-1])))
        if side is not None and side is not step.side:
            return side
    return side_of_point(volume, np.asarray(spot.point_lps_mm), others)


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
