from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm

from ifspace.geometry import Grid, Plane, Segment, closest_points, finite, grid_of_planes


def test_a_pixel_lies_where_the_dicom_equation_puts_it(stored: Storage) -> None:
    plane = make_volume(stored).slices[3].plane
    assert plane.to_lps_mm([17.25, 90.5]) == pytest.approx(pixel_lps_mm(stored, (3, 17.25, 90.5)))


def test_a_voxel_of_the_grid_lies_where_the_dicom_equation_puts_it(stored: Storage) -> None:
    grid = make_volume(stored).grid
    assert grid.to_lps_mm([2.5, 17.25, 90.5]) == pytest.approx(
        pixel_lps_mm(stored, (2.5, 17.25, 90.5))
    )
    assert grid.spacing_kji_mm == pytest.approx([4.4, 0.8, 0.6])


def test_grid_and_plane_find_the_index_of_a_patient_point(stored: Storage) -> None:
    volume = make_volume(stored)
    point = pixel_lps_mm(stored, (4, 33.5, 71.25))
    assert volume.grid.to_index_kji(point) == pytest.approx([4, 33.5, 71.25])
    assert volume.slices[4].plane.to_index_ji(point) == pytest.approx([33.5, 71.25])
    assert volume.grid.plane(4).to_index_ji(point) == pytest.approx([33.5, 71.25])


def test_a_point_off_the_plane_is_dropped_straight_onto_it(stored: Storage) -> None:
    plane = make_volume(stored).slices[0].plane
    on_plane = pixel_lps_mm(stored, (0, 12.0, 50.0))
    above = on_plane + 1.7 * plane.normal_lps
    assert plane.height_mm(above) == pytest.approx(1.7)
    assert plane.foot_lps_mm(above) == pytest.approx(on_plane)


def test_a_mixed_up_axis_order_is_noticed() -> None:
    plane = make_volume(PLAIN).slices[0].plane
    assert plane.to_lps_mm([10, 0]) - plane.to_lps_mm([0, 0]) == pytest.approx([0, 8.0, 0])
    assert plane.to_lps_mm([0, 10]) - plane.to_lps_mm([0, 0]) == pytest.approx([6.0, 0, 0])


@pytest.mark.parametrize(
    ("index_ji", "shown"),
    [
        ((-0.49, -0.49), True),
        ((99.49, 139.49), True),
        ((-0.51, 5), False),
        ((5, -0.51), False),
        ((99.51, 5), False),
        ((5, 139.51), False),
    ],
)
def test_the_image_ends_at_its_outer_pixel_edges(
    index_ji: tuple[float, float], shown: bool
) -> None:
    plane = make_volume(PLAIN).slices[0].plane
    assert plane.shows(plane.to_lps_mm(index_ji)) is shown


def test_the_pixel_footprint_is_the_spread_of_points_over_a_pixel(stored: Storage) -> None:
    plane = make_volume(stored).slices[0].plane
    direction = 0.6 * plane.along_row_lps + 0.8 * plane.along_column_lps
    spread_ji = np.random.default_rng(1).uniform(-0.5, 0.5, (40000, 2))
    along_mm = (plane.to_lps_mm(spread_ji) - plane.origin_lps_mm) @ direction
    assert plane.pixel_footprint_mm(direction) / np.sqrt(12) == pytest.approx(
        along_mm.std(), rel=0.02
    )
    assert plane.pixel_footprint_mm(plane.along_row_lps) == pytest.approx(0.6)
    assert plane.pixel_footprint_mm(plane.along_column_lps) == pytest.approx(0.8)


@pytest.mark.parametrize("tilt_deg", [0.0, 12.0, 30.0, 90.0])
def test_the_tilt_is_the_angle_to_the_axial_plane(tilt_deg: float) -> None:
    turn = np.radians(tilt_deg)
    plane = Plane(
        np.zeros(3), np.array([1.0, 0, 0]), np.array([0, np.cos(turn), np.sin(turn)]), 1, 1, (4, 4)
    )
    assert plane.tilt_from_axial_deg == pytest.approx(tilt_deg, abs=1e-6)


