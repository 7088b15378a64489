"""Snapping is an edit of its own: click and edge both stand in the log, to be gone back to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ifspace.io import load_volume, open_study
from ifspace.io.session import read_session
from ifspace.model import Kind, Mark, MarkState, Side, Source, Volume
from ifspace.phantom import PhantomTruth
from napari_ifspace import layers, reading
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.history import flat
from napari_ifspace.journal import replay
from napari_ifspace.preferences import (
    Preferences,
    load_preferences,
    preferences_file,
    save_preferences,
)
from napari_ifspace.steps import STEPS, step_of

At = Callable[[float, float, float], Spot]
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
def reader_desk(images: Volume) -> Desk:
    return Desk(images, reader="A")


def spot_off(desk: Desk, mark: Mark, other: Mark, off_mm: float = OFF_MM) -> Spot:
    """A click that misses a true mark by some millimetres towards its partner."""
    way = other.position_lps_mm - mark.position_lps_mm
    way = way / np.linalg.norm(way)
    point = mark.position_lps_mm + off_mm * way
    return Spot(layers.slice_of(desk.volume, mark), point)


def off_mm(placed: Mark | None, true: Mark) -> float:
    assert placed is not None
    return float(np.linalg.norm(placed.position_lps_mm - true.position_lps_mm))


def heard(desk: Desk) -> list[str]:
    said: list[str] = []
    desk.said.connect(lambda words, _warning: said.append(words))
    return said


def test_a_click_stays_where_it_is_unless_the_reader_switched_snapping_on(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.place(spot_off(reader_desk, *pair))
    assert off_mm(reader_desk.session.marks[0], pair[0]) == pytest.approx(OFF_MM, abs=1e-6)


def test_both_marks_of_a_space_go_to_their_edges(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.snapper.on = True
    said = heard(reader_desk)
    reader_desk.place(spot_off(reader_desk, *pair))
    reader_desk.place(spot_off(reader_desk, *pair[::-1]))
    marks = reader_desk.session.marks
    for placed, true in zip(marks, pair, strict=True):
        assert off_mm(placed, true) < 0.5
        assert (placed.state, placed.source) == (MarkState.PLACED, Source.HUMAN)
    assert "right ischium moved 1." in said[0]
    assert "Next: right lesser trochanter" in said[0]


def test_the_log_holds_the_click_and_the_edge(reader_desk: Desk, pair: tuple[Mark, Mark]) -> None:
    reader_desk.snapper.on = True
    spot = spot_off(reader_desk, *pair)
    reader_desk.place(spot)
    lines = [json.loads(line) for line in reader_desk.journal.path.read_text().splitlines()][1:]
    assert [line["action"] for line in lines] == [
        "place right ischium",
        "snap right ischium to the edge",
    ]
    (clicked,) = lines[0]["changes"].values()
    ((before, after),) = lines[1]["changes"].values()
    assert clicked[1]["position_lps_mm"] == pytest.approx(spot.point_lps_mm)
    assert before == clicked[1]
    placed = reader_desk.session.marks[0]
    assert after["position_lps_mm"] == pytest.approx(placed.position_lps_mm)


def test_undo_takes_the_edge_back_and_then_the_click(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    start = flat(reader_desk.state)
    reader_desk.snapper.on = True
    reader_desk.place(spot_off(reader_desk, *pair))
    end = flat(reader_desk.state)
    reader_desk.undo()
    assert off_mm(reader_desk.session.marks[0], pair[0]) == pytest.approx(OFF_MM, abs=1e-6)
    reader_desk.undo()
    assert flat(reader_desk.state) == start
    reader_desk.redo()
    reader_desk.redo()
    assert flat(reader_desk.state) == end


def test_one_mark_returns_to_its_click_and_that_can_be_undone(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.snapper.on = True
    spot = spot_off(reader_desk, *pair)
    reader_desk.place(spot)
    reader_desk.unsnap()
    assert reader_desk.selected is not None
    assert reader_desk.selected.position_lps_mm == pytest.approx(spot.point_lps_mm)
    assert reader_desk.snapper.clicked(reader_desk.selected) is None
    assert reader_desk.history.past[-1].action == "return right ischium to the click"
    reader_desk.undo()
    assert off_mm(reader_desk.session.marks[0], pair[0]) < 0.5


def test_a_mark_is_snapped_on_demand_and_its_profile_tells_how_far(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.place(spot_off(reader_desk, *pair))
    reader_desk.snap()
    mark = reader_desk.selected
    assert mark is not None
    seen = reader_desk.snapper.seen(mark)
    assert seen is not None
    assert seen.moved_mm == pytest.approx(-OFF_MM, abs=0.5)
    assert mark.position_lps_mm == pytest.approx(seen.point_lps_mm)
    said = heard(reader_desk)
    reader_desk.snap()
    assert "at its edge already" in said[0]


def test_a_dragged_mark_goes_on_to_its_edge_and_a_nudged_one_does_not(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.snapper.on = True
    reader_desk.place(spot_off(reader_desk, *pair, off_mm=0.5))
    spot = spot_off(reader_desk, *pair, off_mm=2.2)
    reader_desk.drop(reader_desk.session.marks[0], spot.point_lps_mm)
    mark = reader_desk.selected
    assert mark is not None
    assert off_mm(mark, pair[0]) < 0.5
    clicked = reader_desk.snapper.clicked(mark)
    assert clicked is not None
    assert clicked.position_lps_mm == pytest.approx(spot.point_lps_mm)
    reader_desk.nudge(0.0, 1.0)
    assert reader_desk.selected is not None
    assert np.linalg.norm(
        reader_desk.selected.position_lps_mm - mark.position_lps_mm
    ) == pytest.approx(reader_desk.display.scale_mm[2])
    assert reader_desk.snapper.clicked(reader_desk.selected) is None


def test_a_confirmed_mark_keeps_its_click_and_does_not_move(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.snapper.on = True
    reader_desk.place(spot_off(reader_desk, *pair))
    reader_desk.confirm(everything=True)
    mark = reader_desk.session.marks[0]
    assert reader_desk.snapper.clicked(mark) is not None
    reader_desk.hand.select(mark)
    said = heard(reader_desk)
    reader_desk.unsnap()
    assert reader_desk.session.marks[0] is mark
    assert "unconfirm it first" in said[0]


def test_without_a_clear_edge_the_mark_stays_and_the_reason_is_given(desk: Desk, spot: At) -> None:
    desk.snapper.on = True
    said = heard(desk)
    desk.place(spot(2, 40, 70))
    assert desk.session.marks[0].position_lps_mm == pytest.approx(spot(2, 40, 70).point_lps_mm)
    assert "stays where it was placed" in said[0]


def test_a_proposal_is_not_snapped_before_a_person_took_it(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    proposal = replace(pair[0], state=MarkState.PROPOSED, source=Source.PROGRAM)
    reader_desk.record.do(
        "propose", lambda: reading.proposed(reader_desk.state, Side.RIGHT, (proposal,))
    )
    reader_desk.hand.select(reader_desk.session.marks[0])
    reader_desk.snap()
    assert reader_desk.session.marks[0].state is MarkState.PROPOSED
    assert len(reader_desk.history.past) == 1


def test_a_recovered_reading_still_knows_the_click(
    reader_desk: Desk, images: Volume, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.snapper.on = True
    spot = spot_off(reader_desk, *pair)
    reader_desk.place(spot)
    reader_desk.place(spot_off(reader_desk, *pair[::-1]))
    reader_desk.confirm(everything=True)
    reader_desk.journal.release()
    found = replay(reader_desk.journal.path)
    assert found is not None
    again = Desk(images, recovered=found)
    mark = again.session.marks[0]
    clicked, seen = again.snapper.clicked(mark), again.snapper.seen(mark)
    assert clicked is not None
    assert clicked.position_lps_mm == pytest.approx(spot.point_lps_mm)
    assert seen is not None
    assert seen.point_lps_mm == pytest.approx(mark.position_lps_mm)


def test_another_reading_in_between_does_not_forget_the_click(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    reader_desk.snapper.on = True
    reader_desk.place(spot_off(reader_desk, *pair))
    reader_desk.begin_second_reading("B")
    reader_desk.place(spot_off(reader_desk, *pair, off_mm=0.9))
    reader_desk.show_reading(0)
    assert reader_desk.snapper.clicked(reader_desk.session.marks[0]) is not None


def test_nothing_is_placed_moved_or_snapped_while_the_desk_is_blocked(
    reader_desk: Desk, pair: tuple[Mark, Mark]
) -> None:
    spot = spot_off(reader_desk, *pair)
    reader_desk.place(spot)
    before = flat(reader_desk.state)
    reader_desk.hand.covered = "for looking only"
    said = heard(reader_desk)
    mark = reader_desk.session.marks[0]
    reader_desk.place(spot)
    reader_desk.drop(mark, pair[0].position_lps_mm)
    reader_desk.snap()
    reader_desk.nudge(1.0, 0.0)
    assert flat(reader_desk.state) == before
    assert said == ["for looking only"] * 4


def test_the_tendon_marks_go_to_the_tendon(reader_desk: Desk, phantom: PhantomTruth) -> None:
    marks = [
        mark
        for mark in read_session(phantom.session_path).marks
        if step_of(mark).kind is Kind.QFS and mark.side is Side.RIGHT
    ]
    reader_desk.snapper.on = True
    said = heard(reader_desk)
    for mark, other in (marks, marks[::-1]):
        reader_desk.hand.choose(step_of(mark))
        reader_desk.place(spot_off(reader_desk, mark, other, 1.5))
    assert "place that one first" in said[0]
    reader_desk.hand.choose(step_of(marks[0]))
    reader_desk.snap()
    snapped = [mark for mark in reader_desk.session.marks if reader_desk.snapper.clicked(mark)]
    assert snapped
    for mark in snapped:
        true = next(item for item in marks if item.name is mark.name)
        assert off_mm(mark, true) < 0.7


# --------------------------------------------------------------------------------- the switch


def test_the_switch_is_off_as_delivered_and_remembered() -> None:
    assert load_preferences() == Preferences(snap=False)
    save_preferences(Preferences(snap=True))
    assert load_preferences().snap is True


@pytest.mark.parametrize("content", ["{", "[]", '{"snap": "yes"}', '{"other": true}'])
def test_a_damaged_file_of_switches_counts_as_none(content: str) -> None:
    preferences_file().parent.mkdir(parents=True, exist_ok=True)
    preferences_file().write_text(content)
    assert load_preferences() == Preferences()


def test_switches_that_cannot_be_written_are_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save_preferences(Preferences(), tmp_path / "file" / "window.json")
