"""Intervals for clustered values: two hips of one person are not independent.

One method serves every statistic: leave out one person after the other and take the spread
of the statistic (the delete-one-cluster jackknife). For a mean of equally large clusters it is
the exact t interval of the cluster means; for a regression it is the CV3 covariance.

References
----------
Arvesen JN. Jackknifing U-statistics. Ann Math Stat 1969;40:2076-2100.
MacKinnon JG, Nielsen MO, Webb MD. Cluster-robust inference: a guide to empirical practice.
J Econometrics 2023;232:272-299.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ifspace.statistics.estimates import CONFIDENCE, Estimate, Interval, NotEstimable, Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]

# With fewer persons than this no spread between persons can be told.
FEWEST_CLUSTERS = 3
# Below this many persons an interval that rests on them is honest but shaky, and is said to be.
FEW_CLUSTERS = 10
# A jackknife of three persons may by chance find no spread at all; with few persons, the wider
# ends of it and of the textbook interval are reported.
WIDER_METHOD = "wider ends of delete-one-person jackknife and textbook (few persons)"
JACKKNIFE_METHOD = "delete-one-person jackknife"
SPREAD_METHOD = "chi-squared distribution, degrees of freedom by delete-one-person jackknife"


@dataclass(frozen=True)
class Scale:
    """Where a statistic is nearly normal: a transformation and its way back."""

    there: Callable[[float], float]
    back: Callable[[float], float]


PLAIN = Scale(float, float)


def fisher_scale(raters: int) -> Scale:
    """Give Fisher's transformation of an intraclass correlation of single ratings.

    References
    ----------
    Fisher RA. Statistical methods for research workers, chapter 7.
    """

    def there(value: float) -> float:
        return float(0.5 * np.log((1.0 + (raters - 1) * value) / (1.0 - value)))

    def back(score: float) -> float:
        ratio = np.exp(2.0 * score)
        return float((ratio - 1.0) / (ratio + raters - 1))

    return Scale(there, back)


def cluster_index(names: Sequence[object]) -> Ints:
    """Give every row (n,) the number of its cluster, counted in order of first appearance."""
    numbers: dict[object, int] = {}
    return np.asarray([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int_)


def is_clustered(clusters: Ints) -> bool:
    """Tell whether any cluster has more than one row."""
    return len(np.unique(clusters)) < len(clusters)


def jackknife(
    statistic: Callable[[Ints], float], clusters: Ints, *, scale: Scale = PLAIN
) -> Interval | NotEstimable:
    """Make a 95 % interval by leaving out one cluster after the other.

    Parameters
    ----------
    statistic
        Gives the statistic of the rows with these numbers; NaN where they do not give it.
    clusters
        The cluster of every row, (n,).
    scale
        Where the statistic is nearly normal.

    Returns
    -------
    Interval with Student's t for one degree of freedom less than there are clusters, or why there
    is none.
    """
    names = np.unique(clusters)
    if len(names) < FEWEST_CLUSTERS:
        detail = f"{len(names)} persons; an interval needs at least {FEWEST_CLUSTERS}"
        return NotEstimable("too_few_persons", detail)
    rows = np.arange(len(clusters))
    with np.errstate(all="ignore"):
        whole = scale.there(statistic(rows))
        parts = np.asarray([scale.there(statistic(rows[clusters != name])) for name in names])
    if not (np.isfinite(whole) and np.all(np.isfinite(parts))):
        detail = "the statistic rests on a single person: without that one it cannot be given"
        return NotEstimable("rests_on_one_person", detail)
    width = _t_quantile(len(names) - 1) * _jackknife_error(whole, parts)
    return Interval(scale.back(whole - width), scale.back(whole + width), JACKKNIFE_METHOD)


def spread_interval(
    spread: Callable[[Ints], float], clusters: Ints, *, most_degrees: float
) -> Interval | NotEstimable:
    """Make a 95 % interval of a standard deviation by chi-squared with effective degrees.

    The degrees of freedom are those whose chi-squared variable would vary as much as the jackknife
    says that the spread varies (Satterthwaite's idea); never more than there are without clusters.

    Parameters
    ----------
    spread
        Gives the standard deviation of the rows with these numbers.
    clusters
        The cluster of every row, (n,).
    most_degrees
        The degrees of freedom if every row were a person of its own.
    """
    names = np.unique(clusters)
    if len(names) < FEWEST_CLUSTERS:
        detail = f"{len(names)} persons; an interval needs at least {FEWEST_CLUSTERS}"
        return NotEstimable("too_few_persons", detail)
    rows = np.arange(len(clusters))
    with np.errstate(all="ignore"):
        value = spread(rows)
        parts = np.log(np.asarray([spread(rows[clusters != name]) for name in names]))
        variance = _jackknife_error(float(np.log(value)), parts) ** 2
    if not np.isfinite(variance):
        detail = "the spread rests on a single person: without that one it cannot be given"
        return NotEstimable("rests_on_one_person", detail)
    # var(log s) of a chi-squared variable with d degrees is 1 / (2 d).
    # Every person tells at least as much as one hip would.
    wanted = 1.0 / (2.0 * variance) if variance else most_degrees
    degrees = float(np.clip(wanted, len(names) - 1, most_degrees))
    low, high = stats.chi2.ppf([0.5 + CONFIDENCE / 2.0, 0.5 - CONFIDENCE / 2.0], degrees)
    ends = value * np.sqrt(degrees / low), value * np.sqrt(degrees / high)
    return Interval(float(ends[0]), float(ends[1]), SPREAD_METHOD)


def _jackknife_error(whole: float, parts: Floats) -> float:
    count = len(parts)
    return float(np.sqrt((count - 1) / count * np.sum((parts - whole) ** 2)))


def _t_quantile(degrees: float) -> float:
    return float(stats.t.ppf(0.5 + CONFIDENCE / 2.0, degrees))


def estimate(
    statistic: Callable[[Ints], float],
    clusters: Ints,
    *,
    scale: Scale = PLAIN,
    naive: Interval | None = None,
) -> Result:
    """Estimate a statistic; the naive interval is reported where every person has one row.

    Where persons have several rows and no interval can be made, the statistic is given with a
    note that says why there is no interval.
    """
    value = statistic(np.arange(len(clusters)))
    if not np.isfinite(value):
        return NotEstimable("undefined", "these values do not give the statistic")
    if naive is not None and not is_clustered(clusters):
        return Estimate(value, naive)
    return with_interval(value, jackknife(statistic, clusters, scale=scale), naive, clusters)


def with_interval(
    value: float, found: Interval | NotEstimable, naive: Interval | None, clusters: Ints
) -> Estimate:
    """Put a value and its clustered interval together; with few persons the wider ends."""
    if isinstance(found, NotEstimable):
        return Estimate(value, None, naive, note=f"no interval: {found.detail}")
    if naive is not None and len(np.unique(clusters)) < FEW_CLUSTERS:
        found = _wider(found, naive)
    return Estimate(value, found, naive)


def _wider(one: Interval, other: Interval) -> Interval:
    return Interval(min(one.low, other.low), max(one.high, other.high), WIDER_METHOD)


# --------------------------------------------------------------------------------- regression


def least_squares(design: Floats, values: Floats) -> Floats:
    """Fit a linear model; NaN coefficients where the design (n, p) does not determine them."""
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return np.full(design.shape[1], np.nan)
    return np.asarray(np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)


def robust_line(
    design: Floats, values: Floats, clusters: Ints, names: Sequence[str]
) -> dict[str, Result]:
    """Fit a linear model with the cluster jackknife (CV3) covariance.

    Parameters
    ----------
    design
        One column per coefficient, (n, p), the constant included.
    values
        What is explained, (n,).
    clusters
        The cluster of every row, (n,).
    names
        One per column.

    Returns
    -------
    Each coefficient with its interval and the p-value of being zero (t, clusters - 1).

    References
    ----------
    Bell RM, McCaffrey DF. Survey Methodology 2002;28:169-181 (CR3).
    """
    whole = least_squares(design, values)
    groups = np.unique(clusters)
    if not np.all(np.isfinite(whole)):
        missing = NotEstimable("not_identified", "the data do not tell these effects apart")
        return dict.fromkeys(names, missing)
    if len(groups) < max(FEWEST_CLUSTERS, design.shape[1] + 1):
        detail = f"{len(groups)} persons are too few for {design.shape[1]} coefficients"
        return dict.fromkeys(names, NotEstimable("too_few_persons", detail))
    kept = [clusters != group for group in groups]
    parts = np.asarray([least_squares(design[rows], values[rows]) for rows in kept])
    plain = _plain_errors(design, values, whole) if is_clustered(clusters) else None
    return {
        name: _coefficient(
            whole[column], parts[:, column], None if plain is None else plain[column]
        )
        for column, name in enumerate(names)
    }


def _plain_errors(design: Floats, values: Floats, whole: Floats) -> list[tuple[float, int]]:
    """Give the textbook standard errors, which take every row for a person of its own."""
    degrees = len(values) - design.shape[1]
    if degrees < 1:
        return [(float("nan"), degrees)] * design.shape[1]
    variance = float(np.sum((values - design @ whole) ** 2)) / degrees
    spread = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return [(float(error), degrees) for error in spread]


def _coefficient(whole: float, parts: Floats, plain: tuple[float, int] | None) -> Result:
    if not np.all(np.isfinite(parts)):
        note = "no interval: the coefficient rests on a single person"
        return Estimate(float(whole), note=note)
    degrees = len(parts) - 1
    error = _jackknife_error(float(whole), parts)
    naive = None
    if plain is not None and np.isfinite(plain[0]):
        half = _t_quantile(plain[1]) * plain[0]
        naive = Interval(float(whole) - half, float(whole) + half, "ordinary least squares")
    width = _t_quantile(degrees) * error
    # No spread at all between persons: the line is exact, and a test of it would divide by zero.
    p_value = None if error == 0.0 else float(2.0 * stats.t.sf(abs(whole) / error, degrees))
    interval = Interval(float(whole) - width, float(whole) + width, JACKKNIFE_METHOD)
    if naive is not None and plain is not None and len(parts) < FEW_CLUSTERS:
        interval = _wider(interval, naive)
        p_naive = 2.0 * stats.t.sf(abs(whole) / plain[0], plain[1]) if plain[0] else 0.0
        p_value = None if p_value is None else max(p_value, float(p_naive))
    return Estimate(float(whole), interval, naive, p_value)
