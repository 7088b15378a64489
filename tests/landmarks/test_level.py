from __future__ import annotations

import numpy as np
import pytest

from ifspace.landmarks import Level, Refusal, find_level
from ifspace.model import Reason, Side

STEP_MM = 4.5


def femur(heights, side, apex_mm=40.0, bump_mm=11.0):
    """A leaning round shaft with a posteromedial bump, and a widening neck above."""
    outward = 1.0 if side is Side.LEFT else -1.0
    angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    out = {}
    for k, h in enumerate(heights):
        neck = np.clip((h - 62.0) / 4, 0, 12)
        radius = np.full(angle.shape, 15.0) + neck
        bump = bump_mm * np.exp(-0.5 * ((h - apex_mm) / 7.0) ** 2)
        toward = np.exp(-0.5 * ((angle - np.radians(35)) / 0.3) ** 2)
        radius = radius + bump * toward
        x = -outward * radius * np.cos(angle) + outward * (95 + 0.11 * h)
        out[k] = np.stack([x, radius * np.sin(angle) - 0.03 * h], axis=1)
    return out


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("downwards", [False, True])
def test_the_apex_is_found_on_both_sides_and_in_both_slice_orders(side, downwards):
    heights = np.arange(0, 80, STEP_MM)
    heights = heights[::-1] if downwards else heights
    found = find_level(femur(heights, side), dict(enumerate(heights)), side)
    assert isinstance(found, Level)
    assert found.apex_height_mm == pytest.approx(40.0, abs=1.0)
    assert found.first <= found.apex <= found.last
    assert found.prominence_mm == pytest.approx(11.0, abs=1.5)


def test_the_range_ends_where_half_of_the_height_is_left():
    heights = np.arange(0, 80, STEP_MM)
    found = find_level(femur(heights, Side.LEFT), dict(enumerate(heights)), Side.LEFT)
    assert isinstance(found, Level)
    # exp(-d^2 / 98) falls to one half at 8.2 mm.
    shown = heights[found.first : found.last + 1]
    assert shown.min() == pytest.approx(40 - 8.2, abs=STEP_MM)
    assert shown.max() == pytest.approx(40 + 8.2, abs=STEP_MM)


def test_without_shaft_below_the_level_is_refused():
    heights = np.arange(38, 80, STEP_MM)
    found = find_level(femur(heights, Side.LEFT), dict(enumerate(heights)), Side.LEFT)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.LEVEL_NOT_COVERED


def test_without_trochanter_the_level_is_refused():
    heights = np.arange(0, 60, STEP_MM)
    shapes = femur(heights, Side.RIGHT, bump_mm=0.0)
    found = find_level(shapes, dict(enumerate(heights)), Side.RIGHT)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.LEVEL_NOT_COVERED


def test_three_slices_are_not_enough():
    heights = np.arange(0, 12, STEP_MM)
    found = find_level(femur(heights, Side.LEFT), dict(enumerate(heights)), Side.LEFT)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.FEMUR_NOT_COVERED
