from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ifspace.landmarks import Level, find_level
from ifspace.model import Reason, Refusal, Side

STEP_MM = 4.5


def femur(heights, side, apex_mm=40.0, bump_mm=11.0, neck_from_mm=62.0):
    """A leaning round shaft with a posteromedial bump, and a widening neck above."""
    outward = 1.0 if side is Side.LEFT else -1.0
    angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    out = {}
    for k, h in enumerate(heights):
        neck = np.clip((h - neck_from_mm) / 4, 0, 12)
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


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("downwards", [False, True])
def test_unequal_steps_move_neither_apex_nor_range(side, downwards):
    heights = np.cumsum(np.tile([4.0, 5.0, 4.5], 6)) + 1.5
    heights = heights[::-1] if downwards else heights
    found = find_level(femur(heights, side), dict(enumerate(heights)), side)
    assert isinstance(found, Level)
    assert found.apex_height_mm == pytest.approx(40.0, abs=0.3)
    # Steps 32.5 to 46 lie within 8.2 mm of the apex, 28.5 and 51 do not.
    assert sorted(heights[[found.first, found.last]]) == [32.5, 46.0]


def test_the_trochanter_does_not_draw_the_axis_of_the_shaft_towards_itself():
    apart = []
    for phase_mm in range(5):
        heights = phase_mm + np.arange(0, 70, 5.0)
        shapes = femur(heights, Side.LEFT, neck_from_mm=44.0)
        found = find_level(shapes, dict(enumerate(heights)), Side.LEFT)
        assert isinstance(found, Level)
        apart.append(found.apex_height_mm - 40.0)
    assert np.mean(apart) == pytest.approx(0.0, abs=0.15)


def test_a_wavy_outline_moves_the_apex_by_a_small_part_of_a_slice():
    rng = np.random.default_rng(0)
    apart = []
    for _ in range(60):
        heights = rng.uniform(0, 5) + np.arange(0, 78, 5.0)
        shapes = {k: wavy(p, rng) for k, p in femur(heights, Side.LEFT).items()}
        found = find_level(shapes, dict(enumerate(heights)), Side.LEFT)
        assert isinstance(found, Level)
        apart.append(abs(found.apex_height_mm - 40.0))
    assert np.mean(apart) < 0.5


def wavy(outline_mm, rng, sd_mm=0.6):
    """Move the border in and out, alike over some millimetres."""
    wave = gaussian_filter1d(rng.standard_normal(len(outline_mm)), 16, mode="wrap")
    from_centre = outline_mm - outline_mm.mean(0)
    length = np.linalg.norm(from_centre, axis=1)
    return outline_mm + from_centre * (wave * sd_mm / wave.std() / length)[:, None]
