"""Look at what lies between the bones: muscle among fat and tendons, or something that fills it.

Around the quadratus femoris there is always some fat, and the tendons of the hamstrings and the
iliopsoas are dark. A mass takes their place: one tissue of about the signal of muscle, uneven in
itself, fills the gap and what is behind it. Then neither the muscle nor its borders can be told
apart, and levels taken from the gap mislead the outlines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import points_in_poly

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.lines import closest
from ifspace.landmarks.borders.rays import Contour
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.borders.stack import SliceStack
from ifspace.landmarks.values import Bone
from ifspace.model import Reason, Refusal

# The gap and what lies around it, from the middle between the bones.
AROUND_MM = 22.0
SMOOTH_MM = 0.5
# Signal of muscle, fibrous tissue and most masses, relative to muscle; fat and tendon lie outside.
SOFT = (0.65, 1.6)
# In five real and thirty analytic hips without a mass at most 0.86 of the surroundings was soft,
# with a mass 0.93 to 0.99. Muscle of lean, strong people may come near: it is even.
SOFT_SHARE_MAX = 0.90
# Difference of the quartiles relative to muscle: 0.10 to 0.14 in even muscle at SNR 20.
UNEVEN_MIN = 0.15
# Partial volume at fat and tendons is left out.
CLEAR_MM = 1.5


def check_gap(
    stack: SliceStack, levels: Sequence[TissueSignal], outlines: Mapping[Bone, Sequence[Contour]]
) -> Refusal | None:
    """Refuse a gap that uneven tissue fills, without the fat and the tendons that lie there."""
    seen = [
        _soft_and_uneven(patch, level.muscle, [outlines[bone][k] for bone in Bone])
        for k, (patch, level) in enumerate(zip(stack.patches, levels, strict=True))
    ]
    soft, uneven = np.median(seen, axis=0)
    if soft <= SOFT_SHARE_MAX or uneven < UNEVEN_MIN:
        return None
    return Refusal(
        Reason.GAP_ABNORMAL,
        f"uneven tissue of about the signal of muscle fills {100 * soft:.0f} % of the gap and its "
        "surroundings, where fat and tendons are expected: the muscle and the borders of the gap "
        "cannot be told apart; measure by hand if you can",
    )


def _soft_and_uneven(patch: Patch, muscle: float, bones: Sequence[Contour]) -> tuple[float, float]:
    """Share of the surroundings with the signal of muscle, and the spread of that signal."""
    relative = ndi.gaussian_filter(patch.signal, SMOOTH_MM / RASTER_MM) / max(muscle, 1e-6)
    near = _around(patch, bones)
    soft = (relative > SOFT[0]) & (relative < SOFT[1])
    if not near.any():
        return 0.0, 0.0
    clear = near & ndi.binary_erosion(soft, iterations=round(CLEAR_MM / RASTER_MM))
    if not clear.any():
        return float(soft[near].mean()), 0.0
    low, high = np.percentile(relative[clear], [25, 75])
    return float(soft[near].mean()), float(high - low)


def _around(patch: Patch, bones: Sequence[Contour]) -> NDArray[np.bool_]:
    """Tell what lies around the middle of the gap and in neither bone."""
    a, b = (bone.outer_mm for bone in bones)
    _, i, j = closest(a, b)
    middle_mm: Floats = 0.5 * (a[i] + b[j])
    rows, columns = np.indices(patch.signal.shape)
    points_mm = np.stack([columns, rows], axis=-1) * RASTER_MM
    near = (np.linalg.norm(points_mm - middle_mm, axis=-1) < AROUND_MM) & patch.seen
    for line in (a, b):
        near[near] = ~points_in_poly(points_mm[near], line)
    return np.asarray(near)
