"""Compare a measured value with published ones.

A value within its own uncertainty of a cut-off is told apart from neither side. No probability is
computed from a published mean and standard deviation: the moments of the largest meta-analysis do
not reproduce the sensitivity that it reports.
"""

from __future__ import annotations

from collections.abc import Sequence

from ifspace.evidence.panel import Panel
from ifspace.model import (
    AssessedSpace,
    Comparison,
    Measurement,
    Outcome,
    Position,
    PublishedValue,
    Reference,
    Relation,
)


def relation_to(value_mm: float, u95_mm: float, cutoff_mm: float) -> Relation:
    """Tell where a value with its 95 % half-width lies with respect to a cut-off."""
    if abs(value_mm - cutoff_mm) < u95_mm:
        return Relation.WITHIN_UNCERTAINTY
    return Relation.AT_OR_BELOW if value_mm <= cutoff_mm else Relation.ABOVE


def position_between(
    value_mm: float, symptomatic_mean_mm: float, control_mean_mm: float
) -> Position:
    """Tell where a value lies with respect to two group means, the symptomatic one smaller."""
    if value_mm <= symptomatic_mean_mm:
        return Position.AT_OR_BELOW_SYMPTOMATIC_MEAN
    if value_mm >= control_mean_mm:
        return Position.AT_OR_ABOVE_CONTROL_MEAN
    return Position.BETWEEN


def reference_for(measurement: Measurement, published: PublishedValue | None) -> Reference | None:
    """Compare a measurement with the two group means of a study, where it gives both."""
    if published is None or not published.cases_mean_mm or not published.controls_mean_mm:
        return None
    return Reference(
        published,
        published.cases_mean_mm,
        published.controls_mean_mm,
        position_between(measurement.value_mm, published.cases_mean_mm, published.controls_mean_mm),
    )


def assess_space(outcome: Outcome, panel: Panel) -> AssessedSpace:
    """Add the evidence to an outcome; what was not measured is not compared."""
    if not isinstance(outcome, Measurement):
        return AssessedSpace(outcome)
    comparisons = tuple(
        Comparison(
            published,
            published.cutoff_mm,
            relation_to(outcome.value_mm, outcome.u95_mm, published.cutoff_mm),
        )
        for published in panel.cutoffs(outcome.kind)
        if published.cutoff_mm is not None
    )
    return AssessedSpace(
        outcome, comparisons, reference_for(outcome, panel.reference(outcome.kind))
    )


def studies_disagree(comparisons: Sequence[Comparison]) -> bool:
    """Tell whether published cut-offs put the same value on different sides."""
    return len({item.relation for item in comparisons}) > 1
