"""Compare what the finder says of a hip with labels of the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from benchmarks.finder.data import Labelled
from numpy.typing import NDArray
from scipy import ndimage as ndi

from ifspace.finder import FoundHip
from ifspace.labels import LabelMap
from ifspace.landmarks import Level, level_from_masks
from ifspace.model import Side

# Slices compared: around the labels' lesser trochanter, where a distance would be read.
AROUND_SLICES = 3
# A part is the right bone where it overlaps this much (femur) and lies this much in the hip bone.
FEMUR_DICE, ISCHIUM_SHARE = 0.6, 0.7
# The axial labels were drawn 1-3 mm too far inside.
LABEL_MARGIN_MM = 2.5


@dataclass(frozen=True)
class Row:
    """One hip against one label set."""

    name: str
    labels: str
    side: str
    found: bool
    femur_dice: float = np.nan
    hip_dice: float = np.nan
    ischium_share: float = np.nan
    ischium_slices: float = np.nan
    level_error_mm: float = np.nan
    level_error_slices: float = np.nan
    confidence: float = np.nan
    said: str = ""

    @property
    def right_bones(self) -> bool:
        """Both parts are the bones that they are called."""
        return (
            self.found
            and self.femur_dice > FEMUR_DICE
            and self.ischium_share > ISCHIUM_SHARE
            and self.ischium_slices >= 0.5
        )


def compare(case: Labelled, which: str, side: Side, found: object, labels: LabelMap) -> Row:
    """Compare one hip."""
    if not isinstance(found, FoundHip):
        return Row(case.name, which, side.value, False, said=getattr(found, "detail", ""))
    level = _labelled_level(case, labels, side)
    centre = level.apex if level is not None else found.apex
    low, high = max(0, centre - AROUND_SLICES), centre + AROUND_SLICES + 1
    near = slice(low, min(high, len(case.volume.slices)))
    femur, ischium = (_on_slices(case, found, mask)[near] for mask in (found.femur, found.ischium))
    true_femur = labels.mask(f"femur_{side}")[near]
    true_hip = labels.mask(f"hip_{side}")[near]
    pixel = case.volume.slices[0].plane.row_spacing_mm
    grown = ndi.distance_transform_edt(~true_hip, (1e6, pixel, pixel)) <= LABEL_MARGIN_MM
    with_hip = true_hip.any(axis=(1, 2))
    shared = [(ischium[k] & grown[k]).any() for k in np.flatnonzero(with_hip)]
    error = np.nan if level is None else found.apex_height_mm - level.apex_height_mm
    return Row(
        case.name,
        which,
        side.value,
        True,
        _dice(femur, true_femur),
        _dice(ischium, true_hip),
        float((ischium & grown).sum() / max(1, ischium.sum())),
        float(np.mean(shared)) if shared else np.nan,
        error,
        np.nan if level is None else float(found.apex - level.apex),
        found.confidence,
    )


def _labelled_level(case: Labelled, labels: LabelMap, side: Side) -> Level | None:
    """Find the labels' own level; it counts only where they show the hip bone as well.

    On coarse labels the femur's outline alone can put the trochanter far down the shaft.
    """
    level = level_from_masks(case.volume, labels, side)
    hip = labels.mask(f"hip_{side}")
    if not isinstance(level, Level) or hip is None:
        return None
    near = hip[max(0, level.apex - 1) : level.apex + 2]
    return level if near.any(axis=(1, 2)).all() else None


def _on_slices(case: Labelled, hip: FoundHip, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bring a mask of the finder's raster onto the pixels of the volume."""
    grid, stack = case.volume.grid, hip.stack
    shape = grid.shape_kji
    result = np.zeros(shape, bool)
    rows = np.stack(np.meshgrid(*(np.arange(n) for n in shape[1:]), indexing="ij"), axis=-1)
    for number, k in enumerate(stack.slice_indices):
        points = case.volume.slices[k].plane.to_lps_mm(rows)
        index = stack.grid.to_index_kji(points)[..., 1:]
        values = ndi.map_coordinates(
            mask[number].astype(np.float32), np.moveaxis(index, -1, 0), order=1
        )
        result[k] = values > 0.5
    return result


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap, 0 to 1."""
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))
