"""Real pelves with independent labels: 15 coronal T1 cut into axial slices, two axial T2.

The labels state no licence: they are read where they lie, for this comparison alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from benchmarks.accuracy.real import DATA, PATHS, volume_of
from numpy.typing import NDArray

from ifspace.geometry import Plane
from ifspace.labels import LabelMap
from ifspace.model import Contrast, ImagePlane, Series, Slice, SliceSource, Volume

ROOT = Path(__file__).resolve().parents[2]
TRAIN = Path(os.environ.get("IFSPACE_TRAIN_DATA", ROOT.parent / "shared" / "train"))
FOLDER = TRAIN / "real_t1_coronal"
# Numbers of femur and hip bone in each of the two label sets.
LABELS = {"coronal": (1, 2), "axial": (3, 1)}
AXIAL_SPACING_MM = (1.0, 1.0, 5.0)
T2_CASES = ("C3N-01871", "C3N-01876")


@dataclass(frozen=True, eq=False)
class Labelled:
    """A real pelvis with labels on its own slices, by label set."""

    name: str
    volume: Volume
    femur: dict[str, NDArray[np.bool_]]
    hip: dict[str, NDArray[np.bool_]]

    def label_map(self, which: str) -> LabelMap:
        """Labels by side: left is where x is larger than the middle of the hip bones."""
        grid = self.volume.grid
        femur, hip = self.femur[which], self.hip[which]
        across = grid.to_lps_mm(np.stack(np.indices(grid.shape_kji), axis=-1))[..., 0]
        middle = np.median(across[hip])
        voxels = np.zeros(grid.shape_kji, np.uint8)
        voxels[hip] = np.where(across[hip] > middle, 1, 2)
        voxels[femur] = np.where(across[femur] > middle, 3, 4)
        values = {"hip_left": 1, "hip_right": 2, "femur_left": 3, "femur_right": 4}
        return LabelMap(grid, voxels, values)


def t1_pelves() -> Iterator[Labelled]:
    """Cut the 15 coronal T1 into axial slices of 5 mm."""
    for path in sorted(FOLDER.glob("*_t1.nii.gz")):
        name = path.name.removesuffix("_t1.nii.gz")
        image = sitk.ReadImage(str(path), sitk.sitkFloat32)
        raster = _axial_raster(image)
        signal = sitk.Resample(image, raster, sitk.Transform(), sitk.sitkLinear, 0.0)
        yield _labelled(f"{name} T1", name, _volume(signal), raster)


def t2_pelves() -> Iterator[Labelled]:
    """Read the two axial T2; their labels are those drawn on the same images."""
    for name in T2_CASES:
        volume = volume_of(name)
        raster = sitk.ReadImage(str(DATA / PATHS[name]))
        yield _labelled(f"{name} T2", name, volume, raster, only=("axial",))


def _labelled(
    name: str, case: str, volume: Volume, raster: sitk.Image, only: tuple[str, ...] = tuple(LABELS)
) -> Labelled:
    """Bring the labels of a case onto a raster."""
    femur, hip = {}, {}
    for which in only:
        labels = sitk.ReadImage(str(FOLDER / f"{case}_{which}_labels.nii.gz"))
        there = sitk.Resample(labels, raster, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        values = sitk.GetArrayFromImage(there)
        femur[which], hip[which] = (values == value for value in LABELS[which])
    return Labelled(name, volume, femur, hip)


def _axial_raster(image: sitk.Image) -> sitk.Image:
    """Axial raster along the patient's axes around a volume."""
    size = image.GetSize()
    corners = [
        image.TransformContinuousIndexToPhysicalPoint(
            [(size[n] - 1) * float(corner >> n & 1) for n in range(3)]
        )
        for corner in range(8)
    ]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    counts = np.ceil((high - low) / AXIAL_SPACING_MM).astype(int)
    raster = sitk.Image([int(n) for n in counts], sitk.sitkUInt8)
    raster.SetSpacing(AXIAL_SPACING_MM)
    raster.SetOrigin([float(v) for v in low])
    return raster


def _volume(image: sitk.Image) -> Volume:
    """Wrap an axial picture whose axes are the patient's as a volume."""
    across, down, up = image.GetSpacing()
    voxels = sitk.GetArrayFromImage(image).astype(np.float32)
    return volume_of_array(voxels, image.GetOrigin(), (up, down, across), Contrast.T1)


def volume_of_array(
    voxels: NDArray[np.float32],
    origin_lps_mm: tuple[float, float, float],
    spacing_kji_mm: tuple[float, float, float],
    contrast: Contrast,
) -> Volume:
    """Make a volume whose slices go up, rows back and columns to the patient's left."""
    count, rows, columns = voxels.shape
    step_mm, row_mm, column_mm = spacing_kji_mm
    planes = [
        Plane(
            np.array(origin_lps_mm) + np.array([0.0, 0.0, k * step_mm]),
            np.array([1.0, 0.0, 0.0]),
            np.array([0.0, 1.0, 0.0]),
            row_mm,
            column_mm,
            (rows, columns),
        )
        for k in range(count)
    ]
    sources = tuple(SliceSource(FOLDER) for _ in planes)
    series = Series(
        sources,
        rows,
        columns,
        plane=ImagePlane.AXIAL,
        tilt_from_axial_deg=0.0,
        contrast=contrast,
        row_spacing_mm=row_mm,
        column_spacing_mm=column_mm,
        slice_step_mm=step_mm,
    )
    slices = tuple(Slice(plane, source) for plane, source in zip(planes, sources, strict=True))
    return Volume(series, slices, voxels)
