"""Judge how well a series suits the measurement, from its header, with the reasons in words.

The score only sorts; the words are what a person reads. A header cannot tell whether the lesser
trochanter is really in view: what is judged is whether it could be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ifspace.model import AXIAL_TILT_LIMIT_DEG, Contrast, Series

# The lesser trochanter is about 2 cm high; fewer or closer slices cannot show its range.
MIN_SLICES = 3
MIN_EXTENT_MM = 12.0
# From the ischial tuberosities' lower end to above the lesser trochanters of an adult.
FULL_EXTENT_MM = 60.0
# The lateral cortices of both proximal femora of an adult are 26 to 34 cm apart.
BOTH_SIDES_FIELD_MM = 280.0
# An ischiofemoral space of one side with both bones needs about 10 cm.
ONE_SIDE_FIELD_MM = 100.0
COARSE_PIXEL_MM = 1.5

_AXIAL_POINTS = 40.0
_CONTRAST_POINTS = {
    Contrast.T1: 30.0,
    Contrast.PD: 30.0,
    Contrast.T2: 20.0,
    Contrast.UNKNOWN: 10.0,
    Contrast.PD_FS: 6.0,
    Contrast.T2_FS: 5.0,
    Contrast.T1_FS: 5.0,
    Contrast.STIR: 4.0,
}
_PIXEL_POINTS = ((0.65, 10.0), (1.0, 7.0), (COARSE_PIXEL_MM, 3.0))
_BOTH_SIDES_POINTS = 10.0
_EXTENT_POINTS = 10.0
_NOT_ORIGINAL_POINTS = -5.0

_LOCALISER = re.compile(
    r"locali[sz]er|scout|survey|three[ _-]?plane|3[ _-]?plane|3[ _-]?pl(?![a-z])"
    r"|(?<![a-z])loc(?![a-z])"
)
_COMPUTED = {
    "ADC", "FA", "TRACEW", "TRACE", "EADC", "EXP", "MIP", "MAX_IP", "MIN_IP", "MEAN_IP",
    "PROJECTION IMAGE", "PROJECTION_IMAGE", "SUBTRACTION", "SUB", "T1_MAP", "T2_MAP", "R2_MAP",
    "T1MAP", "T2MAP", "PHASE MAP", "P", "PHASE_MAP", "SCREENSHOT", "MOSAIC", "SCREEN SAVE",
}  # fmt: skip
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class RankedSeries:
    """One series with its score, whether it can be measured, and why.

    `found_as` is the path, relative to the input, of its first file; `mixed` says why it is refused
    even where it is named, because its images do not belong together.
    """

    series: Series
    score: float
    suitable: bool
    reasons: tuple[str, ...]
    found_as: str = ""
    mixed: str = ""


def rank(series: Series, *, obstacles: tuple[str, ...] = (), found_as: str = "") -> RankedSeries:
    """Score one series.

    Parameters
    ----------
    series
        What the headers say.
    obstacles
        What was already found to stand in the way, in words.
    found_as
        Where its first file was found.
    """
    blocked = [*obstacles, *_wrong_kind(series)]
    reasons: list[str] = []
    score = 0.0
    for points, reason, fatal in (
        _direction(series),
        _extent(series),
        _weighting(series),
        _pixel(series),
        _field(series),
        _processing(series),
    ):
        score += points
        if fatal:
            blocked.append(reason)
        elif reason:
            reasons.append(f"{reason} ({points:+g})" if points else reason)
    reasons = [f"not suitable: {reason}" for reason in blocked] + reasons
    return RankedSeries(series, score, not blocked, tuple(reasons), found_as)


_Judgement = tuple[float, str, bool]


def _wrong_kind(series: Series) -> list[str]:
    """List what makes a series no image of this kind at all."""
    found = []
    if series.modality not in ("MR", "unknown"):
        found.append(f"the modality is {series.modality or 'not given'}, MR is expected")
    uid = series.sources[0].sop_class_uid or ""
    if uid.startswith(_SECONDARY_CAPTURE):
        found.append("a secondary capture")
    words = {word.upper() for word in series.image_type}
    if words & {"LOCALIZER", "LOCALISER"} or _LOCALISER.search(series.description.lower()):
        found.append("a localiser")
    if computed := sorted(words & _COMPUTED):
        found.append(f"computed images ({', '.join(computed)})")
    return found


def _direction(series: Series) -> _Judgement:
    tilt_deg = series.tilt_from_axial_deg
    if tilt_deg is None:
        return 0.0, "the direction of the slices is unknown", True
    if round(tilt_deg, 1) > AXIAL_TILT_LIMIT_DEG:
        reason = (
            f"{series.plane.value}, tilted {tilt_deg:.0f} degrees from axial, "
            f"at most {AXIAL_TILT_LIMIT_DEG:.0f} are measured"
        )
        return 0.0, reason, True
    points = round(_AXIAL_POINTS * (1.0 - 0.5 * tilt_deg / AXIAL_TILT_LIMIT_DEG), 1)
    return points, f"axial, tilted {tilt_deg:.1f} degrees", False


def _extent(series: Series) -> _Judgement:
    if series.slice_count < MIN_SLICES:
        return 0.0, f"{series.slice_count} slice(s), at least {MIN_SLICES} are needed", True
    if series.slice_step_mm is None:
        return 0.0, "the distance between slices is unknown", False
    extent_mm = series.slice_step_mm * (series.slice_count - 1)
    if extent_mm < MIN_EXTENT_MM:
        return 0.0, f"covers {extent_mm:.0f} mm, less than a lesser trochanter", True
    points = round(_EXTENT_POINTS * min(extent_mm / FULL_EXTENT_MM, 1.0), 1)
    return points, f"covers {extent_mm:.0f} mm in {series.slice_count} slices", False


def _weighting(series: Series) -> _Judgement:
    name = "unknown weighting" if series.contrast is Contrast.UNKNOWN else series.contrast.value
    note = ", fat suppressed: cortex is hard to see" if series.contrast.fat_suppressed else ""
    return _CONTRAST_POINTS[series.contrast], f"{name}{note}", False


def _pixel(series: Series) -> _Judgement:
    if series.row_spacing_mm is None or series.column_spacing_mm is None:
        # Why is among the obstacles.
        return 0.0, "", False
    rows_mm, columns_mm = series.row_spacing_mm, series.column_spacing_mm
    points = next((p for limit, p in _PIXEL_POINTS if max(rows_mm, columns_mm) <= limit), 0.0)
    return points, f"pixels of {rows_mm:.2f} x {columns_mm:.2f} mm", False


def _field(series: Series) -> _Judgement:
    """Judge the width from side to side, which for axial slices is along the rows or columns."""
    if series.row_spacing_mm is None or series.column_spacing_mm is None:
        return 0.0, "", False
    width_mm = max(series.columns * series.column_spacing_mm, series.rows * series.row_spacing_mm)
    if width_mm >= BOTH_SIDES_FIELD_MM:
        return (
            _BOTH_SIDES_POINTS,
            f"field of view {width_mm:.0f} mm: wide enough for both sides",
            False,
        )
    if width_mm >= ONE_SIDE_FIELD_MM:
        return 0.0, f"field of view {width_mm:.0f} mm: one side, or neither femur", False
    return 0.0, f"field of view {width_mm:.0f} mm: too small for one hip", True


def _processing(series: Series) -> _Judgement:
    if series.image_type[:1] == ("DERIVED",):
        return _NOT_ORIGINAL_POINTS, "derived images, not as acquired", False
    return 0.0, "", False
