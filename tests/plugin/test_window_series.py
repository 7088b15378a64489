"""Snapping and the second series in a real window, by mouse and keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.plugin.fit import cut_words
from tests.plugin.hands import Window

from ifspace.io.session import read_session
from ifspace.model import Mark
from ifspace.phantom import PhantomSpec, PhantomTruth, Size, write_phantom
from ifspace.reading import screen
from ifspace.reading.steps import STEPS, step_of
from napari_ifspace.preferences import load_preferences
from napari_ifspace.second_series import SECOND_NAME

pytestmark = pytest.mark.usefixtures("display")


@pytest.fixture(scope="module")
def two_series(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    """A study with a T1 and a fat-suppressed series."""
    folder = tmp_path_factory.mktemp("two")
    return write_phantom(folder, PhantomSpec(extra_contrasts=("PD-FS",)))


@pytest.fixture(scope="module")
def right_ischium(two_series: PhantomTruth) -> Mark:
    marks = read_session(two_series.session_path).marks
    return next(mark for mark in marks if step_of(mark) == STEPS[0])


def beside(window: Window, mark: Mark, off_mm: float) -> tuple[float, ...]:
    """A place in napari's world that misses a mark by some millimetres to the patient's right."""
    world = window.look_at(mark)
    controller = window.dock.controller
    assert controller is not None
    at = screen.slice_of(controller.volume, mark)
    point = mark.position_lps_mm - np.array([off_mm, 0.0, 0.0])
    data = screen.lps_mm_to_data(point, at, controller.volume, controller.display)
    return (world[0], *controller.display.to_world(data)[1:])


def test_a_click_beside_the_edge_goes_to_it_and_back(
    window: Window, two_series: PhantomTruth, right_ischium: Mark
) -> None:
    window.open(two_series.image_path)
    dock, controller = window.dock, window.dock.controller
    assert controller is not None
    assert dock.snap_panel.profile.isVisibleTo(dock) is False
    window.press("S")
    assert dock.snap_panel.switch.isChecked()
    assert load_preferences().snap
    window.click(beside(window, right_ischium, 1.5))
    (placed,) = controller.session.marks
    assert np.linalg.norm(placed.position_lps_mm - right_ischium.position_lps_mm) < 1.0
    assert "moved 1." in dock.message.text()
    assert "Right ischium: moved 1." in dock.snap_panel.words.text()
    assert dock.snap_panel.profile.isVisibleTo(dock)
    drawn = dock.snap_panel.profile.grab().toImage()
    shades = {drawn.pixel(x, 40) for x in range(0, drawn.width(), 2)}
    assert len(shades) > 3
    assert list(cut_words(dock)) == []
    window.press("X")
    clicked = controller.session.marks[0].position_lps_mm
    gap_mm = np.linalg.norm(clicked - right_ischium.position_lps_mm)
    assert gap_mm == pytest.approx(1.5, abs=0.2)
    window.press("A")
    assert controller.session.marks[0].position_lps_mm == pytest.approx(placed.position_lps_mm)
    window.press("Ctrl+Z")
    assert controller.session.marks[0].position_lps_mm == pytest.approx(clicked)


def test_the_second_series_is_flipped_by_a_key_and_never_clicked_on(
    window: Window, two_series: PhantomTruth, right_ischium: Mark, tmp_path: Path
) -> None:
    window.open(two_series.image_path)
    dock, controller = window.dock, window.dock.controller
    assert controller is not None
    bar = dock.second_row
    assert [bar.box.itemText(row).split(":")[0] for row in range(bar.box.count())] == [
        "No second series",
        "PD TSE FS axial",
    ]
    window.press("F")
    assert "Choose a second series first" in dock.message.text()
    bar.box.setCurrentIndex(1)
    bar.box.activated.emit(1)
    window.wait(lambda: SECOND_NAME in window.viewer.layers)
    assert bar.shown.isChecked()
    assert list(cut_words(dock)) == []
    window.click(beside(window, right_ischium, 0.0))
    assert "for looking only" in dock.message.text()
    assert controller.session.marks == ()
    window.press("F")
    assert not bar.shown.isChecked()
    window.click(beside(window, right_ischium, 0.0))
    (placed,) = controller.session.marks
    # It is the series that is measured, at the place that was clicked.
    assert placed.sop_instance_uid == right_ischium.sop_instance_uid
    assert np.linalg.norm(placed.position_lps_mm - right_ischium.position_lps_mm) < 0.2

    window.press("F")
    other = write_phantom(tmp_path, PhantomSpec(size=Size.TINY))
    window.answer = "Leave, recover later"
    window.open(other.image_path)
    assert SECOND_NAME not in window.viewer.layers
    assert not bar.isVisibleTo(dock)
    assert window.dock.controller is not None
    assert window.dock.controller.active_step.blocked is None


def test_a_layer_deleted_in_the_list_resets_the_bar(
    window: Window, two_series: PhantomTruth
) -> None:
    window.open(two_series.image_path)
    bar = window.dock.second_row
    bar.box.setCurrentIndex(1)
    bar.box.activated.emit(1)
    window.wait(lambda: SECOND_NAME in window.viewer.layers)
    del window.viewer.layers[SECOND_NAME]
    window.wait(lambda: bar.box.currentIndex() == 0)
    assert not bar.shown.isEnabled()
    assert "marks can be placed again" in window.dock.message.text()


def test_a_second_series_that_comes_too_late_is_not_shown(
    window: Window, two_series: PhantomTruth, tmp_path: Path
) -> None:
    other = write_phantom(tmp_path, PhantomSpec(size=Size.TINY))
    window.open(two_series.image_path)
    bar = window.dock.second_row
    bar.box.setCurrentIndex(1)
    bar.box.activated.emit(1)
    window.answer = "Leave, recover later"
    window.open(other.image_path)
    window.wait(lambda: not window.dock.header.busy.isVisibleTo(window.dock))
    assert SECOND_NAME not in window.viewer.layers
    assert window.dock.controller is not None
    assert window.dock.controller.active_step.blocked is None


def test_a_second_series_whose_folder_is_gone_gives_a_sentence(
    window: Window, two_series: PhantomTruth, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(two_series.image_path, folder)
    window.open(folder)
    shutil.rmtree(folder)
    bar = window.dock.second_row
    bar.box.setCurrentIndex(1)
    bar.box.activated.emit(1)
    window.wait(lambda: "Loading" not in window.dock.message.text())
    assert str(tmp_path) not in window.dock.message.text()
    assert SECOND_NAME not in window.viewer.layers
    assert bar.box.currentIndex() == 0


def test_the_list_names_the_series_on_the_screen_when_another_cannot_be_opened(
    window: Window, two_series: PhantomTruth, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(two_series.image_path, folder)
    window.open(folder)
    box = window.dock.header.series_box
    shown = box.currentText()
    shutil.rmtree(folder)
    other = 1 - box.currentIndex()
    box.setCurrentIndex(other)
    box.activated.emit(other)
    window.wait(lambda: "cannot be opened" in window.dock.message.text())
    assert box.currentText() == shown
    assert shown.startswith(window.dock.study.volume.series.description)
