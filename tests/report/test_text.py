from ifspace.model import Kind, MarkState, Side
from ifspace.report import findings_paragraph


def test_it_says_every_space_with_interval_level_state_and_comparison(make_result):
    text = findings_paragraph(make_result())
    assert "Right IFS 13.0 ± 1.9 mm" in text
    assert "Cut-offs: at or below 15, 15.4, 17, 17.8 and 18 mm." in text
    assert "cannot be told apart from 7.1, 8 and 10 mm (within uncertainty)" in text
    assert "Measured on slice 3 of 5; marks PLACED, not confirmed." in text
    assert "Hip rotation unknown, knee bolster not used, body position supine" in text
    assert "Note: The rotation of the hips is not known." in text
    assert text.endswith("DRAFT: not every mark is confirmed.")


def test_the_right_side_comes_first(make_result):
    text = findings_paragraph(make_result(sides=(Side.LEFT, Side.RIGHT)))
    assert text.index("Right IFS") < text.index("Left IFS")


def test_it_says_what_was_not_measured_and_why(make_result):
    text = findings_paragraph(make_result(missing=((Kind.QFS, Side.LEFT),)))
    assert "Left QFS was not measured: a mark is missing." in text


def test_a_final_result_names_who_signed(make_result):
    text = findings_paragraph(make_result(state=MarkState.CONFIRMED, signed=True))
    assert text.endswith("Signed by A, 2026-03-04T10:20:00Z.")


def test_a_result_without_evidence_says_that_none_applies(make_result):
    text = findings_paragraph(make_result(cutoffs={Kind.IFS: (), Kind.QFS: ()}))
    assert "No published cut-off in use applies." in text


def test_a_draft_says_what_is_missing_to_be_final(make_result):
    unsigned = findings_paragraph(make_result(state=MarkState.CONFIRMED))
    assert unsigned.endswith("DRAFT: no reader has signed.")
    nothing = findings_paragraph(
        make_result(missing=tuple((kind, side) for kind in Kind for side in Side))
    )
    assert nothing.endswith("DRAFT: no space was measured.")
