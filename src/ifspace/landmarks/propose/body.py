"""Look at whole slices coarsely: skin, fat and muscle, and where femoral shafts may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import Patch, cut_patches, flatten, patient_axes_in
from ifspace.model import Volume

RING_FROM_SKIN_MM = (4.0, 10.0)
DEEP_MM = 35.0
WORK_MM = 1.5
# A femoral shaft in cross-section: a bright disc within a dark ring.
RING_RADII_MM = (6.5, 8.5, 10.5, 13.0)
RING_THICKNESS_MM = 3.5
SECTORS = 8
RING_SCORE_MIN = 0.12
CANDIDATES = 30
# Between slices a shaft moves by less.
JUMP_MAX_MM = 12.0


@dataclass(frozen=True, eq=False)
class Body:
    """All slices on a coarse raster along the patient's axes."""

    patches: tuple[Patch, ...]
    images: tuple[Floats, ...]
    middle_x_mm: float
    fat_over_muscle: float | None

    @classmethod
    def of(cls, volume: Volume) -> Body:
        """Cut whole slices and bring them to one scale of signal."""
        plane = volume.slices[0].plane
        rows, columns = plane.shape_ji
        centre = volume.grid.to_lps_mm(
            [(len(volume.slices) - 1) / 2, (rows - 1) / 2, (columns - 1) / 2]
        )
        corners = plane.to_lps_mm(
            [[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]]
        )
        reach = [float(np.ptp(corners @ axis)) / 2 for axis in patient_axes_in(plane)]
        patches = tuple(
            flatten(patch)
            for patch in cut_patches(
                volume, range(len(volume.slices)), centre, (reach[0], reach[1])
            )
        )
        stride = round(WORK_MM / patches[0].plane.row_spacing_mm)
        images = tuple(
            ndi.gaussian_filter(patch.signal, stride / 2)[::stride, ::stride] for patch in patches
        )
        middle = images[len(images) // 2]
        inside = middle > 0.12 * np.percentile(middle, 99)
        across = np.flatnonzero(inside.any(0))
        middle_x = float(across[[0, -1]].mean()) * WORK_MM if across.size else 0.0
        scale = float(np.percentile(np.stack(images), 96))
        return cls(
            patches,
            tuple(image / max(scale, 1e-9) for image in images),
            middle_x,
            _fat_over_muscle(images),
        )


def _fat_over_muscle(images: Sequence[Floats]) -> float | None:
    """Compare fat under the skin with muscle; nothing where no skin is in view."""
    ratios = []
    for image in images[:: max(1, len(images) // 7)]:
        body = ndi.binary_fill_holes(image > 0.08 * np.percentile(image, 99))
        labels, count = ndi.label(body)
        if count == 0:
            continue
        body = labels == np.bincount(labels.ravel())[1:].argmax() + 1
        border = np.zeros_like(body)
        border[[0, -1]] = border[:, [0, -1]] = True
        # Skin is where the body ends inside the image, not where the image ends.
        outside = ~body
        if (outside & ~border).mean() < 0.02:
            continue
        depth_mm = ndi.distance_transform_edt(body) * WORK_MM
        ring = (depth_mm > RING_FROM_SKIN_MM[0]) & (depth_mm < RING_FROM_SKIN_MM[1])
        deep = depth_mm > DEEP_MM
        if ring.sum() > 50 and deep.sum() > 50:
            muscle = float(np.percentile(image[deep], 30))
            ratios.append(float(np.median(image[ring])) / max(muscle, 1e-9))
    return float(np.median(ratios)) if ratios else None


def _ring_score(image: Floats, radius_mm: float) -> Floats:
    """Score every pixel as the centre of a bright disc in a dark ring."""
    reach = int(np.ceil((radius_mm + RING_THICKNESS_MM) / WORK_MM)) + 1
    steps = np.arange(-reach, reach + 1) * WORK_MM
    y, x = np.meshgrid(steps, steps, indexing="ij")
    r, sector = np.hypot(y, x), (np.arctan2(y, x) + np.pi) / (2 * np.pi) * SECTORS
    disc = (r <= radius_mm - 1.0).astype(float)
    disc /= disc.sum()
    # Loaded at first use: scipy.signal takes as long to import as all the rest of this program.
    fftconvolve = scipy.signal.fftconvolve
    mean = fftconvolve(image, disc, "same")
    spread = np.sqrt(np.maximum(fftconvolve(image**2, disc, "same") - mean**2, 0))
    ring = (r > radius_mm) & (r <= radius_mm + RING_THICKNESS_MM)
    falls = []
    for n in range(SECTORS):
        part = (ring & (sector >= n) & (sector < n + 1)).astype(float)
        part /= max(part.sum(), 1.0)
        falls.append(mean - fftconvolve(image, part[::-1, ::-1], "same"))
    ordered = np.sort(np.stack(falls), axis=0)
    score = ordered[:3].mean(0) + 0.3 * ordered[3:].mean(0) - spread
    return np.asarray(score - np.maximum(0, 0.45 - mean))


def shaft_candidates(image: Floats) -> Floats:
    """Find possible shafts in one slice: x, y in mm and score, (n, 3)."""
    best = np.max([_ring_score(image, radius) for radius in RING_RADII_MM], axis=0)
    peaks = (best == ndi.maximum_filter(best, 5)) & (best > RING_SCORE_MIN)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-best[rows, columns])[:CANDIDATES]
    rows, columns = rows[order], columns[order]
    return np.stack([columns * WORK_MM, rows * WORK_MM, best[rows, columns]], axis=1)


def track(candidates: Sequence[Floats], allowed: Sequence[np.ndarray]) -> list[Floats | None]:
    """Choose at most one candidate per slice so that they form one bone."""
    none, change, scores, back = -0.1, 0.08, [], []
    for k, (points, ok) in enumerate(zip(candidates, allowed, strict=True)):
        mine = points[ok]
        own = np.r_[mine[:, 2], none]
        if k == 0:
            scores.append(own)
            back.append(np.zeros(len(own), int))
            continue
        before = candidates[k - 1][allowed[k - 1]]
        move = np.full((len(own), len(scores[-1])), -change)
        move[-1, -1] = 0.0
        if len(mine) and len(before):
            apart = np.linalg.norm(mine[:, None, :2] - before[None, :, :2], axis=2)
            cost = -0.02 * np.maximum(0, apart - 2.0) - 0.5 * (apart > JUMP_MAX_MM)
            move[: len(mine), : len(before)] = cost
        total = scores[-1][None] + move
        back.append(total.argmax(1))
        scores.append(own + total.max(1))
    at = int(np.argmax(scores[-1]))
    path: list[Floats | None] = [None] * len(candidates)
    for k in range(len(candidates) - 1, -1, -1):
        mine = candidates[k][allowed[k]]
        path[k] = mine[at] if at < len(mine) else None
        at = int(back[k][at])
    return path
