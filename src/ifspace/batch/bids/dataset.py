"""Write results as a dataset of BIDS derivatives: a view of a batch, made from its ledger.

What BIDS has no name for (all results here) is listed in ``.bidsignore``, so that validators pass.
Of DICOM studies that were not de-identified only files without the patient's identity are taken.
"""

from __future__ import annotations

import filecmp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ifspace.atomic import copy_file, write_file
from ifspace.batch.bids.columns import descriptions, tsv_text
from ifspace.batch.bids.names import BidsName, derived_name
from ifspace.batch.case import STUDIES_FOLDER
from ifspace.batch.cohort import Cohort
from ifspace.batch.ledger import Case, Recorded
from ifspace.batch.page import cohort_page
from ifspace.batch.tables import PAGE, failure_rows, measured_rows
from ifspace.errors import OutputError
from ifspace.notice import NOTICE
from ifspace.report.table import COLUMNS
from ifspace.tables import json_bytes
from ifspace.version import __version__

BIDS_VERSION = "1.10.0"
WORK_FOLDER = "ifspace_work"
DESCRIPTION = "dataset_description.json"

# Suffix and ending in the dataset, by the name of the file that a study's folder holds.
_SUFFIXES = {
    "result.json": ("result", ".json"),
    "session.json": ("session", ".json"),
    "report.pdf": ("report", ".pdf"),
    "key_right.png": ("keyright", ".png"),
    "key_left.png": ("keyleft", ".png"),
    "sr.dcm": ("sr", ".dcm"),
    "report.dcm": ("report", ".dcm"),
    "key_right.dcm": ("keyright", ".dcm"),
    "key_left.dcm": ("keyleft", ".dcm"),
    "presentation.dcm": ("presentation", ".dcm"),
    "slicer.mrk.json": ("markups", ".mrk.json"),
    "fhir.json": ("fhir", ".json"),
}
# These carry the patient's identity unless they were made without it.
_IDENTIFYING = frozenset(
    {"report.pdf", "sr.dcm", "report.dcm", "key_right.dcm", "key_left.dcm", "presentation.dcm"}
)
_MEASUREMENTS, _FAILURES = "measurements", "failures"
_ABOUT = {
    _MEASUREMENTS: "One row for each hip, space and reading.",
    _FAILURES: "One row for each image that failed, and for each space without a number.",
    "participants": "Participants with results.",
}
_IGNORED = (
    WORK_FOLDER,
    f"*_{_MEASUREMENTS}.*",
    *(f"*_{suffix}{ending}" for suffix, ending in _SUFFIXES.values()),
    f"{_MEASUREMENTS}.*",
    f"{_FAILURES}.*",
    PAGE,
)
_WHO = ("participant_id", "session_id", "image", "reading")
MEASUREMENT_COLUMNS = (*_WHO, *COLUMNS)
FAILURE_COLUMNS = (*_WHO, "side", "kind", "reason", "sentence")
PARTICIPANT_COLUMNS = ("participant_id", "age", "sex")

_README = f"""# Ischiofemoral and quadratus femoris space

Distances on axial MRI, measured by ifspace {__version__}.

For each image: `measurements.tsv` (one row for each hip and space, described by the JSON file
beside it), `result.json` and `session.json` (the result and its marks, as ifspace reads them
again), key images and reports. The group level adds `measurements.tsv` and `failures.tsv` of all
participants and `cohort.html`, a page to look at. A program's mark stays a proposal until a person
confirms it; column `state` says which it is.

{NOTICE}
"""


@dataclass(frozen=True)
class Dataset:
    """Where results of cases lie in a dataset of derivatives, and what they are called there."""

    folder: Path
    pseudonymous: bool

    def name(self, case: Case, suffix: str) -> BidsName:
        """Name a file of a case."""
        return replace(derived_name(case, pseudonymous=self.pseudonymous), suffix=suffix)

    def place(self, case: Case, suffix: str, ending: str) -> str:
        """Give the place of a file of a case, below the dataset."""
        name = self.name(case, suffix)
        return f"{name.folder}/{name}{ending}"

    def who(self, case: Case) -> dict[str, Any]:
        """Give the first cells of every row of a case."""
        name = self.name(case, "")
        session = name.get("ses")
        image = PurePosixPath(case.study_key).name.partition(".")[0]
        return {
            "participant_id": f"sub-{name.get('sub')}",
            "session_id": None if session is None else f"ses-{session}",
            "image": image if name.get("mod") else case.study_id,
            "reading": case.reading,
        }

    def placing(self, item: Recorded) -> tuple[str, Mapping[str, str]]:
        """Name a case on the page, and say where its files lie."""
        who = self.who(item.case)
        name = who["image"] if who["reading"] == 1 else f"{who['image']} reading {who['reading']}"
        return name, self.files(item)

    def files(self, item: Recorded) -> dict[str, str]:
        """Give the place of each file of a case that the dataset takes, by its name there."""
        # Images that are not DICOM carry nobody's identity.
        private = item.case.study_uid is not None and not self.pseudonymous
        return {
            file: self.place(item.case, *_SUFFIXES[file])
            for file in item.outcome.files
            if file in _SUFFIXES and not (private and file in _IDENTIFYING)
        }


