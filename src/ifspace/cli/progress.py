"""How a long run is watched: a bar with rate and time left on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ifspace.cli.exits import say
from ifspace.cli.printing import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from ifspace.batch import CaseOutcome, Watcher
    from ifspace.batch.ledger import Case
    from ifspace.batch.request import PendingCounts

# Often enough to see that a run lives, seldom enough to keep a log of thousands readable.
_SECONDS_BETWEEN_LINES = 10.0


def words_of(pending: PendingCounts) -> str:
    """Say what a run has before it: studies, their readings, and what needs no measuring."""
    words = f"{pending.studies} {'study' if pending.studies == 1 else 'studies'}"
    if pending.cases > pending.studies:
        words = f"{pending.cases} readings of {words}"
    words += f", {pending.done} of them done before"
    if pending.unusable:
        words += f", {pending.unusable} that cannot be measured (why: failures.csv)"
    return words


class LineWatcher:
    """Writes a line to standard error now and then, and one for each study that fails."""

    def __init__(self) -> None:
        self._total = self._done = self._before = 0
        self._started = self._last = time.monotonic()

    def started(self, pending: PendingCounts) -> None:
        """Say how much there is to do."""
        self._total = pending.cases
        self._done = self._before = pending.done + pending.unusable
        self._started = self._last = time.monotonic()
        say(words_of(pending))

    def finished(self, case: Case, outcome: CaseOutcome) -> None:
        """Count one more, and say what failed."""
        self._done += 1
        if outcome.reason:
            say(f"{case.case_id}: {outcome.reason}")
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES or self._done == self._total:
            self._last = now
            say(self._line(now - self._started))

    def _line(self, seconds: float) -> str:
        rate = (self._done - self._before) / max(seconds, 1e-9)
        left = (self._total - self._done) / rate
        return f"{self._done} of {self._total}, {60 * rate:.1f} per minute, {clock(left)} left"


class BarWatcher:
    """Moves a bar, and writes what failed above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("looking for studies", total=None, rate="")
        self._done = 0
        self._started = time.monotonic()

    def started(self, pending: PendingCounts) -> None:
        """Give the bar its length; what needs no measuring counts for no rate."""
        left = pending.cases - pending.done - pending.unusable
        self._progress.console.print(words_of(pending), highlight=False)
        self._progress.reset(self._task, total=left, description="measuring", rate="")
        self._started = time.monotonic()

    def finished(self, case: Case, outcome: CaseOutcome) -> None:
        """Move on by one."""
        self._done += 1
        rate = 60 * self._done / max(time.monotonic() - self._started, 1e-9)
        self._progress.update(self._task, advance=1, rate=f"{rate:.1f} per minute")
        if outcome.reason:
            line = printable(f"{case.case_id}: {outcome.reason}")
            self._progress.console.print(line, highlight=False, markup=False)


@contextmanager
def open_watcher() -> Iterator[Watcher]:
    """Watch a run on standard error, as a terminal or as a log."""
    if not sys.stderr.isatty():
        yield LineWatcher()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # One study may take minutes: the rate is that of the last hour.
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=3600) as progress:
        yield BarWatcher(progress)


def clock(seconds: float) -> str:
    """Write a duration as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
