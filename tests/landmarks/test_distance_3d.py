from __future__ import annotations

import numpy as np
import pytest

from ifspace.landmarks.labels.distance_3d import smallest_in_space

ANGLES = np.linspace(0, 2 * np.pi, 200, endpoint=False)
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def ball(x_mm: float, z_mm: float, radius_mm: float, heights) -> dict[float, np.ndarray]:
    """Cross-sections of a ball, about (x, 50, z)."""
    radii = {h: np.sqrt(max(radius_mm**2 - (h - z_mm) ** 2, 0.0)) for h in heights}
    return {h: r * CIRCLE + [x_mm, 50.0] for h, r in radii.items() if r > 2.0}


@pytest.mark.parametrize("step_mm", [2.0, 4.0])
def test_two_balls_at_different_heights_are_nearest_along_their_centres(step_mm):
    heights = np.arange(-24.0, 24.1, step_mm)
    femur, ischium = ball(60.0, 6.0, 14.0, heights), ball(20.0, -6.0, 12.0, heights)
    found = smallest_in_space(femur, ischium, (-8.0, 12.0))
    assert found == pytest.approx(np.hypot(40.0, 12.0) - 26.0, abs=0.4)
    in_slices = min(
        np.linalg.norm(femur[h][:, None] - ischium[h], axis=2).min() for h in femur if h in ischium
    )
    assert in_slices > found + 0.8


def test_what_lies_beyond_the_reach_of_the_ischium_does_not_count():
    heights = np.arange(-40.0, 60.1, 4.0)
    femur = {h: 14.0 * CIRCLE + [60.0, 50.0] for h in heights}
    ischium = ball(20.0, 0.0, 12.0, heights) | {
        h: 12.0 * CIRCLE + [32.0, 50.0] for h in heights if h > 30.0
    }
    assert smallest_in_space(femur, ischium, (-8.0, 8.0)) == pytest.approx(14.0, abs=0.3)


def test_a_single_slice_has_no_distance_in_space():
    femur, ischium = {0.0: CIRCLE * 10}, {0.0: CIRCLE * 10 + 40.0, 4.0: CIRCLE * 10 + 40.0}
    assert smallest_in_space(femur, ischium, (0.0, 0.0)) is None
