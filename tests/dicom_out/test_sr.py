import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from highdicom.sr import srread
from pydicom.dataset import Dataset

from ifspace.dicom_out import read_sr, validate_sr, write_objects
from ifspace.dicom_out.content import code_of, concept, read_report, walk
from ifspace.dicom_out.structure import problems
from ifspace.errors import OutputError, SessionError
from ifspace.io.session import session_to_json
from ifspace.model import Kind, MarkState, Side, Source

ALL = [(kind, side) for kind in Kind for side in Side]

REPORT_TEXT = "INDICATION: hip pain\nFINDINGS LEFT:\nIFS 11.0 ± 2.0 mm."
CASES = {
    "classic": ({}, {}),
    "enhanced": ({"enhanced": True}, {}),
    "not square": ({"spacing_mm": (0.9, 0.6)}, {}),
    "oblique": ({"tilt_deg": 15.0}, {}),
    "Korean, final": (
        {"name": "Hong^Gildong=洪^吉洞=홍^길동"},
        {"state": MarkState.CONFIRMED, "signed": True, "reader": "홍길동"},
    ),
    "left only": ({}, {"sides": (Side.LEFT,)}),
    "right only": ({}, {"sides": (Side.RIGHT,)}),
    "one space not measured": ({}, {"absent": [(Kind.QFS, Side.RIGHT)]}),
    "proposals of a program": ({}, {"state": MarkState.PROPOSED, "source": Source.PROGRAM}),
    "nothing measured": ({}, {"absent": ALL}),
}


@pytest.fixture(params=CASES)
def written(request, make_study, make_result, tmp_path):
    study_options, result_options = CASES[request.param]
    study = make_study(**study_options)
    result = make_result(study, **result_options)
    (path,) = write_objects(
        result, study.headers, tmp_path / "out", formats=["sr"], report_text=REPORT_TEXT
    )
    return study, result, path


def groups_of(report: Dataset) -> list[Dataset]:
    return [item for item in walk(report) if concept(item)[1] == "125007"]


def test_the_report_as_text_stands_in_it(written) -> None:
    _, _, path = written
    texts = [
        str(item.TextValue)
        for item in walk(pydicom.dcmread(path))
        if concept(item)[1] == "REPORT_TEXT"
    ]
    assert [text.splitlines() for text in texts] == [REPORT_TEXT.splitlines()]


def test_the_structure_is_complete(written) -> None:
    _, _, path = written
    assert problems(pydicom.dcmread(path)) == ()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is missing")
def test_dciodvfy_finds_no_error(written) -> None:
    _, _, path = written
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert [line for line in lines if line.startswith("Error")] == []
    # It knows no private scheme and says so; nothing else may be odd.
    odd = [line for line in lines if line.startswith("Warning") and "Coding Scheme" not in line]
    assert odd == []


def test_highdicom_reads_every_group(written) -> None:
    _, result, path = written
    report = srread(path)
    if result.measurements:
        read = report.content.get_image_measurement_groups()
        assert len(read) == len(result.measurements)
        for group, measured in zip(read, result.measurements, strict=True):
            assert group.get_measurements()[0].value == pytest.approx(measured.value_mm, abs=1e-12)


def test_the_session_comes_back_exactly(written) -> None:
    _, result, path = written
    session = read_sr(path)
    assert session_to_json(session) == session_to_json(result.session)
    for mark, original in zip(session.marks, result.session.marks, strict=True):
        assert mark.position_lps_mm.tolist() == original.position_lps_mm.tolist()


