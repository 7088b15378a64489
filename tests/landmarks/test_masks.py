from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.hips import femur, ischium
from benchmarks.accuracy.labels import network_labels, perfect_labels, tall_case
from benchmarks.accuracy.levels import apex_level
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.geometry import Grid, Segment
from ifspace.labels import LabelMap
from ifspace.landmarks import Level, from_masks, level_from_masks
from ifspace.landmarks.labels.distances import Muscle
from ifspace.landmarks.labels.shapes import smooth_mask
from ifspace.model import Kind, Reason, Refusal, Side


@pytest.fixture(scope="module")
def case():
    case = tall_case(3005, "T1")
    return case.hip, case.scan, case.truth, case.volume, case.side, case.level_range


@pytest.fixture(scope="module")
def perfect(case):
    return perfect_labels(case[0], case[1])


def by_voxel_centres(labels: LabelMap, k: int, side: Side) -> float:
    """What counting voxels gives: the distance between centres of border voxels."""
    points = []
    for name in (f"femur_{side}", f"hip_{side}"):
        mask = labels.mask(name)[k]
        border = np.argwhere(mask & ~binary_erosion(mask))
        points.append(labels.grid.to_lps_mm(np.c_[np.full(len(border), k), border]))
    return float(cKDTree(points[0]).query(points[1])[0].min())


def test_perfect_labels_give_the_truth_where_voxel_centres_do_not(case, perfect):
    _, _, truth, volume, side, level_range = case
    found = from_masks(volume, perfect, side, level_range, refine_on_grey=False)
    ours, counted = [], []
    for item in found.readings(Kind.IFS):
        ours.append(item.value_mm - truth[item.slice_index])
        counted.append(by_voxel_centres(perfect, item.slice_index, side) - truth[item.slice_index])
    assert len(ours) >= 3
    assert np.mean(np.abs(ours)) < 0.25
    assert np.mean(np.abs(counted)) > 0.3


def test_the_level_is_found_on_perfect_labels(case, perfect):
    hip, scan, _, volume, side, _ = case
    level = level_from_masks(volume, perfect, side)
    assert isinstance(level, Level)
    found_mm = level.apex_height_mm + float(scan.levels[0])
    assert found_mm == pytest.approx(apex_level(hip, scan), abs=1.5)


@pytest.mark.slow
def test_grey_levels_correct_a_network_label_and_keep_its_own_value(case):
    hip, scan, truth, volume, side, level_range = case
    before, after = [], []
    for seed in range(4):
        labels = network_labels(hip, scan, np.random.default_rng(seed), 1.5)
        found = from_masks(volume, labels, side, level_range)
        assert found.method == "masks+grey/2"
        for item in found.readings(Kind.IFS):
            if "corrected" in item.note:
                before.append(abs(item.label_mm - truth[item.slice_index]))
                after.append(abs(item.value_mm - truth[item.slice_index]))
    # A hip whose cortex is hard to see: every slice counts all the same.
    assert len(after) >= 12
    assert np.mean(after) < 0.8 * np.mean(before)
    assert max(after) < max(before)


def test_the_range_is_found_from_the_label_when_none_is_given(case, perfect):
    *_, volume, side, level_range = case
    found = from_masks(volume, perfect, side, refine_on_grey=False)
    shown = [item.slice_index for item in found.ifs]
    assert abs(shown[0] - level_range[0]) <= 1
    assert abs(shown[-1] - level_range[1]) <= 1


def test_ramus_and_acetabulum_do_not_count_as_ischium(case, perfect):
    _, _, _, volume, side, level_range = case
    found = from_masks(volume, perfect, side, level_range, refine_on_grey=False)
    for outline in found.outlines:
        if outline.structure == "ischium":
            femur = next(
                o
                for o in found.outlines
                if o.structure == "femur" and o.slice_index == outline.slice_index
            )
            front = femur.points_lps_mm[:, 1].mean() - outline.points_lps_mm[:, 1].min()
            assert front < 30.0


def test_coarse_labels_do_not_show_the_level(case):
    hip, scan, _, volume, side, _ = case
    labels = network_labels(hip, scan, np.random.default_rng(5), 3.0)
    level = level_from_masks(volume, labels, side)
    assert isinstance(level, Refusal)
    assert level.reason is Reason.LABEL_TOO_COARSE


def test_swapped_sides_are_noticed(case, perfect):
    *_, volume, side, _ = case
    other = Side.RIGHT if side is Side.LEFT else Side.LEFT
    values = {name.replace(str(side), str(other)): n for name, n in perfect.values.items()}
    swapped = LabelMap(perfect.grid, perfect.voxels.copy(), values)
    found = from_masks(volume, swapped, other)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.LABELS_SWAPPED


# Where the bones of both hips lie across the patient, +x to the left.
ACROSS_MM = {"femur_right": -90.0, "hip_right": -60.0, "hip_left": 60.0, "femur_left": 90.0}


