from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import PLAIN, make_volume, pixel_lps_mm

from ifspace.model import Mark, MarkName, MarkState, Side, Source
from ifspace.reading import edits
from ifspace.reading.caveat_text import caveats_of, panel_words
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.outputs import signed_words
from ifspace.reading.steps import STEPS, step_of
from ifspace.workflow import assess

At = Callable[[float, float, float], SlicePoint]

# On the plain volume x grows with the column: for the right hip the ischium has the larger column.
RIGHT_PAIR = ((2, 40, 80), (2, 40, 50))


def heard(controller: ReadingController) -> list[str]:
    said: list[str] = []
    controller.said.connect(lambda words, _warning: said.append(words))
    return said


def propose(controller: ReadingController, marks: tuple[Mark, ...]) -> None:
    controller.record.do("propose", lambda: edits.proposed(controller.state, Side.RIGHT, marks))


def place_right(controller: ReadingController, spot: At) -> None:
    for index in RIGHT_PAIR:
        controller.place(spot(*index))


def test_placing_goes_through_the_list_by_itself(controller: ReadingController, spot: At) -> None:
    order = []
    for column in (80, 50, 75, 52):
        order.append(controller.step)
        controller.place(spot(3, 45, column))
    assert order == list(STEPS[:4])
    assert controller.step == STEPS[4]


def test_both_marks_of_a_space_give_its_millimetres(
    controller: ReadingController, spot: At
) -> None:
    place_right(controller, spot)
    outcome = assess(controller.volume, controller.session).measurements[0]
    # 30 columns of 0.6 mm.
    assert outcome.value_mm == pytest.approx(18.0, abs=1e-9)
    assert outcome.side is Side.RIGHT


def test_a_femoral_mark_on_the_wrong_side_of_the_ischial_one_is_refused(
    controller: ReadingController, spot: At
) -> None:
    said = heard(controller)
    controller.place(spot(2, 40, 60))
    controller.place(spot(2, 40, 90))
    assert [mark.name for mark in controller.session.marks] == [MarkName.ISCHIUM_LATERAL]
    assert said[-1] == (
        "The ischium would lie further out than the lesser trochanter: the two are exchanged, or "
        "this is not the patient's right; nothing was changed."
    )


def test_on_a_view_of_one_hip_a_mark_beyond_that_of_the_other_side_is_refused(
    controller: ReadingController, spot: At
) -> None:
    """No midline is to be seen there, and a pair of crossed marks would cost both sides."""
    said = heard(controller)
    controller.active_step.choose(STEPS[4])
    controller.place(spot(2, 40, 60))
    controller.active_step.choose(STEPS[0])
    controller.place(spot(2, 40, 70))
    assert [mark.side for mark in controller.session.marks] == [Side.LEFT]
    assert "would lie on the wrong side of the mark of the other hip" in said[-1]
    controller.place(spot(2, 40, 50))
    assert [mark.side for mark in controller.session.marks] == [Side.LEFT, Side.RIGHT]


def test_a_mark_on_the_other_hip_is_refused_by_the_middle_of_the_body() -> None:
    wide = replace(PLAIN, shape_kji=(3, 180, 560), origin_lps_mm=(-168.0, -70.0, -700.0))
    voxels = np.random.default_rng(1).normal(5, 2, wide.shape_kji).astype(np.float32)
    voxels[:, 20:160, 40:520] += 200.0
    controller = ReadingController(make_volume(wide, voxels=voxels))
    said = heard(controller)
    assert controller.step is not None
    assert controller.step.side is Side.RIGHT
    controller.place(SlicePoint(1, pixel_lps_mm(wide, (1, 100, 400))))
    assert not controller.session.marks
    assert "patient's left" in said[-1]


def test_a_point_outside_the_image_is_refused(controller: ReadingController, spot: At) -> None:
    said = heard(controller)
    controller.place(spot(2, 40, 141))
    assert not controller.session.marks
    assert "outside the image" in said[-1]


def test_marks_on_different_slices_are_told_at_once(
    controller: ReadingController, spot: At
) -> None:
    said = heard(controller)
    controller.place(spot(2, 40, 80))
    controller.place(spot(3, 40, 50))
    assert "different slices (ischium on 3, lesser trochanter on 4)" in said[-1]


