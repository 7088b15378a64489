"""Both surfaces of a cortex on rays: what ends the marrow, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from ifspace.landmarks.borders.surfaces import Strip, best_path, rewards, thickness_samples

STEP_MM = 0.3
RAYS = 24
MARROW, CORTEX, MUSCLE, FAT = 1.0, 0.0, 0.25, 1.1


def outer_mm(borders: list[tuple[float, float]], *, fade_mm: float = 0.0) -> float:
    """Find the outer surface on rays along which each (place in mm, signal up to there) follows.

    The first tissue fades into the second one over `fade_mm`.
    """
    at = np.arange(0.0, 25.0, STEP_MM)
    ends = np.array([end for end, _ in borders])
    values = np.array([value for _, value in borders])
    line = values[np.minimum(np.searchsorted(ends, at, side="right"), len(values) - 1)]
    if fade_mm:
        share = np.clip((at - (ends[0] - fade_mm)) / fade_mm, 0.0, 1.0)
        line = np.where(at < ends[0], values[0] + share * (values[1] - values[0]), line)
    line = ndi.gaussian_filter1d(line, 0.5 / STEP_MM)
    noise = np.random.default_rng(1).normal(0.0, 0.03, (1, RAYS, len(at)))
    last = np.full((1, RAYS), len(at) - 1, np.intp)
    strip = Strip(line + noise, np.array([MUSCLE]), STEP_MM, last)
    thicknesses = thickness_samples(STEP_MM, 4.0)
    path = best_path(rewards(strip, thicknesses), thicknesses)
    return float(np.median(path.outer)) * STEP_MM


@pytest.mark.parametrize("fade_mm", [0.0, 2.0, 4.0, 6.0, 8.0])
def test_marrow_that_fades_towards_an_oblique_cortex_ends_at_the_cortex(fade_mm: float) -> None:
    found = outer_mm([(12.0, MARROW), (13.0, CORTEX), (25.0, MUSCLE)], fade_mm=fade_mm)
    assert found == pytest.approx(13.0, abs=0.6)


def test_a_cortex_with_a_layer_of_fat_outside_is_not_passed() -> None:
    found = outer_mm([(12.0, MARROW), (13.5, CORTEX), (16.5, FAT), (25.0, MUSCLE)])
    assert found == pytest.approx(13.5, abs=0.7)


def test_a_thin_cortex_with_fat_and_another_dark_line_is_not_passed() -> None:
    borders = [(12.0, MARROW), (13.2, CORTEX), (16.0, FAT), (17.5, CORTEX), (25.0, MUSCLE)]
    assert outer_mm(borders) == pytest.approx(13.2, abs=0.7)
