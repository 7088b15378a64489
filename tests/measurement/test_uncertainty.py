from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm

from ifspace.geometry import Segment
from ifspace.measurement import measure_space
from ifspace.measurement.uncertainty import (
    Budget,
    RepeatSpread,
    half_width_95_mm,
    repeat_spread,
    smallest_of_several,
    welch_satterthwaite,
)
from ifspace.model import Kind, Mark, MarkName, Measurement, Session, Side, UncertaintyPart


def test_the_budget_adds_pixels_and_reader_in_quadrature() -> None:
    plane = make_volume(PLAIN).slices[0].plane
    segment = Segment(np.zeros(3), np.array([15.0, 0.0, 0.0]))
    parts, freedom = Budget().parts(Kind.IFS, segment, plane)
    assert [part.standard_mm for part in parts] == pytest.approx(
        [0.6 / np.sqrt(12), 0.6 / np.sqrt(12), 0.96]
    )
    assert np.isinf(freedom)
    expected = 1.959964 * np.sqrt(2 * 0.03 + 0.96**2)
    assert half_width_95_mm(parts) == pytest.approx(expected, rel=1e-6)


def test_each_space_has_its_own_reader_spread() -> None:
    part, _ = Budget().reader(Kind.QFS, 1)
    assert part.standard_mm == pytest.approx(1.05)
    mean_of_four, _ = Budget().reader(Kind.QFS, 4)
    assert mean_of_four.standard_mm == pytest.approx(0.525)


def test_own_repeats_are_pooled_with_the_default_by_their_degrees_of_freedom() -> None:
    budget = Budget({Kind.IFS: RepeatSpread(0.5, 3)})
    part, freedom = budget.reader(Kind.IFS, 1)
    assert freedom == 15
    assert part.standard_mm == pytest.approx(np.sqrt((12 * 0.96**2 + 3 * 0.25) / 15))
    assert half_width_95_mm([part], freedom) == pytest.approx(
        part.standard_mm * stats.t.ppf(0.975, 15)
    )


def test_the_luck_of_the_smallest_is_what_simulation_finds() -> None:
    values, standards = np.array([15.0, 15.4, 16.0, 18.0]), np.array([1.0, 1.1, 0.9, 1.0])
    draws = np.random.default_rng(4).normal(values, standards, (200_000, 4)).min(axis=1)
    assert smallest_of_several(values, standards) == pytest.approx(15.0 - draws.mean(), abs=0.01)
    assert smallest_of_several([15.0, 40.0], [1.0, 1.0]) == pytest.approx(0.0, abs=1e-3)


def _covered(levels_mm: list[float], readings: int, seed: int) -> float:
    """Share of 1000 simulated studies whose interval holds the smallest true distance."""
    rng = np.random.default_rng(seed)
    volume, hits = make_volume(PLAIN), 0
    for _ in range(1000):
        marks = []
        for k, truth_mm in enumerate(levels_mm):
            for _ in range(readings):
                true_ji = np.array([[50.0, 60.0], [50.0, 60.0 + truth_mm / 0.6]])
                noise_mm = rng.normal(0.0, 0.96 / np.sqrt(2), (2, 2)) / [0.8, 0.6]
                points = [pixel_lps_mm(PLAIN, (k, *ji)) for ji in np.round(true_ji + noise_mm)]
                names = (MarkName.ISCHIUM_LATERAL, MarkName.LESSER_TROCHANTER_MEDIAL)
                marks += [Mark(n, Side.LEFT, p) for n, p in zip(names, points, strict=True)]
        outcome = measure_space(volume, Session(marks=tuple(marks)), Kind.IFS, Side.LEFT)
        assert isinstance(outcome, Measurement)
        hits += abs(outcome.value_mm - min(levels_mm)) <= outcome.u95_mm
    return hits / 1000


