"""Find femora, ischia and the level of the lesser trochanter without any click.

A small network that learned from rendered shapes (``model/MODEL_CARD.md``) says where the bones
are; it needs the extra ``auto`` (onnxruntime). What it finds is where to look, never a distance::

    available() -> bool
    find_hips(volume) -> dict[Side, FoundHip | Refusal]
    bone_labels(hips) -> LabelMap
"""

from ifspace.finder.hips import FoundHip, bone_labels, find_hips
from ifspace.finder.network import MissingNetworkError, available

__all__ = ["FoundHip", "MissingNetworkError", "available", "bone_labels", "find_hips"]
