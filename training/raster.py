"""Closed surfaces to voxel occupancy, and noise on a grid: the geometry that rendering needs."""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import ndtri

# Standard deviation of the blur from which depth below a surface is read, mm.
DEPTH_BLUR_MM = 1.6


def occupancy(vertices: np.ndarray, faces: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Fill a closed surface on a regular grid, anti-aliased along x.

    Each triangle is cut by every plane, each cut line by every row; the signed crossings are summed
    along the row (winding number), so the order of the vertices in a face does not matter.

    Parameters
    ----------
    vertices, faces
        Closed surface, mm.
    axes
        Evenly spaced grid coordinates along x, y, z.

    Returns
    -------
    Covered share of each voxel (z, y, x), float32.
    """
    x, y, z = axes
    corners = vertices[faces]
    triangle, plane = _spans(corners[..., 2].min(1), corners[..., 2].max(1), z)
    start, end = cut_triangles(corners[triangle], z[plane])
    line, row = _spans(np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1]), y)
    start, end = start[line], end[line]
    share = (y[row] - start[:, 1]) / (end[:, 1] - start[:, 1])
    at = (start[:, 0] + share * (end[:, 0] - start[:, 0]) - x[0]) / (x[1] - x[0]) + 0.5
    sign = np.sign(end[:, 1] - start[:, 1])
    shape = (len(z), len(y), len(x) + 2)
    toggles = np.zeros(shape, np.float64)
    cell = np.clip(np.floor(at), 0, len(x)).astype(int)
    part = np.clip(cell + 1 - at, 0, 1)
    base = (plane[line] * len(y) + row) * shape[2] + cell
    flat = toggles.reshape(-1)
    flat += np.bincount(base, sign * part, flat.size)
    flat += np.bincount(base + 1, sign * (1 - part), flat.size)
    return np.clip(np.abs(toggles.cumsum(2)), 0, 1)[..., :-2].astype(np.float32)


def _spans(low: np.ndarray, high: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List (item, grid index) for every grid coordinate inside each item's half-open range."""
    first, last = np.searchsorted(grid, low), np.searchsorted(grid, high)
    count = last - first
    item = np.repeat(np.arange(len(low)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return item, first[item] + offset


def cut_triangles(corners: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut triangles (n, 3, 3) at heights (n,): directed ends (n, 2) of the cut line, x and y."""
    above = corners[..., 2] > level[:, None]
    following = np.roll(corners, -1, axis=1)
    rise = following[..., 2] - corners[..., 2]
    share = (level[:, None] - corners[..., 2]) / np.where(rise == 0, 1, rise)
    point = corners[..., :2] + share[..., None] * (following - corners)[..., :2]
    up = ~above & np.roll(above, -1, axis=1)
    down = above & ~np.roll(above, -1, axis=1)
    rows = np.arange(len(corners))
    return point[rows, up.argmax(1)], point[rows, down.argmax(1)]


def depth_mm(occupied: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Depth below the surface, mm, positive inside; right within about 5 mm of the surface."""
    blurred = gaussian_filter(occupied, DEPTH_BLUR_MM / spacing_mm, truncate=3.0)
    return (DEPTH_BLUR_MM * ndtri(np.clip(blurred, 1e-4, 1 - 1e-4))).astype(np.float32)


def noise(
    rng: np.random.Generator, shape: tuple[int, ...], spacing_mm: np.ndarray, size_mm: float
) -> np.ndarray:
    """Smooth noise of unit variance whose details are about ``size_mm`` large."""
    extent = np.array(shape) * spacing_mm
    nodes = np.maximum(2, np.ceil(extent / size_mm)).astype(int) + 1
    coarse = rng.standard_normal(nodes, dtype=np.float32)
    return stretched(coarse, shape) * np.float32(1.4)


def stretched(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate a small array linearly to ``shape``, ends on ends; one matrix per axis."""
    result = coarse.astype(np.float32)
    for axis, size in enumerate(shape):
        nodes = result.shape[axis]
        at = np.linspace(0, nodes - 1, size)
        low = np.minimum(at.astype(int), nodes - 2)
        weights = np.zeros((size, nodes), np.float32)
        weights[np.arange(size), low] = 1 - (at - low)
        weights[np.arange(size), low + 1] += at - low
        result = np.moveaxis(np.tensordot(weights, result, (1, axis)), 0, axis)
    return np.ascontiguousarray(result)
