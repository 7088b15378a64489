"""What a reader does is told by the history of the session, which only grows."""

from __future__ import annotations

from dataclasses import replace

from tests.reading.test_slips import At, place

from ifspace.model import Volume
from ifspace.reading.controller import ReadingController
from ifspace.reading.session_binding import bind
from ifspace.signing import broken_entry, problems_of_session
from ifspace.workflow import assess


def test_acts_of_a_reading_are_told_also_those_undone(
    controller: ReadingController, spot: At, volume: Volume
) -> None:
    place(controller, spot, 80, 50)
    controller.undo()
    controller.redo()
    controller.confirm(everything=True)
    assert controller.notes.sign()
    written = controller.record.to_write.session
    acts = [entry.act for entry in written.history]
    assert acts.count("placed") == 2
    assert acts[-4:] == ["undone", "repeated", "confirmed", "signed"]
    assert {entry.reader for entry in written.history[-2:]} == {written.reader}
    assert broken_entry(written.history) is None
    assert problems_of_session(written) == []
    assert assess(volume, written).is_final


def test_a_signature_taken_back_and_given_again_stands(
    controller: ReadingController, spot: At, volume: Volume
) -> None:
    place(controller, spot, 80, 50)
    controller.confirm(everything=True)
    assert controller.notes.sign()
    controller.undo()
    assert controller.session.signature is None
    controller.redo()
    written = controller.record.to_write.session
    assert [entry.act for entry in written.history[-3:]] == ["signed", "undone", "repeated"]
    assert assess(volume, written).is_final


def test_a_loaded_session_goes_on_with_its_own_history(
    controller: ReadingController, spot: At, volume: Volume
) -> None:
    place(controller, spot, 80, 50)
    controller.confirm(everything=True)
    assert controller.notes.sign()
    first = controller.record.to_write.session
    again = ReadingController(volume, session=bind(first, volume).session)
    told = again.record.to_write.session.history
    assert told[: len(first.history)] == first.history
    assert [entry.act for entry in told[len(first.history) :]] == ["loaded"]
    assert assess(volume, again.session).is_final


def test_a_history_that_was_cut_costs_the_signature(
    controller: ReadingController, spot: At, volume: Volume
) -> None:
    place(controller, spot, 80, 50)
    controller.confirm(everything=True)
    assert controller.notes.sign()
    written = controller.record.to_write.session
    cut = replace(written, history=written.history[1:])
    assert "history of the session was changed at entry 1" in bind(cut, volume).unsigned
