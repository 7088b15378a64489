"""What in a result contradicts itself: numbers are recomputed from the points that bear them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ifspace.evidence.compare import relation_to
from ifspace.model import (
    MARKS_OF_KIND,
    ON_SINGLE_SLICE_MM,
    AssessedSpace,
    MarkState,
    Measurement,
    SignedWith,
    StudyResult,
)
from ifspace.signing import evidence_digest, problem_of_signature

# Files keep every digit; this is far below anything that is printed.
TOLERANCE_MM = 1e-3
_STATE_ORDER = list(MarkState)


def contradictions(result: StudyResult) -> list[str]:
    """Say in plain sentences where a result contradicts itself; nothing if all is well."""
    return [
        *(
            f"{space.outcome.side} {space.outcome.kind.upper()}: {problem}"
            for space in result.spaces
            for problem in _of_space(space, result)
        ),
        *_of_signature(result),
    ]


def signed_with(result: StudyResult) -> SignedWith:
    """Give what made the numbers of a result, and what stands beside them."""
    return SignedWith(result.software_version, evidence_digest(result.panel))


def _of_signature(result: StudyResult) -> Iterator[str]:
    """One without a hash is no contradiction: it is of version 1, and left out on reading."""
    signature = result.session.signature
    if signature is not None and signature.sha256 is not None:
        problem = problem_of_signature(result.session, signed_with(result))
        if problem:
            yield problem


def _of_space(space: AssessedSpace, result: StudyResult) -> Iterator[str]:
    measured = space.outcome
    if not isinstance(measured, Measurement):
        return
    length_mm = measured.segment.length_mm
    if abs(length_mm - measured.value_mm) > TOLERANCE_MM:
        yield (
            f"value_mm is {measured.value_mm:.4g}, but its end points lie {length_mm:.4g} mm apart"
        )
    yield from _of_slices(measured)
    yield from _of_marks(measured, result)
    for item in space.comparisons:
        relation = relation_to(measured.value_mm, measured.u95_mm, item.cutoff_mm)
        if relation is not item.relation:
            yield (
                f"the comparison with {item.published.evidence_id} says {item.relation}, the"
                f" numbers say {relation}"
            )


def _of_slices(measured: Measurement) -> Iterator[str]:
    """Hold the headline against the slices: it is their smallest distance."""
    if not measured.curve:
        return
    values_mm = sorted(item.value_mm for item in measured.curve)
    of_slice = [item for item in measured.curve if item.slice_index == measured.slice_index]
    if all(abs(item.value_mm - measured.value_mm) > TOLERANCE_MM for item in of_slice):
        yield f"value_mm is {measured.value_mm:.4g}, but its slice does not have that value"
    if measured.value_mm - values_mm[0] > TOLERANCE_MM:
        yield (
            f"value_mm is {measured.value_mm:.4g}, but the smallest of its slices is"
            f" {values_mm[0]:.4g}"
        )
    second_mm = measured.second_best_mm
    if second_mm is not None and abs(second_mm - values_mm[1]) > TOLERANCE_MM:
        yield f"second_best_mm is {second_mm:.4g}, the slices say {values_mm[1]:.4g}"


def _of_marks(measured: Measurement, result: StudyResult) -> Iterator[str]:
    """Hold the line against its marks, and these against those of the session."""
    if not measured.marks:
        return
    theirs = {
        (mark.name, mark.side, mark.state, tuple(mark.position_lps_mm))
        for mark in result.session.marks
    }
    for mark in measured.marks:
        if (mark.name, mark.side, mark.state, tuple(mark.position_lps_mm)) not in theirs:
            yield f"its {mark.name} is not among the marks of the session, at this place and state"
    state = min((mark.state for mark in measured.marks), key=_STATE_ORDER.index)
    if _STATE_ORDER.index(measured.state) > _STATE_ORDER.index(state):
        yield f"it is called {measured.state}, but a mark is {state}"
    # A mark between two slices is moved straight onto one of them.
    off_slice_mm = result.slice_step_mm or 2.0 * ON_SINGLE_SLICE_MM
    ends = zip(
        MARKS_OF_KIND[measured.kind],
        (measured.segment.start_lps_mm, measured.segment.end_lps_mm),
        strict=True,
    )
    for name, end_lps_mm in ends:
        places = [mark.position_lps_mm for mark in measured.marks if mark.name is name]
        if not places:
            continue
        gap_mm = float(np.linalg.norm(np.mean(np.unique(places, axis=0), axis=0) - end_lps_mm))
        if gap_mm > off_slice_mm:
            yield f"its line ends {gap_mm:.4g} mm from its {name}"
