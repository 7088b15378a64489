"""Measure every study under a folder once; a run that was stopped can go on."""

from ifspace.batch.case import BatchPlan, CaseOutcome, Failure, Limits, Status
from ifspace.batch.merge import merge_outputs
from ifspace.batch.request import BatchReport, Request, Watcher
from ifspace.batch.run import run_batch
from ifspace.batch.shard import Shard

__all__ = [
    "BatchPlan",
    "BatchReport",
    "CaseOutcome",
    "Failure",
    "Limits",
    "Request",
    "Shard",
    "Status",
    "Watcher",
    "merge_outputs",
    "run_batch",
]
