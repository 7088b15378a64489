"""The picture of a desk on napari's own model, with mouse events as napari delivers them."""

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
from ifspace.workflow import assess
from napari_ifspace import layers
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.history import flat
from napari_ifspace.scene import Scene
from napari_ifspace.steps import STEPS


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


def world_of(scene: Scene, kji: Sequence[float], storage: Storage = PLAIN) -> tuple[float, ...]:
    """Where the cursor has to be for a stored index, computed from the array alone."""
    marked = np.zeros(storage.shape_kji, dtype=np.float32)
    marked[tuple(int(n) for n in kji)] = 1.0
    shown = np.unravel_index(scene.desk.display.array(marked).argmax(), scene.desk.display.shape)
    return tuple(np.array(shown) * np.array(scene.desk.display.scale_mm))


def click(scene: Scene, world: tuple[float, ...]) -> None:
    drag(scene, world, world)


def drag(scene: Scene, start: tuple[float, ...], end: tuple[float, ...]) -> None:
    far = 0.0 if start == end else 50.0
    mouse_press_callbacks(scene.viewer, read_only(Mouse("mouse_press", start, (0.0, 0.0))))
    if far:
        moved = Mouse("mouse_move", end, (far, 0.0), is_dragging=True)
        mouse_move_callbacks(scene.viewer, read_only(moved))
    mouse_release_callbacks(scene.viewer, read_only(Mouse("mouse_release", end, (far, 0.0))))


def read_only(event: Mouse) -> ReadOnlyWrapper:
    return ReadOnlyWrapper(event, exceptions=("handled",))


@pytest.fixture
def scene(desk: Desk) -> Scene:
    scene = Scene(ViewerModel(), desk)
    scene.viewer.scene.camera.zoom = 5.0
    return scene


def test_every_click_lands_on_the_slice_shown_within_half_a_pixel(stored: Storage) -> None:
    desk = Desk(make_volume(stored))
    scene = Scene(ViewerModel(), desk)
    wanted = (3, 41, 87)
    scene.show_slice(3)
    cursor = np.array(world_of(scene, wanted, stored))
    # The slider gives the depth, the mouse the rest: 0.4 of a pixel off the middle.
    cursor[0] = scene.viewer.dims.point[0]
    cursor[1:] += 0.4 * np.array(desk.display.scale_mm[1:])
    click(scene, tuple(cursor))
    assert len(desk.session.marks) == 1
    offset_lps_mm = desk.session.marks[0].position_lps_mm - pixel_lps_mm(stored, wanted)
    # 0.4 of a pixel of 0.8 mm and of 0.6 mm, in any order and sign.
    assert np.linalg.norm(offset_lps_mm) == pytest.approx(np.hypot(0.32, 0.24), abs=1e-6)
    assert desk.session.marks[0].sop_instance_uid == "1.2.3.3"


def test_a_click_places_and_a_drag_moves(scene: Scene) -> None:
    scene.show_slice(2)
    click(scene, world_of(scene, (2, 40, 80)))
    drag(scene, world_of(scene, (2, 40, 80)), world_of(scene, (2, 40, 90)))
    assert len(scene.desk.session.marks) == 1
    assert scene.desk.session.marks[0].position_lps_mm == pytest.approx(
        pixel_lps_mm(PLAIN, (2, 40, 90))
    )


def test_a_drag_beside_the_marks_moves_the_picture_and_places_nothing(scene: Scene) -> None:
    scene.show_slice(2)
    drag(scene, world_of(scene, (2, 40, 80)), world_of(scene, (2, 40, 90)))
    assert scene.desk.session.marks == ()


def test_a_click_on_a_mark_places_the_next_one_there(scene: Scene) -> None:
    scene.show_slice(2)
    for index in ((2, 40, 80), (2, 40, 50), (2, 45, 80), (2, 40, 51)):
        click(scene, world_of(scene, index))
    # The fourth mark lies within the mouse's reach of the second.
    assert len(scene.desk.session.marks) == 4


def test_a_click_on_a_mark_chooses_it_once_the_step_has_one(scene: Scene) -> None:
    scene.show_slice(2)
    click(scene, world_of(scene, (2, 40, 80)))
    scene.desk.hand.choose(STEPS[0])
    scene.desk.hand.select(None)
    click(scene, world_of(scene, (2, 40, 80)))
    assert scene.desk.selected is scene.desk.session.marks[0]


def test_no_click_counts_in_three_dimensions_or_on_a_reformatted_slice(scene: Scene) -> None:
    said: list[str] = []
    scene.desk.said.connect(lambda words, _warning: said.append(words))
    scene.viewer.dims.ndisplay = 3
    click(scene, (8.8, 30.0, 30.0))
    scene.viewer.dims.ndisplay = 2
    scene.viewer.dims.order = (1, 0, 2)
    click(scene, (8.8, 30.0, 30.0))
    assert scene.desk.session.marks == ()
    assert all("acquired slices" in words for words in said)
    assert len(said) == 2


