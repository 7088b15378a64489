"""What an edit, an undo or a redo changed in the marks, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.model import Mark, Volume
from ifspace.reading.edits import State
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import STEPS, Step, step_of


@dataclass(frozen=True)
class MarkChange:
    """One mark before and after, on one slice."""

    step: Step
    slice_index: int
    was: Mark | None
    now: Mark | None

    @property
    def words(self) -> str:
        """Say what happened to it."""
        title, place = self.step.title.lower(), f"slice {self.slice_index + 1}"
        if self.now is None:
            return f"{title} gone from {place}"
        if self.was is None:
            return f"{title} back on {place}"
        moved_mm = np.linalg.norm(self.now.position_lps_mm - self.was.position_lps_mm)
        if moved_mm > 0.0:
            return f"{title} moved {moved_mm:.1f} mm on {place}"
        return f"{title} {self.now.state.value} on {place}"


def mark_changes(volume: Volume, before: State, after: State) -> tuple[MarkChange, ...]:
    """List the marks that differ within one reading, those that are there now first."""
    if before.active != after.active or len(before.sessions) != len(after.sessions):
        return ()
    was, now = (_by_place(volume, state) for state in (before, after))
    found = [
        MarkChange(step, k, was.get((step, k)), now.get((step, k)))
        for step, k in {**was, **now}
        if not _same(was.get((step, k)), now.get((step, k)))
    ]
    return tuple(sorted(found, key=lambda item: (item.now is None, STEPS.index(item.step))))


def in_words(changes: Sequence[MarkChange]) -> str:
    """Say what changed, the first two marks by name."""
    listed = "; ".join(item.words for item in changes[:2])
    more = f"; {len(changes) - 2} more" if len(changes) > 2 else ""
    return f" {listed[0].upper()}{listed[1:]}{more}." if listed else ""


def _by_place(volume: Volume, state: State) -> dict[tuple[Step, int], Mark]:
    return {(step_of(mark), slice_of(volume, mark)): mark for mark in state.session.marks}


def _same(was: Mark | None, now: Mark | None) -> bool:
    if was is None or now is None:
        return was is now
    return was.state is now.state and np.array_equal(was.position_lps_mm, now.position_lps_mm)
