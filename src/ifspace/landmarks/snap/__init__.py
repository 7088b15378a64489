"""Move a mark that a person placed roughly onto the outer edge that it stands for, on one line.

:func:`snap_to_edge` looks at the line through the mark and the tissue around it only, and refuses
where no edge, or more than one, is clear. A mark never leaves its slice. :func:`edge_is_near`
only says whether there is any.
"""

from ifspace.landmarks.snap.mark import EdgeProfile, Snapped, snap_to_edge
from ifspace.landmarks.snap.presence import NEAR_MM, edge_is_near

__all__ = ["NEAR_MM", "EdgeProfile", "Snapped", "edge_is_near", "snap_to_edge"]
