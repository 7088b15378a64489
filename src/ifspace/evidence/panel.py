"""Choose the published values that apply to a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ifspace.errors import EvidenceError
from ifspace.evidence.published import CUTOFF_ROLE, POSITIONING_ROLE, Row
from ifspace.model import ADULT_AGE_YEARS, Kind, PublishedValue

AGE_UNKNOWN_NOTE = (
    "The patient's age is unknown: adult values are shown, and they do not apply under 18 years."
)
CHILD_NOTE = "The patient is under 18: paediatric values only; adult cut-offs do not apply."
ROTATION_NOTE = (
    "The hip was rotated: values for a neutral hip are left out, those for this rotation are shown."
)


@dataclass(frozen=True)
class Panel:
    """The published values in use, in the order in which they are shown, and a note."""

    rows: tuple[Row, ...]
    note: str = ""

    def cutoffs(self, kind: Kind) -> tuple[PublishedValue, ...]:
        """Give the cut-offs for one space, smallest first."""
        values = [row.value(kind) for row in self.rows if row.role == CUTOFF_ROLE]
        cutoffs = [value for value in values if value is not None and value.cutoff_mm is not None]
        return tuple(sorted(cutoffs, key=lambda value: (value.cutoff_mm or 0.0, value.evidence_id)))

    def reference(self, kind: Kind) -> PublishedValue | None:
        """Give the two group means for one space, where the panel has them."""
        for row in self.rows:
            value = row.value(kind) if kind in row.reference_for else None
            if value is not None and value.cases_mean_mm and value.controls_mean_mm:
                return value
        return None

    @property
    def values(self) -> tuple[PublishedValue, ...]:
        """Everything the rows say, for the table of references."""
        found = [row.value(kind) for row in self.rows for kind in Kind]
        return tuple(value for value in found if value is not None)


def choose_panel(
    rows: Sequence[Row],
    *,
    age_years: float | None,
    hip_rotation: str | None = None,
    ids: Sequence[str] = (),
) -> Panel:
    """Choose the published values for one patient.

    Parameters
    ----------
    rows
        The packaged rows and any local ones.
    age_years
        Age at the examination; under 18 only paediatric rows for that age are used.
    hip_rotation
        ``neutral``, ``internal`` or ``external`` where the reader knows it.
    ids
        The user's own choice, instead of the default: ids or unambiguous beginnings of ids.

    Raises
    ------
    EvidenceError
        If an id is unknown, may not be compared with a measurement, or is for another age.
    """
    notes = []
    if age_years is None:
        notes.append(AGE_UNKNOWN_NOTE)
    elif age_years < ADULT_AGE_YEARS:
        notes.append(CHILD_NOTE)
    if ids:
        chosen = [_named(rows, name, age_years) for name in ids]
    else:
        chosen = [row for row in rows if row.in_default_panel and _fits(row, age_years)]
        turned = hip_rotation in ("internal", "external")
        chosen = [row for row in chosen if row.hip_position in _positions(hip_rotation)]
        if turned:
            notes.append(ROTATION_NOTE)
    return Panel(tuple(chosen), " ".join(notes))


def _positions(hip_rotation: str | None) -> tuple[str | None, ...]:
    """Hip positions whose rows apply; a study that states none applies always."""
    if hip_rotation in ("internal", "external"):
        return (None, hip_rotation)
    return (None, "neutral")


def _fits(row: Row, age_years: float | None) -> bool:
    if age_years is None:
        return not row.paediatric
    return row.applies_at(age_years)


def _named(rows: Sequence[Row], name: str, age_years: float | None) -> Row:
    exact = [row for row in rows if row.id == name]
    found = exact or [row for row in rows if row.id.startswith(name)]
    if len(found) != 1:
        known = ", ".join(row.id for row in (found or rows))
        state = "ambiguous" if found else "unknown"
        message = f"evidence {name!r} is {state}; choose from: {known}"
        raise EvidenceError(message)
    row = found[0]
    if row.role == POSITIONING_ROLE:
        message = f"evidence {row.id!r} is about positioning and may not be compared with a value"
        raise EvidenceError(message)
    if age_years is not None and not row.applies_at(age_years):
        message = (
            f"evidence {row.id!r} is for another age than this patient's {age_years:.0f} years;"
            " adult cut-offs are never used under 18, nor paediatric ones above"
        )
        raise EvidenceError(message)
    return row
