"""Move a mark that a person placed roughly onto the outer edge that it stands for, on one line.

:func:`snap_to_edge` looks at the line through the mark and the tissue around it only, and refuses
where no edge, or more than one, is clear. A mark never leaves its slice.
"""

from ifspace.landmarks.snap.mark import EdgeProfile, Snapped, snap_to_edge

__all__ = ["EdgeProfile", "Snapped", "snap_to_edge"]
