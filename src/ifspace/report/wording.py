"""How a number, a comparison and a side are said. The one place that rounds.

Distances are printed to 0.1 mm, so that a reading can be recognised in the report; the data
files keep them unrounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ifspace.findings import ACQUISITION, FINDINGS, UNKNOWN
from ifspace.model import (
    ADULT_AGE_YEARS,
    AssessedSpace,
    Comparison,
    Kind,
    MarkState,
    Measurement,
    NotMeasured,
    Outcome,
    Reason,
    Relation,
    Side,
    StudyResult,
)
from ifspace.report.references import References
from ifspace.report.texts import Texts
from ifspace.signing import DEFAULT_ROLE

# Never print a half-width of 0.0 mm: no reading is that sure.
SMALLEST_PRINTED_U95_MM = 0.1


def millimetres(value_mm: float) -> str:
    """Round a distance to 0.1 mm."""
    return f"{value_mm:.1f}"


def u95_millimetres(u95_mm: float) -> str:
    """Round a half-width to 0.1 mm, never down to nothing."""
    return millimetres(max(u95_mm, SMALLEST_PRINTED_U95_MM))


def plain(number: float) -> str:
    """Print a number without zeros that say nothing: 15, 15.4, 620."""
    return f"{number:.10g}"


def value(measurement: Measurement, texts: Texts) -> str:
    """Say a value with its interval, ``13.0 ± 1.3 mm``."""
    return texts["value"].format(
        value=millimetres(measurement.value_mm), u95=u95_millimetres(measurement.u95_mm)
    )


def slice_of_stack(slice_index: int, result: StudyResult, texts: Texts) -> str:
    """Say which slice, counting from 1."""
    return texts["slice"].format(number=slice_index + 1, count=result.series.slice_count)


def space_name(kind: Kind, side: Side, texts: Texts) -> tuple[str, str]:
    """Give the side and the short name of a space."""
    return texts[f"side.{side.value}"], texts[f"kind.short.{kind.value}"]


def not_measured(outcome: NotMeasured, texts: Texts) -> str:
    """Say why there is no number."""
    return texts[f"reason.{outcome.reason.value}"]


def is_child(result: StudyResult) -> bool:
    """Tell whether the patient is known to be under 18."""
    age_years = result.series.patient_age_years
    return age_years is not None and age_years < ADULT_AGE_YEARS


def is_not_shown(outcome: Outcome) -> bool:
    """Tell whether the images do not show this side."""
    return isinstance(outcome, NotMeasured) and outcome.reason is Reason.SIDE_NOT_SHOWN


def find_space(result: StudyResult, kind: Kind, side: Side) -> AssessedSpace | None:
    """Find one space of one side; nothing where it was not asked for."""
    for space in result.spaces:
        if space.outcome.kind is kind and space.outcome.side is side:
            return space
    return None


def enumerate_words(words: Iterable[str], texts: Texts) -> str:
    """Join words as a sentence does: a, b and c."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return texts["list.and"].format(most=", ".join(items[:-1]), last=items[-1])


def cutoffs_by_relation(comparisons: Iterable[Comparison]) -> dict[Relation, list[float]]:
    """Sort cut-offs by how the value lies to them; each length once, in rising order."""
    found: dict[Relation, set[float]] = {}
    for item in comparisons:
        found.setdefault(item.relation, set()).add(item.cutoff_mm)
    return {relation: sorted(found[relation]) for relation in Relation if relation in found}


def relations(space: AssessedSpace, texts: Texts, references: References | None = None) -> str:
    """Say how a value lies to all the cut-offs beside it, with the numbers of their sources."""

    def said(cutoff_mm: float) -> str:
        same = [item for item in space.comparisons if item.cutoff_mm == cutoff_mm]
        numbers = {references.number(item.published) for item in same} if references else set()
        return plain(cutoff_mm) + (f" {references.cited(numbers)}" if references else "")

    return "; ".join(
        texts[f"relation.{relation.value}"].format(
            cutoffs=enumerate_words(map(said, cutoffs_mm), texts)
        )
        for relation, cutoffs_mm in cutoffs_by_relation(space.comparisons).items()
    )


def state_line(result: StudyResult, texts: Texts) -> str:
    """Say whether a person stands behind the numbers."""
    signature = result.session.signature
    if result.is_final and signature is not None:
        role = "" if signature.role == DEFAULT_ROLE else signature.role
        reader = f"{signature.reader}, {role}" if role else signature.reader
        return texts["state.final"].format(reader=reader, signed_at=moment(signature.signed_at))
    if not result.measurements:
        return texts["state.empty"]
    confirmed = all(item.state is MarkState.CONFIRMED for item in result.measurements)
    return texts["state.unsigned" if confirmed else "state.unconfirmed"]


def moment(text: str) -> str:
    """Print a moment of ISO 8601 as people write it, in its own zone; anything else as it is."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = found.strftime("%z")
    named = "" if not zone else " UTC" if zone == "+0000" else f" UTC{zone[:3]}:{zone[3:]}"
    return f"{found:%Y-%m-%d %H:%M}{named}"


def acquisition(result: StudyResult, fact: str) -> str:
    """Say what the session knows of the hip position, or that it is unknown."""
    code = result.session.acquisition.get(fact, UNKNOWN)
    return ACQUISITION[fact].codes.get(code, code)


def finding(result: StudyResult, key: str, side: Side, texts: Texts) -> str:
    """Say what the reader recorded of one finding; what was not recorded was not assessed."""
    code = result.session.findings.get(side, {}).get(key)
    return texts["findings.not_assessed"] if code is None else FINDINGS[key].codes.get(code, code)


# DICOM PS3.3 C.7.3.1.1.2: HFS, FFP ...: head or feet first, then supine or prone.
_LYING = {"S": "supine", "P": "prone"}


def body_position(result: StudyResult, texts: Texts) -> str:
    """Say how the patient lay: as the reader noted it, else as the header has it."""
    noted = acquisition(result, "patient_position")
    if noted != UNKNOWN:
        return noted
    header = result.series.patient_position or ""
    return _LYING.get(header[-1:], texts["unknown"]) if len(header) == 3 else texts["unknown"]
