"""One series shown on the slices of another lies where the patient is, however both are stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import PLAIN, STORAGES, Storage, make_volume, pixel_lps_mm

from ifspace.geometry import Plane
from ifspace.image import same_frame, values_on
from ifspace.model import Volume

# A signal that is linear in patient coordinates comes through linear interpolation unchanged.
SLOPE = np.array([3.0, -2.0, 5.0])


def ramp(stored: Storage) -> Volume:
    """A volume whose signal says where in the patient each voxel lies."""
    slices, rows, columns = stored.shape_kji
    kji = np.stack(np.meshgrid(*map(np.arange, stored.shape_kji), indexing="ij"), axis=-1)
    origin = pixel_lps_mm(stored, (0, 0, 0))
    steps = [pixel_lps_mm(stored, kji_one) - origin for kji_one in np.eye(3)]
    points = origin + kji.reshape(-1, 3) @ np.stack(steps)
    voxels = (points @ SLOPE).reshape(slices, rows, columns).astype(np.float32)
    return make_volume(stored, voxels=voxels)


def plane_at(centre_lps_mm: np.ndarray, *, tilt_deg: float = 0.0, turn_deg: float = 0.0) -> Plane:
    """A small plane of another series around a point, with its own unequal spacing."""
    tilt, turn = np.radians([tilt_deg, turn_deg])
    row = np.array([np.cos(turn), np.sin(turn), 0.0])
    column = np.array([-np.sin(turn), np.cos(turn), 0.0]) * np.cos(tilt)
    column[2] = np.sin(tilt)
    rows, columns = 11, 15
    corner = centre_lps_mm - row * 0.9 * (columns - 1) / 2 - column * 0.7 * (rows - 1) / 2
    return Plane(corner, row, column, 0.7, 0.9, (rows, columns))


def middle_of(stored: Storage) -> np.ndarray:
    slices, rows, columns = stored.shape_kji
    return pixel_lps_mm(stored, ((slices - 1) / 2, (rows - 1) / 2, (columns - 1) / 2))


@pytest.mark.parametrize("angles", [(0.0, 0.0), (0.0, 37.0), (25.0, -10.0)])
def test_every_value_is_the_one_at_its_patient_position(
    stored: Storage, angles: tuple[float, float]
) -> None:
    plane = plane_at(middle_of(stored), tilt_deg=angles[0], turn_deg=angles[1])
    values = values_on(ramp(stored), plane)
    j, i = np.meshgrid(np.arange(11), np.arange(15), indexing="ij")
    points = (
        plane.origin_lps_mm
        + j[..., None] * 0.7 * plane.along_column_lps
        + i[..., None] * 0.9 * plane.along_row_lps
    )
    assert values == pytest.approx(points @ SLOPE, abs=0.01)


def test_a_volume_on_its_own_slice_is_unchanged(stored: Storage) -> None:
    volume = ramp(stored)
    values = values_on(volume, volume.slices[3].plane)
    assert values == pytest.approx(volume.voxels[3], abs=1e-3)


def test_a_bright_voxel_is_shown_where_it_is() -> None:
    voxels = np.zeros(PLAIN.shape_kji, np.float32)
    voxels[2, 40, 60] = 100.0
    plane = plane_at(pixel_lps_mm(PLAIN, (2, 40, 60)), turn_deg=20.0)
    values = values_on(make_volume(PLAIN, voxels=voxels), plane)
    assert np.unravel_index(values.argmax(), values.shape) == (5, 7)
    assert values.max() == pytest.approx(100.0)


@pytest.mark.parametrize("stored", [STORAGES[0], STORAGES[1], STORAGES[16]], ids=lambda s: s.name)
def test_beyond_the_outermost_slice_there_is_half_a_step_and_then_nothing(stored: Storage) -> None:
    volume = ramp(stored)
    normal = np.cross(stored.along_row, stored.along_column) * stored.slice_sign
    first = volume.slices[0].plane.to_lps_mm([50, 70])
    near = replace(volume.slices[0].plane, origin_lps_mm=first - 2.1 * normal, shape_ji=(3, 3))
    far = replace(near, origin_lps_mm=first - 2.3 * normal)
    assert np.isfinite(values_on(volume, near)).all()
    assert np.isnan(values_on(volume, far)).all()


def test_beyond_the_edge_of_the_image_there_is_nothing() -> None:
    plane = plane_at(pixel_lps_mm(PLAIN, (2, 0, 0)))
    values = values_on(ramp(PLAIN), plane)
    assert np.isnan(values[0, 0])
    assert np.isfinite(values[-1, -1])


def test_uneven_slices_are_taken_where_they_are() -> None:
    volume = ramp(PLAIN)
    kept = [0, 1, 2, 5]
    gapped = Volume(
        volume.series, tuple(volume.slices[k] for k in kept), volume.voxels[kept].copy()
    )
    plane = plane_at(pixel_lps_mm(PLAIN, (4.0, 50, 70)))
    points = plane.to_lps_mm(np.stack(np.meshgrid(range(11), range(15), indexing="ij"), -1))
    assert values_on(gapped, plane) == pytest.approx(points @ SLOPE, abs=0.01)


def test_a_single_slice_reaches_half_of_its_thickness() -> None:
    volume = ramp(PLAIN)
    series = replace(volume.series, slice_thickness_mm=4.0)
    one = Volume(series, volume.slices[:1], volume.voxels[:1].copy())
    middle = pixel_lps_mm(PLAIN, (0, 50, 70))
    assert np.isfinite(values_on(one, plane_at(middle + np.array([0.0, 0.0, 1.9])))).all()
    assert np.isnan(values_on(one, plane_at(middle + np.array([0.0, 0.0, 2.1])))).all()


@pytest.mark.parametrize(
    ("uids", "same"), [(("1.2", "1.2"), True), (("1.2", "1.3"), False), ((None, "1.2"), None)]
)
def test_only_equal_frames_of_reference_say_that_positions_correspond(
    uids: tuple[str | None, str | None], same: bool | None
) -> None:
    first, second = (make_volume(PLAIN, frame_of_reference_uid=uid).series for uid in uids)
    assert same_frame(first, second) is same
