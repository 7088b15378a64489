"""Analytic hips: surfaces of femur and ischium as signed distances, and the truth from them.

Nothing here imports the product: shapes, sections and distances have their own arithmetic, so
that a mistake in the product's geometry shows up as an error and not as agreement.

Anatomical frame of one hip, in mm: `X` grows laterally (`x = side * X`, x is the patient's left),
`y` grows backwards, `z` upwards; z = 0 is near the apex of the lesser trochanter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import find_contours


@dataclass(frozen=True)
class Hip:
    """One random hip; lengths in mm, angles in radians, slopes in mm per mm of level."""

    side: int  # +1 left, -1 right
    shaft_x: float
    shaft_y: float
    shaft_slope_x: float
    shaft_slope_y: float
    shaft_a: float
    shaft_b: float
    version: float  # direction of the lesser trochanter: 0 medial, pi/2 posterior
    prominence: float
    trochanter_width: float
    trochanter_height: float
    ischium_x: float
    ischium_y: float
    ischium_slope_x: float
    ischium_slope_y: float
    ischium_a: float
    ischium_b: float
    ischium_turn: float
    cortex_shaft: float
    cortex_trochanter: float
    cortex_ischium: float
    hamstring_x: float
    hamstring_y: float
    hamstring_r: float
    iliopsoas_r: float
    rim_femur: float
    rim_ischium: float
    quadratus_r: float
    body_x: float
    body_y: float
    subcutaneous: float
    septum: float
    phase: float


def draw_hip(rng: np.random.Generator, gap_mm: float | None = None) -> Hip:
    """Draw one hip; ranges follow published anthropometry, the gap is uniform over 8 to 32 mm."""

    def g(mean: float, sd: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, sd), low, high))

    gap = float(rng.uniform(8, 32)) if gap_mm is None else gap_mm
    a = g(15.5, 1.3, 12.8, 18.5)
    shaft_x, shaft_y = g(95, 6, 82, 108), g(0, 4, -8, 8)
    version, prominence = math.radians(g(30, 11.5, 4, 58)), g(10, 1.8, 6, 14)
    isch_a, isch_b = g(12.5, 1.5, 9.5, 16), g(18, 2, 14, 22)
    bearing = math.radians(g(10, 14, -20, 40))
    tip_x = shaft_x - math.cos(version) * (a + prominence)
    tip_y = shaft_y + math.sin(version) * (a + prominence)
    isch_x = tip_x - math.cos(bearing) * (gap + isch_a)
    isch_y = tip_y + math.sin(bearing) * (gap + isch_a) + 4
    if isch_x < 34:
        shaft_x, isch_x = shaft_x + 34 - isch_x, 34.0
    ham = math.radians(g(55, 12, 30, 80))
    return Hip(
        side=1 if rng.random() < 0.5 else -1,
        shaft_x=shaft_x,
        shaft_y=shaft_y,
        shaft_slope_x=g(0.11, 0.03, 0.04, 0.18),
        shaft_slope_y=g(-0.03, 0.04, -0.12, 0.08),
        shaft_a=a,
        shaft_b=a * g(0.97, 0.05, 0.85, 1.08),
        version=version,
        prominence=prominence,
        trochanter_width=g(10, 1, 8, 12.5),
        trochanter_height=g(14, 2, 10, 18),
        ischium_x=isch_x,
        ischium_y=isch_y,
        ischium_slope_x=g(0.22, 0.08, 0.05, 0.40),
        ischium_slope_y=g(-0.15, 0.08, -0.35, 0.05),
        ischium_a=isch_a,
        ischium_b=isch_b,
        ischium_turn=math.radians(g(25, 12, -5, 50)),
        cortex_shaft=g(4.8, 0.8, 3.2, 6.5),
        cortex_trochanter=g(1.4, 0.3, 0.8, 2.2),
        cortex_ischium=g(1.5, 0.4, 0.8, 2.6),
        hamstring_x=isch_x + math.cos(ham) * (isch_a + 3),
        hamstring_y=isch_y + math.sin(ham) * (isch_b + 1),
        hamstring_r=g(5, 0.8, 3.5, 7),
        iliopsoas_r=g(4, 0.7, 2.5, 5.5),
        rim_femur=max(0.0, float(rng.normal(0.8, 0.9))),
        rim_ischium=max(0.0, float(rng.normal(0.8, 0.9))),
        quadratus_r=g(12, 2.5, 6, 17),
        body_x=max(g(195, 15, 165, 230), shaft_x + 65),
        body_y=g(118, 10, 98, 140),
        subcutaneous=g(24, 9, 8, 45),
        septum=abs(float(rng.normal(1.6, 0.7))) + 0.4,
        phase=float(rng.uniform(0, 2 * math.pi)),
    )


def draw_tendon_hip(rng: np.random.Generator) -> Hip:
    """Draw a hip with a gap that leaves room for the tendons, and put them on the path."""
    return with_tendon_on_the_path(draw_hip(rng, gap_mm=float(rng.uniform(14, 32))), rng)


def with_tendon_on_the_path(hip: Hip, rng: np.random.Generator) -> Hip:
    """Turn the hamstring origin towards the femur, so that it narrows the muscle's room."""
    bearing, radius = math.radians(rng.uniform(-15, 35)), float(rng.uniform(4.5, 7.5))
    return replace(
        hip,
        hamstring_r=radius,
        hamstring_x=hip.ischium_x + math.cos(bearing) * (hip.ischium_a + 0.6 * radius),
        hamstring_y=hip.ischium_y + math.sin(bearing) * (hip.ischium_b + 0.6 * radius),
        iliopsoas_r=float(rng.uniform(3, 6)),
    )


