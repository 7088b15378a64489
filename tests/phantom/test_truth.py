"""The true distances, found again by two methods that share nothing with the solver."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.model import Kind, Side
from ifspace.phantom import PhantomSpec, Size
from ifspace.phantom.render import render_clean
from ifspace.phantom.stack import Sampling, Stack
from ifspace.phantom.study import Study, build_study
from ifspace.phantom.tissues import EVERYWHERE, Paint, Tissue
from ifspace.phantom.truth import SliceTruth, prominence_mm

SPECS = {
    "usual": PhantomSpec(size=Size.TINY),
    "narrow": PhantomSpec(ifs_mm=8.0, qfs_mm=4.5, size=Size.TINY),
    "wide": PhantomSpec(ifs_mm=32.0, qfs_mm=21.0, size=Size.TINY),
    "sides differ": PhantomSpec(
        ifs_left_mm=11.0, qfs_left_mm=6.5, ifs_right_mm=24.0, qfs_right_mm=17.0, size=Size.TINY
    ),
    "tilted": PhantomSpec(tilt_deg=17.0, in_plane_deg=5.0, size=Size.TINY),
    "steep": PhantomSpec(ifs_mm=14.0, qfs_mm=9.0, tilt_deg=30.0, size=Size.TINY),
    "child": PhantomSpec(ifs_mm=13.0, qfs_mm=8.0, age_years=9, size=Size.TINY),
}


@pytest.fixture(params=SPECS.values(), ids=SPECS.keys())
def study(request: pytest.FixtureRequest) -> Study:
    return build_study(request.param)


def test_the_smallest_space_over_the_level_is_the_one_asked_for(study: Study) -> None:
    for side in Side:
        for kind in Kind:
            smallest = study.sides[side].smallest(kind)
            wanted_mm = study.spec.space_mm(kind, side)
            assert smallest.value_mm == pytest.approx(wanted_mm, abs=1e-5)
            length_mm = np.linalg.norm(smallest.end_lps_mm - smallest.start_lps_mm)
            assert length_mm == pytest.approx(wanted_mm, abs=1e-5)


def test_both_ends_lie_on_their_surfaces_and_in_the_slice(study: Study) -> None:
    for side, truth in study.sides.items():
        hip = study.hips[side]
        for row in truth.spaces[Kind.IFS]:
            assert hip.ischium(*row.start_lps_mm) == pytest.approx(0.0, abs=1e-6)
            assert hip.femur(*row.end_lps_mm) == pytest.approx(0.0, abs=1e-6)
        for kind in Kind:
            for row in truth.spaces[kind]:
                origin = study.stack.origins_lps_mm[row.slice_index]
                for point in (row.start_lps_mm, row.end_lps_mm):
                    assert (point - origin) @ study.stack.normal_lps == pytest.approx(0, abs=1e-9)


def test_brute_force_on_the_surfaces_finds_the_same_distances(study: Study) -> None:
    for side, truth in study.sides.items():
        hip = study.hips[side]
        ifs, qfs = truth.smallest(Kind.IFS), truth.smallest(Kind.QFS)

        def tendon_or_bone(x: object, y: object, z: object, hip: object = hip) -> object:
            return np.minimum(hip.iliopsoas(x, y, z), hip.femur(x, y, z))

        for row, first, second in (
            (ifs, hip.ischium, hip.femur),
            (qfs, hip.hamstring, tendon_or_bone),
        ):
            # Nothing nearer anywhere around, at 0.25 mm, and the same number at 0.02 mm.
            coarse_mm = _brute_mm(study.stack, row, first, second, reach_mm=22.0, step_mm=0.25)
            assert coarse_mm > row.value_mm - 0.02
            fine_mm = _brute_mm(study.stack, row, first, second, reach_mm=1.2, step_mm=0.02)
            assert fine_mm == pytest.approx(row.value_mm, abs=0.01)


def _brute_mm(
    stack: Stack,
    row: SliceTruth,
    first: Callable[..., np.ndarray],
    second: Callable[..., np.ndarray],
    *,
    reach_mm: float,
    step_mm: float,
) -> float:
    a = _crossings(stack, row.start_lps_mm, first, reach_mm, step_mm)
    b = _crossings(stack, row.end_lps_mm, second, reach_mm, step_mm)
    return float(cKDTree(a).query(b)[0].min())


def _crossings(
    stack: Stack,
    around_lps_mm: np.ndarray,
    surface: Callable[..., np.ndarray],
    reach_mm: float,
    step_mm: float,
) -> np.ndarray:
    """Where grid lines in the slice plane cross a surface, from the sign alone and linearly."""
    steps = np.arange(-reach_mm, reach_mm + step_mm, step_mm)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    points = (
        around_lps_mm + u[..., None] * stack.along_row_lps + v[..., None] * stack.along_column_lps
    )
    value = surface(points[..., 0], points[..., 1], points[..., 2])
    found = []
    for axis in (0, 1):
        near, far = (np.take(value, range(s, value.shape[axis] - 1 + s), axis) for s in (0, 1))
        p, q = (np.take(points, range(s, value.shape[axis] - 1 + s), axis) for s in (0, 1))
        at = np.nonzero((near < 0) != (far < 0))
        share = (near[at] / (near[at] - far[at]))[:, None]
        found.append(p[at] + share * (q[at] - p[at]))
    return np.concatenate(found)


def test_contours_of_a_fine_noise_free_picture_give_the_same_distance() -> None:
    study = build_study(PhantomSpec(tilt_deg=8.0, size=Size.TINY))
    truth = study.sides[Side.LEFT].smallest(Kind.IFS)
    hip, stack = study.hips[Side.LEFT], study.stack
    sampling = Sampling(1, 200, 240, 1.0, 0.31, 0.27, 1e-3, 0.0)
    middle = 0.5 * (truth.start_lps_mm + truth.end_lps_mm)
    corner = middle - stack.along_row_lps * 32.0 - stack.along_column_lps * 31.0
    fine = Stack(corner[None], stack.along_row_lps, stack.along_column_lps, sampling)
    lines = []
    for surface in (hip.ischium, hip.femur):
        paint = Paint(Tissue.FLUID, surface, EVERYWHERE)
        picture = render_clean([paint], fine, ("T1",), seed=1)["T1"][0]
        half = 0.5 * picture.max()
        points = np.concatenate(find_contours(picture, half))
        lines.append(np.array([fine.pixel_lps_mm(0, row, column) for row, column in points]))
    found_mm = cKDTree(lines[0]).query(lines[1])[0].min()
    assert found_mm == pytest.approx(20.0, abs=0.05)


def test_the_lesser_trochanter_stands_out_on_its_slices_and_not_on_the_shaft() -> None:
    study = build_study(PhantomSpec())
    for side, truth in study.sides.items():
        prominence = prominence_mm(study.hips[side], study.stack)
        shown = list(truth.level_slices)
        assert 3 <= len(shown) <= 7
        assert shown == list(range(shown[0], shown[-1] + 1))
        assert prominence[shown].min() >= 5.25
        assert prominence[: shown[0] - 1].max() < 1.0
        assert prominence[shown[-1] + 2 :].max() < 1.0


def test_left_and_right_levels_and_the_slices_of_the_two_spaces_differ() -> None:
    sides = build_study(PhantomSpec()).sides
    assert sides[Side.LEFT].level_slices != sides[Side.RIGHT].level_slices
    right = sides[Side.RIGHT]
    assert right.smallest(Kind.IFS).slice_index != right.smallest(Kind.QFS).slice_index


@pytest.mark.parametrize("spec", [SPECS["usual"], SPECS["narrow"], SPECS["child"]])
def test_the_smallest_space_is_not_at_the_end_of_the_level(spec: PhantomSpec) -> None:
    for truth in build_study(spec).sides.values():
        for kind in Kind:
            at = truth.smallest(kind).slice_index
            assert truth.level_slices[0] < at
            assert at < truth.level_slices[-1]


def test_left_is_where_x_grows() -> None:
    sides = build_study(SPECS["sides differ"]).sides
    assert sides[Side.LEFT].smallest(Kind.IFS).start_lps_mm[0] > 30.0
    assert sides[Side.RIGHT].smallest(Kind.IFS).start_lps_mm[0] < -30.0
    assert sides[Side.LEFT].smallest(Kind.IFS).value_mm == pytest.approx(11.0, abs=1e-5)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ifs_mm": 12.0, "qfs_mm": 14.0}, "hamstring tendon"),
        ({"ifs_mm": float("nan")}, "IFS"),
        ({"ifs_mm": -3.0}, "IFS"),
        ({"contrast": "T3"}, "contrast"),
        ({"tilt_deg": 60.0}, "tilt_deg"),
        ({"transfer_syntax": "mpeg"}, "transfer_syntax"),
        ({"flips": ("sideways",)}, "flips"),
    ],
)
def test_a_spec_that_cannot_be_drawn_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PhantomSpec(**fields)


@pytest.mark.parametrize("ifs_mm", [6.0, 13.0, 26.0, 40.0])
@pytest.mark.parametrize("less_mm", [2.0, 6.0, 15.0])
def test_every_pair_of_spaces_that_a_spec_allows_can_be_built(
    ifs_mm: float, less_mm: float
) -> None:
    qfs_mm = max(ifs_mm - less_mm, 3.0)
    study = build_study(PhantomSpec(ifs_mm=ifs_mm, qfs_mm=qfs_mm, size=Size.TINY))
    found = study.sides[Side.LEFT].smallest(Kind.QFS)
    assert found.value_mm == pytest.approx(qfs_mm, abs=1e-5)
