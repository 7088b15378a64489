"""Put the PDF report into a DICOM object of the study (Encapsulated PDF Storage)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import EncapsulatedPDFStorage

from ifspace.dicom_out import codes
from ifspace.dicom_out.header import identify, new_object
from ifspace.dicom_out.sr import instance_reference
from ifspace.errors import OutputError

PDF_MAGIC = b"%PDF-"
TITLE = "Ischiofemoral and quadratus femoris space"


def encapsulated_pdf(
    report_pdf: Path, images: Sequence[Dataset], filed: Dataset, moment: datetime.datetime
) -> FileDataset:
    """Wrap a PDF.

    Parameters
    ----------
    report_pdf
        The file. Without identity in it where `filed` says that identity was removed.
    images
        The images that the report speaks of, without pixels.
    filed, moment
        Patient and study to file it under, and when it is made.

    Raises
    ------
    OutputError
        If the file cannot be read or is no PDF.

    References
    ----------
    DICOM PS3.3 A.45.1, C.24.2.
    """
    try:
        document = report_pdf.read_bytes()
    except OSError as error:
        message = f"the PDF report cannot be read ({error.strerror}); write it first"
        raise OutputError(message) from error
    if not document.startswith(PDF_MAGIC):
        message = f"{report_pdf.name} is not a PDF; write the report again"
        raise OutputError(message)
    made = new_object(filed, EncapsulatedPDFStorage, "DOC", moment)
    made.SeriesDescription = TITLE
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "NO" if filed.get("PatientIdentityRemoved") == "YES" else "YES"
    made.RecognizableVisualFeatures = "NO"
    made.AcquisitionDateTime = ""
    made.SourceInstanceSequence = [instance_reference(image) for image in images]
    made.DocumentTitle = TITLE
    made.ConceptNameCodeSequence = [codes.REPORT_TITLE]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(document)
    # PS3.5 8.1.1: values have an even length; the length above says where the document ends.
    made.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    identify(made)
    return made
