"""How a slice is shown: patient right on the left, anterior on top, square pixels.

A view is itself a :class:`ifspace.geometry.Plane`, so that a patient point finds its place in the
picture through the same door as in the scan, however the scan was stored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ifspace.geometry import Floats, Plane

# Between these percentiles of a slice lies its grey scale: a few hot pixels near the coil must
# not darken the rest.
WINDOW_PERCENTILES = (1.0, 99.5)


def axes_as_seen(plane: Plane) -> tuple[Floats, Floats]:
    """Find which stored axis runs to the viewer's right and which one down.

    Returns
    -------
    Unit vectors (3,): across, towards the patient's left, and down, towards posterior or, on an
    upright plane, towards the feet. Both run along stored rows or columns, so that a pixel of the
    scan stays a rectangle.
    """
    along = (plane.along_row_lps, plane.along_column_lps)
    first = int(abs(along[1][0]) > abs(along[0][0]))
    across, down = along[first], along[1 - first]
    if across[0] < 0.0:
        across = -across
    towards = down[1] if abs(down[1]) >= abs(down[2]) else -down[2]
    return across, down if towards >= 0.0 else -down


def view_around(
    plane: Plane, centre_lps_mm: Floats, width_mm: float, shape_ji: tuple[int, int]
) -> Plane:
    """Lay a picture of `shape_ji` square pixels around a point, `width_mm` wide."""
    across, down = axes_as_seen(plane)
    pixel_mm = width_mm / shape_ji[1]
    centred = Plane(centre_lps_mm, across, down, pixel_mm, pixel_mm, shape_ji)
    corner_lps_mm = centred.to_lps_mm([-(shape_ji[0] - 1) / 2.0, -(shape_ji[1] - 1) / 2.0])
    return Plane(corner_lps_mm, across, down, pixel_mm, pixel_mm, shape_ji)


def view_of_all(plane: Plane, shape_ji: tuple[int, int]) -> Plane:
    """Lay a picture around the whole slice, outer half pixels included."""
    rows, columns = plane.shape_ji
    edges_ji = [[j, i] for j in (-0.5, rows - 0.5) for i in (-0.5, columns - 0.5)]
    centre_lps_mm = plane.to_lps_mm([(rows - 1) / 2.0, (columns - 1) / 2.0])
    across, down = axes_as_seen(plane)
    in_mm = Plane(centre_lps_mm, across, down, 1.0, 1.0, (1, 1))
    height_mm, width_mm = np.ptp(in_mm.to_index_ji(plane.to_lps_mm(edges_ji)), axis=0)
    return view_around(
        plane, centre_lps_mm, max(width_mm, height_mm * shape_ji[1] / shape_ji[0]), shape_ji
    )


def look(voxels_ji: NDArray[np.float32], plane: Plane, view: Plane) -> NDArray[np.uint8]:
    """Resample one slice into a view as 8-bit grey, linearly; black outside the slice."""
    rows, columns = view.shape_ji
    index_ji = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    stored_ji = plane.to_index_ji(view.to_lps_mm(index_ji))
    low, high = grey_window(voxels_ji)
    seen = map_coordinates(
        np.asarray(voxels_ji, dtype=np.float64),
        np.moveaxis(stored_ji, -1, 0),
        order=1,
        mode="constant",
        cval=low,
    )
    return np.asarray(np.rint(np.clip((seen - low) / (high - low), 0.0, 1.0) * 255), dtype=np.uint8)


def grey_window(voxels_ji: NDArray[np.float32]) -> tuple[float, float]:
    """Choose which signals are black and white; never the same one."""
    low, high = (float(value) for value in np.percentile(voxels_ji, WINDOW_PERCENTILES))
    if high <= low:
        low, high = float(voxels_ji.min()), float(voxels_ji.max())
    return (low, high) if high > low else (low, low + 1.0)


def edge_letter(direction_lps: Floats) -> str:
    """Name the end of the patient that a direction points to.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.1, Patient Orientation.
    """
    axis = int(np.argmax(np.abs(direction_lps)))
    return ("RL", "AP", "FH")[axis][int(direction_lps[axis] > 0.0)]
