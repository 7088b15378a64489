from dataclasses import replace

from ifspace.model import Kind, PublishedValue
from ifspace.report import details
from ifspace.report.pdf import page_data
from ifspace.report.references import number_references
from ifspace.report.texts import load_texts

TEXTS = load_texts()


def test_a_finding_that_nobody_recorded_was_not_assessed(make_result):
    rows = {row["finding"]: row["cells"] for row in details.findings(make_result(), TEXTS)}
    assert rows["Quadratus femoris oedema"] == ["mild", "none"]
    assert rows["Sciatic nerve"] == ["not assessed", "not assessed"]


def test_a_study_that_gives_both_spaces_is_cited_for_both_with_its_own_groups(make_result):
    result = make_result()
    result = replace(result, panel=tuple(_means(kind) for kind in Kind), spaces=())
    said = details.group_means(result, number_references(result), TEXTS)
    assert [sentence.split(":")[0] for sentence in said] == ["[1] IFS", "[1] QFS"]
    assert all("children's hips" in sentence for sentence in said)
    assert not any("symptomatic hips" in sentence for sentence in said)


def _means(kind: Kind) -> PublishedValue:
    return PublishedValue(
        "a",
        kind,
        "A. Paper. 2020",
        "abstract",
        "group_values_or_context",
        "",
        cases_mean_mm=7.0,
        controls_mean_mm=20.0,
        cases="children's hips with abnormal muscle signal",
    )


def test_no_internal_id_and_no_json_stands_on_paper(make_result, identity):
    words = str({key: value for key, value in page_data(make_result(), {}, identity).items()
                 if key not in ("texts", "pictures")})  # fmt: skip
    for name in ("hatem_2021", "schroder_2015", "bjr_2020_", "goldberg_stein_", '{"sides'):
        assert name not in words
