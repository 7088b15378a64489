"""Real hips with frozen seeds: right or refused, never wrong."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from benchmarks.accuracy import real
from benchmarks.accuracy.real import HIPS, WITHIN_MM, seeds_of
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.io import load_volume, open_study
from ifspace.labels import LabelMap
from ifspace.landmarks import Refusal, from_masks, from_seeds, level_at, propose
from ifspace.model import Kind, Reason, Side, Volume

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not real.DATA.is_dir(), reason=f"the licensed MRI is not at {real.DATA}"),
]


@lru_cache(maxsize=2)
def volume_of(name: str) -> Volume:
    return real.volume_of(name)


@pytest.mark.parametrize(("name", "side"), HIPS)
def test_a_number_is_as_near_to_the_readers_as_they_are_to_each_other(name, side):
    _, _, readers, shown = HIPS[name, side]
    found = from_seeds(volume_of(name), seeds_of(name, side), side, shown)
    for kind, within_mm in WITHIN_MM.items():
        best = found.best(kind)
        if best is not None:
            assert best.value_mm == pytest.approx(readers[kind], abs=within_mm)


@pytest.mark.parametrize(("name", "side"), HIPS)
def test_the_level_agrees_with_the_readers(name, side):
    volume = volume_of(name)
    level = level_at(volume, side, seeds_of(name, side)[0])
    first, last = HIPS[name, side][3]
    if isinstance(level, Refusal):
        pytest.skip(f"refused: {level.detail}")
    assert first <= level.last
    assert level.first <= last
    middle = 0.5 * (first + last)
    assert abs(level.apex - middle) * (volume.slice_step_mm or 0) < 12.0


def test_a_tumour_in_the_gap_gives_no_number():
    found = from_seeds(volume_of("STS_044"), seeds_of("STS_044", Side.RIGHT), Side.RIGHT, (17, 22))
    assert found.best(Kind.IFS) is None
    assert found.best(Kind.QFS) is None


@pytest.mark.parametrize("name", ["C3N-01876", "prostate"])
def test_femora_outside_the_field_of_view_are_refused(name):
    for answer in propose(volume_of(name)).sides.values():
        assert isinstance(answer, Refusal)
        assert answer.reason in (Reason.FEMUR_NOT_COVERED, Reason.LEVEL_NOT_COVERED)


def test_a_whole_pelvis_gives_level_and_region_on_both_sides():
    sides = propose(volume_of("C3N-01871")).sides
    for side in Side:
        answer = sides[side]
        assert not isinstance(answer, Refusal)
        first, last = HIPS["C3N-01871", side][3]
        assert first - 1 <= answer.level.apex <= last + 1
        corner = answer.ischium_region_lps_mm
        reader = HIPS["C3N-01871", side][1]
        assert corner[:, 0].min() - 3 < reader[0] < corner[:, 0].max() + 3


def test_bone_thresholded_in_ct_gives_the_distance_of_its_own_contours():
    """The CT of the same patient in the same frame of reference, as a label map."""
    folder = real.DATA / "sts_hip_t1" / "STS_048" / "CT"
    with open_study(folder) as study:
        ct = load_volume(study.ranked[0].series)
    femur, ischium = (seed.position_lps_mm for seed in seeds_of("STS_048", Side.LEFT))
    k = ct.nearest_slice(femur)[0]
    labels = _two_bones(ct, femur, ischium)
    found = from_masks(ct, labels, Side.LEFT, (k, k + 2), refine_on_grey=False)
    readings = found.readings(Kind.IFS)
    assert readings
    for item in readings:
        plane = ct.slices[item.slice_index].plane
        lines = [
            np.vstack(
                [
                    plane.to_lps_mm(line)
                    for line in find_contours(
                        np.asarray(labels.voxels[item.slice_index] == number, float), 0.5
                    )
                    if len(line) > 60
                ]
            )
            for number in (1, 2)
        ]
        direct_mm = float(cKDTree(lines[0]).query(lines[1])[0].min())
        assert item.label_mm == pytest.approx(direct_mm, abs=0.5)


def _two_bones(ct, femur_lps_mm, ischium_lps_mm):
    """Bone above 200 HU, filled; every voxel belongs to the seed it is connected to."""
    voxels = np.zeros(ct.voxels.shape, np.int32)
    for k, item in enumerate(ct.slices):
        filled = ndi.binary_fill_holes(ndi.binary_closing(ct.voxels[k] > 200, iterations=2))
        parts, count = ndi.label(ndi.binary_opening(filled, iterations=1))
        if count < 2:
            continue
        centres = item.plane.to_lps_mm(
            np.array(ndi.center_of_mass(parts > 0, parts, range(1, count + 1)))
        )
        sizes = np.bincount(parts.ravel())[1:]
        for number, seed in ((1, femur_lps_mm), (2, ischium_lps_mm)):
            apart = np.linalg.norm(centres[:, :2] - seed[:2], axis=1) + 1e3 * (sizes < 80)
            if apart.min() < 25:
                voxels[k][parts == int(apart.argmin()) + 1] = number
    return LabelMap(ct.grid, voxels, {"femur_left": 1, "hip_left": 2})