def test_a_transposed_view_still_gives_the_right_point_and_letters(scene: Scene) -> None:
    scene.viewer.dims.order = (0, 2, 1)
    scene.show_slice(1)
    click(scene, world_of(scene, (1, 20, 30)))
    assert scene.desk.session.marks[0].position_lps_mm == pytest.approx(
        pixel_lps_mm(PLAIN, (1, 20, 30))
    )
    overlays = scene.viewer.canvas.overlays
    assert overlays["ifspace_top"].text == "R"
    assert overlays["ifspace_left"].text == "A"


def test_letters_follow_a_mirrored_camera(scene: Scene) -> None:
    scene.viewer.scene.camera.orientation2d = ("down", "left")
    assert scene.viewer.canvas.overlays["ifspace_left"].text == "L"


def test_a_mouse_that_draws_on_another_layer_places_nothing(scene: Scene) -> None:
    other = scene.viewer.add_points(ndim=3, name="mine")
    other.mode = "add"
    scene.viewer.layers.selection.active = other
    click(scene, world_of(scene, (2, 40, 80)))
    assert scene.desk.session.marks == ()


def test_other_layers_with_more_dimensions_do_not_move_the_marks(scene: Scene) -> None:
    scene.viewer.add_image(np.zeros((3, 4, 50, 50)), name="other")
    scene.show_slice(4)
    assert scene.slice_index == 4
    point = scene.viewer.dims.point
    _, down, right = world_of(scene, (4, 33, 44))
    click(scene, (point[0], point[1], down, right))
    assert scene.desk.session.marks[0].position_lps_mm == pytest.approx(
        pixel_lps_mm(PLAIN, (4, 33, 44))
    )


def test_a_deleted_layer_comes_back_with_every_mark(scene: Scene) -> None:
    scene.show_slice(2)
    click(scene, world_of(scene, (2, 40, 80)))
    lost: list[str] = []
    scene.lost.connect(lost.append)
    for layer in (scene.drawing.marks, scene.image):
        scene.viewer.layers.remove(layer)
    scene.repair()
    assert lost == ["IFSpace marks", "Images"]
    assert len(scene.drawing.marks.data) == 1
    assert scene.viewer.layers[0] is scene.image
    assert len(scene.desk.session.marks) == 1


def test_clearing_all_layers_loses_nothing(scene: Scene) -> None:
    click(scene, world_of(scene, (2, 40, 80)))
    scene.viewer.layers.clear()
    scene.repair()
    assert len(scene.drawing.marks.data) == len(scene.desk.session.marks) == 1


def test_a_shifted_image_goes_back_to_its_place(scene: Scene) -> None:
    scene.image.translate = (0.0, 12.0, -3.0)
    scene.image.rotate = 20.0
    assert np.allclose(scene.image.translate, 0.0)
    assert np.allclose(scene.image.rotate, np.eye(3))


def test_removing_points_from_the_layer_removes_no_mark(scene: Scene) -> None:
    scene.show_slice(2)
    click(scene, world_of(scene, (2, 40, 80)))
    scene.draw(None)
    scene.drawing.marks.selected_data = {0}
    scene.drawing.marks.remove_selected()
    assert len(scene.drawing.marks.data) == 0
    scene.draw(None)
    assert len(scene.desk.session.marks) == len(scene.drawing.marks.data) == 1


def test_lines_and_millimetres_are_drawn_for_every_pair(scene: Scene) -> None:
    scene.show_slice(2)
    for index in ((2, 40, 80), (2, 40, 50)):
        click(scene, world_of(scene, index))
    scene.draw(assess(scene.desk.volume, scene.desk.session))
    assert set(scene.drawing.text.features["label"]) == {"IFS 18.0 mm"}
    start, along = scene.drawing.lines.data[0]
    ends = [
        layers.world_to_lps_mm(
            scene.desk.display.to_world(point), scene.desk.volume, scene.desk.display
        )
        for point in (start, start + along)
    ]
    assert ends[0] == pytest.approx(pixel_lps_mm(PLAIN, (2, 40, 80)))
    assert ends[1] == pytest.approx(pixel_lps_mm(PLAIN, (2, 40, 50)))


def test_the_states_have_shapes_of_their_own(scene: Scene) -> None:
    scene.show_slice(2)
    click(scene, world_of(scene, (2, 40, 80)))
    scene.draw(None)
    before = str(scene.drawing.marks.symbol[0])
    scene.desk.confirm(everything=True)
    scene.draw(None)
    assert scene.desk.session.marks[0].state is MarkState.CONFIRMED
    assert str(scene.drawing.marks.symbol[0]) != before


def test_the_wheel_turns_slices_and_stops_at_the_ends(scene: Scene) -> None:
    scene.show_slice(5)
    for delta in (1.0, 1.0, -1.0):
        event = Mouse("mouse_wheel", (0.0, 0.0, 0.0), (0.0, 0.0), delta=(0.0, delta))
        mouse_wheel_callbacks(scene.viewer, event)
        assert event.handled
    assert scene.slice_index == 4
    scene.show_slice(99)
    assert scene.slice_index == 5


