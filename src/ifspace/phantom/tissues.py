"""What is painted: the soft tissue around the bones, from the skin inwards, in order.

Muscles are bundles of straps given at a few heights; positions are read off the general anatomy
of axial slices at the level of the lesser trochanter, in the frame of :mod:`ifspace.phantom.bones`.
A later tissue covers an earlier one; each muscle leaves a thin layer of fat around itself, which
is what makes the planes between muscles visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from ifspace.model import Side
from ifspace.phantom.bones import HEAD_FROM_SHAFT_MM, HEAD_RADIUS_MM, ISCHIUM_CORTEX_MM, Hip
from ifspace.phantom.muscles import ARTERY, LEVATOR, MUSCLES, VEIN, Strap
from ifspace.phantom.shapes import Array, ellipse, ellipsoid, smooth_union, strap


class Tissue(StrEnum):
    """What has its own signal."""

    FAT = "fat"
    SKIN = "skin"
    MUSCLE = "muscle"
    QUADRATUS = "quadratus"
    CORTEX = "cortex"
    FEMUR_MARROW = "femur_marrow"
    ISCHIUM_MARROW = "ischium_marrow"
    TENDON = "tendon"
    NERVE = "nerve"
    VESSEL = "vessel"
    CARTILAGE = "cartilage"
    ORGAN = "organ"
    FLUID = "fluid"


Box = tuple[tuple[float, float, float], tuple[float, float, float]]
Shape = Callable[[Any, Any, Any], Array]


@dataclass(frozen=True, eq=False)
class Paint:
    """One layer: a shape in patient millimetres, the box it lies in, and its tissue."""

    tissue: Tissue
    shape: Shape
    box_lps_mm: Box
    halo_mm: float = 0.0


BODY_HALF_WIDTH_MM, BODY_HALF_DEPTH_MM, BODY_MIDDLE_Y_MM = 174.0, 98.0, -12.0
CLEFT_FROM_Y_MM = 44.0
SKIN_MM = 2.2
FASCIA_MM = 1.3
# What is told up to here, or down to here, goes on beyond what is told.
RUNS_ON_MM, FAR_MM = 50.0, 300.0
EVERYWHERE: Box = ((-260.0, -260.0, -400.0), (260.0, 260.0, 400.0))


def paints(hips: Mapping[Side, Hip]) -> Iterator[Paint]:
    """List everything to paint, from the outside in."""
    right, left = hips[Side.RIGHT], hips[Side.LEFT]
    yield from _body(left)
    for hip in (right, left):
        yield from _muscles(hip)
    yield from _pelvic_organs(left)
    for hip in (right, left):
        yield from _between_the_bones(hip)
        yield from _bones(hip)


def _box(hip: Hip, low: tuple[float, float, float], high: tuple[float, float, float]) -> Box:
    corners = hip.to_lps_mm(np.array([low, high]))
    return tuple(corners.min(axis=0)), tuple(corners.max(axis=0))


def _central(hip: Hip, shape: Shape) -> Shape:
    """Lift a midline shape, of adult millimetres with x to the left, into the patient."""

    def placed(x: Any, y: Any, z: Any) -> Array:
        xs, ys, h = hip.to_side(x, y, z)
        return np.asarray(hip.scale * shape(xs, ys, h))

    return placed


def _body_surface(x: Any, y: Any, h: Any) -> Array:
    """Outline of the trunk: flat where it lies, round in front, a cleft in the midline."""
    half_width = BODY_HALF_WIDTH_MM + 0.05 * h
    trunk = ellipse(x, y - BODY_MIDDLE_Y_MM, half_width, BODY_HALF_DEPTH_MM)
    # Two buttocks that meet in the midline.
    cheek = strap(np.abs(x), y, (57.0, 30.0, 56.0), (108.0, 20.0, 58.0))
    skin = smooth_union(trunk, cheek, 6.0) + 0.0 * h
    # The cleft: a slit between them, opening backwards.
    half_slit = 0.9 + 0.030 * np.maximum(y - 62.0, 0.0) ** 1.5
    slit = np.maximum(np.abs(x) - half_slit, CLEFT_FROM_Y_MM - y)
    return np.asarray(np.maximum(skin, -slit))


def _body(hip: Hip) -> Iterator[Paint]:
    body = _central(hip, _body_surface)
    yield Paint(Tissue.SKIN, body, EVERYWHERE)
    yield Paint(Tissue.FAT, lambda x, y, z: body(x, y, z) + SKIN_MM, EVERYWHERE)


def _muscles(hip: Hip) -> Iterator[Paint]:
    for straps in MUSCLES.values():
        yield _strap_paint(hip, Tissue.MUSCLE, *straps, halo_mm=FASCIA_MM)
    yield _strap_paint(hip, Tissue.MUSCLE, LEVATOR, halo_mm=0.8)
    yield _strap_paint(hip, Tissue.VESSEL, ARTERY)
    yield _strap_paint(hip, Tissue.VESSEL, VEIN)


def _strap_paint(hip: Hip, tissue: Tissue, *straps: Strap, halo_mm: float = 0.0) -> Paint:
    """Make one layer of straps that belong together."""

    def one(strap_keys: Strap, xs: Any, ys: Any, h: Any) -> Array:
        heights = [key[0] for key in strap_keys]
        x1, y1, r1, x2, y2, r2 = (
            np.interp(h, heights, [key[i] for key in strap_keys]).astype(xs.dtype)
            for i in range(1, 7)
        )
        flat = strap(xs, ys, (x1, y1, r1), (x2, y2, r2))
        if heights[-1] < RUNS_ON_MM:
            flat = np.maximum(flat, h - heights[-1])
        if heights[0] > -RUNS_ON_MM:
            flat = np.maximum(flat, heights[0] - h)
        return np.asarray(flat)

    def shape(x: Any, y: Any, z: Any) -> Array:
        xs, ys, h = hip.to_side(x, y, z)
        whole = one(straps[0], xs, ys, h)
        for each in straps[1:]:
            whole = smooth_union(whole, one(each, xs, ys, h), 4.0)
        return np.asarray(hip.scale * whole)

    keys = np.array([key for each in straps for key in each])
    radius = float(keys[:, [3, 6]].max()) + 4.0
    bottom, top = float(keys[:, 0].min()), float(keys[:, 0].max())
    bottom = bottom if bottom > -RUNS_ON_MM else -FAR_MM
    top = top if top < RUNS_ON_MM else FAR_MM
    low = (keys[:, [1, 4]].min() - radius, keys[:, [2, 5]].min() - radius, bottom)
    high = (keys[:, [1, 4]].max() + radius, keys[:, [2, 5]].max() + radius, top)
    return Paint(tissue, shape, _box(hip, low, high), halo_mm * hip.scale)


def _pelvic_organs(hip: Hip) -> Iterator[Paint]:
    def tube(y: float, half: tuple[float, float]) -> Shape:
        return lambda xs, ys, h: ellipse(xs, ys - y, half[0], half[1]) + 0.0 * h

    box = _box(hip, (-30.0, -60.0, -FAR_MM), (30.0, 70.0, FAR_MM))
    for tissue, y, half in (
        (Tissue.ORGAN, 26.0, (12.0, 14.0)),
        (Tissue.MUSCLE, 26.0, (8.0, 10.0)),
        (Tissue.FLUID, 26.0, (2.2, 5.0)),
        (Tissue.ORGAN, 2.0, (11.0, 5.5)),
        (Tissue.MUSCLE, -16.0, (7.5, 7.0)),
        (Tissue.ORGAN, -16.0, (4.0, 4.0)),
    ):
        yield Paint(tissue, _central(hip, tube(y, half)), box, 1.0)

    def bladder(xs: Any, ys: Any, h: Any) -> Array:
        return ellipsoid(xs, ys + 20.0, h - 66.0, (34.0, 22.0, 26.0))

    wide = _box(hip, (-60.0, -60.0, 20.0), (60.0, 40.0, 100.0))
    yield Paint(Tissue.MUSCLE, lambda x, y, z: _central(hip, bladder)(x, y, z) - 2.5, wide, 1.0)
    yield Paint(Tissue.FLUID, _central(hip, bladder), wide)
    disc = _central(hip, lambda xs, ys, h: ellipsoid(xs, ys + 54.0, h - 24.0, (9.0, 13.0, 22.0)))
    yield Paint(Tissue.CARTILAGE, disc, _box(hip, (-12.0, -70.0, 0.0), (12.0, -38.0, 48.0)))


def _between_the_bones(hip: Hip) -> Iterator[Paint]:
    """Quadratus femoris, nerve and the two tendons; the bones are painted over their ends."""
    sx, sy = float(hip.ischium_shift_mm[0]), float(hip.ischium_shift_mm[1])
    fx = hip.femur_x_mm
    quadratus: Strap = (
        (-26, sx + 6, sy + 2, 3, fx - 4, 14, 3),
        (-10, sx + 8, sy, 9, fx - 2, 14, 8),
        (12, sx + 8, sy - 2, 10, fx, 14, 9),
        (22, sx + 8, sy - 2, 4, fx + 2, 16, 4),
    )
    yield _strap_paint(hip, Tissue.QUADRATUS, quadratus, halo_mm=FASCIA_MM)
    mid = 0.55 * sx + 0.45 * fx
    nerve: Strap = (
        (-60, mid - 2, 27, 2.2, mid + 4, 26, 2.2),
        (60, mid - 4, 29, 2.6, mid + 5, 28, 2.6),
    )
    yield _strap_paint(hip, Tissue.NERVE, nerve, halo_mm=1.2)
    box = _box(hip, (sx - 30.0, sy - 40.0, -70.0), (fx + 5.0, sy + 40.0, 70.0))
    yield Paint(Tissue.TENDON, hip.hamstring, box, 0.6 * hip.scale)
    box = _box(hip, (fx - 45.0, -60.0, -25.0), (fx, 30.0, 62.0))
    yield Paint(Tissue.TENDON, hip.iliopsoas, box)


def _bones(hip: Hip) -> Iterator[Paint]:
    fx = hip.femur_x_mm
    hx, hy, hz = fx + HEAD_FROM_SHAFT_MM[0], HEAD_FROM_SHAFT_MM[1], HEAD_FROM_SHAFT_MM[2]
    joint_mm = HEAD_RADIUS_MM + 3.4

    def joint(x: Any, y: Any, z: Any) -> Array:
        xs, ys, h = hip.to_side(x, y, z)
        sphere = np.sqrt((xs - hx) ** 2 + (ys - hy) ** 2 + (h - hz) ** 2) - joint_mm
        return np.asarray(hip.scale * np.maximum(sphere, xs - hx - 10.0))

    reach = joint_mm + 2.0
    around = _box(hip, (hx - reach, hy - reach, hz - reach), (hx + reach, hy + reach, hz + reach))
    yield Paint(Tissue.CARTILAGE, joint, around)
    hip_box = _box(hip, (0.0, -75.0, -45.0), (hx + 20.0, 50.0, 110.0))
    yield Paint(Tissue.CORTEX, hip.ischium, hip_box)
    cortex_mm = ISCHIUM_CORTEX_MM * hip.scale
    yield Paint(Tissue.ISCHIUM_MARROW, lambda x, y, z: hip.ischium(x, y, z) + cortex_mm, hip_box)
    femur_box = _box(hip, (hx - 30.0, -45.0, -120.0), (fx + 35.0, 40.0, 100.0))
    yield Paint(Tissue.CORTEX, hip.femur, femur_box)
    yield Paint(
        Tissue.FEMUR_MARROW,
        lambda x, y, z: hip.femur(x, y, z) + hip.femur_cortex_mm(x, y, z),
        femur_box,
    )
