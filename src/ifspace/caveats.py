"""Flags about position, patient and marks of one result; those of the images are in `quality`.

How the patient lay, who the patient is and how far a person stands behind the marks. Position is
never mixed into the uncertainty of a distance: it is no property of the measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ifspace.binding import is_bound
from ifspace.findings import UNKNOWN
from ifspace.measurement.spaces import counted
from ifspace.model import (
    ADULT_AGE_YEARS,
    MARKS_OF_KIND,
    AssessedSpace,
    Flag,
    FlagCode,
    MarkState,
    Measurement,
    Outcome,
    Position,
    Relation,
    Series,
    Session,
    Severity,
    Side,
    Volume,
)

# Distances seen in 250 asymptomatic hips ran from 10.3 to 55 mm (schroder_2015_asymptomatic);
# beyond this, one of the two marks is likelier wrong than the patient unusual.
UNUSUAL_ABOVE_MM = 55.0
UNUSUAL_BELOW_MM = 2.0

# What supports it, see the rows schroder_2015_asymptomatic and ajr_2016_paediatric.
SEEN = (
    "in 250 hips without symptoms the ischiofemoral space was 10.3 to 55 mm (Schroder et al.,"
    " J Hip Preserv Surg 2015)"
)
SEEN_IN_CHILDREN = (
    "4 of 12 children's hips with an abnormal quadratus femoris had no symptoms or symptoms of"
    " another cause (Stenhouse et al., AJR 2016)"
)
BELOW = Position.AT_OR_BELOW_SYMPTOMATIC_MEAN

# DICOM PS3.3 C.7.3.1.1.2: head or feet first, supine or prone.
SUPINE_OR_PRONE = frozenset({"HFS", "FFS", "HFP", "FFP"})

# A mark that lies farther from its slice was not clicked on this series.
OFF_SLICE_MM = 0.5


def caveats(volume: Volume, session: Session, outcomes: Sequence[Outcome]) -> tuple[Flag, ...]:
    """List what holds for this result, most important first."""
    flags = [
        *_session_flags(volume.series, session),
        *_marks_between_slices(volume, session),
        *_position_flags(volume.series, session),
        *_patient_flags(volume.series),
        *(flag for outcome in outcomes for flag in _outcome_flags(outcome, session)),
        *(flag for outcome in outcomes for flag in _marks_not_counted(volume, session, outcome)),
    ]
    order = list(reversed(Severity))
    return tuple(sorted(flags, key=lambda flag: order.index(flag.severity)))


def _session_flags(series: Series, session: Session) -> Iterator[Flag]:
    if (session.marks or session.seeds) and not is_bound(session, series):
        yield Flag(
            FlagCode.SERIES_NOT_CHECKED,
            Severity.CAUTION,
            "The session does not say which images it was made on, so it could not be checked that"
            " its marks belong to these.",
        )


def _marks_between_slices(volume: Volume, session: Session) -> Iterator[Flag]:
    for mark in session.marks:
        slice_index, gap_mm = volume.nearest_slice(mark.position_lps_mm)
        if gap_mm > OFF_SLICE_MM:
            yield Flag(
                FlagCode.MARK_BETWEEN_SLICES,
                Severity.CAUTION,
                f"The {mark.side} {mark.name} lies {gap_mm:.1f} mm from {counted([slice_index])};"
                " it was moved straight onto it.",
                (slice_index,),
            )


def _position_flags(series: Series, session: Session) -> Iterator[Flag]:
    rotation = session.acquisition.get("hip_rotation", UNKNOWN)
    if rotation == UNKNOWN:
        yield Flag(
            FlagCode.HIP_POSITION_UNKNOWN,
            Severity.CAUTION,
            "Hip rotation is not known; external rotation narrows both spaces.",
        )
    elif rotation != "neutral":
        yield Flag(
            FlagCode.HIP_ROTATED,
            Severity.CAUTION,
            f"The hip was in {rotation} rotation, which changes both spaces.",
        )
    bolster = session.acquisition.get("knee_bolster", UNKNOWN)
    if bolster == UNKNOWN:
        yield Flag(
            FlagCode.KNEE_BOLSTER_UNKNOWN,
            Severity.INFO,
            "Whether a knee bolster flexed the hips is not known; flexion changes both spaces.",
        )
    elif bolster == "yes":
        yield Flag(
            FlagCode.KNEE_BOLSTER,
            Severity.CAUTION,
            "A knee bolster flexed the hips; published values are mostly from straight legs.",
        )
    noted = session.acquisition.get("patient_position", UNKNOWN)
    if noted == UNKNOWN and series.patient_position not in SUPINE_OR_PRONE:
        yield Flag(
            FlagCode.PATIENT_POSITION_UNKNOWN,
            Severity.CAUTION,
            "Whether the patient lay supine or prone is not known; prone widens the space.",
        )


def _patient_flags(series: Series) -> Iterator[Flag]:
    if series.patient_age_years is None:
        yield Flag(
            FlagCode.AGE_UNKNOWN,
            Severity.CAUTION,
            "The patient's age is not known; adult values do not apply under 18 years.",
        )
    elif series.patient_age_years < ADULT_AGE_YEARS:
        yield Flag(
            FlagCode.CHILD,
            Severity.CAUTION,
            "The patient is under 18: both spaces grow with age, and adult values do not apply.",
        )


def narrow_spaces(series: Series, spaces: Sequence[AssessedSpace]) -> Iterator[Flag]:
    """Say beside a narrow space that narrow spaces occur without symptoms, and who saw it."""
    narrow = any(
        item.relation is Relation.AT_OR_BELOW for one in spaces for item in one.comparisons
    )
    narrow |= any(one.reference is not None and one.reference.position is BELOW for one in spaces)
    if narrow:
        age_years = series.patient_age_years
        child = age_years is not None and age_years < ADULT_AGE_YEARS
        yield Flag(
            FlagCode.NARROW_WITHOUT_SYMPTOMS,
            Severity.CAUTION,
            f"Narrow spaces also occur without symptoms: {SEEN_IN_CHILDREN if child else SEEN}.",
        )


def _outcome_flags(outcome: Outcome, session: Session) -> Iterator[Flag]:
    if not isinstance(outcome, Measurement):
        return
    name = f"{outcome.side} {outcome.kind.full_name.lower()}"
    if outcome.state is not MarkState.CONFIRMED:
        yield Flag(
            FlagCode.MARKS_NOT_CONFIRMED,
            Severity.CAUTION,
            f"The marks of the {name} are {outcome.state}, not confirmed.",
            (outcome.slice_index,),
        )
    if not UNUSUAL_BELOW_MM <= outcome.value_mm <= UNUSUAL_ABOVE_MM:
        yield Flag(
            FlagCode.UNUSUAL_DISTANCE,
            Severity.CAUTION,
            f"The {name} of {outcome.value_mm:.1f} mm is outside {UNUSUAL_BELOW_MM:.0f} to"
            f" {UNUSUAL_ABOVE_MM:.0f} mm; check both marks.",
            (outcome.slice_index,),
        )
    if outcome.minimum_at_range_end:
        yield Flag(
            FlagCode.MINIMUM_AT_RANGE_END,
            Severity.CAUTION,
            f"The smallest {name} lies on the last slice of its range; it may be smaller beyond.",
            (outcome.slice_index,),
        )
    by_reader = outcome.state is not MarkState.PROPOSED
    if by_reader and Side(outcome.side) not in session.level_range and not outcome.curve:
        yield Flag(
            FlagCode.LEVEL_CHOSEN_BY_READER,
            Severity.INFO,
            f"The {name} was measured on the one slice that the reader chose.",
            (outcome.slice_index,),
        )


def _marks_not_counted(volume: Volume, session: Session, outcome: Outcome) -> Iterator[Flag]:
    """List marks that were not used: outside the range, without a partner, on a refused slice."""
    if not isinstance(outcome, Measurement):
        return
    counted_slices = {outcome.slice_index, *(level.slice_index for level in outcome.curve)}
    left_out = {
        volume.nearest_slice(mark.position_lps_mm)[0]
        for mark in session.marks
        if mark.side is outcome.side and mark.name in MARKS_OF_KIND[outcome.kind]
    } - counted_slices
    if left_out:
        indices = tuple(sorted(left_out))
        name = outcome.kind.full_name.lower()
        yield Flag(
            FlagCode.MARKS_NOT_COUNTED,
            Severity.CAUTION,
            f"Marks of the {outcome.side} {name} on {counted(indices)} were not"
            " counted: outside the range of the lesser trochanter, without a partner, or on a slice"
            " that cannot be measured.",
            indices,
        )
