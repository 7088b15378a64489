"""Open a structured report and walk through its content tree, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from ifspace.errors import SessionError, UnreadableInputError
from ifspace.io.elements import read_dataset
from ifspace.io.values import items_of

CONTENT = "ContentSequence"
# A TID 1500 report has six.
MOST_LEVELS = 64


def read_report(path: Path) -> Dataset:
    """Read a structured report.

    Raises
    ------
    SessionError
        If the file is no DICOM structured report.
    """
    try:
        report = read_dataset(path, pixels=True)
    except UnreadableInputError as error:
        message = f"{path.name} is no sound DICOM file ({error}); give a DICOM structured report"
        raise SessionError(message) from error
    if report.get("Modality") != "SR" or "ContentSequence" not in report:
        message = f"{path.name} is not a structured report; give the file that holds one"
        raise SessionError(message)
    return report


def walk(item: Dataset) -> Iterator[Dataset]:
    """Visit every content item below one, in the order of the document.

    Raises
    ------
    SessionError
        If they are nested deeper than any report is.
    """
    waiting = [iter(items_of(item, CONTENT))]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
            continue
        yield child
        if len(waiting) >= MOST_LEVELS:
            message = f"the report is nested deeper than {MOST_LEVELS} levels; it is not read"
            raise SessionError(message)
        waiting.append(iter(items_of(child, CONTENT)))


def concept(item: Dataset) -> tuple[str, str]:
    """Give scheme and value of the name of a content item; two empty texts where it has none."""
    names = items_of(item, "ConceptNameCodeSequence")
    return code_of(names[0]) if names else ("", "")


def code_of(code: Dataset) -> tuple[str, str]:
    """Give scheme and value of a code, whichever of the three attributes holds the value."""
    for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue"):
        if code.get(keyword):
            return str(code.get("CodingSchemeDesignator", "")), str(code[keyword].value)
    return "", ""
