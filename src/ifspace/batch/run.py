"""Run a batch: find studies, measure them in workers, record outcomes, write tables.

A study that fails becomes a row.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path

from ifspace.batch.bids.dataset import write_dataset
from ifspace.batch.case import (
    STUDIES_FOLDER,
    TRIED_AGAIN,
    TRIED_AGAIN_ON_DEMAND,
    CaseOutcome,
    Failure,
    Job,
    Part,
    Status,
)
from ifspace.batch.discover import base_of, look_through, plan_cases
from ifspace.batch.ledger import OTHER_IDENTITY, Case, Ledger, open_ledger
from ifspace.batch.masks import find_masks
from ifspace.batch.places import name_of
from ifspace.batch.pool import Pool, open_pool
from ifspace.batch.pseudonyms import Names, fingerprint_of, new_key
from ifspace.batch.request import BatchReport, PendingCounts, Request, Watcher
from ifspace.batch.sessions import FoundSession, Sessions, find_sessions, look_at
from ifspace.batch.tables import write_tables
from ifspace.errors import NetworkError, OutputError
from ifspace.export import refuse_inside
from ifspace.version import __version__

# The dataset of BIDS derivatives below the output folder of a batch.
BIDS_FOLDER = "bids"
# A job may be lost with its scheduler or its machine this often before it counts as failed.
_MOST_LOSSES = 3
_TICK_SECONDS = 0.5
# A connection that is lost for a moment comes back by itself within this.
_SECONDS_UNTIL_AWAY = 3.0
AWAY = "the scheduler went away and did not come back; start the run again to go on where it ended"


def run_batch(request: Request, watcher: Watcher) -> BatchReport:
    """Measure every study under a folder that is not measured yet, and write the tables.

    Raises
    ------
    UnreadableInputError
        If the folder of studies, or that of sessions, cannot be read.
    OutputError
        If the output folder cannot be used, or lies inside the input.
    NetworkError
        If the scheduler cannot be reached at the start.
    """
    for source in (request.root, request.sessions, request.masks):
        for written in (request.out, request.ledger_folder):
            if source is not None and written is not None:
                refuse_inside(written, source)
    private = request.plan.deidentify
    with open_ledger(request.out, request.ledger_folder, private=private) as ledger:
        request = _with_key(request, ledger)
        look_through(ledger, request.root, request.places, leave_out=request.out)
        strays = _plan(ledger, request)
        run = _Run(ledger, request, watcher)
        complete = run.measure_all()
        notes = list(run.notes)
        if strays:
            notes.append(
                f"{strays} of the sessions name no study that was found; they were not used"
            )
        return conclude(
            ledger,
            request.out,
            run=(len(run.seconds), sum(run.seconds), run.peak_bytes),
            notes=notes,
            complete=complete,
        )


def conclude(
    ledger: Ledger,
    out: Path,
    *,
    run: tuple[int, float, int] = (0, 0.0, 0),
    notes: list[str],
    complete: bool = True,
) -> BatchReport:
    """Write the tables from the ledger and count how the cases ended."""
    written, more = write_tables(ledger, out)
    settings = ledger.meta("settings_sha256") or ""
    if ledger.meta("bids"):
        recorded = list(ledger.recorded(settings))
        pseudonymous = bool(ledger.meta("key"))
        made = write_dataset(recorded, out, out / BIDS_FOLDER, pseudonymous=pseudonymous)
        written = (*written, *made)
    counts = Counter(item.outcome.status for item in ledger.recorded(settings))
    number, seconds, peak_bytes = run
    return BatchReport(
        {status: counts.get(status, 0) for status in Status},
        number,
        seconds,
        peak_bytes,
        written,
        (*notes, *more),
        complete,
    )


def _with_key(request: Request, ledger: Ledger) -> Request:
    """Give a run its secret: the one it was asked to use, that of the folder, or a new one.

    Raises
    ------
    OutputError
        If the folder holds results under other names than this run would give.
    """
    plan = request.plan
    key = (plan.key or ledger.meta("key") or new_key()) if plan.deidentify else ""
    if ledger.meta("version") is not None and fingerprint_of(key) != fingerprint_of(
        ledger.meta("key") or ""
    ):
        raise OutputError(OTHER_IDENTITY)
    ledger.set_meta("key", key)
    return replace(request, plan=replace(plan, key=key))


def _plan(ledger: Ledger, request: Request) -> int:
    """Note cases and settings; give the number of sessions that belong to nothing."""
    found = _sessions(ledger, request)
    sessions = Sessions(found, beside=request.sessions is None)
    masks = None if request.masks is None else find_masks(request.masks, leave_out=request.out)
    names = Names(request.plan.key)
    ledger.replace_cases(
        plan_cases(ledger, sessions, masks, request.shard, names=names, person_of=request.person_of)
    )
    ledger.set_meta("version", __version__)
    ledger.set_meta("settings", json.dumps(request.plan.as_json()))
    ledger.set_meta("settings_sha256", request.plan.sha256)
    ledger.set_meta("shard", str(request.shard))
    ledger.set_meta("bids", "yes" if request.bids else "")
    known = {f"uid:{session.study_uid}" for session in found if session.study_uid}
    strays = len(known - set(ledger.study_keys()))
    if request.sessions is not None and not request.partial:
        strays += sessions.named_otherwise(ledger.files_of_kind("volume"))
    return strays


def _sessions(ledger: Ledger, request: Request) -> list[FoundSession]:
    if request.sessions is not None:
        return find_sessions(request.sessions, leave_out=request.out)
    base = base_of(request.root)
    return [look_at(base / name_of(row.place), base) for row in ledger.files_of_kind("session")]


def _succeeded(future: Future[str]) -> bool:
    return not future.cancelled() and future.exception() is None


class _Run:
    """One pass over the cases that are not done."""

    def __init__(self, ledger: Ledger, request: Request, watcher: Watcher) -> None:
        self._ledger = ledger
        self._request = request
        self._watcher = watcher
        self._plan = request.plan
        self._settings = request.plan.sha256
        self._losses: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.peak_bytes = 0
        self.notes: list[str] = []

    def measure_all(self) -> bool:
        """Measure what is not done; False if the cluster went away before the end."""
        todo = deque[Case]()
        studies = set[str]()
        cases = unusable = 0
        for case in self._ledger.cases():
            studies.add(case.study_id)
            cases += 1
            if case.reason:
                unusable += 1
                self._refuse(case)
            elif not self._is_done(case):
                todo.append(case)
        done = cases - unusable - len(todo)
        self._watcher.started(PendingCounts(len(studies), cases, done, unusable))
        if not todo:
            return True
        request, connected = self._request, False
        while todo:
            try:
                with open_pool(
                    request.jobs, request.scheduler, request.limits, request.patience_seconds
                ) as pool:
                    connected = True
                    self._work(pool, todo)
            except NetworkError:
                if not connected:
                    raise
                self.notes.append(AWAY)
                return False
        return True

    def _refuse(self, case: Case) -> None:
        """Note a case that cannot be measured as it was found."""
        outcome = CaseOutcome.failed(case.case_id, Failure(case.reason), case.sentence)
        self._record(case, outcome)

    def _is_done(self, case: Case) -> bool:
        if self._request.overwrite:
            return False
        outcome = self._ledger.outcome_of(case, self._settings, same_files=True)
        return outcome is not None and self._stands(case, outcome)

    def _stands(self, case: Case, outcome: CaseOutcome) -> bool:
        """Tell whether an earlier outcome can be kept: not to be tried again, files still there."""
        again = TRIED_AGAIN | (TRIED_AGAIN_ON_DEMAND if self._request.retry else frozenset())
        folder = self._folder(case)
        return outcome.reason not in again and all(
            (folder / name).is_file() for name in outcome.files
        )

    def _work(self, pool: Pool, todo: deque[Case]) -> None:
        """Keep all workers busy, with few jobs waiting, until none is left or reachable."""
        running: dict[Future[str], Case] = {}
        away_since: float | None = None
        while todo or running:
            if pool.reachable:
                away_since = None
                while todo and len(running) < 2 * pool.width:
                    case = todo.popleft()
                    running[pool.submit(self._job(case))] = case
            else:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > _SECONDS_UNTIL_AWAY:
                    # Submitted jobs were lost with the scheduler; they are submitted again.
                    todo.extend(running.values())
                    return
            self._collect(running, todo, pool)

    def _collect(self, running: dict[Future[str], Case], todo: deque[Case], pool: Pool) -> None:
        if not running:
            time.sleep(_TICK_SECONDS)
            return
        if not pool.reachable:
            time.sleep(_TICK_SECONDS)
        finished, _ = wait(running, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
        for future in finished:
            if not pool.reachable and not _succeeded(future):
                continue
            case = running.pop(future)
            try:
                outcome = CaseOutcome.from_text(future.result())
            except pool.losses as error:
                self._lost(case, todo, type(error).__name__)
            else:
                self._finish(case, outcome)

    def _lost(self, case: Case, todo: deque[Case], how: str) -> None:
        """Submit a job again that was lost with its machine, a few times at most."""
        self._losses[case.case_id] += 1
        if self._losses[case.case_id] < _MOST_LOSSES:
            todo.append(case)
            return
        sentence = (
            f"the machines that measured the study went away {_MOST_LOSSES} times ({how}); measure"
            " it alone, or start again with --retry"
        )
        self._finish(case, CaseOutcome.failed(case.case_id, Failure.WORKER_DIED, sentence))

    def _finish(self, case: Case, outcome: CaseOutcome) -> None:
        if outcome.unchanged:
            self._ledger.confirm(case)
            known = self._ledger.outcome_of(case, self._settings, same_files=True)
            outcome = known or outcome
        else:
            self.seconds.append(outcome.seconds)
            self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes)
            self._record(case, outcome)
        self._watcher.finished(case, outcome)

    def _record(self, case: Case, outcome: CaseOutcome) -> None:
        self._ledger.record(case, outcome, self._settings)

    def _folder(self, case: Case) -> Path:
        return self._request.out / STUDIES_FOLDER / case.case_id

    def _job(self, case: Case) -> Job:
        known = self._known(case)
        return Job(
            case_id=case.case_id,
            parts=self._parts(case),
            session=self._session(case),
            mask=self._mask(case),
            out=str(self._folder(case).absolute()),
            plan=self._plan,
            known_input_sha256=known.input_sha256 if known is not None else None,
            person=self._request.person_of(case.study_key),
        )

    def _parts(self, case: Case) -> tuple[Part, ...]:
        """Give the files of a case: the loose ones, and those of each archive."""
        base = base_of(self._request.root).absolute()
        loose: list[str] = []
        packed: dict[str, list[str]] = {}
        for file in self._ledger.files_of(case.study_key):
            if file.member:
                packed.setdefault(file.place, []).append(file.member)
            else:
                loose.append(name_of(file.place))
        parts = [Part(str(base), tuple(loose))] if loose else []
        parts += [
            Part(str(base / name_of(place)), tuple(members), archive=True)
            for place, members in packed.items()
        ]
        return tuple(parts)

    def _session(self, case: Case) -> str | None:
        if case.session is None:
            return None
        base = self._request.sessions or base_of(self._request.root)
        return str(base.absolute() / name_of(case.session))

    def _mask(self, case: Case) -> str | None:
        if case.mask is None or self._request.masks is None:
            return None
        return str(self._request.masks.absolute() / name_of(case.mask))

    def _known(self, case: Case) -> CaseOutcome | None:
        """Give an outcome that holds if the files, whose times differ, are still the same."""
        if self._request.overwrite:
            return None
        outcome = self._ledger.outcome_of(case, self._settings, same_files=False)
        if outcome is None or not outcome.input_sha256 or not self._stands(case, outcome):
            return None
        return outcome
