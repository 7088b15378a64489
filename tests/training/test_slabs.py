"""What the network is taught is cut out of a slab at the right place and distance."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

STEP_MM = 5.0
APEX_KJI = (4.5, 100.0, 60.0)


@pytest.fixture(scope="module", autouse=True)
def recipes():
    """The recipes are scripts beside each other, no package."""
    folder = str(Path(__file__).parents[2] / "training")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture
def slab():
    image = np.broadcast_to(np.arange(10.0)[:, None, None], (10, 160, 200)).astype(np.float16)
    labels = np.zeros(image.shape, np.uint8)
    labels[:, 80:120, 40:80] = 1
    apices = np.array([APEX_KJI, (4.5, 100.0, 400.0)], np.float32)
    return {"image": image, "labels": labels, "step_mm": np.float64(STEP_MM), "apices": apices}


def test_the_planes_lie_at_their_distances_and_the_end_slice_is_repeated(slab):
    from slabs import PLANES_MM, planes_at

    middle = planes_at(slab["image"], 4, STEP_MM, [0, 0])[:, 5, 5]
    assert middle == pytest.approx(4 + np.array(PLANES_MM) / STEP_MM, abs=1e-3)
    assert planes_at(slab["image"], 0, STEP_MM, [0, 0])[:3, 5, 5] == pytest.approx([0, 0, 0])


def test_height_is_told_on_the_femur_alone_and_in_slices_above_the_apex_it_is_positive(slab):
    from slabs import HEIGHT_UNIT_MM, sample

    heights = set()
    for seed in range(80):
        _, labels, _, height = sample(slab, np.random.default_rng(seed))
        assert np.isfinite(height).sum() == (labels == 1).sum()
        heights |= set(np.unique(np.round(height[np.isfinite(height)] * HEIGHT_UNIT_MM, 2)))
    assert heights == {(k - APEX_KJI[0]) * STEP_MM for k in range(10)}


def test_the_heat_is_greatest_at_the_apex(slab):
    from slabs import CROP, sample

    hottest = max(
        (sample(slab, np.random.default_rng(seed)) for seed in range(30)),
        key=lambda parts: parts[2].max(),
    )
    row, column = np.unravel_index(hottest[2].argmax(), (CROP, CROP))
    rows, columns = np.nonzero(hottest[1])
    assert abs(row - rows.mean()) < 2
    assert abs(column - columns.mean()) < 2
    assert hottest[2].max() > 0.8
