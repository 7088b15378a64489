"""What is painted: the soft tissue around the bones, from the skin inwards, in order.

Muscles are bundles of straps given at a few heights; positions are read off the general anatomy
of axial slices at the level of the lesser trochanter, in the frame of :mod:`ifspace.phantom.bones`.
A later tissue covers an earlier one; each muscle leaves a thin layer of fat around itself, which
is what makes the planes between muscles visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from ifspace.model import Side
from ifspace.phantom.bones import HEAD_FROM_SHAFT_MM, HEAD_RADIUS_MM, ISCHIUM_CORTEX_MM, Hip
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


# name, tissue, straps; each strap lists (h, X1, y1, r1, X2, y2, r2) upwards.
Strap = tuple[tuple[float, float, float, float, float, float, float], ...]
MUSCLES: tuple[tuple[str, Tissue, tuple[Strap, ...]], ...] = (
    (
        "gluteus maximus",
        Tissue.MUSCLE,
        (
            (
                (-50, 66, 52, 9, 100, 46, 12),
                (0, 38, 50, 15, 96, 51, 17),
                (60, 30, 56, 19, 92, 56, 19),
            ),
            (
                (-50, 100, 46, 12, 132, 26, 9),
                (0, 96, 51, 17, 140, 32, 11),
                (60, 92, 56, 19, 138, 40, 13),
            ),
            (
                (-50, 132, 26, 9, 139, 8, 4),
                (0, 140, 32, 11, 150, 8, 5),
                (60, 138, 40, 13, 154, 10, 6),
            ),
        ),
    ),
    (
        "vastus lateralis and intermedius",
        Tissue.MUSCLE,
        (
            (
                (-60, 124, 4, 13, 122, -18, 15),
                (-8, 128, 4, 9, 124, -18, 9),
                (12, 128, 0, 3, 126, -12, 3),
            ),
            (
                (-60, 122, -18, 15, 98, -28, 12),
                (-8, 124, -18, 9, 106, -24, 6),
                (12, 120, -12, 2, 112, -18, 2),
            ),
        ),
    ),
    (
        "tensor fasciae latae",
        Tissue.MUSCLE,
        (
            (
                (-60, 134, -34, 3, 130, -46, 4),
                (10, 138, -36, 7, 128, -58, 9),
                (60, 136, -36, 9, 120, -66, 10),
            ),
        ),
    ),
    (
        "gluteus medius",
        Tissue.MUSCLE,
        (((26, 140, -6, 3, 132, -24, 3), (60, 142, -4, 9, 128, -34, 11)),),
    ),
    (
        "rectus femoris",
        Tissue.MUSCLE,
        (
            (
                (-60, 104, -60, 14, 112, -56, 11),
                (0, 101, -60, 11, 110, -56, 8),
                (60, 94, -58, 7, 100, -58, 6),
            ),
        ),
    ),
    (
        "sartorius",
        Tissue.MUSCLE,
        (
            (
                (-60, 66, -70, 8, 80, -78, 5),
                (0, 80, -74, 8, 94, -82, 5),
                (60, 98, -82, 6, 108, -82, 6),
            ),
        ),
    ),
    (
        "iliopsoas",
        Tissue.MUSCLE,
        (
            (
                (-24, 84, -20, 4, 90, -22, 3),
                (0, 80, -24, 11, 94, -30, 10),
                (60, 70, -42, 14, 88, -48, 15),
            ),
        ),
    ),
    (
        "pectineus",
        Tissue.MUSCLE,
        (
            (
                (-50, 72, -14, 4, 60, -26, 4),
                (0, 72, -18, 7, 44, -44, 10),
                (36, 60, -42, 6, 32, -62, 9),
            ),
        ),
    ),
    (
        "adductor longus",
        Tissue.MUSCLE,
        (
            (
                (-60, 70, -38, 11, 44, -46, 10),
                (-20, 54, -46, 11, 30, -54, 8),
                (8, 28, -58, 5, 18, -60, 4),
            ),
        ),
    ),
    (
        "adductor brevis",
        Tissue.MUSCLE,
        (
            (
                (-60, 70, -14, 9, 40, -24, 10),
                (-20, 66, -14, 8, 26, -36, 9),
                (4, 34, -34, 6, 20, -42, 4),
            ),
        ),
    ),
    (
        "gracilis",
        Tissue.MUSCLE,
        (
            (
                (-60, 22, -14, 5, 18, -30, 4),
                (-24, 16, -28, 4, 14, -40, 3),
                (0, 13, -42, 2, 12, -48, 2),
            ),
        ),
    ),
    (
        "adductor magnus",
        Tissue.MUSCLE,
        (((-60, 80, 8, 10, 38, 10, 17), (-26, 78, 4, 7, 40, -2, 11), (-6, 70, 0, 4, 44, -10, 6)),),
    ),
    (
        "hamstrings",
        Tissue.MUSCLE,
        (
            (
                (-70, 56, 32, 12, 84, 30, 10),
                (-40, 56, 28, 7, 76, 26, 6),
                (-28, 58, 22, 1, 66, 22, 1),
            ),
        ),
    ),
    (
        "obturator externus",
        Tissue.MUSCLE,
        (
            (
                (-14, 52, -16, 3, 36, -28, 4),
                (4, 72, -6, 6, 32, -30, 10),
                (22, 84, 4, 5, 30, -32, 10),
                (34, 96, 12, 3, 40, -30, 4),
            ),
        ),
    ),
    (
        "obturator internus",
        Tissue.MUSCLE,
        (((2, 30, 2, 2, 22, -22, 2), (14, 33, 6, 5, 20, -30, 5), (60, 46, 16, 7, 26, -34, 6)),),
    ),
)
LEVATOR: Strap = ((0, 9, 34, 2, 7, 4, 2), (60, 24, 30, 2.5, 16, -14, 2.5))

BODY_HALF_WIDTH_MM, BODY_HALF_DEPTH_MM, BODY_MIDDLE_Y_MM = 174.0, 98.0, -12.0
SKIN_MM = 2.2
FASCIA_MM = 1.3
EVERYWHERE: Box = ((-260.0, -260.0, -400.0), (260.0, 260.0, 400.0))


def paints(hips: dict[Side, Hip]) -> Iterator[Paint]:
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
    return tuple(corners.min(axis=0)), tuple(corners.max(axis=0))  # type: ignore[return-value]


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
    cheek = strap(np.abs(x), y, (58.0, 30.0, 57.0), (104.0, 22.0, 57.0))
    return smooth_union(trunk, cheek, 6.0) + 0.0 * h


def _body(hip: Hip) -> Iterator[Paint]:
    body = _central(hip, _body_surface)
    yield Paint(Tissue.SKIN, body, EVERYWHERE)
    yield Paint(Tissue.FAT, lambda x, y, z: body(x, y, z) + SKIN_MM, EVERYWHERE)


def _muscles(hip: Hip) -> Iterator[Paint]:
    for _, tissue, straps in MUSCLES:
        for each in straps:
            yield _strap_paint(hip, tissue, each, halo_mm=FASCIA_MM)
    yield _strap_paint(hip, Tissue.MUSCLE, LEVATOR, halo_mm=0.8)
    yield _strap_paint(
        hip, Tissue.VESSEL, ((-60, 74, -54, 4.5, 75, -54, 4.5), (60, 62, -66, 5, 63, -66, 5))
    )
    yield _strap_paint(
        hip, Tissue.VESSEL, ((-60, 64, -50, 5, 66, -49, 5), (60, 50, -64, 5.5, 52, -63, 5.5))
    )


def _strap_paint(hip: Hip, tissue: Tissue, keys: Strap, halo_mm: float = 0.0) -> Paint:
    heights = [key[0] for key in keys]
    columns = [[key[i] for key in keys] for i in range(1, 7)]

    def shape(x: Any, y: Any, z: Any) -> Array:
        xs, ys, h = hip.to_side(x, y, z)
        x1, y1, r1, x2, y2, r2 = (np.interp(h, heights, c).astype(xs.dtype) for c in columns)
        flat = strap(xs, ys, (x1, y1, r1), (x2, y2, r2))
        beyond = np.maximum(h - heights[-1], heights[0] - h)
        return np.asarray(hip.scale * np.maximum(flat, beyond))

    radius = max(*columns[2], *columns[5]) + 4.0
    xs, ys = columns[0] + columns[3], columns[1] + columns[4]
    low = (min(xs) - radius, min(ys) - radius, heights[0])
    high = (max(xs) + radius, max(ys) + radius, heights[-1])
    return Paint(tissue, shape, _box(hip, low, high), halo_mm * hip.scale)


def _pelvic_organs(hip: Hip) -> Iterator[Paint]:
    def tube(y: float, half: tuple[float, float]) -> Shape:
        return lambda xs, ys, h: ellipse(xs, ys - y, half[0], half[1]) + 0.0 * h

    box = _box(hip, (-30.0, -60.0, -80.0), (30.0, 70.0, 80.0))
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
        (-10, sx + 8, sy + 2, 8, fx - 2, 15, 7),
        (12, sx + 8, sy, 9, fx, 16, 8),
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
    yield Paint(Tissue.CORTEX, hip.ischium, hip_box, 0.5 * hip.scale)
    cortex_mm = ISCHIUM_CORTEX_MM * hip.scale
    yield Paint(Tissue.ISCHIUM_MARROW, lambda x, y, z: hip.ischium(x, y, z) + cortex_mm, hip_box)
    femur_box = _box(hip, (hx - 30.0, -45.0, -120.0), (fx + 35.0, 40.0, 100.0))
    yield Paint(Tissue.CORTEX, hip.femur, femur_box, 0.5 * hip.scale)
    yield Paint(
        Tissue.FEMUR_MARROW,
        lambda x, y, z: hip.femur(x, y, z) + hip.femur_cortex_mm(x, y, z),
        femur_box,
    )
