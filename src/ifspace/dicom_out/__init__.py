"""DICOM objects out of a result, and reports read back into sessions."""

from ifspace.dicom_out.deidentify import UidMap, deidentified
from ifspace.dicom_out.foreign import (
    ForeignLength,
    foreign_lengths,
    marks_from_length,
    session_from_lengths,
)
from ifspace.dicom_out.header import why_not_filed
from ifspace.dicom_out.readback import read_sr
from ifspace.dicom_out.reading import NamedLength, label_of_report, read_report_marks
from ifspace.dicom_out.structure import validate_sr
from ifspace.dicom_out.write import write_objects

__all__ = [
    "ForeignLength",
    "NamedLength",
    "UidMap",
    "deidentified",
    "foreign_lengths",
    "label_of_report",
    "marks_from_length",
    "read_report_marks",
    "read_sr",
    "session_from_lengths",
    "validate_sr",
    "why_not_filed",
    "write_objects",
]
