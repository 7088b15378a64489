"""Where a voxel lies in the patient, and how far two patient points are apart.

The only place that multiplies by an affine. One array order, (k slice, j row, i column), and one
frame, DICOM's patient frame LPS in millimetres: +x is the patient's left, +y is posterior,
+z is superior.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Direction cosines are written with at least six significant digits by every scanner we have
# seen (DICOM PS3.3 C.7.6.2.1.1 asks for orthonormal vectors without giving a tolerance).
ORTHONORMAL_TOLERANCE = 1e-4


def finite(value: ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    """Return `value` as a write-protected float array of `shape` without NaN or infinity.

    Raises
    ------
    ValueError
        If the shape is another one or a number is not finite.
    """
    array = np.array(value, dtype=np.float64)
    if array.shape != shape:
        message = f"{name}: shape {array.shape}, expected {shape}"
        raise ValueError(message)
    if not np.isfinite(array).all():
        message = f"{name}: not finite: {array.tolist()}"
        raise ValueError(message)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Segment:
    """Straight segment between two patient points."""

    start_lps_mm: Floats
    end_lps_mm: Floats

    def __post_init__(self) -> None:
        """Refuse anything but two finite points."""
        for name in ("start_lps_mm", "end_lps_mm"):
            object.__setattr__(self, name, finite(getattr(self, name), (3,), name))

    @property
    def length_mm(self) -> float:
        """Distance between the two ends."""
        return float(np.linalg.norm(self.end_lps_mm - self.start_lps_mm))

    @property
    def direction_lps(self) -> Floats:
        """Unit vector from start to end, (3,); zeros for a segment without length."""
        length_mm = self.length_mm
        if length_mm == 0.0:
            return np.zeros(3)
        return (self.end_lps_mm - self.start_lps_mm) / length_mm


@dataclass(frozen=True, eq=False)
class Plane:
    """One image slice in the patient: where its pixels are, from the slice's own attributes.

    Attributes
    ----------
    origin_lps_mm
        Centre of the pixel (row 0, column 0), (3,): ImagePositionPatient.
    along_row_lps
        Unit vector in which the column index grows, (3,): first three numbers of
        ImageOrientationPatient.
    along_column_lps
        Unit vector in which the row index grows, (3,): last three numbers.
    row_spacing_mm, column_spacing_mm
        Distance between rows and between columns: PixelSpacing[0] and PixelSpacing[1].
    shape_ji
        Number of rows and columns.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
    """

    origin_lps_mm: Floats
    along_row_lps: Floats
    along_column_lps: Floats
    row_spacing_mm: float
    column_spacing_mm: float
    shape_ji: tuple[int, int]

    def __post_init__(self) -> None:
        """Refuse axes that are not orthonormal and spacings that are not lengths."""
        for name in ("origin_lps_mm", "along_row_lps", "along_column_lps"):
            object.__setattr__(self, name, finite(getattr(self, name), (3,), name))
        axes = np.stack([self.along_row_lps, self.along_column_lps])
        if not np.allclose(axes @ axes.T, np.eye(2), atol=ORTHONORMAL_TOLERANCE):
            message = f"image axes are not orthonormal: {axes.tolist()}"
            raise ValueError(message)
        for name in ("row_spacing_mm", "column_spacing_mm"):
            spacing_mm = getattr(self, name)
            if not (np.isfinite(spacing_mm) and spacing_mm > 0.0):
                message = f"{name} is {spacing_mm}, expected a length above zero"
                raise ValueError(message)
        if min(self.shape_ji) < 1:
            message = f"shape_ji is {self.shape_ji}, expected at least one pixel"
            raise ValueError(message)

    @cached_property
    def normal_lps(self) -> Floats:
        """Unit normal, (3,): along_row x along_column."""
        normal = np.cross(self.along_row_lps, self.along_column_lps)
        return finite(normal / np.linalg.norm(normal), (3,), "normal_lps")

    def to_lps_mm(self, index_ji: ArrayLike) -> Floats:
        """Map continuous pixel indices (..., 2), row first, to patient points (..., 3)."""
        index = np.asarray(index_ji, dtype=np.float64)
        down_mm = index[..., 0:1] * self.row_spacing_mm
        right_mm = index[..., 1:2] * self.column_spacing_mm
        return np.asarray(
            self.origin_lps_mm + down_mm * self.along_column_lps + right_mm * self.along_row_lps
        )

    def to_index_ji(self, point_lps_mm: ArrayLike) -> Floats:
        """Map patient points (..., 3) to the indices (..., 2) of their foot on the plane."""
        offset_mm = np.asarray(point_lps_mm, dtype=np.float64) - self.origin_lps_mm
        return np.stack(
            [
                offset_mm @ self.along_column_lps / self.row_spacing_mm,
                offset_mm @ self.along_row_lps / self.column_spacing_mm,
            ],
            axis=-1,
        )

    def height_mm(self, point_lps_mm: ArrayLike) -> Floats:
        """Measure how far patient points (..., 3) lie from the plane, signed along its normal."""
        offset_mm = np.asarray(point_lps_mm, dtype=np.float64) - self.origin_lps_mm
        return np.asarray(offset_mm @ self.normal_lps)

    def foot_lps_mm(self, point_lps_mm: ArrayLike) -> Floats:
        """Drop patient points (..., 3) perpendicularly onto the plane."""
        point = np.asarray(point_lps_mm, dtype=np.float64)
        return np.asarray(point - self.height_mm(point)[..., None] * self.normal_lps)

    def shows(self, point_lps_mm: ArrayLike) -> bool:
        """Tell whether the foot of a point (3,) lies on the image, outer half pixels included."""
        index_ji = self.to_index_ji(point_lps_mm)
        limit_ji = np.asarray(self.shape_ji, dtype=np.float64) - 0.5
        return bool(np.all(index_ji >= -0.5) and np.all(index_ji <= limit_ji))

    def pixel_footprint_mm(self, direction_lps: ArrayLike) -> float:
        """Measure how long one pixel is along a direction (3,) in the plane.

        The column spacing along a row, the row spacing along a column, and in between their
        shares added in quadrature, so that a point spread evenly over the pixel has a standard
        deviation of footprint / sqrt(12) along the direction, exactly.
        """
        direction = np.asarray(direction_lps, dtype=np.float64)
        return float(
            np.hypot(
                direction @ self.along_row_lps * self.column_spacing_mm,
                direction @ self.along_column_lps * self.row_spacing_mm,
            )
        )

    @property
    def tilt_from_axial_deg(self) -> float:
        """Angle between the plane and the patient's axial plane, 0 to 90 degrees."""
        return float(np.degrees(np.arccos(np.clip(abs(self.normal_lps[2]), 0.0, 1.0))))


