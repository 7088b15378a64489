"""Two clicks a side in a real window: outlines, both spaces, the curve; corrected, rejected."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ifspace.geometry import Floats
from ifspace.landmarks import Bone
from ifspace.model import Kind, MarkState, Side
from ifspace.phantom import PhantomTruth
from ifspace.reading import screen
from ifspace.reading.slice_overview import cells
from napari_ifspace.app import hide_panels

pytestmark = pytest.mark.usefixtures("display")

SIDE = Side.RIGHT


@pytest.fixture
def seeds_lps_mm(phantom: PhantomTruth) -> dict[str, Floats]:
    seeds = json.loads(phantom.truth_path.read_text())["sides"][SIDE.value]["seeds_lps_mm"]
    return {name: np.array(place) for name, place in seeds.items()}


def look_at(window: Any, point_lps_mm: Floats, k: int) -> tuple[float, ...]:
    controller = window.dock.controller
    data = screen.lps_mm_to_data(point_lps_mm, k, controller.volume, controller.display)
    world = controller.display.to_world(data)
    window.dock.viewer_layers.show_slice(k)
    window.viewer.scene.camera.center = (0.0, world[1], world[2])
    window.viewer.scene.camera.zoom = 6.0
    window.hands.qWait(30)
    return tuple(world)


def propose(window: Any, seeds_lps_mm: dict[str, Floats], *, own_range: bool = True) -> None:
    """Press P and click twice, with a range of three slices around the ischium's seed."""
    controller = window.dock.controller
    middle, _ = controller.volume.nearest_slice(seeds_lps_mm["ischium_marrow"])
    if own_range:
        controller.notes.set_level_end(SIDE, middle - 1, first=True)
        controller.notes.set_level_end(SIDE, middle + 1, first=False)
    window.press("P")
    for name in ("ischium_marrow", "femur_marrow"):
        k, _ = controller.volume.nearest_slice(seeds_lps_mm[name])
        foot = controller.volume.slices[k].plane.foot_lps_mm(seeds_lps_mm[name])
        window.click(look_at(window, foot, k))
    window.wait(lambda: bool(controller.session.seeds) and not controller.proposer.searching)


def test_two_clicks_outline_correct_and_reject(
    window: Any, phantom: PhantomTruth, seeds_lps_mm: dict[str, Floats]
) -> None:
    window.open(phantom.image_path)
    dock, controller = window.dock, window.dock.controller
    propose(window, seeds_lps_mm)
    assert len(controller.session.marks) == 4
    window.wait(lambda: "IFSpace outlines" in window.viewer.layers)
    assert "±" in dock.assessment.cells[Kind.IFS, SIDE].text()
    cell = dock.assessment.cells[Kind.IFS, SIDE]
    assert "borders" in cell.text()
    found = controller.proposer.found[SIDE]
    curve = cells(controller.volume, controller.session, dock.result, controller.proposer.found)
    shown = [cell for (kind, _, _), cell in curve.items() if kind is Kind.IFS]
    assert [cell.smallest for cell in shown].count(True) == 1
    assert len([cell for cell in shown if cell.value_mm is not None]) == len(
        found.readings(Kind.IFS)
    )

    k = found.readings(Kind.IFS)[0].slice_index
    outline = next(
        item.points_lps_mm
        for item in found.outlines
        if (item.structure, item.slice_index, item.kind) == (Bone.FEMUR, k, Kind.IFS)
    )
    start = max(outline, key=lambda point: float(point[1]))
    before = controller.history.state
    world = look_at(window, start, k)
    window.drag(world, (world[0], world[1] + 2.0, world[2]))
    window.wait(lambda: controller.history.state is not before)
    (point,) = controller.state.dragged
    # Displayed 2 mm further down is 2 mm further back; a drawn pixel is a sixth of a millimetre.
    assert point.position_lps_mm[1] == pytest.approx(start[1] + 2.0, abs=0.35)
    assert "Outlines corrected" in dock.message.text()
    assert dock.viewer_layers.slice_index == k

    controller.active_step.select(controller.session.marks[0])
    window.press("Del")
    assert not controller.session.marks
    assert not controller.session.seeds
    window.wait(lambda: "IFSpace outlines" not in window.viewer.layers)
    window.press("Ctrl+Z")
    assert {mark.state for mark in controller.session.marks} == {MarkState.PROPOSED}
    window.wait(lambda: "IFSpace outlines" in window.viewer.layers)


def test_a_refused_side_reads_its_reason_and_caveats_stay_in_sight(
    window: Any, phantom: PhantomTruth, seeds_lps_mm: dict[str, Floats]
) -> None:
    window.window.resize(1300, 860)
    window.open(phantom.image_path)
    middle = 0.5 * (seeds_lps_mm["ischium_marrow"] + seeds_lps_mm["femur_marrow"])
    propose(window, {**seeds_lps_mm, "ischium_marrow": middle})
    table = window.dock.assessment
    refusal = window.dock.controller.proposer.found[SIDE].refusal
    assert refusal is not None
    assert table.cells[Kind.IFS, SIDE].text().startswith("—")
    assert refusal.detail in table.cells[Kind.QFS, SIDE].toolTip()
    # In full, once for both spaces.
    assert table.reasons.text().replace("&lt;", "<").count(refusal.detail) == 1
    assert "caveat" in table.warning.text()
    window.wait(lambda: not table.warning.visibleRegion().isEmpty())
    assert table.warning.visibleRegion().boundingRect().height() >= table.warning.height() - 1


def test_words_that_wrap_are_never_cut(
    window: Any, phantom: PhantomTruth, seeds_lps_mm: dict[str, Floats]
) -> None:
    """A scroll area does not find out by itself that wrapped words need more height."""
    hide_panels(window.viewer)
    window.window.resize(1440, 960)
    window.open(phantom.image_path)
    propose(window, seeds_lps_mm, own_range=False)
    table = window.dock.assessment
    # Laid out in several passes of the event loop, as many as it takes.
    for label in (*table.cells.values(), table.warning, table.caveats):
        window.wait(lambda words=label: words.height() >= words.heightForWidth(words.width()))
    window.wait(lambda: table.ruler.height() >= table.ruler.minimumSizeHint().height())
