"""Measure one case of a batch with the workflow."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ifspace.batch.case import (
    BatchPlan,
    CaseOutcome,
    Failure,
    Job,
    Status,
)
from ifspace.batch.marked import Marks, load_marked, read_marks
from ifspace.batch.pseudonyms import uid_map_of
from ifspace.dicom_out import deidentified
from ifspace.errors import (
    EvidenceError,
    GeometryError,
    IfspaceError,
    OutputError,
    SeriesChoiceError,
    SessionError,
    UnreadableInputError,
)
from ifspace.export import export, formats_for
from ifspace.io.inventory import Inventory, take_inventory
from ifspace.io.labels import read_label_map
from ifspace.io.source import FoundFile, Listing, listed
from ifspace.labels import LabelMap, parse_labels
from ifspace.model import Severity, StudyResult
from ifspace.report.table import measurement_rows
from ifspace.workflow import is_marked, measure_or_propose

_READ_AT_ONCE = 1 << 20

# The first that fits names the reason.
_REASONS: tuple[tuple[type[IfspaceError], Failure], ...] = (
    (SeriesChoiceError, Failure.NO_SUITABLE_SERIES),
    (SessionError, Failure.SESSION_REFUSED),
    (GeometryError, Failure.GEOMETRY_UNTRUSTED),
    (UnreadableInputError, Failure.UNREADABLE_INPUT),
    (EvidenceError, Failure.EVIDENCE_UNUSABLE),
    (OutputError, Failure.OUTPUT_FAILED),
)


def measure_case(job: Job) -> CaseOutcome:
    """Measure one case and write its folder; whatever goes wrong becomes a row with a reason."""
    input_sha256 = ""
    try:
        with _files(job) as listing:
            input_sha256 = _input_sha256(listing, job)
            if input_sha256 == job.known_input_sha256:
                return CaseOutcome(
                    job.case_id, Status.MEASURED, input_sha256=input_sha256, unchanged=True
                )
            outcome = _measure(job, listing)
    except MemoryError:
        outcome = CaseOutcome.failed(job.case_id, Failure.OUT_OF_MEMORY, OUT_OF_MEMORY)
    except IfspaceError as error:
        outcome = CaseOutcome.failed(job.case_id, _reason(error), str(error))
    except Exception as error:  # noqa: BLE001 - one study never ends the run
        sentence = (
            f"an unforeseen {type(error).__name__} stopped this study; measure it alone with"
            " --debug to see where"
        )
        outcome = CaseOutcome.failed(job.case_id, Failure.UNFORESEEN, sentence)
    return replace(outcome, input_sha256=input_sha256)


OUT_OF_MEMORY = (
    "the study needs more memory than one worker may use; start again with a larger --memory-gb"
    " and --retry"
)
DIFFERING_COPIES = (
    "the study lies here twice with different content under the same image UIDs; keep one of the"
    " two"
)


def _measure(job: Job, listing: Listing) -> CaseOutcome:
    try:
        marks = read_marks(job)
    except SessionError as error:
        return CaseOutcome.failed(job.case_id, Failure.SESSION_INVALID, str(error))
    inventory = take_inventory(listing)
    if _differing_copies(inventory):
        return CaseOutcome.failed(job.case_id, Failure.DUPLICATE_STUDY, DIFFERING_COPIES)
    return _assess(job, inventory, marks)


def _assess(job: Job, inventory: Inventory, marks: Marks) -> CaseOutcome:
    plan = job.plan
    labels = None if job.mask is None else _label_map(Path(job.mask), plan)
    study, session = load_marked(inventory, marks, job.person)
    result = measure_or_propose(study, session, plan.settings, labels)
    out = Path(job.out)
    _sweep(out)
    uid_map = uid_map_of(plan.key) if plan.deidentify else None
    with _dated(plan):
        written = export(
            study,
            result,
            out,
            formats=formats_for(
                plan.formats, marked=bool(result.measurements) or is_marked(session, labels)
            ),
            overwrite=True,
            deidentify=plan.deidentify,
            uid_map=uid_map,
        )
    if uid_map is not None:
        result = deidentified(result, uid_map)
    return CaseOutcome(
        job.case_id,
        _status(result),
        rows=tuple(measurement_rows(result)),
        flags=(
            *_copies(inventory),
            *(
                {"code": flag.code, "severity": flag.severity.value, "detail": flag.detail}
                for flag in result.flags
            ),
        ),
        files=tuple(path.name for path in written),
    )


def _label_map(path: Path, plan: BatchPlan) -> LabelMap:
    names = None if plan.labels is None else parse_labels(plan.labels)
    try:
        return read_label_map(path, names, plan.label_preset)
    except IfspaceError as error:
        # A file name may hold a patient's, and this sentence goes into a table.
        raise type(error)(str(error).replace(path.name, "the label map")) from error


def _copies(inventory: Inventory) -> Iterator[dict[str, str]]:
    """Say that files of the study were left out because they are copies to the last byte."""
    count = sum(item.reason.startswith("the same image as") for item in inventory.skipped)
    if count:
        detail = f"{count} files are copies of others of this study; each image was used once."
        yield {"code": "copies_left_out", "severity": Severity.INFO.value, "detail": detail}


def _status(result: StudyResult) -> Status:
    if not result.measurements:
        return Status.NOT_MEASURED
    complete = len(result.measurements) == len(result.spaces)
    return Status.MEASURED if complete else Status.PARTLY


def _reason(error: IfspaceError) -> Failure:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return Failure.UNFORESEEN


@contextmanager
def _files(job: Job) -> Iterator[Listing]:
    """List the files of the job alone; an archive is unpacked as long as the context lives."""
    found: list[FoundFile] = []
    with ExitStack() as unpacked:
        for part in job.parts:
            base = Path(part.base)
            if part.archive:
                wanted = set(part.members)
                listing = unpacked.enter_context(listed(base))
                found += (file for file in listing.found if file.name in wanted)
            else:
                found += (FoundFile(base / name, name) for name in part.members)
        yield Listing(tuple(found), ())


def _input_sha256(listing: Listing, job: Job) -> str:
    """Hash images, marks and label map by content: a study that was only moved stays the same."""
    digests = sorted(_digest(file.path) for file in listing.found)
    more = ["" if name is None else _digest(Path(name)) for name in (job.session, job.mask)]
    if job.person is not None:
        more.append(f"{job.person.age_years} {job.person.sex}")
    return hashlib.sha256("\n".join([*digests, *more]).encode()).hexdigest()


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_AT_ONCE):
                digest.update(block)
    except OSError as error:
        message = f"a file of the study cannot be read ({error.strerror}); check its permissions"
        raise UnreadableInputError(message) from error
    return digest.hexdigest()


def _differing_copies(inventory: Inventory) -> bool:
    """Tell whether two folders hold different images under the same UIDs.

    Copies that are the same to the last byte were left out already.
    """
    places: Counter[tuple[str, int | None]] = Counter()
    folders: dict[tuple[str, int | None], set[Path]] = {}
    for item in inventory.ranked:
        for source in item.series.sources:
            if source.sop_instance_uid:
                key = (source.sop_instance_uid, source.frame_number)
                places[key] += 1
                folders.setdefault(key, set()).add(source.path.parent)
    return any(count > 1 and len(folders[key]) > 1 for key, count in places.items())


def _sweep(out: Path) -> None:
    """Remove temporary folders that a killed worker left."""
    for leftover in out.glob(".ifspace-*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


@contextmanager
def _dated(plan: BatchPlan) -> Iterator[None]:
    """Use the SOURCE_DATE_EPOCH of the process that started the batch."""
    name = "SOURCE_DATE_EPOCH"
    before = os.environ.pop(name, None)
    if plan.source_date_epoch is not None:
        os.environ[name] = plan.source_date_epoch
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
