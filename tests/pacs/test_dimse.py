import errno
import logging
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import JPEGLSLossless
from pynetdicom import AE, AllStoragePresentationContexts, evt

from ifspace.errors import NetworkError, OutputError
from ifspace.pacs import Ledger, Level, Query, SendStatus, echo, find, get, send
from ifspace.pacs.received import DUPLICATE, INVALID, SUCCESS, ReceivedFiles
from ifspace.pacs.send import NOT_CHECKED


def statuses(outcomes) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def test_a_node_that_is_there_answers(start_archive) -> None:
    assert echo(start_archive().node()) > 0.0


def test_every_object_arrives_once_and_comes_back_byte_identical(
    start_archive, images, ledger, pixel_data, tmp_path
) -> None:
    archive = start_archive()
    outcomes = send(archive.node(), images, ledger=ledger)
    assert statuses(outcomes) == ["sent"] * 3
    assert len(archive.came) == 3
    study = str(pydicom.dcmread(images[0]).StudyInstanceUID)
    received = get(archive.node(), tmp_path / "in", study_uid=study)
    assert received.failed == 0
    assert {path.name for path in received.paths} == {
        f"{pydicom.dcmread(path).SOPInstanceUID}.dcm" for path in images
    }
    for path in images:
        uid = pydicom.dcmread(path).SOPInstanceUID
        assert pixel_data(tmp_path / "in" / f"{uid}.dcm") == pixel_data(path)


def test_a_repeat_sends_nothing_that_arrived(start_archive, images, ledger, tmp_path) -> None:
    archive = start_archive()
    send(archive.node(), images[:2], ledger=ledger)
    again = send(archive.node(), images, ledger=Ledger(tmp_path / "state" / "sent.jsonl"))
    assert statuses(again) == ["sent_before", "sent_before", "sent"]
    assert len(archive.came) == 3
    forced = send(archive.node(), images, ledger=ledger, again=True)
    assert statuses(forced) == ["sent"] * 3


def test_what_the_node_lost_is_sent_again(start_archive, images, ledger) -> None:
    archive = start_archive()
    send(archive.node(), images, ledger=ledger)
    del archive.held["2.25.11"]
    again = send(archive.node(), images, ledger=ledger)
    assert statuses(again) == ["sent_before", "sent", "sent_before"]
    assert [outcome.detail for outcome in again] == [""] * 3
    assert archive.came[3:] == ["2.25.11"]


def test_a_node_that_does_not_say_is_not_believed_silently(start_archive, images, ledger) -> None:
    archive = start_archive(searches=False)
    send(archive.node(), images, ledger=ledger)
    for outcome in send(archive.node(), images, ledger=ledger):
        assert (outcome.status, outcome.detail) == (SendStatus.SENT_BEFORE, NOT_CHECKED)
    assert len(archive.came) == 3


def test_a_changed_file_is_sent_again(start_archive, images, ledger) -> None:
    archive = start_archive()
    send(archive.node(), images, ledger=ledger)
    changed = pydicom.dcmread(images[0])
    changed.SeriesNumber = 4
    changed.save_as(images[0])
    assert statuses(send(archive.node(), images, ledger=ledger)) == [
        "sent",
        "sent_before",
        "sent_before",
    ]


def test_a_connection_that_breaks_is_made_again_and_nothing_is_sent_twice(
    start_archive, images, ledger
) -> None:
    archive = start_archive()
    archive.aborts_after = 1
    outcomes = send(archive.node(), images, ledger=ledger, first_pause_s=0.01)
    assert statuses(outcomes) == ["sent"] * 3
    assert len(archive.came) == len(set(archive.came)) == 3


def test_an_object_that_is_refused_is_named_and_the_others_are_sent(
    start_archive, images, ledger
) -> None:
    archive = start_archive()
    archive.answer = 0xA700
    refused = send(archive.node(), images, ledger=ledger, attempts=2, first_pause_s=0.01)
    assert statuses(refused) == ["failed"] * 3
    assert "0xA700" in refused[0].detail
    archive.answer = 0
    assert statuses(send(archive.node(), images, ledger=ledger)) == ["sent"] * 3


def test_a_dry_run_sends_nothing(start_archive, images, ledger) -> None:
    archive = start_archive()
    outcomes = send(archive.node(), images, ledger=ledger, dry_run=True)
    assert statuses(outcomes) == ["planned"] * 3
    assert outcomes[0].item.sop_class_name == "MR Image Storage"
    assert archive.came == []
    assert statuses(send(archive.node(), images, ledger=ledger)) == ["sent"] * 3


