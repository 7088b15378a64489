"""ROC curves of hips that come in pairs."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.groups.roc import (
    accuracy,
    auc,
    auc_result,
    auc_variance,
    best_cutoff_mm,
    curve,
    optimal_cutoff,
)
from ifspace.groups.study import difference_mm
from ifspace.groups.table import Hips, HipValue
from ifspace.hips import Covariates, Hip
from ifspace.model import Kind, Side
from ifspace.statistics import Estimate, NotEstimable

VALUES = np.array([8.0, 10.0, 13.0, 15.0, 12.0, 15.0, 20.0, 22.0, 25.0])
CASES = np.array([True] * 4 + [False] * 5)
STRANGERS = np.arange(9)


def test_the_area_is_the_share_of_pairs_in_which_the_case_is_smaller():
    # Of 20 pairs: 13 and 15 lose to 12, 15 ties with 15: 17 wins and one half.
    assert auc(VALUES, CASES) == pytest.approx(17.5 / 20.0)


def test_the_variance_is_delongs_where_every_person_has_one_hip():
    wins = (VALUES[CASES][:, None] < VALUES[~CASES]) + 0.5 * (
        VALUES[CASES][:, None] == VALUES[~CASES]
    )
    delong = wins.mean(axis=1).var(ddof=1) / 4 + wins.mean(axis=0).var(ddof=1) / 5
    assert auc_variance(VALUES, CASES, STRANGERS) == pytest.approx(delong)


def test_doubling_every_hip_does_not_make_the_area_surer():
    doubled, cases = np.repeat(VALUES, 2), np.repeat(CASES, 2)
    persons = np.repeat(STRANGERS, 2)
    assert auc_variance(doubled, cases, persons) == pytest.approx(
        auc_variance(VALUES, CASES, STRANGERS)
    )


def test_groups_that_do_not_overlap_have_an_area_of_one_and_no_interval():
    found = auc_result(np.array([1.0, 2, 3, 7, 8, 9]), np.arange(6) < 3, np.arange(6))
    assert isinstance(found, Estimate)
    assert found.value == 1.0
    assert found.interval is None


def test_two_controls_are_too_few():
    found = auc_result(VALUES[:6], CASES[:6], STRANGERS[:6])
    assert isinstance(found, NotEstimable)
    assert found.reason == "too_few_hips"


def test_a_value_equal_to_the_cutoff_counts_as_below():
    found = accuracy(15.0, VALUES, CASES, STRANGERS)
    assert found.sensitivity.value == 1.0
    assert found.specificity.value == pytest.approx(3.0 / 5.0)


def test_the_best_cutoff_lies_half_way_to_the_next_value():
    # At 15: 4 of 4 cases below and 3 of 5 controls above. Nothing else does better than that ...
    # except 10, with 2 of 4 and 5 of 5 (sum 1.5 against 1.6).
    assert best_cutoff_mm(VALUES, CASES) == pytest.approx(17.5)


def test_the_curve_begins_at_nothing_and_ends_at_everything():
    steps = curve(VALUES, CASES)
    assert steps[0] == (0.0, 0.0)
    assert steps[-1] == (1.0, 1.0)


def test_the_best_cutoff_is_never_validated_by_the_data_that_chose_it():
    random = np.random.default_rng(3)
    cases = np.arange(60) < 30
    values = random.normal(20.0, 4.0, 60) - 4.0 * cases
    found = optimal_cutoff(values, cases, np.arange(60))
    assert found.validated is False
    assert "cannot validate" in found.statement
    apparent = found.apparent.sensitivity.value + found.apparent.specificity.value
    assert found.corrected_sensitivity + found.corrected_specificity < apparent


def test_a_cutoff_of_noise_is_corrected_towards_chance():
    random = np.random.default_rng(8)
    cases = np.arange(40) < 20
    youden = []
    for _ in range(12):
        found = optimal_cutoff(random.normal(20.0, 4.0, 40), cases, np.arange(40))
        youden.append(
            (
                found.apparent.sensitivity.value + found.apparent.specificity.value - 1.0,
                found.corrected_sensitivity + found.corrected_specificity - 1.0,
            )
        )
    apparent, corrected = np.mean(youden, axis=0)
    assert apparent > 0.1
    assert abs(corrected) < 0.5 * apparent


PERSONS = np.repeat(np.arange(50), 2)
OF_CASE = np.repeat(np.arange(50) < 25, 2)


def alike_hips(random):
    return 20.0 + 5.0 * (
        np.sqrt(0.7) * random.standard_normal(50)[PERSONS]
        + np.sqrt(0.3) * random.standard_normal(100)
    )


def test_the_clustered_interval_of_the_area_covers_95_percent_and_the_naive_one_does_not():
    random = np.random.default_rng(11)
    truth = 0.7602500  # Phi(1 / sqrt 2) for means one standard deviation apart
    clustered, naive = [], []
    for _ in range(3000):
        values = alike_hips(random) - 5.0 * OF_CASE
        found = auc_result(values, OF_CASE, PERSONS)
        clustered.append(found.interval.low <= truth <= found.interval.high)
        naive.append(found.ignoring_clusters.low <= truth <= found.ignoring_clusters.high)
    assert np.mean(clustered) == pytest.approx(0.95, abs=0.015)
    assert np.mean(naive) < 0.92


def test_the_clustered_interval_of_the_difference_covers_95_percent_and_the_naive_one_does_not():
    random = np.random.default_rng(12)
    clustered, naive = [], []
    for _ in range(600):
        values = alike_hips(random) - 5.0 * OF_CASE
        hips = Hips(
            tuple(
                HipValue(
                    Hip(f"{person}", f"{person}", side),
                    Kind.IFS,
                    value,
                    bool(case),
                    Covariates(),
                    None,
                )
                for person, value, case, side in zip(
                    PERSONS, values, OF_CASE, [Side.LEFT, Side.RIGHT] * 50, strict=True
                )
            )
        )
        found = difference_mm(hips)
        clustered.append(found.interval.low <= -5.0 <= found.interval.high)
        naive.append(found.ignoring_clusters.low <= -5.0 <= found.ignoring_clusters.high)
    assert np.mean(clustered) == pytest.approx(0.95, abs=0.02)
    assert np.mean(naive) < 0.90


def test_no_best_cutoff_is_chosen_where_none_beats_chance():
    values, cases = np.array([30.0, 31.0, 32.0, 10.0, 11.0, 12.0]), np.arange(6) < 3
    found = optimal_cutoff(values, cases, np.arange(6))
    assert isinstance(found, NotEstimable)
    assert found.reason == "no_separation"
