"""The tables of a cohort, made from the ledger: the same ledger gives the same bytes.

No time, no path and no name of a patient is in them, and their order is that of the case names.
What a run took is in ``timings.csv``, the only file here that differs from run to run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ifspace.atomic import output_errors, whole_file, write_file
from ifspace.batch.case import STUDIES_FOLDER, CaseOutcome, Status
from ifspace.batch.cohort import Cohort
from ifspace.batch.ledger import Case, Ledger, Recorded, loads
from ifspace.batch.page import cohort_page
from ifspace.report.manifest import LIBRARIES
from ifspace.report.table import COLUMNS, table_text
from ifspace.version import __version__

MANIFEST_SCHEMA = "ifspace-batch/1"
MEASUREMENTS, PARQUET, FAILURES = "measurements.csv", "measurements.parquet", "failures.csv"
PAGE, MANIFEST, TIMINGS = "cohort.html", "manifest.json", "timings.csv"

TABLE_COLUMNS = ("study", "reading", *COLUMNS)
FAILURE_COLUMNS = (
    "study",
    "study_instance_uid",
    "reading",
    "side",
    "kind",
    "reason",
    "sentence",
)
TIMING_COLUMNS = ("study", "reading", "seconds", "worker_peak_mb")

_WHOLE_NUMBERS = frozenset({"reading", "slice_index", "readings"})
_TRUTHS = frozenset({"minimum_at_range_end", "final"})
_NUMBER_ENDINGS = ("_mm", "_years")
_ROWS_PER_GROUP = 10_000
_MEGABYTE = 2**20

NO_PARQUET = (
    "measurements.parquet was not written: pyarrow is not installed; install it with:"
    " pip install 'ifspace[cluster]'"
)


# The first cells of every row of a case: what it is called in a table.
Naming = Callable[[Case], Mapping[str, Any]]


def write_tables(ledger: Ledger, out: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write every table of a cohort, and give the files and what could not be written.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    settings = ledger.meta("settings_sha256") or ""
    recorded = list(ledger.recorded(settings))
    notes = []
    with output_errors("the tables"):
        rows = list(measured_rows(recorded, _study))
        write_file(out / MEASUREMENTS, table_text(TABLE_COLUMNS, rows).encode())
        write_file(
            out / FAILURES, table_text(FAILURE_COLUMNS, failure_rows(recorded, _study)).encode()
        )
        write_file(out / TIMINGS, table_text(TIMING_COLUMNS, _timing_rows(recorded)).encode())
        made = [MEASUREMENTS, FAILURES, PAGE]
        if importlib.util.find_spec("pyarrow") is None:
            notes.append(NO_PARQUET)
        else:
            _write_parquet(out / PARQUET, rows)
            made.insert(1, PARQUET)
        write_file(out / PAGE, cohort_page(Cohort.of(recorded), out).encode())
        manifest = _manifest(recorded, loads(ledger.meta("settings")), out, made)
        write_file(out / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return tuple(out / name for name in (*made, MANIFEST, TIMINGS)), tuple(notes)


# --------------------------------------------------------------------------------------- rows


def measured_rows(recorded: Sequence[Recorded], named: Naming) -> Iterator[dict[str, Any]]:
    """Give one row for each hip, space and reading."""
    for item in recorded:
        for row in item.outcome.rows:
            yield {**named(item.case), **row}


def failure_rows(recorded: Sequence[Recorded], named: Naming) -> Iterator[dict[str, Any]]:
    """Give one row for each study that failed, and for each space without a number."""
    for item in recorded:
        shared = named(item.case)
        if item.outcome.status is Status.FAILED:
            yield {**shared, "reason": item.outcome.reason, "sentence": item.outcome.sentence}
        for row in item.outcome.rows:
            if row["status"] != "measured":
                why = {"reason": row["reason"], "sentence": row["detail"]}
                yield {**shared, "side": row["side"], "kind": row["kind"], **why}


def _study(case: Case) -> dict[str, Any]:
    return {
        "study": case.study_id,
        "study_instance_uid": case.study_uid,
        "reading": case.reading,
    }


def _timing_rows(recorded: Sequence[Recorded]) -> Iterator[dict[str, Any]]:
    for item in recorded:
        yield {
            "study": item.case.study_id,
            "reading": item.case.reading,
            "seconds": round(item.outcome.seconds, 3),
            "worker_peak_mb": round(item.outcome.peak_bytes / _MEGABYTE),
        }


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table with types: numbers unrounded, what is missing null."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, _type_of(name, pa)) for name in TABLE_COLUMNS])
    with (
        whole_file(path) as file,
        parquet.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for start in range(0, max(len(rows), 1), _ROWS_PER_GROUP):
            part = rows[start : start + _ROWS_PER_GROUP]
            plain = [{name: row.get(name) for name in TABLE_COLUMNS} for row in part]
            writer.write_table(pa.Table.from_pylist(plain, schema=schema))


def _type_of(name: str, pa: Any) -> Any:
    if name in _WHOLE_NUMBERS:
        return pa.int64()
    if name in _TRUTHS:
        return pa.bool_()
    return pa.float64() if name.endswith(_NUMBER_ENDINGS) else pa.string()


# ----------------------------------------------------------------------------------- manifest


def _manifest(
    recorded: Sequence[Recorded], settings: Any, out: Path, made: Sequence[str]
) -> dict[str, Any]:
    """List versions, settings, inputs by hash, how each case ended, and the tables by hash."""
    counts = Counter(item.outcome.status for item in recorded)
    return {
        "schema": MANIFEST_SCHEMA,
        "software": {"name": "ifspace", "version": __version__},
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "settings": settings,
        "counts": {status.value: counts.get(status, 0) for status in Status},
        "cases": [_case_entry(item.case, item.outcome) for item in recorded],
        "outputs": [{"name": name, "sha256": _sha256(out / name)} for name in made],
    }


def _case_entry(case: Case, outcome: CaseOutcome) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "study": case.study_id,
        "study_instance_uid": case.study_uid,
        "reading": case.reading,
        "status": outcome.status.value,
        "input_sha256": outcome.input_sha256,
    }
    if outcome.files:
        entry["folder"] = f"{STUDIES_FOLDER}/{case.case_id}"
    return entry


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
