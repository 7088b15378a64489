from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import PLAIN, make_volume, pixel_lps_mm

from ifspace.caveats import caveats, narrow_spaces
from ifspace.evidence import assess_space, choose_panel, published_rows
from ifspace.geometry import Segment
from ifspace.model import (
    FlagCode,
    Kind,
    LevelValue,
    Mark,
    MarkName,
    MarkState,
    Measurement,
    NotMeasured,
    Reason,
    Session,
    Severity,
    Side,
)
from ifspace.workflow import assess

NEUTRAL = Session(
    series_instance_uid="1.2.2", acquisition={"hip_rotation": "neutral", "knee_bolster": "no"}
)


def outcome(value_mm: float = 15.0, **fields: object) -> Measurement:
    base = Measurement(
        kind=Kind.IFS,
        side=Side.LEFT,
        value_mm=value_mm,
        u95_mm=2.0,
        segment=Segment(np.zeros(3), np.array([value_mm, 0.0, 0.0])),
        slice_index=3,
        method="marks/1",
        state=MarkState.CONFIRMED,
        marks=(),
    )
    return replace(base, **fields)


def codes(session: Session = NEUTRAL, *outcomes: Measurement, **series: object) -> set[str]:
    flags = caveats(make_volume(PLAIN, **series), session, outcomes)
    assert all(isinstance(flag.code, FlagCode) for flag in flags)
    return {flag.code for flag in flags}


def test_a_neutral_adult_without_findings_has_no_caveat() -> None:
    assert codes() == set()


@pytest.mark.parametrize(
    ("acquisition", "expected"),
    [
        ({}, {"hip_position_unknown", "knee_bolster_unknown"}),
        ({"hip_rotation": "unknown", "knee_bolster": "no"}, {"hip_position_unknown"}),
        ({"hip_rotation": "external", "knee_bolster": "no"}, {"hip_rotated"}),
        ({"hip_rotation": "neutral", "knee_bolster": "yes"}, {"knee_bolster"}),
    ],
)
def test_position_is_said_apart_from_the_uncertainty(
    acquisition: dict[str, str], expected: set[str]
) -> None:
    assert codes(replace(NEUTRAL, acquisition=acquisition)) == expected


def test_an_unknown_patient_position_is_said_unless_the_reader_knows_it() -> None:
    assert codes(patient_position=None) == {"patient_position_unknown"}
    told = replace(NEUTRAL, acquisition={**NEUTRAL.acquisition, "patient_position": "prone"})
    assert codes(told, patient_position=None) == set()


@pytest.mark.parametrize("position", [None, "LFS", "HFDL"])
def test_a_result_says_an_unknown_patient_position_once(position: str | None) -> None:
    flags = assess(make_volume(PLAIN, patient_position=position), Session()).flags
    assert [flag.code for flag in flags].count(FlagCode.PATIENT_POSITION_UNKNOWN) == 1


@pytest.mark.parametrize(
    ("age_years", "expected"), [(None, {"age_unknown"}), (17.9, {"child"}), (18.0, set())]
)
def test_age_is_said_where_adult_values_do_not_apply(
    age_years: float | None, expected: set[str]
) -> None:
    assert codes(patient_age_years=age_years) == expected


@pytest.mark.parametrize("value_mm", [1.5, 56.0])
def test_an_unusual_distance_asks_to_check_the_marks(value_mm: float) -> None:
    assert "unusual_distance" in codes(NEUTRAL, outcome(value_mm))
    assert "unusual_distance" not in codes(NEUTRAL, outcome(20.0))


def test_unconfirmed_marks_are_said() -> None:
    assert "marks_not_confirmed" in codes(NEUTRAL, outcome(state=MarkState.PROPOSED))


def test_a_minimum_at_the_end_of_the_range_is_said() -> None:
    curve = (LevelValue(3, 15.0, 2.0), LevelValue(4, 16.0, 2.0))
    assert "minimum_at_range_end" in codes(
        NEUTRAL, outcome(curve=curve, minimum_at_range_end=True, second_best_mm=16.0)
    )


def test_a_slice_that_the_reader_chose_is_said_unless_the_level_is_known() -> None:
    assert "level_chosen_by_reader" in codes(NEUTRAL, outcome())
    known = replace(NEUTRAL, level_range={Side.LEFT: ("1.2.3.2", "1.2.3.4")})
    assert "level_chosen_by_reader" not in codes(known, outcome())


def test_a_slice_that_the_program_chose_is_not_called_the_readers() -> None:
    assert "level_chosen_by_reader" not in codes(NEUTRAL, outcome(state=MarkState.PROPOSED))


def test_what_was_not_measured_has_no_caveat_of_its_own() -> None:
    missing = NotMeasured(Kind.IFS, Side.LEFT, Reason.MARK_MISSING, "d")
    assert caveats(make_volume(PLAIN), NEUTRAL, (missing,)) == ()


def _mark(lift_mm: float) -> Mark:
    position = pixel_lps_mm(PLAIN, (3, 50, 70)) + np.array([0.0, 0.0, lift_mm])
    return Mark(MarkName.ISCHIUM_LATERAL, Side.LEFT, position)


def test_a_mark_beside_its_slice_is_said() -> None:
    assert "mark_between_slices" in codes(replace(NEUTRAL, marks=(_mark(0.8),)))
    assert "mark_between_slices" not in codes(replace(NEUTRAL, marks=(_mark(0.3),)))


def test_marks_that_took_no_part_are_said() -> None:
    marked = replace(NEUTRAL, marks=(_mark(0.0),))
    assert "marks_not_counted" not in codes(marked, outcome(slice_index=3))
    curve = (LevelValue(1, 15.0, 2.0), LevelValue(2, 16.0, 2.0))
    elsewhere = outcome(slice_index=1, curve=curve, second_best_mm=16.0)
    found = [
        flag
        for flag in caveats(make_volume(PLAIN), marked, (elsewhere,))
        if flag.code == "marks_not_counted"
    ]
    assert [flag.slice_indices for flag in found] == [(3,)]
    assert "left ischiofemoral space on slice 4 were" in found[0].detail
    assert "marks_not_counted" not in codes(marked, replace(elsewhere, side=Side.RIGHT))


def test_marks_that_name_no_series_are_said() -> None:
    unbound = replace(NEUTRAL, series_instance_uid=None, marks=(_mark(0.0),))
    assert "series_not_checked" in codes(unbound)
    assert "series_not_checked" not in codes(replace(NEUTRAL, marks=(_mark(0.0),)))


def test_the_gravest_comes_first() -> None:
    flags = caveats(make_volume(PLAIN, patient_age_years=None), Session(), (outcome(),))
    order = [list(Severity).index(flag.severity) for flag in flags]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize(
    ("age_years", "value_mm", "said"),
    [
        (47.0, 11.0, "in 250 hips without symptoms"),
        (9.0, 9.0, "4 of 12 children's hips"),
        (47.0, 24.0, None),
    ],
)
def test_beside_a_narrow_space_stands_that_narrow_spaces_occur_without_symptoms(
    age_years: float, value_mm: float, said: str | None
) -> None:
    panel = choose_panel(published_rows(), age_years=age_years)
    series = make_volume(PLAIN, patient_age_years=age_years).series
    flags = list(narrow_spaces(series, [assess_space(outcome(value_mm), panel)]))
    assert [flag.code for flag in flags] == (["narrow_without_symptoms"] if said else [])
    assert all(said in flag.detail for flag in flags)