@dataclass(frozen=True, eq=False)
class Grid:
    """Regular voxel grid in the patient.

    Attributes
    ----------
    shape_kji
        Number of slices, rows and columns.
    affine_lps_mm
        (4, 4), maps (k, j, i, 1) to (x, y, z, 1).

    Examples
    --------
    Slice, row and column in that order; here slices go up, rows back, columns left:

    >>> affine = [[0, 0, 0.6, -90], [0, 0.8, 0, -70], [4.4, 0, 0, -200], [0, 0, 0, 1]]
    >>> Grid((20, 200, 300), affine).to_lps_mm([1, 0, 0]).tolist()
    [-90.0, -70.0, -195.6]
    """

    shape_kji: tuple[int, int, int]
    affine_lps_mm: Floats

    def __post_init__(self) -> None:
        """Refuse a grid that is empty or has no inverse."""
        object.__setattr__(
            self, "affine_lps_mm", finite(self.affine_lps_mm, (4, 4), "affine_lps_mm")
        )
        if len(self.shape_kji) != 3 or min(self.shape_kji) < 1:
            message = f"shape_kji is {self.shape_kji}, expected three counts above zero"
            raise ValueError(message)
        if not np.array_equal(self.affine_lps_mm[3], [0.0, 0.0, 0.0, 1.0]):
            message = "the last row of affine_lps_mm must be 0 0 0 1"
            raise ValueError(message)
        if abs(np.linalg.det(self.affine_lps_mm[:3, :3])) < np.finfo(np.float64).tiny:
            message = "affine_lps_mm has no inverse"
            raise ValueError(message)

    @property
    def spacing_kji_mm(self) -> Floats:
        """Distance between neighbouring slices, rows and columns, (3,)."""
        return np.asarray(np.linalg.norm(self.affine_lps_mm[:3, :3], axis=0))

    def to_lps_mm(self, index_kji: ArrayLike) -> Floats:
        """Map continuous indices (..., 3) to patient points (..., 3)."""
        step, origin = self.affine_lps_mm[:3, :3], self.affine_lps_mm[:3, 3]
        return np.asarray(np.asarray(index_kji, dtype=np.float64) @ step.T + origin)

    def to_index_kji(self, point_lps_mm: ArrayLike) -> Floats:
        """Map patient points (..., 3) to continuous indices (..., 3)."""
        step, origin = self.affine_lps_mm[:3, :3], self.affine_lps_mm[:3, 3]
        offset_mm = np.asarray(point_lps_mm, dtype=np.float64) - origin
        return np.asarray(offset_mm @ np.linalg.inv(step).T)

    def plane(self, slice_index: int) -> Plane:
        """Give the plane of one slice.

        Raises
        ------
        ValueError
            If the rows and columns of the grid are not perpendicular.
        """
        spacing_kji_mm = self.spacing_kji_mm
        return Plane(
            origin_lps_mm=self.to_lps_mm([slice_index, 0, 0]),
            along_row_lps=self.affine_lps_mm[:3, 2] / spacing_kji_mm[2],
            along_column_lps=self.affine_lps_mm[:3, 1] / spacing_kji_mm[1],
            row_spacing_mm=float(spacing_kji_mm[1]),
            column_spacing_mm=float(spacing_kji_mm[2]),
            shape_ji=(self.shape_kji[1], self.shape_kji[2]),
        )


