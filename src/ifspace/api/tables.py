"""Results and published values as tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifspace.errors import MissingExtraError
from ifspace.evidence import published_rows, read_local_rows
from ifspace.model import Kind, StudyResult
from ifspace.report.table import COLUMNS, measurement_rows

if TYPE_CHECKING:
    import pandas as pd


def result_rows(results: StudyResult | Iterable[StudyResult]) -> list[dict[str, Any]]:
    """Give one row per study, side and space, as plain dictionaries.

    Parameters
    ----------
    results
        One result or several.

    Returns
    -------
    list of dict
        With the columns of ``measurements.csv``, all of them in every row. Distances are in mm
        and unrounded, points in LPS mm; what is missing is None.

    Examples
    --------
    >>> result = ifspace.measure("phantom/dicom", "phantom/session.json")
    >>> rows = ifspace.result_rows(result)
    >>> [(row["side"], row["kind"], row["status"]) for row in rows][0]
    ('right', 'ifs', 'measured')
    """
    many = (results,) if isinstance(results, StudyResult) else results
    return [
        {name: row.get(name) for name in COLUMNS}
        for result in many
        for row in measurement_rows(result)
    ]


def result_frame(results: StudyResult | Iterable[StudyResult]) -> pd.DataFrame:
    """Give one row per study, side and space, as a tidy table of pandas.

    Parameters
    ----------
    results
        One result or several.

    Returns
    -------
    pandas.DataFrame
        The columns of `result_rows`.

    Raises
    ------
    MissingExtraError
        If pandas is not installed; `result_rows` needs nothing.

    Examples
    --------
    >>> result = ifspace.measure("phantom/dicom", "phantom/session.json")
    >>> table = ifspace.result_frame(result)
    >>> table.groupby("kind")["value_mm"].mean().round(1).to_dict()
    {'ifs': 20.0, 'qfs': 12.0}
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("a table", "pandas", "pandas") from error
    return pd.DataFrame(result_rows(results), columns=list(COLUMNS))


def evidence_rows(local: Path | str | None = None) -> list[dict[str, Any]]:
    """Give the published values, one row per study and space.

    Parameters
    ----------
    local
        A file of local evidence rows to add.

    Returns
    -------
    list of dict
        ``evidence_id``, ``kind``, ``citation``, ``evidence_level``, ``population``,
        ``in_default_panel``, and in mm ``cutoff_mm``, ``cases_mean_mm``, ``cases_sd_mm``,
        ``controls_mean_mm``, ``controls_sd_mm``. A figure that the source does not give is None.

    Raises
    ------
    EvidenceError
        If the local file cannot be read or breaks the schema.

    Examples
    --------
    >>> rows = ifspace.evidence_rows()
    >>> all(row["citation"] for row in rows)
    True
    """
    rows = published_rows() + (() if local is None else read_local_rows(Path(local)))
    values = [(row, row.value(kind)) for row in rows for kind in Kind]
    return [
        {
            "evidence_id": value.evidence_id,
            "kind": value.kind.value,
            "cutoff_mm": value.cutoff_mm,
            "cases_mean_mm": value.cases_mean_mm,
            "cases_sd_mm": value.cases_sd_mm,
            "controls_mean_mm": value.controls_mean_mm,
            "controls_sd_mm": value.controls_sd_mm,
            "population": value.population,
            "evidence_level": value.evidence_level,
            "citation": value.citation,
            "in_default_panel": row.in_default_panel,
        }
        for row, value in values
        if value is not None
    ]
