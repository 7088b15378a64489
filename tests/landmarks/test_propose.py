from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.cohort import ORIGIN_LPS_MM, volume_of
from benchmarks.accuracy.hips import shaft_axis
from benchmarks.accuracy.labels import tall_case
from benchmarks.accuracy.levels import apex_level
from benchmarks.accuracy.scanner import mr_image, tissue_fractions

from ifspace.geometry import Plane
from ifspace.landmarks import Level, level_at, propose
from ifspace.model import Contrast, Reason, Refusal, Seed, SeedName, Slice


@pytest.fixture(scope="module")
def case():
    case = tall_case(3002, "T1")
    return case.hip, case.scan, case.volume, case.side


def shaft_seed(hip, side):
    x, y = shaft_axis(hip, -10.0)
    return Seed(SeedName.FEMUR_MARROW, side, np.array([hip.side * x, y, -10.0]) + ORIGIN_LPS_MM)


def test_one_femur_seed_gives_the_level(case):
    hip, scan, volume, side = case
    level = level_at(volume, side, shaft_seed(hip, side))
    assert isinstance(level, Level)
    found_mm = level.apex_height_mm + float(scan.levels[0])
    assert found_mm == pytest.approx(apex_level(hip, scan), abs=scan.step)


def test_without_any_click_the_level_is_found_or_refused_but_not_wrong(case):
    hip, scan, volume, side = case
    answer = propose(volume).sides[side]
    if isinstance(answer, Refusal):
        assert answer.detail
    else:
        found_mm = answer.level.apex_height_mm + float(scan.levels[0])
        assert found_mm == pytest.approx(apex_level(hip, scan), abs=1.5 * scan.step)
        assert {outline.structure for outline in answer.outlines} == {"femur"}


def test_a_fat_suppressed_header_is_refused(case):
    _, _, volume, _ = case
    series = replace(volume.series, contrast=Contrast.STIR)
    for answer in propose(replace(volume, series=series)).sides.values():
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.FAT_SUPPRESSED


@pytest.mark.slow
def test_dark_fat_gives_no_proposal_whatever_the_header_says(case):
    hip, scan, _, side = case
    voxels = mr_image(tissue_fractions(hip, scan), scan, "PD-FS", np.random.default_rng(1))
    assert isinstance(propose(volume_of(scan, voxels)).sides[side], Refusal)


def test_coronal_slices_are_refused(case):
    _, _, volume, _ = case
    slices = []
    for k, item in enumerate(volume.slices):
        p = item.plane
        plane = Plane(
            np.array([0.0, 4.0 * k, 0.0]),
            np.array([1.0, 0.0, 0.0]),
            np.array([0.0, 0.0, -1.0]),
            p.row_spacing_mm,
            p.column_spacing_mm,
            p.shape_ji,
        )
        slices.append(Slice(plane, item.source))
    for answer in propose(replace(volume, slices=tuple(slices))).sides.values():
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.NOT_AXIAL
