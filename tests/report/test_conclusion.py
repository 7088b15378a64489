from dataclasses import replace

from ifspace.model import AssessedSpace, Flag, Kind, NotMeasured, Reason, Severity, Side
from ifspace.report.conclusion import conclusion
from ifspace.report.references import number_references
from ifspace.report.texts import load_texts

NARROW = Flag("narrow_without_symptoms", Severity.CAUTION, "Narrow spaces also occur.")


def lines(result):
    references = number_references(result, ["schroder_2015_asymptomatic"])
    return conclusion(result, references, load_texts())


def test_it_has_at_most_four_lines_with_both_spaces_findings_and_the_narrow_space(make_result):
    said = lines(make_result(flags=(NARROW,)))
    assert said[0] == (
        "IFS right 13.0 ± 1.9 mm: at or below all 5 cut-offs; left 21.8 ± 1.9 mm: above all 5."
        " Difference 8.8 mm."
    )
    assert said[1] == (
        "QFS right 8.6 ± 2.1 mm: at or below 1 and not told apart from 4 of 5; left 14.9 ± 2.1 mm:"
        " not told apart from 1 and above 4 of 5. Difference 6.3 mm."
    )
    assert said[2:] == [
        "Right: quadratus femoris oedema mild. Left: quadratus femoris oedema unremarkable.",
        "Narrow spaces also occur without symptoms [7].",
    ]


def test_a_moderate_oedema_reaches_the_conclusion(make_result):
    result = make_result()
    session = replace(result.session, findings={Side.LEFT: {"qf_oedema": "moderate"}})
    assert "Left: quadratus femoris oedema moderate." in lines(replace(result, session=session))


def test_findings_that_nobody_recorded_were_not_assessed(make_result):
    result = make_result()
    result = replace(result, session=replace(result.session, findings={}))
    assert "Quadratus femoris oedema and other companion findings: not assessed." in lines(result)


def test_a_side_that_is_not_shown_is_no_missing_mark(make_result):
    result = make_result(sides=(Side.LEFT,))
    hidden = tuple(
        AssessedSpace(NotMeasured(kind, Side.RIGHT, Reason.SIDE_NOT_SHOWN, "left hip only"))
        for kind in Kind
    )
    said = lines(replace(result, spaces=(*hidden, *result.spaces)))
    assert said[0].startswith("IFS right not shown in these images; left 21.8 ± 1.9 mm")


def test_one_cutoff_is_one(make_result, make_published):
    only = {kind: (make_published("a", kind, 15.0),) for kind in Kind}
    assert "at or below the one cut-off" in lines(make_result(cutoffs=only))[0]
    none = dict.fromkeys(Kind, ())
    assert "left 21.8 ± 1.9 mm: not compared" in lines(make_result(cutoffs=none))[0]