def test_closing_takes_everything_away_again(scene: Scene) -> None:
    viewer = scene.viewer
    viewer.add_image(np.zeros((4, 4)), name="other")
    scene.close()
    assert [layer.name for layer in viewer.layers] == ["other"]
    overlays = viewer.canvas.overlays
    assert not [n for n in overlays if n.startswith("ifspace") and overlays[n].visible]
    assert not overlays.scale_bar.visible
    assert scene.mouse.press not in viewer.mouse_drag_callbacks


def test_a_click_on_a_bare_image_finds_letters_and_marks_there(desk: Desk) -> None:
    scene = Scene(ViewerModel(), desk, furnished=False)
    assert not scene.furnished
    scene.show_slice(2)
    click(scene, world_of(scene, (2, 40, 80)))
    assert scene.viewer.canvas.overlays["ifspace_left"].text == "R"
    scene.draw(None)
    assert len(scene.drawing.marks.data) == 1


def test_what_was_to_be_drawn_on_a_bare_image_is_drawn_when_it_can_be(
    desk: Desk, spot: Callable[[float, float, float], Spot]
) -> None:
    scene = Scene(ViewerModel(), desk, furnished=False)
    desk.place(spot(2, 40, 80))
    desk.place(spot(2, 40, 50))
    scene.draw(assess(desk.volume, desk.session))
    assert list(scene.viewer.layers) == [scene.image]
    scene.furnish()
    assert set(scene.drawing.text.features["label"]) == {"IFS 18.0 mm"}


def test_a_scene_closed_bare_stays_bare(desk: Desk) -> None:
    scene = Scene(ViewerModel(), desk, furnished=False)
    scene.close()
    scene.letter()
    scene.furnish()
    assert not list(scene.viewer.layers)
    assert "ifspace_left" not in scene.viewer.canvas.overlays


def test_a_button_held_down_while_the_study_is_put_away_places_nothing(scene: Scene) -> None:
    here = world_of(scene, (2, 40, 80))
    mouse_press_callbacks(scene.viewer, read_only(Mouse("mouse_press", here, (0.0, 0.0))))
    scene.close()
    mouse_release_callbacks(scene.viewer, read_only(Mouse("mouse_release", here, (0.0, 0.0))))
    assert scene.desk.session.marks == ()


def test_zooming_to_a_hip_goes_to_its_marks_or_to_where_it_was_seen(stored: Storage) -> None:
    desk = Desk(make_volume(stored))
    scene = Scene(ViewerModel(), desk)
    wanted = (3, 41, 87)
    place = desk.volume.slices[3].plane.to_lps_mm(np.array(wanted[1:], dtype=np.float64))
    scene.zoom_to(Side.LEFT)
    half = scene.viewer.scene.camera.center
    scene.hips_lps_mm = {Side.LEFT: place}
    scene.zoom_to(Side.LEFT)
    seen = scene.viewer.scene.camera.center
    assert seen != half
    np.testing.assert_allclose(seen[1:], world_of(scene, wanted, stored)[1:], atol=1e-6)
    scene.zoom_to(Side.RIGHT)
    assert scene.viewer.scene.camera.center != seen
    # A mark says it better than a guess.
    other = (3, 52, 80)
    mark = Mark(MarkName.ISCHIUM_LATERAL, Side.LEFT, pixel_lps_mm(stored, other))
    desk.load(Session(marks=(mark,)))
    scene.zoom_to(Side.LEFT)
    np.testing.assert_allclose(
        scene.viewer.scene.camera.center[1:], world_of(scene, other, stored)[1:], atol=1e-6
    )


def test_nothing_changes_while_the_reader_cannot_see_what_is_said(scene: Scene) -> None:
    desk, said, away = scene.desk, [], ["out of sight"]
    desk.said.connect(lambda words, _warning: said.append(words))
    click(scene, world_of(scene, (3, 40, 80)))
    before, selected = flat(desk.state), desk.selected
    desk.hand.unattended = lambda: away[0] if away else None
    mouse_move_callbacks(
        scene.viewer, read_only(Mouse("mouse_move", world_of(scene, (3, 40, 60)), (0.0, 0.0)))
    )
    assert desk.cursor.preview is None
    said.clear()
    click(scene, world_of(scene, (3, 40, 60)))
    drag(scene, world_of(scene, (3, 40, 80)), world_of(scene, (3, 45, 82)))
    desk.nudge(1.0, 0.0)
    desk.remove_selected()
    assert flat(desk.state) == before
    assert desk.selected == selected
    assert said == ["out of sight"] * 4
    away.clear()
    click(scene, world_of(scene, (3, 40, 60)))
    assert len(desk.session.marks) == 2


def test_who_draws_on_another_layer_meanwhile_is_left_alone(scene: Scene) -> None:
    said: list[str] = []
    scene.desk.said.connect(lambda words, _warning: said.append(words))
    other = scene.viewer.add_points(ndim=3)
    scene.viewer.layers.selection.active = other
    other.mode = "select"
    scene.desk.hand.unattended = lambda: "out of sight"
    click(scene, world_of(scene, (3, 40, 80)))
    assert said == []
    assert scene.desk.session.marks == ()
