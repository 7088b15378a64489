"""Intraclass correlations of single and of averaged readings, named after McGraw and Wong.

References
----------
Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull
1979;86:420-428.
McGraw KO, Wong SP. Forming inferences about some intraclass correlation coefficients. Psychol
Methods 1996;1:30-46, with the correction 1996;1:390.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from ifspace.statistics import Estimate, Interval, NotEstimable, Result, is_clustered, jackknife
from ifspace.statistics.clusters import Floats, Ints, fisher_scale, with_interval
from ifspace.statistics.estimates import CONFIDENCE

FEWEST_HIPS = 3
# Mean squares below this (mm squared) are rounding of equal readings, not spread.
NO_SPREAD_MM2 = 1e-18
F_METHOD = "F distribution (McGraw and Wong 1996)"


class Model(StrEnum):
    """Which readers the coefficient is for; the value is McGraw and Wong's letter."""

    ONE_WAY = ""
    ABSOLUTE = "A"
    CONSISTENCY = "C"


SHROUT_FLEISS_CASE = {Model.ONE_WAY: "1", Model.ABSOLUTE: "2", Model.CONSISTENCY: "3"}


@dataclass(frozen=True)
class MeanSquares:
    """The two-way table of variance of n hips and k readers, in mm squared."""

    hips: float
    readers: float
    error: float
    within: float
    n: int
    k: int


@dataclass(frozen=True)
class Icc:
    """One coefficient with both of its names."""

    name: str
    shrout_fleiss: str
    result: Result


def mean_squares(values_mm: Floats) -> MeanSquares:
    """Analyse the variance of complete readings (n, k)."""
    n, k = values_mm.shape
    grand = values_mm.mean()
    hips = k * np.sum((values_mm.mean(axis=1) - grand) ** 2)
    readers = n * np.sum((values_mm.mean(axis=0) - grand) ** 2)
    within = np.sum((values_mm - values_mm.mean(axis=1, keepdims=True)) ** 2)
    # The difference of two equal sums may round to just below zero.
    error = max(0.0, float(within - readers))
    return MeanSquares(
        hips=float(hips / (n - 1)),
        readers=float(readers / (k - 1)),
        error=error / ((n - 1) * (k - 1)),
        within=float(within / (n * (k - 1))),
        n=n,
        k=k,
    )


def single(model: Model, ms: MeanSquares) -> float:
    """Give the coefficient of single readings; NaN where hips and readings do not differ."""
    noise = ms.within if model is Model.ONE_WAY else ms.error
    shift = ms.k / ms.n * (ms.readers - ms.error) if model is Model.ABSOLUTE else 0.0
    total = ms.hips + (ms.k - 1) * noise + shift
    return (ms.hips - noise) / total if total > NO_SPREAD_MM2 else float("nan")


def averaged(coefficient: float, k: int) -> float:
    """Step a single-reading coefficient up to the mean of k readings (Spearman-Brown)."""
    below = 1.0 + (k - 1) * coefficient
    return k * coefficient / below if abs(below) > 1e-12 else float("nan")


def f_interval(model: Model, ms: MeanSquares) -> Interval | None:
    """Give the textbook interval of single readings; none where readings agree exactly."""
    if (ms.within if model is Model.ONE_WAY else ms.error) <= NO_SPREAD_MM2:
        return None
    low, high = _absolute_ends(ms) if model is Model.ABSOLUTE else _ratio_ends(model, ms)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        return None
    return Interval(float(low), float(high), F_METHOD)


def _ratio_ends(model: Model, ms: MeanSquares) -> tuple[float, float]:
    one_way = model is Model.ONE_WAY
    ratio = ms.hips / (ms.within if one_way else ms.error)
    over = ms.n - 1
    under = ms.n * (ms.k - 1) if one_way else over * (ms.k - 1)
    low = ratio / stats.f.ppf(_UPPER, over, under)
    high = ratio * stats.f.ppf(_UPPER, under, over)
    return (low - 1) / (low + ms.k - 1), (high - 1) / (high + ms.k - 1)


_UPPER = 0.5 + CONFIDENCE / 2.0


