from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.hips import apex_level, trochanter_slices
from benchmarks.accuracy.labels import network_labels, perfect_labels, tall_case
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from ifspace.labels import LabelMap
from ifspace.landmarks import Level, Refusal, from_masks, level_from_masks
from ifspace.model import Kind, Reason, Side


@pytest.fixture(scope="module")
def scene():
    hip, scan, truth, volume = tall_case(3005, "T1")
    side = Side.LEFT if hip.side > 0 else Side.RIGHT
    shown = [k for k in truth if k in trochanter_slices(hip, scan)]
    return hip, scan, truth, volume, side, (min(shown), max(shown))


@pytest.fixture(scope="module")
def perfect(scene):
    return perfect_labels(scene[0], scene[1])


def by_voxel_centres(labels: LabelMap, k: int, side: Side) -> float:
    """What counting voxels gives: the distance between centres of border voxels."""
    points = []
    for name in (f"femur_{side}", f"hip_{side}"):
        mask = labels.mask(name)[k]
        border = np.argwhere(mask & ~binary_erosion(mask))
        points.append(labels.grid.to_lps_mm(np.c_[np.full(len(border), k), border]))
    return float(cKDTree(points[0]).query(points[1])[0].min())


def test_perfect_labels_give_the_truth_where_voxel_centres_do_not(scene, perfect):
    _, _, truth, volume, side, level_range = scene
    found = from_masks(volume, perfect, side, level_range, refine_on_grey=False)
    ours, counted = [], []
    for item in found.readings(Kind.IFS):
        ours.append(item.value_mm - truth[item.slice_index])
        counted.append(by_voxel_centres(perfect, item.slice_index, side) - truth[item.slice_index])
    assert len(ours) >= 3
    assert np.mean(np.abs(ours)) < 0.25
    assert np.mean(np.abs(counted)) > 0.3


def test_the_level_is_found_on_perfect_labels(scene, perfect):
    hip, scan, _, volume, side, _ = scene
    level = level_from_masks(volume, perfect, side)
    assert isinstance(level, Level)
    found_mm = level.apex_height_mm + float(scan.levels[0])
    assert found_mm == pytest.approx(apex_level(hip, scan), abs=1.5)


def test_grey_levels_correct_a_network_label_and_keep_its_own_value(scene):
    hip, scan, truth, volume, side, level_range = scene
    before, after = [], []
    for seed in range(4):
        labels = network_labels(hip, scan, np.random.default_rng(seed), 1.5)
        found = from_masks(volume, labels, side, level_range)
        assert found.method == "masks+grey/1"
        for item in found.readings(Kind.IFS):
            if "corrected" in item.note:
                before.append(abs(item.label_mm - truth[item.slice_index]))
                after.append(abs(item.value_mm - truth[item.slice_index]))
    assert len(after) >= 5
    assert np.mean(after) < 0.7
    assert np.mean(after) < 0.8 * np.mean(before)


def test_the_range_is_found_from_the_label_when_none_is_given(scene, perfect):
    *_, volume, side, level_range = scene
    found = from_masks(volume, perfect, side, refine_on_grey=False)
    shown = [item.slice_index for item in found.ifs]
    assert abs(shown[0] - level_range[0]) <= 1
    assert abs(shown[-1] - level_range[1]) <= 1


def test_ramus_and_acetabulum_do_not_count_as_ischium(scene, perfect):
    _, _, _, volume, side, level_range = scene
    found = from_masks(volume, perfect, side, level_range, refine_on_grey=False)
    for outline in found.outlines:
        if outline.bone == "ischium":
            femur = next(
                o
                for o in found.outlines
                if o.bone == "femur" and o.slice_index == outline.slice_index
            )
            front = femur.points_lps_mm[:, 1].mean() - outline.points_lps_mm[:, 1].min()
            assert front < 30.0


def test_coarse_labels_do_not_show_the_level(scene):
    hip, scan, _, volume, side, _ = scene
    labels = network_labels(hip, scan, np.random.default_rng(5), 3.0)
    level = level_from_masks(volume, labels, side)
    assert isinstance(level, Refusal)
    assert level.reason is Reason.LABEL_TOO_COARSE


def test_swapped_sides_are_noticed(scene, perfect):
    *_, volume, side, _ = scene
    other = Side.RIGHT if side is Side.LEFT else Side.LEFT
    values = {name.replace(str(side), str(other)): n for name, n in perfect.values.items()}
    swapped = LabelMap(perfect.grid, perfect.voxels.copy(), values)
    found = from_masks(volume, swapped, other)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.LABELS_SWAPPED


def test_an_empty_label_is_named(scene, perfect):
    *_, volume, side, _ = scene
    voxels = np.where(perfect.voxels == 2, 0, perfect.voxels)
    found = from_masks(volume, LabelMap(perfect.grid, voxels, perfect.values), side)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.LABEL_MISSING
    assert f"hip_{side}" in found.refusal.detail


def test_labels_of_another_frame_of_reference_are_refused(scene, perfect):
    *_, volume, side, _ = scene
    ours = replace(volume, series=replace(volume.series, frame_of_reference_uid="1.2.3"))
    theirs = LabelMap(perfect.grid, perfect.voxels.copy(), perfect.values, "1.2.4")
    found = from_masks(ours, theirs, side)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.OTHER_FRAME_OF_REFERENCE
