"""Published values, and comparisons of a measurement with them."""

from __future__ import annotations

from dataclasses import dataclass

from ifspace.model.vocabulary import Kind, Position, Relation

SYMPTOMATIC, CONTROLS = "symptomatic hips", "control hips"


@dataclass(frozen=True)
class PublishedValue:
    """Figures of one study for one space: a cut-off, or the means of two groups.

    Figures that were not seen in a text are absent. `role` and `evidence_level` are those of the
    evidence file; `rule` is the cut-off as the source words it; `cases` and `controls` say who the
    two groups were; `verified` that an author, a title or a DOI of the source was seen.
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
    cases: str = SYMPTOMATIC
    controls: str = CONTROLS
    verified: bool = True


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
