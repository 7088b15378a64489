"""The values that all parts of the library exchange: frozen and checked when made.

Positions are patient millimetres (LPS), arrays are (k slice, j row, i column), numbers are
unrounded. A number that is missing is absent; it is never 0, -1 or NaN.
"""

from ifspace.model.fingerprint import ImageFingerprint
from ifspace.model.limits import (
    ADULT_AGE_YEARS,
    AXIAL_TILT_LIMIT_DEG,
    DAYS_PER_YEAR,
    GRID_TOLERANCE_MM,
    ON_SINGLE_SLICE_MM,
    ON_SLICE_SHARE,
    STEP_TOLERANCE_MM,
)
from ifspace.model.outcome import (
    LevelValue,
    Measurement,
    NotMeasured,
    Outcome,
    Refusal,
    UncertaintyPart,
)
from ifspace.model.published import Comparison, PublishedValue, Reference
from ifspace.model.result import AssessedSpace, PatientIdentity, StudyResult
from ifspace.model.scan import Flag, Series, Slice, SliceSource, Volume
from ifspace.model.session import (
    HistoryEntry,
    Mark,
    Outline,
    Seed,
    Session,
    Signature,
    SignedWith,
)
from ifspace.model.vocabulary import (
    MARKS_OF_KIND,
    SIDES_AS_SEEN,
    Contrast,
    FlagCode,
    ImagePlane,
    Kind,
    MarkName,
    MarkState,
    Position,
    Reason,
    Relation,
    SeedName,
    Severity,
    Side,
    Source,
)

__all__ = [
    "ADULT_AGE_YEARS",
    "AXIAL_TILT_LIMIT_DEG",
    "DAYS_PER_YEAR",
    "GRID_TOLERANCE_MM",
    "MARKS_OF_KIND",
    "ON_SINGLE_SLICE_MM",
    "ON_SLICE_SHARE",
    "SIDES_AS_SEEN",
    "STEP_TOLERANCE_MM",
    "AssessedSpace",
    "Comparison",
    "Contrast",
    "Flag",
    "FlagCode",
    "HistoryEntry",
    "ImageFingerprint",
    "ImagePlane",
    "Kind",
    "LevelValue",
    "Mark",
    "MarkName",
    "MarkState",
    "Measurement",
    "NotMeasured",
    "Outcome",
    "Outline",
    "PatientIdentity",
    "Position",
    "PublishedValue",
    "Reason",
    "Reference",
    "Refusal",
    "Relation",
    "Seed",
    "SeedName",
    "Series",
    "Session",
    "Severity",
    "Side",
    "Signature",
    "SignedWith",
    "Slice",
    "SliceSource",
    "Source",
    "StudyResult",
    "UncertaintyPart",
    "Volume",
]
