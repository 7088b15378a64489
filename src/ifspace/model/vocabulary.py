"""Names of kinds, sides, states, reasons and flags; their values are stored in files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Side(StrEnum):
    """The patient's side, from patient coordinates, never from the screen."""

    LEFT = "left"
    RIGHT = "right"


# Radiological convention: the patient's right is shown on the left.
SIDES_AS_SEEN = (Side.RIGHT, Side.LEFT)


class Kind(StrEnum):
    """What is measured; `name` is the abbreviation."""

    IFS = "ifs"
    QFS = "qfs"

    @property
    def full_name(self) -> str:
        """The name in full, as a title begins."""
        return "Ischiofemoral space" if self is Kind.IFS else "Quadratus femoris space"


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
    """Whether a person placed or confirmed a mark, in rising order."""

    PROPOSED = "proposed"
    PLACED = "placed"
    CONFIRMED = "confirmed"


class Source(StrEnum):
    """Who placed a mark."""

    HUMAN = "human"
    PROGRAM = "program"


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


class FlagCode(StrEnum):
    """What a flag says; see the sentence in its `detail`."""

    # From reading the files.
    LOSSY_COMPRESSION = "lossy_compression"
    NO_IMAGE_DIRECTION = "no_image_direction"
    NO_PATIENT_POSITION = "no_patient_position"
    SLICE_LEFT_OUT = "slice_left_out"
    GEOMETRY_UNTRUSTED = "geometry_untrusted"
    # From the slices and their positions.
    SPACING_CONTRADICTORY = "spacing_contradictory"
    NOT_AXIAL = "not_axial"
    TILTED_FROM_AXIAL = "tilted_from_axial"
    TILTED_SLICES = "tilted_slices"
    REPEATED_SLICE = "repeated_slice"
    MISSING_SLICE = "missing_slice"
    UNEVEN_STEPS = "uneven_steps"
    SHEARED_STACK = "sheared_stack"
    THICK_SLICES = "thick_slices"
    SLICE_GAP = "slice_gap"
    COARSE_PIXELS = "coarse_pixels"
    INTERPOLATED_MATRIX = "interpolated_matrix"
    # From the acquisition.
    NOT_MR = "not_mr"
    FAT_SUPPRESSED = "fat_suppressed"
    CONTRAST_UNKNOWN = "contrast_unknown"
    PRONE = "prone"
    DECUBITUS = "decubitus"
    FEET_FIRST = "feet_first"
    PATIENT_POSITION_UNKNOWN = "patient_position_unknown"
    HIP_POSITION_UNKNOWN = "hip_position_unknown"
    HIP_ROTATED = "hip_rotated"
    KNEE_BOLSTER_UNKNOWN = "knee_bolster_unknown"
    KNEE_BOLSTER = "knee_bolster"
    # From the patient.
    AGE_UNKNOWN = "age_unknown"
    CHILD = "child"
    NARROW_WITHOUT_SYMPTOMS = "narrow_without_symptoms"
    # From the marks, the level range and what the program found.
    SERIES_NOT_CHECKED = "series_not_checked"
    SIGNATURE_LEFT_OUT = "signature_left_out"
    REPORT_AMENDED = "report_amended"
    MARK_BETWEEN_SLICES = "mark_between_slices"
    MARKS_NOT_CONFIRMED = "marks_not_confirmed"
    OTHER_READING = "other_reading"
    MARKS_NOT_COUNTED = "marks_not_counted"
    UNUSUAL_DISTANCE = "unusual_distance"
    MINIMUM_AT_RANGE_END = "minimum_at_range_end"
    LEVEL_CHOSEN_BY_READER = "level_chosen_by_reader"
    LEVEL_RANGE_NOT_FOUND = "level_range_not_found"
    SLICES_NOT_READ = "slices_not_read"
    MUSCLE_LABEL_DISAGREES = "muscle_label_disagrees"


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
    GAP_ABNORMAL = "gap_abnormal"
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
