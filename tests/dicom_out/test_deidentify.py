from dataclasses import replace

import numpy as np
import pydicom
import pytest
from PIL import Image

from ifspace.dicom_out import UidMap, deidentified, read_sr, write_objects
from ifspace.dicom_out.content import read_report
from ifspace.io.session import session_to_json
from ifspace.model import MarkState, Seed, SeedName, Side

IDENTITY = ("Findme", "P-4711", "19790102", "Refer^Dr", "20260101", "ReaderName")


@pytest.fixture
def objects(make_study, make_result, tmp_path):
    study = make_study(name="Findme^Person")
    for header in study.headers:
        header.InstitutionName = "Findme Hospital"
        header.StudyDescription = "Findme's hip"
    result = make_result(study, state=MarkState.CONFIRMED, signed=True, reader="ReaderName")
    pdf, picture = tmp_path / "r.pdf", tmp_path / "key_left.png"
    pdf.write_bytes(b"%PDF-1.7\n")
    Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(picture)
    paths = write_objects(
        result,
        study.headers,
        tmp_path / "out",
        report_pdf=pdf,
        key_images={Side.LEFT: picture},
        deidentify=True,
        uid_map=UidMap(b"k"),
    )
    return study, result, [pydicom.dcmread(path) for path in paths], paths


def test_no_identity_is_left_in_any_byte(objects) -> None:
    study, _, _, paths = objects
    for path in paths:
        raw = path.read_bytes()
        for text in IDENTITY:
            assert text.encode() not in raw, (path.name, text)
        for header in study.headers:
            for keyword in ("StudyInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
                assert str(header[keyword].value).encode() not in raw, (path.name, keyword)
        made = pydicom.dcmread(path)
        assert made.AccessionNumber == ""
        assert not made.get("PatientAge")


def test_the_method_is_recorded(objects) -> None:
    _, _, made, _ = objects
    for item in made:
        assert item.PatientIdentityRemoved == "YES"
        assert "PS3.15" in item.DeidentificationMethod
        assert item.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert item.get("BurnedInAnnotation", "NO") == "NO"


def test_all_objects_are_of_one_study_and_one_patient(objects) -> None:
    _, _, made, _ = objects
    assert len({str(item.StudyInstanceUID) for item in made}) == 1
    assert len({str(item.PatientID) for item in made}) == 1
    assert len({str(item.SeriesInstanceUID) for item in made}) == 4


def test_uids_are_replaced_the_same_way_everywhere(objects) -> None:
    _, result, made, paths = objects
    clean = deidentified(result, UidMap(b"k"))
    session = read_sr(paths[0])
    assert session.study_instance_uid == clean.session.study_instance_uid
    assert session.study_instance_uid == made[0].StudyInstanceUID
    for mark, expected in zip(session.marks, clean.session.marks, strict=True):
        assert mark.sop_instance_uid == expected.sop_instance_uid
        assert mark.position_lps_mm.tolist() == expected.position_lps_mm.tolist()
    assert session.reader == clean.session.reader
    assert session.signature == clean.session.signature


def test_numbers_and_states_stay(make_study, make_result) -> None:
    result = make_result(make_study(), state=MarkState.CONFIRMED)
    clean = deidentified(result, UidMap())
    assert [m.value_mm for m in clean.measurements] == [m.value_mm for m in result.measurements]
    assert [m.state for m in clean.measurements] == [m.state for m in result.measurements]


def test_no_uid_of_the_images_is_left_in_a_session(make_study, make_result) -> None:
    study = make_study()
    result = make_result(study)
    first = str(study.headers[0].SOPInstanceUID)
    session = replace(
        result.session,
        seeds=(Seed(SeedName.FEMUR_MARROW, Side.LEFT, np.zeros(3), first),),
        level_range={Side.LEFT: (f"{first}#1", f"{first}#4")},
    )
    clean = deidentified(replace(result, session=session), UidMap())
    text = str(session_to_json(clean.session)) + str(clean.series) + str(clean.spaces)
    for header in study.headers:
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            assert str(header[keyword].value) not in text
    assert clean.session.level_range[Side.LEFT][1].endswith("#4")


def test_another_key_gives_other_uids() -> None:
    one, other = UidMap(), UidMap()
    assert one.replaced("1.2.3") == one.replaced("1.2.3")
    assert one.replaced("1.2.3") != other.replaced("1.2.3")
    assert one.replaced("1.2.3") != one.replaced("1.2.4")
    assert len(one.replaced("1.2.3")) <= 64
    assert str(one.key) not in repr(one)


def test_a_predecessor_is_referred_to_by_its_replaced_uid(
    make_study, make_result, tmp_path
) -> None:
    study = make_study()
    result = make_result(study)
    (first,) = write_objects(result, study.headers, tmp_path / "a", formats=["sr"])
    uid_map = UidMap()
    (second,) = write_objects(
        result,
        study.headers,
        tmp_path / "b",
        formats=["sr"],
        predecessor=first,
        deidentify=True,
        uid_map=uid_map,
    )
    reference = read_report(second).PredecessorDocumentsSequence[0]
    instance = reference.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    original = str(read_report(first).SOPInstanceUID)
    assert instance.ReferencedSOPInstanceUID == uid_map.replaced(original)
