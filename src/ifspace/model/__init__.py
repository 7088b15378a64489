"""The words everybody here speaks: frozen values that cannot be born wrong.

Positions are patient millimetres (LPS), arrays are (k slice, j row, i column), numbers are
unrounded. A number that is missing is absent; it is never 0, -1 or NaN.
"""

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
from ifspace.model.session import Mark, Outline, Seed, Session, Signature
from ifspace.model.vocabulary import (
    AXIAL_TILT_LIMIT_DEG,
    MARKS_OF_KIND,
    Contrast,
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
    "AXIAL_TILT_LIMIT_DEG",
    "MARKS_OF_KIND",
    "AssessedSpace",
    "Comparison",
    "Contrast",
    "Flag",
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
    "Slice",
    "SliceSource",
    "Source",
    "StudyResult",
    "UncertaintyPart",
    "Volume",
]
