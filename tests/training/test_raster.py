"""The geometry that rendering rests on: surfaces become voxels of the right size and place."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).parents[2] / "training"


@pytest.fixture(scope="module", autouse=True)
def recipes():
    """The recipes are scripts beside each other, no package."""
    sys.path.insert(0, str(TRAINING))
    yield
    sys.path.remove(str(TRAINING))


def octahedron(centre, radius):
    corners = np.concatenate([np.eye(3), -np.eye(3)]) * radius + centre
    faces = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    return corners, np.array(faces)


@pytest.mark.parametrize("inside_out", [False, True])
def test_a_closed_surface_is_filled_whatever_the_order_of_its_corners(inside_out):
    from raster import occupancy

    centre, radius = np.array([3.3, -2.1, 7.7]), 20.0
    vertices, faces = octahedron(centre, radius)
    axes = [np.arange(-30, 40, 1.1), np.arange(-30, 30, 0.9), np.arange(-20, 35, 1.3)]
    filled = occupancy(vertices, faces[:, ::-1] if inside_out else faces, axes)
    volume_mm3 = filled.sum() * 1.1 * 0.9 * 1.3
    assert volume_mm3 == pytest.approx(4 / 3 * radius**3, rel=0.01)
    at = [np.average(axes[2 - n], weights=filled.sum(tuple({0, 1, 2} - {n}))) for n in (2, 1, 0)]
    assert at == pytest.approx(centre, abs=0.1)


def test_depth_grows_by_a_millimetre_per_millimetre_below_a_flat_surface():
    from raster import depth_mm

    x = np.arange(60) * 0.8
    filled = np.broadcast_to(np.clip((x - 20.0) / 0.8 + 0.5, 0, 1), (20, 30, 60))
    depth = depth_mm(filled.astype(np.float32), np.array([2.0, 0.8, 0.8]))[10, 15]
    near = np.abs(x - 20.0) < 3.5
    assert depth[near] == pytest.approx((x - 20.0)[near], abs=0.15)


def test_noise_of_a_seed_is_the_same_again():
    from raster import noise

    spacing = np.array([2.0, 1.0, 1.0])
    one, other = (noise(np.random.default_rng(4), (12, 40, 50), spacing, 9.0) for _ in range(2))
    assert np.array_equal(one, other)
    assert one.std() == pytest.approx(1.0, abs=0.35)
