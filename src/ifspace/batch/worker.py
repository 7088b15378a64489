"""The process that measures: one job per line in, one outcome per line out.

It is started by :mod:`ifspace.batch.worker_process` and dies alone: a
segmentation fault in a codec or a full memory ends this process and nothing else. It ends by
itself when whoever started it is gone, or has had no work for it for a while.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from ifspace.version import __version__

# Long enough for the gap between two studies of a busy cluster, short enough not to hold memory
# there after the batch has ended.
IDLE_SECONDS = 120.0


def main() -> None:
    """Answer jobs until there are no more."""
    answers = _private_output()
    _bound_memory(json.loads(sys.argv[1]))
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()

    # Imported here: before the first job is timed, and not where only `peak_bytes` is wanted.
    from ifspace.batch.case import Failure, Job
    from ifspace.batch.measure import measure_case
    from ifspace.io.decoding import decode_here

    decode_here()
    _say(answers, json.dumps({"version": __version__}))
    while True:
        try:
            job = Job.from_text(jobs.get(timeout=IDLE_SECONDS))
        except queue.Empty:
            return
        started = time.monotonic()
        outcome = measure_case(job).timed(time.monotonic() - started, peak_bytes())
        _say(answers, outcome.to_text())
        if outcome.reason == Failure.OUT_OF_MEMORY:
            # What is left of a full memory is in pieces; the next study gets a fresh process.
            return


def peak_bytes() -> int:
    """Tell the largest resident memory this program ever had; 0 where that is not known.

    What `getrusage` says on Linux includes that of the process that started this one.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _private_output() -> TextIO:
    """Keep standard output for answers; what libraries print goes elsewhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _bound_memory(limit_bytes: int | None) -> None:
    """Let an allocation beyond the limit fail here, before the system kills at random."""
    if limit_bytes is None:
        return
    try:
        import resource
    except ImportError:
        return
    # Counts what a process really asks for; address space alone (RLIMIT_AS) would also count the
    # reserves of every thread and mapped libraries.
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    _, hard = resource.getrlimit(kind)
    bound = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(kind, (bound, hard))


def _listen(jobs: queue.Queue[str]) -> None:
    """Pass lines on; the end of input means that nobody waits for an answer any more."""
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def _say(answers: TextIO, line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
