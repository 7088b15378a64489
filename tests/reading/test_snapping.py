"""Snapping is an edit of its own: click and edge both stand in the log, to be gone back to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ifspace.io import load_volume, open_study
from ifspace.io.session import read_session
from ifspace.model import Kind, Mark, MarkState, Side, Source, Volume
from ifspace.phantom import PhantomTruth
from ifspace.reading import edits, screen
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.history import flat
from ifspace.reading.journal import replay
from ifspace.reading.steps import STEPS, step_of

At = Callable[[float, float, float], SlicePoint]
OFF_MM = 1.6


@pytest.fixture(scope="module")
def images(phantom: PhantomTruth) -> Volume:
    with open_study(phantom.image_path) as study:
        return load_volume(study.choose())


@pytest.fixture(scope="module")
def pair(phantom: PhantomTruth) -> tuple[Mark, Mark]:
    """The true marks of the right ischiofemoral space."""
    marks = read_session(phantom.session_path).marks
    first, second = (next(mark for mark in marks if step_of(mark) == step) for step in STEPS[:2])
    return first, second


@pytest.fixture
def reading_controller(images: Volume) -> ReadingController:
    return ReadingController(images, reader="A")


def spot_off(
    controller: ReadingController, mark: Mark, other: Mark, off_mm: float = OFF_MM
) -> SlicePoint:
    """A click that misses a true mark by some millimetres towards its partner."""
    way = other.position_lps_mm - mark.position_lps_mm
    way = way / np.linalg.norm(way)
    point = mark.position_lps_mm + off_mm * way
    return SlicePoint(screen.slice_of(controller.volume, mark), point)


def off_mm(placed: Mark | None, true: Mark) -> float:
    assert placed is not None
    return float(np.linalg.norm(placed.position_lps_mm - true.position_lps_mm))


def heard(controller: ReadingController) -> list[str]:
    said: list[str] = []
    controller.said.connect(lambda words, _warning: said.append(words))
    return said


def test_a_click_stays_where_it_is_unless_the_reader_switched_snapping_on(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.place(spot_off(reading_controller, *pair))
    assert off_mm(reading_controller.session.marks[0], pair[0]) == pytest.approx(OFF_MM, abs=1e-6)


def test_both_marks_of_a_space_go_to_their_edges(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    said = heard(reading_controller)
    reading_controller.place(spot_off(reading_controller, *pair))
    reading_controller.place(spot_off(reading_controller, *pair[::-1]))
    marks = reading_controller.session.marks
    for placed, true in zip(marks, pair, strict=True):
        assert off_mm(placed, true) < 0.5
        assert (placed.state, placed.source) == (MarkState.PLACED, Source.HUMAN)
    assert "right ischium moved 1." in said[0]
    assert "Next: right lesser trochanter" in said[0]


def test_the_log_holds_the_click_and_the_edge(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    spot = spot_off(reading_controller, *pair)
    reading_controller.place(spot)
    lines = [json.loads(line) for line in reading_controller.journal.path.read_text().splitlines()][
        1:
    ]
    assert [line["action"] for line in lines] == [
        "place right ischium",
        "snap right ischium to the edge",
    ]
    (clicked,) = lines[0]["changes"].values()
    ((before, after),) = lines[1]["changes"].values()
    assert clicked[1]["position_lps_mm"] == pytest.approx(spot.point_lps_mm)
    assert before == clicked[1]
    placed = reading_controller.session.marks[0]
    assert after["position_lps_mm"] == pytest.approx(placed.position_lps_mm)


def test_undo_takes_the_edge_back_and_then_the_click(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    start = flat(reading_controller.state)
    reading_controller.snapper.on = True
    reading_controller.place(spot_off(reading_controller, *pair))
    end = flat(reading_controller.state)
    reading_controller.undo()
    assert off_mm(reading_controller.session.marks[0], pair[0]) == pytest.approx(OFF_MM, abs=1e-6)
    reading_controller.undo()
    assert flat(reading_controller.state) == start
    reading_controller.redo()
    reading_controller.redo()
    assert flat(reading_controller.state) == end


def test_one_mark_returns_to_its_click_and_that_can_be_undone(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    spot = spot_off(reading_controller, *pair)
    reading_controller.place(spot)
    reading_controller.unsnap()
    assert reading_controller.selected is not None
    assert reading_controller.selected.position_lps_mm == pytest.approx(spot.point_lps_mm)
    assert reading_controller.snapper.clicked(reading_controller.selected) is None
    assert reading_controller.history.past[-1].action == "return right ischium to the click"
    reading_controller.undo()
    assert off_mm(reading_controller.session.marks[0], pair[0]) < 0.5


def test_a_mark_is_snapped_on_demand_and_its_profile_tells_how_far(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.place(spot_off(reading_controller, *pair))
    reading_controller.snap()
    mark = reading_controller.selected
    assert mark is not None
    seen = reading_controller.snapper.seen(mark)
    assert seen is not None
    assert seen.moved_mm == pytest.approx(-OFF_MM, abs=0.5)
    assert mark.position_lps_mm == pytest.approx(seen.point_lps_mm)
    said = heard(reading_controller)
    reading_controller.snap()
    assert "at its edge already" in said[0]


def test_a_dragged_mark_goes_on_to_its_edge_and_a_nudged_one_does_not(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    reading_controller.place(spot_off(reading_controller, *pair, off_mm=0.5))
    spot = spot_off(reading_controller, *pair, off_mm=2.2)
    reading_controller.drop(reading_controller.session.marks[0], spot.point_lps_mm)
    mark = reading_controller.selected
    assert mark is not None
    assert off_mm(mark, pair[0]) < 0.5
    clicked = reading_controller.snapper.clicked(mark)
    assert clicked is not None
    assert clicked.position_lps_mm == pytest.approx(spot.point_lps_mm)
    reading_controller.nudge(0.0, 1.0)
    assert reading_controller.selected is not None
    assert np.linalg.norm(
        reading_controller.selected.position_lps_mm - mark.position_lps_mm
    ) == pytest.approx(reading_controller.display.scale_mm[2])
    assert reading_controller.snapper.clicked(reading_controller.selected) is None


def test_a_confirmed_mark_keeps_its_click_and_does_not_move(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    reading_controller.place(spot_off(reading_controller, *pair))
    reading_controller.confirm(everything=True)
    mark = reading_controller.session.marks[0]
    assert reading_controller.snapper.clicked(mark) is not None
    reading_controller.active_step.select(mark)
    said = heard(reading_controller)
    reading_controller.unsnap()
    assert reading_controller.session.marks[0] is mark
    assert "unconfirm it first" in said[0]


def test_without_a_clear_edge_the_mark_stays_and_the_reason_is_given(
    controller: ReadingController, spot: At
) -> None:
    controller.snapper.on = True
    said = heard(controller)
    controller.place(spot(2, 40, 70))
    assert controller.session.marks[0].position_lps_mm == pytest.approx(
        spot(2, 40, 70).point_lps_mm
    )
    assert "stays where it was placed" in said[0]


def test_a_proposal_is_not_snapped_before_a_person_took_it(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    proposal = replace(pair[0], state=MarkState.PROPOSED, source=Source.PROGRAM)
    reading_controller.record.do(
        "propose", lambda: edits.proposed(reading_controller.state, Side.RIGHT, (proposal,))
    )
    reading_controller.active_step.select(reading_controller.session.marks[0])
    reading_controller.snap()
    assert reading_controller.session.marks[0].state is MarkState.PROPOSED
    assert len(reading_controller.history.past) == 1


def test_a_recovered_reading_still_knows_the_click(
    reading_controller: ReadingController, images: Volume, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    spot = spot_off(reading_controller, *pair)
    reading_controller.place(spot)
    reading_controller.place(spot_off(reading_controller, *pair[::-1]))
    reading_controller.confirm(everything=True)
    reading_controller.journal.release()
    found = replay(reading_controller.journal.path)
    assert found is not None
    again = ReadingController(images, recovered=found)
    mark = again.session.marks[0]
    clicked, seen = again.snapper.clicked(mark), again.snapper.seen(mark)
    assert clicked is not None
    assert clicked.position_lps_mm == pytest.approx(spot.point_lps_mm)
    assert seen is not None
    assert seen.point_lps_mm == pytest.approx(mark.position_lps_mm)


def test_another_reading_in_between_does_not_forget_the_click(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    reading_controller.snapper.on = True
    reading_controller.place(spot_off(reading_controller, *pair))
    reading_controller.readings.begin_second("B")
    reading_controller.place(spot_off(reading_controller, *pair, off_mm=0.9))
    reading_controller.readings.show(0)
    assert reading_controller.snapper.clicked(reading_controller.session.marks[0]) is not None


def test_nothing_is_placed_moved_or_snapped_while_the_controller_is_blocked(
    reading_controller: ReadingController, pair: tuple[Mark, Mark]
) -> None:
    spot = spot_off(reading_controller, *pair)
    reading_controller.place(spot)
    before = flat(reading_controller.state)
    reading_controller.active_step.covered = "for looking only"
    said = heard(reading_controller)
    mark = reading_controller.session.marks[0]
    reading_controller.place(spot)
    reading_controller.drop(mark, pair[0].position_lps_mm)
    reading_controller.snap()
    reading_controller.nudge(1.0, 0.0)
    assert flat(reading_controller.state) == before
    assert said == ["for looking only"] * 4


def test_the_tendon_marks_go_to_the_tendon(
    reading_controller: ReadingController, phantom: PhantomTruth
) -> None:
    marks = [
        mark
        for mark in read_session(phantom.session_path).marks
        if step_of(mark).kind is Kind.QFS and mark.side is Side.RIGHT
    ]
    reading_controller.snapper.on = True
    said = heard(reading_controller)
    for mark, other in (marks, marks[::-1]):
        reading_controller.active_step.choose(step_of(mark))
        reading_controller.place(spot_off(reading_controller, mark, other, 1.5))
    assert "place that one first" in said[0]
    reading_controller.active_step.choose(step_of(marks[0]))
    reading_controller.snap()
    snapped = [
        mark
        for mark in reading_controller.session.marks
        if reading_controller.snapper.clicked(mark)
    ]
    assert snapped
    for mark in snapped:
        true = next(item for item in marks if item.name is mark.name)
        assert off_mm(mark, true) < 0.7