def test_the_line_lies_where_the_marks_were_put(written) -> None:
    study, result, path = written
    for group, measured in zip(groups_of(read_report(path)), result.measurements, strict=True):
        number = next(item for item in group.ContentSequence if item.ValueType == "NUM")
        line = next(i for i in number.ContentSequence if i.ValueType.startswith("SCOORD"))
        data = [float(value) for value in line.GraphicData]
        if study.spacing_mm[0] == study.spacing_mm[1]:
            # column, row; the centre of the first pixel is (0.5, 0.5)
            points = [
                study.at(measured.slice_index, data[i + 1] - 0.5, data[i] - 0.5) for i in (0, 2)
            ]
            image = line.ContentSequence[0].ReferencedSOPSequence[0]
            assert image.ReferencedSOPInstanceUID == measured.sop_instance_uid
            assert image.get("ReferencedFrameNumber") == measured.frame_number
        else:
            assert line.ValueType == "SCOORD3D"
            assert line.ReferencedFrameOfReferenceUID == study.headers[0].FrameOfReferenceUID
            points = [data[:3], data[3:]]
        assert math.dist(*points) == pytest.approx(
            float(number.MeasuredValueSequence[0].NumericValue), abs=1e-4
        )
        assert points[1] == pytest.approx(measured.segment.start_lps_mm, abs=1e-3)
        assert points[0] == pytest.approx(measured.segment.end_lps_mm, abs=1e-3)


def test_the_report_is_filed_with_the_images(written) -> None:
    study, _, path = written
    report, image = read_report(path), study.headers[0]
    for keyword in ("StudyInstanceUID", "PatientID", "PatientBirthDate", "AccessionNumber"):
        assert report[keyword].value == image[keyword].value
    assert str(report.PatientName) == str(image.PatientName)
    assert report.SeriesInstanceUID != image.SeriesInstanceUID
    assert report.Modality == "SR"


