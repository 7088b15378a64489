"""The measured lines as a presentation state over the images themselves (PS3.3 A.33.1).

Unlike a picture with lines in its pixels it leaves the images what they are: a viewer draws lines
and labels over the slices that were measured, and they can be taken off.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping, Sequence

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage
from pydicom.valuerep import format_number_as_ds

from ifspace.dicom_out.capture import reference_to
from ifspace.dicom_out.header import identify, new_object
from ifspace.dicom_out.planes import functional, plane_of, to_column_row
from ifspace.errors import GeometryError
from ifspace.geometry import Plane
from ifspace.model import MarkState, Measurement, StudyResult

LAYER = "DISTANCES"
# Labels begin beside the end of their line, in pixels.
LABEL_OFFSET = 4.0


def presentation_state(
    result: StudyResult,
    headers: Sequence[Dataset],
    filed: Dataset,
    moment: datetime.datetime,
    windows: Mapping[int, tuple[float, float]],
) -> FileDataset:
    """Draw every measured line over its slice.

    Parameters
    ----------
    result
        With at least one measurement.
    headers
        One for each slice of the series.
    filed, moment
        Patient and study to file it under, and when it is made.
    windows
        Which signals are black and white, by slice, after rescaling.

    References
    ----------
    DICOM PS3.3 C.10.4, C.10.5, C.10.7, C.11.8, C.11.10, C.11.11.
    """
    shown = {item.slice_index: item for item in result.measurements}
    references = {
        index: reference_to(headers[index], item.frame_number) for index, item in shown.items()
    }
    made = new_object(filed, GrayscaleSoftcopyPresentationStateStorage, "PR", moment)
    made.SeriesDescription = "Lines on the images, ischiofemoral and quadratus femoris space"
    # Type 2C, and both sides may be drawn.
    made.Laterality = ""
    made.ContentLabel = "DISTANCES"
    made.ContentDescription = "Ischiofemoral and quadratus femoris space"
    made.ContentCreatorName = ""
    made.PresentationCreationDate = made.pop("ContentDate").value
    made.PresentationCreationTime = made.pop("ContentTime").value
    made.ReferencedSeriesSequence = [_series(headers, references)]
    made.DisplayedAreaSelectionSequence = [
        _displayed_area(plane_of(headers[index], item.frame_number), references[index])
        for index, item in shown.items()
    ]
    made.GraphicLayerSequence = [_layer()]
    made.GraphicAnnotationSequence = [
        _annotation(item, headers[item.slice_index], references[item.slice_index])
        for item in result.measurements
    ]
    looks = [
        _window(headers[index], item.frame_number, windows[index], references[index])
        for index, item in shown.items()
        if index in windows
    ]
    if looks and all(looks):
        made.SoftcopyVOILUTSequence = looks
    made.PresentationLUTShape = "INVERSE" if _is_inverse(headers[0]) else "IDENTITY"
    identify(made)
    return made


def _series(headers: Sequence[Dataset], references: Mapping[int, Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = headers[0].SeriesInstanceUID
    # Frames of one image are one reference there.
    images: dict[str, Dataset] = {}
    for reference in references.values():
        known = images.get(reference.ReferencedSOPInstanceUID)
        if known is None:
            images[reference.ReferencedSOPInstanceUID] = copy.deepcopy(reference)
        else:
            frames = {
                *_frames(known.ReferencedFrameNumber),
                *_frames(reference.ReferencedFrameNumber),
            }
            known.ReferencedFrameNumber = sorted(frames)
    series.ReferencedImageSequence = list(images.values())
    return series


def _frames(value: object) -> list[int]:
    return [int(part) for part in value] if isinstance(value, Sequence) else [int(str(value))]


def _displayed_area(plane: Plane, reference: Dataset) -> Dataset:
    """Show the whole slice, as large as it fits."""
    rows, columns = plane.shape_ji
    area = Dataset()
    area.ReferencedImageSequence = [copy.deepcopy(reference)]
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [columns, rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelSpacing = [
        format_number_as_ds(plane.row_spacing_mm),
        format_number_as_ds(plane.column_spacing_mm),
    ]
    return area


def _layer() -> Dataset:
    layer = Dataset()
    layer.GraphicLayer = LAYER
    layer.GraphicLayerOrder = 1
    layer.GraphicLayerRecommendedDisplayGrayscaleValue = 65535
    return layer


def _annotation(item: Measurement, header: Dataset, reference: Dataset) -> Dataset:
    plane = plane_of(header, item.frame_number)
    ends = to_column_row(plane, np.stack([item.segment.start_lps_mm, item.segment.end_lps_mm]))
    line = Dataset()
    line.GraphicAnnotationUnits = "PIXEL"
    line.GraphicDimensions = 2
    line.NumberOfGraphicPoints = 2
    line.GraphicData = [float(value) for value in ends.ravel()]
    line.GraphicType = "POLYLINE"
    line.GraphicFilled = "N"
    label = Dataset()
    label.AnchorPointAnnotationUnits = "PIXEL"
    label.AnchorPoint = _label_at(ends.max(axis=0), plane)
    label.AnchorPointVisibility = "N"
    label.UnformattedTextValue = _words(item)
    drawn = Dataset()
    drawn.ReferencedImageSequence = [copy.deepcopy(reference)]
    drawn.GraphicLayer = LAYER
    drawn.GraphicObjectSequence = [line]
    drawn.TextObjectSequence = [label]
    return drawn


def _label_at(corner: np.ndarray, plane: Plane) -> list[float]:
    """Put a label below the line, inside the image."""
    column, row = corner + LABEL_OFFSET
    rows, columns = plane.shape_ji
    return [float(min(column, columns)), float(min(row, rows))]


def _words(item: Measurement) -> str:
    state = "" if item.state is MarkState.CONFIRMED else f" ({item.state.value})"
    return f"{item.kind.name} {item.side.value} {item.value_mm:.1f} mm{state}"


def _window(
    header: Dataset, frame_number: int | None, window: tuple[float, float], reference: Dataset
) -> Dataset | None:
    """Give the window in stored values: without a modality LUT in the state, those are meant."""
    group = "PixelValueTransformationSequence"
    try:
        (slope,) = functional(header, frame_number, group, "RescaleSlope")
        (intercept,) = functional(header, frame_number, group, "RescaleIntercept")
    except (GeometryError, ValueError):
        slope, intercept = 1.0, 0.0
    if slope <= 0.0 or _is_inverse(header):
        return None
    low, high = ((value - intercept) / slope for value in window)
    item = Dataset()
    item.ReferencedImageSequence = [copy.deepcopy(reference)]
    # The linear function of PS3.3 C.11.2.1.2.1.
    item.WindowCenter = format_number_as_ds((low + high) / 2 + 0.5)
    item.WindowWidth = format_number_as_ds(high - low + 1)
    return item


def _is_inverse(header: Dataset) -> bool:
    return str(header.get("PhotometricInterpretation", "")) == "MONOCHROME1"