def test_a_search_finds_what_was_sent(start_archive, images, ledger) -> None:
    archive = start_archive()
    send(archive.node(), images, ledger=ledger)
    study = str(pydicom.dcmread(images[0]).StudyInstanceUID)
    (patient,) = find(archive.node(), Query(Level.PATIENT, {"PatientID": "P1"}))
    assert str(patient.PatientName) == "Secret^Name"
    (found,) = find(archive.node(), Query(Level.STUDY, {"PatientID": "P1"}))
    assert found.StudyInstanceUID == study
    (series,) = find(archive.node(), Query(Level.SERIES, {"StudyInstanceUID": study}))
    assert series.Modality == "MR"
    assert find(archive.node(), Query(Level.STUDY, {"PatientID": "P2"})) == ()


def test_a_search_for_series_needs_its_study() -> None:
    with pytest.raises(NetworkError, match="StudyInstanceUID"):
        Query(Level.SERIES)


def test_a_move_is_received_and_the_listener_is_closed(
    start_archive, images, ledger, tmp_path, port_to_listen_on
) -> None:
    archive = start_archive()
    archive.move_to = ("127.0.0.1", port_to_listen_on)
    send(archive.node(), images, ledger=ledger)
    study = str(pydicom.dcmread(images[0]).StudyInstanceUID)
    node = archive.node(move_port=port_to_listen_on)
    received = get(node, tmp_path / "in", study_uid=study, by_move=True)
    assert len(received.paths) == 3
    with socket.socket() as after:
        assert after.connect_ex(("127.0.0.1", port_to_listen_on)) != 0


def test_a_port_that_is_taken_is_said(start_archive, tmp_path) -> None:
    archive = start_archive()
    node = archive.node(move_port=archive.port)
    with pytest.raises(NetworkError, match="another move_port"):
        get(node, tmp_path / "in", study_uid="1.2.3", by_move=True)


def test_a_study_that_was_deleted_meanwhile_is_said(start_archive, tmp_path) -> None:
    with pytest.raises(NetworkError, match="may have been deleted"):
        get(start_archive().node(), tmp_path / "in", study_uid="1.2.3")
    assert not (tmp_path / "in").exists()


def test_a_node_that_is_not_there_is_said(images, ledger, start_archive, dead_port) -> None:
    node = replace(start_archive().node(), port=dead_port)
    with pytest.raises(NetworkError, match="cannot be reached"):
        echo(node)
    outcomes = send(node, images, ledger=ledger, attempts=2, first_pause_s=0.01)
    assert statuses(outcomes) == ["failed"] * 3
    assert "cannot be reached" in outcomes[0].detail


def test_a_name_that_the_node_does_not_know_is_said(start_archive) -> None:
    archive = start_archive(require_called_aet=True)
    with pytest.raises(NetworkError, match="called_aet"):
        echo(archive.node(called_aet="OTHER"))


def test_our_name_that_the_node_does_not_know_is_said(start_archive) -> None:
    archive = start_archive(require_calling_aet=["SOMEBODY"])
    with pytest.raises(NetworkError, match="does not know our name IFSPACE"):
        echo(archive.node())


