"""How clearly a cortex is seen, on profiles whose tissues are known."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.landmarks.borders.candidates import PROFILE_MM
from ifspace.landmarks.borders.clearness import clearness
from ifspace.landmarks.borders.edge import fit

MARROW, CORTEX, MUSCLE, FAT = 300.0, 10.0, 90.0, 350.0
POINTS = 9


def across(line: float, outside: float, layer_mm: float = 0.0) -> np.ndarray:
    """Signal across 2 mm of cortex that end at 0, blurred by half a millimetre."""
    fine = np.arange(-12.0, 8.0, 0.05)
    sharp = np.where(fine < -2.0, MARROW, np.where(fine < 0.0, line, outside))
    sharp[(fine >= 0.0) & (fine < layer_mm)] = FAT
    kernel = np.exp(-0.5 * (np.arange(-2.0, 2.01, 0.05) / 0.5) ** 2)
    soft = np.convolve(sharp, kernel / kernel.sum(), mode="same")
    return np.tile(np.interp(PROFILE_MM, fine, soft), (POINTS, 1))


def seen(signal: np.ndarray) -> float:
    values = clearness(
        signal,
        np.zeros(POINTS),
        np.full(POINTS, 2.0),
        marrow=MARROW,
        cortex=CORTEX,
        muscle=MUSCLE,
        step_mm=0.75,
    )
    return float(values.mean())


@pytest.mark.parametrize("outside", [MUSCLE, FAT])
def test_a_dark_line_below_marrow_and_muscle_or_fat_is_seen_fully(outside):
    assert seen(across(CORTEX, outside)) == pytest.approx(1.7, abs=0.05)


def test_a_step_from_marrow_to_muscle_without_a_line_is_half_seen():
    assert 0.7 < seen(across(MUSCLE, MUSCLE)) < 1.05


def test_a_line_with_something_darker_outside_is_no_cortex():
    # Cortex is the darkest tissue there is: an edge that stops in grey has stopped too early.
    assert seen(across(MUSCLE, CORTEX)) < 0.6


def test_even_tissue_shows_no_cortex():
    assert seen(np.full((POINTS, PROFILE_MM.size), MUSCLE)) == pytest.approx(0.0, abs=0.05)


def test_a_thin_layer_of_fat_makes_an_edge_surer():
    noise = np.random.default_rng(3).normal(0, 6.0, (POINTS, PROFILE_MM.size))
    cortex, thickness_mm = np.full(POINTS, CORTEX), np.full(POINTS, 2.0)
    plain_mm, layered_mm = (
        float(
            np.median(
                fit(signal + noise, thickness_mm, cortex=cortex, blur_mm=0.5).layered_sigma_mm
            )
        )
        for signal in (across(CORTEX, MUSCLE), across(CORTEX, MUSCLE, layer_mm=1.0))
    )
    assert layered_mm < 0.8 * plain_mm
