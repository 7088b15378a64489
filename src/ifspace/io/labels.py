"""Read label maps: NIfTI, NRRD, MetaImage and DICOM Segmentation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from ifspace.errors import GeometryError, UnreadableInputError
from ifspace.geometry import Floats, Grid
from ifspace.io.elements import read_dataset
from ifspace.io.filing import VOLUME_KINDS
from ifspace.io.header import geometry_problem
from ifspace.io.images import read_native
from ifspace.io.limits import check_voxels
from ifspace.io.pixels import segmentation_frames
from ifspace.io.sniff import FileKind, gzip_head, sniff
from ifspace.io.values import floats_of, items_of, refused_as
from ifspace.labels import LabelMap, choose_values
from ifspace.model import GRID_TOLERANCE_MM

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
# A NIfTI extension with names lies between the header and the voxels; more is no list of names.
EXTENSION_BYTES = 1 << 20
NIFTI_HEADER_BYTES = 352
MAX_LABEL = 2**31 - 1
_LABEL = re.compile(rb'<Label[^>]*Key="(\d{1,9})"[^>]*>\s*(?:<!\[CDATA\[)?([^<\]]+)')


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
    try:
        kind = sniff(path) if path.is_file() else None
    except OSError as error:
        raise UnreadableInputError(f"{path.name}: cannot be read ({error.strerror})") from error
    if kind in VOLUME_KINDS:
        return _read_image(path, kind, labels, preset)
    if kind in (FileKind.DICOM, FileKind.BARE_DICOM):
        return _read_segmentation(path, labels, preset)
    what = "a folder, not a file" if path.is_dir() else "no label map of a known format"
    message = f"{path.name}: {what if path.exists() else 'no such file'}; give one label map"
    raise UnreadableInputError(message)


# ---------------------------------------------------------------------------------- volume files


def _read_image(
    path: Path, kind: FileKind, labels: Mapping[str, int] | None, preset: str | None
) -> LabelMap:
    """Read a volume file whose voxels are label numbers."""
    try:
        image, _ = read_native(path, kind, voxels=True, beside=True)
    except UnreadableInputError as error:
        message = f"{path.name}: {error}; export the label map again"
        raise UnreadableInputError(message) from error
    assert image.voxels is not None
    voxels = image.voxels
    whole = np.rint(voxels)
    if not np.array_equal(whole, voxels) or whole.min() < 0 or whole.max() > MAX_LABEL:
        message = f"{path.name}: voxels are not whole label numbers; give a label map, not images"
        raise UnreadableInputError(message)
    affine = np.eye(4)
    steps = np.array(image.direction).reshape(3, 3) * np.array(image.spacing_ijk_mm)
    affine[:3, :3] = steps[:, ::-1]
    affine[:3, 3] = image.origin_lps_mm
    grid = _grid_of(path, affine, _shape(voxels))
    named = _slicer_names(image.metadata) or _nifti_names(path, kind)
    return LabelMap(grid, whole.astype(np.int32), choose_values(named, labels, preset))


def _grid_of(path: Path, affine: Floats, shape_kji: tuple[int, int, int]) -> Grid:
    """Give the grid of a label map, whose axes somebody else wrote."""
    try:
        return Grid(shape_kji, affine)
    except ValueError as error:
        message = f"{path.name}: its axes span no room ({error}); export the label map again"
        raise GeometryError(message) from error


def _shape(voxels: NDArray[np.generic]) -> tuple[int, int, int]:
    """Give three counts."""
    slices, rows, columns = voxels.shape
    return slices, rows, columns


def _slicer_names(metadata: Mapping[str, str]) -> dict[int, str]:
    """Read the segment names that 3D Slicer writes into an NRRD header."""
    named = {}
    for key, name in metadata.items():
        found = re.fullmatch(r"(Segment\d+)_Name", key)
        value = metadata.get(f"{found[1]}_LabelValue", "") if found else ""
        if re.fullmatch(r"\d{1,9}", value, re.ASCII):
            named[int(value)] = name
    return named


def _nifti_names(path: Path, kind: FileKind) -> dict[int, str]:
    """Read the label names that TotalSegmentator writes into a NIfTI extension."""
    if kind is not FileKind.NIFTI:
        return {}
    head = gzip_head(path, NIFTI_HEADER_BYTES + EXTENSION_BYTES)
    # Finite: the header was checked before the voxels were read.
    offset = int(np.frombuffer(head[108:112], "<f4")[0])
    extension = head[NIFTI_HEADER_BYTES : max(NIFTI_HEADER_BYTES, offset)]
    return {
        int(number): text.decode("utf-8", "replace").strip()
        for number, text in _LABEL.findall(extension)
    }


# --------------------------------------------------------------------------- DICOM Segmentation


def _read_segmentation(
    path: Path, labels: Mapping[str, int] | None, preset: str | None
) -> LabelMap:
    """Read a binary DICOM Segmentation."""
    try:
        with disable_value_validation(), refused_as("damaged, or frames are not described"):
            return _label_map_of(read_dataset(path, pixels=True), labels, preset)
    except UnreadableInputError as error:
        message = f"{path.name}: {error}; export the label map again"
        raise UnreadableInputError(message) from error


def _label_map_of(
    dataset: Dataset, labels: Mapping[str, int] | None, preset: str | None
) -> LabelMap:
    if dataset.get("SOPClassUID") != SEGMENTATION_STORAGE:
        raise UnreadableInputError("DICOM, but not a Segmentation object; give a label map")
    if dataset.get("SegmentationType", "BINARY") == "FRACTIONAL":
        raise UnreadableInputError("a fractional segmentation; export it as binary")
    frames = segmentation_frames(dataset)
    positions, segments = _frames(dataset)
    if len(positions) != len(frames):
        raise UnreadableInputError("the frames announced and described differ in number")
    grid, slice_of = _grid(dataset, positions, _shape(frames)[1:])
    voxels = np.zeros(grid.shape_kji, np.int32)
    for frame, k, segment in zip(frames, slice_of, segments, strict=True):
        voxels[k][frame > 0] = segment
    named = {
        int(_exactly(item.get("SegmentNumber"), 1)[0]): _segment_name(item)
        for item in items_of(dataset, "SegmentSequence")
    }
    return LabelMap(
        grid,
        voxels,
        choose_values(named, labels, preset),
        str(dataset.FrameOfReferenceUID) if "FrameOfReferenceUID" in dataset else None,
    )


def _segment_name(segment: Dataset) -> str:
    """Join label, type and laterality of a segment into one name."""
    parts = [str(segment.get("SegmentLabel", ""))]
    for types in items_of(segment, "SegmentedPropertyTypeCodeSequence"):
        parts.append(str(types.get("CodeMeaning", "")))
        parts += [
            str(modifier.get("CodeMeaning", ""))
            for modifier in items_of(types, "SegmentedPropertyTypeModifierCodeSequence")
        ]
    return " ".join(parts)


def _first(dataset: Dataset, *keywords: str) -> Dataset:
    """Go down through the first items of sequences.

    Raises
    ------
    UnreadableInputError
        If one is missing or empty.
    """
    for keyword in keywords:
        items = items_of(dataset, keyword)
        if not items:
            raise UnreadableInputError(f"{keyword} is missing")
        dataset = items[0]
    return dataset


def _exactly(value: object, count: int) -> tuple[float, ...]:
    """Read as many finite numbers as there have to be.

    Raises
    ------
    UnreadableInputError
        If there are others.
    """
    numbers = floats_of(value)
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise UnreadableInputError("a position, direction or distance is missing or none")
    return numbers


def _frames(dataset: Dataset) -> tuple[Floats, list[int]]:
    """Read position (frames, 3) and segment number of every frame."""
    positions, segments = [], []
    for item in items_of(dataset, "PerFrameFunctionalGroupsSequence"):
        place = _first(item, "PlanePositionSequence").get("ImagePositionPatient")
        positions.append(_exactly(place, 3))
        number = _first(item, "SegmentIdentificationSequence").get("ReferencedSegmentNumber")
        segments.append(int(_exactly(number, 1)[0]))
    return np.array(positions), segments


def _grid(
    dataset: Dataset, positions: Floats, shape_ji: tuple[int, int]
) -> tuple[Grid, NDArray[np.intp]]:
    """Build the grid through all frames; empty slices in between may be left out of the file."""
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    orientation = _first(shared, "PlaneOrientationSequence").get("ImageOrientationPatient")
    measures = _first(shared, "PixelMeasuresSequence")
    spacing_mm = tuple(_exactly(measures.get("PixelSpacing"), 2))
    cosines = tuple(_exactly(orientation, 6))
    for position in positions:
        problem = geometry_problem(tuple(position), cosines, spacing_mm, None)
        if problem is not None:
            raise GeometryError(f"the segmentation has no place in the patient: {problem}")
    along_row, along_column = np.array(cosines[:3]), np.array(cosines[3:])
    normal = np.cross(along_row, along_column)
    heights = positions @ normal
    levels = np.unique(np.round(heights, 3))
    given = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0
    step_mm = float(np.diff(levels).min()) if len(levels) > 1 else _exactly(given, 1)[0]
    index = (heights - heights.min()) / step_mm
    if np.abs(index - np.rint(index)).max() * step_mm > GRID_TOLERANCE_MM:
        raise GeometryError("the slices of the segmentation are unevenly spaced; export it again")
    slice_of = np.rint(index).astype(np.intp)
    shape_kji = (int(slice_of.max()) + 1, *shape_ji)
    check_voxels(math.prod(shape_kji))
    affine = np.eye(4)
    affine[:3, 0] = normal * step_mm
    affine[:3, 1] = along_column * spacing_mm[0]
    affine[:3, 2] = along_row * spacing_mm[1]
    affine[:3, 3] = positions[int(np.argmin(heights))]
    return Grid(shape_kji, affine), slice_of
