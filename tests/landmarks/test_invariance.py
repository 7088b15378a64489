"""Scanners choose offset and scale of the stored signal: the millimetres do not depend on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ifspace.landmarks import from_seeds
from ifspace.model import Kind


@pytest.fixture(scope="module")
def plain(hip, t1, seeds):
    return from_seeds(t1, seeds, hip.side, hip.level_range)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 200.0), (1e-3, -0.5)])
def test_offset_and_scale_of_the_signal_do_not_move_the_distance(
    hip, t1, seeds, plain, scale, offset
):
    voxels = t1.voxels.astype(np.float64) * scale + offset
    found = from_seeds(replace(t1, voxels=voxels), seeds, hip.side, hip.level_range)
    assert len(found.readings(Kind.IFS)) == len(plain.readings(Kind.IFS)) > 0
    for one, other in zip(found.readings(Kind.IFS), plain.readings(Kind.IFS), strict=True):
        assert one.value_mm == pytest.approx(other.value_mm, abs=0.01)
        assert one.u95_mm == pytest.approx(other.u95_mm, abs=0.01)