@pytest.mark.parametrize("missing", [None, "hip_right", "femur_right"])
@pytest.mark.parametrize("bone", ["hip", "femur"])
def test_one_bone_with_left_and_right_exchanged_is_noticed(case, bone, missing):
    *_, volume, _, level_range = case
    affine = np.array([[0, 0, 5.0, -100.0], [0, 5.0, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1.0]])
    voxels = np.zeros((4, 4, 41), np.int32)
    values = {}
    for number, (name, x_mm) in enumerate(ACROSS_MM.items(), start=1):
        voxels[1:3, 1:3, round((x_mm + 100.0) / 5.0)] = number
        values[name] = number
    values[f"{bone}_left"], values[f"{bone}_right"] = (
        values[f"{bone}_right"],
        values[f"{bone}_left"],
    )
    values = {name: number for name, number in values.items() if name != missing}
    labels = LabelMap(Grid(voxels.shape, affine), voxels, values)
    found = from_masks(volume, labels, Side.LEFT, level_range)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.LABELS_SWAPPED


def test_labels_that_touch_leave_no_distance_and_the_reason(case, perfect):
    *_, volume, side, level_range = case
    voxels = perfect.voxels.copy()
    grown = np.stack([binary_dilation(item == 1, iterations=80) for item in voxels])
    voxels[grown & (voxels == 0)] = 1
    touching = LabelMap(perfect.grid, voxels, perfect.values)
    found = from_masks(volume, touching, side, level_range, refine_on_grey=False)
    assert found.refusal is None
    assert found.readings(Kind.IFS) == ()
    assert {item.reason for item in found.ifs} == {Reason.LOW_CONFIDENCE}
    assert all("touch" in item.detail for item in found.ifs)


def test_an_empty_label_is_named(case, perfect):
    *_, volume, side, _ = case
    voxels = np.where(perfect.voxels == 2, 0, perfect.voxels)
    found = from_masks(volume, LabelMap(perfect.grid, voxels, perfect.values), side)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.LABEL_MISSING
    assert f"hip_{side}" in found.refusal.detail


def test_labels_of_another_frame_of_reference_are_refused(case, perfect):
    *_, volume, side, _ = case
    ours = replace(volume, series=replace(volume.series, frame_of_reference_uid="1.2.3"))
    theirs = LabelMap(perfect.grid, perfect.voxels.copy(), perfect.values, "1.2.4")
    found = from_masks(ours, theirs, side)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.OTHER_FRAME_OF_REFERENCE


def surface_lps_mm(field, levels, scan, *, behind_mm=-1e9) -> np.ndarray:
    """Points of an analytic surface, cut by planes of the scan."""
    rows, columns = scan.pixel_rows(), scan.pixel_columns()
    points = []
    for level in levels:
        for line in find_contours(field(*scan.points(rows, columns, level)), 0.0):
            v = np.interp(line[:, 0], np.arange(len(rows)), rows)
            u = np.interp(line[:, 1], np.arange(len(columns)), columns)
            points.append(scan.turn @ np.stack([u, v, np.full(len(u), level)]))
    found = np.concatenate(points, axis=1).T
    return found[found[:, 1] > behind_mm]


def test_in_space_the_distance_is_that_of_the_true_surfaces(case, perfect):
    hip, scan, _, volume, side, (first, last) = case
    bones = {
        "femur": lambda x, y, z: femur(hip, hip.side * x, y, z)[0],
        "ischium": lambda x, y, z: ischium(hip, hip.side * x, y, z),
    }
    low, high = scan.levels[first], scan.levels[last]
    middle = 0.5 * (low + high)
    true_mm = cKDTree(
        surface_lps_mm(bones["femur"], np.arange(low, high + 0.1, 1.0), scan)
    ).query(
        surface_lps_mm(
            bones["ischium"],
            np.arange(middle - 16, middle + 16.1, 1.0),
            scan,
            behind_mm=hip.shaft_y - 25.0,
        )
    )[0].min()  # fmt: skip
    found = from_masks(volume, perfect, side, (first, last), refine_on_grey=False)
    assert found.ifs_3d_mm == pytest.approx(true_mm, abs=1.0)
    assert found.ifs_3d_mm <= found.best(Kind.IFS).value_mm + 0.3


def test_in_space_neither_acetabulum_nor_pubis_count(case, perfect):
    hip, scan, _, volume, side, (first, last) = case
    femur_mask = perfect.voxels == 1
    # The tuberosity moved 15 columns towards the midline: now both traps are nearer.
    tuberosity = np.roll(perfect.voxels == 2, -15 * hip.side, axis=2)
    plain = np.where(femur_mask, 1, 2 * tuberosity)
    trapped = plain.copy()
    middle = 0.5 * (scan.levels[first] + scan.levels[last])
    around = binary_dilation(femur_mask, np.ones((1, 3, 3)), iterations=4) & ~femur_mask
    for k, level in enumerate(scan.levels):
        if level > middle + 20.0:
            trapped[k][around[k]] = 2
        elif femur_mask[k].any():
            rows, columns = np.nonzero(femur_mask[k])
            front = round(rows.mean() - 27.0 / scan.pixel[0])
            trapped[k, front - 8 : front, columns.min() : columns.max()] = 2
    values = [
        from_masks(
            volume,
            LabelMap(perfect.grid, voxels, perfect.values),
            side,
            (first, last),
            refine_on_grey=False,
        ).ifs_3d_mm
        for voxels in (plain, trapped)
    ]
    assert values[1] == pytest.approx(values[0], abs=0.1)
    points = [perfect.grid.to_lps_mm(np.argwhere(trapped == n)) for n in (1, 2)]
    assert cKDTree(points[0]).query(points[1])[0].min() < values[0] - 3.0


