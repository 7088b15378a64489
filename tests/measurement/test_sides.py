from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import PLAIN, STORAGES, Storage, make_volume, pixel_lps_mm

from ifspace.geometry import Segment
from ifspace.measurement import side_of_pair, side_of_point, sides
from ifspace.measurement.sides import midline_x_mm
from ifspace.model import Mark, MarkName, Side, Volume

WIDE = replace(PLAIN, shape_kji=(3, 180, 500), origin_lps_mm=(-190.0, -70.0, -700.0))

LEFTWARD = np.array([1.0, 0.0, 0.0])


def body(storage: Storage, *, centre_x_mm: float, half_width_mm: float) -> np.ndarray:
    """A bright ellipse of tissue around centre_x_mm, in noise."""
    shape = storage.shape_kji
    j, i = np.mgrid[0 : shape[1], 0 : shape[2]]
    row, column = np.asarray(storage.along_row), np.asarray(storage.along_column)
    x = (
        storage.origin_lps_mm[0]
        + column[0] * storage.row_spacing_mm * j
        + row[0] * storage.column_spacing_mm * i
    )
    inside = abs(x - centre_x_mm) < half_width_mm
    noise = np.random.default_rng(3).normal(0, 4, shape)
    return (np.broadcast_to(inside, shape) * 400.0 + abs(noise)).astype(np.float32)


@pytest.mark.parametrize(
    ("end", "side"),
    [((5.0, -3.0, 0.0), Side.LEFT), ((-5.0, -3.0, 0.0), Side.RIGHT), ((0.5, 9.0, 0.0), None)],
)
def test_the_segment_from_ischium_to_femur_points_outward(
    end: tuple[float, float, float], side: Side | None
) -> None:
    assert side_of_pair(Segment(np.zeros(3), np.array(end))) is side


@pytest.mark.parametrize("centre_x_mm", [-60.0, 0.0, 25.0])
def test_the_midline_is_the_middle_of_the_body_not_of_the_image(centre_x_mm: float) -> None:
    volume = make_volume(WIDE, voxels=body(WIDE, centre_x_mm=centre_x_mm, half_width_mm=80.0))
    assert midline_x_mm(volume, 1) == pytest.approx(centre_x_mm, abs=3.0)


@pytest.mark.parametrize("storage", [s for s in STORAGES if s.name.startswith("xy")])
def test_the_side_of_a_point_does_not_depend_on_the_storage(storage: Storage) -> None:
    wide = replace(storage, shape_kji=(3, 180, 500))
    middle = pixel_lps_mm(wide, (1, 90, 250))
    volume = make_volume(wide, voxels=body(wide, centre_x_mm=middle[0], half_width_mm=110.0))
    assert side_of_point(volume, middle + LEFTWARD * 60) is Side.LEFT
    assert side_of_point(volume, middle - LEFTWARD * 60) is Side.RIGHT
    assert side_of_point(volume, middle + LEFTWARD * 5) is None


def test_a_view_of_one_hip_has_no_midline() -> None:
    volume = make_volume(PLAIN, voxels=body(PLAIN, centre_x_mm=60.0, half_width_mm=30.0))
    assert midline_x_mm(volume, 1) is None
    assert side_of_point(volume, np.array([60.0, 0.0, -695.0])) is None


def test_an_empty_image_has_no_midline() -> None:
    assert midline_x_mm(make_volume(WIDE), 1) is None


def test_marks_of_both_sides_decide_before_the_image_does() -> None:
    volume = make_volume(WIDE)
    marks = tuple(
        Mark(MarkName.ISCHIUM_LATERAL, side, np.array([x, 0.0, -695.0]))
        for side, x in ((Side.LEFT, 40.0), (Side.RIGHT, -60.0))
    )
    assert side_of_point(volume, np.array([-5.0, 0.0, -695.0]), marks) is Side.LEFT
    assert side_of_point(volume, np.array([-15.0, 0.0, -695.0]), marks) is Side.RIGHT
    one = (*marks[:1], replace(marks[0], name=MarkName.LESSER_TROCHANTER_MEDIAL))
    assert side_of_point(volume, np.array([-5.0, 0.0, -695.0]), one) is None


def test_the_body_is_looked_at_once_per_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window asks with every move of the mouse, and a slice has a quarter of a million pixels."""
    looked: list[int] = []
    real = sides._middle_of_body_x_mm

    def counted(volume: Volume, slice_index: int) -> float | None:
        looked.append(slice_index)
        return real(volume, slice_index)

    monkeypatch.setattr(sides, "_middle_of_body_x_mm", counted)
    volume = make_volume(WIDE, voxels=body(WIDE, centre_x_mm=0.0, half_width_mm=80.0))
    other = make_volume(WIDE, voxels=body(WIDE, centre_x_mm=25.0, half_width_mm=80.0))
    first = [midline_x_mm(volume, k) for k in (1, 1, 2, 1)]
    assert looked == [1, 2]
    assert midline_x_mm(other, 1) != pytest.approx(first[0])
    assert looked == [1, 2, 1]