@pytest.mark.parametrize("readings", [2, 3])
def test_repeat_readings_keep_the_coverage(readings: int) -> None:
    assert 0.93 <= _covered([14.0], readings, seed=7) <= 0.985


@pytest.mark.parametrize("slope_mm", [0.0, 0.5])
def test_the_smallest_of_several_slices_keeps_the_coverage(slope_mm: float) -> None:
    levels_mm = [14.0 + slope_mm * abs(k - 2) for k in range(5)]
    assert 0.92 <= _covered(levels_mm, 1, seed=9) <= 0.99


def test_the_effective_degrees_of_freedom_follow_welch_and_satterthwaite() -> None:
    # JCGM 100:2008 H.1.6: uc = 32 nm from 25 (18), 9.7 (25.6), 2.9 (50), 16.6 (2) gives 16.
    parts = [UncertaintyPart("", value, "") for value in (25.0, 9.7, 2.9, 16.6)]
    assert welch_satterthwaite(parts, [18, 25.6, 50, 2]) == pytest.approx(16.7, abs=0.1)
    assert np.isinf(welch_satterthwaite(parts, [np.inf] * 4))


def test_repeat_readings_are_pooled_within_sets() -> None:
    spread = repeat_spread([[10.0, 10.4], [20.0, 20.0, 20.3], [15.0]])
    assert spread is not None
    assert spread.degrees_of_freedom == 3
    assert spread.sem_mm == pytest.approx(np.sqrt((0.08 + 0.06) / 3))


@pytest.mark.parametrize("sets", [[], [[1.0]], [[2.0, 2.0]]])
def test_no_spread_without_repeats_that_differ(sets: list[list[float]]) -> None:
    assert repeat_spread(sets) is None


def _placed(
    rng: np.random.Generator, storage: Storage, true_ji: np.ndarray, noise_mm: float
) -> np.ndarray:
    """A reader's click: noise along both axes, then the pixel that the cursor snapped to."""
    spacing = np.array([storage.row_spacing_mm, storage.column_spacing_mm])
    clicked = true_ji + rng.normal(0.0, noise_mm, 2) / spacing
    return np.round(clicked)


@pytest.mark.parametrize(("kind", "sem_mm"), [(Kind.IFS, 0.96), (Kind.QFS, 1.05)])
def test_the_printed_interval_covers_the_truth_in_95_of_100_placements(
    kind: Kind, sem_mm: float
) -> None:
    """2000 placements at random places and angles; each end carries half the reader's variance."""
    rng = np.random.default_rng(20)
    volume = make_volume(PLAIN)
    plane = volume.slices[3].plane
    names = {
        Kind.IFS: (MarkName.ISCHIUM_LATERAL, MarkName.LESSER_TROCHANTER_MEDIAL),
        Kind.QFS: (MarkName.HAMSTRING_SUPEROLATERAL, MarkName.ILIOPSOAS_POSTEROMEDIAL),
    }[kind]
    covered = 0
    for _ in range(2000):
        start_ji = np.array([50.0, 60.0]) + rng.uniform(-5, 5, 2)
        angle, truth_mm = rng.uniform(-0.9, 0.9), rng.uniform(8.0, 28.0)
        along = np.array([np.sin(angle) / 0.8, np.cos(angle) / 0.6])
        ends_ji = [start_ji, start_ji + truth_mm * along]
        points = [
            pixel_lps_mm(PLAIN, (3, *_placed(rng, PLAIN, end, sem_mm / np.sqrt(2))))
            for end in ends_ji
        ]
        marks = tuple(Mark(n, Side.LEFT, p) for n, p in zip(names, points, strict=True))
        outcome = measure_space(volume, Session(marks=marks), kind, Side.LEFT)
        assert isinstance(outcome, Measurement)
        covered += abs(outcome.value_mm - truth_mm) <= outcome.u95_mm
    assert plane.row_spacing_mm == 0.8
    assert 0.93 <= covered / 2000 <= 0.97
