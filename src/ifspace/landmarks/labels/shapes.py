"""Cut label maps with the slices of a volume: closed outlines of femur and ischial part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.geometry import Floats, Grid, Plane
from ifspace.image import RASTER_MM, Patch, cut_patches, patient_axes_in
from ifspace.labels import LabelMap
from ifspace.landmarks.borders.lines import area_and_centroid
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


@dataclass(frozen=True, eq=False)
class SmoothMask:
    """One bone of a label map as a smooth field, 0.5 on its border.

    `box` holds the part of the map around the bone, `low_kji` the index of its first voxel.
    """

    box: Floats
    low_kji: Floats
    grid: Grid

    def at(self, points_lps_mm: Floats) -> Floats:
        """Read the field at patient points (..., 3)."""
        index = np.moveaxis(self.grid.to_index_kji(points_lps_mm) - self.low_kji, -1, 0)
        return np.asarray(ndi.map_coordinates(self.box, index, order=1, cval=0.0))

    def corners_lps_mm(self) -> Floats:
        """Corners of the box in the patient, (8, 3)."""
        ends = np.stack([self.low_kji, self.low_kji + np.array(self.box.shape) - 1])
        index = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)
        return self.grid.to_lps_mm(index)


def smooth_masks(label_map: LabelMap, side: Side) -> dict[Bone, SmoothMask]:
    """Take the steps out of both bones of a side."""
    return {
        Bone.FEMUR: smooth_mask(label_map, f"femur_{side}"),
        Bone.ISCHIUM: smooth_mask(label_map, f"hip_{side}"),
    }


def smooth_mask(label_map: LabelMap, name: str) -> SmoothMask:
    """Cut a mask to its box and smooth it."""
    mask = label_map.mask(name)
    if mask is None:
        return SmoothMask(np.zeros((1, 1, 1)), np.zeros(3), label_map.grid)
    spacing = label_map.grid.spacing_kji_mm
    sigma_mm = np.maximum(SMOOTH_MM, SMOOTH_VOXELS * spacing)
    sigma = np.where(spacing > THICK_MM, 0.0, sigma_mm / spacing)
    pad = np.ceil(4 * sigma).astype(int) + 1
    first, last = _extent(mask)
    box = np.pad(
        mask[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))].astype(np.float64),
        [(n, n) for n in pad],
    )
    low = (first - pad).astype(np.float64)
    return SmoothMask(ndi.gaussian_filter(box, sigma), low, label_map.grid)


def _extent(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last index of what is set, on every axis."""
    axes = range(mask.ndim)
    along = [np.flatnonzero(mask.any(axis=tuple(a for a in axes if a != axis))) for axis in axes]
    return np.array([a[0] for a in along]), np.array([a[-1] for a in along])


def shapes_in(volume: Volume, masks: Mapping[Bone, SmoothMask]) -> dict[int, Shapes]:
    """Cut both labels with every slice of the volume that meets the femur."""
    femur = masks[Bone.FEMUR].corners_lps_mm()
    corners = np.concatenate([mask.corners_lps_mm() for mask in masks.values()])
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
    return {patch.slice_index: Shapes(patch, *cut(patch.plane, masks)) for patch in patches}


def cut(raster: Plane, masks: Mapping[Bone, SmoothMask]) -> tuple[Floats | None, Floats | None]:
    """Cut femur and ischial part with a plane: closed outlines on its raster, in mm."""
    rows, columns = raster.shape_ji
    index = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    points = raster.to_lps_mm(index)
    femur = _largest_outline(masks[Bone.FEMUR].at(points))
    if femur is None:
        return None, None
    return femur, _ischial_part(masks[Bone.ISCHIUM].at(points), femur)


def _outlines(field: Floats) -> list[Floats]:
    """Find closed outlines of a smoothed mask in mm, (n, 2) each, big enough to be bone."""
    lines = [
        line[:, ::-1] * RASTER_MM for line in find_contours(np.pad(field, 1), 0.5) if len(line) > 8
    ]
    lines = [line - RASTER_MM for line in lines]
    return [line for line in lines if _area_mm2(line) >= SMALLEST_MM2]


def _area_mm2(line: Floats) -> float:
    """Area of a closed outline."""
    return abs(area_and_centroid(line, np.zeros(2))[0])


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
    # Only the part nearest to the femur can limit the space.
    near = cKDTree(femur_mm)
    return min(kept, key=lambda line: float(near.query(line)[0].min())) if kept else None
