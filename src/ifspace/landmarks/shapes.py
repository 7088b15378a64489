"""Cut label maps with the slices of a volume: closed outlines of femur and ischial part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import find_contours

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch, cut_patches, patient_axes_in
from ifspace.labels import LabelMap
from ifspace.landmarks.values import Bone
from ifspace.model import Side, Volume

# Sigma that takes the steps out of a mask without moving its border.
SMOOTH_MM = 0.8
SMOOTH_VOXELS = 0.7
# An axis with thicker voxels is the slice axis: not smoothed along.
THICK_MM = 2.2
SMALLEST_MM2 = 60.0
MARGIN_MM = 15.0
# Parts of the hip bone that are not the ischium: those wholly in front of the femur, and
# everything well in front of its centre (the ramus).
FRONT_OF_FEMUR_MM = 12.0
RAMUS_FRONT_MM = 25.0
BACK_PERCENTILE = 75.0


@dataclass(frozen=True, eq=False)
class Shapes:
    """Closed outlines of both bones in one slice, on the raster, in mm; absent where not cut."""

    patch: Patch
    femur_mm: Floats | None
    ischium_mm: Floats | None


def _smooth_mask(label_map: LabelMap, name: str) -> tuple[Floats, Floats]:
    """Cut a mask to its box and smooth it: values in 0 to 1, and the index of the corner."""
    mask = label_map.mask(name)
    if mask is None:
        return np.zeros((1, 1, 1)), np.zeros(3)
    spacing = label_map.grid.spacing_kji_mm
    sigma_mm = np.maximum(SMOOTH_MM, SMOOTH_VOXELS * spacing)
    sigma = np.where(spacing > THICK_MM, 0.0, sigma_mm / spacing)
    pad = np.ceil(4 * sigma).astype(int) + 1
    occupied = np.argwhere(mask)
    low, high = occupied.min(0) - pad, occupied.max(0) + pad + 1
    box = np.zeros(high - low)
    inner = tuple(
        slice(p, p + n) for p, n in zip(pad, occupied.max(0) - occupied.min(0) + 1, strict=True)
    )
    box[inner] = mask[
        tuple(slice(a, b + 1) for a, b in zip(occupied.min(0), occupied.max(0), strict=True))
    ]
    return ndi.gaussian_filter(box, sigma), low.astype(np.float64)


def shapes_in(volume: Volume, label_map: LabelMap, side: Side) -> dict[int, Shapes]:
    """Cut both labels with every slice of the volume that meets the femur."""
    boxes = {
        Bone.FEMUR: _smooth_mask(label_map, f"femur_{side}"),
        Bone.ISCHIUM: _smooth_mask(label_map, f"hip_{side}"),
    }
    corners = np.concatenate([_box_corners_lps_mm(label_map, *box) for box in boxes.values()])
    femur = _box_corners_lps_mm(label_map, *boxes[Bone.FEMUR])
    meets = []
    for k, item in enumerate(volume.slices):
        heights = item.plane.height_mm(femur)
        if heights.min() <= 0 <= heights.max():
            meets.append(k)
    if not meets:
        return {}
    centre = 0.5 * (corners.min(0) + corners.max(0))
    half = []
    for axis in patient_axes_in(volume.slices[meets[0]].plane):
        along = (corners - centre) @ axis
        half.append(float(np.abs(along).max()) + MARGIN_MM)
    patches = cut_patches(volume, range(meets[0], meets[-1] + 1), centre, (half[0], half[1]))
    return {patch.slice_index: _cut_shapes(patch, label_map, boxes) for patch in patches}


def _box_corners_lps_mm(label_map: LabelMap, box: Floats, low: Floats) -> Floats:
    """Corners of a box of voxels in the patient, (8, 3)."""
    ends = np.stack([low, low + np.array(box.shape) - 1])
    index = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)
    return label_map.grid.to_lps_mm(index)


def _cut_shapes(
    patch: Patch, label_map: LabelMap, boxes: Mapping[Bone, tuple[Floats, Floats]]
) -> Shapes:
    """Cut both labels with one slice."""
    rows, columns = patch.signal.shape
    raster = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    at = label_map.grid.to_index_kji(patch.plane.to_lps_mm(raster))
    fields = {
        bone: ndi.map_coordinates(box, np.moveaxis(at - low, -1, 0), order=1, cval=0.0)
        for bone, (box, low) in boxes.items()
    }
    femur = _largest_outline(fields[Bone.FEMUR])
    ischium = None if femur is None else _ischial_part(fields[Bone.ISCHIUM], femur)
    return Shapes(patch, femur, ischium)


def _outlines(field: Floats) -> list[Floats]:
    """Find closed outlines of a smoothed mask in mm, (n, 2) each, big enough to be bone."""
    lines = [
        line[:, ::-1] * RASTER_MM for line in find_contours(np.pad(field, 1), 0.5) if len(line) > 8
    ]
    lines = [line - RASTER_MM for line in lines]
    return [line for line in lines if _area_mm2(line) >= SMALLEST_MM2]


def _area_mm2(line: Floats) -> float:
    """Area of a closed outline."""
    x, y = line.T
    return abs(0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))


def _largest_outline(field: Floats) -> Floats | None:
    """Outline of the largest part."""
    lines = _outlines(field)
    return max(lines, key=_area_mm2) if lines else None


def _ischial_part(field: Floats, femur_mm: Floats) -> Floats | None:
    """Outline of the hip bone's ischial part: nothing in front of the femur, no ramus."""
    front_y = float(femur_mm[:, 1].mean())
    cut = field.copy()
    # Half a millimetre of taper, so that the cut makes no false corner inside the bone.
    first_row = int(np.clip((front_y - RAMUS_FRONT_MM) / RASTER_MM, 0, len(field)))
    cut[:first_row] = 0.0
    kept = [
        line
        for line in _outlines(cut)
        if np.percentile(line[:, 1], BACK_PERCENTILE) > front_y - FRONT_OF_FEMUR_MM
    ]
    return np.concatenate(kept) if kept else None
