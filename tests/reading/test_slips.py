"""A slip of the hand or of the mind costs no mark: stray clicks, undo, doubtful distances."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ifspace.model import Mark, MarkState, Side, Volume
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.history import flat
from ifspace.reading.journal import replay
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import STEPS, Step

At = Callable[[float, float, float], SlicePoint]


@pytest.fixture
def words(controller: ReadingController) -> list[str]:
    said: list[str] = []
    controller.said.connect(lambda sentence, _warning: said.append(sentence))
    return said


@pytest.fixture
def slices(controller: ReadingController) -> list[int]:
    wanted: list[int] = []
    controller.slice_wanted.connect(wanted.append)
    return wanted


def place(controller: ReadingController, spot: At, *columns: float, k: int = 2) -> None:
    for column in columns:
        controller.place(spot(k, 40, column))


# ------------------------------------------------------------------------------- stray clicks


@pytest.mark.parametrize("k", [2, 3])
def test_a_click_while_a_placed_mark_is_selected_changes_nothing(
    controller: ReadingController, spot: At, words: list[str], k: int
) -> None:
    place(controller, spot, 80, 50)
    before = flat(controller.state)
    controller.active_step.choose(STEPS[1])
    assert controller.selected is not None
    controller.place(spot(k, 60, 20))
    assert flat(controller.state) == before
    assert words[-1].startswith("Nothing was placed: the right lesser trochanter has its mark.")


def test_no_distance_follows_the_mouse_while_nothing_is_armed(
    controller: ReadingController, spot: At
) -> None:
    place(controller, spot, 80, 50)
    controller.active_step.choose(STEPS[1])
    controller.cursor.point(spot(2, 40, 20))
    assert controller.cursor.preview is None


def test_a_mark_that_is_asked_to_move_goes_with_the_next_click_and_only_that(
    controller: ReadingController, spot: At
) -> None:
    place(controller, spot, 80, 50)
    controller.active_step.choose(STEPS[1])
    controller.ask_to_move()
    place(controller, spot, 52)
    assert controller.session.marks[-1].position_lps_mm == pytest.approx(
        spot(2, 40, 52).point_lps_mm
    )
    assert len(controller.session.marks) == 2
    after = flat(controller.state)
    controller.active_step.choose(STEPS[1])
    place(controller, spot, 20)
    assert flat(controller.state) == after


def test_who_chooses_another_mark_moves_none(controller: ReadingController, spot: At) -> None:
    place(controller, spot, 80, 50)
    before = flat(controller.state)
    controller.active_step.choose(STEPS[1])
    controller.ask_to_move()
    controller.active_step.choose(STEPS[0])
    place(controller, spot, 20)
    assert flat(controller.state) == before


def test_a_confirmed_mark_does_not_go_with_a_click(
    controller: ReadingController, spot: At, words: list[str]
) -> None:
    place(controller, spot, 80)
    controller.confirm(everything=True)
    controller.ask_to_move()
    before = flat(controller.state)
    place(controller, spot, 70)
    assert flat(controller.state) == before
    assert "is confirmed" in words[-1]


def test_on_several_levels_a_click_adds_a_slice_and_moves_none(
    controller: ReadingController, spot: At
) -> None:
    place(controller, spot, 80, 50)
    controller.active_step.keep_levels = True
    controller.active_step.choose(STEPS[0])
    place(controller, spot, 70)
    assert len(controller.session.marks) == 2
    place(controller, spot, 78, k=3)
    assert len(controller.session.marks) == 3


# ------------------------------------------------------------------------------------- undo


def test_undo_gives_step_and_slice_back_and_says_what_changed(
    controller: ReadingController, spot: At, words: list[str], slices: list[int]
) -> None:
    place(controller, spot, 80, 50)
    place(controller, spot, 76, k=4)
    controller.undo()
    assert (controller.step, slices[-1]) == (STEPS[2], 4)
    controller.undo()
    assert (controller.step, slices[-1]) == (STEPS[1], 2)
    assert words[-1] == (
        "Undone: place right lesser trochanter. Right lesser trochanter gone from slice 3."
    )
    place(controller, spot, 51)
    assert controller.session.marks[-1].name is STEPS[1].name
    controller.undo()
    controller.redo()
    assert slices[-1] == 2
    assert controller.selected is controller.session.marks[-1]
    assert controller.step == STEPS[2]


def test_undo_of_a_move_says_how_far_and_selects_the_mark(
    controller: ReadingController, spot: At, words: list[str], slices: list[int]
) -> None:
    place(controller, spot, 80)
    mark = controller.session.marks[0]
    controller.move(mark, spot(2, 40, 85).point_lps_mm)
    controller.active_step.select(None)
    controller.undo()
    # Five columns of 0.6 mm.
    assert words[-1].endswith("Right ischium moved 3.0 mm on slice 3.")
    assert controller.selected is controller.session.marks[0]
    assert controller.step == STEPS[1]
    assert slices == [2]


def test_undo_of_a_confirmation_names_the_marks(
    controller: ReadingController, spot: At, words: list[str]
) -> None:
    place(controller, spot, 80, 50)
    place(controller, spot, 76, 52)
    controller.confirm(everything=True)
    controller.undo()
    assert {mark.state for mark in controller.session.marks} == {MarkState.PLACED}
    assert words[-1] == (
        "Undone: confirm all marks. Right ischium placed on slice 3; "
        "right lesser trochanter placed on slice 3; 2 more."
    )


# -------------------------------------------------------------------------- doubtful distances


@pytest.mark.parametrize(
    ("columns", "about"),
    [
        ((80, 77), "would be 1.8 mm"),
        ((100, 10), "would be 54.0 mm"),
        ((80, 50, 90, 50), "longer than the ischiofemoral space there (18.0 mm)"),
    ],
)
def test_a_doubtful_distance_is_asked_about_and_taken_back(
    controller: ReadingController, spot: At, columns: tuple[float, ...], about: str
) -> None:
    questions: list[str] = []
    controller.overrule = lambda question: bool(questions.append(question))
    place(controller, spot, *columns)
    assert len(questions) == 1
    assert about in questions[0]
    assert len(controller.session.marks) == len(columns) - 1
    assert controller.step == STEPS[len(columns) - 1]


def test_an_overruled_doubt_stands_in_the_log_and_is_asked_once(
    controller: ReadingController, spot: At
) -> None:
    questions: list[str] = []

    def overrule(question: str) -> bool:
        questions.append(question)
        return True

    controller.overrule = overrule
    place(controller, spot, 80, 77)
    controller.nudge(0.0, 0.1)
    assert len(questions) == 1
    controller.journal.sync()
    actions = [json.loads(line).get("action") for line in _lines(controller.journal.path)]
    assert f"place right lesser trochanter; overruled: {questions[0]}" in actions
    found = replay(controller.journal.path)
    assert found is not None
    assert flat(found.history.state) == flat(controller.state)


def test_a_drag_to_a_doubtful_distance_is_asked_about_too(
    controller: ReadingController, spot: At
) -> None:
    place(controller, spot, 80, 50)
    before = flat(controller.state)
    controller.overrule = lambda _question: False
    assert not controller.move(controller.session.marks[1], spot(2, 40, 79).point_lps_mm)
    assert flat(controller.state) == before


def off(volume: Volume, mark: Mark, *, medially_mm: float) -> SlicePoint:
    way_mm = np.array([medially_mm if mark.side is Side.RIGHT else -medially_mm, 0.0, 0.0])
    return SlicePoint(slice_of(volume, mark), mark.position_lps_mm + way_mm)


def test_a_mark_on_even_tissue_is_asked_about_and_the_answer_is_logged(
    images: Volume, true_marks: dict[Step, Mark]
) -> None:
    reading = ReadingController(images, reader="A")
    questions: list[str] = []

    def overrule(question: str) -> bool:
        questions.append(question)
        return len(questions) > 1

    reading.overrule = overrule
    # The tuberosity of the phantom is 30 mm wide: this lies in its marrow.
    inside = off(images, true_marks[STEPS[0]], medially_mm=12.0)
    reading.place(inside)
    assert questions[0] == (
        "The right ischium lies on even tissue: no dark edge of bone or tendon is seen within "
        "4 mm of it."
    )
    assert reading.session.marks == ()
    reading.place(inside)
    reading.nudge(0.0, 0.1)
    assert len(questions) == 2
    assert [edit.action for edit in reading.history.past] == [
        f"place right ischium; overruled: {questions[0]}",
        "move right ischium",
    ]


@pytest.mark.parametrize("off_mm", [-1.5, 0.0, 1.5])
def test_careful_marks_are_not_asked_about(
    images: Volume, true_marks: dict[Step, Mark], off_mm: float
) -> None:
    reading = ReadingController(images, reader="A")

    def overrule(question: str) -> bool:
        raise AssertionError(question)

    reading.overrule = overrule
    for step in STEPS:
        reading.place(off(images, true_marks[step], medially_mm=off_mm))
    assert len(reading.session.marks) == len(STEPS)


def test_usual_distances_are_not_asked_about(controller: ReadingController, spot: At) -> None:
    def overrule(question: str) -> bool:
        raise AssertionError(question)

    controller.overrule = overrule
    place(controller, spot, 80, 50, 76, 54)
    assert len(controller.session.marks) == 4
    assert np.isfinite([mark.position_lps_mm for mark in controller.session.marks]).all()


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line]
