"""Many studies, and several readers."""

from __future__ import annotations

from pathlib import Path

from ifspace import batch
from ifspace.agreement import AgreementStudy, readings_from_table, study_agreement
from ifspace.batch.case import DEFAULT_FORMATS
from ifspace.tables import read_table


class _Silent:
    """Tells nobody how the run goes on."""

    def started(self, pending: object) -> None:
        """Do nothing."""

    def finished(self, case: object, outcome: object) -> None:
        """Do nothing."""


def run_batch(
    root: Path | str,
    out: Path | str,
    *,
    sessions: Path | str | None = None,
    masks: Path | str | None = None,
    label_preset: str | None = None,
    formats: tuple[str, ...] = DEFAULT_FORMATS,
    jobs: int = 1,
    overwrite: bool = False,
) -> batch.BatchReport:
    """Measure every study under a folder; call it again to go on where a run ended.

    Parameters
    ----------
    root
        A folder with any number of studies. It is read only.
    out
        The folder for results and tables; ``measurements.csv`` has a row per study, side and
        space.
    sessions
        A folder of sessions, instead of those beside the images.
    masks, label_preset
        A folder of label maps, and the network that made them.
    formats
        The files of each study.
    jobs
        Studies at the same time, each in a process of its own.
    overwrite
        Measure everything again.

    Returns
    -------
    BatchReport
        ``counts`` of studies by how they ended, ``written`` tables and ``notes``.

    Raises
    ------
    UnreadableInputError
        If the folder cannot be read.
    OutputError
        If the results cannot be written.

    Examples
    --------
    >>> report = ifspace.run_batch("phantom", "cohort", formats=("json",))
    >>> report.total, report.complete
    (1, True)
    """
    request = batch.Request(
        root=Path(root),
        out=Path(out),
        plan=batch.BatchPlan(formats=formats, label_preset=label_preset),
        sessions=None if sessions is None else Path(sessions),
        masks=None if masks is None else Path(masks),
        jobs=jobs,
        overwrite=overwrite,
    )
    return batch.run_batch(request, _Silent())


def reader_agreement(readings: Path | str) -> AgreementStudy:
    """Compute how well readers agree with each other and with themselves.

    Parameters
    ----------
    readings
        A CSV file with one row per reading and the columns ``case``, ``side``, ``kind``,
        ``reader`` and ``value_mm``; ``reading`` tells repeated readings apart.

    Returns
    -------
    AgreementStudy
        ``spaces``: for each space the intraclass correlation, the standard error of measurement
        and the limits of agreement in mm, with 95 % intervals, or the reason why one is missing.

    Raises
    ------
    UnreadableInputError
        If the table cannot be read or lacks a column.

    Examples
    --------
    >>> import csv
    >>> values_mm = [("1", 20.1, 20.6), ("2", 15.2, 14.8), ("3", 24.0, 24.9), ("4", 18.0, 17.5)]
    >>> with open("readings.csv", "w", newline="") as file:
    ...     table = csv.writer(file)
    ...     _ = table.writerow(["case", "side", "kind", "reader", "value_mm"])
    ...     for case, first_mm, second_mm in values_mm:
    ...         _ = table.writerow([case, "left", "ifs", "A", first_mm])
    ...         _ = table.writerow([case, "left", "ifs", "B", second_mm])
    >>> study = ifspace.reader_agreement("readings.csv")
    >>> [(space.kind.value, space.readers) for space in study.spaces]
    [('ifs', ('A', 'B'))]
    """
    return study_agreement(readings_from_table(read_table(Path(readings))))
