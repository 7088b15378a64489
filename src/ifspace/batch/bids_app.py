"""The two levels of a BIDS app: each participant by itself, then all of them together.

Both use the batch. Each run over some participants keeps its ledger in a folder of
its own below the derivatives, so that many may run at once into the same dataset; the group level
reads those ledgers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ifspace.batch.bids.dataset import (
    WORK_FOLDER,
    Dataset,
    write_dataset,
    write_group_tables,
)
from ifspace.batch.bids.names import BidsName
from ifspace.batch.bids.raw import Choice, RawDataset, find_images, read_raw
from ifspace.batch.case import Status
from ifspace.batch.ledger import LEDGER_NAME, Recorded, open_ledger, scratch_ledger
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
    work = request.out / WORK_FOLDER / choice.name
    report = run_batch(
        replace(
            request,
            out=work,
            places=places,
            partial=choice != Choice(),
            person_of=raw.person_of,
            bids=False,
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


def run_group(root: Path, out: Path, choice: Choice, *, check: bool = True) -> BatchReport:
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
    parts = sorted(path.parent for path in out.glob(f"{WORK_FOLDER}/*/{LEDGER_NAME}"))
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
