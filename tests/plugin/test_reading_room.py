"""Looking closely: grey levels, zoom, panning, who is read, jumping to what is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.plugin.hands import Window

from ifspace.model import Kind, Mark, MarkState, PatientIdentity, Side, Volume
from ifspace.phantom import PhantomTruth
from ifspace.reading.controller import ReadingController
from ifspace.reading.history import flat
from ifspace.reading.steps import STEPS, Step
from ifspace.reading.study import identity_rows, open_path
from napari_ifspace import gray_window
from napari_ifspace.gray_window import levels_of
from napari_ifspace.viewer_layers import ViewerLayers


@pytest.fixture(autouse=True)
def own_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gray_window, "_KEPT", {})


@pytest.fixture
def layers(volume: Volume) -> Iterator[ViewerLayers]:
    from napari.components import ViewerModel

    shown = ViewerLayers(ViewerModel(), ReadingController(volume, reader="A"))
    yield shown
    shown.close()


# ------------------------------------------------------------------------------- without a window


def test_levels_of_a_series_are_kept_and_reset(layers: ViewerLayers, volume: Volume) -> None:
    from napari.components import ViewerModel

    opened = levels_of(layers.image)
    layers.gray.drag(layers.image, opened, np.array([80.0, 40.0]))
    layers.gray.invert(layers.image)
    changed = levels_of(layers.image)
    range_ = opened.white - opened.black
    assert changed.white - changed.black == pytest.approx(1.2 * range_)
    middle = 0.5 * (changed.white + changed.black)
    assert middle == pytest.approx(0.5 * (opened.white + opened.black) + 0.1 * range_)
    assert changed.inverted
    again = ViewerLayers(ViewerModel(), ReadingController(volume, reader="A"))
    assert levels_of(again.image) == changed
    again.gray.reset(again.image)
    assert levels_of(again.image) == opened
    again.close()


@pytest.mark.parametrize("name", ["auto", "t1", "fluid", "bone"])
def test_a_preset_keeps_black_below_white(images: Volume, name: str) -> None:
    from napari.components import ViewerModel

    layers = ViewerLayers(ViewerModel(), ReadingController(images, reader="A"))
    layers.gray.preset(layers.image, name, 3)
    levels = levels_of(layers.image)
    assert levels.black < levels.white
    layers.close()


def test_what_lies_under_the_cursor_stays_there(layers: ViewerLayers) -> None:
    camera = layers.viewer.scene.camera
    camera.center, camera.zoom = (0.0, 30.0, 40.0), 2.0
    here = np.array([12.0, 25.0])
    before_px = (here - np.asarray(camera.center[-2:])) * camera.zoom
    layers.framing.zoom_at((0.0, *here), 2.0)
    assert camera.zoom == pytest.approx(2.0 * 1.2**2)
    assert (here - np.asarray(camera.center[-2:])) * camera.zoom == pytest.approx(before_px)


def test_a_resized_canvas_is_fitted_again_unless_the_reader_zoomed(layers: ViewerLayers) -> None:
    camera, canvas = layers.viewer.scene.camera, layers.viewer.canvas
    layers.framing.show_side(Side.RIGHT)
    small = camera.zoom
    canvas.size = (1200, 1600)
    assert camera.zoom == pytest.approx(2.0 * small)
    camera.zoom = 7.0
    canvas.size = (600, 800)
    assert camera.zoom == 7.0


def test_one_key_undoes_what_napari_does_to_the_view(layers: ViewerLayers) -> None:
    viewer = layers.viewer
    layers.show_slice(3)
    viewer.dims.roll()
    viewer.scene.camera.orientation2d = ("up", "left")
    layers.image.visible = False
    layers.restore_view()
    assert layers.measurable
    assert layers.image.visible
    assert layers.slice_index == 3
    assert tuple(map(str, viewer.scene.camera.orientation2d)) == ("down", "right")
    viewer.dims.ndisplay = 3
    layers.restore_view()
    assert layers.measurable


def test_the_next_open_mark_is_one_missing_or_unconfirmed(
    controller: ReadingController, spot: Any
) -> None:
    active = controller.active_step
    controller.place(spot(2, 40, 80))
    controller.confirm(everything=True)
    controller.place(spot(2, 40, 50))
    active.choose(STEPS[0])
    assert active.next_open() == STEPS[1]
    active.choose(STEPS[1])
    controller.confirm(everything=True)
    assert active.next_open() == STEPS[2]
    active.choose(STEPS[2])
    active.skip()
    active.choose(STEPS[1])
    assert active.next_open() == STEPS[3]


def test_the_patient_stands_on_the_image_unless_removed_or_switched_off(
    phantom: PhantomTruth, layers: ViewerLayers
) -> None:
    from dataclasses import replace

    study = open_path(phantom.image_path)
    rows = identity_rows(study)
    assert rows[0] == "PHANTOM HIP"
    removed = PatientIdentity("A^B", "1", "", "", "", is_removed=True)
    hidden = replace(study, loaded=replace(study.loaded, identity=removed))
    assert identity_rows(hidden) == ()
    layers.letters.identity = rows
    layers.letters.write_identity()
    overlay = layers.viewer.canvas.overlays["ifspace_identity"]
    assert "PHANTOM HIP" in overlay.text
    assert "Reader A" in overlay.text
    layers.letters.toggle_identity()
    assert not overlay.visible


# --------------------------------------------------------------------------------- a real window


def test_buttons_wheel_and_double_click_in_a_window_change_the_view_and_no_mark(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    dock, layers = window.dock, window.dock.viewer_layers
    assert dock.controller is not None
    assert layers is not None
    for step in STEPS[:2]:
        window.click(window.look_at(true_marks[step]))
    before = flat(dock.controller.state)
    camera, levels = window.viewer.scene.camera, levels_of(layers.image)
    world = window.look_at(true_marks[STEPS[1]])
    zoom, center = camera.zoom, camera.center
    window.drag(world, (world[0], world[1] + 5.0, world[2] + 5.0), button="RightButton")
    assert levels_of(layers.image) != levels
    assert (camera.zoom, camera.center) == (zoom, center)
    window.drag(world, (world[0], world[1] + 5.0, world[2]), button="MiddleButton")
    assert camera.center[-2] == pytest.approx(center[-2] - 5.0, abs=0.3)
    slice_index = layers.slice_index
    window.wheel(world, 1, modifier="ControlModifier")
    assert camera.zoom == pytest.approx(1.2 * zoom)
    assert layers.slice_index == slice_index
    window.wheel(world, 1)
    assert layers.slice_index == slice_index + 1
    window.press("F9")
    assert levels_of(layers.image) == levels
    assert flat(dock.controller.state) == before
    # A double click on a row of the list goes there, close.
    rows = dock.step_list.list
    place = rows.visualItemRect(rows.item(0)).center()
    window.hands.mouseClick(rows.viewport(), window.qt.MouseButton.LeftButton, pos=place)
    window.hands.mouseDClick(rows.viewport(), window.qt.MouseButton.LeftButton, pos=place)
    assert layers.slice_index == slice_index
    mark = dock.controller.session.marks[0]
    assert dock.controller.selected is mark
    assert mark.state is MarkState.PLACED
    assert camera.center[-2:] == pytest.approx(layers.framing.place(mark.position_lps_mm), abs=0.1)
    assert flat(dock.controller.state) == before


def test_the_values_stay_in_view_in_a_small_window_and_two_buttons_say_what_comes_next(
    window: Window, phantom: PhantomTruth
) -> None:
    window.window.resize(1280, 800)
    window.open(phantom.image_path)
    dock = window.dock
    controller = dock.controller
    assert controller is not None
    buttons = dock.step_list.first, dock.step_list.second
    assert [button.text() for button in buttons] == ["Propose", "Skip"]
    dock.session_files.load(phantom.session_path)
    controller.unconfirm(everything=True)
    for tab in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(tab)
        window.hands.qWait(20)
        for cell in dock.assessment.cells.values():
            assert "±" in cell.text()
            assert cell.visibleRegion().boundingRect() == cell.rect()
    dock.tabs.setCurrentIndex(0)
    controller.active_step.choose(STEPS[1])
    assert [button.text() for button in buttons] == ["Confirm", "Move"]
    window.hands.mouseClick(buttons[0], window.qt.MouseButton.LeftButton)
    assert [mark.state for mark in controller.session.marks].count(MarkState.CONFIRMED) == 1
    controller.active_step.select(None)
    assert buttons[0].text() == "Confirm all"
    window.hands.mouseClick(buttons[0], window.qt.MouseButton.LeftButton)
    assert buttons[0].text() == "Sign"
    # A double click on a value shows its marks.
    dock.viewer_layers.show_slice(0)
    cell = dock.assessment.cells[Kind.IFS, Side.RIGHT]
    window.hands.mouseDClick(cell, window.qt.MouseButton.LeftButton)
    assert dock.viewer_layers.slice_index == 12
