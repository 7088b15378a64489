"""Two clicks a side, dragged outlines and further seeds: on the phantom, without a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.reading.conftest import SIDE
from tests.reading.outlines import outline, two_clicks

from ifspace.automatic import proposed_session
from ifspace.geometry import Floats
from ifspace.io.session import session_from_json, session_to_json
from ifspace.landmarks import Bone, FoundSide, propose
from ifspace.model import Kind, MarkState, Refusal, SeedName, Side
from ifspace.reading import screen
from ifspace.reading.controller import ReadingController
from ifspace.reading.edits import portable
from ifspace.reading.history import flat
from ifspace.reading.journal import replay
from ifspace.reading.placement import SlicePoint
from ifspace.reading.proposer import HeldOutline
from ifspace.reading.slice_overview import Seen, bones, cells
from ifspace.reading.steps import STEPS, step_of
from ifspace.workflow import assess


def heard(controller: ReadingController) -> list[str]:
    said: list[str] = []
    controller.said.connect(lambda words, _warning: said.append(words))
    return said


def drag(controller: ReadingController, bone: Bone, k: int, by_lps_mm: Floats) -> Floats:
    """Drag the outline point nearest to the other bone; gives where it was let go."""
    mine = outline(controller, bone, k)
    other = outline(controller, Bone.FEMUR if bone is Bone.ISCHIUM else Bone.ISCHIUM, k).mean(
        axis=0
    )
    start = mine[np.linalg.norm(mine - other, axis=1).argmin()]
    assert controller.proposer.hold(HeldOutline(SIDE, bone, k, start))
    controller.proposer.drag(start + by_lps_mm)
    controller.proposer.drop()
    return start + by_lps_mm


def test_two_clicks_propose_both_spaces_in_one_edit(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    before = len(seeded.history._past)
    two_clicks(seeded, seeds_lps_mm)
    assert len(seeded.history._past) == before + 1
    assert {step_of(mark) for mark in seeded.session.marks} == set(STEPS[:4])
    assert {mark.state for mark in seeded.session.marks} == {MarkState.PROPOSED}
    assert {seed.name for seed in seeded.session.seeds} == set(SeedName)


def test_the_window_shows_what_measure_makes_of_the_saved_session(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    session, found = seeded.proposer.measured(seeded.session)
    shown = assess(seeded.volume, session, found=found)
    saved = session_from_json(session_to_json(portable(seeded.session, seeded.state.dragged)))
    measured = assess(seeded.volume, saved)
    values = [(item.value_mm, item.u95_mm, item.curve) for item in shown.measurements]
    assert values == [(item.value_mm, item.u95_mm, item.curve) for item in measured.measurements]
    assert len(values) == 2
    for item in shown.measurements:
        ends = [
            mark.position_lps_mm
            for mark in seeded.session.marks
            if mark.name in [m.name for m in item.marks]
        ]
        assert np.allclose(
            sorted(map(tuple, ends)), sorted(tuple(m.position_lps_mm) for m in item.marks)
        )


def test_a_move_of_the_mouse_searches_nothing(
    seeded: ReadingController, seeds_lps_mm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    monkeypatch.setattr(
        "ifspace.automatic.from_seeds", lambda *_, **__: pytest.fail("searched again")
    )
    session, found = seeded.proposer.measured(seeded.session)
    assert len(assess(seeded.volume, session, found=found).measurements) == 2


def test_an_outline_that_is_dragged_passes_the_point(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    k = seeded.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    place = drag(seeded, Bone.FEMUR, k, np.array([-1.5, 0.0, 0.0]))
    gaps_mm = np.linalg.norm(outline(seeded, Bone.FEMUR, k) - place, axis=1)
    assert gaps_mm.min() < 0.6
    assert [point.bone for point in seeded.state.dragged] == [Bone.FEMUR]


def test_a_corrected_side_is_saved_with_the_millimetres_that_were_shown(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    k = seeded.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    drag(seeded, Bone.FEMUR, k, np.array([-1.0, 0.0, 0.0]))
    found = seeded.proposer.found[SIDE]
    saved = session_from_json(session_to_json(portable(seeded.session, seeded.state.dragged)))
    assert saved.seeds == ()
    measured = {item.kind: item.value_mm for item in assess(seeded.volume, saved).measurements}
    assert measured
    for kind, value_mm in measured.items():
        best = found.best(kind)
        assert best is not None
        assert value_mm == pytest.approx(best.value_mm, abs=1e-6)


def test_a_slice_that_a_correction_made_unreadable_stays_a_caveat(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    best = seeded.proposer.found[SIDE].best(Kind.IFS)
    assert best is not None
    # Far into muscle: no cortex is seen there.
    way = best.segment.start_lps_mm - best.segment.end_lps_mm
    start = best.segment.end_lps_mm
    seeded.proposer.hold(HeldOutline(SIDE, Bone.FEMUR, best.slice_index, start))
    seeded.proposer.drag(start + 7.0 * way / np.linalg.norm(way))
    seeded.proposer.drop()
    session, found = seeded.proposer.measured(seeded.session)
    result = assess(seeded.volume, session, found=found)
    unread = [flag for flag in result.flags if flag.code == "slices_not_read"]
    assert any(best.slice_index in flag.slice_indices for flag in unread)
    assert {item.structure for item in result.outlines} == {"femur", "ischium"}


def test_corrections_are_undone_redone_and_recovered(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    without = flat(seeded.state)
    k = seeded.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    drag(seeded, Bone.FEMUR, k, np.array([-1.0, 0.0, 0.0]))
    corrected = flat(seeded.state)
    seeded.undo()
    assert flat(seeded.state) == without
    assert seeded.proposer.found[SIDE].refusal is None
    seeded.redo()
    assert flat(seeded.state) == corrected
    seeded.journal.release()
    left = replay(seeded.journal.path)
    assert left is not None
    assert flat(left.history.state) == corrected
    assert np.array_equal(
        left.history.state.dragged[0].position_lps_mm, seeded.state.dragged[0].position_lps_mm
    )


def test_a_correction_that_cannot_be_meant_changes_nothing_and_says_why(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    before, said = flat(seeded.state), heard(seeded)
    k = seeded.proposer.found[SIDE].readings(Kind.IFS)[0].slice_index
    drag(seeded, Bone.FEMUR, k, np.array([0.0, 45.0, 0.0]))
    assert flat(seeded.state) == before
    assert said[-1].startswith("Nothing was changed: an outline point lies")


def test_rejecting_takes_the_seeds_too_so_that_nothing_brings_the_marks_back(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    seeded.active_step.select(seeded.session.marks[0])
    seeded.confirm(everything=False)
    kept = seeded.session.marks[0]
    seeded.active_step.select(seeded.session.marks[-1])
    seeded.remove_selected()
    assert seeded.session.seeds == ()
    assert [mark.name for mark in seeded.session.marks] == [kept.name]
    seeded.undo()
    assert len(seeded.session.marks) == 4


def test_seeds_in_muscle_leave_their_reason_in_the_table(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    said = heard(seeded)
    middle = 0.5 * (seeds_lps_mm["ischium_marrow"] + seeds_lps_mm["femur_marrow"])
    two_clicks(seeded, {**seeds_lps_mm, "ischium_marrow": middle})
    assert said[-1].startswith("No proposal on the right: ")
    session, found = seeded.proposer.measured(seeded.session)
    refused = [
        space.outcome
        for space in assess(seeded.volume, session, found=found).spaces
        if space.outcome.side is SIDE
    ]
    refusal = found[SIDE].refusal
    assert isinstance(refusal, Refusal)
    assert {item.detail for item in refused} == {refusal.detail}


def test_another_level_brings_the_proposals_along(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    first, last = seeded.proposer.found[SIDE].ifs[0].slice_index, None
    seeded.notes.set_level_end(SIDE, first + 1, first=True)
    seeded.proposer.catch_up()
    slices = {screen.slice_of(seeded.volume, mark) for mark in seeded.session.marks}
    assert last is None
    assert min(slices) > first
    seeded.undo()
    seeded.proposer.catch_up()
    assert seeded.history.can_redo


def test_what_was_proposed_without_clicks_stays_until_somebody_points(
    seeded: ReadingController,
) -> None:
    proposal = proposed_session(seeded.volume, propose(seeded.volume))
    assert {seed.name for seed in proposal.seeds} == {SeedName.FEMUR_MARROW}
    seeded.load(proposal)
    seeded.proposer.catch_up()
    assert seeded.session.marks == proposal.marks
    session, found = seeded.proposer.measured(seeded.session)
    assert not found
    shown = assess(seeded.volume, session).spaces[0].outcome
    assert shown == assess(seeded.volume, proposal).spaces[0].outcome


def test_a_further_seed_is_kept_with_the_others(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    k = seeded.proposer.found[SIDE].ifs[0].slice_index
    seeded.proposer.ask_further_seed(STEPS[1])
    middle = outline(seeded, Bone.FEMUR, k).mean(axis=0)
    seeded.place(SlicePoint(k, middle))
    names = [seed.name for seed in seeded.session.seeds]
    assert names.count(SeedName.FEMUR_MARROW) == 2
    assert seeded.proposer.found[SIDE].readings(Kind.IFS)


def test_the_strip_tells_who_says_that_a_bone_is_there(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    found = seeded.proposer.found
    k = found[SIDE].ifs[0].slice_index
    seen = bones(seeded.volume, seeded.session, found)
    assert seen[SIDE, k].ischium is Seen.PROGRAM
    assert seen[SIDE, k].trochanter is Seen.READER
    hinted = bones(seeded.volume, ReadingController(seeded.volume).session, {}, {Side.LEFT: (3, 5)})
    assert {key[1] for key in hinted} == {3, 4, 5}
    assert hinted[Side.LEFT, 4].trochanter is Seen.PROGRAM


def test_the_strip_keeps_the_curve_as_an_estimate_once_marks_are_the_readers(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    two_clicks(seeded, seeds_lps_mm)
    found = seeded.proposer.found
    readings = found[SIDE].readings(Kind.IFS)
    session, known = seeded.proposer.measured(seeded.session)
    before = cells(seeded.volume, session, assess(seeded.volume, session, found=known), found)
    assert sum(cell.smallest for key, cell in before.items() if key[0] is Kind.IFS) == 1
    seeded.confirm(everything=True)
    session, known = seeded.proposer.measured(seeded.session)
    after = cells(seeded.volume, session, assess(seeded.volume, session, found=known), found)
    best = min(readings, key=lambda item: item.value_mm).slice_index
    for item in readings:
        cell = after[Kind.IFS, SIDE, item.slice_index]
        assert cell.value_mm == pytest.approx(item.value_mm, abs=1e-6)
        assert cell.estimated is (item.slice_index != best)


def test_a_search_that_fails_becomes_a_reason(
    seeded: ReadingController, seeds_lps_mm: Any, monkeypatch
) -> None:
    def fails(*_: Any, **__: Any) -> FoundSide:
        raise ArithmeticError

    monkeypatch.setattr("ifspace.reading.searches.from_seeds", fails)
    said = heard(seeded)
    two_clicks(seeded, seeds_lps_mm)
    assert "stopped unexpectedly" in said[-1]
    assert not seeded.proposer.searching


def test_an_answer_after_the_window_closed_changes_nothing(
    seeded: ReadingController, seeds_lps_mm: Any
) -> None:
    later: list[Any] = []
    seeded.proposer.run = lambda slow, done: later.append((slow, done))
    two_clicks(seeded, seeds_lps_mm)
    before, heard_changes = flat(seeded.state), []
    seeded.changed.connect(lambda: heard_changes.append(True))
    seeded.proposer.close()
    ((slow, done),) = later
    done(slow())
    assert flat(seeded.state) == before
    assert not heard_changes
