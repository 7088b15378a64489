"""The picture of a controller on napari's own model, with mouse events as napari delivers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
    mouse_wheel_callbacks,
)
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm

from ifspace.model import Mark, MarkName, MarkState, Session, Side
from ifspace.reading import screen
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.history import flat
from ifspace.reading.steps import STEPS
from ifspace.workflow import assess
from napari_ifspace.viewer_layers import ViewerLayers


@dataclass
class Mouse:
    """One mouse event, as napari hands it to callbacks."""

    type: str
    position: tuple[float, ...]
    pos: tuple[float, float]
    button: int | None = 1
    modifiers: Sequence[str] = ()
    handled: bool = False
    is_dragging: bool = False
    delta: tuple[float, float] = (0.0, 0.0)
    native: Any = field(default=None)


def world_of(
    viewer_layers: ViewerLayers, kji: Sequence[float], storage: Storage = PLAIN
) -> tuple[float, ...]:
    """Where the cursor has to be for a stored index, computed from the array alone."""
    marked = np.zeros(storage.shape_kji, dtype=np.float32)
    marked[tuple(int(n) for n in kji)] = 1.0
    shown = np.unravel_index(
        viewer_layers.controller.display.array(marked).argmax(),
        viewer_layers.controller.display.shape,
    )
    return tuple(np.array(shown) * np.array(viewer_layers.controller.display.scale_mm))


def click(viewer_layers: ViewerLayers, world: tuple[float, ...]) -> None:
    drag(viewer_layers, world, world)


def drag(viewer_layers: ViewerLayers, start: tuple[float, ...], end: tuple[float, ...]) -> None:
    far = 0.0 if start == end else 50.0
    mouse_press_callbacks(viewer_layers.viewer, read_only(Mouse("mouse_press", start, (0.0, 0.0))))
    if far:
        moved = Mouse("mouse_move", end, (far, 0.0), is_dragging=True)
        mouse_move_callbacks(viewer_layers.viewer, read_only(moved))
    mouse_release_callbacks(
        viewer_layers.viewer, read_only(Mouse("mouse_release", end, (far, 0.0)))
    )


def read_only(event: Mouse) -> ReadOnlyWrapper:
    return ReadOnlyWrapper(event, exceptions=("handled",))


@pytest.fixture
def viewer_layers(controller: ReadingController) -> ViewerLayers:
    viewer_layers = ViewerLayers(ViewerModel(), controller)
    viewer_layers.viewer.scene.camera.zoom = 5.0
    return viewer_layers


def test_every_click_lands_on_the_slice_shown_within_half_a_pixel(stored: Storage) -> None:
    controller = ReadingController(make_volume(stored))
    viewer_layers = ViewerLayers(ViewerModel(), controller)
    wanted = (3, 41, 87)
    viewer_layers.show_slice(3)
    cursor = np.array(world_of(viewer_layers, wanted, stored))
    # The slider gives the depth, the mouse the rest: 0.4 of a pixel off the middle.
    cursor[0] = viewer_layers.viewer.dims.point[0]
    cursor[1:] += 0.4 * np.array(controller.display.scale_mm[1:])
    click(viewer_layers, tuple(cursor))
    assert len(controller.session.marks) == 1
    offset_lps_mm = controller.session.marks[0].position_lps_mm - pixel_lps_mm(stored, wanted)
    # 0.4 of a pixel of 0.8 mm and of 0.6 mm, in any order and sign.
    assert np.linalg.norm(offset_lps_mm) == pytest.approx(np.hypot(0.32, 0.24), abs=1e-6)
    assert controller.session.marks[0].sop_instance_uid == "1.2.3.3"


def test_a_click_places_and_a_drag_moves(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    drag(viewer_layers, world_of(viewer_layers, (2, 40, 80)), world_of(viewer_layers, (2, 40, 90)))
    assert len(viewer_layers.controller.session.marks) == 1
    assert viewer_layers.controller.session.marks[0].position_lps_mm == pytest.approx(
        pixel_lps_mm(PLAIN, (2, 40, 90))
    )


def test_a_drag_beside_the_marks_moves_the_picture_and_places_nothing(
    viewer_layers: ViewerLayers,
) -> None:
    viewer_layers.show_slice(2)
    drag(viewer_layers, world_of(viewer_layers, (2, 40, 80)), world_of(viewer_layers, (2, 40, 90)))
    assert viewer_layers.controller.session.marks == ()


def test_a_click_on_a_mark_places_the_next_one_there(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    for index in ((2, 40, 80), (2, 40, 50), (2, 45, 80), (2, 40, 51)):
        click(viewer_layers, world_of(viewer_layers, index))
    # The fourth mark lies within the mouse's reach of the second.
    assert len(viewer_layers.controller.session.marks) == 4


def test_a_click_on_a_mark_chooses_it_once_the_step_has_one(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    viewer_layers.controller.active_step.choose(STEPS[0])
    viewer_layers.controller.active_step.select(None)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    assert viewer_layers.controller.selected is viewer_layers.controller.session.marks[0]


def test_no_click_counts_in_three_dimensions_or_on_a_reformatted_slice(
    viewer_layers: ViewerLayers,
) -> None:
    said: list[str] = []
    viewer_layers.controller.said.connect(lambda words, _warning: said.append(words))
    viewer_layers.viewer.dims.ndisplay = 3
    click(viewer_layers, (8.8, 30.0, 30.0))
    viewer_layers.viewer.dims.ndisplay = 2
    viewer_layers.viewer.dims.order = (1, 0, 2)
    click(viewer_layers, (8.8, 30.0, 30.0))
    assert viewer_layers.controller.session.marks == ()
    assert all("acquired slices" in words for words in said)
    assert len(said) == 2


def test_a_transposed_view_still_gives_the_right_point_and_letters(
    viewer_layers: ViewerLayers,
) -> None:
    viewer_layers.viewer.dims.order = (0, 2, 1)
    viewer_layers.show_slice(1)
    click(viewer_layers, world_of(viewer_layers, (1, 20, 30)))
    assert viewer_layers.controller.session.marks[0].position_lps_mm == pytest.approx(
        pixel_lps_mm(PLAIN, (1, 20, 30))
    )
    overlays = viewer_layers.viewer.canvas.overlays
    assert overlays["ifspace_top"].text == "R"
    assert overlays["ifspace_left"].text == "A"


def test_letters_follow_a_mirrored_camera(viewer_layers: ViewerLayers) -> None:
    viewer_layers.viewer.scene.camera.orientation2d = ("down", "left")
    assert viewer_layers.viewer.canvas.overlays["ifspace_left"].text == "L"


def test_a_mouse_that_draws_on_another_layer_places_nothing(viewer_layers: ViewerLayers) -> None:
    other = viewer_layers.viewer.add_points(ndim=3, name="mine")
    other.mode = "add"
    viewer_layers.viewer.layers.selection.active = other
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    assert viewer_layers.controller.session.marks == ()


def test_other_layers_with_more_dimensions_do_not_move_the_marks(
    viewer_layers: ViewerLayers,
) -> None:
    viewer_layers.viewer.add_image(np.zeros((3, 4, 50, 50)), name="other")
    viewer_layers.show_slice(4)
    assert viewer_layers.slice_index == 4
    point = viewer_layers.viewer.dims.point
    _, down, right = world_of(viewer_layers, (4, 33, 44))
    click(viewer_layers, (point[0], point[1], down, right))
    assert viewer_layers.controller.session.marks[0].position_lps_mm == pytest.approx(
        pixel_lps_mm(PLAIN, (4, 33, 44))
    )


def test_a_deleted_layer_comes_back_with_every_mark(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    lost: list[str] = []
    viewer_layers.lost.connect(lost.append)
    for layer in (viewer_layers.drawing.marks, viewer_layers.image):
        viewer_layers.viewer.layers.remove(layer)
    viewer_layers.repair()
    assert lost == ["IFSpace marks", "Images"]
    assert len(viewer_layers.drawing.marks.data) == 1
    assert viewer_layers.viewer.layers[0] is viewer_layers.image
    assert len(viewer_layers.controller.session.marks) == 1


def test_clearing_all_layers_loses_nothing(viewer_layers: ViewerLayers) -> None:
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    viewer_layers.viewer.layers.clear()
    viewer_layers.repair()
    assert len(viewer_layers.drawing.marks.data) == len(viewer_layers.controller.session.marks) == 1


def test_a_shifted_image_goes_back_to_its_place(viewer_layers: ViewerLayers) -> None:
    viewer_layers.image.translate = (0.0, 12.0, -3.0)
    viewer_layers.image.rotate = 20.0
    assert np.allclose(viewer_layers.image.translate, 0.0)
    assert np.allclose(viewer_layers.image.rotate, np.eye(3))


def test_removing_points_from_the_layer_removes_no_mark(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    viewer_layers.draw(None)
    viewer_layers.drawing.marks.selected_data = {0}
    viewer_layers.drawing.marks.remove_selected()
    assert len(viewer_layers.drawing.marks.data) == 0
    viewer_layers.draw(None)
    assert len(viewer_layers.controller.session.marks) == len(viewer_layers.drawing.marks.data) == 1


def test_lines_and_millimetres_are_drawn_for_every_pair(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    for index in ((2, 40, 80), (2, 40, 50)):
        click(viewer_layers, world_of(viewer_layers, index))
    viewer_layers.draw(assess(viewer_layers.controller.volume, viewer_layers.controller.session))
    assert set(viewer_layers.drawing.text.features["label"]) == {"IFS 18.0 mm"}
    start, along = viewer_layers.drawing.lines.data[0]
    ends = [
        screen.world_to_lps_mm(
            viewer_layers.controller.display.to_world(point),
            viewer_layers.controller.volume,
            viewer_layers.controller.display,
        )
        for point in (start, start + along)
    ]
    assert ends[0] == pytest.approx(pixel_lps_mm(PLAIN, (2, 40, 80)))
    assert ends[1] == pytest.approx(pixel_lps_mm(PLAIN, (2, 40, 50)))


def test_the_states_have_shapes_of_their_own(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(2)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    viewer_layers.draw(None)
    before = str(viewer_layers.drawing.marks.symbol[0])
    viewer_layers.controller.confirm(everything=True)
    viewer_layers.draw(None)
    assert viewer_layers.controller.session.marks[0].state is MarkState.CONFIRMED
    assert str(viewer_layers.drawing.marks.symbol[0]) != before


def test_the_wheel_turns_slices_and_stops_at_the_ends(viewer_layers: ViewerLayers) -> None:
    viewer_layers.show_slice(5)
    for delta in (1.0, 1.0, -1.0):
        event = Mouse("mouse_wheel", (0.0, 0.0, 0.0), (0.0, 0.0), delta=(0.0, delta))
        mouse_wheel_callbacks(viewer_layers.viewer, event)
        assert event.handled
    assert viewer_layers.slice_index == 4
    viewer_layers.show_slice(99)
    assert viewer_layers.slice_index == 5


def test_closing_takes_everything_away_again(viewer_layers: ViewerLayers) -> None:
    viewer = viewer_layers.viewer
    viewer.add_image(np.zeros((4, 4)), name="other")
    viewer_layers.close()
    assert [layer.name for layer in viewer.layers] == ["other"]
    overlays = viewer.canvas.overlays
    assert not [n for n in overlays if n.startswith("ifspace") and overlays[n].visible]
    assert not overlays.scale_bar.visible
    assert viewer_layers.mouse.press not in viewer.mouse_drag_callbacks


def test_a_click_on_a_bare_image_finds_letters_and_marks_there(
    controller: ReadingController,
) -> None:
    viewer_layers = ViewerLayers(ViewerModel(), controller, has_drawing=False)
    assert not viewer_layers.has_drawing
    viewer_layers.show_slice(2)
    click(viewer_layers, world_of(viewer_layers, (2, 40, 80)))
    assert viewer_layers.viewer.canvas.overlays["ifspace_left"].text == "R"
    viewer_layers.draw(None)
    assert len(viewer_layers.drawing.marks.data) == 1


def test_what_was_to_be_drawn_on_a_bare_image_is_drawn_when_it_can_be(
    controller: ReadingController, spot: Callable[[float, float, float], SlicePoint]
) -> None:
    viewer_layers = ViewerLayers(ViewerModel(), controller, has_drawing=False)
    controller.place(spot(2, 40, 80))
    controller.place(spot(2, 40, 50))
    viewer_layers.draw(assess(controller.volume, controller.session))
    assert list(viewer_layers.viewer.layers) == [viewer_layers.image]
    viewer_layers.add_drawing()
    assert set(viewer_layers.drawing.text.features["label"]) == {"IFS 18.0 mm"}


def test_a_scene_closed_bare_stays_bare(controller: ReadingController) -> None:
    viewer_layers = ViewerLayers(ViewerModel(), controller, has_drawing=False)
    viewer_layers.close()
    viewer_layers.add_letters()
    viewer_layers.add_drawing()
    assert not list(viewer_layers.viewer.layers)
    assert "ifspace_left" not in viewer_layers.viewer.canvas.overlays


def test_a_button_held_down_while_the_study_is_put_away_places_nothing(
    viewer_layers: ViewerLayers,
) -> None:
    here = world_of(viewer_layers, (2, 40, 80))
    mouse_press_callbacks(viewer_layers.viewer, read_only(Mouse("mouse_press", here, (0.0, 0.0))))
    viewer_layers.close()
    mouse_release_callbacks(
        viewer_layers.viewer, read_only(Mouse("mouse_release", here, (0.0, 0.0)))
    )
    assert viewer_layers.controller.session.marks == ()


def test_zooming_to_a_hip_goes_to_its_marks_or_to_where_it_was_seen(stored: Storage) -> None:
    controller = ReadingController(make_volume(stored))
    viewer_layers = ViewerLayers(ViewerModel(), controller)
    wanted = (3, 41, 87)
    place = controller.volume.slices[3].plane.to_lps_mm(np.array(wanted[1:], dtype=np.float64))
    viewer_layers.framing.show_side(Side.LEFT)
    half = viewer_layers.viewer.scene.camera.center
    viewer_layers.framing.hips_lps_mm = {Side.LEFT: place}
    viewer_layers.framing.show_side(Side.LEFT)
    seen = viewer_layers.viewer.scene.camera.center
    assert seen != half
    np.testing.assert_allclose(seen[1:], world_of(viewer_layers, wanted, stored)[1:], atol=1e-6)
    viewer_layers.framing.show_side(Side.RIGHT)
    assert viewer_layers.viewer.scene.camera.center != seen
    # A mark says it better than a guess.
    other = (3, 52, 80)
    mark = Mark(MarkName.ISCHIUM_LATERAL, Side.LEFT, pixel_lps_mm(stored, other))
    controller.load(Session(marks=(mark,)))
    viewer_layers.framing.show_side(Side.LEFT)
    np.testing.assert_allclose(
        viewer_layers.viewer.scene.camera.center[1:],
        world_of(viewer_layers, other, stored)[1:],
        atol=1e-6,
    )


def test_nothing_changes_while_the_reader_cannot_see_what_is_said(
    viewer_layers: ViewerLayers,
) -> None:
    controller, said, away = viewer_layers.controller, [], ["out of sight"]
    controller.said.connect(lambda words, _warning: said.append(words))
    click(viewer_layers, world_of(viewer_layers, (3, 40, 80)))
    before, selected = flat(controller.state), controller.selected
    controller.active_step.unattended = lambda: away[0] if away else None
    mouse_move_callbacks(
        viewer_layers.viewer,
        read_only(Mouse("mouse_move", world_of(viewer_layers, (3, 40, 60)), (0.0, 0.0))),
    )
    assert controller.cursor.preview is None
    said.clear()
    click(viewer_layers, world_of(viewer_layers, (3, 40, 60)))
    drag(viewer_layers, world_of(viewer_layers, (3, 40, 80)), world_of(viewer_layers, (3, 45, 82)))
    controller.nudge(1.0, 0.0)
    controller.remove_selected()
    assert flat(controller.state) == before
    assert controller.selected == selected
    assert said == ["out of sight"] * 4
    away.clear()
    click(viewer_layers, world_of(viewer_layers, (3, 40, 60)))
    assert len(controller.session.marks) == 2


def test_who_draws_on_another_layer_meanwhile_is_left_alone(viewer_layers: ViewerLayers) -> None:
    said: list[str] = []
    viewer_layers.controller.said.connect(lambda words, _warning: said.append(words))
    other = viewer_layers.viewer.add_points(ndim=3)
    viewer_layers.viewer.layers.selection.active = other
    other.mode = "select"
    viewer_layers.controller.active_step.unattended = lambda: "out of sight"
    click(viewer_layers, world_of(viewer_layers, (3, 40, 80)))
    assert said == []
    assert viewer_layers.controller.session.marks == ()