def write_dataset(
    recorded: Sequence[Recorded],
    batch: Path,
    folder: Path,
    *,
    pseudonymous: bool,
    raw: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Write every case of a batch into a dataset of derivatives, and give its description.

    A file in the dataset that is newer than what the batch wrote stays as it is: somebody may have
    gone on working on it.

    Parameters
    ----------
    recorded
        The cases, with their outcomes.
    batch
        The output folder of the batch.
    folder
        The dataset.
    pseudonymous
        Whether names must not lead back to the images.
    raw
        The description of the dataset that the images are from.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    dataset = Dataset(folder, pseudonymous)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for item in recorded:
            _write_case(dataset, item, batch / STUDIES_FOLDER / item.case.case_id)
        put(folder / "README.md", _README)
        put(folder / ".bidsignore", "\n".join(_IGNORED) + "\n")
        write_file(folder / DESCRIPTION, json_bytes(_description(raw or {})))
    except OSError as error:
        raise OutputError(_UNWRITABLE.format(error.strerror)) from error
    return (folder / DESCRIPTION,)


_UNWRITABLE = "the derivatives cannot be written ({}); free space or choose another folder"


def _write_case(dataset: Dataset, item: Recorded, source: Path) -> None:
    if not item.outcome.files:
        return
    case = item.case
    place = dataset.folder / dataset.place(case, _MEASUREMENTS, ".tsv")
    place.parent.mkdir(parents=True, exist_ok=True)
    for file, target in dataset.files(item).items():
        _copy_if_newer(source / file, dataset.folder / target)
    put(place, tsv_text(MEASUREMENT_COLUMNS, measured_rows([item], dataset.who)))
    write_file(
        place.with_suffix(".json"),
        json_bytes(descriptions(MEASUREMENT_COLUMNS, _ABOUT[_MEASUREMENTS])),
    )


def write_group_tables(
    recorded: Sequence[Recorded], dataset: Dataset, persons: Mapping[str, Mapping[str, Any]]
) -> tuple[Path, ...]:
    """Write the tables and the page of all participants.

    Parameters
    ----------
    recorded
        The cases, with their outcomes.
    dataset
        Where they lie.
    persons
        Age and sex by participant, for images that do not say it.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    folder = dataset.folder
    recorded = sorted(
        recorded, key=lambda item: (str(dataset.name(item.case, "")), item.case.reading)
    )
    tables = {
        _MEASUREMENTS: (MEASUREMENT_COLUMNS, measured_rows(recorded, dataset.who)),
        _FAILURES: (FAILURE_COLUMNS, failure_rows(recorded, dataset.who)),
        "participants": (PARTICIPANT_COLUMNS, _participants(recorded, dataset, persons)),
    }
    written = []
    try:
        for name, (columns, rows) in tables.items():
            put(folder / f"{name}.tsv", tsv_text(columns, rows))
            write_file(folder / f"{name}.json", json_bytes(descriptions(columns, _ABOUT[name])))
            written.append(folder / f"{name}.tsv")
        put(folder / PAGE, cohort_page(Cohort.of(recorded, dataset.placing), folder))
    except OSError as error:
        raise OutputError(_UNWRITABLE.format(error.strerror)) from error
    return (*written, folder / PAGE)


def _participants(
    recorded: Sequence[Recorded], dataset: Dataset, persons: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Give one row for each participant who has a folder."""
    rows: dict[str, dict[str, Any]] = {}
    for item in recorded:
        if not item.outcome.files:
            continue
        name = dataset.who(item.case)["participant_id"]
        row = rows.setdefault(name, {"participant_id": name, **persons.get(name, {})})
        for found in item.outcome.rows:
            for key, column in (("age", "patient_age_years"), ("sex", "patient_sex")):
                if row.get(key) is None:
                    row[key] = found.get(column)
        if isinstance(row.get("age"), float) and row["age"].is_integer():
            row["age"] = int(row["age"])
    return [rows[name] for name in sorted(rows)]


def _description(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the dataset, and name the one that it was made from where that has a DOI."""
    found: dict[str, Any] = {
        "Name": "Ischiofemoral and quadratus femoris space",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "ifspace",
                "Version": __version__,
                "Description": "Distances on axial MRI from marks, label maps or proposals.",
            }
        ],
    }
    for key in ("License", "Authors"):
        if raw.get(key):
            found[key] = raw[key]
    if isinstance(raw.get("DatasetDOI"), str):
        found["SourceDatasets"] = [{"DOI": raw["DatasetDOI"]}]
    return found


def _copy_if_newer(source: Path, target: Path) -> None:
    if target.exists():
        newer_ns = source.stat().st_mtime_ns - target.stat().st_mtime_ns
        # Some disks count time in whole seconds: a result made again within one has the old time.
        if newer_ns < 0 or (newer_ns == 0 and filecmp.cmp(source, target, shallow=False)):
            return
    copy_file(source, target, keep_time=True)


def put(path: Path, text: str) -> None:
    """Write a text file; many participants do so at once."""
    write_file(path, text.encode())
