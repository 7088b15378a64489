"""Whether two readings put a hip on the same side of a published cut-off.

References
----------
Cohen J. A coefficient of agreement for nominal scales. Educ Psychol Meas 1960;20:37-46.
Fleiss JL, Cohen J, Everitt BS. Large sample standard errors of kappa and weighted kappa.
Psychol Bull 1969;72:323-327.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ifspace.agreement.icc import FEWEST_HIPS
from ifspace.cutoffs import Cutoff, Flags
from ifspace.statistics import Estimate, Interval, NotEstimable, Result
from ifspace.statistics.clusters import Floats, Ints, estimate
from ifspace.statistics.estimates import CONFIDENCE
from ifspace.statistics.shares import share_of

FLEISS_METHOD = "normal distribution (Fleiss, Cohen and Everitt 1969)"


@dataclass(frozen=True)
class CategoryAgreement:
    """Agreement about one cut-off length, and whose cut-off it is."""

    cutoff_mm: float
    evidence_ids: tuple[str, ...]
    hips: int
    both_at_or_below: int
    both_above: int
    disagree: int
    share: Result
    kappa: Result


def category_agreement(
    first_mm: Floats, second_mm: Floats, persons: Ints, cutoff: Cutoff
) -> CategoryAgreement:
    """Compare two readings (n,) with respect to one cut-off; equal to it counts as below."""
    rows = cutoff.applies
    first, second = first_mm[rows] <= cutoff.cutoff_mm, second_mm[rows] <= cutoff.cutoff_mm
    own = persons[rows]
    return CategoryAgreement(
        cutoff.cutoff_mm,
        cutoff.evidence_ids,
        hips=len(first),
        both_at_or_below=int(np.sum(first & second)),
        both_above=int(np.sum(~first & ~second)),
        disagree=int(np.sum(first != second)),
        share=share_of(first == second, own),
        kappa=_kappa(first, second, own),
    )


def kappa(first: Flags, second: Flags) -> float:
    """Give Cohen's kappa of two ratings (n,); NaN where chance alone explains everything."""
    observed = float(np.mean(first == second))
    chance = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    return (observed - chance) / (1.0 - chance) if chance < 1.0 else float("nan")


def kappa_error(first: Flags, second: Flags) -> float:
    """Give the large-sample standard error of Cohen's kappa."""
    n = len(first)
    table = np.asarray(
        [[np.mean((first == a) & (second == b)) for b in (True, False)] for a in (True, False)]
    )
    by_first, by_second = table.sum(axis=1), table.sum(axis=0)
    observed, chance = float(np.trace(table)), float(by_first @ by_second)
    value = (observed - chance) / (1.0 - chance)
    agreeing = sum(
        table[i, i] * (1.0 - (by_first[i] + by_second[i]) * (1.0 - value)) ** 2 for i in range(2)
    )
    crossing = (1.0 - value) ** 2 * sum(
        table[i, j] * (by_second[i] + by_first[j]) ** 2
        for i in range(2)
        for j in range(2)
        if i != j
    )
    spread = agreeing + crossing - (value - chance * (1.0 - value)) ** 2
    return float(np.sqrt(max(0.0, spread) / n) / (1.0 - chance))


def _kappa(first: Flags, second: Flags, persons: Ints) -> Result:
    if len(first) < FEWEST_HIPS:
        detail = f"the cut-off speaks of {len(first)} hips; at least {FEWEST_HIPS} are needed"
        return NotEstimable("too_few_hips", detail)
    value = kappa(first, second)
    if not np.isfinite(value):
        detail = "both readings put every hip on one side, where kappa is not defined"
        return NotEstimable("one_category_only", detail)
    if np.all(first == second):
        return Estimate(value, note="no interval: both readings agree about every hip")
    if any(flags.all() or not flags.any() for flags in (first, second)):
        # Kappa is then zero whatever the readings are, and so is its large-sample error.
        return Estimate(value, note="no interval: one reading puts every hip on one side")
    half = float(stats.norm.ppf(0.5 + CONFIDENCE / 2.0)) * kappa_error(first, second)
    naive = Interval(max(-1.0, value - half), min(1.0, value + half), FLEISS_METHOD)
    found = estimate(lambda rows: kappa(first[rows], second[rows]), persons, naive=naive)
    return _bounded(found)


def _bounded(result: Result) -> Result:
    """Cut an interval off where kappa ends."""
    if isinstance(result, NotEstimable) or result.interval is None:
        return result
    held = result.interval
    cut = Interval(max(-1.0, held.low), min(1.0, held.high), held.method)
    return Estimate(result.value, cut, result.ignoring_clusters, result.p_value, result.note)
