"""How well one slice shows its bones: what the half-width of a distance rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch, sample
from ifspace.landmarks.borders.gap import Gap
from ifspace.landmarks.borders.lines import NORMAL_MAD
from ifspace.landmarks.borders.rays import Contour
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.grading.confidence import Evidence

# Noise is what changes within a millimetre in the middle of the gap, where muscle lies. It is
# everywhere, streaks of fat are not: of so many blocks along and across the gap, with so many
# samples each way, the calmer ones tell.
NOISE_MM = 1.0
BLOCKS, SAMPLES = 3, 7
MIDDLE_SHARE = np.linspace(0.25, 0.75, BLOCKS * SAMPLES)
MIDDLE_WIDTH_MM = np.linspace(-5.0, 5.0, BLOCKS * SAMPLES)
CALM_PERCENTILE = 25.0
# Where a layer of fat shows outside a bone, towards the other one and to both sides of that line.
RIM_MM = np.arange(0.5, 2.51, 0.5)
RIM_WIDTH_MM = np.arange(-1.5, 1.51, 0.75)


def evidence_of(
    patch: Patch, femur: Sequence[Contour], k: int, level: TissueSignal, gap: Gap
) -> Evidence:
    """Collect how the distance in slice `k` was seen; `femur` has an outline per slice."""
    ends_mm = np.stack([gap.ischium_mm, gap.femur_mm])
    return Evidence(
        gap.score,
        gap.roughness_mm,
        gap.sigma_mm,
        femur[k].ring_share,
        noise_ratio(patch, ends_mm, level),
        area_change(femur, k),
        fat_rim(patch, ends_mm, level, femur[k].marrow),
    )


def noise_ratio(patch: Patch, ends_mm: Floats, level: TissueSignal) -> float:
    """Measure the noise between two points (2, 2), relative to muscle against cortex."""
    start, along = ends_mm[0], ends_mm[1] - ends_mm[0]
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    points = start + MIDDLE_SHARE[:, None, None] * along + MIDDLE_WIDTH_MM[:, None] * across
    smooth = ndi.gaussian_filter(patch.signal, NOISE_MM / RASTER_MM)
    rest = patch.sample(points) - sample(smooth, points, RASTER_MM)
    blocks = rest.reshape(BLOCKS, SAMPLES, BLOCKS, SAMPLES).swapaxes(1, 2).reshape(BLOCKS**2, -1)
    off = np.abs(blocks - np.median(blocks, axis=1, keepdims=True))
    noise = NORMAL_MAD * float(np.percentile(np.median(off, axis=1), CALM_PERCENTILE))
    return noise / max(level.muscle - level.cortex, 1e-6)


def fat_rim(patch: Patch, ends_mm: Floats, level: TissueSignal, marrow: float) -> float:
    """Tell how bright the layer just outside two bones is, 0 for muscle and 1 for marrow.

    A thin dark line between marrow and as bright a layer is smeared away, and which side of the
    layer is the bone's is not always told.
    """
    along = ends_mm[1] - ends_mm[0]
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    across = np.array([-along[1], along[0]])
    brightest = [
        patch.sample(end + RIM_MM[:, None, None] * outward + RIM_WIDTH_MM[None, :, None] * across)
        .mean(axis=1)
        .max()
        for end, outward in zip(ends_mm, (along, -along), strict=True)
    ]
    return float((max(brightest) - level.muscle) / max(marrow - level.muscle, 1e-6))


def area_change(contours: Sequence[Contour], k: int) -> float:
    """Tell by how much the area of a bone changes to the next slice, as a logarithm.

    A lesser trochanter that begins or ends within a slice is half bone and half muscle there, and
    so is its border.
    """
    areas = [abs(contours[n].area_mm2) for n in (k - 1, k + 1) if 0 <= n < len(contours)]
    own = max(abs(contours[k].area_mm2), 1.0)
    return max((abs(float(np.log(own / max(area, 1.0)))) for area in areas), default=0.0)
