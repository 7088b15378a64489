import functools
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ifspace.errors import OutputError
from ifspace.io.session import read_session
from ifspace.model import PatientIdentity, Side, SliceSource
from ifspace.report import FORMATS, pictures_beside, report_pdf, result_from_json, write_reports

EVERY_FILE = {
    "result.json",
    "session.json",
    "measurements.csv",
    "report.pdf",
    "key_right.png",
    "key_left.png",
    "slicer.mrk.json",
    "manifest.json",
}


@pytest.fixture
def study(make_volume, make_result):
    volume = make_volume()
    return make_result(volume), volume


def test_every_format_writes_its_file_and_nothing_else(study, identity, tmp_path):
    out = tmp_path / "new" / "folder"
    written = write_reports(*study, out, formats=FORMATS, identity=identity)
    assert {path.name for path in written} == EVERY_FILE
    assert {path.name for path in out.iterdir()} == EVERY_FILE


def test_a_subset_is_written_and_foreign_formats_are_passed_over(study, tmp_path):
    written = write_reports(*study, tmp_path, formats=("csv", "sr"), identity=None)
    assert [path.name for path in written] == ["measurements.csv"]


def test_half_a_character_in_a_header_stops_no_file(make_volume, make_result, tmp_path):
    volume = make_volume(description="T1 \ud800", patient_sex="\udc80")
    written = write_reports(make_result(volume), volume, tmp_path, formats=FORMATS, identity=None)
    assert {path.name for path in written} == EVERY_FILE


def test_the_session_beside_the_result_can_be_read_again(study, identity, tmp_path):
    write_reports(*study, tmp_path, formats=("session",), identity=identity)
    session = read_session(tmp_path / "session.json")
    assert session.reader == "A"
    assert len(session.marks) == 8


def test_nothing_but_the_pdf_names_the_patient(study, identity, tmp_path):
    write_reports(*study, tmp_path, formats=FORMATS, identity=identity)
    secrets = ("Seeded", "Maria", "ID-77-4711", "19790312", "1979-03-12", "ACC-0815")
    for path in tmp_path.iterdir():
        assert not any(word in path.name for word in secrets)
        if path.suffix != ".pdf":
            content = path.read_bytes()
            assert not any(word.encode() in content for word in secrets), path.name


def test_two_runs_write_the_same_bytes(study, identity, tmp_path):
    for name in ("one", "two"):
        write_reports(*study, tmp_path / name, formats=FORMATS, identity=identity)
    for name in EVERY_FILE:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name


def test_an_older_report_is_not_overwritten_unasked(study, tmp_path):
    (tmp_path / "measurements.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"measurements\.csv.*--overwrite"):
        write_reports(*study, tmp_path, formats=("json", "csv"), identity=None)
    assert [path.name for path in tmp_path.iterdir()] == ["measurements.csv"]
    assert (tmp_path / "measurements.csv").read_text() == "mine"


def test_an_older_report_is_replaced_when_asked(study, tmp_path):
    (tmp_path / "measurements.csv").write_text("mine")
    write_reports(*study, tmp_path, formats=("csv",), identity=None, overwrite=True)
    assert (tmp_path / "measurements.csv").read_text().startswith("study_instance_uid")


def test_a_place_that_cannot_be_written_to_is_said_in_one_sentence(study, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_reports(*study, blocked / "out", formats=("json",), identity=None)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_leaves_nothing_half_written(study, tmp_path, monkeypatch):
    # A descriptor of the always-full device stands in for the third temporary file.
    real_fdopen, opened = os.fdopen, []

    def fdopen(handle, *args, **keywords):
        opened.append(handle)
        if len(opened) == 3:
            os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        return real_fdopen(handle, *args, **keywords)

    monkeypatch.setattr("os.fdopen", fdopen)
    out = tmp_path / "out"
    with pytest.raises(OutputError, match="No space left"):
        write_reports(*study, out, formats=("json", "session", "csv"), identity=None)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_font_leaves_nothing_written(study, tmp_path, monkeypatch):
    # Whatever fonts this computer has: only those of the package are used.
    own_fonts = functools.partial(report_pdf, system_fonts=False)
    monkeypatch.setattr("ifspace.report.report_pdf", own_fonts)
    identity = PatientIdentity("홍^길동", "1", "", "", "")
    with pytest.raises(OutputError, match="no installed font"):
        write_reports(*study, tmp_path / "out", formats=FORMATS, identity=identity)
    assert not (tmp_path / "out").exists()


def test_the_manifest_lists_versions_inputs_and_outputs_with_their_hashes(study, tmp_path):
    result, volume = study
    source = tmp_path / "Seeded_Maria.dcm"
    source.write_bytes(b"pixels")
    sources = (SliceSource(source, "1.2.3"), *result.series.sources[1:])
    result = replace(result, series=replace(result.series, sources=sources))
    foreign = tmp_path / "sr.dcm"
    foreign.write_bytes(b"sr")
    out = tmp_path / "out"
    formats = ("json", "csv", "manifest")
    write_reports(result, volume, out, formats=formats, identity=None, listed=(foreign,))
    data = json.loads((out / "manifest.json").read_text())
    assert data["evidence_sha256"] == "ab" * 32
    assert {"numpy", "typst", "pydicom"} <= set(data["libraries"])
    assert data["inputs"][0] == {
        "first_slice_index": 0,
        "slices": 1,
        "sop_instance_uid": "1.2.3",
        "sha256": hashlib.sha256(b"pixels").hexdigest(),
    }
    assert "sha256" not in data["inputs"][1]
    assert "Seeded" not in json.dumps(data)
    hashes = {item["name"]: item["sha256"] for item in data["outputs"]}
    assert hashes["sr.dcm"] == hashlib.sha256(b"sr").hexdigest()
    for name in ("result.json", "measurements.csv"):
        assert hashes[name] == hashlib.sha256((out / name).read_bytes()).hexdigest()


def test_a_file_with_many_frames_is_one_input(study, tmp_path):
    result, volume = study
    one = tmp_path / "enhanced.dcm"
    one.write_bytes(b"frames")
    sources = tuple(SliceSource(one, "1.2.3", frame_number=number) for number in range(1, 6))
    result = replace(result, series=replace(result.series, sources=sources))
    write_reports(result, volume, tmp_path / "out", formats=("manifest",), identity=None)
    data = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [item["slices"] for item in data["inputs"]] == [5]


def test_reports_are_made_again_from_the_result_with_its_own_pictures(study, identity, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    write_reports(*study, first, formats=FORMATS, identity=identity)
    result = result_from_json(json.loads((first / "result.json").read_text()))
    pictures = pictures_beside(first / "result.json")
    assert set(pictures) == set(Side)
    write_reports(result, None, again, formats=FORMATS, identity=identity, pictures=pictures)
    for name in EVERY_FILE - {"manifest.json"}:
        assert (first / name).read_bytes() == (again / name).read_bytes(), name


@pytest.mark.parametrize("changed", ["key_left.png", "result.json", "manifest.json"])
def test_pictures_that_do_not_belong_to_the_result_are_not_used(study, tmp_path, changed):
    write_reports(*study, tmp_path, formats=FORMATS, identity=None)
    path = tmp_path / changed
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))
    assert Side.LEFT not in pictures_beside(tmp_path / "result.json")


def test_without_a_manifest_there_are_no_pictures(tmp_path):
    assert pictures_beside(tmp_path / "result.json") == {}
