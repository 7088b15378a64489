"""One measured space as one measurement group of the report (TID 1501).

Some of its shape comes from other programs and not from the standard:

* The OHIF viewer draws and edits a line only where the tracking identifier begins as its own tool
  writes it, and takes the first number of the group for the length of the line. It swaps the two
  spacings of an image with non-square pixels when it places pixel coordinates, so those images
  get patient coordinates. Of further numbers it prints those that have no children over the
  image; ours have children, and leave the image free.
* PixelMed's validator allows a number no properties but texts (it takes every code below it for a
  modifier and every number for a source), so uncertainty, published range and normality stand in
  the group, beside the only number that they can belong to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ContentItem,
    ContentSequence,
    CoordinatesForMeasurement,
    CoordinatesForMeasurement3D,
    FindingSite,
    GraphicTypeValues,
    GraphicTypeValues3D,
    MeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from highdicom.sr import Measurement as SrMeasurement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from ifspace.dicom_out import codes
from ifspace.dicom_out.planes import plane_of, to_column_row
from ifspace.geometry import Plane
from ifspace.model import AssessedSpace, Comparison, Kind, Measurement, Relation, Side, Source
from ifspace.version import __version__

# What the length tool of the OHIF viewer writes, and the only form it loads as an editable line.
OHIF_LENGTH_TOOL = "Cornerstone3DTools@^0.1.0:Length"
# The viewer measures the line again: a number that its coordinates do not bear out misleads.
GEOMETRY_TOLERANCE_MM = 0.01
# Spacings that differ by less are the same spacing, written with rounding.
SQUARE_TOLERANCE = 1e-4


def tracking_uid(study_instance_uid: str, kind: Kind, side: Side) -> str:
    """Give the UID that stays with one space of one study through all versions of its report."""
    return codes.derived_uid("tracking", study_instance_uid, kind.value, side.value)


def measurement_group(
    space: AssessedSpace, header: Dataset, frame_of_reference_uid: str | None
) -> ContentItem:
    """Write a measured space as a measurement group.

    Parameters
    ----------
    space
        A space whose outcome is a measurement.
    header
        The image that it was measured on, without pixels.
    frame_of_reference_uid
        Of the image; without one, only pixel coordinates can be written.

    Raises
    ------
    ValueError
        If the value is not the length of its segment as it lies in the image.
    GeometryError
        If the image does not say where it lies.
    """
    measured = space.outcome
    if not isinstance(measured, Measurement):
        message = "a measurement group needs a measurement"
        raise ValueError(message)  # noqa: TRY004  # a wrong outcome, not a wrong type
    kind, side = measured.kind, measured.side
    report_part = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=tracking_uid(str(header.StudyInstanceUID), kind, side),
            identifier=f"{OHIF_LENGTH_TOOL}:{kind.name}-{codes.SIDE_LETTER[side]}",
        ),
        finding_type=codes.SPACE[kind],
        finding_sites=_sites(kind, side),
        measurements=[
            _length(measured, header, frame_of_reference_uid),
            _uncertainty(measured),
            *(_published_limit(item) for item in space.comparisons),
        ],
        qualitative_evaluations=[
            QualitativeEvaluation(codes.MARK_STATE, codes.STATE[measured.state]),
            *_normality(space.comparisons),
        ],
        source_images=[SourceImageForMeasurementGroup(*_image(header, measured))],
    )
    group = cast(ContentItem, report_part[0])
    group.ContentSequence.insert(_after_finding(group), _title(kind, side))
    return group


def _sites(kind: Kind, side: Side) -> list[FindingSite]:
    return [FindingSite(site, laterality=codes.SIDE[side]) for site in codes.SITES[kind]]


def _title(kind: Kind, side: Side) -> TextContentItem:
    """Name the space with its side: the only place where that viewer shows a side."""
    text = f"{kind.full_name}, {side.value}"
    return TextContentItem(codes.COMMENT, text, RelationshipTypeValues.CONTAINS)


def _after_finding(group: ContentItem) -> int:
    names = [item.ConceptNameCodeSequence[0].CodeValue for item in group.ContentSequence]
    return names.index(codes.FINDING.value) + 1


def _image(header: Dataset, measured: Measurement) -> tuple[str, str, list[int] | None]:
    """Point at the image by class and instance, and at the frame where it has several."""
    frames = None if measured.frame_number is None else [measured.frame_number]
    return str(header.SOPClassUID), str(header.SOPInstanceUID), frames


def _length(
    measured: Measurement, header: Dataset, frame_of_reference_uid: str | None
) -> SrMeasurement:
    plane = plane_of(header, measured.frame_number)
    # Drawn from the femur to the ischium: at the femur the two spaces of a side often share their
    # end, and a viewer that is to take a line by its last point would take hold of the other one.
    ends_lps_mm = plane.foot_lps_mm(
        np.stack([measured.segment.end_lps_mm, measured.segment.start_lps_mm])
    )
    drawn_mm = float(np.linalg.norm(ends_lps_mm[1] - ends_lps_mm[0]))
    if abs(drawn_mm - measured.value_mm) > GEOMETRY_TOLERANCE_MM:
        message = f"value {measured.value_mm} mm, but its line is {drawn_mm} mm long in the image"
        raise ValueError(message)
    coordinates: CoordinatesForMeasurement | CoordinatesForMeasurement3D
    if frame_of_reference_uid is None or _is_square(plane):
        coordinates = CoordinatesForMeasurement(
            GraphicTypeValues.POLYLINE,
            to_column_row(plane, ends_lps_mm),
            SourceImageForRegion(*_image(header, measured)),
        )
    else:
        coordinates = CoordinatesForMeasurement3D(
            GraphicTypeValues3D.POLYLINE, ends_lps_mm, frame_of_reference_uid
        )
    return SrMeasurement(
        name=_space_as_distance(measured.kind),
        value=measured.value_mm,
        unit=codes.MILLIMETRE,
        derivation=codes.MINIMUM,
        method=codes.method(measured.method),
        referenced_coordinates=[coordinates],
        algorithm_id=_algorithm(measured),
    )


def _is_square(plane: Plane) -> bool:
    ratio = plane.row_spacing_mm / plane.column_spacing_mm
    return abs(ratio - 1.0) < SQUARE_TOLERANCE


def _space_as_distance(kind: Kind) -> CodedConcept:
    """Name the number after its space, and say to others that it is a distance."""
    name = CodedConcept(
        codes.SPACE[kind].value, codes.SPACE[kind].scheme_designator, kind.full_name
    )
    name.EquivalentCodeSequence = DicomSequence([codes.DISTANCE])
    return name


def _uncertainty(measured: Measurement) -> SrMeasurement:
    """Write the half-width of the interval (CID 225)."""
    return _with_texts(
        SrMeasurement(codes.UNCERTAINTY, measured.u95_mm, codes.MILLIMETRE),
        {codes.COMMENT: "Half-width of the 95 % interval"},
    )


def _published_limit(item: Comparison) -> SrMeasurement:
    """Write one published cut-off as a lower limit with its rule and citation (TID 312)."""
    published = item.published
    relation = item.relation.value.replace("_", " ")
    rule = published.rule or f"{item.cutoff_mm:g} mm"
    return _with_texts(
        SrMeasurement(codes.NORMAL_RANGE_LOWER_LIMIT, item.cutoff_mm, codes.MILLIMETRE),
        {
            codes.NORMAL_RANGE_DESCRIPTION: (
                f"Published cut-off {rule}; {published.population}; value {relation}"
            ),
            codes.NORMAL_RANGE_AUTHORITY: f"{published.citation} [{published.evidence_id}]",
        },
    )


def _with_texts(number: SrMeasurement, texts: Mapping[CodedConcept, str]) -> SrMeasurement:
    number[0].ContentSequence = ContentSequence(
        [
            TextContentItem(name, text, RelationshipTypeValues.HAS_PROPERTIES)
            for name, text in texts.items()
        ]
    )
    return number


def _normality(comparisons: Sequence[Comparison]) -> list[QualitativeEvaluation]:
    found = normality(comparisons)
    return [] if found is None else [QualitativeEvaluation(codes.NORMALITY, found)]


def normality(comparisons: Sequence[Comparison]) -> CodedConcept | None:
    """Lay the value beside the published cut-offs: undetermined unless they all agree."""
    relations = {item.relation for item in comparisons}
    if not relations:
        return None
    if relations == {Relation.ABOVE}:
        return codes.NORMAL
    if relations == {Relation.AT_OR_BELOW}:
        return codes.ABNORMALLY_LOW
    return codes.UNDETERMINED


def _algorithm(measured: Measurement) -> AlgorithmIdentification | None:
    """Name the program where it put a mark; a person's marks have no algorithm."""
    if all(mark.source is Source.HUMAN for mark in measured.marks):
        return None
    return AlgorithmIdentification(
        name=codes.SOFTWARE_NAME,
        version=__version__,
        parameters=[f"method {measured.method}"],
        manufacturer=codes.MANUFACTURER,
    )