# ------------------------------------------------------------------------------ signed distances


def ellipse(x, y, a, b):
    """First-order distance to an ellipse; exact on it."""
    k0 = np.sqrt((x / a) ** 2 + (y / b) ** 2)
    k1 = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2)
    return np.where(k0 < 1e-6, -np.minimum(a, b), k0 * (k0 - 1) / np.maximum(k1, 1e-9))


def ellipsoid(x, y, z, a, b, c):
    """First-order distance to an ellipsoid; exact on it."""
    k0 = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    k1 = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2 + (z / c**2) ** 2)
    return np.where(k0 < 1e-6, -min(a, b, c), k0 * (k0 - 1) / np.maximum(k1, 1e-9))


def capsule(x, y, z, start, end, r0, r1):
    """Distance to a round cone between two points."""
    d = np.subtract(end, start)
    t = ((x - start[0]) * d[0] + (y - start[1]) * d[1] + (z - start[2]) * d[2]) / float(d @ d)
    t = np.clip(t, 0, 1)
    q = [p - s - t * e for p, s, e in zip((x, y, z), start, d, strict=True)]
    return np.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2) - (r0 + (r1 - r0) * t)


def blend(a, b, k):
    """Smooth union with a fillet of about k mm."""
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * k / 4


def shaft_axis(hip: Hip, z):
    """Centre of the shaft at a level."""
    return hip.shaft_x + hip.shaft_slope_x * z, hip.shaft_y + hip.shaft_slope_y * z


def _head(hip: Hip):
    return hip.shaft_x - 36.0, hip.shaft_y - 9.0, 62.0


# Where the lesser trochanter is rooted in the shaft, as a share of its radius, and how far it
# leans downwards, in mm per mm outwards.
ROOT, LEAN = 0.55, 0.15


def _trochanter(hip: Hip, x, y, z):
    ux, uy = -math.cos(hip.version), math.sin(hip.version)
    root = ROOT * hip.shaft_a
    reach = hip.shaft_a - root + hip.prominence
    dx, dy = x - (hip.shaft_x + ux * root), y - (hip.shaft_y + uy * root)
    along, across = dx * ux + dy * uy, -dx * uy + dy * ux
    lean = z + LEAN * along
    return ellipsoid(along, across, lean, reach, hip.trochanter_width, hip.trochanter_height)


def trochanter_tip(hip: Hip) -> np.ndarray:
    """Give the tip of the bare lesser trochanter, before shaft and neck are blended to it."""
    reach = hip.shaft_a + hip.prominence
    x = hip.shaft_x - math.cos(hip.version) * reach
    y = hip.shaft_y + math.sin(hip.version) * reach
    return np.array([hip.side * x, y, -LEAN * (reach - ROOT * hip.shaft_a)])


def _shaft(hip: Hip, x, y, z):
    cx, cy = shaft_axis(hip, z)
    flare = np.maximum(0.0, z - 8)
    d = ellipse(
        x - cx, y - cy, hip.shaft_a * (1 + 0.006 * flare), hip.shaft_b * (1 + 0.004 * flare)
    )
    over = z - 30
    capped = np.where(d > 0, np.hypot(np.maximum(d, 0), over), np.maximum(d, over))
    return np.where(over > 0, capped, d)