def test_placing_again_moves_the_mark_unless_levels_are_kept(
    controller: ReadingController, spot: At
) -> None:
    place_right(controller, spot)
    controller.active_step.choose(STEPS[0])
    controller.ask_to_move()
    controller.place(spot(4, 40, 80))
    assert len(controller.session.marks) == 2
    controller.active_step.keep_levels = True
    controller.active_step.choose(STEPS[0])
    controller.place(spot(2, 40, 78))
    assert len(controller.session.marks) == 3


def test_several_levels_give_a_curve_with_the_smallest_as_headline(
    controller: ReadingController, spot: At
) -> None:
    controller.active_step.keep_levels = True
    for k, ischium in ((1, 85), (2, 80), (3, 90)):
        controller.active_step.choose(STEPS[0])
        controller.place(spot(k, 40, ischium))
        controller.active_step.choose(STEPS[1])
        controller.place(spot(k, 40, 50))
    outcome = assess(controller.volume, controller.session).measurements[0]
    assert outcome.slice_index == 2
    assert [level.value_mm for level in outcome.curve] == pytest.approx([21.0, 18.0, 24.0])
    assert outcome.second_best_mm == pytest.approx(21.0)


def test_the_distance_follows_the_cursor_before_anything_is_placed(
    controller: ReadingController, spot: At
) -> None:
    controller.place(spot(2, 40, 80))
    controller.cursor.point(spot(2, 40, 55))
    assert assess(controller.volume, controller.cursor.shown).measurements[
        0
    ].value_mm == pytest.approx(15.0)
    assert len(controller.session.marks) == 1


def test_a_confirmed_mark_does_not_move_until_it_is_unconfirmed(
    controller: ReadingController, spot: At
) -> None:
    place_right(controller, spot)
    controller.confirm(everything=True)
    controller.active_step.choose(STEPS[0])
    before = controller.session.marks
    for change in (
        lambda: controller.nudge(1.0, 0.0),
        lambda: controller.place(spot(2, 42, 80)),
        controller.remove_selected,
    ):
        change()
        assert controller.session.marks is before
    controller.unconfirm(everything=False)
    controller.nudge(0.0, 1.0)
    moved = next(mark for mark in controller.session.marks if step_of(mark) == STEPS[0])
    assert moved.state is MarkState.PLACED
    assert moved.position_lps_mm == pytest.approx(pixel_lps_mm(PLAIN, (2, 40, 81)))


def test_signing_needs_a_reader_and_every_mark_confirmed(
    controller: ReadingController, spot: At
) -> None:
    said = heard(controller)
    assert not controller.notes.sign()
    place_right(controller, spot)
    assert not controller.notes.sign()
    assert "not confirmed yet: right ischium" in said[-1]
    controller.confirm(everything=True)
    controller.notes.set_reader("")
    assert not controller.notes.sign()
    controller.notes.set_reader("A")
    assert controller.notes.sign()
    assert assess(controller.volume, controller.session).is_final


def test_what_is_done_takes_the_place_of_a_refusal(controller: ReadingController, spot: At) -> None:
    settled: list[tuple[str, str]] = []
    controller.settled.connect(lambda refusal, words: settled.append((refusal, words)))
    place_right(controller, spot)
    assert settled == []
    assert not controller.notes.sign()
    assert settled == []
    controller.notes.set_level_end(Side.RIGHT, 2, first=True)
    assert [words for _, words in settled] == ["Done: set first level slice, right."]
    assert "Confirm every mark" in settled[0][0]
    controller.notes.set_level_end(Side.RIGHT, 3, first=False)
    assert len(settled) == 1
    assert not controller.notes.sign()
    controller.active_step.select(controller.session.marks[0])
    assert settled[-1][1] == ""


