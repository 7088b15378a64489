"""Send, find, retrieve, crash and repeat: against Orthanc, over DICOM and over DICOMweb."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from tests.waiting import LIMIT_S

from ifspace.errors import NetworkError
from ifspace.pacs import Ledger, Level, Query, echo, find, get, send

CASE = "classic, one not measured"
SLICES, TAKEN_BEFORE_THE_KILL = 24, 3


@pytest.fixture(params=["DICOM", "DICOMweb"])
def node(request, orthanc):
    return orthanc.dimse() if request.param == "DICOM" else orthanc.web()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "sent.jsonl")


@pytest.fixture
def slices(tmp_path, written) -> list[Path]:
    """Make 24 images of 256 x 256 out of the phantom's."""
    source = pydicom.dcmread(written(CASE).files()[0])
    folder = tmp_path / "slices"
    folder.mkdir()
    paths = []
    for number in range(SLICES):
        source.SOPInstanceUID = pydicom.uid.generate_uid()
        source.file_meta.MediaStorageSOPInstanceUID = source.SOPInstanceUID
        source.InstanceNumber = number + 1
        source.Rows = source.Columns = 256
        source.PixelData = bytes([number]) * (256 * 256 * 2)
        paths.append(folder / f"{number}.dcm")
        source.save_as(paths[-1], enforce_file_format=True)
    return paths


def test_a_study_with_all_its_reports_goes_there_and_back(
    node, orthanc, written, ledger, tmp_path
) -> None:
    study = written(CASE)
    files = [*study.files(), *study.objects()]
    assert echo(node) > 0.0
    outcomes = send(node, files, ledger=ledger)
    assert {outcome.status.value for outcome in outcomes} == {"sent"}
    uids = {str(pydicom.dcmread(path).SOPInstanceUID): path for path in files}
    assert sorted(orthanc.instances()) == sorted(uids)

    uid = str(pydicom.dcmread(files[0]).StudyInstanceUID)
    patient_id = str(pydicom.dcmread(files[0]).PatientID)
    (patient,) = find(node, Query(Level.PATIENT, {"PatientID": patient_id}))
    assert str(patient.PatientID) == patient_id
    (found,) = find(node, Query(Level.STUDY, {"PatientID": patient_id}))
    assert found.StudyInstanceUID == uid
    series = find(node, Query(Level.SERIES, {"StudyInstanceUID": uid}))
    assert sorted(item.Modality for item in series) == ["DOC", "MR", "OT", "PR", "SR"]

    received = get(node, tmp_path / "back", study_uid=uid)
    assert received.failed == 0
    assert {path.stem for path in received.paths} == set(uids)
    for path in received.paths:
        back, sent = pydicom.dcmread(path), pydicom.dcmread(uids[path.stem])
        for keyword in ("PixelData", "EncapsulatedDocument"):
            assert back.get(keyword) == sent.get(keyword)
        if sent.Modality == "SR":
            assert back.ContentSequence == sent.ContentSequence


def test_one_series_is_retrieved_alone(node, orthanc, written, tmp_path) -> None:
    study = written(CASE)
    for path in [*study.files(), *study.objects()]:
        orthanc.store(path)
    report = pydicom.dcmread(study.out / "sr.dcm")
    received = get(
        node,
        tmp_path / "back",
        study_uid=str(report.StudyInstanceUID),
        series_uid=str(report.SeriesInstanceUID),
    )
    assert [path.stem for path in received.paths] == [str(report.SOPInstanceUID)]


def test_a_name_with_a_wildcard_is_found(node, orthanc, written) -> None:
    study = written(CASE)
    orthanc.store(study.files()[0])
    family = str(pydicom.dcmread(study.files()[0]).PatientName.family_name)
    matches = find(node, Query(Level.STUDY, {"PatientName": f"{family[:3]}*"}))
    assert len(matches) == 1
    assert find(node, Query(Level.STUDY, {"PatientName": "NOBODY*"})) == ()


