"""Find problems of geometry and acquisition of a volume, with the slices concerned.

Every slice is measured in its own plane, so trouble between slices (a missing one, an uneven
step) is a caution: a distance within one sound slice does not depend on it. Trouble with what the
distance itself rests on (pixel spacing, two images at one place, slices that are not axial) is a
refusal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ifspace.geometry import Floats, Plane
from ifspace.model import (
    AXIAL_TILT_LIMIT_DEG,
    STEP_TOLERANCE_MM,
    Contrast,
    Flag,
    FlagCode,
    Series,
    Severity,
    Volume,
)

# Slices nearer than this claim one place; positions are written to 0.001 mm.
SAME_PLACE_MM = 0.05
# From half a step too much on, a slice is missing rather than misplaced.
MISSING_STEP_RATIO = 1.5
# Rounding of direction cosines to four digits tilts a slice by 0.01 degrees; at 0.1 degrees the
# far side of a 400 mm slice is 0.7 mm off.
DIRECTION_TOLERANCE_DEG = 0.1
# How far the far slice may lie sideways from the normal through the first: half a common pixel.
SHEAR_TOLERANCE_MM = 0.3
# Two spacings that differ by less than this differ by rounding: 0.1 mm over 300 pixels.
SPACING_TOLERANCE_MM = 3e-4
# Beyond this a distance along the tilt grows by more than 3.5 %.
TILT_CAUTION_DEG = 15.0
# The lesser trochanter is about 20 mm high: above 5 mm it shows on three slices or fewer.
THICK_SLICE_MM = 5.0
# A gap of more than this can hide the narrowest place.
WIDE_GAP_MM = 2.0
# A sixth of the difference between the published group means (13 and 23 mm).
COARSE_PIXEL_MM = 1.5
# Scanners interpolate to twice the matrix by default; below this the difference is rounding.
INTERPOLATION_RATIO = 1.3

_PRONE = "The patient lay prone; the published values were read on patients lying supine."
_ON_SIDE = "The patient lay on the side; the published values were read on patients lying supine."
_POSITIONS = {
    "HFP": (FlagCode.PRONE, Severity.CAUTION, _PRONE),
    "FFP": (FlagCode.PRONE, Severity.CAUTION, _PRONE),
    "HFDL": (FlagCode.DECUBITUS, Severity.CAUTION, _ON_SIDE),
    "HFDR": (FlagCode.DECUBITUS, Severity.CAUTION, _ON_SIDE),
    "FFDL": (FlagCode.DECUBITUS, Severity.CAUTION, _ON_SIDE),
    "FFDR": (FlagCode.DECUBITUS, Severity.CAUTION, _ON_SIDE),
    "FFS": (
        FlagCode.FEET_FIRST,
        Severity.INFO,
        "The patient lay feet first; sides are the patient's own.",
    ),
}


def check(volume: Volume) -> tuple[Flag, ...]:
    """Check a volume: what loading found, then its slices, its images and its acquisition.

    Returns
    -------
    One flag per finding; a `refusal` forbids measuring on the slices it names, or on all.
    """
    planes = [item.plane for item in volume.slices]
    return (
        *volume.flags,
        *_spacing(planes),
        *_tilt(planes),
        *_directions(planes),
        *_steps(planes),
        *_shear(planes),
        *_thickness(volume),
        *_pixels(volume.series, planes),
        *_acquisition(volume.series),
    )


def _named(indices: Sequence[int]) -> str:
    """Name slices, counted from 1 as people do."""
    shown = ", ".join(str(index + 1) for index in indices[:8])
    more = f" and {len(indices) - 8} more" if len(indices) > 8 else ""
    return f"slice{'s' if len(indices) > 1 else ''} {shown}{more}"


def _spacing(planes: Sequence[Plane]) -> tuple[Flag, ...]:
    """Refuse slices whose pixel spacing is not that of most."""
    groups = Counter(
        (
            round(plane.row_spacing_mm / SPACING_TOLERANCE_MM),
            round(plane.column_spacing_mm / SPACING_TOLERANCE_MM),
        )
        for plane in planes
    )
    (row_steps, column_steps), number = groups.most_common(1)[0]
    row_mm, column_mm = row_steps * SPACING_TOLERANCE_MM, column_steps * SPACING_TOLERANCE_MM
    odd = tuple(
        index
        for index, plane in enumerate(planes)
        if abs(plane.row_spacing_mm - row_mm) > 1.5 * SPACING_TOLERANCE_MM
        or abs(plane.column_spacing_mm - column_mm) > 1.5 * SPACING_TOLERANCE_MM
    )
    if not odd:
        return ()
    if 2 * number <= len(planes):
        detail = "The pixel spacing differs from slice to slice and none holds for most of them."
        return (Flag(FlagCode.SPACING_CONTRADICTORY, Severity.REFUSAL, detail),)
    other = planes[odd[0]]
    detail = (
        f"The pixel spacing of {_named(odd)} ({other.row_spacing_mm:.4g} x "
        f"{other.column_spacing_mm:.4g} mm) contradicts that of the other slices "
        f"({row_mm:.4g} x {column_mm:.4g} mm)."
    )
    return (Flag(FlagCode.SPACING_CONTRADICTORY, Severity.REFUSAL, detail, odd),)


def _tilt(planes: Sequence[Plane]) -> tuple[Flag, ...]:
    """Refuse slices that are not axial, caution where they are far from it."""
    tilts_deg = [plane.tilt_from_axial_deg for plane in planes]
    steepest_deg = max(tilts_deg)
    if round(steepest_deg, 1) > AXIAL_TILT_LIMIT_DEG:
        detail = (
            f"The slices are tilted {steepest_deg:.0f} degrees from axial; IFS and QFS are read on "
            f"slices tilted at most {AXIAL_TILT_LIMIT_DEG:.0f} degrees."
        )
        return (Flag(FlagCode.NOT_AXIAL, Severity.REFUSAL, detail),)
    if steepest_deg > TILT_CAUTION_DEG:
        detail = (
            f"The slices are tilted {steepest_deg:.0f} degrees from axial; published values were "
            "read on axial slices and distances along the tilt appear longer."
        )
        return (Flag(FlagCode.TILTED_FROM_AXIAL, Severity.CAUTION, detail),)
    return ()


def _angle_deg(one: Floats, other: Floats) -> float:
    """Angle between two unit vectors, exact for small angles."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other)))


