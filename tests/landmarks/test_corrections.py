"""What a reader corrects: dragged outline points and further seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.cohort import Case, image_of, make_case, rough_seeds, to_lps_mm
from scipy.spatial import cKDTree

from ifspace.geometry import Floats
from ifspace.landmarks import Bone, FoundSide, Memory, OutlinePoint, from_seeds
from ifspace.landmarks.outline import seeds as seed_search
from ifspace.model import Kind, Reason, Seed, SeedName, Side, Volume

# In this hip the trochanter begins between two slices: on the first one the program follows the
# shaft, 6 mm away from where the trochanter's surface is.
MISSED, MISSED_ON = 1020, 0


@pytest.fixture(scope="module")
def missed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Volume, tuple[Seed, ...]]:
    case = make_case(MISSED, cache=tmp_path_factory.mktemp("hips"))
    return case, image_of(case, "PD"), rough_seeds(case, np.random.default_rng(MISSED))


def true_femur_lps_mm(case: Case, k: int) -> Floats:
    truth = case.truth[k]
    assert truth is not None
    return to_lps_mm(case.scan, truth.femur_uv, float(case.scan.levels[k]))


def outline(found: FoundSide, bone: Bone, k: int) -> Floats:
    return next(
        item.points_lps_mm
        for item in found.outlines
        if (item.structure, item.slice_index, item.kind) == (bone, k, Kind.IFS)
    )


def gap_mm(found: FoundSide, k: int) -> float:
    gaps, _ = cKDTree(outline(found, Bone.ISCHIUM, k)).query(outline(found, Bone.FEMUR, k))
    return float(gaps.min())


def off_mm(found: FoundSide, bone: Bone, k: int, point_lps_mm: Floats) -> float:
    return float(np.linalg.norm(outline(found, bone, k) - point_lps_mm, axis=1).min())


def test_one_dragged_point_repairs_an_outline_that_missed_the_trochanter(missed):
    case, volume, seeds = missed
    truth = case.truth[MISSED_ON]
    point_lps_mm = true_femur_lps_mm(case, MISSED_ON)
    before = from_seeds(volume, seeds, case.side, case.level_range)
    assert off_mm(before, Bone.FEMUR, MISSED_ON, point_lps_mm) > 5.0
    point = OutlinePoint(Bone.FEMUR, case.side, point_lps_mm)
    after = from_seeds(volume, seeds, case.side, case.level_range, points=[point])
    assert off_mm(after, Bone.FEMUR, MISSED_ON, point_lps_mm) < 0.6
    assert gap_mm(after, MISSED_ON) == pytest.approx(truth.distance_mm, abs=0.8)


def test_a_slice_that_no_correction_touches_keeps_its_outline_to_the_digit(missed):
    case, volume, seeds = missed
    point = OutlinePoint(Bone.FEMUR, case.side, true_femur_lps_mm(case, MISSED_ON))
    before = from_seeds(volume, seeds, case.side, case.level_range)
    after = from_seeds(volume, seeds, case.side, case.level_range, points=[point])
    last = case.level_range[1]
    for bone in Bone:
        assert np.array_equal(outline(before, bone, last), outline(after, bone, last))
    kept = [item.value_mm for item in before.readings(Kind.IFS) if item.slice_index == last]
    assert kept == [item.value_mm for item in after.readings(Kind.IFS) if item.slice_index == last]


def test_a_dragged_point_is_no_evidence_of_a_cortex(missed):
    """Where no cortex is seen, dragging must not turn a refusal into a number."""
    case, volume, seeds = missed
    beside = true_femur_lps_mm(case, MISSED_ON) + np.array([0.0, 2.0, 0.0])
    point = OutlinePoint(Bone.FEMUR, case.side, beside)
    found = from_seeds(volume, seeds, case.side, case.level_range, points=[point])
    assert MISSED_ON not in [item.slice_index for item in found.readings(Kind.IFS)]


@pytest.mark.slow
def test_a_memory_changes_the_work_and_not_the_result(missed, monkeypatch):
    case, volume, seeds = missed
    point = OutlinePoint(Bone.FEMUR, case.side, true_femur_lps_mm(case, MISSED_ON))
    memory = Memory()
    from_seeds(volume, seeds, case.side, case.level_range, memory=memory)
    steps = [counted(monkeypatch, name) for name in ("cut_stack", "search")]
    quick = from_seeds(volume, seeds, case.side, case.level_range, points=[point], memory=memory)
    assert [len(step) for step in steps] == [0, 0]
    plain = from_seeds(volume, seeds, case.side, case.level_range, points=[point])
    assert [len(step) for step in steps] == [1, 1]
    for kind in Kind:
        assert [item.value_mm for item in plain.readings(kind)] == [
            item.value_mm for item in quick.readings(kind)
        ]


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Count the calls of one step of the search, which is done as before."""
    real, calls = getattr(seed_search, name), []

    def counting(*given):
        calls.append(name)
        return real(*given)

    monkeypatch.setattr(seed_search, name, counting)
    return calls