def test_a_segment_has_a_length_and_a_direction() -> None:
    segment = Segment(np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0, 3.0]))
    assert segment.length_mm == pytest.approx(5.0)
    assert segment.direction_lps == pytest.approx([0.6, 0.8, 0.0])


def test_a_segment_without_length_has_no_direction() -> None:
    assert Segment(np.ones(3), np.ones(3)).direction_lps.tolist() == [0.0, 0.0, 0.0]


def test_positions_cannot_be_written_to() -> None:
    segment = Segment(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="read-only"):
        segment.start_lps_mm[0] = 1.0


@pytest.mark.parametrize("bad", [[1.0, 2.0], [1.0, np.nan, 2.0], [1.0, np.inf, 2.0]])
def test_a_position_that_is_no_point_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"expected|not finite"):
        finite(bad, (3,), "position_lps_mm")


@pytest.mark.parametrize(
    "change",
    [
        {"along_column_lps": np.array([1.0, 0.0, 0.0])},
        {"along_row_lps": np.array([2.0, 0.0, 0.0])},
        {"row_spacing_mm": 0.0},
        {"row_spacing_mm": -1.0},
        {"column_spacing_mm": float("nan")},
        {"column_spacing_mm": float("inf")},
        {"shape_ji": (0, 4)},
    ],
)
def test_a_plane_without_sound_geometry_cannot_be_made(change: dict[str, object]) -> None:
    sound: dict[str, object] = {
        "origin_lps_mm": np.zeros(3),
        "along_row_lps": np.array([1.0, 0.0, 0.0]),
        "along_column_lps": np.array([0.0, 1.0, 0.0]),
        "row_spacing_mm": 1.0,
        "column_spacing_mm": 1.0,
        "shape_ji": (4, 4),
    }
    Plane(**sound)
    with pytest.raises(ValueError, match=r"expected|orthonormal"):
        Plane(**{**sound, **change})


def _affine(**change: float) -> np.ndarray:
    affine = np.diag([4.0, 0.8, 0.6, 1.0])
    for place, value in change.items():
        affine[int(place[1]), int(place[2])] = value
    return affine


@pytest.mark.parametrize(
    ("shape_kji", "affine"),
    [
        ((0, 4, 4), _affine()),
        ((4, 4, 4), _affine(a00=0.0)),
        ((4, 4, 4), _affine(a30=1.0)),
        ((4, 4, 4), _affine(a03=float("nan"))),
    ],
)
def test_a_grid_without_sound_geometry_cannot_be_made(
    shape_kji: tuple[int, int, int], affine: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"expected|inverse|last row|not finite"):
        Grid(shape_kji, affine)


def test_a_single_plane_gets_a_grid_with_its_normal() -> None:
    plane = make_volume(PLAIN).slices[2].plane
    grid = grid_of_planes((plane,))
    assert grid.to_lps_mm([1, 0, 0]) - plane.origin_lps_mm == pytest.approx(plane.normal_lps)


def test_closest_points_agree_with_brute_force_across_blocks() -> None:
    rng = np.random.default_rng(5)
    points_a, points_b = rng.normal(size=(2500, 2)), rng.normal(size=(70, 2)) + 6.0
    all_mm = np.linalg.norm(points_a[:, None] - points_b[None], axis=2)
    assert closest_points(points_a, points_b) == np.unravel_index(all_mm.argmin(), all_mm.shape)


def test_closest_points_of_nothing_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        closest_points(np.empty((0, 2)), [[1.0, 2.0]])


@given(st.tuples(*[st.floats(-500, 500)] * 3))
def test_grid_round_trip(point: tuple[float, float, float]) -> None:
    grid = Grid((4, 5, 6), _affine(a01=0.1, a12=-0.2, a03=-55.0))
    assert grid.to_lps_mm(grid.to_index_kji(point)) == pytest.approx(point, abs=1e-9)
