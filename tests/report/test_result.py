import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from ifspace.errors import UnreadableInputError
from ifspace.model import AssessedSpace, Kind, MarkState, NotMeasured, Reason, Side
from ifspace.report import (
    read_result,
    result_from_json,
    result_schema,
    result_to_json,
    validate_result,
)


def through_a_file(result):
    return json.loads(json.dumps(result_to_json(result), allow_nan=False))


def comparable(value):
    """Make two results comparable: arrays as lists, and no source paths."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): comparable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(item) for item in value]
    return "" if isinstance(value, Path) else value


def test_the_file_passes_its_schema_in_an_independent_validator(make_result):
    schema = result_schema()
    Draft202012Validator.check_schema(schema)
    result = make_result(missing=((Kind.QFS, Side.LEFT),))
    assert list(Draft202012Validator(schema).iter_errors(through_a_file(result))) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("outcomes", 0, "value_mm"), -1.0),
        (("outcomes", 0, "value_mm"), "13.0"),
        (("outcomes", 0, "side"), "lateral"),
        (("outcomes", 3, "reason"), "no idea"),
        (("outcomes", 0, "comparisons", 0, "relation"), "below"),
        (("outcomes", 0, "reference", "position"), "ill"),
        (("schema",), "ifspace-result/9"),
    ],
)
def test_both_validators_refuse_what_the_contract_does_not_know(make_result, path, value):
    data = through_a_file(make_result(missing=((Kind.QFS, Side.LEFT),)))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(Draft202012Validator(result_schema()).iter_errors(data))
    assert validate_result(data)


def test_the_reasons_of_the_schema_are_the_closed_list(make_result):
    assert set(result_schema()["$defs"]["Reason"]["enum"]) == {item.value for item in Reason}


def test_the_fields_of_the_contract_are_there(make_result):
    data = through_a_file(make_result(missing=((Kind.QFS, Side.LEFT),)))
    assert data["schema"] == "ifspace-result/1"
    assert data["software"]["name"] == "ifspace"
    assert data["study"]["patient_age_years"] == 47.0
    assert data["geometry"] == {
        "row_spacing_mm": 1.2,
        "column_spacing_mm": 0.8,
        "slice_step_mm": 4.4,
        "spacing_source": "PixelSpacing",
    }
    right_ifs = data["outcomes"][0]
    assert (right_ifs["kind"], right_ifs["side"], right_ifs["status"]) == (
        "ifs",
        "right",
        "measured",
    )
    assert right_ifs["value_mm"] == 13.0
    assert right_ifs["start_lps_mm"] == [-52.0, 58.0, -190.0]
    assert right_ifs["comparisons"][0] == {
        "evidence_id": "singer_2015_meta_ifs",
        "cutoff_mm": 15.0,
        "relation": "at_or_below",
    }
    assert right_ifs["reference"]["position"] == "at_or_below_symptomatic_mean"
    assert [point["slice_index"] for point in right_ifs["curve"]] == [1, 2, 3]
    assert data["outcomes"][3] == {
        "kind": "qfs",
        "side": "left",
        "status": "not_measured",
        "reason": "mark_missing",
        "detail": "hamstring_superolateral is not placed",
    }
    assert data["session"]["schema"] == "ifspace-session/2"


def test_a_space_without_a_headline_keeps_the_slices_that_were_read(make_result):
    result = make_result()
    left_ifs = result.spaces[2].outcome
    assert left_ifs.curve
    kept = NotMeasured(
        Kind.IFS, Side.LEFT, Reason.LOW_CONFIDENCE, "at most 21.8 mm", left_ifs.curve
    )
    spaces = (*result.spaces[:2], AssessedSpace(kept), *result.spaces[3:])
    data = through_a_file(replace(result, spaces=spaces))
    assert list(Draft202012Validator(result_schema()).iter_errors(data)) == []
    assert "value_mm" not in data["outcomes"][2]
    assert result_from_json(data).spaces[2].outcome == kept


def test_a_missing_number_is_absent(make_result, make_volume):
    volume = make_volume(patient_age_years=None, slice_thickness_mm=None)
    text = json.dumps(through_a_file(make_result(volume, slice_step_mm=None)))
    assert "patient_age_years" not in text
    assert "slice_thickness_mm" not in text
    assert "slice_step_mm" not in json.loads(text)["geometry"]


def test_the_value_is_not_rounded(make_result):
    left_ifs = through_a_file(make_result())["outcomes"][2]
    assert left_ifs["value_mm"] == pytest.approx(21.840329667841555, abs=1e-12)


def test_a_result_comes_back_as_it_was(make_result):
    result = make_result(state=MarkState.CONFIRMED, signed=True, missing=((Kind.QFS, Side.LEFT),))
    again = result_from_json(through_a_file(result))
    assert comparable(asdict(again)) == comparable(asdict(result))
    assert again.is_final
    assert through_a_file(again) == through_a_file(result)


def test_a_result_of_an_image_file_without_uids_comes_back(make_result, make_volume):
    volume = make_volume(
        study_instance_uid=None,
        series_instance_uid=None,
        frame_of_reference_uid=None,
        file_format="MHA",
        patient_position=None,
    )
    data = through_a_file(make_result(volume))
    assert data["study"]["series_instance_uid"] is None
    assert validate_result(data) == []
    assert result_from_json(data).series.file_format == "MHA"


CONTRADICTIONS = {
    "8.0 over the value": (
        lambda data: data["outcomes"][0].update(value_mm=8.0),
        "right IFS: value_mm is 8, but its end points lie",
    ),
    "points moved with the value": (
        lambda data: data["outcomes"][0].update(
            value_mm=8.0, start_lps_mm=[-40.0, 0.0, 0.0], end_lps_mm=[-48.0, 0.0, 0.0]
        ),
        "from its ischium_lateral",
    ),
    "a smaller slice": (
        lambda data: data["outcomes"][0]["curve"][0].update(value_mm=5.0),
        "the smallest of its slices is 5",
    ),
    "the slice of the headline": (
        lambda data: data["outcomes"][0].update(slice_index=1),
        "its slice does not have that value",
    ),
    "the second best": (
        lambda data: data["outcomes"][0].update(second_best_mm=40.0),
        "second_best_mm is 40",
    ),
    "a mark of the outcome": (
        lambda data: data["outcomes"][0]["marks"][0]["position_lps_mm"].__setitem__(0, 1.0),
        "not among the marks of the session",
    ),
    "a comparison": (
        lambda data: data["outcomes"][2]["comparisons"][0].update(relation="at_or_below"),
        "says at_or_below, the numbers say above",
    ),
    "a signed mark": (
        lambda data: data["session"]["marks"][0]["position_lps_mm"].__setitem__(1, 8.0),
        "changed after signing",
    ),
    "the version": (
        lambda data: data["software"].update(version="9.9.9"),
        "made with ifspace 0.1.0, and these numbers with 9.9.9",
    ),
    "a published value": (
        lambda data: [item.update(citation="?") for item in data["evidence"]["published"]],
        "other published values",
    ),
    "no signature": (lambda data: data["session"].pop("signature"), "nobody signed"),
    "a state": (
        lambda data: [
            mark.update(state="placed")
            for mark in (*data["outcomes"][0]["marks"], *data["session"]["marks"])
        ],
        "it is called confirmed, but a mark is placed",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_result_that_contradicts_itself_is_refused(make_result, change, sentence):
    data = through_a_file(make_result(state=MarkState.CONFIRMED, signed=True))
    assert validate_result(data) == []
    change(data)
    problems = validate_result(data)
    assert any(sentence in problem for problem in problems), problems
    with pytest.raises(UnreadableInputError, match="not a valid result"):
        result_from_json(data)


def test_a_result_whose_signature_has_no_hash_is_read_as_a_draft(make_result):
    data = through_a_file(make_result(state=MarkState.CONFIRMED, signed=True))
    del data["session"]["signature"]["sha256"]
    again = result_from_json(data)
    assert not again.is_final
    assert "a file of version 1" in again.flags[0].detail


def test_no_path_of_a_source_file_is_written(make_result):
    assert "slice0.dcm" not in json.dumps(through_a_file(make_result()))


def test_problems_are_plain_sentences_that_name_the_place(make_result):
    data = through_a_file(make_result())
    del data["outcomes"][0]["u95_mm"]
    assert validate_result(data) == ["outcomes.0.measured.u95_mm: field required"]
    with pytest.raises(UnreadableInputError, match="u95_mm"):
        result_from_json(data)


def test_a_comparison_with_an_unknown_study_is_named(make_result):
    data = through_a_file(make_result())
    data["outcomes"][0]["comparisons"][0]["evidence_id"] = "nobody_1999"
    assert validate_result(data) == ["outcomes.0: 'nobody_1999' is not among evidence.published"]


def test_a_broken_session_inside_is_named(make_result):
    data = through_a_file(make_result())
    data["session"]["marks"][0]["state"] = "sure"
    assert validate_result(data)[0].startswith("session: ")


@pytest.mark.parametrize("data", [None, [], "x", 3, {"schema": object()}])
def test_anything_else_is_refused_in_words(data):
    assert validate_result(data)


def test_not_a_number_is_refused(make_result):
    data = through_a_file(make_result())
    data["outcomes"][0]["value_mm"] = float("nan")
    assert validate_result(data)


def test_a_result_without_a_space_is_valid(make_result):
    result = replace(make_result(), spaces=())
    assert validate_result(through_a_file(result)) == []


def test_a_file_is_read_back(make_result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(through_a_file(make_result())))
    assert read_result(path).software_version == "0.1.0"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_a_file_that_is_no_result_is_refused_in_one_sentence(content, tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError) as caught:
        read_result(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        read_result(tmp_path / "result.json")
