"""One person over time: what is a change, what is none, and what may not be compared."""

from __future__ import annotations

import json
from datetime import date

import pytest

from ifspace import followup
from ifspace.errors import UnreadableInputError
from ifspace.followup.detectable import AgreementFigures
from ifspace.followup.study import Change, Verdict
from ifspace.model import Kind, MarkState, Side
from ifspace.notice import NOTICE
from ifspace.statistics import NotEstimable
from ifspace.tables import read_table

DAYS = (date(2025, 1, 10), date(2025, 7, 2))


def study(paths, days=DAYS, figures=None, diary=None):
    return followup.follow_up(followup.read_visits(paths, days), figures, diary)


def change(found, kind=Kind.IFS, side=Side.RIGHT, later=2):
    step = found.step(1, later)
    return next(one.result for one in step.changes if (one.kind, one.side) == (kind, side))


def test_a_change_beyond_both_uncertainties_is_told(result_file):
    found = change(study([result_file(1, right=15.0), result_file(2, right=25.0)]))
    assert isinstance(found, Change)
    assert found.change_mm == pytest.approx(10.0)
    assert found.verdict is Verdict.WIDER


def test_a_change_below_it_is_not_told_apart_from_measuring_again(result_file):
    found = change(study([result_file(1, right=15.0), result_file(2, right=15.4)]))
    assert found.verdict is Verdict.NOT_DETECTABLE


def test_four_millimetres_more_are_no_change_even_in_the_same_known_position(result_file):
    found = change(study([result_file(1, right=15.0), result_file(2, right=19.5)]))
    assert found.verdict is Verdict.NOT_DETECTABLE
    assert "two scans of the same hip" in found.detectable.source


def test_both_uncertainties_and_the_spread_between_scans_add_as_squares(result_file):
    visits = followup.read_visits([result_file(1), result_file(2)], DAYS)
    u95 = [visit.measured(Kind.IFS, Side.RIGHT).u95_mm for visit in visits]
    found = change(followup.follow_up(visits))
    assert found.detectable.value_mm == pytest.approx(
        (u95[0] ** 2 + u95[1] ** 2 + 8.22**2) ** 0.5, abs=0.01
    )


@pytest.mark.parametrize(
    ("differing", "code"),
    [
        ({"hip_rotation": "external"}, "hip_rotation_differs"),
        ({"knee_bolster": "yes"}, "knee_bolster_differs"),
        ({"patient_position": "prone"}, "patient_position_differs"),
    ],
)
def test_another_position_forbids_a_comparison(result_file, differing, code):
    found = study([result_file(1), result_file(2, right=25.0, **differing)])
    for kind in Kind:
        for side in Side:
            result = change(found, kind, side)
            assert isinstance(result, NotEstimable)
            assert result.reason == code


@pytest.mark.parametrize("first", ["unknown", "neutral"])
def test_without_the_same_known_position_no_change_is_called(result_file, first):
    paths = [result_file(1, hip_rotation=first), result_file(2, right=25.0, hip_rotation="unknown")]
    found = study(paths)
    assert isinstance(change(found), NotEstimable)
    assert change(found).reason == "hip_rotation_unknown"
    assert "34 % of 95 hips" in change(found).detail


def test_a_mark_that_nobody_looked_at_is_compared_with_nothing(result_file):
    found = study([result_file(1), result_file(2, state=MarkState.PROPOSED)])
    assert change(found).reason == "marks_proposed"


def test_a_space_that_was_not_measured_gives_its_reason(result_file):
    found = study([result_file(1), result_file(2, left=None)])
    assert change(found, side=Side.LEFT).reason == "mark_missing"
    assert isinstance(change(found, side=Side.RIGHT), Change)
    assert not found.is_complete


def test_another_protocol_is_said(result_file):
    other = {"field_strength_t": 3.0}
    paths = [result_file(1, series={"field_strength_t": 1.5}), result_file(2, series=other)]
    codes = [item.code for item in study(paths).steps[0].differences]
    assert codes == ["field_strength_differs"]


def test_results_are_put_into_the_order_of_their_dates(result_file):
    paths = [result_file(1, right=21.0), result_file(2, right=15.0)]
    assert change(study(paths, tuple(reversed(DAYS)))).change_mm == pytest.approx(6.0)


