"""Cut training samples out of rendered slabs; numpy only, the same sample for the same seed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

GRID_MM = 1.25
# Distances of the five planes from the slice, mm; between slices they are interpolated.
PLANES_MM = (-12.0, -6.0, 0.0, 6.0, 12.0)
HEIGHT_UNIT_MM = 20.0
CROP = 128
FEMUR, TROCHANTER = 1, 4
HEAT_MM, HEAT_LEVEL_MM = 7.0, 6.0

Slab = dict[str, np.ndarray]


class Slabs:
    """Slabs of one folder in memory; looks for new ones when asked."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self.read: dict[Path, Slab] = {}
        self.names: list[Path] = []

    def look(self) -> int:
        """List the folders again; give the number of slabs."""
        self.names = sorted(p for f in self.folders for p in f.glob("*.npz"))
        return len(self.names)

    def draw(self, rng: np.random.Generator) -> Slab:
        """Draw one slab."""
        path = self.names[rng.integers(len(self.names))]
        if path not in self.read:
            with np.load(path) as file:
                self.read[path] = {name: file[name] for name in file.files}
        return self.read[path]


def planes_at(image: np.ndarray, k: int, step_mm: float, corner: list[int]) -> np.ndarray:
    """Cut the five planes around slice k; beyond the ends the end slice is repeated."""
    at = np.clip(k + np.array(PLANES_MM) / step_mm, 0, len(image) - 1)
    low = at.astype(int)
    high = np.minimum(low + 1, len(image) - 1)
    share = (at - low)[:, None, None].astype(np.float32)
    below, above = (_crop(image, corner, which).astype(np.float32) for which in (low, high))
    return below * (1 - share) + above * share


def sample(slab: Slab, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Cut one training sample: planes, labels, heat, height (with NaN where there is none)."""
    image, apices = slab["image"], slab["apices"]
    step = float(slab["step_mm"])
    k = int(rng.integers(len(image)))
    rows, columns = image.shape[1:]
    if rng.random() < 0.75:
        middle = apices[rng.integers(len(apices)), 1:] + rng.normal(0, 28, 2)
    else:
        middle = rng.uniform(0, [rows, columns])
    corner = [
        int(np.clip(middle[n] - CROP / 2, min(0, size - CROP), max(0, size - CROP)))
        for n, size in enumerate((rows, columns))
    ]
    planes = planes_at(image, k, step, corner)
    labels = _crop(slab["labels"], corner, [k])[0]
    y, x = np.ogrid[corner[0] : corner[0] + CROP, corner[1] : corner[1] + CROP]
    heat = np.zeros((CROP, CROP), np.float32)
    for apex in apices:
        flat = (((y - apex[1]) ** 2 + (x - apex[2]) ** 2) * GRID_MM**2) / (2 * HEAT_MM**2)
        level = ((k - apex[0]) * step) ** 2 / (2 * HEAT_LEVEL_MM**2)
        heat = np.maximum(heat, np.exp(-flat - level))
    nearest = np.argmin([np.abs(x - apex[2]) for apex in apices], axis=0)
    height = ((k - apices[:, 0]) * step)[nearest] / HEIGHT_UNIT_MM
    height = np.broadcast_to(np.clip(height, -3, 3), labels.shape)
    height = np.where((labels == FEMUR) | (labels == TROCHANTER), height, np.nan)
    parts = (planes, labels, heat.astype(np.float32), height.astype(np.float32))
    return tuple(p[..., ::-1] for p in parts) if rng.random() < 0.5 else parts


def _crop(stack: np.ndarray, corner: list[int], slices: Sequence[int]) -> np.ndarray:
    """Cut a CROP x CROP window out of some slices; what lies outside is zero."""
    result = np.zeros((len(slices), CROP, CROP), stack.dtype)
    low = [max(0, c) for c in corner]
    high = [min(stack.shape[1 + n], corner[n] + CROP) for n in (0, 1)]
    to = [slice(low[n] - corner[n], high[n] - corner[n]) for n in (0, 1)]
    result[:, to[0], to[1]] = stack[slices, low[0] : high[0], low[1] : high[1]]
    return result


def batch(slabs: Slabs, rng: np.random.Generator, size: int) -> tuple[np.ndarray, ...]:
    """Draw a batch and change its grey levels."""
    parts = zip(*(sample(slabs.draw(rng), rng) for _ in range(size)), strict=True)
    planes, labels, heat, height = (np.stack(p) for p in parts)
    gamma = np.exp(rng.normal(0, 0.3, (size, 1, 1, 1))).astype(np.float32)
    planes = np.clip(planes, 0, 1.5) ** gamma
    planes *= rng.uniform(0.8, 1.25, gamma.shape).astype(np.float32)
    planes += np.float32(0.015) * rng.standard_normal(planes.shape, dtype=np.float32)
    return planes, labels, heat, height
