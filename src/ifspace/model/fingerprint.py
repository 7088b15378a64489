"""The fingerprint of images: the same for the same pixels at the same places in the patient.

It does not depend on the form of the files, on their order or on names, so that a session can be
bound to images that have no UIDs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ifspace.geometry import Plane

# Formats store positions in other precisions; what is smaller than this is rounding.
POSITION_STEP_MM = 0.01
SPACING_STEP_MM = 0.0001
DIRECTION_STEP = 0.0001
# Steps begin where no short decimal number lies, so that 0.005 is the same from every format.
STEP_OFFSET = 0.2718281828
PREFIX = "sha256:"


@dataclass(frozen=True)
class ImageFingerprint:
    """Which images something was made on.

    Attributes
    ----------
    fingerprint
        ``sha256:`` and the hash of geometry and pixels.
    geometry
        The same of the geometry alone; absent where a file does not say it.
    shape_kji
        Slices, rows and columns; absent where a file does not say them.
    """

    fingerprint: str
    geometry: str | None = None
    shape_kji: tuple[int, int, int] | None = None

    def difference(self, other: ImageFingerprint) -> str:
        """Say how other images differ from these; empty where they are the same."""
        if self.fingerprint == other.fingerprint:
            return ""
        if None not in (self.shape_kji, other.shape_kji) and self.shape_kji != other.shape_kji:
            return f"those have {_size(self.shape_kji)}, these {_size(other.shape_kji)}"
        if None in (self.geometry, other.geometry):
            return "pixels, spacing or position differ"
        if self.geometry != other.geometry:
            return "they have the same size, but another spacing or another place in the patient"
        return "they have the same size and place, but other pixels"


def _size(shape_kji: tuple[int, int, int] | None) -> str:
    slices, rows, columns = shape_kji or (0, 0, 0)
    return f"{slices} slices of {rows} x {columns} pixels"


def fingerprint_of(planes: Sequence[Plane], voxels: NDArray[np.float32]) -> ImageFingerprint:
    """Take the fingerprint of a volume, in one pass.

    Parameters
    ----------
    planes
        Of every slice, sorted along their normal.
    voxels
        (k, j, i), as measured: after rescale slope and intercept.
    """
    geometry = hashlib.sha256(b"ifspace-image/1\n")
    for plane in planes:
        geometry.update((" ".join(map(str, _rounded(plane))) + "\n").encode())
    whole = geometry.copy()
    for image in voxels:
        # Adding zero makes one number of 0 and -0.
        whole.update((image + np.float32(0.0)).astype("<f4", copy=False).tobytes())
    slices, rows, columns = voxels.shape
    return ImageFingerprint(
        PREFIX + whole.hexdigest(), PREFIX + geometry.hexdigest(), (slices, rows, columns)
    )


def _rounded(plane: Plane) -> list[int]:
    """Give size, spacing, direction and position of one slice in whole steps."""
    return [
        *plane.shape_ji,
        _steps(plane.row_spacing_mm, SPACING_STEP_MM),
        _steps(plane.column_spacing_mm, SPACING_STEP_MM),
        *(_steps(float(value), DIRECTION_STEP) for value in plane.along_row_lps),
        *(_steps(float(value), DIRECTION_STEP) for value in plane.along_column_lps),
        *(_steps(float(value), POSITION_STEP_MM) for value in plane.origin_lps_mm),
    ]


def _steps(value: float, step: float) -> int:
    return math.floor(value / step + STEP_OFFSET)
