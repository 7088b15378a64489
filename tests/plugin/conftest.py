"""The plugin's tests: logic without a window, and a few real windows under a real X server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("napari", reason="napari is not installed; the plugin needs it")

from tests.conftest import PLAIN, make_volume, pixel_lps_mm

from ifspace.io.session import read_session
from ifspace.model import Mark, Volume
from ifspace.phantom import PhantomSpec, PhantomTruth, write_phantom
from napari_ifspace.reading_controller import ReadingController, Spot
from napari_ifspace.steps import STEPS, Step, step_of

if TYPE_CHECKING:
    from tests.plugin.hands import Window


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep logs and keys of the tests away from the user's."""
    monkeypatch.setenv("IFSPACE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("IFSPACE_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def volume() -> Volume:
    """A dark volume with slices 4.4 mm apart, all one-sided: no midline to be seen."""
    return make_volume(PLAIN)


@pytest.fixture
def controller(volume: Volume) -> ReadingController:
    """A fresh controller on the dark volume."""
    return ReadingController(volume, reader="A")


@pytest.fixture
def spot() -> Callable[[float, float, float], Spot]:
    """The spot at a stored index of the dark volume, by the DICOM equation."""

    def make(k: float, j: float, i: float) -> Spot:
        return Spot(int(k), pixel_lps_mm(PLAIN, (k, j, i)))

    return make


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    """A phantom study on the disk."""
    return write_phantom(tmp_path_factory.mktemp("phantom"), PhantomSpec())


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X server: the one there is, or our own; Qt without one cannot draw."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("no X server: install xvfb, or set DISPLAY")
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [server, "-displayfd", str(write_end), "-screen", "0", "1600x1000x24"],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    yield os.environ["DISPLAY"]
    process.terminate()
    process.wait()


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    """A window that does not turn the slices by itself."""
    from tests.plugin.hands import Window

    opened = Window()
    yield opened
    opened.answer = "Leave, recover later"
    opened.viewer.close()
    opened.hands.qWait(20)


@pytest.fixture
def true_marks(phantom: PhantomTruth) -> dict[Step, Mark]:
    """The marks that give the headline values: of each step, the pair with the smallest gap."""
    session = read_session(phantom.session_path)
    return {step: _of_smallest(session.marks, step) for step in STEPS}


def _of_smallest(marks: tuple[Mark, ...], step: Step) -> Mark:
    mine = [mark for mark in marks if step_of(mark) == step]
    others = [mark for mark in marks if step_of(mark) == step.partner]

    def gap_mm(mark: Mark) -> float:
        same = [o for o in others if o.sop_instance_uid == mark.sop_instance_uid]
        return min(float(np.linalg.norm(o.position_lps_mm - mark.position_lps_mm)) for o in same)

    return min(mine, key=gap_mm)
