"""The follow-up as a table for a terminal."""

from __future__ import annotations

from ifspace.figures.wording import DASH, number
from ifspace.followup.pages import VERDICTS
from ifspace.followup.study import Change, FollowUp

COLUMNS = ("space", "from", "to", "change", "detectable from", "reading or reason")


def summary_table(study: FollowUp) -> tuple[tuple[str, ...], list[list[str]]]:
    """Give the column names and one row per space and comparison."""
    rows = []
    for step in study.steps:
        labels = [study.visits[visit - 1].label for visit in (step.earlier, step.later)]
        for one in step.changes:
            start = [f"{one.side.value} {one.kind.name}", *labels]
            change = one.result
            if isinstance(change, Change):
                lengths_mm = (change.change_mm, change.detectable.value_mm)
                cells = [f"{number(length_mm, 1)} mm" for length_mm in lengths_mm]
                rows.append([*start, *cells, VERDICTS[change.verdict]])
            else:
                rows.append([*start, "not given", DASH, f"{change.detail} ({change.reason})"])
    return COLUMNS, rows
