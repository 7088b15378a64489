"""The truth the level is measured against: where slices lean, it must lean with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.hips import draw_hip, trochanter_tip, turn_matrix
from benchmarks.accuracy.labels import tall_scan
from benchmarks.accuracy.levels import apex_level, prominence, trochanter_slices


@pytest.fixture(params=[-10.0, 10.0], ids=["down", "up"])
def leaning(request):
    """Slices that lean sideways: the hip lies 80 mm from the axis they lean about."""
    rng = np.random.default_rng(3005)
    hip = draw_hip(rng)
    scan = tall_scan(hip, rng)
    turn = turn_matrix(0.0, request.param, 0.0)
    start = scan.start + (turn.T - scan.turn.T) @ trochanter_tip(hip)
    return hip, replace(scan, turn=turn, start=start)


def test_the_true_apex_is_found_where_the_slices_lean(leaning):
    hip, scan = leaning
    apex = apex_level(hip, scan)
    assert abs(apex) > 8
    for apart_mm in (-3.0, -1.0, 1.0, 3.0):
        assert prominence(hip, scan, apex + apart_mm) < prominence(hip, scan, apex)


def test_the_true_range_is_one_run_of_slices_around_the_apex(leaning):
    hip, scan = leaning
    shown = trochanter_slices(hip, scan)
    assert shown == tuple(range(shown[0], shown[-1] + 1))
    assert int(np.argmin(np.abs(scan.levels - apex_level(hip, scan)))) in shown[1:-1]
