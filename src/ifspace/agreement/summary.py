"""The agreement study as a table for a terminal: the figures that are asked for first."""

from __future__ import annotations

from ifspace.agreement.study import AgreementStudy, Comparison
from ifspace.figures.wording import given, interval_of
from ifspace.statistics import NotEstimable, Result

COLUMNS = ("space", "comparison", "statistic", "value", "95 % interval or reason")


def summary_table(study: AgreementStudy) -> tuple[tuple[str, ...], list[list[str]]]:
    """Give the column names and the rows, every comparison of every space."""
    rows: list[list[str]] = []
    for space in study.spaces:
        compared = {"between readers": space.between} | {
            f"within {reader}": item for reader, item in space.within.items()
        }
        for name, item in compared.items():
            start = [space.kind.name, name]
            if isinstance(item, NotEstimable):
                rows.append([*start, "", "not given", item.detail])
            else:
                rows += [[*start, *cells] for cells in _cells(item)]
    return COLUMNS, rows


def _cells(item: Comparison) -> list[list[str]]:
    absolute = next(one for one in item.iccs if one.name == "ICC(A,1)")
    cells = [
        _cell("ICC(A,1)", absolute.result, 3),
        _cell("SEM, mm", item.precision.sem_agreement_mm, 2),
        _cell("SDC, mm", item.precision.sdc_agreement_mm, 2),
    ]
    for pair in item.pairs:
        name = " − ".join(pair.matrix.columns)
        differences = pair.differences
        cells += [
            _cell(f"bias {name}, mm", differences.bias_mm, 2),
            _cell(f"lower limit {name}, mm", differences.lower_limit_mm, 2),
            _cell(f"upper limit {name}, mm", differences.upper_limit_mm, 2),
        ]
    return cells


def _cell(name: str, result: Result, digits: int) -> list[str]:
    return [name, given(result, digits), interval_of(result, digits)]
