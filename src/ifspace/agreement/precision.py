"""Standard error of measurement and smallest detectable change of readings, in mm.

References
----------
de Vet HCW, Terwee CB, Knol DL, Bouter LM. When to use agreement versus reliability measures.
J Clin Epidemiol 2006;59:1033-1039.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ifspace.agreement.icc import NO_SPREAD_MM2, MeanSquares, mean_squares, why_not
from ifspace.statistics import Estimate, Interval, Result, is_clustered
from ifspace.statistics.clusters import Floats, Ints, spread_interval, with_interval
from ifspace.statistics.estimates import CONFIDENCE

# A change between two readings has twice the variance of one; 95 % of them stay below this.
SDC_FACTOR = float(stats.norm.ppf(0.5 + CONFIDENCE / 2.0) * np.sqrt(2.0))
CHI2_METHOD = "chi-squared distribution"


@dataclass(frozen=True)
class Precision:
    """Standard error of measurement and smallest detectable change, in mm.

    `agreement` counts what readers differ by systematically, `consistency` does not.
    """

    sem_agreement_mm: Result
    sdc_agreement_mm: Result
    sem_consistency_mm: Result
    sdc_consistency_mm: Result


def sem_agreement_mm(ms: MeanSquares) -> float:
    """Give the standard error with the systematic difference between readers in it."""
    between_readers = max(0.0, (ms.readers - ms.error) / ms.n)
    return float(np.sqrt(between_readers + ms.error))


def sem_consistency_mm(ms: MeanSquares) -> float:
    """Give the standard error with the systematic difference between readers taken out."""
    return float(np.sqrt(ms.error))


def precision(values_mm: Floats, persons: Ints) -> Precision:
    """Estimate the precision of complete readings (n hips, k readers)."""
    missing = why_not(values_mm)
    if missing is not None:
        return Precision(missing, missing, missing, missing)
    absolute = _sem(values_mm, persons, consistency=False)
    consistent = _sem(values_mm, persons, consistency=True)
    return Precision(absolute, _change(absolute), consistent, _change(consistent))


def _sem(values_mm: Floats, persons: Ints, *, consistency: bool) -> Result:
    compute = sem_consistency_mm if consistency else sem_agreement_mm
    ms = mean_squares(values_mm)
    if ms.error <= NO_SPREAD_MM2:
        return Estimate(
            compute(ms), note="no interval: two readings differ by the same amount on every hip"
        )
    naive = _chi2_interval(ms) if consistency else None
    if naive is not None and not is_clustered(persons):
        return Estimate(compute(ms), naive)
    found = spread_interval(
        lambda rows: compute(mean_squares(values_mm[rows])) if len(rows) > 1 else float("nan"),
        persons,
        most_degrees=(ms.n - 1) * (ms.k - 1),
    )
    return with_interval(compute(ms), found, naive, persons)


def _chi2_interval(ms: MeanSquares) -> Interval:
    degrees = (ms.n - 1) * (ms.k - 1)
    total = ms.error * degrees
    low, high = stats.chi2.ppf([0.5 + CONFIDENCE / 2.0, 0.5 - CONFIDENCE / 2.0], degrees)
    return Interval(float(np.sqrt(total / low)), float(np.sqrt(total / high)), CHI2_METHOD)


def _change(sem: Result) -> Result:
    if not isinstance(sem, Estimate):
        return sem
    return Estimate(
        sem.value * SDC_FACTOR,
        _times(sem.interval),
        _times(sem.ignoring_clusters),
        note=sem.note,
    )


def _times(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    return Interval(interval.low * SDC_FACTOR, interval.high * SDC_FACTOR, interval.method)
