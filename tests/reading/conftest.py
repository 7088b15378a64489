"""Readings without a window: a dark volume for geometry, the phantom for what the program sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import PLAIN, make_volume, pixel_lps_mm

from ifspace.geometry import Floats
from ifspace.io.session import read_session
from ifspace.model import Mark, Side, Volume
from ifspace.phantom import PhantomSpec, PhantomTruth, write_phantom
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.steps import STEPS, Step, step_of
from ifspace.workflow import load_study

SIDE = Side.RIGHT


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
def spot() -> Callable[[float, float, float], SlicePoint]:
    """The spot at a stored index of the dark volume, by the DICOM equation."""

    def make(k: float, j: float, i: float) -> SlicePoint:
        return SlicePoint(int(k), pixel_lps_mm(PLAIN, (k, j, i)))

    return make


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    """A phantom study on the disk."""
    return write_phantom(tmp_path_factory.mktemp("phantom"), PhantomSpec())


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


@pytest.fixture(scope="module")
def images(phantom: PhantomTruth) -> Volume:
    with load_study(phantom.image_path) as study:
        assert study.volume is not None
        return study.volume


@pytest.fixture(scope="module")
def seeds_lps_mm(phantom: PhantomTruth) -> dict[str, Floats]:
    seeds = json.loads(phantom.truth_path.read_text())["sides"][SIDE.value]["seeds_lps_mm"]
    return {name: np.array(place) for name, place in seeds.items()}


@pytest.fixture
def seeded(images: Volume, seeds_lps_mm: dict[str, Floats]) -> ReadingController:
    """A controller with the level around the ischium's seed: a search takes half a second."""
    controller = ReadingController(images, reader="A")
    middle, _ = images.nearest_slice(seeds_lps_mm["ischium_marrow"])
    controller.notes.set_level_end(SIDE, middle - 1, first=True)
    controller.notes.set_level_end(SIDE, middle + 1, first=False)
    return controller