def _reference(planes: Sequence[Plane]) -> Plane:
    """Give the middle plane as reference; damage is more common at the ends."""
    return planes[len(planes) // 2]


def _directions(planes: Sequence[Plane]) -> tuple[Flag, ...]:
    """Name slices that are not parallel to the middle one."""
    reference = _reference(planes)
    odd = tuple(
        index
        for index, plane in enumerate(planes)
        if _angle_deg(plane.along_row_lps, reference.along_row_lps) > DIRECTION_TOLERANCE_DEG
        or _angle_deg(plane.along_column_lps, reference.along_column_lps) > DIRECTION_TOLERANCE_DEG
    )
    if not odd:
        return ()
    detail = f"The slices are not parallel: {_named(odd)} differ in direction from the others."
    return (Flag(FlagCode.TILTED_SLICES, Severity.CAUTION, detail, odd),)


def _steps(planes: Sequence[Plane]) -> tuple[Flag, ...]:
    """Find repeated, missing and unevenly spaced slices from positions along the normal."""
    if len(planes) < 2:
        return ()
    reference = _reference(planes)
    heights_mm = [float(reference.height_mm(plane.origin_lps_mm)) for plane in planes]
    steps_mm = np.diff(heights_mm)
    repeated = [k for k, step_mm in enumerate(steps_mm) if abs(step_mm) < SAME_PLACE_MM]
    flags: list[Flag] = []
    if repeated:
        both = tuple(sorted({index for k in repeated for index in (k, k + 1)}))
        detail = f"Two different images claim one place: {_named(both)}."
        flags.append(Flag(FlagCode.REPEATED_SLICE, Severity.REFUSAL, detail, both))
    real = [k for k in range(len(steps_mm)) if k not in repeated]
    if not real:
        return tuple(flags)
    usual_mm = float(np.median([steps_mm[k] for k in real]))
    missing = [k for k in real if steps_mm[k] > MISSING_STEP_RATIO * usual_mm + STEP_TOLERANCE_MM]
    uneven = [
        k for k in real if k not in missing and abs(steps_mm[k] - usual_mm) > STEP_TOLERANCE_MM
    ]
    flags.extend(_missing_flag(missing, steps_mm, usual_mm))
    flags.extend(_uneven_flag(uneven, steps_mm, usual_mm))
    return tuple(flags)


def _missing_flag(missing: list[int], steps_mm: Floats, usual_mm: float) -> tuple[Flag, ...]:
    if not missing:
        return ()
    beside = tuple(sorted({index for k in missing for index in (k, k + 1)}))
    lost = sum(round(float(steps_mm[k]) / usual_mm) - 1 for k in missing)
    detail = (
        f"About {max(lost, 1)} slice(s) are missing beside {_named(beside)}: the step there is "
        f"{max(float(steps_mm[k]) for k in missing):.2f} mm instead of {usual_mm:.2f} mm; the "
        "narrowest place may lie in the hole."
    )
    return (Flag(FlagCode.MISSING_SLICE, Severity.CAUTION, detail, beside),)


def _uneven_flag(uneven: list[int], steps_mm: Floats, usual_mm: float) -> tuple[Flag, ...]:
    if not uneven:
        return ()
    beside = tuple(sorted({index for k in uneven for index in (k, k + 1)}))
    low_mm, high_mm = min(steps_mm[k] for k in uneven), max(steps_mm[k] for k in uneven)
    detail = (
        f"The slices are unevenly spaced: steps of {low_mm:.2f} to {high_mm:.2f} mm instead of "
        f"{usual_mm:.2f} mm beside {_named(beside)}."
    )
    return (Flag(FlagCode.UNEVEN_STEPS, Severity.CAUTION, detail, beside),)


def _shear(planes: Sequence[Plane]) -> tuple[Flag, ...]:
    """Find slices that drift sideways instead of following the normal."""
    reference, start_lps_mm = _reference(planes), planes[0].origin_lps_mm
    drifts_mm = []
    for plane in planes:
        foot_lps_mm = reference.foot_lps_mm(plane.origin_lps_mm)
        sideways_mm = foot_lps_mm - reference.foot_lps_mm(start_lps_mm)
        drifts_mm.append(float(np.linalg.norm(sideways_mm)))
    odd = tuple(index for index, drift_mm in enumerate(drifts_mm) if drift_mm > SHEAR_TOLERANCE_MM)
    if not odd:
        return ()
    detail = (
        f"The stack is sheared: its slices lie up to {max(drifts_mm):.1f} mm sideways of the "
        f"normal through the first ({_named(odd)})."
    )
    return (Flag(FlagCode.SHEARED_STACK, Severity.CAUTION, detail, odd),)


def _thickness(volume: Volume) -> tuple[Flag, ...]:
    """Caution where slices are thick or far apart."""
    thickness_mm, step_mm = volume.series.slice_thickness_mm, volume.slice_step_mm
    flags: list[Flag] = []
    thick_mm = thickness_mm if thickness_mm is not None else step_mm
    if thick_mm is not None and thick_mm > THICK_SLICE_MM:
        detail = (
            f"The slices are {thick_mm:.1f} mm thick; above {THICK_SLICE_MM:g} mm bone edges blur "
            "and the lesser trochanter shows on few of them."
        )
        flags.append(Flag(FlagCode.THICK_SLICES, Severity.CAUTION, detail))
    if thickness_mm is not None and step_mm is not None and thickness_mm > 0.0:
        gap_mm = step_mm - thickness_mm
        if gap_mm > STEP_TOLERANCE_MM:
            severity = Severity.CAUTION if gap_mm > WIDE_GAP_MM else Severity.INFO
            detail = f"Between slices lie gaps of {gap_mm:.1f} mm that no image shows."
            flags.append(Flag(FlagCode.SLICE_GAP, severity, detail))
    return tuple(flags)


def _pixels(series: Series, planes: Sequence[Plane]) -> tuple[Flag, ...]:
    """Caution where the pixels are coarse, or finer than what was acquired."""
    plane = planes[0]
    flags: list[Flag] = []
    if max(plane.row_spacing_mm, plane.column_spacing_mm) > COARSE_PIXEL_MM:
        detail = (
            f"The pixels are {plane.row_spacing_mm:.2f} x {plane.column_spacing_mm:.2f} mm; above "
            f"{COARSE_PIXEL_MM:g} mm the bone edge cannot be placed well."
        )
        flags.append(Flag(FlagCode.COARSE_PIXELS, Severity.CAUTION, detail))
    if series.acquisition_matrix is not None:
        rows, columns = series.acquisition_matrix
        ratio = max(series.rows / rows, series.columns / columns)
        if ratio > INTERPOLATION_RATIO:
            detail = (
                f"The image of {series.rows} x {series.columns} pixels was interpolated from "
                f"{rows} x {columns} acquired ones: it looks {ratio:.1f} times finer than it is."
            )
            flags.append(Flag(FlagCode.INTERPOLATED_MATRIX, Severity.CAUTION, detail))
    return tuple(flags)


def _acquisition(series: Series) -> tuple[Flag, ...]:
    """Caution about the kind of images and how the patient lay."""
    flags: list[Flag] = []
    if series.modality not in ("MR", "unknown"):
        detail = (
            f"The modality is {series.modality or 'not given'}; the published values were read on "
            "MRI."
        )
        flags.append(Flag(FlagCode.NOT_MR, Severity.CAUTION, detail))
    if series.contrast.fat_suppressed:
        detail = (
            f"The images are fat suppressed ({series.contrast.value}): dark marrow and dark cortex "
            "look alike, so that bone edges are hard to place."
        )
        flags.append(Flag(FlagCode.FAT_SUPPRESSED, Severity.CAUTION, detail))
    elif series.contrast is Contrast.UNKNOWN:
        detail = "The weighting of the images cannot be told from their header."
        flags.append(Flag(FlagCode.CONTRAST_UNKNOWN, Severity.INFO, detail))
    if series.patient_position in _POSITIONS:
        flags.append(Flag(*_POSITIONS[series.patient_position]))
    return tuple(flags)