def test_a_third_examination_is_compared_with_the_first_and_the_second(result_file):
    paths = [result_file(number) for number in (1, 2, 3)]
    found = study(paths, (*DAYS, date(2025, 12, 1)))
    assert [(one.earlier, one.later) for one in found.steps] == [(1, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"number": 1}, "of the same study"),
        ({"number": 2, "series": {"patient_sex": "M"}}, "different sex"),
        ({"number": 2, "age": 38.0}, "38"),
        ({"number": 2, "age": 60.0}, "60"),
    ],
)
def test_what_cannot_be_one_person_over_time_is_refused(result_file, second, words):
    with pytest.raises(UnreadableInputError, match=words):
        followup.read_visits([result_file(1), result_file(**second)], DAYS)


def test_one_result_is_no_follow_up(result_file):
    with pytest.raises(UnreadableInputError, match="two or more"):
        followup.read_visits([result_file(1)])


def test_an_agreement_study_gives_the_smallest_detectable_change(result_file, tmp_path):
    within = {"sdc_agreement_mm": {"status": "given", "value": 9.5}}
    between = {"sdc_agreement_mm": {"status": "given", "value": 3.5}}
    path = tmp_path / "agreement.json"
    space = {"between_readers": between, "within_reader": {"A": within}}
    path.write_text(json.dumps({"schema": "ifspace-agreement/1", "spaces": {"ifs": space}}))
    figures = followup.read_agreement(path)
    same = [result_file(1, right=15.0), result_file(2, right=21.0)]
    assert change(study(same, figures=figures)).detectable.value_mm == pytest.approx(
        (9.5**2 + 8.22**2) ** 0.5, abs=0.01
    )
    assert change(study(same, figures=figures)).verdict is Verdict.NOT_DETECTABLE
    other = [same[0], result_file(2, right=21.0, reader="B")]
    assert change(study(other, figures=figures)).detectable.value_mm == pytest.approx(
        (3.5**2 + 8.22**2) ** 0.5, abs=0.01
    )
    assert "95 %" in change(study(same, figures=figures), Kind.QFS).detectable.source


def test_what_agree_writes_can_be_read_here(tmp_path):
    from ifspace.agreement import readings_from_table, study_agreement, write_agreement

    path = tmp_path / "readings.csv"
    rows = [
        f"P{n},left,ifs,{reader},{10 + 2 * n + 0.3 * n * (reader == 'B')}"
        for n in range(6)
        for reader in "AB"
    ]
    path.write_text("case,side,kind,reader,value_mm\n" + "\n".join(rows))
    write_agreement(study_agreement(readings_from_table(read_table(path))), tmp_path / "out")
    figures = followup.read_agreement(tmp_path / "out" / "agreement.json")
    assert figures.between_mm[Kind.IFS] > 0.0


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"schema": "ifspace-agreement/1"}'])
def test_another_file_is_no_agreement(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UnreadableInputError, match="that agree wrote"):
        followup.read_agreement(path)


def diary_file(tmp_path, text):
    path = tmp_path / "diary.csv"
    path.write_text(text)
    return path


def test_the_record_keeps_what_is_a_number_and_names_what_is_not(tmp_path):
    text = "date,pain_0_10,load\n2025-02-01,6,\n2025-03-01,bad,120\nlast week,4,80\n"
    found = followup.diary_from_table(read_table(diary_file(tmp_path, text)))
    assert [(one.name, len(one.entries)) for one in found.records] == [
        ("pain_0_10", 1),
        ("load", 1),
    ]
    assert [(item.row, item.reason) for item in found.problems] == [
        (3, "not_a_number"),
        (4, "not_a_date"),
    ]


def test_a_diary_without_dates_is_refused(tmp_path):
    with pytest.raises(UnreadableInputError, match="no column date"):
        followup.diary_from_table(read_table(diary_file(tmp_path, "day,pain\n1,2\n")))


def test_the_pdf_is_one_page_with_the_notice_and_the_record(result_file, tmp_path):
    from pypdf import PdfReader

    text = "date,pain_0_10,internal_rotation_deg,training_load\n" + "\n".join(
        f"2025-0{month}-01,{8 - month},{20 + month},{100 * month}" for month in range(1, 8)
    )
    diary = followup.diary_from_table(read_table(diary_file(tmp_path, text)))
    paths = [result_file(1, right=12.0), result_file(2, right=24.0)]
    out = tmp_path / "out"
    followup.write_follow_up(study(paths, diary=diary), out)
    reader = PdfReader(out / "follow_up.pdf")
    assert len(reader.pages) == 1
    words = " ".join(reader.pages[0].extract_text().split())
    assert NOTICE in words
    assert "wider by more than the smallest detectable change" in words
    assert "pain 0 10" in words
    assert (out / "course_ifs.svg").is_file()
    assert (out / "diary_03.png").is_file()


