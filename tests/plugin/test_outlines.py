"""The outlines of a proposal under the mouse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from napari.components import ViewerModel
from tests.reading.conftest import SIDE
from tests.reading.outlines import outline, two_clicks

from ifspace.landmarks import Bone
from ifspace.model import Kind
from ifspace.reading import screen
from ifspace.reading.controller import ReadingController
from napari_ifspace.viewer_layers import ViewerLayers


def test_the_mouse_takes_an_outline_and_a_click_on_it_still_places(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    viewer = ViewerModel()
    viewer_layers = ViewerLayers(viewer, seeded)
    viewer_layers.show_outlines()
    viewer.scene.camera.zoom = 4.0
    k = seeded.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    viewer_layers.show_slice(k)
    # The back of the femur, away from all marks.
    start = max(outline(seeded, Bone.FEMUR, k), key=lambda point: point[1])
    data = screen.lps_mm_to_data(start, k, seeded.volume, seeded.display)
    world = seeded.display.to_world(data)
    event = SimpleNamespace(
        type="mouse_press", button=1, modifiers=(), position=tuple(world), pos=(100.0, 100.0)
    )
    press = viewer_layers.mouse.press(viewer, event)
    next(press)
    event.type, event.pos = "mouse_move", (108.0, 100.0)
    event.position = (world[0], world[1] + 1.0, world[2])
    next(press)
    assert seeded.proposer.held is not None
    assert not viewer.scene.camera.mouse_pan
    event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(press)
    assert viewer.scene.camera.mouse_pan
    assert [point.bone for point in seeded.state.dragged] == [Bone.FEMUR]
    # Displayed one millimetre further down is one further back.
    assert seeded.state.dragged[0].position_lps_mm[1] == pytest.approx(start[1] + 1.0, abs=0.05)
    assert "IFSpace outlines" in viewer.layers
    viewer_layers.close()
