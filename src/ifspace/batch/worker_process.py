"""A workbench: one process of its own per place, so that a study can only break its own.

The function :func:`measure_isolated` is what every executor of :mod:`concurrent.futures` runs, a
pool of threads on this machine as well as a cluster: the thread waits, a process measures. A pool
of processes alone would break as a whole when one of them dies, could not end a study that hangs
in a library, and would not say which of the running studies was at fault.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass

from ifspace.batch.case import CaseOutcome, Failure, Job, Limits
from ifspace.errors import IfspaceError
from ifspace.version import __version__

_log = logging.getLogger(__name__)

# One thread per process: places are filled with studies, and eight threads each on two
# processors only take the processor away from one another.
_THREAD_COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
# A process that somebody else killed took an innocent study with it; one that dies twice over
# the same study did not die by chance.
_ATTEMPTS = 2
# A fresh process now and then keeps the memory of libraries that never give it back in bounds.
_STUDIES_PER_PROCESS = 200
# Reached only by what never starts: a busy machine, or a slow shared disk, takes its time.
_SECONDS_TO_START = 600.0
STOPPED = "the run was stopped; start it again to go on where it ended"


class WorkerStartError(IfspaceError):
    """No process that measures can be started here."""


@dataclass(frozen=True)
class _Ended:
    """How a process ended: its exit code (negative: the signal), and whether time ran out."""

    code: int
    by_time_limit: bool = False


class WorkerProcess:
    """Owns one measuring process and starts another when that one is gone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[str] | None = None
        self._done = 0
        self._closed = False
        _BENCHES.add(self)

    def measure(self, job: Job) -> CaseOutcome:
        """Measure one case; a process that dies or takes too long becomes an outcome.

        Raises
        ------
        WorkerStartError
            If no process can be started at all.
        """
        ended = _Ended(0)
        for _ in range(_ATTEMPTS):
            if self._closed:
                raise WorkerStartError(STOPPED)
            started = time.monotonic()
            answer = self._ask(job.to_text())
            if isinstance(answer, str):
                self._count()
                return CaseOutcome.from_text(answer)
            ended, seconds = answer, time.monotonic() - started
            if ended.by_time_limit:
                return _too_long(job, self._limits).timed(seconds, 0)
        if self._closed:
            raise WorkerStartError(STOPPED)
        return _died(job, ended).timed(seconds, 0)

    def close(self) -> None:
        """End the process, whatever it is doing; what it wrote so far has temporary names."""
        self._closed = True
        self._end_process()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _reap(process)

    def _count(self) -> None:
        self._done += 1
        if self._done % _STUDIES_PER_PROCESS == 0:
            self._end_process()

    def _ask(self, line: str) -> str | _Ended:
        """Send one job and wait for its answer."""
        process = self._running()
        answer, out_of_time = _exchange(process, line, self._limits.seconds)
        if answer:
            return answer
        self._process = None
        process.kill()
        return _Ended(_reap(process), by_time_limit=out_of_time)

    def _running(self) -> subprocess.Popen[str]:
        process = self._process
        if process is None or process.poll() is not None:
            if process is not None:
                _reap(process)
            process = self._process = _start(self._limits)
        return process


def _start(limits: Limits) -> subprocess.Popen[str]:
    """Start a process and wait until it is ready, so that no study pays for its imports."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "ifspace.batch.worker", json.dumps(limits.memory_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Libraries may print what stands in a header, a name among it.
        stderr=None if _log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
        env={**os.environ, **dict.fromkeys(_THREAD_COUNTS, "1")},
        text=True,
        encoding="utf-8",
    )
    hello, _ = _exchange(process, "", _SECONDS_TO_START)
    if not hello:
        process.kill()
        _reap(process)
        message = (
            "the process that measures could not be started; give it more memory with --memory-gb"
            " or check the installation with `ifspace doctor`"
        )
        raise WorkerStartError(message)
    version = json.loads(hello)["version"]
    if version != __version__:
        process.kill()
        _reap(process)
        message = f"a worker has ifspace {version}, this run is {__version__}; install one version"
        raise WorkerStartError(message)
    return process


def _exchange(process: subprocess.Popen[str], line: str, seconds: float | None) -> tuple[str, bool]:
    """Write a line, unless it is empty, and read one; empty where the process ended instead."""
    out_of_time = threading.Event()

    def end() -> None:
        out_of_time.set()
        process.kill()

    timer = threading.Timer(seconds, end) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        if line and process.stdin is not None:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        answer = process.stdout.readline() if process.stdout is not None else ""
    except (OSError, ValueError):
        # The process is gone, or this bench was closed by another thread.
        answer = ""
    finally:
        if timer is not None:
            timer.cancel()
    whole = answer if answer.endswith("\n") else ""
    return whole, out_of_time.is_set()


def _reap(process: subprocess.Popen[str]) -> int:
    """Wait for a dead process and close its pipes."""
    code = process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:
                continue
    return code


def _too_long(job: Job, limits: Limits) -> CaseOutcome:
    sentence = (
        f"the study took longer than {limits.seconds:g} s; start again with a larger --time-limit"
        " and --retry"
    )
    return CaseOutcome.failed(job.case_id, Failure.TIME_LIMIT, sentence)


def _died(job: Job, ended: _Ended) -> CaseOutcome:
    if ended.code < 0:
        how = f"by signal {signal.Signals(-ended.code).name}"
    else:
        how = f"with exit code {ended.code}"
    sentence = (
        f"the process that measured the study ended {how}, twice; memory may have run out or a"
        " file may be damaged: measure it alone, or start again with fewer --jobs and --retry"
    )
    return CaseOutcome.failed(job.case_id, Failure.WORKER_DIED, sentence)


# ------------------------------------------------------------------------ what executors call

_BENCHES: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()
_OF_THREAD = threading.local()


def measure_isolated(job: str, seconds: float | None, memory_bytes: int | None) -> str:
    """Measure one job, given as its line, on the bench of this thread; gives the outcome's line."""
    limits = Limits(seconds, memory_bytes)
    benches: dict[Limits, WorkerProcess] = _OF_THREAD.__dict__.setdefault("benches", {})
    worker_process = benches.setdefault(limits, WorkerProcess(limits))
    return worker_process.measure(Job.from_text(job)).to_text()


def close_benches() -> None:
    """End every measuring process that this process started."""
    for worker_process in list(_BENCHES):
        worker_process.close()
