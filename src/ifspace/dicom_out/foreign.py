"""Lengths that other programs drew, to choose marks from: any TID 1500 report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ifspace.dicom_out import codes
from ifspace.dicom_out.content import CONTENT, code_of, concept, read_report, walk
from ifspace.dicom_out.planes import to_lps_mm
from ifspace.errors import SessionError
from ifspace.geometry import Floats, Plane, finite
from ifspace.io.values import floats_of, items_of, refused_as
from ifspace.model import (
    MARKS_OF_KIND,
    Kind,
    Mark,
    MarkName,
    MarkState,
    Session,
    Side,
    Source,
    Volume,
)

# A patient coordinate must lie this near to a slice to be a mark on it, where the step is unknown.
ON_SLICE_MM = 1.0
# Coordinates are single precision, and programs round them to a tenth of a pixel.
LEAST_ROUNDING_MM = 0.05
# UCUM codes of the lengths that a drawn line may be given in.
MM_OF_UNIT = {"mm": 1.0, "um": 0.001, "cm": 10.0, "dm": 100.0, "m": 1000.0, "[in_i]": 25.4}


@dataclass(frozen=True, eq=False)
class ForeignLength:
    """A length that another program drew: two points, and what it says they are.

    Attributes
    ----------
    label
        What the report calls it, in words.
    value_mm
        The length that the report gives, in mm; none where its unit is no length or its number
        cannot be read.
    unit
        The unit that the report gives it in, a UCUM code.
    points_lps_mm
        Both ends in the patient (2, 3), where the report gives patient coordinates.
    points_column_row
        Both ends in the pixels of the image (2, 2), column first, (0, 0) the outer corner of the
        first pixel, where it gives pixel coordinates.
    sop_instance_uid, frame_number
        The image of the pixel coordinates.
    side
        The side that the report names, if it does.
    rounding_mm
        Half of the last digit that the report gives, in mm.
    """

    label: str
    value_mm: float | None
    points_lps_mm: Floats | None = None
    points_column_row: Floats | None = None
    sop_instance_uid: str | None = None
    frame_number: int | None = None
    side: Side | None = None
    unit: str = codes.MILLIMETRE.value
    rounding_mm: float = 0.0

    def __post_init__(self) -> None:
        """Refuse anything but two points of one kind."""
        if (self.points_lps_mm is None) == (self.points_column_row is None):
            message = "a length has either patient or pixel coordinates"
            raise ValueError(message)
        if self.points_lps_mm is not None:
            object.__setattr__(
                self, "points_lps_mm", finite(self.points_lps_mm, (2, 3), "points_lps_mm")
            )
        if self.points_column_row is not None:
            points = finite(self.points_column_row, (2, 2), "points_column_row")
            object.__setattr__(self, "points_column_row", points)


def foreign_lengths(path: Path) -> tuple[ForeignLength, ...]:
    """List the straight lengths of a TID 1500 report, whoever wrote it.

    A length is a number that is inferred from a line of two points; other units are converted.
    What cannot be converted is listed without a value. Anything else is passed over.

    Raises
    ------
    SessionError
        If the file is no structured report.
    """
    with refused_as(f"{path.name} holds a damaged report; take another copy of it", SessionError):
        return tuple(lengths_of(read_report(path)))


def lengths_of(report: Dataset) -> Iterator[ForeignLength]:
    """Give the straight lengths of an opened report."""
    for group in walk(report):
        if concept(group) == ("DCM", codes.MEASUREMENT_GROUP.value):
            yield from _lengths_of(group)


def marks_from_length(
    length: ForeignLength, volume: Volume, names: tuple[MarkName, MarkName], side: Side
) -> tuple[Mark, Mark]:
    """Make marks of both ends of a length, in state `placed`: a person said which is which.

    Parameters
    ----------
    length
        Of the list above.
    volume
        The images that it was drawn on.
    names
        Which mark the first and which the second end is.
    side
        The patient's side.

    Raises
    ------
    SessionError
        If the line was drawn on other images, or not within one slice, has no value in mm, or
        another one than the line is long.
    """
    if length.value_mm is None:
        message = f"{length.label}: {not_converted(length)}; draw this line again"
        raise SessionError(message)
    slice_index, points_lps_mm = _place(length, volume)
    plane = volume.slices[slice_index].plane
    if contradicted := _contradiction(length, points_lps_mm, _grain_mm(length, plane)):
        message = f"{length.label}: {contradicted}; draw this line again"
        raise SessionError(message)
    source = volume.slices[slice_index].source
    first, second = (
        Mark(
            name,
            side,
            point,
            state=MarkState.PLACED,
            source=Source.HUMAN,
            sop_instance_uid=source.sop_instance_uid,
        )
        for name, point in zip(names, points_lps_mm, strict=True)
    )
    return first, second


def not_converted(length: ForeignLength) -> str:
    """Say why a length has no value; nothing where it has one."""
    if length.value_mm is not None:
        return ""
    if length.unit in MM_OF_UNIT:
        return f"its number in {length.unit} cannot be read"
    unit = repr(length.unit) if length.unit else "no unit"
    return f"it is given in {unit}, which cannot be converted to mm"


def problem_of(length: ForeignLength) -> str:
    """Say why no marks can be made of a length, as far as the report alone tells."""
    if length.points_lps_mm is None:
        return not_converted(length)
    return not_converted(length) or _contradiction(length, length.points_lps_mm)


def _grain_mm(length: ForeignLength, plane: Plane) -> float:
    """Give what whole pixels may take from a line: some programs give no fractions of them."""
    doubled = 2.0 * (length.points_column_row if length.points_column_row is not None else 0.25)
    whole = bool(np.allclose(doubled, np.round(doubled), atol=1e-6))
    return max(plane.row_spacing_mm, plane.column_spacing_mm) if whole else 0.0


def _contradiction(
    length: ForeignLength, points_lps_mm: Floats, grain_mm: float = LEAST_ROUNDING_MM
) -> str:
    """Say where the number of a line is not its length, beyond rounding."""
    line_mm = float(np.linalg.norm(points_lps_mm[1] - points_lps_mm[0]))
    value_mm = length.value_mm
    allowed_mm = max(length.rounding_mm, grain_mm, LEAST_ROUNDING_MM) * 1.01
    if value_mm is None or abs(line_mm - value_mm) <= allowed_mm:
        return ""
    return f"its number is {value_mm:.4g} mm, but its line is {line_mm:.4g} mm long"


def _place(length: ForeignLength, volume: Volume) -> tuple[int, Floats]:
    """Find the slice of a length and its ends (2, 3) in the patient."""
    if length.points_lps_mm is not None:
        nearest = [volume.nearest_slice(point) for point in length.points_lps_mm]
        limit_mm = (volume.slice_step_mm or 2.0 * ON_SLICE_MM) / 2.0
        if nearest[0][0] != nearest[1][0] or max(gap for _, gap in nearest) > limit_mm:
            message = f"{length.label}: the line does not lie within one slice of this series"
            raise SessionError(message)
        return nearest[0][0], length.points_lps_mm
    for slice_index, item in enumerate(volume.slices):
        same_frame = item.source.frame_number in (None, length.frame_number or 1)
        if item.source.sop_instance_uid == length.sop_instance_uid and same_frame:
            assert length.points_column_row is not None
            return slice_index, to_lps_mm(item.plane, length.points_column_row)
    message = f"{length.label}: the line was drawn on an image that is not in this series"
    raise SessionError(message)


def _lengths_of(group: Dataset) -> Iterator[ForeignLength]:
    label, side = _words(group)
    for item in items_of(group, CONTENT):
        measured = next(iter(items_of(item, "MeasuredValueSequence")), None)
        if item.get("ValueType") != "NUM" or measured is None:
            continue
        value_mm, unit = _millimetres(measured)
        for line in items_of(item, CONTENT):
            length = _line(line, label or _meaning(item), value_mm, side)
            if length is not None:
                yield replace(length, unit=unit, rounding_mm=_rounding_mm(measured, unit))


def _words(group: Dataset) -> tuple[str, Side | None]:
    """Find what a group calls its line, and the side that its finding site names."""
    label, side = "", None
    for item in items_of(group, CONTENT):
        name = concept(item)[1]
        if name == codes.COMMENT.value and item.get("ValueType") == "TEXT":
            label = str(item.get("TextValue", ""))
        elif name == codes.FINDING.value and item.get("ValueType") == "CODE" and not label:
            label = str(_coded(item).get("CodeMeaning", ""))
        for modifier in items_of(item, CONTENT):
            if concept(modifier)[1] == codes.LATERALITY.value:
                value = code_of(_coded(modifier))[1]
                side = next((s for s in Side if codes.SIDE[s].value == value), side)
    return label, side


def _coded(item: Dataset) -> Dataset:
    """Give the code that is the value of a content item; an empty one where it has none."""
    return next(iter(items_of(item, "ConceptCodeSequence")), Dataset())


def _meaning(item: Dataset) -> str:
    names = items_of(item, "ConceptNameCodeSequence")
    return str(names[0].get("CodeMeaning", "length")) if names else "length"


def _millimetres(measured: Dataset) -> tuple[float | None, str]:
    """Convert a measured value to mm, where that can be done; gives its unit as well."""
    units = items_of(measured, "MeasurementUnitsCodeSequence")
    unit = code_of(units[0])[1] if units else ""
    values = floats_of(measured.get("FloatingPointValue") or measured.get("NumericValue"))
    if unit not in MM_OF_UNIT or len(values) != 1 or not math.isfinite(values[0]):
        return None, unit
    return values[0] * MM_OF_UNIT[unit], unit


def _rounding_mm(measured: Dataset, unit: str) -> float:
    """Give half of the last digit of a number as it is written, in mm."""
    digits, _, exponent = str(measured.get("NumericValue", "")).lower().partition("e")
    decimals = len(digits.partition(".")[2])
    try:
        return 0.5 * 10.0 ** (int(exponent or 0) - decimals) * MM_OF_UNIT.get(unit, 0.0)
    except (ValueError, OverflowError):
        return 0.0


def _line(
    item: Dataset, label: str, value_mm: float | None, side: Side | None
) -> ForeignLength | None:
    """Read a line of two points, in the image or in the patient."""
    kind, data = item.get("ValueType"), item.get("GraphicData")
    if item.get("GraphicType") not in ("POLYLINE", "MULTIPOINT") or data is None:
        return None
    numbers = np.asarray(floats_of(data))
    if not np.isfinite(numbers).all():
        return None
    if kind == "SCOORD3D" and numbers.size == 6:
        return ForeignLength(label, value_mm, points_lps_mm=numbers.reshape(2, 3), side=side)
    if kind != "SCOORD" or numbers.size != 4:
        return None
    uid, frame_number = _image(item)
    return ForeignLength(
        label,
        value_mm,
        points_column_row=numbers.reshape(2, 2),
        sop_instance_uid=uid,
        frame_number=frame_number,
        side=side,
    )


def _image(item: Dataset) -> tuple[str | None, int | None]:
    """Find the image, and its frame, that pixel coordinates were selected from."""
    for child in items_of(item, CONTENT):
        for reference in items_of(child, "ReferencedSOPSequence")[:1]:
            uid = str(reference.get("ReferencedSOPInstanceUID", ""))
            frames = floats_of(reference.get("ReferencedFrameNumber"))
            return uid, int(frames[0]) if frames else None
    return None, None


def session_from_lengths(
    chosen: Sequence[tuple[ForeignLength, Kind, Side]], volume: Volume
) -> Session:
    """Make a session of lengths of which a person said what they measure.

    The end nearer to the midline is the ischial one: on every slice that shows both, the ischium
    lies medial to the femur.

    Raises
    ------
    SessionError
        If a line was drawn on other images, or not within one slice.
    """
    marks: list[Mark] = []
    for length, kind, side in chosen:
        ischial, femoral = MARKS_OF_KIND[kind]
        pair = marks_from_length(length, volume, (ischial, femoral), side)
        first_x_mm, second_x_mm = (mark.position_lps_mm[0] for mark in pair)
        # +x is the patient's left: the medial end of a left space has the smaller x.
        if (first_x_mm > second_x_mm) == (side is Side.LEFT):
            pair = marks_from_length(length, volume, (femoral, ischial), side)
        marks.extend(pair)
    return Session(
        study_instance_uid=volume.series.study_instance_uid,
        series_instance_uid=volume.series.series_instance_uid,
        frame_of_reference_uid=volume.series.frame_of_reference_uid,
        marks=tuple(marks),
    )
