"""Bones and tendons of one hip as implicit shapes.

One side is described in its own frame, the same for left and right: X grows laterally from the
midline, y posteriorly, h upwards from the level of the lesser trochanter, all in millimetres of
the adult; a child is the adult made smaller. Sizes are rounded adult values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifspace.model import Side
from ifspace.phantom.shapes import Array, cone, ellipse, ellipsoid, smooth_cut, smooth_union, strap

Floats = NDArray[np.float64]

SHAFT_RADIUS_MM = (15.5, 15.0)
SHAFT_LATERAL_LEAN = 0.10
TROCHANTER_PROMINENCE_MM = 10.5
TROCHANTER_HALF_MM = (10.0, 14.5)
# The lesser trochanter looks backwards from medial by this much.
TROCHANTER_TURN = math.radians(33.0)
TUBEROSITY_HALF_MM = (12.5, 17.5)
TUBEROSITY_TURN = math.radians(-24.0)
TUBEROSITY_LEAN_XY = (0.10, -0.12)
ISCHIUM_CORTEX_MM = 1.7
HEAD_RADIUS_MM = 22.5
HEAD_FROM_SHAFT_MM = (-35.0, -10.0, 60.0)
HAMSTRING_RADIUS_MM = 3.6
ILIOPSOAS_RADIUS_MM = 4.6


@dataclass(frozen=True, eq=False)
class Hip:
    """One side: where it lies and how far ischium and tendon reach.

    Attributes
    ----------
    centre_lps_mm
        Midline at the lesser trochanter of this side, (3,).
    scale
        Size with respect to the adult.
    femur_x_mm
        Distance of the femoral shaft from the midline, adult millimetres.
    ischium_shift_mm
        Where the middle of the tuberosity lies, (X, y, h), adult millimetres.
    tendon_reach_mm
        How far the hamstring origin reaches from the bone towards the lesser trochanter.
    """

    side: Side
    centre_lps_mm: Floats
    scale: float
    femur_x_mm: float
    ischium_shift_mm: Floats
    tendon_reach_mm: float

    @property
    def sign(self) -> float:
        """+1 on the left, where X grows with the patient's x."""
        return 1.0 if self.side is Side.LEFT else -1.0

    def to_side(self, x: Any, y: Any, z: Any) -> tuple[Any, Any, Any]:
        """Map patient coordinates to this side's frame."""
        cx, cy, cz = (float(c) for c in self.centre_lps_mm)
        grow = 1.0 / self.scale
        return self.sign * grow * (x - cx), grow * (y - cy), grow * (z - cz)

    def to_lps_mm(self, point: Floats) -> Floats:
        """Map points (..., 3) of this side's frame to the patient."""
        flip = np.array([self.sign, 1.0, 1.0])
        return np.asarray(self.centre_lps_mm + self.scale * flip * point)

    # ------------------------------------------------------------------ surfaces, in patient mm

    def femur(self, x: Array, y: Array, z: Array) -> Array:
        """Give the distance to the outer surface of the femur."""
        xs, ys, h = self.to_side(x, y, z)
        without, trochanter = self._femur_parts(xs, ys, h)
        return self.scale * smooth_union(without, trochanter, 5.0)

    def femur_without_trochanter(self, x: Array, y: Array, z: Array) -> Array:
        """Give the distance to the femur as if it had no lesser trochanter."""
        return self.scale * self._femur_parts(*self.to_side(x, y, z))[0]

    def femur_cortex_mm(self, x: Array, y: Array, z: Array) -> Array:
        """Give the thickness of the femoral cortex: thick shaft, thin trochanter and neck."""
        xs, ys, h = self.to_side(x, y, z)
        without, trochanter = self._femur_parts(xs, ys, h)
        shaft_mm = np.interp(h, [-40.0, -16.0, 2.0, 18.0], [6.2, 5.2, 3.0, 1.6])
        on_trochanter = 1.0 / (1.0 + np.exp(np.clip((trochanter - without) / 1.5, -30.0, 30.0)))
        thickness = shaft_mm * (1.0 - on_trochanter) + 1.5 * on_trochanter
        return np.asarray(self.scale * thickness, dtype=without.dtype)

    def ischium(self, x: Array, y: Array, z: Array) -> Array:
        """Give the distance to the outer surface of the hip bone."""
        xs, ys, h = self.to_side(x, y, z)
        return self.scale * self._hip_bone(xs, ys, h)

    def hamstring(self, x: Array, y: Array, z: Array) -> Array:
        """Give the distance to the tendon origin on the lateral tuberosity."""
        xs, ys, h = self.to_side(x, y, z)
        sx, sy, sh = (float(v) for v in self.ischium_shift_mm)
        rise = h - sh
        ax, ay = sx + TUBEROSITY_LEAN_XY[0] * rise + 6.0, sy + TUBEROSITY_LEAN_XY[1] * rise + 7.0
        # Thickest on the lower half of the tuberosity, running out above and below.
        swell = np.exp(-(((rise + 7.0) / 24.0) ** 2))
        reach = 4.0 + self.tendon_reach_mm * swell
        tip = (ax + reach, ay - 0.06 * reach, HAMSTRING_RADIUS_MM * swell)
        root = (ax - 1.0, ay + 2.0, (HAMSTRING_RADIUS_MM + 2.0) * swell)
        return self.scale * strap(xs, ys, root, tip)

    def iliopsoas(self, x: Array, y: Array, z: Array) -> Array:
        """Give the distance to the tendon that runs down to the lesser trochanter."""
        xs, ys, h = self.to_side(x, y, z)
        ix, iy = self.iliopsoas_axis_xy_mm(h)
        swell = np.interp(h, [-16.0, -6.0, 10.0, 60.0], [0.3, 1.0, 1.0, 0.8]).astype(xs.dtype)
        return self.scale * ellipse(
            xs - ix, ys - iy, ILIOPSOAS_RADIUS_MM * swell, ILIOPSOAS_RADIUS_MM * 1.15 * swell
        )

    # -------------------------------------------------------------------------- axes, side frame

    def femur_axis_mm(self, h: Any) -> tuple[Any, Any]:
        """Give the middle of the shaft (X, y) at height h."""
        return self.femur_x_mm + SHAFT_LATERAL_LEAN * h, -0.03 * h

    def ischium_axis_mm(self, h: Any) -> tuple[Any, Any]:
        """Give the middle of the tuberosity (X, y) at height h."""
        sx, sy, sh = (float(v) for v in self.ischium_shift_mm)
        return sx + TUBEROSITY_LEAN_XY[0] * (h - sh), sy + TUBEROSITY_LEAN_XY[1] * (h - sh)

    def hamstring_axis_mm(self, h: Any) -> tuple[Any, Any]:
        """Give a point inside the hamstring origin (X, y) at height h."""
        x, y = self.ischium_axis_mm(h)
        return x + 8.0, y + 8.0

    def iliopsoas_axis_xy_mm(self, h: Any) -> tuple[Any, Any]:
        """Give the middle of the iliopsoas tendon (X, y) at height h."""
        reach = SHAFT_RADIUS_MM[0] + 0.62 * TROCHANTER_PROMINENCE_MM
        turn = TROCHANTER_TURN - 0.42
        at_x = self.femur_x_mm - math.cos(turn) * reach
        at_y = math.sin(turn) * reach
        return at_x - 0.04 * h, at_y - 0.42 * np.maximum(h + 4.0, -6.0)

    # -------------------------------------------------------------------------------- side frame

    def _femur_parts(self, x: Any, y: Any, h: Any) -> tuple[Array, Array]:
        fx = self.femur_x_mm
        ax, ay = self.femur_axis_mm(h)
        flare = 1.0 + 0.006 * np.maximum(h - 6.0, 0.0) - 0.0015 * np.maximum(-10.0 - h, 0.0)
        shaft = ellipse(x - ax, y - ay, SHAFT_RADIUS_MM[0] * flare, SHAFT_RADIUS_MM[1] * flare)
        shaft = smooth_cut(shaft, shaft * 0.0 + (h - 34.0), 8.0)
        hx, hy, hz = fx + HEAD_FROM_SHAFT_MM[0], HEAD_FROM_SHAFT_MM[1], HEAD_FROM_SHAFT_MM[2]
        neck = cone(x, y, h, start=(fx + 6.0, 0.0, 28.0, 15.0), end=(hx, hy, hz, 14.0))
        head = np.sqrt((x - hx) ** 2 + (y - hy) ** 2 + (h - hz) ** 2) - HEAD_RADIUS_MM
        great = ellipsoid(x - (fx + 15.0), y - 9.0, h - 42.0, (13.0, 19.0, 25.0))
        bone = smooth_union(shaft, neck, 8.0)
        bone = smooth_union(smooth_union(bone, great, 8.0), head, 3.0)
        return bone, self._trochanter(x, y, h)

    def _trochanter(self, x: Any, y: Any, h: Any) -> Array:
        ux, uy = -math.cos(TROCHANTER_TURN), math.sin(TROCHANTER_TURN)
        base_mm = 0.55 * SHAFT_RADIUS_MM[0]
        reach_mm = SHAFT_RADIUS_MM[0] - base_mm + TROCHANTER_PROMINENCE_MM
        dx, dy = x - (self.femur_x_mm + ux * base_mm), y - uy * base_mm
        out, across = dx * ux + dy * uy, -dx * uy + dy * ux
        # The tip hangs a little below its base.
        return ellipsoid(out, across, h + 0.12 * out, (reach_mm, *TROCHANTER_HALF_MM))

    def _hip_bone(self, x: Any, y: Any, h: Any) -> Array:
        bone = self._tuberosity(x, y, h)
        sx, sy, sh = (float(v) for v in self.ischium_shift_mm)
        ramus = cone(
            x, y, h, start=(sx - 5.0, sy - 9.0, sh - 16.0, 7.5), end=(10.0, -44.0, 8.0, 7.0)
        )
        bone = smooth_union(bone, ramus, 6.0)
        pubis = cone(x, y, h, start=(9.0, -52.0, 10.0, 8.0), end=(11.0, -54.0, 36.0, 9.0))
        hx = self.femur_x_mm + HEAD_FROM_SHAFT_MM[0]
        hy, hz = HEAD_FROM_SHAFT_MM[1], HEAD_FROM_SHAFT_MM[2]
        upper = cone(
            x, y, h, start=(hx - 24.0, hy - 14.0, hz - 4.0, 10.0), end=(12.0, -54.0, 34.0, 8.0)
        )
        bone = smooth_union(bone, smooth_union(pubis, upper, 6.0), 6.0)
        from_head = np.sqrt((x - hx) ** 2 + (y - hy) ** 2 + (h - hz) ** 2)
        cup = np.maximum(from_head - (HEAD_RADIUS_MM + 13.0), (HEAD_RADIUS_MM + 3.0) - from_head)
        cup = smooth_cut(cup, x - (hx + 6.0) + 0.0 * cup, 3.0)
        cup = smooth_cut(cup, (hz - 30.0 - h) + 0.0 * cup, 4.0)
        return smooth_union(bone, cup, 5.0)

    def _tuberosity(self, x: Any, y: Any, h: Any) -> Array:
        sh = float(self.ischium_shift_mm[2])
        rise = h - sh
        ax, ay = self.ischium_axis_mm(h)
        cos, sin = math.cos(TUBEROSITY_TURN), math.sin(TUBEROSITY_TURN)
        dx, dy = x - ax, y - ay
        along, across = cos * dx + sin * dy, -sin * dx + cos * dy
        # An egg: full at the level of the trochanter, a pole below, a waist above.
        below = np.sqrt(np.maximum(1.0 - (np.maximum(-6.0 - rise, 0.0) / 28.0) ** 2, 0.02))
        waist = 1.0 - 0.007 * np.clip(rise - 6.0, 0.0, 30.0)
        full = below * waist
        body = ellipse(along, across, TUBEROSITY_HALF_MM[0] * full, TUBEROSITY_HALF_MM[1] * full)
        return smooth_cut(body, -34.0 - rise + 0.0 * body, 3.0)
