"""How wrong a distance from a label map may be, alone or corrected on the grey levels.

Found on analytic hips in two contrasts with perfect maps, such as networks make at 1.5 and at 2 mm,
and maps that were moved as a whole; checked on hips that were never used before: docs/accuracy.md.
"""

from __future__ import annotations

import numpy as np

from ifspace.landmarks.grading.confidence import SMALLEST_U95_MM

# A network's label alone covers 95 % within this. Networks write their maps on the grid of the
# images, so that fine voxels prove nothing.
LABEL_U95_MM = 3.0
LABEL_U95_PER_VOXEL = 1.5
# Scale of the regression's standard error where the grey levels agree with the label.
KEPT_COVER_95 = 2.4
# Where they moved it: shares of that standard error, of the half-width that the same distance would
# have without a label, and of the voxel, whose corners the grey levels do not take back. On 62
# analytic hips in T1 and PD with four kinds of maps each, 94 to 98 % of the slices of every kind
# lie within.
MOVED_COVER_95 = 1.1
SEEN_SHARE = 0.46
VOXEL_SHARE = 0.32
# A half-width of so many times that of the label alone: map and images contradict each other. In
# 524 slices of 16 analytic hips and four kinds of maps that lie on their bones it was at most 1.2.
CONTRADICTED = 1.5
# The border of a tendon is softer than that of bone, and no label shows it: with this 97 % of the
# slices of 16 other hips with a tendon on the path lie within (T1 95, PD 98 %).
TENDON_U95_MM = 0.35


def label_u95_mm(voxel_mm: float) -> float:
    """Half-width of the 95 % interval of a distance between labels alone."""
    return max(LABEL_U95_MM, LABEL_U95_PER_VOXEL * voxel_mm)


def corrected_u95_mm(
    sigma_mm: float, seen_u95_mm: float, voxel_mm: float, *, kept: bool, clear: bool
) -> float:
    """Half-width of a distance whose ends were looked at in the grey levels.

    Parameters
    ----------
    sigma_mm
        Standard error of the corrected label.
    seen_u95_mm
        Half-width of the distance as the grey levels alone show it.
    voxel_mm
        Voxel of the label map.
    kept
        The grey levels agree with the label, which stays as it is.
    clear
        The cortex is clear at both ends and belongs to these bones. Elsewhere the half-width is
        never smaller than that of a label alone: on clinical images the neighbourhood is wrong
        more often than analytic hips can show.
    """
    moved_mm = (MOVED_COVER_95 * sigma_mm, SEEN_SHARE * seen_u95_mm, VOXEL_SHARE * voxel_mm)
    u95_mm = KEPT_COVER_95 * sigma_mm if kept else float(np.linalg.norm(moved_mm))
    u95_mm = max(SMALLEST_U95_MM, u95_mm)
    return u95_mm if clear else max(u95_mm, label_u95_mm(voxel_mm))


def contradicted(u95_mm: float, voxel_mm: float) -> bool:
    """Tell whether the grey levels contradict the label: then neither is believed."""
    return u95_mm > CONTRADICTED * label_u95_mm(voxel_mm)


def room_u95_mm(u95_mm: float, *, capped: bool) -> float:
    """Half-width for the quadratus femoris space: a tendon's border is softer."""
    return float(np.hypot(u95_mm, TENDON_U95_MM if capped else 0.0))
