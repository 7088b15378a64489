"""The words everybody here speaks: frozen values that cannot be born wrong.

Positions are patient millimetres (LPS), arrays are (k slice, j row, i column), numbers are
unrounded. A number that is missing is absent; it is never 0, -1 or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifspace.geometry import Floats, Grid, Plane, Segment, finite, grid_of_planes

# ---------------------------------------------------------------------------------- vocabulary


class Side(StrEnum):
    """The patient's side, from patient coordinates, never from the screen."""

    LEFT = "left"
    RIGHT = "right"


class Kind(StrEnum):
    """What is measured."""

    IFS = "ifs"
    QFS = "qfs"


class MarkName(StrEnum):
    """A point that a space is measured between."""

    ISCHIUM_LATERAL = "ischium_lateral"
    LESSER_TROCHANTER_MEDIAL = "lesser_trochanter_medial"
    HAMSTRING_SUPEROLATERAL = "hamstring_superolateral"
    ILIOPSOAS_POSTEROMEDIAL = "iliopsoas_posteromedial"


# The first mark of a pair is the ischial, the second the femoral one.
MARKS_OF_KIND: Mapping[Kind, tuple[MarkName, MarkName]] = MappingProxyType(
    {
        Kind.IFS: (MarkName.ISCHIUM_LATERAL, MarkName.LESSER_TROCHANTER_MEDIAL),
        Kind.QFS: (MarkName.HAMSTRING_SUPEROLATERAL, MarkName.ILIOPSOAS_POSTEROMEDIAL),
    }
)


class SeedName(StrEnum):
    """A rough point inside the marrow of a bone."""

    ISCHIUM_MARROW = "ischium_marrow"
    FEMUR_MARROW = "femur_marrow"


class MarkState(StrEnum):
    """How much a person stands behind a mark, in rising order."""

    PROPOSED = "proposed"
    PLACED = "placed"
    CONFIRMED = "confirmed"


class Source(StrEnum):
    """Who put a mark."""

    HUMAN = "human"
    PROGRAM = "program"


# The published distances were read on plain axial slices. At 30 degrees a distance along the tilt
# would be 15 % longer: further off than two careful readers are. Compared at 0.1 degrees.
AXIAL_TILT_LIMIT_DEG = 30.0


