"""Two hips of one person are not two persons: what the clustered interval is for."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.agreement.bland_altman import bland_altman
from ifspace.agreement.icc import Model, single_result
from ifspace.statistics import jackknife

PERSONS = 30
TWO_HIPS = np.repeat(np.arange(PERSONS), 2)
SD_MM, HIPS_ALIKE = 1.5, 0.6


def differences(random: np.random.Generator) -> np.ndarray:
    """Differences of two readers that are alike in the two hips of a person."""
    shared = random.normal(0.0, np.sqrt(HIPS_ALIKE), PERSONS)[TWO_HIPS]
    own = random.normal(0.0, np.sqrt(1.0 - HIPS_ALIKE), 2 * PERSONS)
    return SD_MM * (shared + own)


def coverage(found: list[bool]) -> float:
    return float(np.mean(found))


@pytest.mark.slow
def test_the_clustered_interval_of_the_bias_covers_95_percent_and_the_naive_one_does_not():
    random = np.random.default_rng(20)
    means = lambda rows_of: lambda rows: float(rows_of[rows].mean())  # noqa: E731
    clustered, naive = [], []
    for _ in range(4000):
        d = differences(random)
        interval = jackknife(means(d), TWO_HIPS)
        clustered.append(interval.low <= 0.0 <= interval.high)
        half = 2.001 * d.std(ddof=1) / np.sqrt(len(d))
        naive.append(abs(d.mean()) <= half)
    assert coverage(clustered) == pytest.approx(0.95, abs=0.015)
    assert coverage(naive) < 0.92


@pytest.mark.slow
def test_the_clustered_interval_of_a_limit_of_agreement_covers_95_percent():
    random = np.random.default_rng(21)
    clustered, naive = [], []
    for _ in range(1500):
        size = random.normal(20.0, 5.0, 2 * PERSONS)
        found = bland_altman(size + differences(random), size, TWO_HIPS).lower_limit_mm
        truth = -1.96 * SD_MM
        clustered.append(found.interval.low <= truth <= found.interval.high)
        naive.append(found.ignoring_clusters.low <= truth <= found.ignoring_clusters.high)
    assert coverage(clustered) == pytest.approx(0.95, abs=0.015)
    assert coverage(naive) < 0.92


@pytest.mark.slow
def test_the_clustered_interval_of_the_icc_covers_95_percent():
    random = np.random.default_rng(22)
    clustered, naive = [], []
    truth = 25.0 / (25.0 + SD_MM**2)
    for _ in range(1500):
        hips = 5.0 * (
            np.sqrt(0.8) * random.standard_normal(PERSONS)[TWO_HIPS]
            + np.sqrt(0.2) * random.standard_normal(2 * PERSONS)
        )
        values = np.column_stack([hips + differences(random), hips + differences(random)])
        found = single_result(Model.CONSISTENCY, values, TWO_HIPS)
        clustered.append(found.interval.low <= truth <= found.interval.high)
        naive.append(found.ignoring_clusters.low <= truth <= found.ignoring_clusters.high)
    assert coverage(clustered) == pytest.approx(0.95, abs=0.015)
    assert coverage(naive) < 0.92
