"""Estimates with intervals that treat the two hips of a person as one cluster."""

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