class ImagePlane(StrEnum):
    """The anatomical plane that a slice is nearest to."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"
    OBLIQUE = "oblique"


class Contrast(StrEnum):
    """The weighting of a series, as far as its header tells."""

    T1 = "T1"
    PD = "PD"
    T2 = "T2"
    T1_FS = "T1-FS"
    PD_FS = "PD-FS"
    T2_FS = "T2-FS"
    STIR = "STIR"
    UNKNOWN = "unknown"

    @property
    def fat_suppressed(self) -> bool:
        """Whether marrow and fat are dark."""
        return self.value.endswith("-FS") or self is Contrast.STIR


class Severity(StrEnum):
    """What a flag means for the number."""

    INFO = "info"
    CAUTION = "caution"
    REFUSAL = "refusal"


class Reason(StrEnum):
    """Why a space was not measured. A closed list: programs match on it."""

    MARK_MISSING = "mark_missing"
    MARKS_ON_DIFFERENT_SLICES = "marks_on_different_slices"
    MARKS_OUTSIDE_IMAGE = "marks_outside_image"
    MARKS_COINCIDE = "marks_coincide"
    SIDE_CONTRADICTED = "side_contradicted"
    OTHER_FRAME_OF_REFERENCE = "other_frame_of_reference"
    GEOMETRY_UNTRUSTED = "geometry_untrusted"
    NOT_AXIAL = "not_axial"
    LEVEL_NOT_COVERED = "level_not_covered"
    FEMUR_NOT_COVERED = "femur_not_covered"
    SIDE_NOT_SHOWN = "side_not_shown"
    LOW_CONFIDENCE = "low_confidence"
    SEED_NOT_IN_MARROW = "seed_not_in_marrow"
    FAT_SUPPRESSED = "fat_suppressed"
    MARROW_ABNORMAL = "marrow_abnormal"
    IMPLANT_ARTIFACT = "implant_artifact"
    LABEL_MISSING = "label_missing"
    LABEL_TOO_COARSE = "label_too_coarse"
    LABELS_SWAPPED = "labels_swapped"
    ISCHIUM_NOT_CONFIRMED = "ischium_not_confirmed"


class Relation(StrEnum):
    """Where a value lies with respect to a published cut-off."""

    AT_OR_BELOW = "at_or_below"
    WITHIN_UNCERTAINTY = "within_uncertainty"
    ABOVE = "above"


class Position(StrEnum):
    """Where a value lies with respect to two published group means."""

    AT_OR_BELOW_SYMPTOMATIC_MEAN = "at_or_below_symptomatic_mean"
    BETWEEN = "between"
    AT_OR_ABOVE_CONTROL_MEAN = "at_or_above_control_mean"


# ------------------------------------------------------------------------------ flags and scans


@dataclass(frozen=True)
class Flag:
    """Something the reader has to know about the images or the marks.

    A `refusal` forbids every number that depends on it: of the slices named in `slice_indices`,
    or of the whole series where none is named.
    """

    code: str
    severity: Severity
    detail: str
    slice_indices: tuple[int, ...] = ()

    def refuses(self, slice_index: int) -> bool:
        """Tell whether no millimetre may be taken from this slice."""
        if self.severity is not Severity.REFUSAL:
            return False
        return not self.slice_indices or slice_index in self.slice_indices


@dataclass(frozen=True)
class SliceSource:
    """Where the pixels of one slice come from.

    `frame_number` counts from 1 within a multi-frame object and is absent for a classic one.
    `sop_instance_uid` is absent for files that are not DICOM.
    """

    path: Path
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    frame_number: int | None = None


@dataclass(frozen=True)
class Series:
    """One stack of slices that belong together, as its headers describe it.

    A series UID that mixes orientations, echoes, Dixon contrasts or time points is split into
    several of these, told apart by `stack`. Fields that the header does not give are absent.
    Holds nothing that names the patient.
    """

    sources: tuple[SliceSource, ...]
    rows: int
    columns: int
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    stack: str | None = None
    file_format: str = "DICOM"
    series_number: int | None = None
    description: str = ""
    modality: str = "MR"
    plane: ImagePlane = ImagePlane.OBLIQUE
    tilt_from_axial_deg: float | None = None
    contrast: Contrast = Contrast.UNKNOWN
    image_type: tuple[str, ...] = ()
    patient_position: str | None = None
    patient_age_years: float | None = None
    patient_sex: str | None = None
    row_spacing_mm: float | None = None
    column_spacing_mm: float | None = None
    spacing_source: str | None = None
    acquisition_matrix: tuple[int, int] | None = None
    slice_thickness_mm: float | None = None
    slice_step_mm: float | None = None
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    field_strength_t: float | None = None
    manufacturer: str | None = None
    transfer_syntax_uid: str | None = None

    @property
    def slice_count(self) -> int:
        """Number of slices."""
        return len(self.sources)


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a loaded volume: its plane in the patient and where it comes from."""

    plane: Plane
    source: SliceSource


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels of one series with the plane of every slice.

    Attributes
    ----------
    series
        What the headers say.
    slices
        One per k, sorted along the slice normal.
    voxels
        (k, j, i), float32 after rescale slope and intercept, bright is much signal,
        write-protected.
    flags
        What loading found: each is also in the report.
    """

    series: Series
    slices: tuple[Slice, ...]
    voxels: NDArray[np.float32]
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        """Refuse voxels that do not fit the slices."""
        if not self.slices:
            message = "a volume needs at least one slice"
            raise ValueError(message)
        expected = (len(self.slices), *self.slices[0].plane.shape_ji)
        if self.voxels.shape != expected:
            message = f"voxels have shape {self.voxels.shape}, the slices say {expected}"
            raise ValueError(message)
        self.voxels.flags.writeable = False

    @property
    def grid(self) -> Grid:
        """The regular grid through the slices; only sound where no flag says otherwise."""
        return grid_of_planes(tuple(item.plane for item in self.slices))

    @cached_property
    def slice_step_mm(self) -> float | None:
        """Median distance between neighbouring slices along their normal, if there are two."""
        if len(self.slices) < 2:
            return None
        normal_lps = self.slices[0].plane.normal_lps
        heights_mm = [float(item.plane.origin_lps_mm @ normal_lps) for item in self.slices]
        return float(np.median(np.abs(np.diff(heights_mm))))

    def nearest_slice(self, point_lps_mm: Floats) -> tuple[int, float]:
        """Find the slice whose plane is nearest to a point (3,): its index and the gap in mm."""
        origins_lps_mm, normals_lps = self._origins_and_normals
        gaps_mm = np.abs(np.sum((point_lps_mm - origins_lps_mm) * normals_lps, axis=1))
        slice_index = int(np.argmin(gaps_mm))
        return slice_index, float(gaps_mm[slice_index])

    @cached_property
    def _origins_and_normals(self) -> tuple[Floats, Floats]:
        """Of every plane, (n, 3) each; a viewer asks for the nearest slice with each move."""
        planes = [item.plane for item in self.slices]
        return (
            np.stack([plane.origin_lps_mm for plane in planes]),
            np.stack([plane.normal_lps for plane in planes]),
        )


# --------------------------------------------------------------------------- marks and sessions


@dataclass(frozen=True, eq=False)
class Mark:
    """One landmark in the patient."""

    name: MarkName
    side: Side
    position_lps_mm: Floats
    state: MarkState = MarkState.PLACED
    source: Source = Source.HUMAN
    confidence: float | None = None
    sop_instance_uid: str | None = None

    def __post_init__(self) -> None:
        """Refuse a position that is not finite and a confidence outside 0 to 1."""
        position = finite(self.position_lps_mm, (3,), "position_lps_mm")
        object.__setattr__(self, "position_lps_mm", position)
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            message = f"confidence is {self.confidence}, expected 0 to 1"
            raise ValueError(message)
        if self.source is Source.PROGRAM and self.state is MarkState.PLACED:
            message = "a program's mark is proposed until a person moves or confirms it"
            raise ValueError(message)


@dataclass(frozen=True, eq=False)
class Seed:
    """One rough point inside the marrow of a bone."""

    name: SeedName
    side: Side
    position_lps_mm: Floats
    sop_instance_uid: str | None = None

    def __post_init__(self) -> None:
        """Refuse a position that is not finite."""
        position = finite(self.position_lps_mm, (3,), "position_lps_mm")
        object.__setattr__(self, "position_lps_mm", position)


@dataclass(frozen=True, eq=False)
class SessionOutline:
    """A border that a program proposes to a reader, (n, 3) patient mm: femur, or where to click.

    `structure` is ``femur`` or ``ischium_region``.
    """

    structure: str
    side: Side
    points_lps_mm: Floats

    def __post_init__(self) -> None:
        """Refuse anything but a list of finite points."""
        points = np.array(self.points_lps_mm, dtype=np.float64)
        points = finite(points, (len(points), 3), "points_lps_mm")
        object.__setattr__(self, "points_lps_mm", points)


@dataclass(frozen=True)
class Signature:
    """A reader signed: every mark in the session was looked at and is right."""

    reader: str
    signed_at: str


@dataclass(frozen=True, eq=False)
class Session:
    """Everything a person decided about one series. The only state there is.

    `acquisition` holds what the reader knows of the position (``hip_rotation``,
    ``knee_bolster``), `findings` the coded companion findings per side, `level_range` the first
    and the last slice (SOP Instance UID, or for enhanced objects UID#frame) that show the lesser
    trochanter.
    """

    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    reader: str | None = None
    marks: tuple[Mark, ...] = ()
    seeds: tuple[Seed, ...] = ()
    level_range: Mapping[Side, tuple[str, str]] = field(default_factory=dict)
    acquisition: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    signature: Signature | None = None
    outlines: tuple[SessionOutline, ...] = ()


# ------------------------------------------------------------------------------------- outcomes


@dataclass(frozen=True)
class LevelValue:
    """The distance on one slice of the curve."""

    slice_index: int
    value_mm: float
    u95_mm: float


@dataclass(frozen=True)
class UncertaintyPart:
    """One row of the uncertainty budget: a standard uncertainty in mm and where it comes from."""

    name: str
    standard_mm: float
    source: str


@dataclass(frozen=True, eq=False)
class Measurement:
    """A distance that was measured.

    `curve` holds every slice that could be measured, in slice order, and is empty where there
    was only one; `second_best_mm` and `minimum_at_range_end` belong to it. `apex_mm` is the value
    on the slice of the most prominent lesser trochanter, where that is known. `label_mm` is the
    distance of a label map itself, where `value_mm` was corrected on the grey levels.
    """

    kind: Kind
    side: Side
    value_mm: float
    u95_mm: float
    segment: Segment
    slice_index: int
    method: str
    state: MarkState
    marks: tuple[Mark, ...]
    sop_instance_uid: str | None = None
    frame_number: int | None = None
    budget: tuple[UncertaintyPart, ...] = ()
    readings: int = 1
    curve: tuple[LevelValue, ...] = ()
    second_best_mm: float | None = None
    minimum_at_range_end: bool | None = None
    apex_mm: float | None = None
    label_mm: float | None = None

    def __post_init__(self) -> None:
        """Refuse a value that is no length and an interval that has no width."""
        if not (np.isfinite(self.value_mm) and self.value_mm > 0.0):
            message = f"value_mm is {self.value_mm}, expected a length above zero"
            raise ValueError(message)
        if not (np.isfinite(self.u95_mm) and self.u95_mm > 0.0):
            message = f"u95_mm is {self.u95_mm}, expected a half-width above zero"
            raise ValueError(message)


@dataclass(frozen=True)
class NotMeasured:
    """A distance that was not measured, and why in words a radiologist understands."""

    kind: Kind
    side: Side
    reason: Reason
    detail: str


Outcome = Measurement | NotMeasured


# ------------------------------------------------------------------------------------- evidence


@dataclass(frozen=True)
class PublishedValue:
    """What one study says of one space: a cut-off, or the means of two groups.

    Figures that were not seen in a text are absent. `role` and `evidence_level` are those of the
    evidence file; `rule` is the cut-off as the source words it.
    """

    evidence_id: str
    kind: Kind
    citation: str
    evidence_level: str
    role: str
    population: str
    year: int | None = None
    position: str | None = None
    cutoff_mm: float | None = None
    rule: str | None = None
    sensitivity: float | None = None
    specificity: float | None = None
    auc: float | None = None
    cases_mean_mm: float | None = None
    cases_sd_mm: float | None = None
    controls_mean_mm: float | None = None
    controls_sd_mm: float | None = None
    notes: str = ""
    source_url: str | None = None


@dataclass(frozen=True)
class Comparison:
    """One value beside one published cut-off. Never a diagnosis."""

    published: PublishedValue
    cutoff_mm: float
    relation: Relation


@dataclass(frozen=True)
class Reference:
    """One value between the published means of two groups. Never a probability."""

    published: PublishedValue
    symptomatic_mean_mm: float
    control_mean_mm: float
    position: Position


@dataclass(frozen=True, eq=False)
class Outline:
    """The border that a program found in one slice, (n, 3) patient mm: for the eye to judge."""

    kind: Kind
    side: Side
    slice_index: int
    structure: str
    points_lps_mm: Floats

    def __post_init__(self) -> None:
        """Refuse anything but a list of finite points."""
        points = np.array(self.points_lps_mm, dtype=np.float64)
        points = finite(points, (len(points), 3), "points_lps_mm")
        object.__setattr__(self, "points_lps_mm", points)


@dataclass(frozen=True, eq=False)
class AssessedSpace:
    """One outcome with the evidence laid beside it."""

    outcome: Outcome
    comparisons: tuple[Comparison, ...] = ()
    reference: Reference | None = None


# --------------------------------------------------------------------------------------- result


@dataclass(frozen=True, eq=False)
class StudyResult:
    """One study, assessed: the value that every report is a picture of.

    Holds nothing that names the patient. `panel` lists the published values that were in use;
    `settings` what the run was asked for, in plain JSON values; `outlines` what the program saw
    where it found a distance itself.
    """

    software_version: str
    series: Series
    session: Session
    spaces: tuple[AssessedSpace, ...]
    flags: tuple[Flag, ...] = ()
    panel: tuple[PublishedValue, ...] = ()
    panel_note: str = ""
    evidence_sha256: str = ""
    slice_step_mm: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    outlines: tuple[Outline, ...] = ()

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The outcomes that have a number."""
        return tuple(
            space.outcome for space in self.spaces if isinstance(space.outcome, Measurement)
        )

    @property
    def is_final(self) -> bool:
        """Whether every mark behind a number is confirmed and its reader signed."""
        measured, signature = self.measurements, self.session.signature
        return (
            bool(measured)
            and all(item.state is MarkState.CONFIRMED for item in measured)
            and signature is not None
            and self.session.reader in (None, signature.reader)
        )


@dataclass(frozen=True, repr=False)
class PatientIdentity:
    """Who the patient is: for the PDF and DICOM objects only, and never printed by accident."""

    name: str
    patient_id: str
    birth_date: str
    study_date: str
    accession_number: str

    def __repr__(self) -> str:
        """Say nothing."""
        return "PatientIdentity(withheld)"
