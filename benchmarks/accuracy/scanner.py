"""Turn an analytic hip into MR images: tissue fractions with partial volume, contrast, noise."""

from __future__ import annotations

import math

import numpy as np
from benchmarks.accuracy.hips import (
    Hip,
    Scan,
    capsule,
    ellipse,
    femur,
    hamstring,
    iliopsoas,
    ischium,
)
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

AIR, FAT, MUSCLE, CORTEX, FEMUR_MARROW, TENDON, QUADRATUS, NERVE, VESSEL, ISCHIUM_MARROW = range(10)
TISSUES = 10

# Signal relative to subcutaneous fat on T1; the order is that of the codes above.
SIGNAL = {
    "T1": [0.01, 1.00, 0.32, 0.05, 0.85, 0.08, 0.32, 0.38, 0.05, 0.78],
    "PD": [0.01, 0.95, 0.52, 0.07, 0.80, 0.12, 0.52, 0.58, 0.07, 0.74],
    "T2": [0.01, 0.80, 0.20, 0.05, 0.66, 0.08, 0.22, 0.34, 0.05, 0.60],
    "PD-FS": [0.01, 0.14, 0.45, 0.05, 0.14, 0.09, 0.48, 0.55, 0.06, 0.15],
    "STIR": [0.01, 0.06, 0.38, 0.04, 0.07, 0.07, 0.55, 0.50, 0.06, 0.08],
}
SUB_SLICES = 7


def _slice_profile() -> tuple[np.ndarray, np.ndarray]:
    """Offsets (in thicknesses) and weights of a slightly soft slice profile."""
    u = (np.arange(SUB_SLICES) + 0.5) / SUB_SLICES * 1.3 - 0.65
    w = 1 / (1 + np.exp((np.abs(u) - 0.5) / 0.05))
    return u, w / w.sum()


def _septa_points(hip: Hip) -> np.ndarray:
    """Feature points of a cell pattern, 26 mm wide and three times as long."""
    rng = np.random.default_rng(int(hip.phase * 1000) + 11)
    cell = 26.0
    base = np.stack(
        np.meshgrid(np.arange(-10, 11), np.arange(-8, 9), np.arange(-2, 3), indexing="ij"), -1
    ).reshape(-1, 3)
    return (base + rng.uniform(0.15, 0.85, base.shape)) * cell


def _cover(inside_mm: np.ndarray, pixel: float) -> np.ndarray:
    """Share of a pixel on the negative side of a border."""
    return np.clip(0.5 - inside_mm / pixel, 0, 1)


def _over(stack: np.ndarray, tissue: int, inside_mm: np.ndarray, pixel: float) -> None:
    """Paint a tissue where `inside_mm` is below zero, one pixel soft, over what is there."""
    alpha = _cover(inside_mm, pixel)
    stack *= 1 - alpha
    stack[tissue] += alpha


def _bone(
    stack: np.ndarray, marrow: int, d: np.ndarray, rim: np.ndarray, cortex: np.ndarray, pixel: float
) -> None:
    """Paint marrow, cortex and a rim of fat at once: their shares of a pixel add up exactly."""
    with_rim, bone, core = _cover(d - rim, pixel), _cover(d, pixel), _cover(d + cortex, pixel)
    stack *= 1 - with_rim
    stack[FAT] += with_rim - bone
    stack[CORTEX] += bone - core
    stack[marrow] += core


def _paint(hip: Hip, x, y, z, pixel: float, septa: np.ndarray) -> np.ndarray:
    """Tissue fractions (TISSUES, rows, columns) of one infinitely thin slice."""
    lateral = hip.side * x
    stack = np.zeros((TISSUES, *x.shape), np.float32)
    stack[MUSCLE] = 1
    _over(stack, FAT, septa - hip.septum, pixel)
    _over(stack, MUSCLE, np.maximum(lateral - 22, -30 - y), pixel)
    _over(stack, FAT, np.maximum(lateral - 22, 40 - y), pixel)
    skin = ellipse(x, y - 10, hip.body_x, hip.body_y)
    _over(stack, FAT, -skin - hip.subcutaneous, pixel)
    r = hip.quadratus_r
    quadratus = capsule(
        lateral,
        y,
        0.35 * z,
        (hip.ischium_x, hip.ischium_y, 0.0),
        (hip.shaft_x - 4, hip.shaft_y + 6, 0.0),
        r,
        r,
    )
    _over(stack, FAT, quadratus - 1.5, pixel)
    _over(stack, QUADRATUS, quadratus, pixel)
    f, cortex_f = femur(hip, lateral, y, z)
    i, cortex_i = ischium(hip, lateral, y, z), hip.cortex_ischium
    wave_f = np.sin(2.3 * np.arctan2(y - hip.shaft_y, lateral - hip.shaft_x) + 0.05 * z + hip.phase)
    wave_i = np.sin(
        2.1 * np.arctan2(y - hip.ischium_y, lateral - hip.ischium_x) + 0.07 * z + 1.3 * hip.phase
    )
    for dx, dy, radius2 in ((22, 48, 25), (32, 46, 30)):
        vessel = np.hypot(lateral - hip.shaft_x + dx, y - hip.shaft_y + dy) - math.sqrt(radius2)
        _over(stack, VESSEL, vessel, pixel)
    nerve = ellipse(lateral - 0.5 * (hip.ischium_x + hip.shaft_x), y - hip.ischium_y - 13, 5.0, 3.5)
    _over(stack, NERVE, nerve, pixel)
    # A tendon that takes hold of bone leaves no room for fat between them.
    tendons = ((TENDON, iliopsoas(hip, lateral, y, z)), (TENDON, hamstring(hip, lateral, y, z)))
    _bone(stack, ISCHIUM_MARROW, i, hip.rim_ischium * (0.5 + 0.5 * wave_i), cortex_i, pixel)
    _bone(stack, FEMUR_MARROW, f, hip.rim_femur * (0.5 + 0.5 * wave_f), cortex_f, pixel)
    for tissue, d in tendons:
        outside = np.maximum(d, -np.minimum(f, i))
        _over(stack, tissue, outside, pixel)
    _over(stack, AIR, -skin, pixel)
    return stack


