"""Put the outputs of several runs, shards mostly, together into one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ifspace import __version__
from ifspace.batch.case import CaseOutcome
from ifspace.batch.ledger import Case, Ledger, open_ledger
from ifspace.batch.run import STUDIES_FOLDER, BatchReport, conclude
from ifspace.batch.shard import Shard
from ifspace.errors import OutputError

_COPIED_META = ("version", "settings", "settings_sha256")


def merge_outputs(sources: Sequence[Path], out: Path) -> BatchReport:
    """Copy the studies of several outputs into one and write its tables.

    The tables have the same bytes as those of one run over all studies.

    Raises
    ------
    OutputError
        If an output was made with other settings or by another version, or two hold different
        results of one study.
    """
    if any(source.resolve() == out.resolve() for source in sources):
        message = "the output folder is one of the folders to merge; choose a new one"
        raise OutputError(message)
    with ExitStack() as stack:
        target = stack.enter_context(open_ledger(out))
        target.set_meta("version", __version__)
        shards = []
        for source in sources:
            ledger = stack.enter_context(open_ledger(source, create=False))
            shards.append(Shard.parse(ledger.meta("shard") or "1/1"))
            _check_settings(ledger, target, source)
            _take_over(ledger, source, target, out)
        missing = _missing_shards(shards)
        target.set_meta("shard", "1/1")
        notes = [f"shard {name} is missing" for name in missing]
        return conclude(target, out, notes=notes, complete=not missing)


def _check_settings(ledger: Ledger, target: Ledger, source: Path) -> None:
    for key in _COPIED_META:
        theirs, ours = ledger.meta(key), target.meta(key)
        if theirs is None:
            message = f"{source.name} holds a batch that never began; run it again or leave it out"
            raise OutputError(message)
        if ours is None:
            target.set_meta(key, theirs)
        elif ours != theirs:
            message = (
                f"{source.name} was measured with another version or other settings than the rest;"
                " run its shard again like the others"
            )
            raise OutputError(message)


def _take_over(ledger: Ledger, source: Path, target: Ledger, out: Path) -> None:
    """Copy the cases of one output with their folders; what is there already stays."""
    settings = ledger.meta("settings_sha256") or ""
    for case in ledger.cases():
        outcome = ledger.outcome_of(case, settings, same_files=True)
        if outcome is None:
            # A case that another output has is not lost; one that none has is unfinished.
            if target.outcome_of(case, settings, same_files=False) is None:
                target.add_case(case)
            continue
        known = target.outcome_of(case, settings, same_files=False)
        if known is None:
            _copy(case, outcome, source, out)
            target.add_case(case)
            target.record(case, outcome, settings)
        elif known.input_sha256 != outcome.input_sha256:
            message = (
                f"study {case.case_id} was measured from different images or marks in two of the"
                " folders; leave one of them out"
            )
            raise OutputError(message)


def _copy(case: Case, outcome: CaseOutcome, source: Path, out: Path) -> None:
    folder = out / STUDIES_FOLDER / case.case_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in outcome.files:
            temporary = folder / f".{name}.part"
            shutil.copyfile(source / STUDIES_FOLDER / case.case_id / name, temporary)
            temporary.replace(folder / name)
    except OSError as error:
        message = (
            f"the results of study {case.case_id} cannot be copied ({error.strerror}); check"
            f" {source.name}, and the space in the output folder"
        )
        raise OutputError(message) from error


def _missing_shards(shards: Sequence[Shard]) -> list[str]:
    """Name the parts of a division that were not given."""
    counts = {shard.count for shard in shards}
    if len(counts) != 1:
        return []
    count = counts.pop()
    given = {shard.number for shard in shards}
    return [f"{number}/{count}" for number in range(1, count + 1) if number not in given]
