"""Shares of hips, with intervals that count persons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ifspace.statistics.clusters import Ints, is_clustered
from ifspace.statistics.estimates import CONFIDENCE, Estimate, Interval, NotEstimable, Result

WILSON_METHOD = "Wilson score"
CLUSTERED_METHOD = "Wilson score with the effective number of hips"


def wilson(share: float, n: float, method: str = WILSON_METHOD) -> Interval:
    """Give the interval of a share of n.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212.
    """
    z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2.0))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(max(0.0, float(centre - half)), min(1.0, float(centre + half)), method)


def share_of(flags: NDArray[np.bool_], persons: Ints) -> Result:
    """Estimate the share of rows (n,) that are true.

    Where a person has several rows, the interval is Wilson's with as many hips as carry
    independent information: never more than there are, never fewer than persons. The estimate
    of that number is the cluster-robust one.

    References
    ----------
    Korn EL, Graubard BI. Survey Methodology 1998;24:193-201.
    """
    n = len(flags)
    if not n:
        return NotEstimable("no_hips", "there is no hip to count")
    share = float(flags.mean())
    naive = wilson(share, n)
    if not is_clustered(persons):
        return Estimate(share, naive)
    effective = effective_count(flags.astype(np.float64) - share, persons, share)
    return Estimate(share, wilson(share, effective, CLUSTERED_METHOD), naive)


def effective_count(residuals: NDArray[np.float64], persons: Ints, share: float) -> float:
    """Give the number of independent rows that would leave the share as uncertain as it is."""
    groups = np.unique(persons)
    n, count = len(residuals), len(groups)
    if share in (0.0, 1.0) or count < 2:
        return float(count)
    sums = np.asarray([residuals[persons == group].sum() for group in groups])
    variance = count / (count - 1) * float(np.sum(sums**2)) / n**2
    if variance <= 0.0:
        return float(n)
    return float(np.clip(share * (1.0 - share) / variance, count, n))