def grid_of_planes(planes: tuple[Plane, ...]) -> Grid:
    """Build the regular grid through planes that are already known to be evenly spaced.

    The slice axis is the straight line from the first to the last origin. A single plane gets a
    slice axis of 1 mm along its normal, which no in-plane number depends on.
    """
    first, last = planes[0], planes[-1]
    if len(planes) == 1:
        slice_step_lps_mm = first.normal_lps
    else:
        slice_step_lps_mm = (last.origin_lps_mm - first.origin_lps_mm) / (len(planes) - 1)
    affine_lps_mm = np.eye(4)
    affine_lps_mm[:3, 0] = slice_step_lps_mm
    affine_lps_mm[:3, 1] = first.along_column_lps * first.row_spacing_mm
    affine_lps_mm[:3, 2] = first.along_row_lps * first.column_spacing_mm
    affine_lps_mm[:3, 3] = first.origin_lps_mm
    return Grid((len(planes), *first.shape_ji), affine_lps_mm)


def closest_points(points_a_mm: ArrayLike, points_b_mm: ArrayLike) -> tuple[int, int]:
    """Find the closest pair between two point sets (n, d) and (m, d); returns their indices.

    Brute force in blocks: exact, and fast enough for outlines of a few thousand points.
    """
    points_a = np.atleast_2d(np.asarray(points_a_mm, dtype=np.float64))
    points_b = np.atleast_2d(np.asarray(points_b_mm, dtype=np.float64))
    if points_a.size == 0 or points_b.size == 0:
        message = "closest_points needs at least one point in each set"
        raise ValueError(message)
    best = (np.inf, 0, 0)
    block = 1024
    for start in range(0, len(points_a), block):
        gaps = points_a[start : start + block, None, :] - points_b[None, :, :]
        squared_mm2 = np.einsum("abd,abd->ab", gaps, gaps)
        flat = int(squared_mm2.argmin())
        row, column = divmod(flat, len(points_b))
        if squared_mm2[row, column] < best[0]:
            best = (float(squared_mm2[row, column]), start + row, column)
    return best[1], best[2]
