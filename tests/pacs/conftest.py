"""A real node on loopback: pynetdicom's own, keeping what it is sent in memory."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts
from tests.waiting import LIMIT_S

from ifspace.pacs import DimseNode, Ledger

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"


@dataclass
class Archive:
    """A node: what it holds, how often each object came, and how it misbehaves."""

    port: int = 0
    held: dict[str, Dataset] = field(default_factory=dict)
    came: list[str] = field(default_factory=list)
    aborts_after: int | None = None
    answer: int = 0x0000
    move_to: tuple[str, int] = ("127.0.0.1", 0)

    def node(self, **changes: object) -> DimseNode:
        options = {"called_aet": "ARCHIVE", "timeout_s": LIMIT_S, **changes}
        return DimseNode("archive", "127.0.0.1", self.port, **options)  # type: ignore[arg-type]

    def store(self, event: evt.Event) -> int:
        if self.aborts_after is not None and len(self.came) >= self.aborts_after:
            self.aborts_after = None
            event.assoc.abort()
            return 0x0000
        if self.answer:
            return self.answer
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        self.held[str(dataset.SOPInstanceUID)] = dataset
        self.came.append(str(dataset.SOPInstanceUID))
        return 0x0000

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        asked = event.identifier
        seen = set()
        for dataset in self.held.values():
            if asked.get("PatientID") not in ("", None, dataset.PatientID):
                continue
            answer = Dataset()
            answer.SpecificCharacterSet = "ISO_IR 192"
            answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
            for element in asked:
                if element.keyword in dataset and element.keyword != "SpecificCharacterSet":
                    setattr(answer, element.keyword, dataset[element.keyword].value)
            if str(answer) not in seen:
                seen.add(str(answer))
                yield 0xFF00, answer

    def get(self, event: evt.Event) -> Iterator[object]:
        wanted = event.identifier
        found = [
            dataset
            for dataset in self.held.values()
            if dataset.StudyInstanceUID == wanted.StudyInstanceUID
            and wanted.get("SeriesInstanceUID") in (None, dataset.SeriesInstanceUID)
        ]
        yield len(found)
        for dataset in found:
            yield 0xFF00, dataset

    def move(self, event: evt.Event) -> Iterator[object]:
        yield self.move_to
        yield from self.get(event)


@pytest.fixture
def start_archive() -> Iterator[Callable[..., Archive]]:
    servers = []

    def start(
        tls: ssl.SSLContext | None = None, *, searches: bool = True, **entity_options: object
    ) -> Archive:
        archive = Archive()
        entity = AE(ae_title="ARCHIVE")
        for name, value in entity_options.items():
            setattr(entity, name, value)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
        for uid in (*((FIND, PATIENT_FIND) if searches else ()), MOVE, GET, "1.2.840.10008.1.1"):
            entity.add_supported_context(uid)
        entity.add_requested_context(MRImageStorage)
        server = entity.start_server(
            ("127.0.0.1", 0),
            block=False,
            ssl_context=tls,
            evt_handlers=[
                (evt.EVT_C_STORE, archive.store),
                (evt.EVT_C_FIND, archive.find),
                (evt.EVT_C_GET, archive.get),
                (evt.EVT_C_MOVE, archive.move),
            ],
        )
        servers.append(server)
        # The port that the system chose: none that another program could take in between.
        archive.port = server.socket.getsockname()[1]
        return archive

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Write three small images of one study."""
    folder = tmp_path / "images"
    folder.mkdir()
    study, series = "2.25.1", "2.25.2"
    paths = []
    for number in range(3):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = f"2.25.{10 + number}"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{number}.dcm"
        image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.PatientID, image.PatientName, image.Modality = "P1", "Secret^Name", "MR"
        image.StudyDate, image.SeriesNumber = "20260101", 3
        image.Rows = image.Columns = 4
        image.BitsAllocated, image.SamplesPerPixel = 16, 1
        image.PixelData = bytes(range(32 * number, 32 * number + 32))
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


@pytest.fixture
def port_to_listen_on() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port where nobody listens, and nobody can begin to: it is held, but not listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state" / "sent.jsonl")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Make a certificate for the loopback address, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the test certificate, is missing")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run(
        [
            *command.split(),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def pixel_data() -> Callable[[Path], bytes]:
    return lambda path: bytes(pydicom.dcmread(path).PixelData)
