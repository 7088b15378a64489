"""The result as a table for a terminal: both sides at a glance."""

from __future__ import annotations

from ifspace.model import SIDES_AS_SEEN, AssessedSpace, Kind, Measurement, NotMeasured, StudyResult
from ifspace.report import wording
from ifspace.report.texts import Texts, load_texts

COLUMNS = ("side", "space", "value", "slice", "state", "published cut-offs, value at or below")


def spaces_table(result: StudyResult) -> tuple[tuple[str, ...], list[list[str]]]:
    """Give the column names and one row per space, the patient's right first."""
    texts = load_texts()
    rows = []
    for side in SIDES_AS_SEEN:
        for kind in Kind:
            space = wording.find_space(result, kind, side)
            if space is not None:
                rows.append(_row(space, result, texts))
    return COLUMNS, rows


def _row(space: AssessedSpace, result: StudyResult, texts: Texts) -> list[str]:
    outcome = space.outcome
    start = [outcome.side.value, outcome.kind.name]
    if isinstance(outcome, NotMeasured):
        return [*start, f"not measured: {outcome.detail}", "", "", ""]
    return [
        *start,
        wording.value(outcome, texts),
        wording.slice_of_stack(outcome.slice_index, result, texts),
        texts[f"mark_state.{outcome.state.value}"],
        _cutoffs(space),
    ]


def _cutoffs(space: AssessedSpace) -> str:
    """List each length once with a sign: at or below, above, or not to be told apart."""
    if not isinstance(space.outcome, Measurement):
        return ""
    words = {"at_or_below": "yes", "above": "no", "within_uncertainty": "undetermined"}
    found = (
        f"{wording.plain(item.cutoff_mm)} mm: {words[item.relation.value]}"
        for item in space.comparisons
    )
    return ", ".join(dict.fromkeys(found))
