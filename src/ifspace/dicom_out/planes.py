"""Where a patient point lies on the referenced image: the pixels that SCOORD speaks of."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from ifspace.errors import GeometryError
from ifspace.geometry import Floats, Plane
from ifspace.io.values import floats_of, items_of

# PS3.3 C.18.6: (0, 0) of a spatial coordinate is the outer corner of the first pixel, whose
# centre is therefore (0.5, 0.5); our indices count from the centre.
CORNER_TO_CENTRE = 0.5


def plane_of(header: Dataset, frame_number: int | None) -> Plane:
    """Read the plane of a classic image, or of one frame of an enhanced one.

    Parameters
    ----------
    header
        The image without its pixels.
    frame_number
        Counted from 1; absent for a classic image.

    Raises
    ------
    GeometryError
        If position, orientation or spacing are missing or no numbers.

    References
    ----------
    DICOM PS3.3 C.7.6.2, C.7.6.16.2.3, C.7.6.16.2.4.
    """
    position = functional(header, frame_number, "PlanePositionSequence", "ImagePositionPatient")
    axes = functional(header, frame_number, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing_mm = functional(header, frame_number, "PixelMeasuresSequence", "PixelSpacing")
    if (len(position), len(axes), len(spacing_mm)) != (3, 6, 2):
        message = "position, orientation or spacing of the image are damaged; export it again"
        raise GeometryError(message)
    return Plane(
        np.asarray(position, dtype=np.float64),
        np.asarray(axes[:3], dtype=np.float64),
        np.asarray(axes[3:], dtype=np.float64),
        float(spacing_mm[0]),
        float(spacing_mm[1]),
        (int(header.Rows), int(header.Columns)),
    )


def functional(
    header: Dataset, frame_number: int | None, group: str, keyword: str
) -> tuple[float, ...]:
    """Find numbers in the functional groups of a frame, the shared ones, or at the top.

    Raises
    ------
    GeometryError
        If they are nowhere.
    """
    places = [header]
    shared = items_of(header, "SharedFunctionalGroupsSequence")
    places = [*(place for item in shared for place in items_of(item, group)[:1]), *places]
    frames = items_of(header, "PerFrameFunctionalGroupsSequence")
    if frame_number is not None and frame_number <= len(frames):
        places = [*items_of(frames[frame_number - 1], group), *places]
    for place in places:
        # Some programs write numbers under the value representation of a text.
        if values := floats_of(place.get(keyword)):
            return values
    message = f"the image has no {keyword}; export the series again with its geometry"
    raise GeometryError(message)


def to_column_row(plane: Plane, points_lps_mm: Floats) -> Floats:
    """Map patient points (n, 3) to spatial coordinates (n, 2), column first, corner convention."""
    return np.asarray(plane.to_index_ji(points_lps_mm)[..., ::-1] + CORNER_TO_CENTRE)


def to_lps_mm(plane: Plane, column_row: Floats) -> Floats:
    """Map spatial coordinates (n, 2), column first, corner convention, to patient points (n, 3)."""
    return plane.to_lps_mm(np.asarray(column_row)[..., ::-1] - CORNER_TO_CENTRE)
