from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from ifspace.errors import EvidenceError
from ifspace.evidence import (
    assess_space,
    choose_panel,
    evidence_schema,
    evidence_sha256,
    published_rows,
    read_local_rows,
    reference_for,
    studies_disagree,
)
from ifspace.evidence.compare import position_between, relation_to
from ifspace.evidence.published import dump_rows
from ifspace.geometry import Segment
from ifspace.model import (
    Comparison,
    Kind,
    MarkState,
    Measurement,
    NotMeasured,
    Position,
    PublishedValue,
    Reason,
    Relation,
    Side,
)

ADULT_IFS = {
    "singer_2015_meta_ifs": 15.0,
    "torriani_2009_cutoffs_secondary": 17.0,
    "tosun_2012_cutoffs_secondary": 18.0,
}
ADULT_QFS = {
    "torriani_2009_cutoffs_secondary": 8.0,
    "singer_2015_meta_ifs": 10.0,
    "tosun_2012_cutoffs_secondary": 10.0,
}


def cutoffs(kind: Kind, **choice: object) -> dict[str, float | None]:
    panel = choose_panel(published_rows(), **{"age_years": 47.0, **choice})
    return {value.evidence_id: value.cutoff_mm for value in panel.cutoffs(kind)}


def distance(value_mm: float, u95_mm: float, kind: Kind = Kind.IFS) -> Measurement:
    return Measurement(
        kind=kind,
        side=Side.LEFT,
        value_mm=value_mm,
        u95_mm=u95_mm,
        segment=Segment(np.zeros(3), np.array([value_mm, 0, 0])),
        slice_index=3,
        method="marks/1",
        state=MarkState.CONFIRMED,
        marks=(),
    )


def local_file(tmp_path: Path, **fields: object) -> Path:
    row = {
        "id": "our_hospital_2026",
        "citation": "Local series, 40 hips, unpublished",
        "evidence_level": "local",
        "role": "published_cutoff_axial_mri",
        "ifs_mm": {"cutoff": 16.2, "cutoff_rule": "<=16.2 mm"},
        **fields,
    }
    path = tmp_path / "local.json"
    path.write_text(json.dumps({"schema": "ifspace-evidence/1", "rows": [row]}))
    return path


def test_an_adult_gets_the_neutral_adult_cutoffs() -> None:
    assert cutoffs(Kind.IFS) == ADULT_IFS
    assert cutoffs(Kind.QFS) == ADULT_QFS


def test_the_panel_lists_cutoffs_smallest_first() -> None:
    assert list(cutoffs(Kind.IFS).values()) == sorted(ADULT_IFS.values())


@pytest.mark.parametrize(
    ("age_years", "row", "ifs_mm"),
    [
        (9.0, "goldberg_stein_2018_preteen", 14.9),
        (12.99, "goldberg_stein_2018_preteen", 14.9),
        (13.0, "goldberg_stein_2018_teen", 19.0),
        (17.99, "goldberg_stein_2018_teen", 19.0),
    ],
)
def test_a_child_gets_the_paediatric_row_of_its_age_only(
    age_years: float, row: str, ifs_mm: float
) -> None:
    assert cutoffs(Kind.IFS, age_years=age_years) == {row: ifs_mm}
    panel = choose_panel(published_rows(), age_years=age_years)
    assert all(item.paediatric for item in panel.rows)
    assert "paediatric" in panel.note


def test_eighteen_is_adult() -> None:
    assert cutoffs(Kind.IFS, age_years=18.0) == ADULT_IFS


def test_an_unknown_age_says_so() -> None:
    assert cutoffs(Kind.IFS, age_years=None) == ADULT_IFS
    assert "age is unknown" in choose_panel(published_rows(), age_years=None).note


@pytest.mark.parametrize("ids", [(), ("singer", "cn_thesis_dynamic_mri_external_rotation")])
def test_a_rotated_hip_is_compared_with_values_of_its_own_rotation_only(
    ids: tuple[str, ...],
) -> None:
    own = {"cn_thesis_dynamic_mri_external_rotation": 15.2} if ids else {}
    assert cutoffs(Kind.IFS, hip_rotation="external", ids=ids) == own
    panel = choose_panel(published_rows(), age_years=47.0, hip_rotation="external", ids=ids)
    assert panel.reference(Kind.IFS) is None
    assert not panel.means(Kind.IFS)
    assert "external rotation" in panel.note


