"""Read label maps: NIfTI, NRRD, MetaImage and DICOM Segmentation."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from ifspace.errors import GeometryError, UnreadableInputError
from ifspace.geometry import Floats, Grid
from ifspace.labels import LabelMap, choose_values
from ifspace.model import GRID_TOLERANCE_MM

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
IMAGE_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
# A NIfTI extension with names lies between the header and the voxels; more is no list of names.
EXTENSION_BYTES = 1 << 20
NIFTI_HEADER_BYTES = 352
_LABEL = re.compile(rb'<Label[^>]*Key="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([^<\]]+)')


def read_label_map(
    path: Path, labels: Mapping[str, int] | None = None, preset: str | None = None
) -> LabelMap:
    """Read which voxel is which bone.

    Parameters
    ----------
    path
        NIfTI, NRRD, MetaImage or a DICOM Segmentation object.
    labels
        Structure to number, where the file gives no names or the user knows better.
    preset
        Numbers of a known network, for files without names; default TotalSegmentator's
        ``total_mr``.

    Raises
    ------
    UnreadableInputError
        If the file is no label map.
    GeometryError
        If its frames form no regular grid.
    """
    if path.is_dir():
        message = f"{path.name}: a folder, not a file; give the one label map that is meant"
        raise UnreadableInputError(message)
    if not path.is_file():
        raise UnreadableInputError(f"{path.name}: no such file; give one label map")
    if path.name.lower().endswith(IMAGE_ENDINGS):
        return _read_image(path, labels, preset)
    return _read_segmentation(path, labels, preset)


# ---------------------------------------------------------------------------------- volume files


def _read_image(path: Path, labels: Mapping[str, int] | None, preset: str | None) -> LabelMap:
    """Read a volume file whose voxels are label numbers."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        message = f"{path.name}: cannot be read as a volume; export the label map again"
        raise UnreadableInputError(message) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        message = f"{path.name}: expected one three-dimensional label map"
        raise UnreadableInputError(message)
    voxels = sitk.GetArrayFromImage(image)
    whole = np.rint(voxels)
    if not np.array_equal(whole, voxels) or whole.min() < 0:
        message = f"{path.name}: voxels are not whole label numbers; give a label map, not images"
        raise UnreadableInputError(message)
    affine = np.eye(4)
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, :3] = steps[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    grid = Grid(_shape(voxels), affine)
    named = _slicer_names(image) or _nifti_names(path)
    return LabelMap(grid, whole.astype(np.int32), choose_values(named, labels, preset))


def _shape(voxels: NDArray[np.generic]) -> tuple[int, int, int]:
    """Give three counts."""
    slices, rows, columns = voxels.shape
    return slices, rows, columns


def _slicer_names(image: sitk.Image) -> dict[int, str]:
    """Read the segment names that 3D Slicer writes into an NRRD header."""
    named = {}
    for key in image.GetMetaDataKeys():
        found = re.fullmatch(r"(Segment\d+)_Name", key)
        value = f"{found[1]}_LabelValue" if found else ""
        if found and image.HasMetaDataKey(value):
            named[int(image.GetMetaData(value))] = image.GetMetaData(key)
    return named


def _nifti_names(path: Path) -> dict[int, str]:
    """Read the label names that TotalSegmentator writes into a NIfTI extension."""
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return {}
    size = NIFTI_HEADER_BYTES + EXTENSION_BYTES
    if name.endswith(".gz"):
        with gzip.open(path, "rb") as file:
            head = file.read(size)
    else:
        with path.open("rb") as plain:
            head = plain.read(size)
    offset = int(np.frombuffer(head[108:112], "<f4")[0]) if len(head) >= 112 else 0
    extension = head[NIFTI_HEADER_BYTES : max(NIFTI_HEADER_BYTES, offset)]
    return {
        int(number): text.decode("utf-8", "replace").strip()
        for number, text in _LABEL.findall(extension)
    }


# --------------------------------------------------------------------------- DICOM Segmentation


def _read_segmentation(
    path: Path, labels: Mapping[str, int] | None, preset: str | None
) -> LabelMap:
    """Read a binary or label-map DICOM Segmentation."""
    try:
        dataset = pydicom.dcmread(path)
    except InvalidDicomError as error:
        message = f"{path.name}: neither a volume file nor DICOM; give a label map"
        raise UnreadableInputError(message) from error
    if dataset.get("SOPClassUID") != SEGMENTATION_STORAGE:
        message = f"{path.name}: DICOM, but not a Segmentation object; give a label map"
        raise UnreadableInputError(message)
    if dataset.get("SegmentationType", "BINARY") == "FRACTIONAL":
        message = f"{path.name}: a fractional segmentation; export it as binary"
        raise UnreadableInputError(message)
    frames = np.asarray(dataset.pixel_array)
    frames = frames[None] if frames.ndim == 2 else frames
    positions, segments = _frames(dataset)
    grid, slice_of = _grid(dataset, positions, _shape(frames)[1:])
    voxels = np.zeros(grid.shape_kji, np.int32)
    for frame, k, segment in zip(frames, slice_of, segments, strict=True):
        voxels[k][frame > 0] = segment
    named = {
        int(item.SegmentNumber): _segment_name(item) for item in dataset.get("SegmentSequence", ())
    }
    return LabelMap(
        grid,
        voxels,
        choose_values(named, labels, preset),
        str(dataset.FrameOfReferenceUID) if "FrameOfReferenceUID" in dataset else None,
    )


def _segment_name(segment: pydicom.Dataset) -> str:
    """Join label, type and laterality of a segment into one name."""
    parts = [str(segment.get("SegmentLabel", ""))]
    for types in segment.get("SegmentedPropertyTypeCodeSequence", ()):
        parts.append(str(types.get("CodeMeaning", "")))
        parts += [
            str(modifier.get("CodeMeaning", ""))
            for modifier in types.get("SegmentedPropertyTypeModifierCodeSequence", ())
        ]
    return " ".join(parts)


def _frames(dataset: pydicom.Dataset) -> tuple[Floats, list[int]]:
    """Read position (frames, 3) and segment number of every frame."""
    positions, segments = [], []
    for item in dataset.PerFrameFunctionalGroupsSequence:
        positions.append([float(v) for v in item.PlanePositionSequence[0].ImagePositionPatient])
        segments.append(int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber))
    return np.array(positions), segments


