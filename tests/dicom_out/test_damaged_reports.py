"""A damaged structured report is one sentence, in every function that reads one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from ifspace.dicom_out import (
    foreign_lengths,
    label_of_report,
    read_report_marks,
    read_sr,
    validate_sr,
)
from ifspace.dicom_out.structure import problems
from ifspace.errors import SessionError

READERS = (foreign_lengths, label_of_report, read_report_marks, read_sr, validate_sr)


def _code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _item(kind: str, name: Dataset, *children: Dataset) -> Dataset:
    item = Dataset()
    item.ValueType, item.ConceptNameCodeSequence = kind, [name]
    if children:
        item.ContentSequence = list(children)
    return item


def undamaged_report() -> Dataset:
    """A report with one length of 30 mm, as any program may write it."""
    line = _item("SCOORD3D", _code("111030", "Image Region"))
    line.GraphicType, line.GraphicData = "POLYLINE", [0.0, 0.0, 0.0, 30.0, 0.0, 0.0]
    number = _item("NUM", _code("410668003", "Length", "SCT"), line)
    measured = Dataset()
    measured.NumericValue = "30"
    measured.MeasurementUnitsCodeSequence = [_code("mm", "millimeter", "UCUM")]
    number.MeasuredValueSequence = [measured]
    group = _item("CONTAINER", _code("125007", "Measurement Group"), number)
    report = _item("CONTAINER", _code("126000", "Imaging Measurement Report"), group)
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = Comprehensive3DSRStorage
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    report.Modality, report.StudyInstanceUID = "SR", "1.2.4"
    return report


def _write(report: Dataset, folder: Path) -> Path:
    report.save_as(folder / "sr.dcm", enforce_file_format=True)
    return folder / "sr.dcm"


def _number(report: Dataset) -> Dataset:
    return report.ContentSequence[0].ContentSequence[0]


def _nest(report: Dataset) -> None:
    """Nest more items than any report has."""
    innermost = Dataset()
    for _ in range(80):
        outer = Dataset()
        outer.ContentSequence = [innermost]
        innermost = outer
    report.ContentSequence = [innermost]


DAMAGE: dict[str, Callable[[Dataset], object]] = {
    "no value type": lambda report: delattr(_number(report), "ValueType"),
    "no names": lambda report: delattr(_number(report), "ConceptNameCodeSequence"),
    "empty names": lambda report: setattr(_number(report), "ConceptNameCodeSequence", []),
    "no value": lambda report: setattr(_number(report), "MeasuredValueSequence", []),
    "no unit": lambda report: delattr(
        _number(report).MeasuredValueSequence[0], "MeasurementUnitsCodeSequence"
    ),
    "no number": lambda report: delattr(_number(report).MeasuredValueSequence[0], "NumericValue"),
    "no points": lambda report: delattr(_number(report).ContentSequence[0], "GraphicData"),
    "points nan": lambda report: setattr(
        _number(report).ContentSequence[0], "GraphicData", [float("nan")] * 6
    ),
    "no content": lambda report: delattr(report.ContentSequence[0], "ContentSequence"),
    "no study": lambda report: delattr(report, "StudyInstanceUID"),
    "no uid": lambda report: delattr(report, "SOPInstanceUID"),
    "deep": _nest,
}


def test_the_undamaged_report_holds_a_length(tmp_path: Path) -> None:
    (length,) = foreign_lengths(_write(undamaged_report(), tmp_path))
    assert length.value_mm == 30.0


def test_a_number_where_children_belong_is_a_problem_and_no_error() -> None:
    report = undamaged_report()
    del report.ContentSequence
    report.add_new("ContentSequence", "FD", None)
    assert problems(report)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("read", READERS)
def test_a_damaged_report_gives_less_or_one_sentence(damage, read, tmp_path: Path) -> None:
    report = undamaged_report()
    DAMAGE[damage](report)
    path = tmp_path / "sr.dcm"
    report.save_as(path)
    # Anything but our own error ends the test.
    with contextlib.suppress(SessionError):
        read(path)


@pytest.mark.parametrize("read", READERS)
def test_a_report_of_3000_levels_is_refused(read, tmp_path: Path) -> None:
    path = _write(undamaged_report(), tmp_path)
    head = path.read_bytes()
    at = head.index(b"\x40\x00\x30\xa7SQ")
    # Sequences and items of undefined length, one within the other.
    opened = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path.write_bytes(head[:at] + opened * 3000)
    with pytest.raises(SessionError):
        read(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("size", [0, 100, 200, 400])
def test_a_report_that_is_cut_is_refused(size, read, tmp_path: Path) -> None:
    path = _write(undamaged_report(), tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SessionError):
        read(path)


def test_children_without_a_kind_are_no_unforeseen_error(tmp_path: Path) -> None:
    report = undamaged_report()
    for name in ("121112", "410668003", "111030"):
        nameless = _item("CODE", _code(name, "any"))
        del nameless.ValueType
        report.ContentSequence[0].ContentSequence.append(nameless)
        report.ContentSequence.append(nameless)
    assert validate_sr(_write(report, tmp_path))