def femur(hip: Hip, x, y, z):
    """Give signed distance to the femur and cortical thickness there."""
    shaft, trochanter = _shaft(hip, x, y, z), _trochanter(hip, x, y, z)
    d = blend(shaft, trochanter, 5.0)
    head = _head(hip)
    neck = capsule(x, y, z, (hip.shaft_x + 4, hip.shaft_y, 26.0), head, 17.0, 14.0)
    d = blend(d, neck, 8.0)
    ball = np.sqrt((x - head[0]) ** 2 + (y - head[1]) ** 2 + (z - head[2]) ** 2) - 23
    d = blend(d, ball, 3.0)
    greater = ellipsoid(x - hip.shaft_x - 16, y - hip.shaft_y - 8, z - 44, 15.0, 18.0, 24.0)
    d = blend(d, greater, 8.0)
    on_trochanter = np.exp(-np.maximum(trochanter - shaft + 2, 0) / 2)
    high = 1 / (1 + np.exp(-(z - 12) / 5))
    t = hip.cortex_shaft * (1 - high) + 1.3 * high
    return d, t * (1 - on_trochanter) + hip.cortex_trochanter * on_trochanter


def ischium(hip: Hip, x, y, z):
    """Signed distance to the hip bone: tuberosity, both rami, rim of the acetabulum."""
    c, s = math.cos(hip.ischium_turn), math.sin(hip.ischium_turn)
    dx = x - hip.ischium_x - hip.ischium_slope_x * z
    dy = y - hip.ischium_y - hip.ischium_slope_y * z
    low = np.sqrt(np.maximum(0.02, 1 - ((-12 - np.minimum(z, -12)) / 26) ** 2))
    f = np.where(z > 12, np.maximum(0.72, 1 - 0.012 * (z - 12)), low)
    d = ellipse(c * dx + s * dy, -s * dx + c * dy, hip.ischium_a * f, hip.ischium_b * f)
    d = np.where(z < -36, np.maximum(d, -36 - z), d)
    pubis = (9.0, hip.ischium_y - 78, 6.0)
    inferior = capsule(x, y, z, (hip.ischium_x - 6, hip.ischium_y - 10, -18.0), pubis, 7.0, 8.0)
    d = blend(d, inferior, 5.0)
    superior = capsule(
        x,
        y,
        z,
        (hip.shaft_x - 34, hip.shaft_y - 18, 52.0),
        (9.0, hip.ischium_y - 82, 22.0),
        11.0,
        8.0,
    )
    d = blend(d, superior, 4.0)
    head = _head(hip)
    r = np.sqrt((x - head[0]) ** 2 + (y - head[1]) ** 2 + (z - head[2]) ** 2)
    cup = np.maximum(np.maximum(r - 36, 26.5 - r), x - head[0] - 14)
    return blend(d, cup, 4.0)


def hamstring(hip: Hip, x, y, z):
    """Signed distance to the hamstring origin."""
    r = hip.hamstring_r
    return ellipsoid(
        x - hip.hamstring_x - hip.ischium_slope_x * z,
        y - hip.hamstring_y - hip.ischium_slope_y * z,
        z + 14,
        r,
        1.4 * r,
        24.0,
    )


def iliopsoas(hip: Hip, x, y, z):
    """Signed distance to the iliopsoas tendon, which comes down on the lesser trochanter."""
    angle = hip.version - 0.75
    reach = hip.shaft_a + 0.45 * hip.prominence
    tx, ty = hip.shaft_x - math.cos(angle) * reach, hip.shaft_y + math.sin(angle) * reach
    r = hip.iliopsoas_r
    return ellipsoid(x - tx + 0.15 * (z - 10), y - ty + 0.35 * (z - 10), z - 10, r, 1.2 * r, 26.0)


# ------------------------------------------------------------------------------------ the scan