@pytest.mark.slow
def test_a_second_seed_finds_the_bone_again_where_the_first_one_lost_it(tmp_path):
    """The patient moved: the last slice is shifted by 20 mm."""
    case = make_case(1006, cache=tmp_path)
    volume = image_of(case, "T1")
    seeds = rough_seeds(case, np.random.default_rng(1006))
    k = case.level_range[1]
    plane = volume.slices[k].plane
    by_px = round(20.0 / plane.column_spacing_mm)
    voxels = volume.voxels.copy()
    voxels[k] = np.roll(voxels[k], by_px, axis=1)
    moved = replace(volume, voxels=voxels)
    still = outline(from_seeds(volume, seeds, case.side, case.level_range), Bone.FEMUR, k)
    middle = still.mean(axis=0) + by_px * plane.column_spacing_mm * plane.along_row_lps

    def off_centre_mm(found: FoundSide) -> float:
        return float(np.linalg.norm(outline(found, Bone.FEMUR, k).mean(axis=0) - middle))

    assert off_centre_mm(from_seeds(moved, seeds, case.side, case.level_range)) > 15.0
    second = Seed(SeedName.FEMUR_MARROW, case.side, middle)
    found = from_seeds(moved, [*seeds, second], case.side, case.level_range)
    assert off_centre_mm(found) < 2.0


@pytest.mark.parametrize(
    ("offset_lps_mm", "reason", "words"),
    [
        ((150.0, 0.0, 0.0), Reason.SIDE_CONTRADICTED, "other side of the body"),
        ((0.0, 0.0, 200.0), Reason.MARKS_OUTSIDE_IMAGE, "outside the images"),
        ((0.0, 45.0, 0.0), Reason.LOW_CONFIDENCE, "from the outline of the femur"),
    ],
)
def test_a_dragged_point_that_cannot_be_meant_is_refused_in_words(
    missed, offset_lps_mm, reason, words
):
    case, volume, seeds = missed
    offset = np.array(offset_lps_mm)
    offset[0] *= 1.0 if case.side is Side.RIGHT else -1.0
    place = true_femur_lps_mm(case, 1) + offset
    point = OutlinePoint(Bone.FEMUR, case.side, place)
    found = from_seeds(padded(volume), seeds, case.side, case.level_range, points=[point])
    assert found.refusal is not None
    assert found.refusal.reason is reason
    assert words in found.refusal.detail


def padded(volume: Volume, by_px: int = 200) -> Volume:
    """The same scan in a field of view as wide as a pelvis."""
    voxels = np.pad(volume.voxels, ((0, 0), (0, 0), (by_px, by_px)))
    slices = []
    for item in volume.slices:
        plane = item.plane
        origin = plane.origin_lps_mm - by_px * plane.column_spacing_mm * plane.along_row_lps
        rows, columns = plane.shape_ji
        wide = replace(plane, origin_lps_mm=origin, shape_ji=(rows, columns + 2 * by_px))
        slices.append(replace(item, plane=wide))
    return replace(volume, slices=tuple(slices), voxels=voxels)


def test_a_correction_outside_the_range_is_refused_with_the_range(missed):
    case, volume, seeds = missed
    k = case.level_range[1] + 1
    foot = volume.slices[k].plane.foot_lps_mm(true_femur_lps_mm(case, 1))
    for corrected in (
        {"points": [OutlinePoint(Bone.FEMUR, case.side, foot)]},
        {"seeds": [*seeds, Seed(SeedName.FEMUR_MARROW, case.side, foot)]},
    ):
        found = from_seeds(
            volume,
            **{"seeds": seeds, "side": case.side, "level_range": case.level_range} | corrected,
        )
        assert found.refusal is not None
        assert found.refusal.reason is Reason.LEVEL_NOT_COVERED
        assert f"slices {case.level_range[0] + 1} to {case.level_range[1] + 1}" in (
            found.refusal.detail
        )


def test_a_second_seed_in_muscle_is_refused(missed):
    case, volume, seeds = missed
    by_name = {seed.name: seed.position_lps_mm for seed in seeds}
    femur, ischium = by_name[SeedName.FEMUR_MARROW], by_name[SeedName.ISCHIUM_MARROW]
    between = volume.slices[1].plane.foot_lps_mm(0.55 * femur + 0.45 * ischium)
    second = Seed(SeedName.FEMUR_MARROW, case.side, between)
    found = from_seeds(volume, [*seeds, second], case.side, case.level_range)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.SEED_NOT_IN_MARROW


def test_points_that_contradict_each_other_are_refused(missed):
    case, volume, seeds = missed
    place = true_femur_lps_mm(case, 1)
    inward = by_direction(case, seeds)
    points = [OutlinePoint(Bone.FEMUR, case.side, place + mm * inward) for mm in (0.0, 9.0)]
    found = from_seeds(volume, seeds, case.side, case.level_range, points=points)
    assert found.refusal is not None
    assert "contradicts" in found.refusal.detail


def by_direction(case: Case, seeds: tuple[Seed, ...]) -> Floats:
    """From the trochanter's surface into the femur, (3,)."""
    by_name = {seed.name: seed.position_lps_mm for seed in seeds}
    way = by_name[SeedName.FEMUR_MARROW] - by_name[SeedName.ISCHIUM_MARROW]
    way[2] = 0.0
    return way / np.linalg.norm(way)


def test_points_of_the_other_side_are_left_alone(missed):
    case, volume, seeds = missed
    other = Side.LEFT if case.side is Side.RIGHT else Side.RIGHT
    point = OutlinePoint(Bone.FEMUR, other, true_femur_lps_mm(case, 1))
    plain = from_seeds(volume, seeds, case.side, case.level_range)
    found = from_seeds(volume, seeds, case.side, case.level_range, points=[point])
    assert [item.value_mm for item in found.readings(Kind.IFS)] == [
        item.value_mm for item in plain.readings(Kind.IFS)
    ]
