"""Estimates with intervals that know that two hips belong to one person. Pure numbers."""

from ifspace.statistics.clusters import cluster_index, is_clustered, jackknife, robust_line
from ifspace.statistics.estimates import Estimate, Interval, NotEstimable, Result, to_json

__all__ = [
    "Estimate",
    "Interval",
    "NotEstimable",
    "Result",
    "cluster_index",
    "is_clustered",
    "jackknife",
    "robust_line",
    "to_json",
]
