"""Differences between two readings of the same hips, and the limits within which most lie.

References
----------
Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of clinical
measurement. Lancet 1986;327:307-310.
Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res
1999;8:135-160.
Zou GY. Confidence interval estimation for the Bland-Altman limits of agreement with multiple
observations per individual. Stat Methods Med Res 2013;22:630-642.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ifspace.agreement.icc import FEWEST_HIPS, NO_SPREAD_MM2
from ifspace.statistics import (
    Estimate,
    Interval,
    NotEstimable,
    Result,
    is_clustered,
    robust_line,
)
from ifspace.statistics.clusters import (
    Floats,
    Ints,
    estimate,
    spread_interval,
    with_interval,
)
from ifspace.statistics.estimates import CONFIDENCE

# 95 % of a normal distribution lie within this many standard deviations; 1986 rounded it to 2.
LIMIT_SDS = 1.96
ZOU_METHOD = "variance estimates recovery (Zou 2013), delete-one-person jackknife"
T_METHOD = "t distribution (Bland and Altman 1999)"


@dataclass(frozen=True)
class BlandAltman:
    """First minus second reading, in mm.

    `proportional_bias` is the slope of the difference on the mean of both readings, mm per mm.
    """

    bias_mm: Result
    sd_mm: float | None
    lower_limit_mm: Result
    upper_limit_mm: Result
    proportional_bias: Result
    intercept_mm: float | None = None


def limits_intervals(
    bias_mm: float, sd_mm: float, n: int, *, limit_sds: float = LIMIT_SDS
) -> tuple[Interval, Interval, Interval]:
    """Give the textbook intervals of bias, lower and upper limit from the three numbers.

    References
    ----------
    Bland and Altman 1999, section 2.3: the variance of a limit is
    (1/n + limit_sds^2 / (2 (n - 1))) sd^2.
    """
    t = float(stats.t.ppf(0.5 + CONFIDENCE / 2.0, n - 1))
    around_bias = t * sd_mm / np.sqrt(n)
    around_limit = t * sd_mm * np.sqrt(1.0 / n + limit_sds**2 / (2.0 * (n - 1)))
    centres = (bias_mm, bias_mm - limit_sds * sd_mm, bias_mm + limit_sds * sd_mm)
    halves = (around_bias, around_limit, around_limit)
    bias, lower, upper = (
        Interval(float(centre - half), float(centre + half), T_METHOD)
        for centre, half in zip(centres, halves, strict=True)
    )
    return bias, lower, upper


def bland_altman(
    first_mm: Floats, second_mm: Floats, persons: Ints, *, limit_sds: float = LIMIT_SDS
) -> BlandAltman:
    """Compare two readings of the same hips (n,), the two hips of a person as one cluster."""
    differences_mm = first_mm - second_mm
    n = len(differences_mm)
    if n < FEWEST_HIPS:
        detail = f"{n} hips with both readings; at least {FEWEST_HIPS} are needed"
        missing = NotEstimable("too_few_hips", detail)
        return BlandAltman(missing, None, missing, missing, missing)
    sd_mm = float(np.std(differences_mm, ddof=1))
    if sd_mm**2 <= NO_SPREAD_MM2:
        return _constant(float(differences_mm.mean()))
    naive = limits_intervals(float(differences_mm.mean()), sd_mm, n, limit_sds=limit_sds)

    bias = estimate(lambda rows: _mean(differences_mm[rows]), persons, naive=naive[0])
    spread = spread_interval(lambda rows: _sd(differences_mm[rows]), persons, most_degrees=n - 1)
    slope, intercept_mm = _proportional(differences_mm, (first_mm + second_mm) / 2.0, persons)
    return BlandAltman(
        bias_mm=bias,
        sd_mm=sd_mm,
        lower_limit_mm=_limit(bias, sd_mm, spread, -limit_sds, naive[1], persons),
        upper_limit_mm=_limit(bias, sd_mm, spread, limit_sds, naive[2], persons),
        proportional_bias=slope,
        intercept_mm=intercept_mm,
    )


def _mean(differences_mm: Floats) -> float:
    return float(differences_mm.mean())


def _sd(differences_mm: Floats) -> float:
    return float(np.std(differences_mm, ddof=1)) if len(differences_mm) > 1 else float("nan")


def _limit(
    bias: Result,
    sd_mm: float,
    spread: Interval | NotEstimable,
    sds: float,
    naive: Interval,
    persons: Ints,
) -> Result:
    """Put one limit and its interval together from those of the bias and of the spread.

    The two ends are combined as Zou (2013) does (method of variance estimates recovery), which
    keeps the interval of a limit longer on its outer side.
    """
    assert isinstance(bias, Estimate)  # a spread was found, so there is a bias
    value = bias.value + sds * sd_mm
    if not is_clustered(persons):
        return Estimate(value, naive)
    if isinstance(spread, NotEstimable):
        return with_interval(value, spread, naive, persons)
    if bias.interval is None:
        missing = NotEstimable("too_few_persons", "the bias has no interval")
        return with_interval(value, missing, naive, persons)
    inner, outer = abs(sds) * (sd_mm - spread.low), abs(sds) * (spread.high - sd_mm)
    below, above = (inner, outer) if sds > 0.0 else (outer, inner)
    low = value - float(np.hypot(bias.value - bias.interval.low, below))
    high = value + float(np.hypot(bias.interval.high - bias.value, above))
    return with_interval(value, Interval(low, high, ZOU_METHOD), naive, persons)


def _constant(bias_mm: float) -> BlandAltman:
    note = "no interval: every hip has the same difference"
    detail = "every hip has the same difference, so there is no spread and no trend to test"
    missing = NotEstimable("zero_variance", detail)
    same = Estimate(bias_mm, note=note)
    return BlandAltman(same, 0.0, same, same, missing)


def _proportional(
    differences_mm: Floats, means_mm: Floats, persons: Ints
) -> tuple[Result, float | None]:
    if float(np.var(means_mm)) <= NO_SPREAD_MM2:
        detail = "all hips have the same mean, so no trend can be tested"
        return NotEstimable("zero_variance", detail), None
    design = np.column_stack([np.ones_like(means_mm), means_mm])
    found = robust_line(design, differences_mm, persons, ("intercept", "slope"))
    start = found["intercept"]
    return found["slope"], start.value if isinstance(start, Estimate) else None