def test_a_disk_that_cannot_be_written_stays_said(
    controller: ReadingController, spot: At, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    broken = ReadingController(
        controller.volume, reader="A", journal_folder=tmp_path / "file" / "below"
    )
    settled: list[str] = []
    broken.settled.connect(lambda refusal, _words: settled.append(refusal))
    broken.record.do("set reader", lambda: edits.with_reader(broken.state, "B"))
    broken.notes.set_reader("C")
    assert broken.journal.problem is not None
    assert settled == []


def test_an_unknown_age_is_told_once(controller: ReadingController) -> None:
    series = replace(controller.volume.series, patient_age_years=None)
    ageless = assess(replace(controller.volume, series=series), controller.session)
    told = [flag.detail for flag in caveats_of(ageless)] + [panel_words(ageless)]
    assert sum("age" in words.split() for words in told) == 1
    assert ageless.panel_note


def test_what_is_said_of_a_signature_agrees_with_the_state_of_the_report(
    controller: ReadingController, spot: At
) -> None:
    controller.place(spot(2, 40, 80))
    controller.confirm(everything=True)
    assert controller.notes.sign()
    empty = signed_words(assess(controller.volume, controller.session))
    assert empty == "Signed, but the report stays a DRAFT: no space was measured."
    controller.place(spot(2, 40, 50))
    controller.confirm(everything=True)
    assert controller.notes.sign()
    assert (
        signed_words(assess(controller.volume, controller.session))
        == "Signed: the report is final."
    )


def test_an_edit_after_signing_takes_the_signature_away(
    controller: ReadingController, spot: At
) -> None:
    place_right(controller, spot)
    controller.confirm(everything=True)
    controller.notes.sign()
    controller.notes.note_finding(Side.LEFT, "qf_oedema", "mild")
    assert controller.session.signature is None


def test_accepting_a_proposal_confirms_it_and_moving_it_makes_it_the_readers(
    controller: ReadingController, spot: At
) -> None:
    proposals = tuple(
        Mark(
            name,
            Side.RIGHT,
            spot(*index).point_lps_mm,
            MarkState.PROPOSED,
            Source.PROGRAM,
            confidence=0.8,
        )
        for name, index in zip(
            (MarkName.ISCHIUM_LATERAL, MarkName.LESSER_TROCHANTER_MEDIAL), RIGHT_PAIR, strict=True
        )
    )
    propose(controller, proposals)
    controller.active_step.select(controller.session.marks[0])
    controller.confirm(everything=False)
    controller.active_step.select(controller.session.marks[1])
    controller.nudge(0.0, 0.1)
    first, second = controller.session.marks
    assert (first.state, first.source) == (MarkState.CONFIRMED, Source.PROGRAM)
    assert (second.state, second.source) == (MarkState.PLACED, Source.HUMAN)


def test_proposals_never_replace_what_a_person_placed(
    controller: ReadingController, spot: At
) -> None:
    place_right(controller, spot)
    mine = controller.session.marks
    propose(
        controller,
        (
            Mark(
                MarkName.ISCHIUM_LATERAL,
                Side.RIGHT,
                spot(1, 1, 80).point_lps_mm,
                MarkState.PROPOSED,
                Source.PROGRAM,
            ),
        ),
    )
    assert controller.session.marks == mine


def test_a_skipped_step_is_left_out_and_can_be_chosen_again(controller: ReadingController) -> None:
    controller.active_step.skip()
    assert controller.step == STEPS[1]
    assert STEPS[0] in controller.active_step.skipped
    controller.active_step.choose(STEPS[0])
    assert controller.active_step.skipped == set()


def test_the_keyboard_alone_places_a_second_mark(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    controller.cursor.release(2)
    for _ in range(3):
        controller.nudge(0.0, -10.0)
    assert controller.cursor.cross
    assert controller.cursor.spot is not None
    controller.place(controller.cursor.spot)
    assert assess(controller.volume, controller.session).measurements[0].value_mm == pytest.approx(
        18.0
    )


def test_the_second_reading_hides_the_first_and_keeps_both(
    controller: ReadingController, spot: At
) -> None:
    place_right(controller, spot)
    assert controller.readings.begin_second("B")
    assert controller.session.marks == ()
    assert controller.session.reader == "B"
    place_right(controller, spot)
    assert [session.reader for session in controller.state.sessions] == ["A", "B"]
    assert [len(session.marks) for session in controller.state.sessions] == [2, 2]


def test_the_second_reader_must_be_another_one(controller: ReadingController) -> None:
    said = heard(controller)
    assert not controller.readings.begin_second("A")
    assert "already has a reading" in said[-1]


def test_the_level_range_limits_the_measurement(controller: ReadingController, spot: At) -> None:
    place_right(controller, spot)
    controller.notes.set_level_end(Side.RIGHT, 3, first=True)
    controller.notes.set_level_end(Side.RIGHT, 5, first=False)
    assert controller.notes.level_range(Side.RIGHT) == (3, 5)
    assert assess(controller.volume, controller.session).measurements == ()
