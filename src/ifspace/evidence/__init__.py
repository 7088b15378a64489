"""Published values, compared with a measurement but never part of it."""

from ifspace.evidence.compare import assess_space, reference_for, studies_disagree
from ifspace.evidence.panel import Panel, choose_panel
from ifspace.evidence.published import (
    Row,
    evidence_schema,
    evidence_sha256,
    published_rows,
    read_local_rows,
)

__all__ = [
    "Panel",
    "Row",
    "assess_space",
    "choose_panel",
    "evidence_schema",
    "evidence_sha256",
    "published_rows",
    "read_local_rows",
    "reference_for",
    "studies_disagree",
]
