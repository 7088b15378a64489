"""Both spaces on both sides without any click.

The network (:mod:`ifspace.finder`) says where the bones are, the grey levels say where they end.
What comes out is what a label map gives: readings per slice, each a proposal, or a reason.
"""

from __future__ import annotations

from dataclasses import replace

from ifspace.finder import FoundHip, available, bone_labels, find_hips
from ifspace.labels import LabelMap
from ifspace.landmarks import FoundSide, Reading, SliceReading, from_masks, unsuited
from ifspace.model import Reason, Refusal, Side, Volume

METHOD = "finder+grey/1"
# Below this the network is unsure which bone it sees.
SURE_MIN = 0.35
# The cortex has to be seen at both ends: what the network draws alone is no distance.
SCORE_MIN = 0.4
# The network's own border is right within a pixel or two of its raster; where the grey levels move
# a distance by more, one of the two follows another border.
MOVED_MAX_MM = 4.0

__all__ = ["METHOD", "available", "find_sides"]


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
    refusal = unsuited(volume)
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
    found = from_masks(volume, labels, side, (hip.first, hip.last))
    return replace(
        found,
        method=METHOD,
        ifs=tuple(_believed(item) for item in found.ifs),
        qfs=tuple(_believed(item) for item in found.qfs),
        apex_slice=hip.apex,
        ifs_3d_mm=None,
    )


def _believed(reading: Reading) -> Reading:
    """Refuse a distance that the grey levels do not bear out."""
    if not isinstance(reading, SliceReading):
        return reading
    if reading.score < SCORE_MIN:
        detail = "the cortex is not clear enough to say where the bones end"
        return Refusal(Reason.LOW_CONFIDENCE, detail, reading.slice_index)
    moved_mm = 0.0 if reading.label_mm is None else abs(reading.value_mm - reading.label_mm)
    if moved_mm > MOVED_MAX_MM:
        detail = f"the border of the bones lies {moved_mm:.0f} mm from where they were recognised"
        return Refusal(Reason.LOW_CONFIDENCE, detail, reading.slice_index)
    return reading
