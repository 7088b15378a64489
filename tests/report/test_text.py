from dataclasses import replace

from ifspace.model import Flag, Kind, MarkState, Severity, Side
from ifspace.report import findings_paragraph


def test_it_has_the_headings_of_a_radiology_report_in_their_order(make_result):
    text = findings_paragraph(make_result())
    headings = ("INDICATION", "COMPARISON", "TECHNIQUE", "FINDINGS RIGHT", "FINDINGS LEFT")
    places = [text.index(f"{heading}:") for heading in (*headings, "IMPRESSION")]
    assert places == sorted(places)


def test_it_says_every_space_with_interval_level_state_comparison_and_findings(make_result):
    text = findings_paragraph(make_result())
    assert (
        "IFS 13.0 ± 1.9 mm (slice 3 of 5; marks PLACED, not confirmed): at or below 15, 15.4, 17,"
        " 17.8 and 18 mm." in text
    )
    assert "cannot be told apart from 7.1, 8 and 10 mm (within uncertainty)" in text
    assert "Hips: rotation unknown, bolster not used, supine" in text
    assert "Companion findings: quadratus femoris oedema mild." in text
    assert text.endswith("DRAFT: not every mark is confirmed.")


def test_it_carries_what_the_request_and_the_reader_say(make_result):
    result = make_result()
    session = replace(
        result.session,
        indication="Gluteal pain",
        painful_side="left",
        comparison="MRI 2024",
        impression="Narrow left space.",
    )
    text = findings_paragraph(replace(result, session=session))
    assert "INDICATION: Gluteal pain\nPainful side: left\nCOMPARISON: MRI 2024" in text
    assert "IMPRESSION: Narrow left space." in text


def test_the_right_side_comes_first(make_result):
    text = findings_paragraph(make_result(sides=(Side.LEFT, Side.RIGHT)))
    assert text.index("IFS 13.0") < text.index("IFS 21.8")


def test_it_says_what_was_not_measured_and_why(make_result):
    text = findings_paragraph(make_result(missing=((Kind.QFS, Side.LEFT),)))
    assert "QFS not measured: a mark is missing." in text


def test_beside_a_narrow_space_stands_that_such_spaces_occur_without_symptoms(make_result):
    narrow = Flag("narrow_without_symptoms", Severity.CAUTION, "Narrow spaces also occur so.")
    assert "Note: Narrow spaces also occur so." in findings_paragraph(make_result(flags=(narrow,)))


def test_a_final_result_names_who_signed_and_when_in_the_readers_zone(make_result):
    result = make_result(state=MarkState.CONFIRMED, signed=True)
    assert findings_paragraph(result).endswith("Signed by A, 2026-03-04 10:20 UTC.")
    signature = replace(result.session.signature, signed_at="2026-03-04T11:20:00+01:00")
    result = replace(result, session=replace(result.session, signature=signature))
    assert findings_paragraph(result).endswith("Signed by A, 2026-03-04 11:20 UTC+01:00.")


def test_a_result_without_evidence_says_that_none_applies(make_result):
    text = findings_paragraph(make_result(cutoffs={Kind.IFS: (), Kind.QFS: ()}))
    assert "no published cut-off compared" in text


def test_a_draft_says_what_is_missing_to_be_final(make_result):
    unsigned = findings_paragraph(make_result(state=MarkState.CONFIRMED))
    assert unsigned.endswith("DRAFT: no reader has signed.")
    nothing = findings_paragraph(
        make_result(missing=tuple((kind, side) for kind in Kind for side in Side))
    )
    assert nothing.endswith("DRAFT: no space was measured.")
