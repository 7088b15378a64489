"""Intervals that leave out one person after the other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ifspace.statistics import Estimate, Interval, NotEstimable, jackknife, robust_line
from ifspace.statistics.clusters import (
    WIDER_METHOD,
    cluster_index,
    estimate,
    fisher_scale,
    is_clustered,
    spread_interval,
    with_interval,
)


def test_the_jackknife_of_a_mean_is_the_t_interval_of_the_person_means():
    values = np.array([1.0, 3.0, 2.0, 6.0, 4.0, 4.0, 7.0, 5.0])
    persons = np.repeat(np.arange(4), 2)
    interval = jackknife(lambda rows: float(values[rows].mean()), persons)
    means = values.reshape(4, 2).mean(axis=1)
    half = 3.182446 * means.std(ddof=1) / 2.0
    assert interval.low == pytest.approx(values.mean() - half, abs=1e-5)
    assert interval.high == pytest.approx(values.mean() + half, abs=1e-5)


def test_two_persons_give_no_interval_and_the_reason():
    found = jackknife(lambda rows: float(len(rows)), np.array([0, 0, 1, 1]))
    assert isinstance(found, NotEstimable)
    assert found.reason == "too_few_persons"


def test_a_line_through_exact_points_has_its_slope_and_no_test():
    x = np.arange(6.0)
    found = robust_line(np.column_stack([np.ones(6), x]), 2.0 + 0.5 * x, np.arange(6), ("a", "b"))
    assert found["b"].value == pytest.approx(0.5)


def test_effects_that_cannot_be_told_apart_are_not_given():
    x = np.arange(6.0)
    design = np.column_stack([np.ones(6), x, 2.0 * x])
    found = robust_line(design, x, np.arange(6), ("a", "b", "c"))
    assert isinstance(found["b"], NotEstimable)
    assert found["b"].reason == "not_identified"


def test_clusters_are_numbered_in_the_order_in_which_they_come():
    assert cluster_index(["P2", "P1", "P2", "P3"]).tolist() == [0, 1, 0, 2]
    assert is_clustered(cluster_index(["P2", "P1", "P2"]))
    assert not is_clustered(cluster_index(["P2", "P1"]))


def test_a_statistic_that_rests_on_one_person_has_no_interval():
    found = jackknife(lambda rows: 1.0 if 0 in rows else float("nan"), np.arange(4))
    assert isinstance(found, NotEstimable)
    assert found.reason == "rests_on_one_person"


@pytest.mark.parametrize("raters", [2, 3])
def test_fishers_scale_has_its_way_back(raters):
    scale = fisher_scale(raters)
    for value in (-0.3, 0.0, 0.7, 0.99):
        assert scale.back(scale.there(value)) == pytest.approx(value)
    assert fisher_scale(2).there(0.5) == pytest.approx(np.arctanh(0.5))


def test_the_interval_of_a_spread_without_clusters_is_about_that_of_chi_squared():
    # Equal steps of the probability: a normal sample without the chance of a draw.
    values = stats.norm.ppf((np.arange(200) + 0.5) / 200)
    found = spread_interval(
        lambda rows: float(values[rows].std(ddof=1)), np.arange(200), most_degrees=199.0
    )
    low, high = stats.chi2.ppf([0.975, 0.025], 199)
    sd = values.std(ddof=1)
    assert found.low == pytest.approx(sd * np.sqrt(199 / low), rel=0.02)
    assert found.high == pytest.approx(sd * np.sqrt(199 / high), rel=0.02)


def test_two_alike_hips_of_a_person_tell_no_more_of_a_spread_than_one():
    values = np.repeat(stats.norm.ppf((np.arange(12) + 0.5) / 12), 2)
    sd = lambda rows: float(values[rows].std(ddof=1))  # noqa: E731
    persons = spread_interval(sd, np.repeat(np.arange(12), 2), most_degrees=23.0)
    hips = spread_interval(sd, np.arange(24), most_degrees=23.0)
    assert persons.high - persons.low > hips.high - hips.low


@pytest.mark.parametrize(
    ("values", "persons", "reason"),
    [([1.0, 2.0], [0, 1], "too_few_persons"), ([1.0, 5.0, 5.0], [0, 1, 2], "rests_on_one_person")],
)
def test_a_spread_of_too_few_persons_is_not_given(values, persons, reason):
    rows_of = np.asarray(values)
    found = spread_interval(
        lambda rows: float(rows_of[rows].std(ddof=1)), np.asarray(persons), most_degrees=2.0
    )
    assert isinstance(found, NotEstimable)
    assert found.reason == reason


def test_one_hip_a_person_keeps_the_textbook_interval():
    naive = Interval(0.0, 2.0, "textbook")
    assert estimate(lambda _rows: 1.0, np.arange(5), naive=naive) == Estimate(1.0, naive)


def test_a_statistic_that_the_values_do_not_give_is_not_given():
    found = estimate(lambda _rows: float("nan"), np.arange(5))
    assert isinstance(found, NotEstimable)
    assert found.reason == "undefined"


def test_with_few_persons_the_wider_ends_are_reported():
    clustered, naive = Interval(-1.0, 1.0, "jackknife"), Interval(-0.5, 3.0, "textbook")
    few = with_interval(0.0, clustered, naive, np.repeat(np.arange(4), 2))
    assert few.interval == Interval(-1.0, 3.0, WIDER_METHOD)
    many = with_interval(0.0, clustered, naive, np.repeat(np.arange(10), 2))
    assert many.interval == clustered
    assert many.ignoring_clusters == naive


def test_a_value_without_interval_says_why():
    found = with_interval(1.0, NotEstimable("too_few_persons", "2 persons"), None, np.arange(2))
    assert found.interval is None
    assert found.note == "no interval: 2 persons"


def test_a_line_of_one_row_a_person_has_the_p_value_of_the_jackknife():
    x = np.arange(12.0)
    y = 0.5 * x + np.tile([0.4, -0.4, 0.1], 4)
    design = np.column_stack([np.ones(12), x])
    found = robust_line(design, y, np.arange(12), ("a", "b"))["b"]
    slopes = [np.polyfit(np.delete(x, n), np.delete(y, n), 1)[0] for n in range(12)]
    error = np.sqrt(11 / 12 * np.sum((np.asarray(slopes) - found.value) ** 2))
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.value / error, 11))
    half = stats.t.ppf(0.975, 11) * error
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (found.value - half, found.value + half)
    )
    assert found.ignoring_clusters is None


def test_a_line_through_two_hips_of_few_persons_is_no_surer_than_the_textbook_says():
    x = np.arange(8.0)
    y = x + np.tile([0.5, -0.5], 4)
    design = np.column_stack([np.ones(8), x])
    found = robust_line(design, y, np.repeat(np.arange(4), 2), ("a", "b"))["b"]
    line = stats.linregress(x, y)
    half = stats.t.ppf(0.975, 6) * line.stderr
    naive = found.ignoring_clusters
    assert (naive.low, naive.high) == pytest.approx((line.slope - half, line.slope + half))
    assert found.interval.low <= naive.low
    assert found.interval.high >= naive.high
    assert found.p_value >= line.pvalue * (1 - 1e-9)


def test_fewer_persons_than_a_line_has_coefficients_give_none():
    design = np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]])
    found = robust_line(design, np.arange(4.0), np.array([0, 0, 1, 1]), ("a", "b"))
    assert isinstance(found["a"], NotEstimable)
    assert found["a"].reason == "too_few_persons"


def test_an_effect_that_one_person_alone_shows_has_no_interval():
    design = np.column_stack([np.ones(4), [0.0, 0.0, 0.0, 1.0]])
    found = robust_line(design, np.array([1.0, 2.0, 3.0, 9.0]), np.arange(4), ("a", "b"))["b"]
    assert found.value == pytest.approx(7.0)
    assert found.interval is None
    assert "single person" in found.note
