"""Place both hips so that their spaces are the ones asked for, and say what is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ifspace.model import Kind, SeedName, Side
from ifspace.phantom.bones import TROCHANTER_PROMINENCE_MM, Hip
from ifspace.phantom.outlines import Gap, Outline, Plane2D, nearest, radii_mm
from ifspace.phantom.spec import PhantomSpec
from ifspace.phantom.stack import CHILD_SCALE, PATIENT_CENTRE_LPS_MM, Stack, is_child

Floats = NDArray[np.float64]

# A slice shows the lesser trochanter where it stands out by half of its height.
SHOWN_SHARE = 0.5
# How far above the patient's centre each side's lesser trochanter lies: one is never exactly
# opposite the other.
LEVEL_MM = {Side.LEFT: -2.6, Side.RIGHT: 3.4}
# Slices further away than this from the trochanter are not given distances: the neck or the
# tip of the tuberosity would answer.
REACH_MM = 18.0
SOLVED_MM = 1e-6


@dataclass(frozen=True, eq=False)
class SliceTruth:
    """The true space of one kind and side in one slice."""

    slice_index: int
    value_mm: float
    start_lps_mm: Floats
    end_lps_mm: Floats
    shows_trochanter: bool


@dataclass(frozen=True, eq=False)
class SideTruth:
    """What is true of one side; slice indices count the stored order of the main series."""

    side: Side
    level_slices: tuple[int, ...]
    spaces: dict[Kind, tuple[SliceTruth, ...]]
    seeds_lps_mm: dict[SeedName, Floats]
    seed_slice: int

    def smallest(self, kind: Kind) -> SliceTruth:
        """Give the smallest space over the slices that show the lesser trochanter."""
        shown = [item for item in self.spaces[kind] if item.shows_trochanter]
        return min(shown, key=lambda item: item.value_mm)


def scale_of(spec: PhantomSpec) -> float:
    """Give the size of the patient with respect to the adult."""
    return CHILD_SCALE if is_child(spec) else 1.0


def place_hips(spec: PhantomSpec, stack: Stack) -> dict[Side, Hip]:
    """Solve both hips for the spaces that the spec asks for.

    Raises
    ------
    ValueError
        If no position of ischium and tendon gives these spaces.
    """
    return {side: _place_hip(spec, stack, side) for side in Side}


def _place_hip(spec: PhantomSpec, stack: Stack, side: Side) -> Hip:
    ifs_mm, qfs_mm = spec.space_mm(Kind.IFS, side), spec.space_mm(Kind.QFS, side)
    scale = scale_of(spec)
    # A narrow space comes half from a medial femur, half from a lateral ischium.
    femur_x_mm = 103.0 + 0.4 * (ifs_mm / scale - 20.0)
    hip = Hip(
        side=side,
        centre_lps_mm=PATIENT_CENTRE_LPS_MM + np.array([0.0, 0.0, LEVEL_MM[side]]),
        scale=scale,
        femur_x_mm=femur_x_mm,
        ischium_shift_mm=np.array([0.0, 12.0, 3.0]),
        tendon_reach_mm=4.0,
    )
    shown = level_slices(hip, stack)
    if not shown:
        message = "no slice shows the lesser trochanter; use more slices or a smaller slice step"
        raise ValueError(message)
    femur = outline(hip, stack, shown, hip.femur, hip.femur_axis_mm)
    towards = _medial_in_plane(hip, stack)

    def with_ischium(shift_mm: float) -> Hip:
        base = np.array([femur_x_mm - 26.0 - 13.0 - ifs_mm / scale, 12.0, 3.0])
        return replace(hip, ischium_shift_mm=base + shift_mm * towards)

    def ifs_error_mm(shift_mm: float) -> float:
        moved = with_ischium(shift_mm)
        bone = outline(moved, stack, shown, moved.ischium, moved.ischium_axis_mm)
        return float(np.nanmin(nearest(bone, femur).length_mm)) - ifs_mm

    hip = with_ischium(_solve(ifs_error_mm, -12.0, 14.0, f"an IFS of {ifs_mm} mm"))

    tendon = outline(hip, stack, shown, hip.iliopsoas, hip.iliopsoas_axis_xy_mm)

    def qfs_error_mm(reach_mm: float) -> float:
        moved = replace(hip, tendon_reach_mm=reach_mm)
        origin = outline(moved, stack, shown, moved.hamstring, moved.hamstring_axis_mm)
        return float(np.nanmin(_qfs_gap(origin, tendon, femur).length_mm)) - qfs_mm

    reach_mm = _solve(qfs_error_mm, 0.0, 30.0, f"a QFS of {qfs_mm} mm")
    return replace(hip, tendon_reach_mm=reach_mm)


def _solve(error: Callable[[float], float], low: float, high: float, wish: str) -> float:
    try:
        return float(brentq(error, low, high, xtol=SOLVED_MM))
    except ValueError as found:
        message = f"this phantom cannot have {wish}: {error(low):+.1f} to {error(high):+.1f} mm"
        raise ValueError(message) from found


def _medial_in_plane(hip: Hip, stack: Stack) -> Floats:
    """Give the unit vector of this side's frame that points medially within the slice planes."""
    normal = stack.normal_lps * [hip.sign, 1.0, 1.0]
    medial = np.array([-1.0, 0.0, 0.0])
    medial = medial - (medial @ normal) * normal
    return np.asarray(medial / np.linalg.norm(medial))