def otherwise(labels: LabelMap, order: tuple[int, int, int], flipped: tuple[int, ...]) -> LabelMap:
    """The same labels with other axes first, some of them counted backwards."""
    voxels = np.transpose(labels.voxels, order)
    affine = labels.grid.affine_lps_mm.copy()
    affine[:3, :3] = affine[:3, :3][:, list(order)]
    for axis in flipped:
        voxels = np.flip(voxels, axis)
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return LabelMap(Grid(shape, affine), np.ascontiguousarray(voxels), labels.values)


@pytest.mark.parametrize(
    ("order", "flipped"),
    [
        ((0, 1, 2), (0,)),
        ((0, 1, 2), (1, 2)),
        ((2, 0, 1), ()),
        ((1, 2, 0), (0, 2)),
        ((0, 2, 1), (1,)),
    ],
)
@pytest.mark.parametrize("kind", ["unequal voxels on the images' grid", "on an oblique grid"])
def test_labels_stored_otherwise_give_the_same_millimetres(kind, order, flipped, case, perfect):
    hip, scan, _, volume, side, level_range = case
    # Cubes along the patient's axes lie obliquely to the slices, which are tilted.
    labels = (
        network_labels(hip, scan, np.random.default_rng(2), 1.5) if "oblique" in kind else perfect
    )
    stored = otherwise(labels, order, flipped)
    here = from_masks(volume, labels, side, level_range, refine_on_grey=False)
    there = from_masks(volume, stored, side, level_range, refine_on_grey=False)
    expected = {item.slice_index: item.value_mm for item in here.readings(Kind.IFS)}
    assert len(expected) >= 3
    assert {item.slice_index: item.value_mm for item in there.readings(Kind.IFS)} == pytest.approx(
        expected, abs=0.05
    )
    assert there.ifs_3d_mm == pytest.approx(here.ifs_3d_mm, abs=0.05)


def test_a_hip_bone_without_a_femur_in_the_same_place_is_named(case, perfect):
    *_, volume, side, _ = case
    far = perfect.grid.affine_lps_mm.copy()
    far[2, 3] += 500.0
    moved = LabelMap(Grid(perfect.grid.shape_kji, far), perfect.voxels.copy(), perfect.values)
    found = from_masks(volume, moved, side)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.LABEL_MISSING
    assert "outside the images" in found.refusal.detail


def test_the_labelled_muscle_is_measured_along_the_segment():
    voxels = np.zeros((20, 30, 60), np.int32)
    voxels[:, 5:25, 20:41] = 7
    affine = np.array([[0, 0, 0.5, 100], [0, 1.0, 0, 10], [2.0, 0, 0, 5], [0, 0, 0, 1]], float)
    labels = LabelMap(Grid(voxels.shape, affine), voxels, {"quadratus_femoris_left": 7})
    muscle = Muscle(smooth_mask(labels, "quadratus_femoris_left"))
    # 21 voxels of 0.5 mm, from 109.75 to 120.25.
    across = Segment([108.0, 25.0, 25.0], [122.0, 25.0, 25.0])
    assert muscle.thickness_mm(across) == pytest.approx(10.5, abs=0.3)
    beside = Segment([108.0, 60.0, 25.0], [122.0, 60.0, 25.0])
    assert muscle.thickness_mm(beside) == 0.0


def off_the_bones(labels: LabelMap, off_mm: tuple[float, float, float]) -> LabelMap:
    """A map without a frame of reference may be of another position of the table."""
    affine = labels.grid.affine_lps_mm.copy()
    affine[:3, 3] += off_mm
    return LabelMap(Grid(labels.grid.shape_kji, affine), labels.voxels, labels.values)


@pytest.mark.parametrize("off_mm", [(0, 0, -30), (0, 0, 20), (0, 15, 0)])
def test_a_map_that_does_not_lie_on_the_bones_is_refused(case, perfect, off_mm):
    *_, volume, side, _ = case
    found = from_masks(volume, off_the_bones(perfect, off_mm), side)
    assert found.refusal is not None
    assert found.refusal.reason is Reason.GEOMETRY_UNTRUSTED
    assert "does not lie on the bones" in found.refusal.detail


def test_where_the_grey_levels_contradict_the_map_there_is_no_number(case, perfect):
    *_, volume, side, _ = case
    found = from_masks(volume, off_the_bones(perfect, (0, 0, 10)), side)
    assert all(item.u95_mm <= 4.5 for item in found.readings(Kind.IFS))
    assert found.refusal is not None or any(
        "contradict" in item.detail for item in found.ifs if isinstance(item, Refusal)
    )