@dataclass(frozen=True)
class Scan:
    """Where the slices of one scan lie: `point = turn @ scanner` takes scanner mm to the hip."""

    turn: np.ndarray  # (3, 3), columns are the scanner's column, row and slice directions
    start: np.ndarray  # scanner mm of the centre of voxel (0, 0, 0), (3,): column, row, slice
    pixel: tuple[float, float]  # row spacing, column spacing
    step: float
    thickness: float
    shape: tuple[int, int, int]  # slices, rows, columns

    @property
    def levels(self) -> np.ndarray:
        """Scanner level of every slice."""
        return self.start[2] + self.step * np.arange(self.shape[0])

    def points(self, rows: np.ndarray, columns: np.ndarray, level: float):
        """Give x, y, z of all crossings of scanner `rows` and `columns` mm at a scanner level."""
        v, u = np.meshgrid(rows, columns, indexing="ij")
        p = self.turn @ np.stack([u.ravel(), v.ravel(), np.full(u.size, level)])
        return tuple(c.reshape(u.shape) for c in p)

    def pixel_rows(self) -> np.ndarray:
        """Scanner mm of the rows."""
        return self.start[1] + self.pixel[0] * np.arange(self.shape[1])

    def pixel_columns(self) -> np.ndarray:
        """Scanner mm of the columns."""
        return self.start[0] + self.pixel[1] * np.arange(self.shape[2])


def turn_matrix(pitch_deg: float, roll_deg: float, yaw_deg: float) -> np.ndarray:
    """Rotate about the left-right, the front-back and the long axis, in that order."""
    a, b, c = np.radians([pitch_deg, roll_deg, yaw_deg])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx


def draw_scan(
    hip: Hip,
    rng: np.random.Generator,
    *,
    slices: int = 5,
    lowest_mm: float | None = None,
    tilt_sd_deg: float = 4.0,
    half_mm: float = 62.0,
) -> Scan:
    """Draw pixel, thickness, gap, phase and tilt; the field is cut to the hip."""
    pixel = float(rng.uniform(0.6, 0.9))
    thickness = float(rng.uniform(4, 5))
    step = thickness + float(rng.choice([0.0, 0.5, 1.0]))
    low = -2 * step if lowest_mm is None else lowest_mm
    low += float(rng.uniform(-0.5, 0.5)) * step
    tilt = np.clip(rng.normal(0, tilt_sd_deg, 3), -10, 10)
    turn = turn_matrix(*tilt)
    middle = np.array(
        [hip.side * (hip.shaft_x + hip.ischium_x) / 2, (hip.shaft_y + hip.ischium_y) / 2, 0.0]
    )
    u, v, w = turn.T @ middle
    count = int(2 * half_mm / pixel)
    start = np.array([u - half_mm, v - half_mm, w + low])
    return Scan(turn, start, (pixel, pixel), step, thickness, (slices, count, count))


# ------------------------------------------------------------------------------------- truth


def border_uv(field: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Scanner (column, row) mm of the zero line of a field, every 0.05 mm or finer."""
    pieces = []
    for line in find_contours(field, 0.0):
        v = np.interp(line[:, 0], np.arange(len(rows)), rows)
        u = np.interp(line[:, 1], np.arange(len(columns)), columns)
        s = np.r_[0, np.cumsum(np.hypot(np.diff(u), np.diff(v)))]
        t = np.linspace(0, s[-1], max(8, int(s[-1] / 0.05)))
        pieces.append(np.c_[np.interp(t, s, u), np.interp(t, s, v)])
    return np.vstack(pieces) if pieces else np.zeros((0, 2))


@dataclass(frozen=True)
class TrueSection:
    """True distance in one slice, with its ends in scanner (column, row) mm."""

    distance_mm: float
    femur_uv: np.ndarray
    ischium_uv: np.ndarray


def true_section(hip: Hip, scan: Scan, level: float, *, tendons: bool = False, fine=0.25):
    """Cut the analytic surfaces with the middle plane of a slice; None where a bone is not cut.

    With `tendons`, the hamstring origin belongs to the ischium and the iliopsoas tendon to the
    femur, which is the true quadratus femoris space.
    """
    rows = np.arange(scan.pixel_rows()[0], scan.pixel_rows()[-1], fine)
    columns = np.arange(scan.pixel_columns()[0], scan.pixel_columns()[-1], fine)
    x, y, z = scan.points(rows, columns, level)
    lateral = hip.side * x
    f = femur(hip, lateral, y, z)[0]
    i = ischium(hip, lateral, y, z)
    if tendons:
        f = np.minimum(f, iliopsoas(hip, lateral, y, z))
        i = np.minimum(i, hamstring(hip, lateral, y, z))
    a, b = border_uv(f, rows, columns), border_uv(i, rows, columns)
    if not len(a) or not len(b) or bool(((f < 0) & (i < 0)).any()):
        return None
    gaps, partner = cKDTree(b).query(a)
    best = int(np.argmin(gaps))
    return TrueSection(float(gaps[best]), a[best], b[partner[best]])
