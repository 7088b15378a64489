"""Lines on the raster, (n, 2) mm: even steps, normals, areas and closest points."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.draw import polygon2mask

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM
from ifspace.landmarks.borders.surfaces import Whole

DENSE_MM = 0.1
# Smoothing: a value that is off by this many standard deviations of the rest has half its say. The
# median absolute deviation tells the standard deviation; a smooth edge still scatters a little.
OUTLIER = 2.0
NORMAL_MAD = 1.4826
LEAST_SCATTER_MM = 0.05
# A closed line with less area than this has no centroid.
LEAST_AREA_MM2 = 1.0


def arc_length(points_mm: Floats) -> Floats:
    """Arc length at every point of an open outline, (n,)."""
    steps = np.linalg.norm(np.diff(points_mm, axis=0), axis=1)
    return np.asarray(np.r_[0.0, np.cumsum(steps)])


def resample_arc(points_mm: Floats, step_mm: float, *extra: Floats) -> tuple[Floats, ...]:
    """Give an open outline, and values along it, at even steps."""
    arc = arc_length(points_mm)
    even = np.arange(0, arc[-1], step_mm)
    points = np.stack([np.interp(even, arc, points_mm[:, axis]) for axis in (0, 1)], axis=1)
    return points, *(np.interp(even, arc, values) for values in extra)


def densify(points_mm: Floats) -> tuple[Floats, Floats]:
    """Give an open outline every tenth of a millimetre, with the index of each new point."""
    points, index = resample_arc(points_mm, DENSE_MM, np.arange(len(points_mm), dtype=float))
    return points, index


def smooth_outline(points_mm: Floats, sigma_mm: float = 1.5) -> Floats:
    """Take the steps of the search out of an open outline."""
    arc, even = arc_length(points_mm), np.ones(len(points_mm))
    return np.stack([smooth_along(points_mm[:, a], even, arc, sigma_mm) for a in (0, 1)], axis=1)


def outward_normals(points_mm: Floats, centre_mm: Floats) -> Floats:
    """Give unit normals of an open outline, pointing away from a point inside, (n, 2)."""
    tangent = np.gradient(points_mm, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    outward = np.median(np.sum((points_mm - centre_mm) * normal, axis=1))
    return np.asarray(normal if outward >= 0 else -normal)


def beside(loop_mm: Floats, ends_mm: Floats) -> Whole:
    """Give the indices of a closed outline that a piece of it, from one end to the other, spares.

    They begin behind the piece, so that appending it closes the outline again.
    """
    first, last = np.linalg.norm(loop_mm[:, None] - ends_mm[None], axis=2).argmin(0)
    count = len(loop_mm)
    return np.asarray((last + 1 + np.arange((first - last - 1) % count)) % count)


def radii_from(centre_mm: Floats, points_mm: Floats, directions: Floats) -> Floats:
    """Radius of an outline seen from another centre, along given directions, (rays,)."""
    offset = points_mm - centre_mm
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    wanted = np.arctan2(directions[:, 1], directions[:, 0])
    return np.asarray(np.interp(wanted, angle, np.linalg.norm(offset, axis=1), period=2 * np.pi))


def closest(a_mm: Floats, b_mm: Floats) -> tuple[float, int, int]:
    """Find the smallest distance of two point sets, and its two indices."""
    gaps, partner = cKDTree(b_mm).query(a_mm)
    best = int(np.argmin(gaps))
    return float(gaps[best]), best, int(partner[best])


def area_and_centroid(line_mm: Floats, origin_mm: Floats) -> tuple[float, Floats]:
    """Give the area and the centroid of a closed line, by moments about an origin.

    The area is positive for a line that runs clockwise on the screen.
    """
    x, y = (line_mm - origin_mm).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    cross = x * next_y - next_x * y
    area = 0.5 * float(cross.sum())
    if abs(area) < LEAST_AREA_MM2:
        return area, origin_mm
    moment = np.array([((x + next_x) * cross).sum(), ((y + next_y) * cross).sum()])
    return area, origin_mm + moment / (6 * area)


def signed_depth_mm(line_mm: Floats, shape: tuple[int, ...]) -> Floats:
    """Give the distance of every raster point to a closed line, positive inside."""
    inside = polygon2mask(shape, line_mm[:, ::-1] / RASTER_MM)
    depth = ndi.distance_transform_edt(inside) - ndi.distance_transform_edt(~inside)
    return np.asarray((depth - 0.5 * np.sign(depth)) * RASTER_MM)


def nearest_values(values: Floats, points_mm: Floats) -> Floats:
    """Read a raster at the nearest raster point, (n,)."""
    rows, columns = values.shape
    at = np.clip(np.rint(points_mm / RASTER_MM).astype(int), 0, [columns - 1, rows - 1])
    return np.asarray(values[at[:, 1], at[:, 0]])


def distance_to_line_mm(line_mm: Floats, point_mm: Floats) -> float:
    """Measure from a point to a closed line."""
    along = np.roll(line_mm, -1, axis=0) - line_mm
    share = np.sum((point_mm - line_mm) * along, axis=1) / np.maximum(
        np.sum(along**2, axis=1), 1e-12
    )
    foot = line_mm + np.clip(share, 0.0, 1.0)[:, None] * along
    return float(np.linalg.norm(foot - point_mm, axis=1).min())


def smooth_along(
    values: Floats, weights: Floats, arc_mm: Floats, sigma_mm: float, *, rounds: int = 3
) -> Floats:
    """Smooth values along an outline with a Gaussian, giving outliers less and less say."""
    kernel = np.exp(-0.5 * ((arc_mm[:, None] - arc_mm[None]) / sigma_mm) ** 2)
    trust = np.ones_like(values)
    mean = values
    for _ in range(rounds):
        share = kernel * (weights * trust)[None]
        mean = (share @ values) / np.maximum(share.sum(1), 1e-12)
        off = np.abs(values - mean)
        scale = NORMAL_MAD * np.median(off) + LEAST_SCATTER_MM
        trust = 1 / (1 + (off / (OUTLIER * scale)) ** 2)
    return np.asarray(mean)
