"""What looks like a slip in marks that may be set: asked about, never refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ifspace.landmarks import NEAR_MM, edge_is_near
from ifspace.model import MARKS_OF_KIND, Kind, Mark, Session, Side, Volume
from ifspace.reading.edits import mark_at
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import KIND_LABELS, step_of

# Published distances of both spaces, diseased and healthy, lie between these; closer or farther
# marks are mostly a slip, or lie on another bone.
SMALLEST_MM, LARGEST_MM = 3.0, 45.0
# Stands in the log between an edit and each question that the reader overruled.
OVERRULED = "; overruled: "

About = tuple[Side, int, Kind, str]


def new_doubts(volume: Volume, before: Session, after: Session) -> tuple[str, ...]:
    """Give a question for everything doubtful in `after` that was not so in `before`."""
    known = _doubts(volume, before)
    found = [words for about, words in _doubts(volume, after).items() if about not in known]
    return (*_marks_off_edges(volume, before, after), *found)


def _marks_off_edges(volume: Volume, before: Session, after: Session) -> Iterator[str]:
    """Ask about every mark that came to lie, with this edit, where no edge is."""
    for mark in after.marks:
        if any(mark is other for other in before.marks) or not _is_off_edge(volume, mark):
            continue
        earlier = mark_at(volume, before, step_of(mark), slice_of(volume, mark))
        if earlier is None or not _is_off_edge(volume, earlier):
            yield (
                f"The {step_of(mark).title.lower()} lies on even tissue: no dark edge of bone or "
                f"tendon is seen within {NEAR_MM:.0f} mm of it."
            )


def _is_off_edge(volume: Volume, mark: Mark) -> bool:
    """Tell whether the images show that no edge is near; where they cannot tell, no."""
    return edge_is_near(volume, slice_of(volume, mark), mark) is False


def _doubts(volume: Volume, session: Session) -> dict[About, str]:
    """Give what each question is about, and the question."""
    found: dict[About, str] = {}
    lengths_mm = {(side, k, kind): mm for kind, side, k, mm in _lengths(volume, session)}
    for (side, k, kind), length_mm in lengths_mm.items():
        where = f"The {side.value} {KIND_LABELS[kind].lower()} on slice {k + 1}"
        if not SMALLEST_MM <= length_mm <= LARGEST_MM:
            limits = f"{SMALLEST_MM:.0f} to {LARGEST_MM:.0f} mm"
            found[side, k, kind, "length"] = (
                f"{where} would be {length_mm:.1f} mm, which is hardly ever outside {limits}."
            )
        ifs_mm = lengths_mm.get((side, k, Kind.IFS))
        if kind is Kind.QFS and ifs_mm is not None and length_mm > ifs_mm:
            found[side, k, kind, "order"] = (
                f"{where} would be {length_mm:.1f} mm, longer than the ischiofemoral space there "
                f"({ifs_mm:.1f} mm)."
            )
    return found


def _lengths(volume: Volume, session: Session) -> Iterator[tuple[Kind, Side, int, float]]:
    """Give the length (mm) of every space that has both its marks on one slice."""
    at = {(mark.name, mark.side, slice_of(volume, mark)): mark for mark in session.marks}
    for kind, (ischial, femoral) in MARKS_OF_KIND.items():
        for (name, side, k), mark in at.items():
            other = at.get((femoral, side, k))
            if name is ischial and other is not None:
                way_mm = other.position_lps_mm - mark.position_lps_mm
                yield kind, side, k, float(np.linalg.norm(way_mm))
