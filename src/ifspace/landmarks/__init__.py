"""Find bone outlines, levels and marks: proposals with a half-width, never more.

Pure functions on a volume and seeds or a label map::

    from_seeds(volume, seeds, side, level_range) -> FoundSide
    from_masks(volume, label_map, side) -> FoundSide
    read_label_map(path, labels=None, preset=None) -> LabelMap
    propose(volume) -> Proposal

A :class:`FoundSide` holds one reading or refusal per slice and space, the outlines to draw, and
the marks of the smallest distance as the program's proposal.
"""

from ifspace.landmarks.assisted import from_seeds
from ifspace.landmarks.values import (
    Bone,
    FoundSide,
    Light,
    Reading,
    Refusal,
    SliceOutline,
    SliceReading,
    SliceRefusal,
)

__all__ = [
    "Bone",
    "FoundSide",
    "Light",
    "Reading",
    "Refusal",
    "SliceOutline",
    "SliceReading",
    "SliceRefusal",
    "from_seeds",
]