def outline(
    hip: Hip,
    stack: Stack,
    slices: tuple[int, ...],
    surface: Callable[..., object],
    axis: Callable[[float], tuple[float, float]],
) -> Outline:
    """Set up the outlines of one shape in some slices, from where its axis crosses them."""
    centres = np.array([_crossing(hip, stack, index, axis) for index in slices])
    return Outline(surface, centres, Plane2D(stack.along_row_lps, stack.along_column_lps))


def _crossing(
    hip: Hip, stack: Stack, index: int, axis: Callable[[float], tuple[float, float]]
) -> Floats:
    """Find where an axis of the side's frame crosses a slice plane."""
    normal, origin = stack.normal_lps, stack.origins_lps_mm[index]
    height = 0.0
    point = hip.centre_lps_mm
    # The axes are steep and the planes flat, so this shrinks the rest tenfold each time.
    for _ in range(60):
        point = hip.to_lps_mm(np.array([*(float(v) for v in axis(height)), height]))
        rest_mm = float(normal @ (point - origin))
        height -= rest_mm / (normal[2] * hip.scale)
        if abs(rest_mm) < 1e-12:
            break
    return np.asarray(point - normal * float(normal @ (point - origin)))


def prominence_mm(hip: Hip, stack: Stack) -> Floats:
    """Measure how far the lesser trochanter stands out of the femur in every slice, (n,)."""
    slices = tuple(range(len(stack.origins_lps_mm)))
    line = outline(hip, stack, slices, hip.femur, hip.femur_axis_mm)
    bare = hip.femur_without_trochanter
    angles = line.full_turn[:, ::3]
    with_it = radii_mm(hip.femur, line.centres_lps_mm, angles, line.axes)
    without = radii_mm(bare, line.centres_lps_mm, angles, line.axes)
    return np.asarray(np.nan_to_num(with_it - without).max(axis=1))


def level_slices(hip: Hip, stack: Stack) -> tuple[int, ...]:
    """List the slices that show the lesser trochanter."""
    shown = prominence_mm(hip, stack) >= SHOWN_SHARE * TROCHANTER_PROMINENCE_MM * hip.scale
    return tuple(int(index) for index in np.flatnonzero(shown))


def _qfs_gap(origin: Outline, tendon: Outline, femur: Outline) -> Gap:
    """Measure from the hamstring origin to the iliopsoas tendon or the nearer bone."""
    to_tendon, to_bone = nearest(origin, tendon), nearest(origin, femur)
    bone_first = ~(to_tendon.length_mm <= to_bone.length_mm)
    pick = bone_first[:, None]
    return Gap(
        np.where(bone_first, to_bone.length_mm, to_tendon.length_mm),
        np.where(pick, to_bone.start_lps_mm, to_tendon.start_lps_mm),
        np.where(pick, to_bone.end_lps_mm, to_tendon.end_lps_mm),
    )


def side_truth(hip: Hip, stack: Stack) -> SideTruth:
    """Say what is true of one side in every slice near its lesser trochanter."""
    shown = level_slices(hip, stack)
    heights_mm = [
        abs(_crossing(hip, stack, index, hip.femur_axis_mm)[2] - hip.centre_lps_mm[2])
        for index in range(len(stack.origins_lps_mm))
    ]
    near = tuple(i for i, height in enumerate(heights_mm) if height <= REACH_MM * hip.scale)
    near = tuple(sorted(set(near) | set(shown)))
    femur = outline(hip, stack, near, hip.femur, hip.femur_axis_mm)
    bone = outline(hip, stack, near, hip.ischium, hip.ischium_axis_mm)
    origin = outline(hip, stack, near, hip.hamstring, hip.hamstring_axis_mm)
    tendon = outline(hip, stack, near, hip.iliopsoas, hip.iliopsoas_axis_xy_mm)
    gaps = {Kind.IFS: nearest(bone, femur), Kind.QFS: _qfs_gap(origin, tendon, femur)}
    spaces = {kind: _rows(gap, near, shown) for kind, gap in gaps.items()}
    middle = shown[len(shown) // 2]
    seeds = {
        SeedName.FEMUR_MARROW: _crossing(hip, stack, middle, hip.femur_axis_mm),
        SeedName.ISCHIUM_MARROW: _crossing(hip, stack, middle, hip.ischium_axis_mm),
    }
    return SideTruth(hip.side, shown, spaces, seeds, middle)


def _rows(gap: Gap, near: tuple[int, ...], shown: tuple[int, ...]) -> tuple[SliceTruth, ...]:
    return tuple(
        SliceTruth(index, float(length), start, end, index in shown)
        for index, length, start, end in zip(
            near, gap.length_mm, gap.start_lps_mm, gap.end_lps_mm, strict=True
        )
        if np.isfinite(length)
    )
