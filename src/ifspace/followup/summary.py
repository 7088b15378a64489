"""The follow-up as a table for a terminal."""

from __future__ import annotations

from ifspace.figures.wording import DASH, number
from ifspace.followup.pages import VERDICTS
from ifspace.followup.study import Change, FollowUp

COLUMNS = ("space", "from", "to", "change", "detectable from", "reading or reason")


def summary_table(found: FollowUp) -> tuple[tuple[str, ...], list[list[str]]]:
    """Give the column names and one row per space and comparison."""
    rows = []
    for step in found.steps:
        labels = [found.visits[place - 1].label for place in (step.earlier, step.later)]
        for one in step.changes:
            start = [f"{one.side.value} {one.kind.name}", *labels]
            held = one.result
            if isinstance(held, Change):
                change, least = number(held.change_mm, 1), number(held.detectable.value_mm, 1)
                rows.append([*start, f"{change} mm", f"{least} mm", VERDICTS[held.verdict]])
            else:
                rows.append([*start, "not given", DASH, f"{held.detail} ({held.reason})"])
    return COLUMNS, rows
