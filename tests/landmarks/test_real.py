"""Real hips with frozen seeds: right or refused, never wrong."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from benchmarks.accuracy import real
from benchmarks.accuracy.real import HIPS, WITHIN_MM, seeds_of
from scipy.spatial import cKDTree

from ifspace.landmarks import Bone, from_masks, from_seeds, level_at, propose
from ifspace.model import Kind, Reason, Refusal, Side, Volume

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not real.DATA.is_dir(), reason=f"the licensed MRI is not at {real.DATA}"),
]


@lru_cache(maxsize=2)
def volume_of(name: str) -> Volume:
    return real.volume_of(name)


@pytest.mark.slow
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


@pytest.mark.parametrize("side", list(Side))
def test_both_hips_of_a_whole_pelvis_give_both_spaces(side):
    found = from_seeds(volume_of("C3N-01871"), seeds_of("C3N-01871", side), side, (4, 7))
    assert found.best(Kind.IFS) is not None
    assert found.best(Kind.QFS) is not None


@pytest.mark.slow
@pytest.mark.parametrize("side", list(Side))
def test_another_click_gives_the_same_millimetres_or_none(side):
    volume, rng = volume_of("C3N-01871"), np.random.default_rng(1)
    shown = HIPS["C3N-01871", side][3]
    frozen = seeds_of("C3N-01871", side)
    first = from_seeds(volume, frozen, side, shown)
    given = 0
    for _ in range(3):
        seeds = [real.missed(seed, volume, rng) for seed in frozen]
        best = from_seeds(volume, seeds, side, shown).best(Kind.IFS)
        if best is not None:
            assert best.value_mm == pytest.approx(first.best(Kind.IFS).value_mm, abs=1.0)
            given += 1
    assert given > 0


def test_a_tumour_in_the_gap_is_named():
    found = from_seeds(volume_of("STS_044"), seeds_of("STS_044", Side.RIGHT), Side.RIGHT, (17, 22))
    assert found.refusal is not None
    assert found.refusal.reason is Reason.GAP_ABNORMAL


@pytest.mark.parametrize(("name", "side"), real.OUTSIDE)
@pytest.mark.parametrize("with_range", [False, True])
def test_seeds_in_femora_that_the_image_cuts_off_are_refused(name, side, with_range):
    femur, ischium, shown = real.OUTSIDE[name, side]
    seeds = real.seeded(side, femur, ischium)
    found = from_seeds(volume_of(name), seeds, side, shown if with_range else None)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.FEMUR_NOT_COVERED


@pytest.mark.parametrize(
    ("side", "ischium"),
    [(side, place) for side, places in real.BESIDE_THE_ISCHIUM.items() for place in places],
)
def test_a_seed_in_fat_beside_the_ischium_gives_no_number(side, ischium):
    seeds = real.seeded(side, real.HIPS["C3N-01871", side][0], ischium)
    found = from_seeds(volume_of("C3N-01871"), seeds, side, (4, 7))
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


def test_outlines_of_the_mr_lie_on_the_bone_of_the_ct():
    """Where both bones face each other, also in slices that are too unclear to be shown."""
    ct = real.ct_of_sts_048()
    seeds = seeds_of("STS_048", Side.LEFT)
    labels = real.two_bones(ct, *(seed.position_lps_mm for seed in seeds))
    found = from_seeds(volume_of("STS_048"), seeds, Side.LEFT, (46, 48))
    for k in (46, 47, 48):
        lines = real.bones_in_ct(ct, labels, k)
        ours = {
            item.structure: item.points_lps_mm
            for item in found.outlines
            if item.slice_index == k and item.kind is Kind.IFS
        }
        ct_mm = float(cKDTree(lines[Bone.FEMUR]).query(lines[Bone.ISCHIUM])[0].min())
        mr_mm = float(cKDTree(ours[Bone.FEMUR]).query(ours[Bone.ISCHIUM])[0].min())
        assert mr_mm == pytest.approx(ct_mm, abs=2.0)


def test_bone_thresholded_in_ct_gives_the_distance_of_its_own_contours():
    """The CT of the same patient in the same frame of reference, as a label map."""
    ct = real.ct_of_sts_048()
    femur, ischium = (seed.position_lps_mm for seed in seeds_of("STS_048", Side.LEFT))
    k = ct.nearest_slice(femur)[0]
    labels = real.two_bones(ct, femur, ischium)
    found = from_masks(ct, labels, Side.LEFT, (k, k + 2), refine_on_grey=False)
    readings = found.readings(Kind.IFS)
    assert readings
    for item in readings:
        lines = real.bones_in_ct(ct, labels, item.slice_index)
        direct_mm = float(cKDTree(lines[Bone.FEMUR]).query(lines[Bone.ISCHIUM])[0].min())
        assert item.label_mm == pytest.approx(direct_mm, abs=0.5)


@pytest.mark.parametrize(("name", "side"), [("STS_048", Side.LEFT), ("STS_046", Side.RIGHT)])
def test_a_view_of_one_hip_gives_its_side_and_its_level(name, side):
    sides = propose(volume_of(name)).sides
    answer = sides[side]
    assert not isinstance(answer, Refusal)
    first, last = HIPS[name, side][3]
    assert first <= answer.level.last
    assert answer.level.first <= last
    (other,) = (sides[item] for item in Side if item is not side)
    assert isinstance(other, Refusal)
    assert other.reason is Reason.SIDE_NOT_SHOWN
