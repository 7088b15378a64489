"""A second series lies at the same patient position, warns, and is never clicked or measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm
from tests.plugin.test_viewer_layers import click, drag, world_of

from ifspace.model import Contrast, Volume
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.history import flat
from napari_ifspace.second_series import SECOND_NAME, LinkedSeries, link
from napari_ifspace.viewer_layers import ViewerLayers

At = Callable[[float, float, float], SlicePoint]
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
def viewer_layers(controller: ReadingController) -> ViewerLayers:
    viewer_layers = ViewerLayers(ViewerModel(), controller)
    viewer_layers.viewer.scene.camera.zoom = 5.0
    return viewer_layers


@pytest.fixture
def linked(volume: Volume) -> LinkedSeries:
    return link(around(pixel_lps_mm(PLAIN, TARGET_KJI), PLAIN), volume)


def words(viewer_layers: ViewerLayers) -> str:
    return " ".join(str(viewer_layers.viewer.canvas.overlays[OVERLAY].text).split())


def test_the_same_patient_point_is_shown_at_the_same_place(stored: Storage) -> None:
    measured = make_volume(PLAIN)
    found = link(around(pixel_lps_mm(PLAIN, TARGET_KJI), stored), measured)
    weight = found.voxels[3] / found.voxels[3].sum()
    j, i = np.meshgrid(*map(np.arange, weight.shape), indexing="ij")
    assert found.voxels[3].max() == found.voxels.max()
    assert (weight * j).sum() == pytest.approx(TARGET_KJI[1], abs=0.5)
    assert (weight * i).sum() == pytest.approx(TARGET_KJI[2], abs=0.5)


def test_it_is_drawn_over_the_images_and_below_the_marks(
    viewer_layers: ViewerLayers, linked: LinkedSeries
) -> None:
    viewer_layers.second.show(linked)
    names = [layer.name for layer in viewer_layers.viewer.layers]
    assert names[:2] == ["Images", SECOND_NAME]
    assert len(names) > 2
    layer = viewer_layers.viewer.layers[SECOND_NAME]
    assert layer.data.shape == viewer_layers.image.data.shape
    assert tuple(layer.scale) == tuple(viewer_layers.image.scale)
    assert viewer_layers.viewer.layers.selection.active is viewer_layers.image
    world = world_of(viewer_layers, TARGET_KJI)
    at = tuple(int(n) for n in layer.world_to_data(world))
    assert layer.data[at] == pytest.approx(linked.voxels.max())


def test_no_mark_is_placed_or_moved_while_it_is_in_view(
    viewer_layers: ViewerLayers, linked: LinkedSeries, spot: At
) -> None:
    viewer_layers.controller.place(spot(3, 41, 80))
    viewer_layers.show_slice(3)
    before = flat(viewer_layers.controller.state)
    said: list[str] = []
    viewer_layers.controller.said.connect(lambda sentence, _warning: said.append(sentence))
    viewer_layers.second.show(linked)
    click(viewer_layers, world_of(viewer_layers, (3, 41, 60)))
    drag(viewer_layers, world_of(viewer_layers, (3, 41, 80)), world_of(viewer_layers, (3, 45, 82)))
    assert flat(viewer_layers.controller.state) == before
    assert all("for looking only" in sentence for sentence in said)
    viewer_layers.second.toggle()
    click(viewer_layers, world_of(viewer_layers, (3, 41, 60)))
    assert len(viewer_layers.controller.session.marks) == 2


def test_the_eye_of_the_layer_list_counts_like_the_switch(
    viewer_layers: ViewerLayers, linked: LinkedSeries
) -> None:
    viewer_layers.second.show(linked)
    viewer_layers.viewer.layers[SECOND_NAME].visible = False
    assert viewer_layers.controller.active_step.blocked is None
    assert not words(viewer_layers)
    viewer_layers.viewer.layers[SECOND_NAME].visible = True
    assert viewer_layers.controller.active_step.blocked is not None
    assert words(viewer_layers) == "PD-FS: for looking only"


@pytest.mark.parametrize(
    ("uid", "warning"),
    [
        ("9.9", "Other frame of reference: positions may not correspond."),
        (None, "No frame of reference is given: positions may not correspond."),
    ],
)
def test_a_doubtful_frame_of_reference_is_warned_of_while_it_is_shown(
    viewer_layers: ViewerLayers, volume: Volume, uid: str | None, warning: str
) -> None:
    other = around(pixel_lps_mm(PLAIN, TARGET_KJI), PLAIN)
    other = Volume(
        replace(other.series, frame_of_reference_uid=uid), other.slices, other.voxels.copy()
    )
    viewer_layers.second.show(link(other, volume))
    for slice_index in (2, 3):
        viewer_layers.show_slice(slice_index)
        assert warning in words(viewer_layers)
    viewer_layers.second.toggle()
    assert warning not in words(viewer_layers)


def test_a_slice_beyond_the_second_series_is_named(
    viewer_layers: ViewerLayers, volume: Volume
) -> None:
    far = pixel_lps_mm(PLAIN, (8, 41, 87))
    viewer_layers.second.show(link(around(far, PLAIN), volume))
    viewer_layers.show_slice(5)
    assert "does not reach" not in words(viewer_layers)
    viewer_layers.show_slice(0)
    assert "does not reach this slice" in words(viewer_layers)
    layer = viewer_layers.viewer.layers[SECOND_NAME]
    assert np.ptp(layer.data[0]) == 0.0


def test_a_layer_deleted_by_hand_is_gone_and_marks_can_be_placed_again(
    viewer_layers: ViewerLayers, linked: LinkedSeries, spot: At
) -> None:
    gone: list[bool] = []
    viewer_layers.second.gone.connect(lambda: gone.append(True))
    viewer_layers.second.show(linked)
    del viewer_layers.viewer.layers[SECOND_NAME]
    assert gone == [True]
    assert viewer_layers.second.layer is None
    assert OVERLAY not in viewer_layers.viewer.canvas.overlays
    viewer_layers.controller.place(spot(3, 41, 80))
    assert len(viewer_layers.controller.session.marks) == 1


def test_a_layer_shifted_by_hand_is_put_back(
    viewer_layers: ViewerLayers, linked: LinkedSeries
) -> None:
    viewer_layers.second.show(linked)
    layer = viewer_layers.viewer.layers[SECOND_NAME]
    layer.translate = (0.0, 7.0, 0.0)
    layer.scale = (4.4, 2.0, 2.0)
    assert tuple(layer.translate) == (0.0, 0.0, 0.0)
    assert tuple(layer.scale) == tuple(viewer_layers.image.scale)


def test_a_deleted_image_is_put_back_below_it(
    viewer_layers: ViewerLayers, linked: LinkedSeries
) -> None:
    viewer_layers.second.show(linked)
    del viewer_layers.viewer.layers["Images"]
    viewer_layers.repair()
    names = [layer.name for layer in viewer_layers.viewer.layers]
    assert names.index("Images") < names.index(SECOND_NAME)
    assert viewer_layers.viewer.layers.selection.active is viewer_layers.image


def test_another_second_series_takes_the_place_of_the_first(
    viewer_layers: ViewerLayers, linked: LinkedSeries, volume: Volume
) -> None:
    viewer_layers.second.show(linked)
    other = link(around(pixel_lps_mm(PLAIN, (2, 50, 60)), PLAIN), volume)
    viewer_layers.second.show(other)
    shown = [layer for layer in viewer_layers.viewer.layers if layer.name.startswith("Second")]
    assert len(shown) == 1
    assert viewer_layers.second.linked is other


def test_closing_takes_it_away(viewer_layers: ViewerLayers, linked: LinkedSeries) -> None:
    viewer_layers.second.show(linked)
    viewer_layers.close()
    assert len(viewer_layers.viewer.layers) == 0
    assert OVERLAY not in viewer_layers.viewer.canvas.overlays


def test_opacity_lets_the_measured_images_shine_through(
    viewer_layers: ViewerLayers, linked: LinkedSeries
) -> None:
    viewer_layers.second.show(linked)
    viewer_layers.second.set_opacity(0.4)
    assert viewer_layers.viewer.layers[SECOND_NAME].opacity == pytest.approx(0.4)
