"""The tip of the lesser trochanter in a slice that only just cuts it."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.accuracy.cohort import image_of, make_case, rough_seeds

from ifspace.landmarks import Bone
from ifspace.landmarks.borders.signal import blur_of
from ifspace.landmarks.borders.stack import cut_stack
from ifspace.landmarks.grading.exclusion import seeds_of
from ifspace.landmarks.outline.search import search
from ifspace.landmarks.outline.slices import examine
from ifspace.landmarks.outline.tip import with_tips


@pytest.fixture(scope="module")
def lowest(tmp_path_factory: pytest.TempPathFactory):
    """A hip whose lowest slice shows the tip as a grey island beside the shaft."""
    case = make_case(2010, cache=tmp_path_factory.mktemp("tip"))
    volume = image_of(case, "T2")
    first, last = case.level_range
    seeds = seeds_of(rough_seeds(case, np.random.default_rng(2010)), case.side)
    positions = {bone: seed.position_lps_mm for bone, seed in seeds.items()}
    stack = cut_stack(volume, positions, range(first, last + 1))
    return case, stack, search(stack), blur_of(volume)


def test_the_tip_beside_the_shaft_belongs_to_the_femur(lowest):
    case, stack, found, blur_mm = lowest
    seen = examine(stack, found, 0, blur_mm)
    truth = case.truth[case.level_range[0]]
    assert seen is not None
    # From the shaft alone it would be 6.9 mm more.
    assert seen.gap.value_mm == pytest.approx(truth.distance_mm, abs=1.5)


def test_a_slice_that_a_reader_corrected_is_left_alone(lowest):
    _, stack, found, _ = lowest
    outlines = {bone: found.searches[bone].best() for bone in Bone}
    marrow = stack.marrow[Bone.FEMUR]
    joined = with_tips(stack.patches, found.searched, outlines, marrow)
    left = with_tips(stack.patches, found.searched, outlines, marrow, leave=[0])
    assert joined[0] is not outlines[Bone.FEMUR][0]
    assert left[0] is outlines[Bone.FEMUR][0]


def test_the_joined_outline_is_closed_and_goes_round_once(lowest):
    _, _, found, _ = lowest
    points = found.outlines[Bone.FEMUR][0].outer_mm
    steps = np.linalg.norm(np.diff(np.vstack([points, points[:1]]), axis=0), axis=1)
    assert steps.max() < 6.0
    around = points - points.mean(0)
    turns = np.diff(np.unwrap(np.arctan2(around[:, 1], around[:, 0])))
    assert abs(turns.sum()) == pytest.approx(2 * np.pi, abs=0.6)
