import numpy as np
import pytest
from pydicom import config
from pydicom.uid import UID

from ifspace.dicom_out import (
    foreign_lengths,
    marks_from_length,
    read_sr,
    session_from_lengths,
    write_objects,
)
from ifspace.dicom_out.content import concept, read_report, walk
from ifspace.errors import OutputError, SessionError
from ifspace.geometry import Plane
from ifspace.model import MarkName, MarkState, Side, Slice, Source, Volume

# Lines are drawn from the femur to the ischium.
NAMES = (MarkName.LESSER_TROCHANTER_MEDIAL, MarkName.ISCHIUM_LATERAL)


def volume_of(study, result) -> Volume:
    """Make a volume from the equation of the study, not from our reader."""
    rows, columns = result.series.rows, result.series.columns
    planes = [
        Plane(
            origin,
            np.array(study.axes[0]),
            np.array(study.axes[1]),
            *study.spacing_mm,
            (rows, columns),
        )
        for origin in study.origins_lps_mm
    ]
    slices = tuple(
        Slice(plane, source) for plane, source in zip(planes, result.series.sources, strict=True)
    )
    voxels = np.zeros((len(slices), rows, columns), dtype=np.float32)
    return Volume(result.series, slices, voxels)


def as_foreign(path) -> None:
    """Take out of a report what only this program writes."""
    report = read_report(path)
    for container in report.ContentSequence:
        kept = [i for i in container.get("ContentSequence", []) if concept(i)[0] != "99IFSPACE"]
        if concept(container)[1] == "C0034375":
            container.ContentSequence = kept
    report.save_as(path)


@pytest.fixture(params=[(0.8, 0.8), (0.9, 0.6)], ids=["pixel", "patient coordinates"])
def foreign(request, make_study, make_result, tmp_path):
    study = make_study(enhanced=True, spacing_mm=request.param, tilt_deg=10.0)
    result = make_result(study)
    (path,) = write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    as_foreign(path)
    return study, result, path


def test_the_lengths_of_another_program_are_listed(foreign) -> None:
    _, result, path = foreign
    lengths = foreign_lengths(path)
    assert [length.label for length in lengths] == [
        "Ischiofemoral space, right",
        "Quadratus femoris space, right",
        "Ischiofemoral space, left",
        "Quadratus femoris space, left",
    ]
    assert [length.side for length in lengths] == [Side.RIGHT] * 2 + [Side.LEFT] * 2
    for length, measured in zip(lengths, result.measurements, strict=True):
        assert length.value_mm == pytest.approx(measured.value_mm, abs=1e-9)


def test_a_length_becomes_marks_where_it_was_drawn(foreign) -> None:
    study, result, path = foreign
    volume = volume_of(study, result)
    for length, measured in zip(foreign_lengths(path), result.measurements, strict=True):
        first, second = marks_from_length(length, volume, NAMES, Side.LEFT)
        assert second.position_lps_mm == pytest.approx(measured.segment.start_lps_mm, abs=1e-3)
        assert first.position_lps_mm == pytest.approx(measured.segment.end_lps_mm, abs=1e-3)
        assert (first.name, second.name) == NAMES
        assert {first.state, second.state} == {MarkState.PLACED}
        assert {first.source, second.source} == {Source.HUMAN}
        assert first.sop_instance_uid == measured.sop_instance_uid


def test_a_report_of_another_program_holds_no_session(foreign) -> None:
    _, _, path = foreign
    with pytest.raises(SessionError, match="import their lengths"):
        read_sr(path)


def test_a_line_on_other_images_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study)
    (path,) = write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    for item in walk(report):
        for reference in item.get("ReferencedSOPSequence", []):
            reference.ReferencedSOPInstanceUID = "1.2.3"
    report.save_as(path)
    with pytest.raises(SessionError, match="not in this series"):
        marks_from_length(foreign_lengths(path)[0], volume_of(study, result), NAMES, Side.RIGHT)


