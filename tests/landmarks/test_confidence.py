"""The half-width of a distance, and the evidence that it rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ifspace.geometry import Plane
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks import QualityGrade
from ifspace.landmarks.borders.rays import Contour
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.grading.confidence import (
    Evidence,
    grade_of,
    half_width_mm,
    room_half_width_mm,
)
from ifspace.landmarks.grading.visibility import area_change, fat_rim, noise_ratio
from ifspace.landmarks.labels.confidence import corrected_u95_mm

CLEAR = Evidence(
    score=1.6,
    roughness_mm=0.2,
    sigma_mm=0.1,
    ring_share=0.98,
    noise_ratio=0.15,
    area_change=0.03,
    fat_rim=0.1,
)
SIZE = (120, 160)
ENDS_MM = np.array([[20.0, 30.0], [60.0, 30.0]])
LEVEL = TissueSignal(10.0, 90.0)


def patch_of(signal: np.ndarray) -> Patch:
    plane = Plane(
        np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), RASTER_MM, RASTER_MM, SIZE
    )
    return Patch(0, plane, signal, np.ones(SIZE, bool))


def circle(radius_mm: float) -> Contour:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    points = radius_mm * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Contour(np.zeros(2), 0.8 * points, points, np.ones(120), 300.0)


@pytest.mark.parametrize(
    "worse",
    [
        {"score": 0.8},
        {"roughness_mm": 0.8},
        {"sigma_mm": 0.4},
        {"ring_share": 0.8},
        {"noise_ratio": 0.4},
        {"area_change": 0.15},
        {"fat_rim": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_seen_worse_has_a_wider_interval(worse):
    assert half_width_mm(replace(CLEAR, **worse)) > 1.1 * half_width_mm(CLEAR)


def test_a_room_between_tendons_is_less_certain_than_a_gap_between_bones():
    assert room_half_width_mm(CLEAR) > half_width_mm(CLEAR)


@pytest.mark.parametrize(
    ("u95_mm", "score", "grade"),
    [
        (0.6, 1.5, QualityGrade.GREEN),
        (1.3, 1.5, QualityGrade.AMBER),
        (1.3, 1.1, QualityGrade.AMBER),
        (2.0, 1.1, None),
        (2.0, 1.5, QualityGrade.AMBER),
        (0.6, 0.9, None),
        (3.2, 1.6, None),
    ],
)
def test_a_grade_needs_a_narrow_interval_and_a_clear_cortex(u95_mm, score, grade):
    assert grade_of(u95_mm, score) is grade


def test_noise_is_measured_against_the_step_from_cortex_to_muscle():
    noise = np.random.default_rng(1).normal(0.0, 8.0, SIZE)
    assert noise_ratio(patch_of(90.0 + noise), ENDS_MM, LEVEL) == pytest.approx(0.1, abs=0.02)


def test_streaks_of_fat_in_a_part_of_the_muscle_are_no_noise():
    noise = np.random.default_rng(1).normal(0.0, 8.0, SIZE)
    streaked = 90.0 + noise
    streaked[50:70:4, 82:] = 300.0
    plain = noise_ratio(patch_of(90.0 + noise), ENDS_MM, LEVEL)
    assert noise_ratio(patch_of(streaked), ENDS_MM, LEVEL) == pytest.approx(plain, rel=0.25)


def test_the_larger_change_of_the_area_to_a_neighbour_counts():
    stack = [circle(20.0), circle(20.5), circle(18.0)]
    assert area_change(stack, 1) == pytest.approx(2 * np.log(20.5 / 18.0), abs=1e-6)
    assert area_change(stack[:1], 0) == 0.0


def test_fat_outside_either_bone_is_told():
    signal = np.full(SIZE, 90.0)
    # A vertical layer of 2 mm just inside the right end of the gap.
    signal[:, 116:120] = 300.0
    assert fat_rim(patch_of(signal), ENDS_MM, LEVEL, 300.0) == pytest.approx(1.0, abs=0.05)
    assert fat_rim(patch_of(np.full(SIZE, 90.0)), ENDS_MM, LEVEL, 300.0) == pytest.approx(0.0)


@pytest.mark.parametrize(
    "worse", [{"sigma_mm": 0.6}, {"seen_u95_mm": 2.0}, {"voxel_mm": 2.0}, {"clear": False}], ids=str
)
def test_a_moved_label_is_less_certain_the_worse_it_was_seen_and_the_coarser_it_is(worse):
    usual = {"sigma_mm": 0.3, "seen_u95_mm": 0.8, "voxel_mm": 1.5, "kept": False, "clear": True}
    assert corrected_u95_mm(**(usual | worse)) > 1.1 * corrected_u95_mm(**usual)


def test_a_label_that_the_grey_levels_confirm_is_more_certain_than_one_that_was_moved():
    seen = {"sigma_mm": 0.2, "seen_u95_mm": 0.8, "voxel_mm": 1.5, "clear": True}
    assert corrected_u95_mm(**seen, kept=True) < corrected_u95_mm(**seen, kept=False)
