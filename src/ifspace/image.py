"""Look at slices on a common isotropic raster whose axes follow the patient, not the storage.

Everything that searches for edges works here: the same anatomy gives the same raster, however
rows, columns and slices were stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage as ndi

from ifspace.geometry import Floats, Plane
from ifspace.model import Series, Volume

LEFT_LPS = np.array([1.0, 0.0, 0.0])
POSTERIOR_LPS = np.array([0.0, 1.0, 0.0])

# Half a millimetre is below the pixel of every clinical pelvis series, so nothing is lost.
RASTER_MM = 0.5
# Sigma of the Gaussian that estimates shading: wide against a bone, narrow against the pelvis.
SHADING_SIGMA_MM = 25.0
# Signal that the largest one stored is brought to, whatever the scanner's scale and offset.
FULL_SCALE = 1000.0
# Shading is smooth: it is computed on every eighth raster point.
SHADING_STRIDE = 8


@dataclass(frozen=True, eq=False)
class Patch:
    """Part of one slice on an isotropic raster.

    Attributes
    ----------
    slice_index
        The slice k it was cut from.
    plane
        Where the raster lies in the patient; `x` (mm) runs along its rows, towards the patient's
        left, and `y` along its columns, backwards.
    signal
        (rows, columns), float64, free of shading after :func:`flatten`.
    seen
        (rows, columns), true where the slice has pixels.
    span
        Smallest and largest signal stored in the volume: the scale of `signal` before
        :func:`flatten`.
    """

    slice_index: int
    plane: Plane
    signal: Floats
    seen: NDArray[np.bool_]
    span: tuple[float, float] = (0.0, FULL_SCALE)

    def sample(self, xy_mm: ArrayLike) -> Floats:
        """Read the signal at raster points (..., 2) in mm, linearly interpolated."""
        return sample(self.signal, xy_mm, self.plane.row_spacing_mm)

    def to_lps_mm(self, xy_mm: ArrayLike) -> Floats:
        """Map raster points (..., 2) in mm to patient points (..., 3)."""
        return self.plane.to_lps_mm(np.asarray(xy_mm)[..., ::-1] / self.plane.row_spacing_mm)

    def to_xy_mm(self, point_lps_mm: ArrayLike) -> Floats:
        """Map patient points (..., 3) to raster points (..., 2) in mm."""
        return self.plane.to_index_ji(point_lps_mm)[..., ::-1] * self.plane.row_spacing_mm

    @property
    def size_xy_mm(self) -> Floats:
        """Width and height of the raster."""
        rows, columns = self.signal.shape
        return np.array([columns - 1, rows - 1]) * self.plane.row_spacing_mm


def sample(signal: Floats, xy_mm: ArrayLike, raster_mm: float) -> Floats:
    """Interpolate a raster linearly at points (..., 2) in mm; the border continues outside."""
    points = np.asarray(xy_mm, dtype=np.float64) / raster_mm
    flat = points.reshape(-1, 2)[:, ::-1].T
    values = ndi.map_coordinates(signal, flat, order=1, mode="nearest")
    return np.asarray(values, dtype=np.float64).reshape(points.shape[:-1])


def patient_axes_in(plane: Plane) -> tuple[Floats, Floats]:
    """Give two unit vectors in a plane: towards the patient's left, and backwards.

    Raises
    ------
    ValueError
        If the plane is nearly sagittal, so that left has no direction in it.
    """
    normal = plane.normal_lps
    left = LEFT_LPS - (LEFT_LPS @ normal) * normal
    length = float(np.linalg.norm(left))
    if length < 0.2:
        message = "the slice is nearly sagittal: it has no left and right"
        raise ValueError(message)
    left = left / length
    back = np.cross(normal, left)
    return left, np.asarray(back * (1.0 if back @ POSTERIOR_LPS >= 0 else -1.0))


def cut_patches(
    volume: Volume, slice_indices: range, centre_lps_mm: Floats, half_xy_mm: tuple[float, float]
) -> tuple[Patch, ...]:
    """Cut the same window out of neighbouring slices, on a raster along the patient's axes.

    Parameters
    ----------
    volume
        The series.
    slice_indices
        Slices to cut.
    centre_lps_mm
        Patient point, (3,), whose foot on every slice is the middle of the window.
    half_xy_mm
        Half width (left-right) and half height (front-back) of the window.
    """
    span = (float(volume.voxels.min()), float(volume.voxels.max()))
    return tuple(_cut(volume, k, centre_lps_mm, half_xy_mm, span) for k in slice_indices)


def _cut(
    volume: Volume,
    slice_index: int,
    centre_lps_mm: Floats,
    half_xy_mm: tuple[float, float],
    span: tuple[float, float],
) -> Patch:
    """Cut one window by cubic interpolation."""
    stored = volume.slices[slice_index].plane
    left, back = patient_axes_in(stored)
    corner = stored.foot_lps_mm(centre_lps_mm) - half_xy_mm[0] * left - half_xy_mm[1] * back
    columns, rows = (2 * round(half / RASTER_MM) + 1 for half in half_xy_mm)
    plane = Plane(corner, left, back, RASTER_MM, RASTER_MM, (rows, columns))
    raster = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    at_ji = stored.to_index_ji(plane.to_lps_mm(raster))
    limit = np.array(stored.shape_ji) - 0.5
    seen = np.all((at_ji >= -0.5) & (at_ji <= limit), axis=-1)
    signal = ndi.map_coordinates(
        volume.voxels[slice_index].astype(np.float64),
        np.moveaxis(at_ji, -1, 0),
        order=3,
        mode="nearest",
    )
    return Patch(slice_index, plane, np.asarray(signal, dtype=np.float64), seen, span)


def flatten(patch: Patch) -> Patch:
    """Divide by the local mean, so that coil shading does not shift the tissue levels.

    Offset and scale of the stored signal drop out first: they say nothing about tissue.
    """
    low, high = patch.span
    stored = (patch.signal - low) * (FULL_SCALE / max(high - low, np.finfo(float).tiny))
    coarse = ndi.uniform_filter(stored * patch.seen, SHADING_STRIDE)
    coarse = coarse[::SHADING_STRIDE, ::SHADING_STRIDE]
    weight = ndi.uniform_filter(patch.seen.astype(np.float64), SHADING_STRIDE)
    weight = weight[::SHADING_STRIDE, ::SHADING_STRIDE]
    sigma = SHADING_SIGMA_MM / RASTER_MM / SHADING_STRIDE
    mean = ndi.gaussian_filter(coarse, sigma) / np.maximum(ndi.gaussian_filter(weight, sigma), 1e-6)
    rows, columns = (np.arange(n) / SHADING_STRIDE for n in patch.signal.shape)
    at = np.meshgrid(rows, columns, indexing="ij")
    shading = ndi.map_coordinates(mean, at, order=1, mode="nearest")
    middle = float(np.median(shading[patch.seen])) if patch.seen.any() else 1.0
    floor = max(1e-3 * abs(middle), 1e-9)
    return replace(patch, signal=stored / np.maximum(shading, floor) * middle)


# ------------------------------------------------------------------------------ another series

# A series of one slice, or one without a thickness, is shown this far from its slice.
THINNEST_SLICE_MM = 1.0


def same_frame(first: Series, second: Series) -> bool | None:
    """Tell whether positions in two series mean the same place; nothing where nobody says so.

    References
    ----------
    DICOM PS3.3 C.7.4.1: equal Frame of Reference UIDs say that positions correspond.
    """
    uids = (first.frame_of_reference_uid, second.frame_of_reference_uid)
    if None in uids:
        return None
    return uids[0] == uids[1]


def values_on(volume: Volume, plane: Plane) -> Floats:
    """Read a volume at the pixels of a plane of another series, by patient position.

    Linear within the slices and between neighbouring ones. A slice stands for what lies within
    half a step of it, a pixel for half a pixel around it; beyond, there is no value.

    Parameters
    ----------
    volume
        The volume to read; its slices may have any orientation and need not be evenly spaced.
    plane
        Where values are wanted.

    Returns
    -------
    array
        (rows, columns) of `plane`, NaN where the volume does not reach.
    """
    # Where a pixel lies in another plane is linear in row and column: three pixels tell all.
    corner_lps_mm = plane.to_lps_mm([[0, 0], [1, 0], [0, 1]])
    below, share, inside = _between_slices(volume, corner_lps_mm, plane.shape_ji)
    values = np.full(plane.shape_ji, np.nan)
    for k in range(int(below.min()), int(below.max()) + 1):
        here = inside & (below == k)
        if here.any():
            found = _in_slice(volume, k, corner_lps_mm, plane.shape_ji)
            if share[here].any():
                above = _in_slice(volume, k + 1, corner_lps_mm, plane.shape_ji)
                found = np.where(share > 0.0, (1.0 - share) * found + share * above, found)
            values[here] = found[here]
    return values


def _spread(at_three: Floats, shape_ji: tuple[int, int]) -> Floats:
    """Continue a linear quantity from pixels (0, 0), (1, 0) and (0, 1) over all pixels."""
    here, down, right = at_three
    rows, columns = (np.arange(count, dtype=np.float64) for count in shape_ji)
    return np.asarray(here + (down - here) * rows[:, None] + (right - here) * columns)


def _between_slices(
    volume: Volume, corner_lps_mm: Floats, shape_ji: tuple[int, int]
) -> tuple[NDArray[np.intp], Floats, NDArray[np.bool_]]:
    """Find the slice below each pixel, the share of the one above, and whether any is near."""
    reference = volume.slices[0].plane
    origins_lps_mm = np.stack([item.plane.origin_lps_mm for item in volume.slices])
    slice_heights_mm = reference.height_mm(origins_lps_mm)
    # Slices are sorted along their normal, one way or the other.
    sign = -1.0 if slice_heights_mm[-1] < 0.0 else 1.0
    slice_heights_mm = sign * slice_heights_mm
    heights_mm = _spread(sign * reference.height_mm(corner_lps_mm), shape_ji)
    thickness_mm = volume.slice_step_mm or volume.series.slice_thickness_mm or THINNEST_SLICE_MM
    inside = heights_mm >= slice_heights_mm[0] - thickness_mm / 2.0
    inside &= heights_mm <= slice_heights_mm[-1] + thickness_mm / 2.0
    last = len(volume.slices) - 1
    place = np.interp(heights_mm, slice_heights_mm, np.arange(last + 1))
    below = np.minimum(place.astype(np.intp), last)
    return below, place - below, inside


def _in_slice(
    volume: Volume, slice_index: int, corner_lps_mm: Floats, shape_ji: tuple[int, int]
) -> Floats:
    """Read one slice at the feet of all pixels, linearly; NaN outside its own pixels."""
    stored = volume.slices[slice_index].plane
    at = [_spread(axis, shape_ji) for axis in stored.to_index_ji(corner_lps_mm).T]
    # Rounding must not cut the outermost half pixel off.
    low, (high_j, high_i) = -0.5 - 1e-6, np.asarray(stored.shape_ji) - 0.5 + 1e-6
    seen = (at[0] >= low) & (at[0] <= high_j) & (at[1] >= low) & (at[1] <= high_i)
    values = ndi.map_coordinates(
        volume.voxels[slice_index], at, order=1, mode="nearest", output=np.float64
    )
    return np.where(seen, values, np.nan)
