"""A second reader sees nothing of the first reading before the own one is finished or given up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ifspace.model import Volume
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.history import flat
from ifspace.reading.journal import unfinished
from ifspace.reading.steps import STEPS

At = Callable[[float, float, float], SlicePoint]

COLUMNS = (80.0, 50.0, 76.0, 54.0)


def read(controller: ReadingController, spot: At, count: int) -> None:
    """Place the first marks of the list on the right hip."""
    for step, column in zip(STEPS[:count], COLUMNS[:count], strict=True):
        controller.active_step.choose(step)
        controller.place(spot(2, 40, column))


@pytest.fixture
def words(controller: ReadingController) -> list[str]:
    """What the controller says."""
    said: list[str] = []
    controller.said.connect(lambda sentence, _warning: said.append(sentence))
    return said


@pytest.fixture
def blind_controller(controller: ReadingController, spot: At) -> ReadingController:
    """A controller on which A set four marks and B begins."""
    read(controller, spot, 4)
    controller.confirm(everything=True)
    assert controller.readings.begin_second("B")
    return controller


def test_the_list_of_readings_stays_shut_until_the_second_one_is_finished(
    blind_controller: ReadingController, spot: At, words: list[str]
) -> None:
    def is_refused() -> bool:
        blind_controller.readings.show(0)
        return blind_controller.state.active == 1

    assert is_refused()
    assert "confirm or skip every mark" in words[-1]
    read(blind_controller, spot, 1)
    blind_controller.confirm(everything=True)
    assert is_refused()
    for step, column in zip(STEPS[1:3], COLUMNS[1:3], strict=True):
        blind_controller.active_step.choose(step)
        blind_controller.place(spot(2, 40, column))
    blind_controller.confirm(everything=True)
    assert is_refused()
    blind_controller.active_step.choose(STEPS[3])
    blind_controller.active_step.skip()
    assert not blind_controller.blind
    blind_controller.unconfirm(everything=True)
    assert is_refused()
    blind_controller.confirm(everything=True)
    blind_controller.readings.show(0)
    assert blind_controller.state.active == 0


def test_a_refused_look_forgets_no_skipped_step(blind_controller: ReadingController) -> None:
    blind_controller.active_step.skip()
    blind_controller.readings.show(0)
    assert blind_controller.active_step.skipped == {STEPS[0]}


def test_skipping_everything_is_no_reading(blind_controller: ReadingController) -> None:
    for step in STEPS:
        blind_controller.active_step.choose(step)
        blind_controller.active_step.skip()
    assert blind_controller.blind


def test_undo_ends_where_the_blind_reading_begins(
    blind_controller: ReadingController, spot: At, words: list[str]
) -> None:
    begun = flat(blind_controller.state)
    read(blind_controller, spot, 4)
    blind_controller.confirm(everything=True)
    for _ in range(5):
        blind_controller.undo()
    assert flat(blind_controller.state) == begun
    blind_controller.undo()
    assert flat(blind_controller.state) == begun
    assert "press Abandon" in words[-1]
    for _ in range(5):
        blind_controller.redo()
    assert [len(session.marks) for session in blind_controller.state.sessions] == [4, 4]


def test_who_has_looked_undoes_without_limit(blind_controller: ReadingController, spot: At) -> None:
    read(blind_controller, spot, 4)
    blind_controller.confirm(everything=True)
    blind_controller.readings.show(0)
    blind_controller.readings.show(1)
    while blind_controller.history.can_undo:
        before = len(blind_controller.history.past)
        blind_controller.undo()
        assert len(blind_controller.history.past) == before - 1
    assert blind_controller.session.marks == ()
    assert len(blind_controller.state.sessions) == 1


def test_no_third_reading_opens_a_blind_one(blind_controller: ReadingController) -> None:
    assert not blind_controller.readings.begin_second("C")
    assert len(blind_controller.state.sessions) == 2


def test_a_file_of_the_first_reader_is_not_taken_into_the_second_reading(
    blind_controller: ReadingController, words: list[str]
) -> None:
    own = blind_controller.session
    assert not blind_controller.load(blind_controller.state.sessions[0])
    assert blind_controller.session is own
    assert "another reader" in words[-1]
    assert blind_controller.load(replace(blind_controller.state.sessions[0], reader="B"))


def test_abandoning_goes_back_for_good_and_stands_in_the_log(
    blind_controller: ReadingController, spot: At, volume: Volume, words: list[str]
) -> None:
    read(blind_controller, spot, 2)
    blind_controller.undo()
    assert blind_controller.readings.abandon()
    assert len(blind_controller.state.sessions) == 1
    assert len(blind_controller.session.marks) == 4
    assert not blind_controller.history.can_redo
    last = json.loads(blind_controller.journal.path.read_text().splitlines()[-1])
    assert (last["kind"], last["by"]) == ("abandon", "B")
    assert last["action"] == "abandon second reading of B"
    assert last["changes"]["reading/1/mark/right/ischium_lateral/0"][1] is None
    assert not blind_controller.readings.begin_second("B")
    assert "somebody else" in words[-1]

    blind_controller.undo()
    end = flat(blind_controller.state)
    blind_controller.journal.release()
    found = unfinished(volume)
    assert found is not None
    assert flat(found.history.state) == end
    again = ReadingController(volume, recovered=found)
    assert not again.readings.begin_second("B")
    while again.history.can_undo:
        again.undo()
    assert again.session.marks == ()


def test_there_is_nothing_to_abandon_in_a_first_reading(
    controller: ReadingController, spot: At
) -> None:
    read(controller, spot, 2)
    assert not controller.readings.abandon()
    assert len(controller.session.marks) == 2


def test_a_recovered_second_reading_is_still_blind(
    blind_controller: ReadingController, volume: Volume
) -> None:
    blind_controller.journal.release()
    again = ReadingController(volume, recovered=unfinished(volume))
    again.readings.show(0)
    assert again.state.active == 1
    again.undo()
    assert again.state.active == 1
