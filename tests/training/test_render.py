"""A rendered slab shows what its labels say; needs the shape data, which is not in the project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SHAPES = Path(os.environ.get("IFSPACE_TRAIN_DATA", ROOT.parent / "shared" / "train")) / "shapes"
LEFT, POSTERIOR = 0, 1


@pytest.fixture(scope="module")
def model():
    if not (SHAPES / "llp26.npz").is_file():
        pytest.skip("no shape data: set IFSPACE_TRAIN_DATA to the folder that holds `shapes`")
    sys.path.insert(0, str(ROOT / "training"))
    from shapes import ShapeModel

    yield ShapeModel(SHAPES / "llp26.npz")
    sys.path.remove(str(ROOT / "training"))


def test_the_mean_pelvis_is_level_and_its_femora_lie_on_their_sides(model):
    from shapes import sphere_centre

    right, left = (sphere_centre(f[model.head]) for f in model.mean().femora)
    assert right == pytest.approx(-left, abs=1e-6)
    assert left[1:] == pytest.approx([0, 0], abs=1e-6)
    assert 70 < left[LEFT] < 105


def test_both_hip_bones_and_the_sacrum_are_their_own_surfaces(model):
    right, _, left = (model.pelvis_mean[part][:, LEFT].mean() for part in model.parts)
    assert right < left
    assert [len(f) for f in (*model.hip_faces, model.sacrum_faces)] == [3000, 3000, 4800]


def test_the_lesser_trochanter_lies_medially_behind_and_below_the_head(model):
    for sign, femur in zip((-1, 1), model.mean().femora, strict=True):
        apex, head = femur[model.apex], femur[model.head].mean(axis=0)
        assert 40 < head[2] - apex[2] < 60
        assert apex[POSTERIOR] > head[POSTERIOR] + 15
        shaft = femur[(femur[:, 2] < head[2] - 90) & (femur[:, 2] > head[2] - 180)].mean(axis=0)
        assert sign * (shaft[LEFT] - apex[LEFT]) > 0


def test_a_draw_is_the_same_again_and_another_seed_another(model):
    one, same, other = (model.draw(np.random.default_rng(n)).vertices() for n in (5, 5, 6))
    assert np.array_equal(one, same)
    assert np.abs(one - other).max() > 2
