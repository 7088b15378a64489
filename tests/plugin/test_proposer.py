"""Two clicks a side, dragged outlines and further seeds: on the phantom, without a window."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from ifspace.assistance import proposed_session
from ifspace.geometry import Floats
from ifspace.io.session import session_from_json, session_to_json
from ifspace.landmarks import Bone, FoundSide, Refusal, propose
from ifspace.model import Kind, MarkState, SeedName, Side, Volume
from ifspace.phantom import PhantomTruth
from ifspace.workflow import assess, load_study
from napari_ifspace import layers
from napari_ifspace.desk import Desk
from napari_ifspace.history import flat
from napari_ifspace.journal import replay
from napari_ifspace.levels import Seen, bones, cells
from napari_ifspace.places import Spot
from napari_ifspace.proposer import Held
from napari_ifspace.reading import portable
from napari_ifspace.scene import Scene
from napari_ifspace.steps import STEPS, step_of

SIDE = Side.RIGHT


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
def bench(images: Volume, seeds_lps_mm: dict[str, Floats]) -> Desk:
    """A desk with the level set around the ischium's seed, so that a search takes half a second."""
    desk = Desk(images, reader="A")
    middle, _ = images.nearest_slice(seeds_lps_mm["ischium_marrow"])
    desk.notes.set_level_end(SIDE, middle - 1, first=True)
    desk.notes.set_level_end(SIDE, middle + 1, first=False)
    return desk


def spot_of(volume: Volume, point_lps_mm: Floats) -> Spot:
    k, _ = volume.nearest_slice(point_lps_mm)
    return Spot(k, volume.slices[k].plane.foot_lps_mm(point_lps_mm))


def two_clicks(desk: Desk, seeds_lps_mm: dict[str, Floats]) -> None:
    desk.proposer.ask_seeds(SIDE)
    for name in ("ischium_marrow", "femur_marrow"):
        desk.place(spot_of(desk.volume, seeds_lps_mm[name]))


def heard(desk: Desk) -> list[str]:
    said: list[str] = []
    desk.said.connect(lambda words, _warning: said.append(words))
    return said


def outline(desk: Desk, bone: Bone, k: int) -> Floats:
    return next(
        item.points_lps_mm
        for item in desk.proposer.found[SIDE].outlines
        if (item.bone, item.slice_index, item.kind) == (bone, k, Kind.IFS)
    )


def drag(desk: Desk, bone: Bone, k: int, by_lps_mm: Floats) -> Floats:
    """Drag the outline point nearest to the other bone; gives where it was let go."""
    mine = outline(desk, bone, k)
    other = outline(desk, Bone.FEMUR if bone is Bone.ISCHIUM else Bone.ISCHIUM, k).mean(axis=0)
    start = mine[np.linalg.norm(mine - other, axis=1).argmin()]
    assert desk.proposer.hold(Held(SIDE, bone, k, start))
    desk.proposer.drag(start + by_lps_mm)
    desk.proposer.drop()
    return start + by_lps_mm


def test_two_clicks_propose_both_spaces_in_one_edit(bench: Desk, seeds_lps_mm: Any) -> None:
    before = len(bench.history._past)
    two_clicks(bench, seeds_lps_mm)
    assert len(bench.history._past) == before + 1
    assert {step_of(mark) for mark in bench.session.marks} == set(STEPS[:4])
    assert {mark.state for mark in bench.session.marks} == {MarkState.PROPOSED}
    assert {seed.name for seed in bench.session.seeds} == set(SeedName)


