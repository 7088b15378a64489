"""Choose the published values that apply to a patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ifspace.errors import EvidenceError
from ifspace.evidence.published import CUTOFF_ROLE, POSITIONING_ROLE, Row
from ifspace.model import ADULT_AGE_YEARS, Kind, PublishedValue

TURNED = ("internal", "external")
AGE_UNKNOWN_NOTE = (
    "The patient's age is unknown: adult values are shown, and they do not apply under 18 years."
)
CHILD_NOTE = "The patient is under 18: paediatric values only; adult cut-offs do not apply."
GROWTH_NOTE = (
    "No MRI value for each year of age was seen. On CT the ischiofemoral space of 180 children grew"
    " by 1.2 mm a year (Skeletal Radiol 2022;51:625-635); CT values are not compared."
)
ROTATION_NOTE = (
    "The hip was in {rotation} rotation: published values of a neutral or an unstated hip position"
    " are not compared."
)
WOMEN_NOTE = (
    "The {kind} cut-off of {cutoff:g} mm lies above the published mean of women ({mean:g} mm,"
    " {citation})."
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

    def means(self, kind: Kind) -> tuple[PublishedValue, ...]:
        """Give the group means to draw beside a value: no cut-offs, the reference first."""
        found = [row.value(kind) for row in self.rows if row.role != CUTOFF_ROLE]
        means = [value for value in found if value is not None and value.controls_mean_mm]
        reference = self.reference(kind)
        return tuple(dict.fromkeys([reference, *means] if reference is not None else means))

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
    sex: str | None = None,
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
        ``neutral``, ``internal`` or ``external`` where the reader knows it. Of a rotated hip only
        rows of the same rotation are used, also where the user chose others.
    sex
        ``F`` or ``M`` where it is known; rows of one sex are used for that sex only.
    ids
        The user's own choice, instead of the default: ids or unambiguous beginnings of ids.

    Raises
    ------
    EvidenceError
        If an id is unknown, may not be compared with a measurement, or is for another age.
    """
    if ids:
        chosen = [_named(rows, name, age_years) for name in ids]
    else:
        chosen = [row for row in rows if row.in_default_panel and _fits(row, age_years)]
        chosen = [row for row in chosen if row.hip_position in (None, "neutral", hip_rotation)]
    chosen = [row for row in chosen if row.sex in (None, sex)]
    turned = hip_rotation in TURNED
    if turned:
        chosen = [row for row in chosen if row.hip_position == hip_rotation]
    notes = list(_age_notes(chosen, age_years))
    if turned:
        notes.append(ROTATION_NOTE.format(rotation=hip_rotation))
    if sex != "M":
        notes += _above_the_mean_of_women(rows, chosen)
    return Panel(tuple(chosen), " ".join(notes))


def _age_notes(chosen: Sequence[Row], age_years: float | None) -> Iterator[str]:
    """Say what holds for this age, and for a child what other children measured."""
    if age_years is None:
        yield AGE_UNKNOWN_NOTE
    elif age_years < ADULT_AGE_YEARS:
        yield CHILD_NOTE
        for row in chosen:
            means = {kind: row.figures(kind).controls_mean for kind in row.reference_for}
            said = " and ".join(f"{kind.name} {mean:g} mm" for kind, mean in means.items() if mean)
            if said:
                yield f"Mean of {row.groups[1]}: {said}."
        yield GROWTH_NOTE


def _above_the_mean_of_women(rows: Sequence[Row], chosen: Sequence[Row]) -> Iterator[str]:
    """Name cut-offs that more than a few women without any finding lie below."""
    women = [row for row in rows if row.sex == "F"]
    for kind in Kind:
        found = [(row, row.figures(kind).controls_mean) for row in women]
        means = [(mean, row) for row, mean in found if mean is not None]
        if not means:
            continue
        mean, source = means[0]
        cutoffs = {row.figures(kind).cutoff for row in chosen if not row.paediatric}
        for cutoff in sorted(value for value in cutoffs if value is not None and value > mean):
            yield WOMEN_NOTE.format(
                kind=kind.name, cutoff=cutoff, mean=mean, citation=source.citation
            )


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
