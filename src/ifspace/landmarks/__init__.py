"""Find bone outlines, levels and marks: proposals with a half-width, never more.

Pure functions on a volume and seeds or a label map::

    from_seeds(volume, seeds, side, level_range=None, *, points=(), memory=None) -> FoundSide
    from_masks(volume, label_map, side, level_range=None) -> FoundSide
    level_from_masks(volume, label_map, side) -> Level | Refusal
    propose(volume) -> Proposal
    unsuited(volume) -> Refusal | None
    check_pixels(volume) -> Refusal | None
    level_at(volume, side, femur_seed) -> Level | Refusal
    snap_to_edge(volume, slice_index, mark, toward_lps_mm=None) -> Snapped | Refusal
    edge_is_near(volume, slice_index, mark) -> bool | None
    ifspace.io.labels.read_label_map(path, labels=None, preset=None) -> LabelMap

A :class:`FoundSide` holds one reading or refusal per slice and space, the outlines to draw, and
the marks of the smallest distance as the program's proposal.
"""

from ifspace.landmarks.grading.confidence import confidence_of
from ifspace.landmarks.grading.exclusion import check_pixels
from ifspace.landmarks.labels import from_masks, level_from_masks
from ifspace.landmarks.outline import Memory, from_seeds
from ifspace.landmarks.propose import (
    Level,
    Proposal,
    ProposedSide,
    find_level,
    level_at,
    propose,
    unsuited,
)
from ifspace.landmarks.snap import NEAR_MM, EdgeProfile, Snapped, edge_is_near, snap_to_edge
from ifspace.landmarks.values import (
    Bone,
    FoundSide,
    OutlinePoint,
    QualityGrade,
    Reading,
    SliceReading,
)

__all__ = [
    "NEAR_MM",
    "Bone",
    "EdgeProfile",
    "FoundSide",
    "Level",
    "Memory",
    "OutlinePoint",
    "Proposal",
    "ProposedSide",
    "QualityGrade",
    "Reading",
    "SliceReading",
    "Snapped",
    "check_pixels",
    "confidence_of",
    "edge_is_near",
    "find_level",
    "from_masks",
    "from_seeds",
    "level_at",
    "level_from_masks",
    "propose",
    "snap_to_edge",
    "unsuited",
]