def test_a_certificate_that_is_not_trusted_is_said(start_archive, certificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    archive = start_archive(tls=context)
    with pytest.raises(NetworkError, match="not trusted"):
        echo(archive.node(tls=True))
    assert echo(archive.node(tls=True, ca_file=str(certificate[0]))) > 0.0


def test_a_node_that_wants_no_tls_is_said(start_archive) -> None:
    with pytest.raises(NetworkError, match="TLS"):
        echo(start_archive().node(tls=True, timeout_s=1.0))


def test_a_full_disk_leaves_nothing_half_written(
    start_archive, images, ledger, tmp_path, monkeypatch
) -> None:
    archive = start_archive()
    send(archive.node(), images, ledger=ledger)
    study = str(pydicom.dcmread(images[0]).StudyInstanceUID)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        get(archive.node(), tmp_path / "in", study_uid=study)
    assert list((tmp_path / "in").iterdir()) == []


def test_an_object_is_complete_or_not_there(tmp_path: Path) -> None:
    shelf = ReceivedFiles(tmp_path / "in")
    assert shelf.keep("1.2", b"whole") == SUCCESS
    assert shelf.keep("missing/1.3", b"no UID") == INVALID
    assert shelf.keep("1.2", b"other") == DUPLICATE
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["1.2.dcm"]


def test_no_log_names_the_patient(start_archive, images, ledger, tmp_path, caplog) -> None:
    archive = start_archive()
    study = str(pydicom.dcmread(images[0]).StudyInstanceUID)
    with caplog.at_level(logging.DEBUG):
        send(archive.node(), images, ledger=ledger)
        find(archive.node(), Query(Level.STUDY, {"PatientID": "P1"}))
        get(archive.node(), tmp_path / "in", study_uid=study)
    assert "Secret" not in caplog.text
    assert "Secret" not in (tmp_path / "state" / "sent.jsonl").read_text()


def test_a_folder_without_dicom_has_nothing_to_send(tmp_path, start_archive, ledger) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pytest.raises(NetworkError, match="no DICOM file"):
        send(start_archive().node(), [tmp_path], ledger=ledger)
    with pytest.raises(NetworkError, match=r"notes\.txt is not a DICOM file"):
        send(start_archive().node(), [tmp_path / "notes.txt"], ledger=ledger)


def test_two_files_that_claim_to_be_one_object_are_refused(images, start_archive, ledger) -> None:
    twin = pydicom.dcmread(images[0])
    twin.SeriesNumber = 99
    twin.save_as(images[0].parent / "twin.dcm")
    with pytest.raises(NetworkError, match="differ"):
        send(start_archive().node(), [images[0].parent], ledger=ledger)


def test_a_ledger_that_was_cut_off_is_still_read(images, start_archive, tmp_path) -> None:
    archive, path = start_archive(), tmp_path / "sent.jsonl"
    send(archive.node(), images[:1], ledger=Ledger(path))
    with path.open("a") as file:
        file.write('{"node": "ARCH')
    send(archive.node(), images[:2], ledger=Ledger(path))
    assert statuses(send(archive.node(), images[:2], ledger=Ledger(path))) == ["sent_before"] * 2
    assert SendStatus.SENT_BEFORE.value == "sent_before"


@pytest.mark.parametrize("damage", ["cut", "no uid", "hostile uid"])
def test_a_damaged_file_is_named_and_nothing_is_sent(damage, start_archive, images, ledger) -> None:
    archive = start_archive()
    if damage == "cut":
        images[1].write_bytes(images[1].read_bytes()[:300])
    else:
        image = pydicom.dcmread(images[1])
        image.file_meta.MediaStorageSOPInstanceUID = "../../x" if "hostile" in damage else ""
        image.save_as(images[1])
    with pytest.raises(NetworkError, match=r"1\.dcm cannot be sent"):
        send(archive.node(), [images[0].parent], ledger=ledger)
    assert archive.came == []


def test_a_file_that_is_no_dicom_is_passed_over_in_a_folder(start_archive, images, ledger) -> None:
    (images[0].parent / "readme.txt").write_text("hello")
    archive = start_archive()
    assert statuses(send(archive.node(), [images[0].parent], ledger=ledger)) == ["sent"] * 3


def test_a_node_that_takes_no_compressed_pixels_gets_them_unpacked(
    start_archive, images, ledger, tmp_path
) -> None:
    plain = pydicom.dcmread(images[0])
    packed = pydicom.dcmread(images[0])
    packed.Rows = packed.Columns = 64
    packed.BitsAllocated = packed.BitsStored = 16
    packed.HighBit, packed.SamplesPerPixel, packed.PixelRepresentation = 15, 1, 0
    packed.PhotometricInterpretation = "MONOCHROME2"
    packed.PixelData = pixels = bytes(64 * 64) + bytes([1, 0] * (64 * 32))
    packed.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
    packed.save_as(tmp_path / "packed.dcm")
    came = []

    def store(event) -> int:
        came.append(event.dataset)
        return 0

    entity = AE(ae_title="ARCHIVE")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        node = replace(start_archive().node(), port=server.server_address[1])
        assert statuses(send(node, [tmp_path / "packed.dcm"], ledger=ledger)) == ["sent"]
    finally:
        server.shutdown()
    assert [str(item.SOPInstanceUID) for item in came] == [str(plain.SOPInstanceUID)]
    assert came[0].PixelData == pixels