def test_a_line_between_slices_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study(spacing_mm=(0.9, 0.6))
    result = make_result(study)
    (path,) = write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    line = next(item for item in walk(report) if item.ValueType == "SCOORD3D")
    data = [float(value) for value in line.GraphicData]
    data[5] += 4.4
    line.GraphicData = data
    report.save_as(path)
    with pytest.raises(SessionError, match="within one slice"):
        marks_from_length(foreign_lengths(path)[0], volume_of(study, result), NAMES, Side.RIGHT)


def in_unit(path, unit: str, number: float) -> None:
    """Give every length of a report in another unit."""
    report = read_report(path)
    for item in walk(report):
        for measured in item.get("MeasuredValueSequence", []):
            measured.MeasurementUnitsCodeSequence[0].CodeValue = unit
            measured.NumericValue, measured.FloatingPointValue = f"{number:.10g}", number
    report.save_as(path)


def test_a_line_whose_number_is_another_length_is_refused(foreign) -> None:
    study, result, path = foreign
    in_unit(path, "mm", 4.0)
    volume = volume_of(study, result)
    for length in foreign_lengths(path):
        with pytest.raises(SessionError, match=r"its number is 4 mm, but its line is"):
            marks_from_length(length, volume, NAMES, Side.LEFT)


def test_a_line_may_be_rounded_as_its_number_is_written(foreign) -> None:
    study, result, path = foreign
    report = read_report(path)
    measured = result.measurements[0]
    number = next(item for item in walk(report) if item.ValueType == "NUM")
    value = number.MeasuredValueSequence[0]
    del value.FloatingPointValue
    volume = volume_of(study, result)
    for unit, factor, digits in (("mm", 1.0, 0), ("mm", 1.0, 1), ("cm", 0.1, 1)):
        value.MeasurementUnitsCodeSequence[0].CodeValue = unit
        value.NumericValue = f"{measured.value_mm * factor:.{digits}f}"
        report.save_as(path)
        marks_from_length(foreign_lengths(path)[0], volume, NAMES, Side.RIGHT)


@pytest.mark.parametrize(("unit", "number"), [("cm", 2.32), ("m", 0.0232), ("[in_i]", 23.2 / 25.4)])
def test_lengths_in_other_units_are_converted(foreign, unit, number) -> None:
    _, _, path = foreign
    in_unit(path, unit, number)
    lengths = foreign_lengths(path)
    assert [length.value_mm for length in lengths] == pytest.approx([23.2] * 4, abs=1e-9)
    assert {length.unit for length in lengths} == {unit}


@pytest.mark.parametrize("unit", ["{pixels}", "deg", "[mi_i]"])
def test_a_length_that_cannot_be_converted_is_listed_and_not_taken(foreign, unit) -> None:
    study, result, path = foreign
    in_unit(path, unit, 23.2)
    lengths = foreign_lengths(path)
    assert [(length.value_mm, length.unit) for length in lengths] == [(None, unit)] * 4
    with pytest.raises(SessionError, match="cannot be converted to mm"):
        marks_from_length(lengths[0], volume_of(study, result), NAMES, Side.RIGHT)


@pytest.mark.parametrize("uid", ["1.2.", "../x", "1" * 65])
def test_no_object_is_written_with_a_uid_that_is_none(
    uid, make_study, make_result, tmp_path
) -> None:
    study = make_study()
    with config.disable_value_validation():
        study.headers[0].SOPClassUID = UID(uid)
        with pytest.raises(OutputError, match="UID"):
            write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    assert not (tmp_path / "out").exists()


def test_the_medial_end_becomes_the_ischial_mark(foreign) -> None:
    study, result, path = foreign
    volume = volume_of(study, result)
    sides = [(m.kind, m.side) for m in result.measurements]
    chosen = [
        (length, kind, side)
        for length, (kind, side) in zip(foreign_lengths(path), sides, strict=True)
    ]
    session = session_from_lengths(chosen, volume)
    assert session.series_instance_uid == result.series.series_instance_uid
    assert len(session.marks) == 8
    for mark in session.marks:
        (original,) = [
            m for m in result.session.marks if (m.name, m.side) == (mark.name, mark.side)
        ]
        assert mark.position_lps_mm == pytest.approx(original.position_lps_mm, abs=1e-3)
        assert mark.state is MarkState.PLACED
