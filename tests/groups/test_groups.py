"""A table of cases and controls, from reading it to the files."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from ifspace import groups
from ifspace.errors import OutputError, UnreadableInputError
from ifspace.notice import NOTICE
from ifspace.statistics import Estimate, NotEstimable
from ifspace.tables import read_table

HEADER = ("case", "side", "kind", "value_mm", "symptoms", "patient_age_years", "patient_sex")


def rows(people=24, seed=1, prefix="P", age=None):
    random = np.random.default_rng(seed)
    for person in range(people):
        years = age if age is not None else int(random.integers(20, 70))
        case = person < people // 2
        base = random.normal(0.0, 3.0)
        for side in ("left", "right"):
            value = (14.0 if case else 23.0) + base + random.normal(0.0, 2.0)
            sex = "F" if person % 2 else "M"
            word = "yes" if case else "no"
            yield [f"{prefix}{person}", side, "ifs", round(max(value, 3), 2), word, years, sex]


@pytest.fixture
def table_of(tmp_path):
    def write(held, name="table.csv", header=HEADER):
        path = tmp_path / name
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *held])
        return path

    return write


def study(path, earlier=None, cases=None):
    held = groups.groups_from_table(read_table(path), "symptoms", cases)
    return groups.compare_groups(held, earlier)


def test_cases_are_smaller_and_everything_is_given(table_of):
    found = study(table_of(rows())).spaces[0]
    assert found.difference_mm.value < -5.0
    assert found.auc.value > 0.9
    assert found.cases.persons == 12
    assert {item.name for item in found.subgroups} >= {"female", "male"}
    assert set(found.adjusted.coefficients) == {
        "group (cases minus controls)",
        "age, per ten years",
        "female",
    }


def test_several_readings_of_a_hip_are_averaged_and_counted(table_of):
    held = [*rows(), ["P0", "left", "ifs", 30.0, "yes", 40, "M"]]
    table = groups.groups_from_table(read_table(table_of(held)), "symptoms")
    assert table.averaged == 1
    first = next(item for item in table.values if item.hip.case == "P0")
    assert first.value_mm == pytest.approx((next(iter(rows()))[3] + 30.0) / 2.0)


def test_text_in_a_number_column_costs_its_row_and_is_named(table_of):
    held = list(rows())
    held[3][3] = "wide"
    found = study(table_of(held))
    assert [(item.row, item.reason) for item in found.table.problems] == [(5, "not_a_number")]
    assert not found.is_complete


def test_a_hip_in_both_groups_is_named(table_of):
    held = [*rows(), ["P0", "left", "ifs", 14.0, "no", 40, "M"]]
    table = study(table_of(held)).table
    assert [(item.row, item.reason) for item in table.problems] == [
        (2, "group_contradicted"),
        (50, "group_contradicted"),
    ]
    assert ("P0", "left") not in {(item.hip.case, item.hip.side) for item in table.values}


def test_groups_that_do_not_speak_for_themselves_have_to_be_named(table_of):
    held = [[*row[:4], {"yes": "north", "no": "south"}[row[4]], *row[5:]] for row in rows()]
    path = table_of(held)
    with pytest.raises(UnreadableInputError, match="--cases"):
        study(path)
    assert study(path, cases="north").table.control_name == "south"


@pytest.mark.parametrize(
    ("words", "message"), [(("yes", "yes"), "1 group "), (("yes", "perhaps"), "3 groups")]
)
def test_other_than_two_groups_are_refused(table_of, words, message):
    held = list(rows())
    if words[1] == "yes":
        held = [[*row[:4], "yes", *row[5:]] for row in held]
    else:
        held[0][4] = "perhaps"
    with pytest.raises(UnreadableInputError, match=message):
        study(table_of(held))


def test_a_missing_column_is_named(table_of):
    with pytest.raises(UnreadableInputError, match="no column pain"):
        groups.groups_from_table(read_table(table_of(rows())), "pain")


def test_a_group_of_two_hips_gives_the_rest(table_of):
    found = study(table_of([row for row in rows() if row[4] == "no" or row[0] == "P0"])).spaces[0]
    assert isinstance(found.auc, NotEstimable)
    assert isinstance(found.optimal, NotEstimable)
    assert found.controls.hips == 24


def test_children_are_measured_by_paediatric_cutoffs_only(table_of):
    found = study(table_of(rows(age=10))).spaces[0]
    assert [item.accuracy.cutoff_mm for item in found.published] == [14.9]


def test_an_earlier_cutoff_is_refused_on_the_table_that_chose_it(table_of, tmp_path):
    path = table_of(rows())
    groups.write_groups(study(path), tmp_path / "first")
    earlier = groups.read_earlier(tmp_path / "first" / "groups.json")
    found = study(path, earlier).spaces[0]
    assert isinstance(found.earlier, NotEstimable)
    assert found.earlier.reason == "cutoff_chosen_on_these_data"


def test_an_earlier_cutoff_is_refused_where_one_person_took_part_in_choosing_it(table_of, tmp_path):
    groups.write_groups(study(table_of(rows())), tmp_path / "first")
    earlier = groups.read_earlier(tmp_path / "first" / "groups.json")
    others = [*rows(prefix="Q", seed=2), ["P3", "left", "ifs", 14.0, "yes", 40, "M"]]
    found = study(table_of(others, "second.csv"), earlier).spaces[0]
    assert isinstance(found.earlier, NotEstimable)
    assert found.earlier.reason == "cutoff_chosen_on_these_persons"


def test_an_earlier_cutoff_is_measured_unchanged_on_other_persons(table_of, tmp_path):
    first = study(table_of(rows()))
    groups.write_groups(first, tmp_path / "first")
    earlier = groups.read_earlier(tmp_path / "first" / "groups.json")
    found = study(table_of(rows(prefix="Q", seed=2), "second.csv"), earlier).spaces[0]
    assert found.earlier.accuracy.cutoff_mm == first.spaces[0].optimal.apparent.cutoff_mm
    assert isinstance(found.earlier.accuracy.sensitivity, Estimate)


def test_another_file_is_no_earlier_comparison(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"spaces": 3}')
    with pytest.raises(UnreadableInputError, match="that compare-groups wrote"):
        groups.read_earlier(path)


def test_files_are_written_twice_alike_and_never_over_older_ones(table_of, tmp_path):
    found = study(table_of(rows()))
    for name in ("one", "two"):
        groups.write_groups(found, tmp_path / name)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert {"groups.json", "groups.pdf", "roc_ifs.svg", "values_ifs.png"} <= names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        groups.write_groups(found, tmp_path / "one")


def test_the_file_names_no_person_and_carries_the_notice(table_of):
    data = groups.groups_to_json(study(table_of(rows(prefix="Doe"))))
    text = json.dumps(data, allow_nan=False)
    assert "Doe" not in text
    assert data["notice"] == NOTICE
    assert data["spaces"]["ifs"]["optimal"]["validated"] is False


def test_hips_that_do_not_differ_give_no_interval_and_no_cut_off(table_of):
    found = study(table_of([[*row[:3], 15.0, *row[4:]] for row in rows()]))
    space = found.spaces[0]
    assert space.difference_mm.value == 0.0
    assert space.difference_mm.interval is None
    assert "do not differ" in space.difference_mm.note
    for missing in (space.auc, space.optimal, space.adjusted):
        assert isinstance(missing, NotEstimable)
        assert missing.reason == "zero_variance"
    assert not found.is_complete


def test_groups_without_spread_inside_have_a_difference_without_interval(table_of):
    held = [[*row[:3], 10.0 if row[4] == "yes" else 20.0, *row[4:]] for row in rows()]
    space = study(table_of(held)).spaces[0]
    assert space.difference_mm.value == -10.0
    assert space.difference_mm.interval is None


def test_a_slipped_length_costs_its_row(table_of):
    held = [*rows(), ["P99", "left", "ifs", "1e200", "yes", 40, "M"]]
    assert [item.reason for item in study(table_of(held)).table.problems] == ["not_a_length"]
