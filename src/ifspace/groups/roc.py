"""ROC analysis of a distance; smaller values point to cases.

References
----------
DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845.
Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567-578.
Harrell FE, Lee KL, Mark DB. Stat Med 1996;15:361-387 (optimism by bootstrap).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ifspace.statistics import Estimate, Interval, NotEstimable, Result, is_clustered
from ifspace.statistics.clusters import Floats, Ints, with_interval
from ifspace.statistics.estimates import CONFIDENCE
from ifspace.statistics.shares import share_of

Flags = NDArray[np.bool_]

FEWEST_PER_GROUP = 3
# Percentile ends of an interval are stable to a few hundredths of a mm from here on.
BOOTSTRAP_SAMPLES = 1000
BOOTSTRAP_SEED = 20240229
DELONG_METHOD = "DeLong 1988, logit"
OBUCHOWSKI_METHOD = "Obuchowski 1997, logit"
PERCENTILE_METHOD = "percentiles of a bootstrap of persons"


@dataclass(frozen=True)
class Accuracy:
    """Sensitivity and specificity of calling a hip at or below a length."""

    cutoff_mm: float
    sensitivity: Result
    specificity: Result
    cases: int
    controls: int


@dataclass(frozen=True)
class OptimalCutoff:
    """The length that separates these groups best, and its corrected accuracy.

    `apparent` is measured on the hips that chose the length and flatters it; the corrected
    figures take off what the choice gained on average in bootstrap samples.
    """

    apparent: Accuracy
    cutoff_interval_mm: Interval
    corrected_sensitivity: float
    corrected_specificity: float
    samples: int
    seed: int
    validated: bool
    statement: str


NOT_VALIDATED = (
    "chosen on these data, so these data cannot validate it; measure it on other persons"
)


def auc(values_mm: Floats, is_case: Flags) -> float:
    """Give the share of pairs in which the case is smaller; ties count half."""
    cases_mm, controls_mm = values_mm[is_case], values_mm[~is_case]
    ranks = stats.rankdata(np.concatenate([cases_mm, controls_mm]))
    m, n = len(cases_mm), len(controls_mm)
    larger = ranks[:m].sum() - m * (m + 1) / 2.0
    return float(1.0 - larger / (m * n))


def auc_result(values_mm: Floats, is_case: Flags, persons: Ints) -> Result:
    """Estimate the area under the ROC curve, the hips of a person as one cluster."""
    missing = why_not(values_mm, is_case)
    if missing is not None:
        return missing
    area = auc(values_mm, is_case)
    one_hip_each = np.arange(len(values_mm))
    naive = _auc_interval(values_mm, is_case, one_hip_each, DELONG_METHOD)
    if naive is None:
        return Estimate(area, note="no interval: the groups do not overlap")
    if not is_clustered(persons):
        return Estimate(area, naive)
    found = _auc_interval(values_mm, is_case, persons, OBUCHOWSKI_METHOD)
    if found is None:
        return Estimate(area, None, naive, note="no interval: too few persons")
    return with_interval(area, found, naive, persons)


def too_few(is_case: Flags) -> NotEstimable | None:
    """Say that a group is too small for anything, if so."""
    counts = int(is_case.sum()), int((~is_case).sum())
    if min(counts) < FEWEST_PER_GROUP:
        detail = f"{counts[0]} hips of cases and {counts[1]} of controls; 3 of each are needed"
        return NotEstimable("too_few_hips", detail)
    return None


def why_not(values_mm: Floats, is_case: Flags) -> NotEstimable | None:
    """Say why no length can tell the groups apart, if so."""
    missing = too_few(is_case)
    if missing is None and float(np.ptp(values_mm)) == 0.0:
        detail = "every hip has the same value, so no length tells the groups apart"
        return NotEstimable("zero_variance", detail)
    return missing


def auc_variance(values_mm: Floats, is_case: Flags, persons: Ints) -> float:
    """Give the variance of the area; one person may have hips in both groups."""
    area = auc(values_mm, is_case)
    cases_mm, controls_mm = values_mm[is_case], values_mm[~is_case]
    wins = (cases_mm[:, None] < controls_mm) + 0.5 * (cases_mm[:, None] == controls_mm)
    size = int(persons.max()) + 1
    of_case, of_control = np.zeros(size), np.zeros(size)
    np.add.at(of_case, persons[is_case], wins.mean(axis=1) - area)
    np.add.at(of_control, persons[~is_case], wins.mean(axis=0) - area)
    m, n = wins.shape
    return float(
        _spread(of_case, of_case, len(np.unique(persons[is_case]))) / m**2
        + _spread(of_control, of_control, len(np.unique(persons[~is_case]))) / n**2
        + 2.0 * _spread(of_case, of_control, len(np.unique(persons))) / (m * n)
    )


def _spread(one: Floats, other: Floats, count: int) -> float:
    return float(one @ other) * count / (count - 1) if count > 1 else 0.0


def _auc_interval(values_mm: Floats, is_case: Flags, persons: Ints, method: str) -> Interval | None:
    area = auc(values_mm, is_case)
    variance = auc_variance(values_mm, is_case, persons)
    if not 0.0 < area < 1.0 or variance <= 0.0:
        return None
    centre = np.log(area / (1.0 - area))
    half = _z() * np.sqrt(variance) / (area * (1.0 - area))
    low, high = 1.0 / (1.0 + np.exp(-(centre + np.asarray([-half, half]))))
    return Interval(float(low), float(high), method)


def _z() -> float:
    return float(stats.norm.ppf(0.5 + CONFIDENCE / 2.0))


def curve(values_mm: Floats, is_case: Flags) -> tuple[tuple[float, float], ...]:
    """Give the ROC curve as (1 - specificity, sensitivity), both ends included."""
    lengths_mm = np.concatenate([[-np.inf], np.unique(values_mm)])
    return tuple(
        (
            float(np.mean(values_mm[~is_case] <= length)),
            float(np.mean(values_mm[is_case] <= length)),
        )
        for length in lengths_mm
    )


def accuracy(cutoff_mm: float, values_mm: Floats, is_case: Flags, persons: Ints) -> Accuracy:
    """Measure a cut-off: at or below it a hip is called like a case."""
    below = values_mm <= cutoff_mm
    return Accuracy(
        cutoff_mm,
        share_of(below[is_case], persons[is_case]),
        share_of(~below[~is_case], persons[~is_case]),
        int(is_case.sum()),
        int((~is_case).sum()),
    )


def best_cutoff_mm(values_mm: Floats, is_case: Flags) -> float:
    """Find the length with the largest sum of sensitivity and specificity (Youden).

    It lies half-way to the next larger value that occurs; of several, the smallest is taken.
    """
    lengths_mm, places = np.unique(values_mm, return_inverse=True)
    cases = np.cumsum(np.bincount(places[is_case], minlength=len(lengths_mm)))
    controls = np.cumsum(np.bincount(places[~is_case], minlength=len(lengths_mm)))
    youden = cases / max(cases[-1], 1) - controls / max(controls[-1], 1)
    best = int(np.argmax(youden))
    if best + 1 == len(lengths_mm):
        return float(lengths_mm[best])
    return float((lengths_mm[best] + lengths_mm[best + 1]) / 2.0)


def optimal_cutoff(
    values_mm: Floats, is_case: Flags, persons: Ints
) -> OptimalCutoff | NotEstimable:
    """Choose the best length, and estimate the optimism of choosing it on these data."""
    missing = why_not(values_mm, is_case)
    if missing is not None:
        return missing
    chosen_mm = best_cutoff_mm(values_mm, is_case)
    if float(_rates(chosen_mm, values_mm, is_case).sum()) <= 1.0:
        detail = "cases are not smaller than controls at any length: none beats chance"
        return NotEstimable("no_separation", detail)
    apparent = accuracy(chosen_mm, values_mm, is_case, persons)
    lengths_mm, gained = _bootstrap(values_mm, is_case, persons)
    if len(lengths_mm) < BOOTSTRAP_SAMPLES // 2:
        return NotEstimable("too_few_persons", "too few persons per group for a bootstrap")
    tails = [50.0 * (1.0 - CONFIDENCE), 50.0 * (1.0 + CONFIDENCE)]
    low, high = np.percentile(lengths_mm, tails)
    sensitivity, specificity = _rates(chosen_mm, values_mm, is_case) - gained.mean(axis=0)
    return OptimalCutoff(
        apparent,
        Interval(float(low), float(high), PERCENTILE_METHOD),
        float(np.clip(sensitivity, 0.0, 1.0)),
        float(np.clip(specificity, 0.0, 1.0)),
        samples=len(lengths_mm),
        seed=BOOTSTRAP_SEED,
        validated=False,
        statement=NOT_VALIDATED,
    )


def _rates(cutoff_mm: float, values_mm: Floats, is_case: Flags) -> Floats:
    below = values_mm <= cutoff_mm
    return np.asarray([below[is_case].mean(), (~below[~is_case]).mean()])


def _bootstrap(values_mm: Floats, is_case: Flags, persons: Ints) -> tuple[Floats, Floats]:
    """Resample persons, choose again, and give the gain over all hips.

    Returns
    -------
    The chosen lengths (b,), and by how much sensitivity and specificity (b, 2) in the sample
    exceed those of the same length on all hips. Samples without both groups are drawn in vain.
    """
    random = np.random.default_rng(BOOTSTRAP_SEED)
    names = np.unique(persons)
    rows_of = [np.flatnonzero(persons == name) for name in names]
    lengths_mm, gained = [], []
    for _ in range(BOOTSTRAP_SAMPLES):
        drawn = random.integers(len(names), size=len(names))
        rows = np.concatenate([rows_of[number] for number in drawn])
        if is_case[rows].all() or not is_case[rows].any():
            continue
        length_mm = best_cutoff_mm(values_mm[rows], is_case[rows])
        lengths_mm.append(length_mm)
        gained.append(
            _rates(length_mm, values_mm[rows], is_case[rows])
            - _rates(length_mm, values_mm, is_case)
        )
    return np.asarray(lengths_mm), np.asarray(gained).reshape(-1, 2)