def _grid(
    dataset: pydicom.Dataset, positions: Floats, shape_ji: tuple[int, int]
) -> tuple[Grid, NDArray[np.intp]]:
    """Build the grid through all frames; empty slices in between may be left out of the file."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    cosines = [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient]
    measures = shared.PixelMeasuresSequence[0]
    row_mm, column_mm = (float(v) for v in measures.PixelSpacing)
    along_row, along_column = np.array(cosines[:3]), np.array(cosines[3:])
    normal = np.cross(along_row, along_column)
    heights = positions @ normal
    levels = np.unique(np.round(heights, 3))
    given = float(measures.get("SpacingBetweenSlices", 0) or measures.get("SliceThickness", 1))
    step_mm = float(np.diff(levels).min()) if len(levels) > 1 else given
    index = (heights - heights.min()) / step_mm
    if np.abs(index - np.rint(index)).max() * step_mm > GRID_TOLERANCE_MM:
        raise GeometryError("the slices of the segmentation are unevenly spaced; export it again")
    slice_of = np.rint(index).astype(np.intp)
    affine = np.eye(4)
    affine[:3, 0] = normal * step_mm
    affine[:3, 1] = along_column * row_mm
    affine[:3, 2] = along_row * column_mm
    affine[:3, 3] = positions[int(np.argmin(heights))]
    return Grid((int(slice_of.max()) + 1, *shape_ji), affine), slice_of
