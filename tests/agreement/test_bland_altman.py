"""Limits of agreement against the worked examples of 1986 and 1999."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ifspace.agreement.bland_altman import bland_altman
from ifspace.agreement.precision import SDC_FACTOR, precision
from ifspace.statistics import Estimate, NotEstimable

# Bland and Altman, Lancet 1986: peak flow of 17 subjects (l/min), first readings of both meters
# and the second reading of the large one.
WRIGHT = np.array(
    [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], float
)
WRIGHT_AGAIN = np.array(
    [490, 397, 512, 401, 470, 611, 415, 431, 638, 429, 420, 633, 275, 492, 165, 372, 421], float
)
MINI = np.array(
    [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], float
)
SUBJECTS = np.arange(17)


def test_the_peak_flow_example_of_1986_comes_out_to_the_printed_digits():
    found = bland_altman(WRIGHT, MINI, SUBJECTS, limit_sds=2.0)
    bias, sd = round(found.bias_mm.value, 1), round(found.sd_mm, 1)
    assert (bias, sd) == (-2.1, 38.8)
    # The paper takes its limits from the rounded figures; ours stay unrounded until printed.
    assert (round(bias - 2 * sd, 1), round(bias + 2 * sd, 1)) == (-79.7, 75.5)
    assert found.lower_limit_mm.value == pytest.approx(-79.7, abs=0.1)
    assert found.upper_limit_mm.value == pytest.approx(75.5, abs=0.1)
    interval = found.bias_mm.interval
    assert (round(interval.low, 1), round(interval.high, 1)) == (-22.0, 17.8)


def blood_pressure(observer: str) -> np.ndarray:
    """Three readings of 85 subjects by one observer, mmHg: table 1 of Bland and Altman 1999."""
    path = Path(__file__).with_name("blood_pressure_1999.csv")
    with path.open(newline="") as file:
        return np.array(
            [[float(row[f"{observer}{n}"]) for n in (1, 2, 3)] for row in csv.DictReader(file)]
        )


def test_the_blood_pressure_example_of_1999_comes_out_to_the_printed_digits():
    # Section 2: observer J and the monitor S, first reading of each.
    observer, monitor = blood_pressure("J")[:, 0], blood_pressure("S")[:, 0]
    found = bland_altman(observer, monitor, np.arange(85))
    assert (round(found.bias_mm.value, 2), round(found.sd_mm, 2)) == (-16.29, 19.61)
    assert (round(found.lower_limit_mm.value, 1), round(found.upper_limit_mm.value, 1)) == (
        -54.7,
        22.1,
    )
    bias = found.bias_mm.interval
    assert (round(bias.low, 1), round(bias.high, 1)) == (-20.5, -12.1)
    # The paper rounds the factor of the standard error to 1.71 and t to 1.99.
    assert found.lower_limit_mm.interval.low == pytest.approx(-61.9, abs=0.1)
    assert found.lower_limit_mm.interval.high == pytest.approx(-47.5, abs=0.1)
    assert found.upper_limit_mm.interval.low == pytest.approx(14.9, abs=0.1)
    assert found.upper_limit_mm.interval.high == pytest.approx(29.3, abs=0.11)


@pytest.mark.parametrize(
    ("observer", "variance", "coefficient"), [("J", 37.408, 16.95), ("S", 83.141, 25.27)]
)
def test_repeatability_of_the_blood_pressure_example_comes_out(observer, variance, coefficient):
    # Section 4: variance within subjects, and 1.96 * sqrt 2 times its root.
    found = precision(blood_pressure(observer), np.arange(85))
    assert round(found.sem_agreement_mm.value**2, 3) == variance
    assert found.sdc_agreement_mm.value == pytest.approx(coefficient, abs=0.01)


def test_repeatability_of_the_large_meter_is_the_sem_of_its_two_readings():
    # Lancet 1986: the standard deviation within subjects is that of the differences / sqrt 2.
    found = precision(np.column_stack([WRIGHT, WRIGHT_AGAIN]), SUBJECTS)
    expected = np.std(WRIGHT - WRIGHT_AGAIN, ddof=1) / np.sqrt(2.0)
    assert found.sem_consistency_mm.value == pytest.approx(expected)
    assert found.sdc_consistency_mm.value == pytest.approx(1.959964 * np.sqrt(2.0) * expected)


def test_the_factor_of_the_smallest_detectable_change_is_1_96_root_2():
    assert pytest.approx(2.7718, abs=1e-4) == SDC_FACTOR


def test_a_difference_that_grows_with_size_is_found():
    size = np.linspace(10.0, 30.0, 20)
    noise = np.tile([0.3, -0.3], 10)
    found = bland_altman(size * 1.1 + noise, size, np.arange(20)).proportional_bias
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.095, abs=0.01)
    assert found.p_value < 0.001


def test_a_difference_without_trend_is_not_called_one():
    size = np.linspace(10.0, 30.0, 20)
    noise = np.tile([0.3, -0.3], 10)
    found = bland_altman(size + noise, size, np.arange(20)).proportional_bias
    assert isinstance(found, Estimate)
    assert found.p_value > 0.05


def test_equal_readings_give_a_bias_of_zero_and_say_that_there_is_no_spread():
    values = np.array([10.0, 12.0, 18.0, 25.0])
    found = bland_altman(values, values, np.arange(4))
    assert found.bias_mm.value == 0.0
    assert found.bias_mm.interval is None
    assert isinstance(found.proportional_bias, NotEstimable)
    assert found.proportional_bias.reason == "zero_variance"


def test_the_interval_of_a_limit_is_longer_on_its_outer_side_where_hips_are_clustered():
    random = np.random.default_rng(1)
    differences = random.normal(0.0, 1.5, 40)
    size = random.normal(20.0, 4.0, 40)
    found = bland_altman(size + differences, size, np.repeat(np.arange(20), 2))
    lower = found.lower_limit_mm
    assert lower.value - lower.interval.low > lower.interval.high - lower.value