def removable(item: Dataset, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """List the place of every content item."""
    places: list[tuple[int, ...]] = []
    for number, child in enumerate(item.get("ContentSequence", [])):
        places += [(*path, number), *removable(child, (*path, number))]
    return places


# Items that a report may be without.
OPTIONAL = {
    "121013",  # device observer name
    "121014",  # device observer manufacturer
    "121015",  # device observer model name
    "112227",  # frame of reference of the image library
    "121402",  # normality
    "DETAIL",
    "FLAG",
    "hip_rotation",
    "patient_position",
    "qf_oedema",
    "qf_fat",
}


def test_every_item_that_is_taken_away_is_missed(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study, absent=[(Kind.QFS, Side.RIGHT)])
    (path,) = write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    whole = read_report(path)
    unnoticed, tried = [], 0
    for place in removable(whole):
        parent: Dataset = whole
        for number in place[:-1]:
            parent = parent.ContentSequence[number]
        taken = parent.ContentSequence.pop(place[-1])
        kind, name = taken.ValueType, concept(taken)[1]
        found = problems(whole)
        parent.ContentSequence.insert(place[-1], taken)
        tried += 1
        a_library_image_of_many = kind == "IMAGE" and name == ""
        optional = name in OPTIONAL and kind != "NUM"
        a_cutoff_of_many = kind == "NUM" and name == "371932001"
        if not (found or a_library_image_of_many or optional or a_cutoff_of_many):
            unnoticed.append((place, kind, name))
    assert problems(whole) == ()
    assert tried > 60
    assert unnoticed == []


@pytest.mark.parametrize(
    "keyword",
    [
        "ContentDate",
        "CompletionFlag",
        "VerificationFlag",
        "PreliminaryFlag",
        "CurrentRequestedProcedureEvidenceSequence",
        "CodingSchemeIdentificationSequence",
        "ContentTemplateSequence",
        "ConceptNameCodeSequence",
        "ContentSequence",
    ],
)
def test_every_attribute_that_is_taken_away_is_missed(
    keyword, make_study, make_result, tmp_path
) -> None:
    study = make_study()
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    del report[keyword]
    assert problems(report)


def test_a_side_that_contradicts_itself_is_noticed(make_study, make_result, tmp_path) -> None:
    study = make_study()
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    comment = next(i for i in walk(groups_of(report)[0]) if concept(i)[1] == "121106")
    comment.TextValue = "Ischiofemoral space, left"
    assert any("sides" in sentence for sentence in problems(report))


def test_tracking_stays_and_everything_else_is_new(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study)
    first, second = (
        read_report(write_objects(result, study.headers, tmp_path / name, formats=["sr"])[0])
        for name in ("a", "b")
    )

    def tracking(report: Dataset) -> list[str]:
        return [str(i.UID) for i in walk(report) if concept(i)[1] == "112040"]

    assert tracking(first) == tracking(second)
    assert len(set(tracking(first))) == 4
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID


def test_a_build_date_makes_the_same_bytes(make_study, make_result, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    study = make_study()
    result = make_result(study)
    first, second = (
        write_objects(result, study.headers, tmp_path / name, formats=["sr"])[0]
        for name in ("a", "b")
    )
    assert first.read_bytes() == second.read_bytes()
    assert read_report(first).ContentDate == "20231114"


def test_a_draft_is_unverified_and_a_signed_report_is_verified(
    make_study, make_result, tmp_path
) -> None:
    study = make_study()
    draft = make_result(study, state=MarkState.CONFIRMED)
    final = make_result(study, state=MarkState.CONFIRMED, signed=True)
    unsound = make_result(study, state=MarkState.PLACED, signed=True)
    flags = {}
    for name, result in {"draft": draft, "final": final, "unsound": unsound}.items():
        path = write_objects(result, study.headers, tmp_path / name, formats=["sr"])[0]
        report = read_report(path)
        flags[name] = (report.VerificationFlag, report.CompletionFlag, report.PreliminaryFlag)
    assert flags == {
        "draft": ("UNVERIFIED", "PARTIAL", "PRELIMINARY"),
        "final": ("VERIFIED", "COMPLETE", "FINAL"),
        "unsound": ("UNVERIFIED", "PARTIAL", "PRELIMINARY"),
    }
    verifier = read_report(tmp_path / "final/sr.dcm").VerifyingObserverSequence[0]
    assert verifier.VerificationDateTime == "20260301100000.000000+0100"
    assert str(verifier.VerifyingObserverName) == "A^"


def test_an_amended_report_refers_to_its_predecessor(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study)
    first = write_objects(result, study.headers, tmp_path / "a", formats=["sr"])[0]
    second = write_objects(
        result, study.headers, tmp_path / "b", formats=["sr"], predecessor=first
    )[0]
    reference = read_report(second).PredecessorDocumentsSequence[0]
    instance = reference.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert instance.ReferencedSOPInstanceUID == read_report(first).SOPInstanceUID


def test_a_predecessor_of_another_study_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study)
    first = write_objects(result, study.headers, tmp_path / "a", formats=["sr"])[0]
    report = read_report(first)
    report.StudyInstanceUID = "1.2.3"
    report.save_as(first)
    with pytest.raises(OutputError, match="another study"):
        write_objects(result, study.headers, tmp_path / "b", formats=["sr"], predecessor=first)
    assert not (tmp_path / "b/sr.dcm").exists()


def test_normality_is_undetermined_within_the_uncertainty(
    make_study, make_result, tmp_path
) -> None:
    study = make_study()
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    found = [
        code_of(item.ConceptCodeSequence[0])[1]
        for group in groups_of(read_report(path))
        for item in group.ContentSequence
        if concept(item)[1] == "121402"
    ]
    # IFS right 12.1 mm lies below 15 and 17; QFS right 9.95 and left 11.1 lie within 1.25 of 10;
    # IFS left 17.6 mm lies above 15, but within 1.25 of 17.
    assert found == ["371880002", "371934000", "371934000", "371934000"]


def test_a_program_is_named_only_where_it_put_a_mark(make_study, make_result, tmp_path) -> None:
    study = make_study()
    for source, state in (
        (Source.HUMAN, MarkState.PLACED),
        (Source.PROGRAM, MarkState.PROPOSED),
    ):
        result = make_result(study, source=source, state=state)
        (path,) = write_objects(result, study.headers, tmp_path / source, formats=["sr"])
        named = [i for i in walk(read_report(path)) if concept(i)[1] == "111001"]
        assert bool(named) == (source is Source.PROGRAM)


def test_a_value_that_its_line_does_not_bear_out_is_refused(
    make_study, make_result, tmp_path
) -> None:
    study = make_study()
    result = make_result(study)
    wrong = replace(result.spaces[0].outcome, value_mm=13.0)
    spaces = (replace(result.spaces[0], outcome=wrong), *result.spaces[1:])
    with pytest.raises(ValueError, match=r"13\.0 mm"):
        write_objects(replace(result, spaces=spaces), study.headers, tmp_path, formats=["sr"])


def test_a_number_written_over_in_a_report_is_noticed(make_study, make_result, tmp_path) -> None:
    study = make_study()
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    assert validate_sr(path) == []
    report = read_report(path)
    value = next(i for i in walk(report) if i.ValueType == "NUM").MeasuredValueSequence[0]
    value.NumericValue, value.FloatingPointValue = "8.0", 8.0
    report.save_as(path)
    assert "the right IFS is given as 8 mm, but its marks lie" in " ".join(validate_sr(path))
    with pytest.raises(SessionError, match="contradicts itself"):
        read_sr(path)


def test_a_verified_report_whose_session_was_changed_is_noticed(
    make_study, make_result, tmp_path
) -> None:
    study = make_study()
    result = make_result(study, state=MarkState.CONFIRMED, signed=True)
    (path,) = write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    assert validate_sr(path) == []
    report = read_report(path)
    item = next(i for i in walk(report) if concept(i)[1] == "SESSION_JSON")
    item.TextValue = str(item.TextValue).replace('"mild"', '"none"')
    report.save_as(path)
    assert "changed after signing" in " ".join(validate_sr(path))


def test_a_number_that_breaks_dicom_is_left_empty(make_study, make_result, tmp_path) -> None:
    study = make_study()
    for header in study.headers:
        header["AccessionNumber"]._value = "12345678901234567890"
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    assert read_report(path).AccessionNumber == ""


def test_an_existing_report_is_not_overwritten(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study)
    (path,) = write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_objects(result, study.headers, tmp_path / "out", formats=["sr"])
    assert path.read_bytes() == before
    write_objects(result, study.headers, tmp_path / "out", formats=["sr"], overwrite=True)
    assert path.read_bytes() != before
    assert [item.name for item in path.parent.iterdir()] == ["sr.dcm"]


def test_images_that_are_not_dicom_get_no_objects(make_study, make_result, tmp_path) -> None:
    result = make_result(make_study())
    with pytest.raises(OutputError, match="not DICOM"):
        write_objects(result, (), tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"no DICOM at all", b"\0" * 200])
def test_a_file_that_is_no_report_is_refused(content, tmp_path) -> None:
    path = tmp_path / "sr.dcm"
    path.write_bytes(content)
    with pytest.raises(SessionError):
        read_sr(path)


def test_an_image_is_no_report(make_study) -> None:
    study = make_study()
    with pytest.raises(SessionError, match="not a structured report"):
        read_sr(study.folder / "0.dcm")


def test_a_report_filed_under_another_study_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study()
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    report.StudyInstanceUID = "1.2.3"
    report.save_as(path)
    with pytest.raises(SessionError, match="another study"):
        read_sr(path)


def test_a_damaged_session_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study()
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    for item in walk(report):
        if concept(item)[1] == "SESSION_JSON":
            item.TextValue = str(item.TextValue)[:-20]
    report.save_as(path)
    with pytest.raises(SessionError, match="damaged"):
        read_sr(path)


def test_no_identity_stands_outside_the_patient_module(
    make_study, make_result, tmp_path: Path
) -> None:
    study = make_study(name="Findme^Nowhere")
    (path,) = write_objects(make_result(study), study.headers, tmp_path / "out", formats=["sr"])
    report = read_report(path)
    del report.PatientName
    assert "Findme" not in str(report)
