"""A second series lies at the same patient position, warns, and is never clicked or measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm
from tests.plugin.test_scene import click, drag, world_of

from ifspace.model import Contrast, Volume
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.history import flat
from napari_ifspace.scene import Scene
from napari_ifspace.second import SECOND_NAME, Linked, link

At = Callable[[float, float, float], Spot]
TARGET_KJI = (3, 41, 87)
OVERLAY = "ifspace_second"


def around(target_lps_mm: np.ndarray, stored: Storage) -> Volume:
    """Another series, stored like this with another spacing, bright around a patient point."""
    other = replace(
        stored,
        row_spacing_mm=0.9,
        column_spacing_mm=0.7,
        slice_step_mm=3.1,
        origin_lps_mm=(0.0, 0.0, 0.0),
        shape_kji=(9, 60, 80),
    )
    middle = pixel_lps_mm(other, (4.3, 28.6, 41.7))
    other = replace(other, origin_lps_mm=tuple(target_lps_mm - middle))
    origin = pixel_lps_mm(other, (0, 0, 0))
    steps = np.stack([pixel_lps_mm(other, one) - origin for one in np.eye(3)])
    kji = np.stack(np.meshgrid(*map(np.arange, other.shape_kji), indexing="ij"), axis=-1)
    gap_mm = np.linalg.norm(origin + kji @ steps - target_lps_mm, axis=-1)
    voxels = 100.0 * np.exp(-0.5 * (gap_mm / 3.0) ** 2)
    return make_volume(other, voxels=voxels.astype(np.float32), contrast=Contrast.PD_FS)


@pytest.fixture
def scene(desk: Desk) -> Scene:
    scene = Scene(ViewerModel(), desk)
    scene.viewer.scene.camera.zoom = 5.0
    return scene


@pytest.fixture
def linked(volume: Volume) -> Linked:
    return link(around(pixel_lps_mm(PLAIN, TARGET_KJI), PLAIN), volume)


def words(scene: Scene) -> str:
    return " ".join(str(scene.viewer.canvas.overlays[OVERLAY].text).split())


def test_the_same_patient_point_is_shown_at_the_same_place(stored: Storage) -> None:
    measured = make_volume(PLAIN)
    found = link(around(pixel_lps_mm(PLAIN, TARGET_KJI), stored), measured)
    weight = found.voxels[3] / found.voxels[3].sum()
    j, i = np.meshgrid(*map(np.arange, weight.shape), indexing="ij")
    assert found.voxels[3].max() == found.voxels.max()
    assert (weight * j).sum() == pytest.approx(TARGET_KJI[1], abs=0.5)
    assert (weight * i).sum() == pytest.approx(TARGET_KJI[2], abs=0.5)


def test_it_is_drawn_over_the_images_and_below_the_marks(scene: Scene, linked: Linked) -> None:
    scene.second.show(linked)
    names = [layer.name for layer in scene.viewer.layers]
    assert names[:2] == ["Images", SECOND_NAME]
    assert len(names) > 2
    layer = scene.viewer.layers[SECOND_NAME]
    assert layer.data.shape == scene.image.data.shape
    assert tuple(layer.scale) == tuple(scene.image.scale)
    assert scene.viewer.layers.selection.active is scene.image
    world = world_of(scene, TARGET_KJI)
    at = tuple(int(n) for n in layer.world_to_data(world))
    assert layer.data[at] == pytest.approx(linked.voxels.max())


def test_no_mark_is_placed_or_moved_while_it_is_in_view(
    scene: Scene, linked: Linked, spot: At
) -> None:
    scene.desk.place(spot(3, 41, 80))
    scene.show_slice(3)
    before = flat(scene.desk.state)
    said: list[str] = []
    scene.desk.said.connect(lambda sentence, _warning: said.append(sentence))
    scene.second.show(linked)
    click(scene, world_of(scene, (3, 41, 60)))
    drag(scene, world_of(scene, (3, 41, 80)), world_of(scene, (3, 45, 82)))
    assert flat(scene.desk.state) == before
    assert all("for looking only" in sentence for sentence in said)
    scene.second.toggle()
    click(scene, world_of(scene, (3, 41, 60)))
    assert len(scene.desk.session.marks) == 2


def test_the_eye_of_the_layer_list_counts_like_the_switch(scene: Scene, linked: Linked) -> None:
    scene.second.show(linked)
    scene.viewer.layers[SECOND_NAME].visible = False
    assert scene.desk.hand.blocked is None
    assert not words(scene)
    scene.viewer.layers[SECOND_NAME].visible = True
    assert scene.desk.hand.blocked is not None
    assert words(scene) == "PD-FS: for looking only"


@pytest.mark.parametrize(
    ("uid", "warning"),
    [
        ("9.9", "Other frame of reference: positions may not correspond."),
        (None, "No frame of reference is given: positions may not correspond."),
    ],
)
def test_a_doubtful_frame_of_reference_is_warned_of_while_it_is_shown(
    scene: Scene, volume: Volume, uid: str | None, warning: str
) -> None:
    other = around(pixel_lps_mm(PLAIN, TARGET_KJI), PLAIN)
    other = Volume(
        replace(other.series, frame_of_reference_uid=uid), other.slices, other.voxels.copy()
    )
    scene.second.show(link(other, volume))
    for slice_index in (2, 3):
        scene.show_slice(slice_index)
        assert warning in words(scene)
    scene.second.toggle()
    assert warning not in words(scene)


def test_a_slice_beyond_the_second_series_is_named(scene: Scene, volume: Volume) -> None:
    far = pixel_lps_mm(PLAIN, (8, 41, 87))
    scene.second.show(link(around(far, PLAIN), volume))
    scene.show_slice(5)
    assert "does not reach" not in words(scene)
    scene.show_slice(0)
    assert "does not reach this slice" in words(scene)
    layer = scene.viewer.layers[SECOND_NAME]
    assert np.ptp(layer.data[0]) == 0.0


def test_a_layer_deleted_by_hand_is_gone_and_marks_can_be_placed_again(
    scene: Scene, linked: Linked, spot: At
) -> None:
    gone: list[bool] = []
    scene.second.gone.connect(lambda: gone.append(True))
    scene.second.show(linked)
    del scene.viewer.layers[SECOND_NAME]
    assert gone == [True]
    assert scene.second.layer is None
    assert OVERLAY not in scene.viewer.canvas.overlays
    scene.desk.place(spot(3, 41, 80))
    assert len(scene.desk.session.marks) == 1


def test_a_layer_shifted_by_hand_is_put_back(scene: Scene, linked: Linked) -> None:
    scene.second.show(linked)
    layer = scene.viewer.layers[SECOND_NAME]
    layer.translate = (0.0, 7.0, 0.0)
    layer.scale = (4.4, 2.0, 2.0)
    assert tuple(layer.translate) == (0.0, 0.0, 0.0)
    assert tuple(layer.scale) == tuple(scene.image.scale)


def test_a_deleted_image_is_put_back_below_it(scene: Scene, linked: Linked) -> None:
    scene.second.show(linked)
    del scene.viewer.layers["Images"]
    scene.repair()
    names = [layer.name for layer in scene.viewer.layers]
    assert names.index("Images") < names.index(SECOND_NAME)
    assert scene.viewer.layers.selection.active is scene.image


def test_another_second_series_takes_the_place_of_the_first(
    scene: Scene, linked: Linked, volume: Volume
) -> None:
    scene.second.show(linked)
    other = link(around(pixel_lps_mm(PLAIN, (2, 50, 60)), PLAIN), volume)
    scene.second.show(other)
    shown = [layer for layer in scene.viewer.layers if layer.name.startswith("Second")]
    assert len(shown) == 1
    assert scene.second.linked is other


def test_closing_takes_it_away(scene: Scene, linked: Linked) -> None:
    scene.second.show(linked)
    scene.close()
    assert len(scene.viewer.layers) == 0
    assert OVERLAY not in scene.viewer.canvas.overlays


def test_opacity_lets_the_measured_images_shine_through(scene: Scene, linked: Linked) -> None:
    scene.second.show(linked)
    scene.second.set_opacity(0.4)
    assert scene.viewer.layers[SECOND_NAME].opacity == pytest.approx(0.4)
