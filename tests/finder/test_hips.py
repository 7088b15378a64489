"""The network's maps become hips: right side, right level, refusals with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.finder.hips import FoundHip, bone_labels, hips_in
from ifspace.finder.network import FEMUR, HAMSTRING, ISCHIUM, Maps
from ifspace.finder.raster import RASTER_MM, Stack
from ifspace.geometry import Grid
from ifspace.model import Reason, Refusal, Side

STEP_MM = 5.0
SHAPE = (12, 96, 256)
APEX_NUMBER = 5.4
# Column of the middle of femur and ischium; columns run to the patient's left.
FEMUR_AT = {Side.RIGHT: 40, Side.LEFT: 216}
ISCHIUM_AT = {Side.RIGHT: 80, Side.LEFT: 176}


def stack() -> Stack:
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, RASTER_MM], [0, RASTER_MM, 0], [STEP_MM, 0, 0]]
    affine[:3, 3] = (-150.0, -60.0, -700.0)
    seen = np.ones(SHAPE, bool)
    heights = np.arange(SHAPE[0]) * STEP_MM
    # The volume stores its slices from the head down.
    indices = tuple(range(SHAPE[0]))[::-1]
    return Stack(seen.astype(np.float32), seen, heights, indices, Grid(SHAPE, affine))


def maps(sides=tuple(Side), *, without_ischium=False) -> Maps:
    probabilities = np.zeros((SHAPE[0], 7, *SHAPE[1:]), np.float32)
    height = np.zeros(SHAPE, np.float32)
    for side in sides:
        femur = slice(FEMUR_AT[side] - 12, FEMUR_AT[side] + 12)
        ischium = slice(ISCHIUM_AT[side] - 8, ISCHIUM_AT[side] + 8)
        probabilities[:, FEMUR, 40:64, femur] = 0.9
        if not without_ischium:
            probabilities[:, ISCHIUM, 50:66, ischium] = 0.8
    probabilities[:, 0] = 1 - probabilities.sum(axis=1)
    height += ((np.arange(SHAPE[0]) - APEX_NUMBER) * STEP_MM)[:, None, None]
    return Maps(probabilities, np.zeros(SHAPE, np.float32), height)


def test_the_side_is_where_the_femur_lies_beside_its_ischium():
    for side, other in ((Side.LEFT, Side.RIGHT), (Side.RIGHT, Side.LEFT)):
        found = hips_in(stack(), maps((side,)))
        assert isinstance(found[side], FoundHip)
        assert isinstance(found[other], Refusal)
        assert found[other].reason is Reason.SIDE_NOT_SHOWN


def test_the_slices_agree_on_the_level_and_name_the_volumes_slices():
    hip = hips_in(stack(), maps())[Side.LEFT]
    assert hip.apex_height_mm == pytest.approx(APEX_NUMBER * STEP_MM, abs=0.1)
    # Slice 5 of the stack is number 6 from the head.
    assert hip.apex == 6
    assert (hip.first, hip.last) == (3, 7)


def test_a_slice_whose_height_is_wrong_is_outvoted():
    said = maps()
    said.height_mm[8] += 30.0
    hip = hips_in(stack(), said)[Side.RIGHT]
    assert hip.apex_height_mm == pytest.approx(APEX_NUMBER * STEP_MM, abs=0.1)


def test_the_level_lies_between_the_votes_and_the_mark_and_their_distance_is_doubt():
    said = maps()
    said.heat[4, 45:60, FEMUR_AT[Side.LEFT]] = 0.9
    found = hips_in(stack(), said)
    assert found[Side.LEFT].apex_height_mm == pytest.approx(
        (APEX_NUMBER + 4) / 2 * STEP_MM, abs=0.1
    )
    # The other side has votes alone, which agree with each other.
    assert found[Side.LEFT].confidence < found[Side.RIGHT].confidence


def test_a_femur_without_hip_bone_has_no_side():
    found = hips_in(stack(), maps(without_ischium=True))
    assert {answer.reason for answer in found.values()} == {Reason.SIDE_NOT_SHOWN}


def test_a_level_above_the_slices_is_refused():
    said = maps()
    said.height_mm[:] -= 60.0
    found = hips_in(stack(), said)
    assert {answer.reason for answer in found.values()} == {Reason.LEVEL_NOT_COVERED}


def test_a_seed_lies_in_the_middle_of_the_bone():
    hip = hips_in(stack(), maps())[Side.LEFT]
    point = hip.seed_lps_mm(hip.ischium, hip.apex)
    middle = hip.stack.grid.to_lps_mm([5, 57.5, ISCHIUM_AT[Side.LEFT] - 0.5])
    assert point == pytest.approx(middle, abs=2 * RASTER_MM)


def test_labels_carry_the_patients_sides():
    labels = bone_labels(hips_in(stack(), maps()))
    left = labels.grid.to_lps_mm(np.argwhere(labels.mask("femur_left")).mean(axis=0))
    right = labels.grid.to_lps_mm(np.argwhere(labels.mask("femur_right")).mean(axis=0))
    assert left[0] > right[0]


def test_a_hamstring_origin_is_looked_for_in_its_slice_and_near_the_point():
    said = maps()
    said.probabilities[5, HAMSTRING, 60:64, ISCHIUM_AT[Side.LEFT] + 8] = 0.6
    hip = hips_in(stack(), said)[Side.LEFT]
    near = hip.stack.grid.to_lps_mm([5, 62, ISCHIUM_AT[Side.LEFT] + 10])
    beside = hip.stack.grid.to_lps_mm([6, 62, ISCHIUM_AT[Side.LEFT] + 10])
    assert hip.has_hamstring_at(near, 6.0)
    assert not hip.has_hamstring_at(beside, 6.0)
    assert not hip.has_hamstring_at(near + np.array([30.0, 0.0, 0.0]), 6.0)