def test_the_worst_case_is_two_pages_with_every_record_drawn(result_file, tmp_path):
    from pypdf import PdfReader

    names = (
        "pain_0_10",
        "internal_rotation_deg",
        "external_rotation_deg",
        "training_load",
        "sleep",
    )
    text = f"date,{','.join(names)}\n" + "\n".join(
        f"2025-0{month}-01,{8 - month},{20 + month},x,{100 * month},{month}"
        for month in range(1, 8)
    )
    diary = followup.diary_from_table(read_table(diary_file(tmp_path, text)))
    paths = [
        result_file(
            number,
            age=16.0,
            right=None if number == 4 else 12.0 + number,
            reader="ABCDEFG"[number],
            state=MarkState.PLACED,
            series={"field_strength_t": 1.0 + number, "patient_position": None},
            hip_rotation=("neutral", "external", "unknown")[number % 3],
            knee_bolster=("yes", "no")[number % 2],
            patient_position=("supine", "prone", "unknown")[number % 3],
        )
        for number in range(1, 7)
    ]
    days = tuple(date(2025, month, 3) for month in range(1, 7))
    followup.write_follow_up(study(paths, days, diary=diary), tmp_path / "out")
    pages = PdfReader(tmp_path / "out" / "follow_up.pdf").pages
    assert len(pages) == 2
    words = " ".join(" ".join(page.extract_text().split()) for page in pages)
    assert all(name.replace("_", " ") in words for name in ("pain_0_10", "training_load", "sleep"))


def test_the_change_of_findings_stands_in_the_table(result_file):
    from ifspace.followup.pages import follow_up_sheet

    paths = [result_file(1), result_file(2)]
    for path, code in zip(paths, ("moderate", "mild"), strict=True):
        data = json.loads(path.read_text())
        data["session"]["findings"] = {"left": {"qf_oedema": code}, "right": {}}
        path.write_text(json.dumps(data))
    blocks = follow_up_sheet(study(paths), ()).blocks
    rows = next(block["rows"] for block in blocks if block["kind"] == "table")
    oedema = next(row for row in rows if row[0] == "left quadratus femoris oedema")
    assert oedema[1:3] == ["moderate", "mild"]
    assert oedema[-1] == "moderate to mild"


def test_dates_and_identity_come_from_the_dicom_objects_beside_the_results(result_file, tmp_path):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    from ifspace.followup.pages import follow_up_sheet

    paths = []
    for number, day in ((1, "20250110"), (2, "20250702")):
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(result_file(number).rename(folder / "result.json"))
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
        meta.MediaStorageSOPInstanceUID = f"1.2.9.{number}"
        report = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        report.StudyInstanceUID = f"1.2.{number}"
        report.PatientName, report.PatientID, report.StudyDate = "Doe^Jane", "P1", day
        report.save_as(folder / "sr.dcm", enforce_file_format=True)
    found = study(paths[::-1], days=())
    assert [visit.day for visit in found.visits] == list(DAYS)
    entries = {e["label"]: e["value"] for e in follow_up_sheet(found, ()).blocks[0]["entries"]}
    assert entries["Patient"] == "Doe, Jane"
    assert entries["Patient ID"] == "P1"
    assert "Doe" not in json.dumps(followup.follow_up_to_json(found))


def test_the_file_carries_the_notice_and_no_null(result_file):
    found = study([result_file(1), result_file(2, left=None)])
    text = json.dumps(followup.follow_up_to_json(found), allow_nan=False)
    assert "null" not in text
    assert NOTICE in text


def test_a_change_within_both_uncertainties_is_not_called_detectable_without_a_caution(result_file):
    paths = [result_file(1, right=13.0), result_file(2, right=21.4)]
    visits = followup.read_visits(paths)
    measured = visits[0].measured(Kind.IFS, Side.RIGHT)
    figures = AgreementFigures({Kind.IFS: 1.0}, {})
    found = followup.follow_up(visits, figures).step(1, 2)
    change = next(one for one in found.changes if (one.kind, one.side) == (Kind.IFS, Side.RIGHT))
    assert (2 * measured.u95_mm**2 + 8.22**2) ** 0.5 > 8.4
    assert change.result.verdict == "wider"
    assert "within_uncertainty" in [item.code for item in change.cautions]
