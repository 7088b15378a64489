"""The words: kinds, sides, states, reasons. Their values stand in files and never change."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


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