def test_a_cutoff_without_author_or_title_is_chosen_by_hand_only_and_labelled() -> None:
    default = choose_panel(published_rows(), age_years=47.0)
    assert all(row.verified for row in default.rows)
    chosen = choose_panel(published_rows(), age_years=47.0, ids=("cn_hta",)).cutoffs(Kind.IFS)
    assert [value.cutoff_mm for value in chosen] == [15.4]
    assert not chosen[0].verified
    assert "unverified" in chosen[0].citation


@pytest.mark.parametrize(
    ("sex", "own", "other"), [("F", "women", 18.73), ("M", "men", 12.42), (None, "", 12.42)]
)
def test_the_norm_of_the_patients_sex_enters_the_panel(
    sex: str | None, own: str, other: float
) -> None:
    panel = choose_panel(published_rows(), age_years=47.0, sex=sex)
    by_sex = [value for value in panel.means(Kind.QFS) if value.cases_mean_mm is None]
    assert [value.controls.split()[0] for value in by_sex] == ([own] if own else [])
    assert other not in [value.controls_mean_mm for value in by_sex]


@pytest.mark.parametrize(("sex", "said"), [("F", True), (None, True), ("M", False)])
def test_a_cutoff_above_the_mean_of_women_says_so(sex: str | None, said: bool) -> None:
    ids = ("cn_thesis_dynamic_mri_neutral",)
    note = choose_panel(published_rows(), age_years=47.0, sex=sex, ids=ids).note
    assert ("13.2 mm lies above the published mean of women (12.42 mm" in note) is said


def test_one_study_gives_the_means_of_both_spaces_and_13_and_23_mm_stay_group_means() -> None:
    panel = choose_panel(published_rows(), age_years=47.0)
    found = {kind: panel.reference(kind) for kind in Kind}
    assert {value.evidence_id for value in found.values() if value} == {"singer_2015_meta_ifs"}
    means = [(item.cases_mean_mm, item.controls_mean_mm) for item in panel.means(Kind.IFS)]
    assert means == [(14.91, 26.01), (13.0, 23.0)]
    assert not {13.0, 23.0} & set(cutoffs(Kind.IFS).values())


def test_a_childs_means_are_named_after_their_hips_and_its_age_is_spoken_of() -> None:
    panel = choose_panel(published_rows(), age_years=9.0)
    reference = panel.reference(Kind.IFS)
    assert reference is not None
    assert "abnormal muscle signal" in reference.cases
    assert "symptomatic hips" not in reference.cases
    assert "Mean of control hips of children, mean age 9.8 years: IFS 20.7 mm" in panel.note
    assert "1.2 mm a year" in panel.note


def test_a_child_is_placed_between_paediatric_means() -> None:
    reference = choose_panel(published_rows(), age_years=9.0).reference(Kind.IFS)
    assert reference is not None
    assert (reference.cases_mean_mm, reference.controls_mean_mm) == (11.5, 20.7)


def test_a_sensitivity_that_was_not_seen_stays_missing() -> None:
    values = {
        value.evidence_id: value
        for value in choose_panel(published_rows(), age_years=47.0).cutoffs(Kind.QFS)
    }
    assert values["singer_2015_meta_ifs"].cutoff_mm == 10.0
    assert values["singer_2015_meta_ifs"].sensitivity is None
    assert values["torriani_2009_cutoffs_secondary"].evidence_level == "secondary"


def test_values_of_other_modalities_hold_no_figures() -> None:
    others = [row for row in published_rows() if row.modality != "MRI"]
    assert [row.id for row in others] == ["mersin_2022_children"]
    assert all(row.figures(kind).is_empty for row in others for kind in Kind)


