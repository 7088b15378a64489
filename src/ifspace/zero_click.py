"""Both spaces on both sides without any click.

The network (:mod:`ifspace.finder`) says where the bones are, the grey levels say where they end.
What comes out is what a label map gives: readings per slice, each a proposal, or a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ifspace.finder import FoundHip, available, bone_labels, find_hips
from ifspace.labels import LabelMap
from ifspace.landmarks import (
    FoundSide,
    QualityGrade,
    Reading,
    SliceReading,
    check_pixels,
    confidence_of,
    from_masks,
    unsuited,
)
from ifspace.model import Reason, Refusal, Side, Volume

METHOD = "finder+grey/1"
# Below this the network is unsure which bone it sees, or at which level.
SURE_MIN = 0.35
# The cortex has to be seen at both ends of the smallest distance: what the network draws alone is
# no distance. On real hips right ones had 0.44 to 1.6.
SCORE_MIN = 0.4
# Where the grey levels move a distance by more, one of the two follows another border.
MOVED_MAX_MM = 2.5
# The dark tissue at the ischial end of the QFS has to be a hamstring origin within this: on two
# rendered hips dark muscle was taken for a tendon, and the QFS was 15 mm too small.
TENDON_WITHIN_MM = 6.0
# Of 34 smallest distances that were proposed on 48 rendered pelves, 94 % lie within what comes of
# this and of the slice step; `python -m benchmarks.finder --shapes N` prints the share. The
# half-width of a label map is too small here: the network follows the same soft border.
U95_MIN_MM = 3.5

__all__ = ["METHOD", "U95_MIN_MM", "available", "believed", "find_sides"]


def find_sides(volume: Volume) -> dict[Side, FoundSide]:
    """Find both spaces on both sides of an axial series.

    Parameters
    ----------
    volume
        Any series; what is not an axial MR without fat suppression is refused.

    Returns
    -------
    dict
        Per side the readings on the slices of the lesser trochanter, or the refusal. A reading
        is a proposal: nobody has looked at it.

    Raises
    ------
    MissingNetworkError
        If the network cannot be run here; ask `available` before.
    """
    refusal = unsuited(volume) or check_pixels(volume)
    if refusal is not None:
        return {side: FoundSide(side, METHOD, refusal=refusal) for side in Side}
    hips = find_hips(volume)
    labels = bone_labels(hips)
    return {side: _side(volume, labels, side, hips[side]) for side in Side}


def _side(
    volume: Volume, labels: LabelMap | None, side: Side, hip: FoundHip | Refusal
) -> FoundSide:
    """Measure one hip within what the network found."""
    if isinstance(hip, Refusal):
        return FoundSide(side, METHOD, refusal=hip)
    if hip.confidence < SURE_MIN or labels is None:
        detail = (
            f"the bones of the {side} hip are recognised with {100 * hip.confidence:.0f} %"
            f" certainty, at least {100 * SURE_MIN:.0f} % are asked; point at both bones"
        )
        return FoundSide(side, METHOD, refusal=Refusal(Reason.LOW_CONFIDENCE, detail))
    found = from_masks(volume, labels, side, (hip.first, hip.last), made_of_images=True)
    return replace(
        found,
        method=METHOD,
        ifs=believed(found.ifs),
        qfs=believed([_with_tendon(item, hip) for item in found.qfs]),
        apex_slice=hip.apex,
        ifs_3d_mm=None,
    )


def _with_tendon(reading: Reading, hip: FoundHip) -> Reading:
    """Refuse a room that ends at dark tissue in which the network sees no hamstring origin."""
    if not isinstance(reading, SliceReading):
        return reading
    if hip.has_hamstring_at(reading.segment.start_lps_mm, TENDON_WITHIN_MM):
        return reading
    detail = "no hamstring origin is recognised at the ischial end; place its marks by hand"
    return Refusal(Reason.LOW_CONFIDENCE, detail, reading.slice_index)


def believed(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Refuse what the grey levels do not bear out, where it would be the smallest distance.

    A doubtful distance that is larger than a clear one stays in the curve with its half-width.
    """
    clear_mm = [
        item.value_mm for item in readings if isinstance(item, SliceReading) and not _doubt(item)
    ]
    smallest_mm = min(clear_mm, default=np.inf)
    return tuple(_kept(item, smallest_mm) for item in readings)


def _kept(reading: Reading, smallest_mm: float) -> Reading:
    if not isinstance(reading, SliceReading):
        return reading
    doubt = _doubt(reading)
    if doubt and reading.value_mm < smallest_mm:
        return Refusal(Reason.LOW_CONFIDENCE, doubt, reading.slice_index)
    u95_mm = max(reading.u95_mm, U95_MIN_MM)
    return replace(
        reading, u95_mm=u95_mm, confidence=confidence_of(u95_mm), grade=QualityGrade.AMBER
    )


def _doubt(reading: SliceReading) -> str:
    """Say what speaks against a distance; empty where nothing does."""
    if reading.score < SCORE_MIN:
        return "the cortex is not clear enough to say where the bones end"
    moved_mm = 0.0 if reading.label_mm is None else abs(reading.value_mm - reading.label_mm)
    if moved_mm > MOVED_MAX_MM:
        return f"the border of the bones lies {moved_mm:.0f} mm from where they were recognised"
    return ""
