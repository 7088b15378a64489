"""The two levels of a BIDS app: each participant by itself, then all of them together.

Both use the batch. Each run over some participants keeps its ledger in a folder of
its own below the derivatives, or beside them where they are de-identified, so that many may run at
once into the same dataset; the group level reads those ledgers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ifspace.batch.bids.dataset import (
    DESCRIPTION,
    WORK_FOLDER,
    Dataset,
    write_dataset,
    write_group_tables,
)
from ifspace.batch.bids.names import BidsName
from ifspace.batch.bids.raw import Choice, RawDataset, find_images, read_raw
from ifspace.batch.case import Status
from ifspace.batch.ledger import (
    OTHER_IDENTITY,
    Recorded,
    ledger_path,
    open_ledger,
    scratch_ledger,
)
from ifspace.batch.merge import check_settings, take_over
from ifspace.batch.request import BatchReport, Request, Watcher
from ifspace.batch.run import run_batch
from ifspace.errors import OutputError
from ifspace.export import refuse_inside

_RUN_ALL = "run the participant level again for all participants"


def run_participants(
    request: Request, choice: Choice, watcher: Watcher, *, check: bool = True
) -> BatchReport:
    """Measure the images of some participants, or of all, and write their derivatives.

    Parameters
    ----------
    request
        How to run; `root` is the raw dataset, `out` the dataset of derivatives.
    choice
        Whom to measure.
    watcher
        Who is told how it goes on.
    check
        Whether to refuse a folder that is no raw dataset.

    Raises
    ------
    UnreadableInputError
        If the dataset or a participant cannot be found.
    OutputError
        If the derivatives cannot be written, or lie inside the raw dataset.
    """
    refuse_inside(request.out, request.root)
    raw = read_raw(request.root, check=check)
    places = find_images(request.root, choice)
    for source in (request.root, request.sessions, request.masks):
        if source is not None and request.ledger_folder is not None:
            refuse_inside(request.ledger_folder, source)
    work = _work_folder(request) / choice.name
    report = run_batch(
        replace(
            request,
            out=work,
            places=places,
            partial=choice != Choice(),
            person_of=raw.person_of,
            bids=False,
            ledger_folder=None,
        ),
        watcher,
    )
    with open_ledger(work, create=False) as ledger:
        recorded = list(ledger.recorded(ledger.meta("settings_sha256") or ""))
        pseudonymous = bool(ledger.meta("key"))
    written = write_dataset(
        recorded, work, request.out, pseudonymous=pseudonymous, raw=raw.description
    )
    return replace(report, written=written)


def _work_folders(out: Path, ledger_folder: Path | None) -> tuple[Path, Path]:
    """Give the work folder of plain derivatives, and that of de-identified ones.

    Ledgers hold the key, and names of folders are labels of participants.
    """
    out = out.absolute()
    return out / WORK_FOLDER, (ledger_folder or out.parent) / f"{out.name}.{WORK_FOLDER}"


def _work_folder(request: Request) -> Path:
    """Give the work folder of a run.

    Raises
    ------
    OutputError
        If the derivatives were made with other names, or their work folder is not there.
    """
    plain, apart = _work_folders(request.out, request.ledger_folder)
    if not request.plan.deidentify:
        if apart.is_dir() and (request.out / DESCRIPTION).is_file() and not plain.is_dir():
            raise OutputError(OTHER_IDENTITY)
        return plain
    if plain.is_dir():
        raise OutputError(OTHER_IDENTITY)
    if (request.out / DESCRIPTION).is_file() and not apart.is_dir():
        message = (
            f"the output folder holds derivatives, but {apart.name} is not beside it; name the"
            " folder that holds it with --ledger-folder, or choose another output folder"
        )
        raise OutputError(message)
    return apart


def run_group(
    root: Path,
    out: Path,
    choice: Choice,
    *,
    check: bool = True,
    ledger_folder: Path | None = None,
) -> BatchReport:
    """Make the tables and the page of all participants that were measured.

    Raises
    ------
    UnreadableInputError
        If the raw dataset cannot be read.
    OutputError
        If no participant was measured, if they were measured in different ways, or if nothing can
        be written.
    """
    refuse_inside(out, root)
    raw = read_raw(root, check=check)
    found = (path for work in _work_folders(out, ledger_folder) for path in work.glob("*"))
    parts = sorted(path for path in found if path.is_dir() and ledger_path(path).is_file())
    if not parts:
        message = "no participant was measured yet; run the participant level first"
        raise OutputError(message)
    recorded, pseudonymous = _together(parts, choice)
    dataset = Dataset(out, pseudonymous)
    persons = {} if pseudonymous else _persons(raw)
    written = write_group_tables(recorded, dataset, persons)
    counts = Counter(item.outcome.status for item in recorded)
    return BatchReport({status: counts.get(status, 0) for status in Status}, 0, 0.0, 0, written)


def _together(parts: Sequence[Path], choice: Choice) -> tuple[list[Recorded], bool]:
    """Read the ledgers of all runs as one."""
    with ExitStack() as stack:
        target = stack.enter_context(scratch_ledger())
        for part in parts:
            with open_ledger(part, create=False) as ledger:
                check_settings(ledger, target, part.name)
                take_over(ledger, target, lambda _case, _outcome: None, _RUN_ALL)
        recorded = list(target.recorded(target.meta("settings_sha256") or ""))
        pseudonymous = bool(target.meta("key"))
    return [item for item in recorded if _is_chosen(item, choice)], pseudonymous


def _is_chosen(item: Recorded, choice: Choice) -> bool:
    name = BidsName.parse(item.case.study_key.rpartition("/")[2])
    return name is not None and choice.takes(name)


def _persons(raw: RawDataset) -> dict[str, dict[str, Any]]:
    return {
        name: {"age": person.age_years, "sex": person.sex} for name, person in raw.persons.items()
    }