def test_every_row_has_a_citation_and_an_evidence_level() -> None:
    assert all(row.citation and row.evidence_level for row in published_rows())


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (("nobody_1999",), "unknown"),
        (("cn_thesis",), "ambiguous"),
        (("hatem_2021_positioning",), "positioning"),
        (("goldberg_stein_2018_teen",), "another age"),
    ],
)
def test_evidence_that_cannot_be_used_is_refused(ids: tuple[str, ...], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        choose_panel(published_rows(), age_years=47.0, ids=ids)


def test_the_user_chooses_by_id_or_its_beginning() -> None:
    assert cutoffs(Kind.IFS, ids=("torriani_2009_cutoffs_secondary", "singer")) == {
        "singer_2015_meta_ifs": 15.0,
        "torriani_2009_cutoffs_secondary": 17.0,
    }


def test_a_local_row_can_be_added_and_chosen(tmp_path: Path) -> None:
    rows = (*published_rows(), *read_local_rows(local_file(tmp_path)))
    panel = choose_panel(rows, age_years=47.0, ids=("our_hospital_2026",))
    assert [value.cutoff_mm for value in panel.cutoffs(Kind.IFS)] == [16.2]
    assert panel.cutoffs(Kind.QFS) == ()
    assert panel.reference(Kind.IFS) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "singer_2015_meta_ifs"},
        {"modality": "CT"},
        {"modality": "US"},
        {"role": "other_modality_do_not_apply_to_mri"},
        {"ifs_mm": {"cutoff": -3.0}},
        {"ifs_mm": {"cutof": 16.0}},
        {"citation": ""},
    ],
)
def test_a_local_row_that_breaks_the_rules_is_refused(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    with pytest.raises(EvidenceError, match=r"not a valid evidence file|not unique"):
        read_local_rows(local_file(tmp_path, **fields))


def test_a_local_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_local_rows(tmp_path / "absent.json")


def test_the_hash_covers_local_rows(tmp_path: Path) -> None:
    assert evidence_sha256() != evidence_sha256(local_file(tmp_path))


def test_the_packaged_file_follows_its_schema() -> None:
    jsonschema.validate(
        {"schema": "ifspace-evidence/1", "rows": dump_rows(published_rows())}, evidence_schema()
    )


@pytest.mark.parametrize(
    ("value_mm", "u95_mm", "relation"),
    [
        (13.0, 1.9, Relation.AT_OR_BELOW),
        (13.0, 2.0, Relation.AT_OR_BELOW),
        (13.0, 2.1, Relation.WITHIN_UNCERTAINTY),
        (15.0, 0.1, Relation.WITHIN_UNCERTAINTY),
        (17.0, 2.0, Relation.ABOVE),
        (16.9, 2.0, Relation.WITHIN_UNCERTAINTY),
    ],
)
def test_a_value_within_its_uncertainty_of_a_cutoff_is_on_neither_side(
    value_mm: float, u95_mm: float, relation: Relation
) -> None:
    assert relation_to(value_mm, u95_mm, 15.0) is relation


@pytest.mark.parametrize(
    ("value_mm", "position"),
    [
        (12.9, Position.AT_OR_BELOW_SYMPTOMATIC_MEAN),
        (13.0, Position.AT_OR_BELOW_SYMPTOMATIC_MEAN),
        (18.0, Position.BETWEEN),
        (23.0, Position.AT_OR_ABOVE_CONTROL_MEAN),
    ],
)
def test_the_position_between_the_group_means(value_mm: float, position: Position) -> None:
    assert position_between(value_mm, 13.0, 23.0) is position


def test_a_measured_space_is_laid_beside_every_cutoff_of_its_kind() -> None:
    panel = choose_panel(published_rows(), age_years=47.0)
    space = assess_space(distance(16.2, 1.3), panel)
    relations = {item.published.evidence_id: item.relation for item in space.comparisons}
    assert relations == {
        "singer_2015_meta_ifs": Relation.WITHIN_UNCERTAINTY,
        "torriani_2009_cutoffs_secondary": Relation.WITHIN_UNCERTAINTY,
        "tosun_2012_cutoffs_secondary": Relation.AT_OR_BELOW,
    }
    assert studies_disagree(space.comparisons)
    assert space.reference is not None
    assert space.reference.position is Position.BETWEEN


def test_what_was_not_measured_is_compared_with_nothing() -> None:
    missing = NotMeasured(Kind.IFS, Side.LEFT, Reason.MARK_MISSING, "not placed")
    space = assess_space(missing, choose_panel(published_rows(), age_years=47.0))
    assert space.comparisons == ()
    assert space.reference is None


def test_no_reference_without_both_means() -> None:
    half = PublishedValue("x", Kind.IFS, "c", "l", "r", "p", cases_mean_mm=13.0)
    assert reference_for(distance(13.0, 1.0), half) is None
    assert reference_for(distance(13.0, 1.0), None) is None


def test_studies_that_say_the_same_do_not_disagree() -> None:
    published = PublishedValue("x", Kind.IFS, "c", "l", "r", "p", cutoff_mm=15.0)
    same = [Comparison(published, 15.0, Relation.ABOVE)] * 2
    assert not studies_disagree(same)
    assert not studies_disagree([])
