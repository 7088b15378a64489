"""Remember what a search on one volume found, so that a correction does not begin afresh."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Kept = TypeVar("Kept")


class Memory:
    """What was computed for the seeds of one volume; belongs to one thread at a time.

    Keys hold everything that a value depends on besides the volume, so a search gives the same
    result with a memory as without.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept: dict[Hashable, Any] = {}

    def keep(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Give what is kept under a key; makes it the first time."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Kept = self._kept[key]
        return found

    def forget(self) -> None:
        """Let go of everything: the rasters of a side are some 20 MB."""
        self._kept.clear()
