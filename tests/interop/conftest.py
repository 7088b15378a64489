"""Studies that went through the whole program, and other people's programs to show them to.

Every test here needs something that is not ours; what is missing is named loudly and its tests
are skipped. ``tests/interop/setup.sh`` installs all of it.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import LIMIT_S, until

from ifspace.export import ALL_FORMATS, export
from ifspace.io.session import read_session
from ifspace.model import MarkState, Session, Side, Source, StudyResult
from ifspace.pacs import DimseNode, WebNode
from ifspace.phantom import VARIANTS, PhantomSpec, Size, write_phantom
from ifspace.workflow import Settings, assess_study, load_study, sign

LOOPBACK = "127.0.0.1"
HINT = "run tests/interop/setup.sh"
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def program(name: str, *places: str) -> str:
    """Find a program, or skip the test and say which one is missing."""
    for place in (*places, shutil.which(name) or ""):
        if place and Path(place).exists():
            return place
    pytest.skip(f"NOT PROVEN HERE: {name} is missing; {HINT}")


@pytest.fixture(scope="session")
def find_program() -> Callable[..., str]:
    return program


@dataclass(frozen=True)
class Written:
    """One study: its images, its result and everything written for it."""

    name: str
    images: Path
    out: Path
    result: StudyResult

    def files(self) -> list[Path]:
        return sorted(path for path in self.images.rglob("*") if path.is_file())

    def objects(self) -> list[Path]:
        return sorted(self.out.glob("*.dcm"))


def _without_mark(session: Session, side: Side) -> Session:
    """Take away the hamstring mark of one side, so that one space is not measured."""
    kept = tuple(
        mark
        for mark in session.marks
        if not (mark.side is side and mark.name.value == "hamstring_superolateral")
    )
    return replace(session, marks=kept)


def _as_proposed(session: Session) -> Session:
    return replace(
        session,
        marks=tuple(
            replace(mark, state=MarkState.PROPOSED, source=Source.PROGRAM, confidence=0.8)
            for mark in session.marks
        ),
    )


@dataclass(frozen=True)
class Case:
    """One study to show: the phantom, the sides, and what is done to its session."""

    spec: PhantomSpec
    sides: tuple[Side, ...] = (Side.RIGHT, Side.LEFT)
    change: Callable[[Session], Session] = field(default=lambda session: session)
    signed: bool = False


def _spec(variant: str, *, spacing_mm: float | None = 2.4, **changes: Any) -> PhantomSpec:
    """Give a small phantom; its pixels are square as in nearly every scan, unless asked."""
    square = {"row_spacing_mm": spacing_mm, "column_spacing_mm": spacing_mm} if spacing_mm else {}
    return replace(VARIANTS[variant].spec, size=Size.SMALL, **square, **changes)


CASES = {
    "classic, one not measured": Case(
        _spec("plain"), change=lambda session: _without_mark(session, Side.RIGHT)
    ),
    "enhanced": Case(_spec("enhanced")),
    "oblique": Case(_spec("oblique-20")),
    "not square": Case(_spec("anisotropic", spacing_mm=None)),
    "left only": Case(_spec("plain", ifs_mm=13.0, qfs_mm=7.0), sides=(Side.LEFT,)),
    "right only": Case(_spec("enhanced-oblique"), sides=(Side.RIGHT,)),
    "final, Korean name": Case(_spec("korean-name"), signed=True),
    "proposed": Case(_spec("asymmetric"), change=_as_proposed),
}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Written]:
    """Write a case once per run: phantom, measurement, every report."""
    made: dict[str, Written] = {}

    def write(name: str) -> Written:
        if name not in made:
            case = CASES[name]
            folder = tmp_path_factory.mktemp("study")
            truth = write_phantom(folder / "phantom", case.spec)
            session = case.change(read_session(truth.session_path))
            with load_study(truth.image_path, hint=session.series_instance_uid) as study:
                if case.signed:
                    session = sign(session, study, "A", "2026-03-01T10:00:00+01:00")
                result = assess_study(study, session, Settings(sides=case.sides))
                export(study, result, folder / "out", formats=ALL_FORMATS)
            made[name] = Written(name, truth.image_path, folder / "out", result)
        return made[name]

    return write


def free_ports(count: int) -> list[int]:
    """Find ports that are free now, each another: all are held until the last one is found."""
    with ExitStack() as held:
        opened = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in opened]


class Orthanc:
    """A private Orthanc: its own database, free ports, only this machine may talk to it."""

    def __init__(self, program_path: str, folder: Path) -> None:
        self.folder = folder
        self.web_port, self.dicom_port, self.move_port = free_ports(3)
        self.password = secrets.token_urlsafe(16)
        self._program = program_path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "Name": "TEST",
                    "StorageDirectory": str(folder / "db"),
                    "IndexDirectory": str(folder / "db"),
                    "Plugins": [str(DICOMWEB_PLUGIN)],
                    "HttpPort": self.web_port,
                    "HttpBindAddresses": [LOOPBACK],
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": True,
                    "RegisteredUsers": {"test": self.password},
                    "DicomServerEnabled": True,
                    "DicomAet": "ORTHANC",
                    "DicomPort": self.dicom_port,
                    "DicomCheckCalledAet": True,
                    # It cannot bind its DICOM port to one address, so it knows one host only.
                    "DicomCheckModalityHost": True,
                    "DicomAlwaysAllowEcho": False,
                    "DicomAlwaysAllowStore": False,
                    "DicomModalities": {
                        "us": ["IFSPACE", LOOPBACK, self.move_port],
                        "dcmtk": ["STORESCU", LOOPBACK, 104],
                    },
                    "OverwriteInstances": True,
                    "DefaultEncoding": "Utf8",
                    "DicomWeb": {
                        "Enable": True,
                        "Root": "/dicom-web/",
                        "Host": f"{LOOPBACK}:{self.web_port}",
                        "Ssl": False,
                    },
                }
            )
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        log = (self.folder / "orthanc.log").open("ab")
        self.process = subprocess.Popen(
            [self._program, str(self.folder / "orthanc.json")],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TCP_NODELAY": "1"},
        )
        until(self.answers)

    def answers(self) -> bool:
        """Tell whether it takes calls yet; fails where it ended instead."""
        if self.process is not None and self.process.poll() is not None:
            pytest.fail("Orthanc ended: " + (self.folder / "orthanc.log").read_text()[-500:])
        try:
            self.call("GET", "/system")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def kill(self) -> None:
        """End it as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def authorization(self) -> str:
        return "Basic " + base64.b64encode(f"test:{self.password}".encode()).decode()

    def call(self, method: str, path: str, body: bytes | None = None) -> Any:
        connection = http.client.HTTPConnection(LOOPBACK, self.web_port, timeout=LIMIT_S)
        try:
            connection.request(method, path, body, {"Authorization": self.authorization})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                pytest.fail(f"Orthanc answered {answer.status} to {method} {path}")
            return json.loads(content) if content else None
        finally:
            connection.close()

    def store(self, path: Path) -> None:
        self.call("POST", "/instances", path.read_bytes())

    def instances(self) -> list[str]:
        """List the SOP Instance UIDs that it holds."""
        found = self.call("GET", "/instances?expand")
        return [item["MainDicomTags"]["SOPInstanceUID"] for item in found]

    def dimse(self, **changes: Any) -> DimseNode:
        options = {"called_aet": "ORTHANC", "timeout_s": LIMIT_S, "move_port": self.move_port}
        return DimseNode("orthanc", LOOPBACK, self.dicom_port, **{**options, **changes})

    def web(self) -> WebNode:
        url = f"http://{LOOPBACK}:{self.web_port}/dicom-web"
        return WebNode("orthanc", url, username="test")


@pytest.fixture
def orthanc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orthanc]:
    """Start an empty Orthanc, and end it afterwards."""
    found = program("Orthanc", "/usr/sbin/Orthanc")
    if not DICOMWEB_PLUGIN.exists():
        pytest.skip(f"NOT PROVEN HERE: orthanc-dicomweb is missing; {HINT}")
    server = Orthanc(found, tmp_path / "orthanc")
    monkeypatch.setenv("IFSPACE_PASSWORD_ORTHANC", server.password)
    yield server
    server.stop()
