"""Write a result as a DICOM structured report: Comprehensive 3D SR, template TID 1500."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    RelationshipTypeValues,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset, FileDataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.uid import Comprehensive3DSRStorage

from ifspace.dicom_out import codes
from ifspace.dicom_out.evaluations import qualitative_evaluations
from ifspace.dicom_out.group import measurement_group
from ifspace.dicom_out.header import identify, new_object
from ifspace.errors import OutputError
from ifspace.model import Measurement, Signature, StudyResult

ENGLISH = CodedConcept("en-US", "RFC5646", "English (United States)")
# PS3.5 table 6.2-1: a component group of a person name has at most 64 characters, and ^ = \ mean
# something in it.
NAME_LIMIT = 64
NAME_SYNTAX = re.compile(r"[\\=^\x00-\x1f]+")
# VerifyingOrganization may not be empty, and no result knows where it was read.
UNSPECIFIED = "unspecified"


def structured_report(
    result: StudyResult,
    headers: Sequence[Dataset],
    filed: Dataset,
    moment: datetime.datetime,
    *,
    predecessor: Dataset | None = None,
    report_text: str = "",
) -> FileDataset:
    """Make the report.

    Parameters
    ----------
    result
        What was measured and what was not.
    headers
        The images of ``result.series``, in the order of its sources, without pixels. Slices of
        one enhanced image share one header.
    filed
        Patient and study of the images (:func:`ifspace.dicom_out.header.patient_and_study`).
    moment
        When the report is made.
    predecessor
        An earlier report of the same study, which this one amends.
    report_text
        The report as text, as people paste it into their own.

    Raises
    ------
    OutputError
        If the predecessor is no report of this study.
    GeometryError
        If an image that was measured on does not say where it lies.
    ValueError
        If result and headers are not of the same series.
    """
    by_uid = {str(header.SOPInstanceUID): header for header in headers}
    root = _root(result, headers, by_uid, report_text)
    report = new_object(filed, Comprehensive3DSRStorage, "SR", moment)
    report.SeriesDescription = "Ischiofemoral and quadratus femoris space"
    report.CodingSchemeIdentificationSequence = [codes.coding_scheme_item()]
    report.ReferencedPerformedProcedureStepSequence = []
    report.PerformedProcedureCodeSequence = []
    report.CurrentRequestedProcedureEvidenceSequence = [references(list(by_uid.values()))]
    if predecessor is not None:
        report.PredecessorDocumentsSequence = [_predecessor(predecessor, report)]
    _state(report, result)
    report.update(root)
    identify(report)
    return report


def _root(
    result: StudyResult,
    headers: Sequence[Dataset],
    by_uid: Mapping[str, Dataset],
    report_text: str,
) -> ContainerContentItem:
    """Build the content tree in the order of TID 1500."""
    root = ContainerContentItem(codes.REPORT_TITLE, template_id="1500")
    root.ContentSequence = ContentSequence(is_root=False)
    add = root.ContentSequence
    add.extend(LanguageOfContentItemAndDescendants(ENGLISH))
    add.extend(_observers(result))
    add.append(
        CodeContentItem(
            codes.PROCEDURE_REPORTED,
            codes.IMAGING_PROCEDURE,
            RelationshipTypeValues.HAS_CONCEPT_MOD,
        )
    )
    add.append(_image_library(list(by_uid.values()), result.series.frame_of_reference_uid))
    groups = [
        measurement_group(
            space,
            _image_of(space.outcome, headers),
            result.series.frame_of_reference_uid,
        )
        for space in result.spaces
        if isinstance(space.outcome, Measurement)
    ]
    if groups:
        add.append(_container(codes.IMAGING_MEASUREMENTS, groups))
    add.append(qualitative_evaluations(result, report_text))
    return root


def _container(name: CodedConcept, items: Sequence[ContentItem]) -> ContainerContentItem:
    container = ContainerContentItem(name, relationship_type=RelationshipTypeValues.CONTAINS)
    container.ContentSequence = ContentSequence(items)
    return container


def _image_of(measured: Measurement, headers: Sequence[Dataset]) -> Dataset:
    """Find the image of a measurement; both must speak of the same one."""
    header = headers[measured.slice_index]
    if measured.sop_instance_uid != str(header.SOPInstanceUID):
        message = f"slice {measured.slice_index} of the result is not that of the headers"
        raise ValueError(message)
    return header


def _observers(result: StudyResult) -> ObservationContext:
    """Name who measured (TID 1001): the reader, where known, and this program."""
    device = ObserverContext(
        observer_type=dictionary.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=codes.SOFTWARE_UID,
            name=codes.SOFTWARE_NAME,
            manufacturer_name=codes.MANUFACTURER,
            model_name=codes.SOFTWARE_NAME,
        ),
    )
    reader = result.session.reader
    if not reader:
        return ObservationContext(observer_device_context=device)
    person = ObserverContext(
        observer_type=dictionary.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=person_name(reader)
        ),
    )
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def person_name(reader: str) -> str:
    """Write a reader ID as the family name of a DICOM person name."""
    return NAME_SYNTAX.sub(" ", reader).strip()[: NAME_LIMIT - 1] + "^"


def _image_library(
    images: Sequence[Dataset], frame_of_reference_uid: str | None
) -> ContainerContentItem:
    """List the images that were looked at (TID 1600)."""
    modality = str(images[0].get("Modality", "MR"))
    items: list[ContentItem] = [
        CodeContentItem(
            codes.MODALITY,
            codes.MR if modality == "MR" else codes.dcm(modality, modality),
            RelationshipTypeValues.HAS_ACQ_CONTEXT,
        )
    ]
    if frame_of_reference_uid:
        items.append(
            UIDRefContentItem(
                codes.FRAME_OF_REFERENCE_UID,
                frame_of_reference_uid,
                RelationshipTypeValues.HAS_ACQ_CONTEXT,
            )
        )
    entries = [
        ImageContentItem(
            codes.IMAGE_LIBRARY_GROUP,
            image.SOPClassUID,
            image.SOPInstanceUID,
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
        for image in images
    ]
    group = _container(codes.IMAGE_LIBRARY_GROUP, [*items, *entries])
    for entry in entries:
        # TID 1601 gives its entries no name, but highdicom builds no item without one.
        del entry.ConceptNameCodeSequence
    return _container(codes.IMAGE_LIBRARY, [group])


def _state(report: FileDataset, result: StudyResult) -> None:
    """Say whether an accountable person stands behind the report (PS3.3 C.17.2)."""
    signature = result.session.signature
    if not result.is_final or signature is None:
        report.CompletionFlag = "PARTIAL"
        report.PreliminaryFlag = "PRELIMINARY"
        report.VerificationFlag = "UNVERIFIED"
        return
    report.CompletionFlag = "COMPLETE"
    report.PreliminaryFlag = "FINAL"
    report.VerificationFlag = "VERIFIED"
    observer = Dataset()
    observer.VerifyingObserverName = person_name(signature.reader)
    observer.VerifyingOrganization = str(report.get("InstitutionName") or UNSPECIFIED)
    observer.VerificationDateTime = _signed_at(signature)
    observer.VerifyingObserverIdentificationCodeSequence = []
    report.VerifyingObserverSequence = [observer]


def _signed_at(signature: Signature) -> str:
    """Write the moment of signing as a DICOM date-time."""
    try:
        moment = datetime.datetime.fromisoformat(signature.signed_at)
    except ValueError as error:
        message = f"the session was signed at {signature.signed_at!r}; sign it again"
        raise OutputError(message) from error
    return moment.strftime("%Y%m%d%H%M%S.%f%z")


def _predecessor(earlier: Dataset, report: FileDataset) -> Dataset:
    """Refer to the report that this one amends (PS3.3 C.17.2, Predecessor Documents Sequence)."""
    if str(earlier.StudyInstanceUID) != str(report.StudyInstanceUID):
        message = "the earlier report is of another study; give the report of this study"
        raise OutputError(message)
    return references([earlier])


def references(objects: Sequence[Dataset]) -> Dataset:
    """Refer to objects of one series (PS3.3 table C.17-3, Hierarchical SOP Instance Reference)."""
    study, series = Dataset(), Dataset()
    study.StudyInstanceUID = objects[0].StudyInstanceUID
    series.SeriesInstanceUID = objects[0].SeriesInstanceUID
    series.ReferencedSOPSequence = [instance_reference(item) for item in objects]
    study.ReferencedSeriesSequence = [series]
    return study


def instance_reference(item: Dataset) -> Dataset:
    """Refer to one object by class and instance."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = item.SOPClassUID
    reference.ReferencedSOPInstanceUID = item.SOPInstanceUID
    return reference
