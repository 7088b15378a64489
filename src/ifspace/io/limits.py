"""How much one input may ask for. Each limit has an environment variable that changes it."""

from __future__ import annotations

import os

from ifspace.errors import UnreadableInputError


def limit(name: str, default: int) -> int:
    """Give a limit: the number in the environment variable ``IFSPACE_name``, or the default."""
    text = os.environ.get(f"IFSPACE_{name}", "")
    return int(text) if text.isdigit() and int(text) > 0 else default


# What a study can hold at most in one stack of float32 voxels: 4 GB.
MAX_VOXELS = limit("MAX_VOXELS", 2**30)
# Header, overlays and private data of one DICOM file besides its pixels.
MAX_HEADER_BYTES = limit("MAX_HEADER_MB", 64) * 2**20
# Deflate cannot pack tighter than 1032 to 1. Real slices reach 2 to 10, label maps several hundred;
# small files are let alone, for an empty test image is no attack.
MAX_RATIO = limit("MAX_RATIO", 250)
RATIO_MATTERS_BYTES = limit("RATIO_MATTERS_MB", 256) * 2**20
# How long one image may take to decode, and how much memory beyond what it announces.
DECODE_SECONDS = limit("DECODE_SECONDS", 120)
DECODE_MEMORY_BYTES = limit("DECODE_MEMORY_MB", 64) * 2**20


def swells(announced_bytes: int, packed_bytes: int) -> bool:
    """Tell whether something packed announces more than images pack."""
    return announced_bytes > RATIO_MATTERS_BYTES and announced_bytes > MAX_RATIO * packed_bytes


def check_voxels(count: int) -> None:
    """Refuse more voxels than any scan has.

    Raises
    ------
    UnreadableInputError
        If there are more.
    """
    if count > MAX_VOXELS:
        raise UnreadableInputError(f"{count} voxels, which no scan has; not opened")