def test_the_window_shows_what_measure_makes_of_the_saved_session(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    session, found = bench.proposer.measured(bench.session)
    shown = assess(bench.volume, session, found=found)
    saved = session_from_json(session_to_json(portable(bench.session, bench.state.dragged)))
    measured = assess(bench.volume, saved)
    values = [(item.value_mm, item.u95_mm, item.curve) for item in shown.measurements]
    assert values == [(item.value_mm, item.u95_mm, item.curve) for item in measured.measurements]
    assert len(values) == 2
    for item in shown.measurements:
        ends = [
            mark.position_lps_mm
            for mark in bench.session.marks
            if mark.name in [m.name for m in item.marks]
        ]
        assert np.allclose(
            sorted(map(tuple, ends)), sorted(tuple(m.position_lps_mm) for m in item.marks)
        )


def test_a_move_of_the_mouse_searches_nothing(
    bench: Desk, seeds_lps_mm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_clicks(bench, seeds_lps_mm)
    monkeypatch.setattr(
        "ifspace.assistance.from_seeds", lambda *_, **__: pytest.fail("searched again")
    )
    session, found = bench.proposer.measured(bench.session)
    assert len(assess(bench.volume, session, found=found).measurements) == 2


def test_an_outline_that_is_dragged_passes_the_point(bench: Desk, seeds_lps_mm: Any) -> None:
    two_clicks(bench, seeds_lps_mm)
    k = bench.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    place = drag(bench, Bone.FEMUR, k, np.array([-1.5, 0.0, 0.0]))
    gaps_mm = np.linalg.norm(outline(bench, Bone.FEMUR, k) - place, axis=1)
    assert gaps_mm.min() < 0.6
    assert [point.bone for point in bench.state.dragged] == [Bone.FEMUR]


def test_a_corrected_side_is_saved_with_the_millimetres_that_were_shown(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    k = bench.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    drag(bench, Bone.FEMUR, k, np.array([-1.0, 0.0, 0.0]))
    found = bench.proposer.found[SIDE]
    saved = session_from_json(session_to_json(portable(bench.session, bench.state.dragged)))
    assert saved.seeds == ()
    measured = {item.kind: item.value_mm for item in assess(bench.volume, saved).measurements}
    assert measured
    for kind, value_mm in measured.items():
        best = found.best(kind)
        assert best is not None
        assert value_mm == pytest.approx(best.value_mm, abs=1e-6)


def test_a_slice_that_a_correction_made_unreadable_stays_a_caveat(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    best = bench.proposer.found[SIDE].best(Kind.IFS)
    assert best is not None
    # Far into muscle: no cortex is seen there.
    way = best.segment.start_lps_mm - best.segment.end_lps_mm
    start = best.segment.end_lps_mm
    bench.proposer.hold(Held(SIDE, Bone.FEMUR, best.slice_index, start))
    bench.proposer.drag(start + 7.0 * way / np.linalg.norm(way))
    bench.proposer.drop()
    session, found = bench.proposer.measured(bench.session)
    result = assess(bench.volume, session, found=found)
    unread = [flag for flag in result.flags if flag.code == "slices_not_read"]
    assert any(best.slice_index in flag.slice_indices for flag in unread)
    assert {item.structure for item in result.outlines} == {"femur", "ischium"}


def test_corrections_are_undone_redone_and_recovered(bench: Desk, seeds_lps_mm: Any) -> None:
    two_clicks(bench, seeds_lps_mm)
    without = flat(bench.state)
    k = bench.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    drag(bench, Bone.FEMUR, k, np.array([-1.0, 0.0, 0.0]))
    corrected = flat(bench.state)
    bench.undo()
    assert flat(bench.state) == without
    assert bench.proposer.found[SIDE].refusal is None
    bench.redo()
    assert flat(bench.state) == corrected
    bench.journal.release()
    left = replay(bench.journal.path)
    assert left is not None
    assert flat(left.history.state) == corrected
    assert np.array_equal(
        left.history.state.dragged[0].position_lps_mm, bench.state.dragged[0].position_lps_mm
    )


def test_a_correction_that_cannot_be_meant_changes_nothing_and_says_why(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    before, said = flat(bench.state), heard(bench)
    k = bench.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    drag(bench, Bone.FEMUR, k, np.array([0.0, 45.0, 0.0]))
    assert flat(bench.state) == before
    assert said[-1].startswith("Nothing was changed: an outline point lies")


def test_rejecting_takes_the_seeds_too_so_that_nothing_brings_the_marks_back(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    bench.hand.select(bench.session.marks[0])
    bench.confirm(everything=False)
    kept = bench.session.marks[0]
    bench.hand.select(bench.session.marks[-1])
    bench.remove_selected()
    assert bench.session.seeds == ()
    assert [mark.name for mark in bench.session.marks] == [kept.name]
    bench.undo()
    assert len(bench.session.marks) == 4


def test_seeds_in_muscle_leave_their_reason_in_the_table(bench: Desk, seeds_lps_mm: Any) -> None:
    said = heard(bench)
    middle = 0.5 * (seeds_lps_mm["ischium_marrow"] + seeds_lps_mm["femur_marrow"])
    two_clicks(bench, {**seeds_lps_mm, "ischium_marrow": middle})
    assert said[-1].startswith("No proposal on the right: ")
    session, found = bench.proposer.measured(bench.session)
    refused = [
        space.outcome
        for space in assess(bench.volume, session, found=found).spaces
        if space.outcome.side is SIDE
    ]
    refusal = found[SIDE].refusal
    assert isinstance(refusal, Refusal)
    assert {item.detail for item in refused} == {refusal.detail}


def test_another_level_brings_the_proposals_along(bench: Desk, seeds_lps_mm: Any) -> None:
    two_clicks(bench, seeds_lps_mm)
    first, last = bench.proposer.found[SIDE].ifs[0].slice_index, None
    bench.notes.set_level_end(SIDE, first + 1, first=True)
    bench.proposer.catch_up()
    slices = {layers.slice_of(bench.volume, mark) for mark in bench.session.marks}
    assert last is None
    assert min(slices) > first
    bench.undo()
    bench.proposer.catch_up()
    assert bench.history.can_redo


def test_what_was_proposed_without_clicks_stays_until_somebody_points(bench: Desk) -> None:
    proposal = proposed_session(bench.volume, propose(bench.volume))
    assert {seed.name for seed in proposal.seeds} == {SeedName.FEMUR_MARROW}
    bench.load(proposal)
    bench.proposer.catch_up()
    assert bench.session.marks == proposal.marks
    session, found = bench.proposer.measured(bench.session)
    assert not found
    shown = assess(bench.volume, session).spaces[0].outcome
    assert shown == assess(bench.volume, proposal).spaces[0].outcome


def test_a_further_seed_is_kept_with_the_others(bench: Desk, seeds_lps_mm: Any) -> None:
    two_clicks(bench, seeds_lps_mm)
    k = bench.proposer.found[SIDE].ifs[0].slice_index
    bench.proposer.ask_further_seed(STEPS[1])
    middle = outline(bench, Bone.FEMUR, k).mean(axis=0)
    bench.place(Spot(k, middle))
    names = [seed.name for seed in bench.session.seeds]
    assert names.count(SeedName.FEMUR_MARROW) == 2
    assert bench.proposer.found[SIDE].readings(Kind.IFS)


def test_the_strip_tells_who_says_that_a_bone_is_there(bench: Desk, seeds_lps_mm: Any) -> None:
    two_clicks(bench, seeds_lps_mm)
    found = bench.proposer.found
    k = found[SIDE].ifs[0].slice_index
    seen = bones(bench.volume, bench.session, found)
    assert seen[SIDE, k].ischium is Seen.PROGRAM
    assert seen[SIDE, k].trochanter is Seen.READER
    hinted = bones(bench.volume, Desk(bench.volume).session, {}, {Side.LEFT: (3, 5)})
    assert {key[1] for key in hinted} == {3, 4, 5}
    assert hinted[Side.LEFT, 4].trochanter is Seen.PROGRAM


def test_the_strip_keeps_the_curve_as_an_estimate_once_marks_are_the_readers(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    found = bench.proposer.found
    readings = found[SIDE].readings(Kind.IFS)
    session, known = bench.proposer.measured(bench.session)
    before = cells(bench.volume, session, assess(bench.volume, session, found=known), found)
    assert sum(cell.smallest for key, cell in before.items() if key[0] is Kind.IFS) == 1
    bench.confirm(everything=True)
    session, known = bench.proposer.measured(bench.session)
    after = cells(bench.volume, session, assess(bench.volume, session, found=known), found)
    best = min(readings, key=lambda item: item.value_mm).slice_index
    for item in readings:
        cell = after[Kind.IFS, SIDE, item.slice_index]
        assert cell.value_mm == pytest.approx(item.value_mm, abs=1e-6)
        assert cell.estimated is (item.slice_index != best)


def test_the_mouse_takes_an_outline_and_a_click_on_it_still_places(
    bench: Desk, seeds_lps_mm: Any
) -> None:
    two_clicks(bench, seeds_lps_mm)
    viewer = ViewerModel()
    scene = Scene(viewer, bench)
    scene.show_outlines()
    viewer.scene.camera.zoom = 4.0
    k = bench.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    scene.show_slice(k)
    # The back of the femur, away from all marks.
    start = max(outline(bench, Bone.FEMUR, k), key=lambda point: point[1])
    data = layers.lps_mm_to_data(start, k, bench.volume, bench.display)
    world = bench.display.to_world(data)
    event = SimpleNamespace(
        type="mouse_press", button=1, modifiers=(), position=tuple(world), pos=(100.0, 100.0)
    )
    press = scene.mouse.press(viewer, event)
    next(press)
    event.type, event.pos = "mouse_move", (108.0, 100.0)
    event.position = (world[0], world[1] + 1.0, world[2])
    next(press)
    assert bench.proposer.held is not None
    assert not viewer.scene.camera.mouse_pan
    event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(press)
    assert viewer.scene.camera.mouse_pan
    assert [point.bone for point in bench.state.dragged] == [Bone.FEMUR]
    # Displayed one millimetre further down is one further back.
    assert bench.state.dragged[0].position_lps_mm[1] == pytest.approx(start[1] + 1.0, abs=0.05)
    assert "IFSpace outlines" in viewer.layers
    scene.close()


def test_a_search_that_fails_becomes_a_reason(bench: Desk, seeds_lps_mm: Any, monkeypatch) -> None:
    def fails(*_: Any, **__: Any) -> FoundSide:
        raise ArithmeticError

    monkeypatch.setattr("napari_ifspace.proposals.from_seeds", fails)
    said = heard(bench)
    two_clicks(bench, seeds_lps_mm)
    assert "stopped unexpectedly" in said[-1]
    assert not bench.proposer.searching


def test_an_answer_after_the_window_closed_changes_nothing(bench: Desk, seeds_lps_mm: Any) -> None:
    later: list[Any] = []
    bench.proposer.run = lambda slow, done: later.append((slow, done))
    two_clicks(bench, seeds_lps_mm)
    before, heard_changes = flat(bench.state), []
    bench.changed.connect(lambda: heard_changes.append(True))
    bench.proposer.close()
    ((slow, done),) = later
    done(slow())
    assert flat(bench.state) == before
    assert not heard_changes
