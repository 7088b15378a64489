"""The comparison as a table for a terminal."""

from __future__ import annotations

from ifspace.figures.wording import given, interval_of, number, share, span
from ifspace.groups.roc import Accuracy
from ifspace.groups.study import GroupStudy, SpaceGroups
from ifspace.statistics import NotEstimable, Result

COLUMNS = ("space", "statistic", "value", "95 % interval or reason")


def summary_table(study: GroupStudy) -> tuple[tuple[str, ...], list[list[str]]]:
    """Give the column names and the rows of every space."""
    rows = [[space.kind.name, *cells] for space in study.spaces for cells in _cells(space)]
    return COLUMNS, rows


def _cells(space: SpaceGroups) -> list[list[str]]:
    found = [
        ["cases minus controls, mm", *_pair(space.difference_mm)],
        ["area under the ROC curve", *_pair(space.auc)],
    ]
    found += [
        _accuracy("published cut-off", item.accuracy)
        for item in space.published
        if isinstance(item.accuracy, Accuracy)
    ]
    if isinstance(space.optimal, NotEstimable):
        found.append(["best cut-off here", "not given", space.optimal.detail])
    else:
        held = space.optimal
        found.append(_accuracy("best cut-off here, not validated", held.apparent))
        found[-1][2] += f"; cut-off {span(held.cutoff_interval_mm, 1)} mm"
    if isinstance(space.earlier, NotEstimable):
        found.append(["earlier cut-off", "refused", space.earlier.detail])
    elif space.earlier is not None:
        found.append(_accuracy("earlier cut-off, other persons", space.earlier.accuracy))
    return found


def _pair(result: Result) -> tuple[str, str]:
    return given(result, 2), interval_of(result, 2)


def _accuracy(name: str, held: Accuracy) -> list[str]:
    words = f"sensitivity {share(held.sensitivity)}, specificity {share(held.specificity)}"
    return [name, f"{number(held.cutoff_mm, 1)} mm", words]