def _septa_field(tree: cKDTree, x, y, z) -> np.ndarray:
    """Distance gap to the two nearest cells, from every third pixel."""
    coarse = tuple(c[::3, ::3] for c in (x, y, z))
    points = np.stack([coarse[0], coarse[1], coarse[2] / 3], -1)
    near = tree.query(points)[0] if points.ndim < 3 else tree.query(points, k=2)[0]
    gap = near[..., 1] - near[..., 0]
    rows = np.linspace(0, (x.shape[0] - 1) / 3, x.shape[0])
    columns = np.linspace(0, (x.shape[1] - 1) / 3, x.shape[1])
    grid = np.meshgrid(rows, columns, indexing="ij")
    return ndi.map_coordinates(gap, grid, order=1, mode="nearest")


def tissue_fractions(hip: Hip, scan: Scan) -> np.ndarray:
    """Fractions (slices, TISSUES, rows, columns) with partial volume in all directions."""
    offsets, weights = _slice_profile()
    points = _septa_points(hip)
    points[:, 2] /= 3
    tree = cKDTree(points * [1, 1, 3])
    rows, columns = scan.pixel_rows(), scan.pixel_columns()
    out = np.zeros((scan.shape[0], TISSUES, *scan.shape[1:]), np.float32)
    for k, level in enumerate(scan.levels):
        x, y, z = scan.points(rows, columns, level)
        septa = _septa_field(tree, x, y, z)
        for offset, weight in zip(offsets, weights, strict=True):
            x, y, z = scan.points(rows, columns, level + offset * scan.thickness)
            out[k] += weight * _paint(hip, x, y, z, scan.pixel[1], septa)
    return out


def _texture(rng, shape, sigma_px) -> np.ndarray:
    field = ndi.gaussian_filter(rng.standard_normal(shape).astype(np.float32), (1, *[sigma_px] * 2))
    return field / field.std()


def _bias(rng, shape, amount) -> np.ndarray:
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    c = rng.normal(0, 1, 6)
    c /= np.linalg.norm(c)
    parts = (x, y, 0.4 * z, x * y, x**2 - 0.4, y**2 - 0.4)
    return np.clip(1 + amount * sum(a * b for a, b in zip(c, parts, strict=True)), 0.3, 2)


def mr_image(
    fractions: np.ndarray,
    scan: Scan,
    sequence: str,
    rng: np.random.Generator,
    *,
    snr: float = 20.0,
    fat_shift_mm: tuple[float, float] = (0.0, 0.0),
    bias: float = 0.25,
) -> np.ndarray:
    """Voxels (slices, rows, columns): contrast, texture, fat shift, PSF, shading, Rician noise."""
    signal = np.array(SIGNAL[sequence], np.float32)
    shape = (fractions.shape[0], *fractions.shape[2:])
    marrow = 1 + 0.15 * _texture(rng, shape, 6.0 / scan.pixel[1])
    muscle = 1 + 0.08 * _texture(rng, shape, 3.0 / scan.pixel[1])
    water, fat = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for tissue in range(TISSUES):
        part = fractions[:, tissue] * signal[tissue]
        if tissue in (FEMUR_MARROW, ISCHIUM_MARROW):
            fat += part * marrow
        elif tissue == FAT:
            fat += part
        else:
            water += part * muscle if tissue in (MUSCLE, QUADRATUS) else part
    if any(fat_shift_mm):
        shift = (0, fat_shift_mm[0] / scan.pixel[0], fat_shift_mm[1] / scan.pixel[1])
        fat = ndi.shift(fat, shift, order=1, mode="nearest")
    image = ndi.gaussian_filter(water + fat, (0, 0.5, 0.5)) * _bias(rng, shape, bias)
    sigma = 1 / snr
    noise = rng.normal(0, sigma, (2, *shape))
    return (800 * np.hypot(image + noise[0], noise[1])).astype(np.float32)
