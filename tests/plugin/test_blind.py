"""A second reader sees nothing of the first reading before the own one is finished or given up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ifspace.model import Volume
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.history import flat
from napari_ifspace.journal import unfinished
from napari_ifspace.steps import STEPS

At = Callable[[float, float, float], Spot]

COLUMNS = (80.0, 50.0, 76.0, 54.0)


def read(desk: Desk, spot: At, count: int) -> None:
    """Place the first marks of the list on the right hip."""
    for step, column in zip(STEPS[:count], COLUMNS[:count], strict=True):
        desk.hand.choose(step)
        desk.place(spot(2, 40, column))


@pytest.fixture
def words(desk: Desk) -> list[str]:
    """What the desk says."""
    said: list[str] = []
    desk.said.connect(lambda sentence, _warning: said.append(sentence))
    return said


@pytest.fixture
def blind_desk(desk: Desk, spot: At) -> Desk:
    """A desk on which A set four marks and B begins."""
    read(desk, spot, 4)
    desk.confirm(everything=True)
    assert desk.begin_second_reading("B")
    return desk


def test_the_list_of_readings_stays_shut_until_the_second_one_is_finished(
    blind_desk: Desk, spot: At, words: list[str]
) -> None:
    def is_refused() -> bool:
        blind_desk.show_reading(0)
        return blind_desk.state.active == 1

    assert is_refused()
    assert "confirm or skip every mark" in words[-1]
    read(blind_desk, spot, 1)
    blind_desk.confirm(everything=True)
    assert is_refused()
    for step, column in zip(STEPS[1:3], COLUMNS[1:3], strict=True):
        blind_desk.hand.choose(step)
        blind_desk.place(spot(2, 40, column))
    blind_desk.confirm(everything=True)
    assert is_refused()
    blind_desk.hand.choose(STEPS[3])
    blind_desk.hand.skip()
    assert not blind_desk.blind
    blind_desk.unconfirm(everything=True)
    assert is_refused()
    blind_desk.confirm(everything=True)
    blind_desk.show_reading(0)
    assert blind_desk.state.active == 0


def test_a_refused_look_forgets_no_skipped_step(blind_desk: Desk) -> None:
    blind_desk.hand.skip()
    blind_desk.show_reading(0)
    assert blind_desk.hand.skipped == {STEPS[0]}


def test_skipping_everything_is_no_reading(blind_desk: Desk) -> None:
    for step in STEPS:
        blind_desk.hand.choose(step)
        blind_desk.hand.skip()
    assert blind_desk.blind


def test_undo_ends_where_the_blind_reading_begins(
    blind_desk: Desk, spot: At, words: list[str]
) -> None:
    begun = flat(blind_desk.state)
    read(blind_desk, spot, 4)
    blind_desk.confirm(everything=True)
    for _ in range(5):
        blind_desk.undo()
    assert flat(blind_desk.state) == begun
    blind_desk.undo()
    assert flat(blind_desk.state) == begun
    assert "press Abandon" in words[-1]
    for _ in range(5):
        blind_desk.redo()
    assert [len(session.marks) for session in blind_desk.state.sessions] == [4, 4]


def test_who_has_looked_undoes_without_limit(blind_desk: Desk, spot: At) -> None:
    read(blind_desk, spot, 4)
    blind_desk.confirm(everything=True)
    blind_desk.show_reading(0)
    blind_desk.show_reading(1)
    while blind_desk.history.can_undo:
        before = len(blind_desk.history.past)
        blind_desk.undo()
        assert len(blind_desk.history.past) == before - 1
    assert blind_desk.session.marks == ()
    assert len(blind_desk.state.sessions) == 1


def test_no_third_reading_opens_a_blind_one(blind_desk: Desk) -> None:
    assert not blind_desk.begin_second_reading("C")
    assert len(blind_desk.state.sessions) == 2


def test_a_file_of_the_first_reader_is_not_taken_into_the_second_reading(
    blind_desk: Desk, words: list[str]
) -> None:
    own = blind_desk.session
    assert not blind_desk.load(blind_desk.state.sessions[0])
    assert blind_desk.session is own
    assert "another reader" in words[-1]
    assert blind_desk.load(replace(blind_desk.state.sessions[0], reader="B"))


def test_abandoning_goes_back_for_good_and_stands_in_the_log(
    blind_desk: Desk, spot: At, volume: Volume, words: list[str]
) -> None:
    read(blind_desk, spot, 2)
    blind_desk.undo()
    assert blind_desk.abandon_reading()
    assert len(blind_desk.state.sessions) == 1
    assert len(blind_desk.session.marks) == 4
    assert not blind_desk.history.can_redo
    last = json.loads(blind_desk.journal.path.read_text().splitlines()[-1])
    assert (last["kind"], last["by"]) == ("abandon", "B")
    assert last["action"] == "abandon second reading of B"
    assert last["changes"]["reading/1/mark/right/ischium_lateral/0"][1] is None
    assert not blind_desk.begin_second_reading("B")
    assert "somebody else" in words[-1]

    blind_desk.undo()
    end = flat(blind_desk.state)
    blind_desk.journal.release()
    found = unfinished(volume.series)
    assert found is not None
    assert flat(found.history.state) == end
    again = Desk(volume, recovered=found)
    assert not again.begin_second_reading("B")
    while again.history.can_undo:
        again.undo()
    assert again.session.marks == ()


def test_there_is_nothing_to_abandon_in_a_first_reading(desk: Desk, spot: At) -> None:
    read(desk, spot, 2)
    assert not desk.abandon_reading()
    assert len(desk.session.marks) == 2


def test_a_recovered_second_reading_is_still_blind(blind_desk: Desk, volume: Volume) -> None:
    blind_desk.journal.release()
    again = Desk(volume, recovered=unfinished(volume.series))
    again.show_reading(0)
    assert again.state.active == 1
    again.undo()
    assert again.state.active == 1
