"""The error of a label's border: seen where the cortex is clear, carried to where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.landmarks.labels.field import SeenBorder, fit_fields

ALONG_MM = np.arange(0.0, 20.0, 0.75)
STEP_MM = 5.0


def arc(k: int) -> np.ndarray:
    """Places along a straight border in slice k."""
    return np.stack([ALONG_MM, np.zeros_like(ALONG_MM), np.full_like(ALONG_MM, k * STEP_MM)], 1)


def fitted(offsets_mm, clearness):
    """Three slices, each with one offset and one clearness all along."""
    count = len(ALONG_MM)
    (field,) = fit_fields(
        [
            SeenBorder(
                np.vstack([arc(k) for k in range(3)]),
                np.repeat(np.array(offsets_mm, float), count),
                np.repeat(np.array(clearness, float), count),
            )
        ]
    )
    return field


def test_a_clear_border_is_moved_to_where_it_is_seen():
    offset, _ = fitted([1.0, 1.0, 1.0], [1.7, 1.7, 1.7]).at(arc(1))
    assert offset == pytest.approx(1.0, abs=0.1)


def test_an_unclear_border_follows_its_clear_neighbours():
    offset, _ = fitted([0.8, 3.0, 0.8], [1.7, 0.2, 1.7]).at(arc(1))
    assert np.abs(offset - 0.8).max() < 0.4


def test_a_border_is_less_certain_where_the_cortex_was_unclear():
    field = fitted([0.0, 0.8, 1.6], [1.7, 1.7, 0.2])
    _, clear = field.at(arc(0))
    _, unclear = field.at(arc(2))
    _, nowhere = field.at(arc(1) + np.array([0.0, 60.0, 0.0]))
    assert clear.mean() < 0.8 * unclear.mean()
    assert unclear.max() < nowhere.min()


def test_a_label_that_agrees_with_the_grey_levels_keeps_its_border():
    rng = np.random.default_rng(3)
    seen = rng.normal(0.0, 0.2, 3 * len(ALONG_MM))
    places = np.vstack([arc(k) for k in range(3)])
    (field,) = fit_fields([SeenBorder(places, seen, np.full(len(seen), 1.7))])
    assert field.scale_mm <= 0.2
    offset, _ = field.at(arc(1))
    assert np.abs(offset).max() < 0.12
