"""However a series is stored, the network sees the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.finder.raster import MULTIPLE, PLANES_MM, RASTER_MM, stack_of
from ifspace.geometry import Floats


@pytest.fixture
def bright_ball(stored, volume_of):
    """A volume with one bright ball off its centre, and where the ball is."""
    middle = np.array(stored.shape_kji) * (0.4, 0.35, 0.6)
    grid = volume_of(stored).grid
    centre_lps_mm = grid.to_lps_mm(middle)
    points = grid.to_lps_mm(np.stack(np.indices(stored.shape_kji), axis=-1))
    distance_mm = np.linalg.norm(points - centre_lps_mm, axis=-1)
    voxels = np.where(distance_mm < 9.0, 1000.0, 300.0).astype(np.float32)
    return volume_of(stored, voxels=voxels), centre_lps_mm


def test_a_bright_ball_is_where_it_was_put_in_every_stored_orientation(bright_ball):
    volume, centre_lps_mm = bright_ball
    stack = stack_of(volume)
    ball = np.argwhere(stack.signal > 0.5)
    assert stack.grid.to_lps_mm(ball.mean(axis=0)) == pytest.approx(centre_lps_mm, abs=1.3)


def test_slices_run_upwards_and_columns_to_the_left(bright_ball):
    stack = stack_of(bright_ball[0])
    step: Floats = stack.grid.affine_lps_mm[:3, :3]
    assert min(step[2, 0], step[1, 1], step[0, 2]) > 0
    assert np.all(np.diff(stack.heights_mm) > 0)
    assert {n % MULTIPLE for n in stack.signal.shape[1:]} == {0}


def test_every_slice_of_the_stack_is_the_slice_it_names(bright_ball):
    volume = bright_ball[0]
    stack = stack_of(volume)
    for number, k in enumerate(stack.slice_indices):
        corner = stack.grid.to_lps_mm([number, 0, 0])
        assert float(volume.slices[k].plane.height_mm(corner)) == pytest.approx(0.0, abs=1e-6)


def test_the_picture_does_not_depend_on_scale_and_offset(stored, volume_of, bright_ball):
    volume = bright_ball[0]
    other = volume_of(stored, voxels=volume.voxels * 7.0 + 50.0)
    assert stack_of(other).signal == pytest.approx(stack_of(volume).signal, abs=1e-4)


def test_the_planes_lie_at_their_true_distances(stored, volume_of):
    voxels = np.broadcast_to(
        np.arange(stored.shape_kji[0], dtype=np.float32)[:, None, None], stored.shape_kji
    ).copy()
    stack = stack_of(volume_of(stored, voxels=voxels))
    middle = len(stack.signal) // 2
    at = [n // 2 for n in stack.signal.shape[1:]]
    values = stack.planes(middle)[:, at[0], at[1]]
    slope = (stack.signal[middle + 1] - stack.signal[middle - 1])[at[0], at[1]] / 2
    offsets_mm = (values - values[2]) / slope * stored.slice_step_mm
    # Twelve millimetres up and down are beyond the ends of this short stack.
    assert offsets_mm[1:4] == pytest.approx(PLANES_MM[1:4], abs=0.05)


def test_pixels_are_resampled_to_the_networks_size(bright_ball):
    spacing_mm = stack_of(bright_ball[0]).grid.spacing_kji_mm
    assert spacing_mm[1:] == pytest.approx([RASTER_MM, RASTER_MM])
