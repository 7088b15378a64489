"""Where the pixels of the phantom are: the DICOM equation, written out once more on purpose.

The readers under test have their own geometry; sharing it would prove nothing.

References
----------
DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ifspace.phantom.spec import PhantomSpec, Size, View

Floats = NDArray[np.float64]

# Midline at the height of the lesser trochanters, in patient millimetres: off-centre on all axes,
# as in a scanner, because a patient at the origin hides sign errors.
PATIENT_CENTRE_LPS_MM = np.array([6.3, -11.7, -203.4])
# Oblique planes are tilted about an axis between left-right and front-back.
TILT_AXIS_LPS = np.array([math.cos(math.radians(20.0)), math.sin(math.radians(20.0)), 0.0])
# What the image shows lies around these points of the adult, from the patient's centre.
CENTRE_BOTH_MM = np.array([0.0, -10.0, 0.0])
CENTRE_ONE_SIDE_X_MM = 78.0
SHEAR_MM_PER_SLICE = 0.9
# A stack that starts here sees femoral necks and heads, no lesser trochanter.
ABOVE_LEVEL_MM = 34.0
# A nine-year-old's pelvis in widths of the adult's, and the finer slices it is scanned with.
CHILD_SCALE, CHILD_AGE_YEARS = 0.74, 14
CHILD_STEP_MM = 3.5


@dataclass(frozen=True)
class Sampling:
    """Counts and spacings of a stack."""

    slices: int
    rows: int
    columns: int
    slice_step_mm: float
    row_spacing_mm: float
    column_spacing_mm: float
    thickness_mm: float
    lowest_mm: float


_SAMPLING = {
    # Square pixels, as most scanners give; the others tell rows from columns.
    Size.FULL: Sampling(24, 256, 384, 4.4, 0.95, 0.95, 4.0, -48.0),
    Size.SMALL: Sampling(12, 112, 144, 4.4, 2.2, 2.5, 4.0, -24.0),
    Size.TINY: Sampling(10, 88, 120, 4.4, 2.8, 3.0, 4.0, -21.5),
}


@dataclass(frozen=True, eq=False)
class Stack:
    """The planes of one series, in the order in which they are stored.

    Attributes
    ----------
    origins_lps_mm
        Centre of the first pixel of every slice, (n, 3).
    along_row_lps, along_column_lps
        Unit vectors in which the column and the row index grow, (3,).
    """

    origins_lps_mm: Floats
    along_row_lps: Floats
    along_column_lps: Floats
    sampling: Sampling

    @property
    def normal_lps(self) -> Floats:
        """Unit normal, (3,): row x column."""
        return np.cross(self.along_row_lps, self.along_column_lps)

    def pixel_lps_mm(self, slice_index: int, row: float, column: float) -> Floats:
        """Map one pixel to the patient by the DICOM equation."""
        right_mm = self.sampling.column_spacing_mm * column
        down_mm = self.sampling.row_spacing_mm * row
        return np.asarray(
            self.origins_lps_mm[slice_index]
            + self.along_row_lps * right_mm
            + self.along_column_lps * down_mm
        )


def is_child(spec: PhantomSpec) -> bool:
    """Tell whether the patient is drawn small."""
    return spec.age_years is not None and spec.age_years < CHILD_AGE_YEARS


def sampling_of(spec: PhantomSpec) -> Sampling:
    """Give the sampling that a spec asks for."""
    base = _SAMPLING[spec.size]
    if is_child(spec):
        base = replace(
            base,
            slice_step_mm=CHILD_STEP_MM,
            thickness_mm=CHILD_STEP_MM - 0.3,
            row_spacing_mm=CHILD_SCALE * base.row_spacing_mm,
            column_spacing_mm=CHILD_SCALE * base.column_spacing_mm,
            lowest_mm=base.lowest_mm * CHILD_STEP_MM / base.slice_step_mm,
        )
    row_mm = spec.row_spacing_mm or base.row_spacing_mm
    column_mm = spec.column_spacing_mm or base.column_spacing_mm
    step_mm = spec.slice_step_mm or base.slice_step_mm
    height_mm, width_mm = base.rows * base.row_spacing_mm, base.columns * base.column_spacing_mm
    if spec.view is not View.BOTH:
        width_mm *= 0.5
        height_mm *= 0.8
    depth_mm = base.slices * base.slice_step_mm
    return Sampling(
        slices=max(6, round(depth_mm / step_mm)),
        rows=2 * round(height_mm / row_mm / 2),
        columns=2 * round(width_mm / column_mm / 2),
        slice_step_mm=step_mm,
        row_spacing_mm=row_mm,
        column_spacing_mm=column_mm,
        thickness_mm=min(base.thickness_mm, step_mm),
        lowest_mm=base.lowest_mm,
    )


def build_stack(spec: PhantomSpec) -> Stack:
    """Lay the slices of a spec into the patient."""
    sampling = sampling_of(spec)
    turn = _rotation(np.array([0.0, 0.0, 1.0]), spec.in_plane_deg)
    turn = _rotation(TILT_AXIS_LPS, spec.tilt_deg) @ turn
    right, back, up = turn[:, 0], turn[:, 1], turn[:, 2]
    side = {View.BOTH: 0.0, View.LEFT: 1.0, View.RIGHT: -1.0}[spec.view]
    centre = PATIENT_CENTRE_LPS_MM + CENTRE_BOTH_MM
    centre = centre + np.array([side * CENTRE_ONE_SIDE_X_MM, 0.0, 0.0])
    # Tilted planes are shifted so that the hip in view stays in the middle of the stack.
    half_width_mm = (sampling.columns - 1) / 2 * sampling.column_spacing_mm
    half_height_mm = (sampling.rows - 1) / 2 * sampling.row_spacing_mm
    corner = centre - right * half_width_mm - back * half_height_mm
    heights_mm = sampling.lowest_mm + np.arange(sampling.slices) * sampling.slice_step_mm
    if spec.above_level:
        heights_mm = heights_mm + (ABOVE_LEVEL_MM - sampling.lowest_mm)
    origins = corner + heights_mm[:, None] * up
    if spec.sheared:
        origins = origins + np.arange(sampling.slices)[:, None] * SHEAR_MM_PER_SLICE * right
    return _turn_round(Stack(origins, right, back, sampling), _flips(spec))


def _flips(spec: PhantomSpec) -> tuple[str, ...]:
    # Scanners store a prone patient as seen on the table, and feet-first stacks top down.
    usual = {"HFP": ("rows", "columns"), "FFS": ("slices",), "FFP": ("rows", "columns", "slices")}
    return spec.flips + usual.get(spec.patient_position, ())


def _turn_round(stack: Stack, flips: tuple[str, ...]) -> Stack:
    """Change the stored order without moving a plane."""
    for flip in flips:
        s = stack.sampling
        if flip == "slices":
            stack = Stack(
                stack.origins_lps_mm[::-1], stack.along_row_lps, stack.along_column_lps, s
            )
        elif flip == "columns":
            far = stack.along_row_lps * ((s.columns - 1) * s.column_spacing_mm)
            stack = Stack(
                stack.origins_lps_mm + far, -stack.along_row_lps, stack.along_column_lps, s
            )
        elif flip == "rows":
            far = stack.along_column_lps * ((s.rows - 1) * s.row_spacing_mm)
            stack = Stack(
                stack.origins_lps_mm + far, stack.along_row_lps, -stack.along_column_lps, s
            )
        else:
            swapped = Sampling(
                s.slices,
                s.columns,
                s.rows,
                s.slice_step_mm,
                s.column_spacing_mm,
                s.row_spacing_mm,
                s.thickness_mm,
                s.lowest_mm,
            )
            stack = Stack(
                stack.origins_lps_mm, stack.along_column_lps, stack.along_row_lps, swapped
            )
    return stack


def _rotation(axis: Floats, angle_deg: float) -> Floats:
    """Rodrigues' rotation matrix, (3, 3)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = math.radians(angle_deg)
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross)


def coronal_localizer() -> Stack:
    """Lay three coarse coronal slices through the patient."""
    sampling = Sampling(3, 60, 100, 18.0, 4.0, 4.0, 8.0, 0.0)
    right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
    corner = PATIENT_CENTRE_LPS_MM - right * 198.0 - down * 118.0
    front_to_back_mm = np.array([-18.0, 0.0, 18.0])
    origins = corner + front_to_back_mm[:, None] * np.array([0.0, 1.0, 0.0])
    return Stack(origins, right, down, sampling)
