"""The room for the muscle between two drawn bones, with dark bodies of known place between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ifspace.geometry import Plane
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks import Bone
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.borders.tendon import tendon_gap
from ifspace.model import Reason

CORTEX, MUSCLE = 10.0, 90.0
SIZE = (120, 180)
# Flat bones of 30 mm width that face each other over 40 mm.
ISCHIUM_X_MM, FEMUR_X_MM = 20.0, 60.0
LEVEL = TissueSignal(CORTEX, MUSCLE)


def drawn(*bodies: tuple[float, float, float, float], noise: float = 0.0) -> Patch:
    """Muscle between two bones, with dark ellipses of (x, y, half width, half height) in mm."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] * RASTER_MM
    signal = np.full(SIZE, MUSCLE)
    signal[(x < ISCHIUM_X_MM) | (x > FEMUR_X_MM)] = 300.0
    for at_x, at_y, half_width, half_height in bodies:
        outside = np.hypot((x - at_x) / half_width, (y - at_y) / half_height) - 1.0
        share = np.clip(0.5 - outside * min(half_width, half_height) / RASTER_MM, 0.0, 1.0)
        signal = signal * (1 - share) + CORTEX * share
    signal = signal + np.random.default_rng(3).normal(0.0, noise, SIZE)
    plane = Plane(
        np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), RASTER_MM, RASTER_MM, SIZE
    )
    return Patch(0, plane, signal, np.ones(SIZE, bool))


def ends_of(femur_x_mm: float = FEMUR_X_MM):
    return np.array([[ISCHIUM_X_MM, 30.0], [femur_x_mm, 30.0]])


def room_in(patch: Patch, femur_x_mm: float = FEMUR_X_MM):
    y_mm = np.arange(15.0, 45.0, 0.2)
    bones = {
        Bone.ISCHIUM: np.stack([np.full_like(y_mm, ISCHIUM_X_MM), y_mm], axis=1),
        Bone.FEMUR: np.stack([np.full_like(y_mm, femur_x_mm), y_mm], axis=1),
    }
    return tendon_gap(patch, LEVEL, bones, ends_of(femur_x_mm))


def test_without_a_tendon_the_bones_limit_the_room():
    room = room_in(drawn())
    assert room.value_mm == pytest.approx(40.0, abs=0.01)
    assert not any(room.capped.values())


def test_a_tendon_on_the_bone_limits_the_room():
    room = room_in(drawn((22.0, 30.0, 4.0, 4.0)))
    assert room.value_mm == pytest.approx(34.0, abs=0.3)
    assert room.capped == {Bone.ISCHIUM: True, Bone.FEMUR: False}


@pytest.mark.parametrize("femur_x_mm", [38.0, 39.5, 40.0, 40.2])
@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_a_dark_band_from_bone_to_bone_leaves_no_room_and_the_reason(femur_x_mm, noise):
    room = room_in(drawn((30.0, 30.0, 14.0, 6.0), noise=noise), femur_x_mm)
    refusal = room.refusal(7, ends_of(femur_x_mm))
    assert (refusal.slice_index, refusal.reason) == (7, Reason.LOW_CONFIDENCE)
    assert "from bone to bone" in refusal.detail


def test_a_tendon_with_a_layer_of_muscle_beside_it_limits_the_room():
    room = room_in(drawn((26.0, 30.0, 4.0, 4.0)))
    assert room.value_mm == pytest.approx(30.0, abs=0.3)
    assert room.capped == {Bone.ISCHIUM: True, Bone.FEMUR: False}


def test_a_dark_body_in_the_middle_of_the_muscle_belongs_to_no_bone():
    room = room_in(drawn((40.0, 30.0, 4.0, 4.0)))
    assert room.value_mm == pytest.approx(40.0, abs=0.01)


@pytest.mark.parametrize(
    "body", [(23.0, 30.0, 0.6, 8.0), (24.0, 30.0, 1.5, 12.0)], ids=["thin", "long"]
)
def test_a_strand_beside_the_bone_is_no_tendon(body):
    room = room_in(drawn(body))
    assert room.value_mm == pytest.approx(40.0, abs=0.01)


def test_specks_of_noise_on_the_bone_do_not_narrow_the_room():
    room = room_in(drawn(noise=80.0))
    assert room.value_mm == pytest.approx(40.0, abs=0.5)


@pytest.mark.parametrize("bodies", [(), ((58.0, 30.0, 4.0, 4.0),)], ids=["none", "iliopsoas only"])
def test_without_a_tendon_on_the_ischial_side_there_is_no_space(bodies):
    """The space between the bones stood for it: 37.5 mm for both, where readers say 27 and 14."""
    refusal = room_in(drawn(*bodies)).refusal(7, ends_of())
    assert (refusal.slice_index, refusal.reason) == (7, Reason.LOW_CONFIDENCE)
    assert "no hamstring tendon" in refusal.detail


def test_a_tendon_on_the_ischial_side_gives_a_space():
    assert room_in(drawn((22.0, 30.0, 4.0, 4.0))).refusal(7, ends_of()) is None


def test_tendons_that_would_fill_most_of_the_gap_are_not_believed():
    """Dark tissue behind the muscle gave 4 mm, where readers say 15."""
    room = room_in(drawn((24.0, 30.0, 9.0, 9.0), (56.0, 30.0, 9.0, 9.0)))
    assert room.value_mm < 20.0
    assert "dark tissue behind the muscle" in room.refusal(7, ends_of()).detail


def test_a_space_on_the_line_between_the_bones_is_refused():
    room = replace(room_in(drawn((22.0, 30.0, 4.0, 4.0))), ischium_mm=ends_of()[0])
    room = replace(room, femur_mm=ends_of()[1], value_mm=40.0)
    assert "on the line between the bones" in room.refusal(7, ends_of()).detail
