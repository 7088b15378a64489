"""Put the outputs of several runs, shards mostly, together into one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ifspace.atomic import copy_file
from ifspace.batch.case import STUDIES_FOLDER, CaseOutcome
from ifspace.batch.ledger import Case, Ledger, open_ledger
from ifspace.batch.request import BatchReport
from ifspace.batch.run import conclude
from ifspace.batch.shard import Shard
from ifspace.errors import OutputError
from ifspace.version import __version__

_COPIED_META = ("version", "settings", "settings_sha256")
# Optional files of an output, copied where they exist.
_HANDED_ON = ("key", "bids")
_SHARDS_APART = ","
LEAVE_OUT = "leave one of them out"


def merge_outputs(
    sources: Sequence[Path], out: Path, ledger_folder: Path | None = None
) -> BatchReport:
    """Copy the studies of several outputs into one and write its tables.

    The tables have the same bytes as those of one run over all studies.

    Parameters
    ----------
    sources, out
        The outputs, and a new folder for all of them.
    ledger_folder
        Where the ledgers of de-identified outputs lie; each beside its output if absent.

    Raises
    ------
    OutputError
        If an output was made with other settings or by another version, or two hold different
        results of one study.
    """
    if any(source.resolve() == out.resolve() for source in sources):
        message = "the output folder is one of the folders to merge; choose a new one"
        raise OutputError(message)
    if len({source.resolve() for source in sources}) < len(sources):
        message = "a folder to merge is given twice; name each once"
        raise OutputError(message)
    with ExitStack() as stack:
        ledgers = [
            stack.enter_context(open_ledger(source, ledger_folder, create=False))
            for source in sources
        ]
        private = any(ledger.meta("key") for ledger in ledgers)
        target = stack.enter_context(open_ledger(out, ledger_folder, private=private))
        target.set_meta("version", __version__)
        shards = _shards_of(target) if target.meta("shard") else set()
        for source, ledger in zip(sources, ledgers, strict=True):
            shards |= _shards_of(ledger)
            check_settings(ledger, target, source.name)
            take_over(ledger, target, _Copier(source, out))
        notes = _missing_shards(shards)
        # What is merged again must know what it lacks.
        target.set_meta("shard", _SHARDS_APART.join(sorted(map(str, shards))) if notes else "1/1")
        return conclude(target, out, notes=notes, complete=not notes)


def check_settings(ledger: Ledger, target: Ledger, name: str) -> None:
    """Note how a part was measured, or check that it was measured like those before it.

    Raises
    ------
    OutputError
        If it was not, or if its batch never began.
    """
    for key in _HANDED_ON:
        target.set_meta(key, ledger.meta(key) or "")
    for key in _COPIED_META:
        theirs, ours = ledger.meta(key), target.meta(key)
        if theirs is None:
            message = f"{name} holds a batch that never began; run it again or leave it out"
            raise OutputError(message)
        if ours is None:
            target.set_meta(key, theirs)
        elif ours != theirs:
            message = (
                f"{name} was measured with another version or other settings than the rest; run it"
                " again like the others"
            )
            raise OutputError(message)


def take_over(
    ledger: Ledger,
    target: Ledger,
    copy: Callable[[Case, CaseOutcome], None],
    advice: str = LEAVE_OUT,
) -> None:
    """Take the cases of one ledger into another; what is there already stays.

    Parameters
    ----------
    ledger, target
        From where, and to where.
    copy
        Called for each case before it is noted, to bring its files.
    advice
        What to do about a study that was measured from two different inputs.

    Raises
    ------
    OutputError
        If there is such a study.
    """
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
            copy(case, outcome)
            target.add_case(case)
            target.record(case, outcome, settings)
        elif known.input_sha256 != outcome.input_sha256:
            message = (
                f"study {case.case_id} was measured from different images or marks in two of the"
                f" folders; {advice}"
            )
            raise OutputError(message)


@dataclass(frozen=True)
class _Copier:
    """Copies the files of cases from one output folder to another."""

    source: Path
    out: Path

    def __call__(self, case: Case, outcome: CaseOutcome) -> None:
        folder = self.out / STUDIES_FOLDER / case.case_id
        try:
            for name in outcome.files:
                copy_file(self.source / STUDIES_FOLDER / case.case_id / name, folder / name)
        except OSError as error:
            message = (
                f"the results of study {case.case_id} cannot be copied ({error.strerror}); check"
                f" {self.source.name}, and the space in the output folder"
            )
            raise OutputError(message) from error


def _shards_of(ledger: Ledger) -> set[Shard]:
    """Give the parts that an output holds: one of a run, all that came together of a merge."""
    return {Shard.parse(text) for text in (ledger.meta("shard") or "1/1").split(_SHARDS_APART)}


def _missing_shards(shards: Collection[Shard]) -> list[str]:
    """Name the parts of a division that were not given; nothing where one division is whole."""
    missing = [
        [number for number in range(1, count + 1) if Shard(number, count) not in shards]
        for count in sorted({shard.count for shard in shards})
    ]
    if not all(missing):
        return []
    if len(missing) > 1:
        return ["the parts are of different divisions, none of them whole: studies may be missing"]
    count = next(iter(shards)).count
    return [f"shard {number}/{count} is missing" for number in missing[0]]
