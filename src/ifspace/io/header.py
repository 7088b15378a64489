"""What one image says of itself: the typed facts of a header, and its plane in the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifspace.errors import GeometryError
from ifspace.geometry import ORTHONORMAL_TOLERANCE, Plane
from ifspace.model import SliceSource

# Pixels of clinical MR are 0.1 to 4 mm. What lies outside this range is a unit mistake or damage.
PIXEL_LIMITS_MM = (0.01, 20.0)
# A scanner's bore is below 3 m; nothing in the patient frame is further from the isocentre.
POSITION_LIMIT_MM = 10_000.0
# The largest clinical matrix is 2048; a header that asks for more than this is damaged.
MAX_PIXELS_PER_SIDE = 16_384


@dataclass(frozen=True)
class FileFacts:
    """What all images of one file share. Nothing here names the patient.

    `patient` tells two patients apart, see :func:`ifspace.io.consistency.patient_tags`.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    series_number: int | None = None
    instance_number: int | None = None
    description: str = ""
    modality: str = ""
    patient_position: str | None = None
    patient_age_years: float | None = None
    patient_sex: str | None = None
    manufacturer: str | None = None
    field_strength_t: float | None = None
    scanning_sequence: tuple[str, ...] = ()
    scan_options: tuple[str, ...] = ()
    sequence_name: str = ""
    protocol: str = ""
    colour: bool = False
    patient: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageHeader:
    """One slice: what the header says of where it is and how it was made.

    `labels` are the attributes by which images at one place can differ, in the order in which
    they are tried; `problem` tells in words why no plane can be trusted, if none can.
    """

    file: FileFacts
    path: Path
    name: str
    rows: int
    columns: int
    frame_number: int | None = None
    position_lps_mm: tuple[float, ...] = ()
    orientation_lps: tuple[float, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    spacing_source: str | None = None
    thickness_mm: float | None = None
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    image_type: tuple[str, ...] = ()
    acquisition_matrix: tuple[int, int] | None = None
    stack_id: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    problem: str | None = None

    @property
    def source(self) -> SliceSource:
        """Where the pixels are."""
        return SliceSource(
            self.path, self.file.sop_instance_uid, self.file.sop_class_uid, self.frame_number
        )

    @property
    def plane(self) -> Plane:
        """The plane of the pixels in the patient.

        Raises
        ------
        GeometryError
            If the header does not give one that can be trusted.
        """
        if self.problem is not None:
            raise GeometryError(f"{self.problem}; no millimetre can be taken.")
        try:
            return Plane(
                np.array(self.position_lps_mm),
                np.array(self.orientation_lps[:3]),
                np.array(self.orientation_lps[3:]),
                self.spacing_mm[0],
                self.spacing_mm[1],
                (self.rows, self.columns),
            )
        except ValueError as error:
            message = "ImageOrientationPatient is not two perpendicular unit vectors"
            raise GeometryError(f"{message}; no millimetre can be taken.") from error


def geometry_problem(
    position_lps_mm: tuple[float, ...],
    orientation_lps: tuple[float, ...],
    spacing_mm: tuple[float, ...],
    detector_spacing: str | None,
) -> str | None:
    """Tell in words why an image has no place in the patient; None where it has one.

    Parameters
    ----------
    position_lps_mm, orientation_lps, spacing_mm
        The values as they stand, empty where absent.
    detector_spacing
        The name of an attribute that gives a distance, but not one in the patient
        (ImagerPixelSpacing, NominalScannedPixelSpacing), where there is one.
    """
    if not spacing_mm:
        if detector_spacing:
            return f"PixelSpacing is missing, and {detector_spacing} is no distance in the patient"
        return "PixelSpacing is missing"
    low_mm, high_mm = PIXEL_LIMITS_MM
    # Not `low <= x <= high` turned round: NaN must fail.
    if len(spacing_mm) != 2 or not all(low_mm <= value <= high_mm for value in spacing_mm):
        shown = "\\".join(f"{value:g}" for value in spacing_mm[:3])
        return f"PixelSpacing is {shown}, expected two lengths of {low_mm:g} to {high_mm:g} mm"
    return _place_problem(position_lps_mm, orientation_lps)


def _place_problem(
    position_lps_mm: tuple[float, ...], orientation_lps: tuple[float, ...]
) -> str | None:
    if not position_lps_mm:
        return "ImagePositionPatient is missing"
    if len(position_lps_mm) != 3 or not all(
        math.isfinite(value) and abs(value) <= POSITION_LIMIT_MM for value in position_lps_mm
    ):
        return "ImagePositionPatient is not a point near the patient"
    if not orientation_lps:
        return "ImageOrientationPatient is missing"
    if not is_direction(orientation_lps):
        return "ImageOrientationPatient is not two perpendicular unit vectors"
    return None


def is_direction(axes: tuple[float, ...]) -> bool:
    """Tell whether numbers are two perpendicular unit vectors.

    Written out without numpy, which would cost more than the rest of the header.
    """
    if len(axes) != 6 or not all(map(math.isfinite, axes)):
        return False
    a, b, c, d, e, f = axes
    errors = (a * a + b * b + c * c - 1.0, d * d + e * e + f * f - 1.0, a * d + b * e + c * f)
    return all(abs(error) <= ORTHONORMAL_TOLERANCE for error in errors)