def _absolute_ends(ms: MeanSquares) -> tuple[float, float]:
    n, k = ms.n, ms.k
    rho = single(Model.ABSOLUTE, ms)
    a = k * rho / (n * (1.0 - rho))
    b = 1.0 + k * rho * (n - 1) / (n * (1.0 - rho))
    # Satterthwaite's degrees of freedom of the mixture of reader and error variance.
    parts = (a * ms.readers) ** 2 / (k - 1) + (b * ms.error) ** 2 / ((n - 1) * (k - 1))
    degrees = (a * ms.readers + b * ms.error) ** 2 / parts
    below = stats.f.ppf(_UPPER, n - 1, degrees)
    above = stats.f.ppf(_UPPER, degrees, n - 1)
    noise = k * ms.readers + (k * n - k - n) * ms.error
    low = n * (ms.hips - below * ms.error) / (below * noise + n * ms.hips)
    high = n * (above * ms.hips - ms.error) / (noise + n * above * ms.hips)
    return low, high


def all_iccs(values_mm: Floats, persons: Ints) -> tuple[Icc, ...]:
    """Give the six coefficients of complete readings (n hips, k readers), clusters respected."""
    singles = {model: single_result(model, values_mm, persons) for model in Model}
    k = values_mm.shape[1]
    return tuple(
        _named(model, result if form == "1" else _stepped_up(result, k), form)
        for form in ("1", "k")
        for model, result in singles.items()
    )


def _named(model: Model, result: Result, form: str) -> Icc:
    letter = f"{model.value}," if model.value else ""
    return Icc(f"ICC({letter}{form})", f"ICC({SHROUT_FLEISS_CASE[model]},{form})", result)


def single_result(model: Model, values_mm: Floats, persons: Ints) -> Result:
    """Estimate one coefficient of single readings."""
    missing = why_not(values_mm)
    if missing is not None:
        return missing
    ms = mean_squares(values_mm)
    value = single(model, ms)
    if ms.hips <= NO_SPREAD_MM2 or not np.isfinite(value):
        detail = "the hips do not differ from each other, so nothing can be told apart"
        return NotEstimable("zero_variance", detail)
    naive = f_interval(model, ms)
    if naive is None:
        exact = (ms.within if model is Model.ONE_WAY else ms.error) <= NO_SPREAD_MM2
        words = "the readings agree exactly" if exact else "the F distribution gives none"
        return Estimate(value, note=f"no interval: {words}")
    if not is_clustered(persons):
        return Estimate(value, naive)
    found = jackknife(
        lambda rows: _single_or_nan(model, values_mm[rows]),
        persons,
        scale=fisher_scale(values_mm.shape[1]),
    )
    return with_interval(value, found, naive, persons)


def _single_or_nan(model: Model, values_mm: Floats) -> float:
    return single(model, mean_squares(values_mm)) if len(values_mm) > 1 else float("nan")


def why_not(values_mm: Floats) -> NotEstimable | None:
    """Say why no agreement at all can be computed from readings (n, k), if so."""
    n, k = values_mm.shape
    if k < 2:
        return NotEstimable("one_column_only", "agreement needs two readings of the same hip")
    if n < FEWEST_HIPS:
        detail = f"{n} hips with every reading; at least {FEWEST_HIPS} are needed"
        return NotEstimable("too_few_hips", detail)
    return None


def _stepped_up(result: Result, k: int) -> Result:
    if isinstance(result, NotEstimable):
        return result
    value = averaged(result.value, k)
    if not np.isfinite(value):
        return NotEstimable(
            "undefined", "the single-reading coefficient is too negative to step up"
        )
    return Estimate(
        value,
        _stepped_interval(result.interval, k),
        _stepped_interval(result.ignoring_clusters, k),
        note=result.note,
    )


def _stepped_interval(interval: Interval | None, k: int) -> Interval | None:
    """Step both ends up; an end at or below -1/(k-1) has no counterpart."""
    if interval is None or interval.low <= -1.0 / (k - 1):
        return None
    return Interval(averaged(interval.low, k), averaged(interval.high, k), interval.method)