def test_a_move_brings_the_study(orthanc, written, tmp_path) -> None:
    study = written(CASE)
    for path in study.files():
        orthanc.store(path)
    uid = str(pydicom.dcmread(study.files()[0]).StudyInstanceUID)
    received = get(orthanc.dimse(), tmp_path / "back", study_uid=uid, by_move=True)
    assert len(received.paths) == len(study.files())


def test_a_server_killed_in_the_middle_gets_every_object_once(orthanc, slices, tmp_path) -> None:
    class KillsTheServer(Ledger):
        noted = 0

        def add(self, node, item) -> None:
            super().add(node, item)
            self.noted += 1
            if self.noted == TAKEN_BEFORE_THE_KILL:
                orthanc.kill()

    node, place = orthanc.dimse(timeout_s=LIMIT_S), tmp_path / "sent.jsonl"
    first = send(node, slices, ledger=KillsTheServer(place), attempts=1)
    statuses = [outcome.status.value for outcome in first]
    assert statuses.count("sent") == TAKEN_BEFORE_THE_KILL
    assert statuses.count("failed") == SLICES - TAKEN_BEFORE_THE_KILL

    orthanc.start()
    second = send(node, slices, ledger=Ledger(place))
    assert {outcome.status.value for outcome in second} == {"sent", "sent_before"}
    held = orthanc.instances()
    assert len(held) == len(set(held)) == SLICES


def test_a_restart_within_the_retries_loses_nothing(orthanc, slices, ledger) -> None:
    node = orthanc.dimse(timeout_s=LIMIT_S)
    orthanc.kill()
    starter = threading.Timer(0.7, orthanc.start)
    starter.start()
    outcomes = send(node, slices, ledger=ledger, attempts=8)
    starter.join()
    assert {outcome.status.value for outcome in outcomes} == {"sent"}
    assert len(orthanc.instances()) == SLICES


def test_images_deleted_from_the_server_meanwhile_are_said(
    node, orthanc, written, ledger, tmp_path
) -> None:
    study = written(CASE)
    uid = str(pydicom.dcmread(study.files()[0]).StudyInstanceUID)
    send(node, study.files(), ledger=ledger)
    for item in orthanc.call("GET", "/studies"):
        orthanc.call("DELETE", f"/studies/{item}")
    with pytest.raises(NetworkError, match="deleted"):
        get(node, tmp_path / "back", study_uid=uid)
    again = send(node, study.files(), ledger=ledger, again=True)
    assert {outcome.status.value for outcome in again} == {"sent"}
    assert len(orthanc.instances()) == len(study.files())


def test_a_wrong_name_is_said(orthanc) -> None:
    with pytest.raises(NetworkError, match="called_aet"):
        echo(orthanc.dimse(called_aet="ELSEWHERE"))
    # Orthanc takes the association of a stranger and ends it.
    with pytest.raises(NetworkError, match=r"ended|refused"):
        echo(orthanc.dimse(calling_aet="STRANGER"))


def test_a_wrong_password_is_said(orthanc, monkeypatch) -> None:
    monkeypatch.setenv("IFSPACE_PASSWORD_ORTHANC", "wrong")
    with pytest.raises(NetworkError, match="IFSPACE_PASSWORD_ORTHANC") as raised:
        echo(orthanc.web())
    assert "wrong" not in str(raised.value)


def test_a_server_that_is_gone_is_said(orthanc, written, ledger) -> None:
    orthanc.kill()
    outcomes = send(
        orthanc.web(), written(CASE).objects(), ledger=ledger, attempts=2, first_pause_s=0.01
    )
    assert {outcome.status.value for outcome in outcomes} == {"failed"}
    assert "cannot be reached" in outcomes[0].detail


def test_the_port_of_another_node_is_another_place_in_the_ledger(orthanc, slices, ledger) -> None:
    send(orthanc.dimse(), slices[:1], ledger=ledger)
    other = replace(orthanc.dimse(), port=9)
    outcomes = send(other, slices[:1], ledger=ledger, dry_run=True)
    assert outcomes[0].status.value == "planned"
