"""Open a structured report and walk through its content tree, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ifspace.errors import SessionError


def read_report(path: Path) -> Dataset:
    """Read a structured report.

    Raises
    ------
    SessionError
        If the file is no DICOM structured report.
    """
    try:
        report = dcmread(path)
    except OSError as error:
        message = f"the report cannot be read ({error.strerror}); check its path"
        raise SessionError(message) from error
    except InvalidDicomError as error:
        message = f"{path.name} is not a DICOM file; give a DICOM structured report"
        raise SessionError(message) from error
    if report.get("Modality") != "SR" or "ContentSequence" not in report:
        message = f"{path.name} is not a structured report; give the file that holds one"
        raise SessionError(message)
    return report


def walk(item: Dataset) -> Iterator[Dataset]:
    """Visit every content item below one, in the order of the document."""
    for child in item.get("ContentSequence", []):
        yield child
        yield from walk(child)


def concept(item: Dataset) -> tuple[str, str]:
    """Give scheme and value of the name of a content item; two empty texts where it has none."""
    names = item.get("ConceptNameCodeSequence")
    return code_of(names[0]) if names else ("", "")


def code_of(code: Dataset) -> tuple[str, str]:
    """Give scheme and value of a code, whichever of the three attributes holds the value."""
    for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue"):
        if code.get(keyword):
            return str(code.get("CodingSchemeDesignator", "")), str(code[keyword].value)
    return "", ""
