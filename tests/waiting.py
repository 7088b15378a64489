"""Waiting for what must happen: however busy the machine is, one generous limit for all of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

# Reached only by what never happens; no test may tell slow from fast with it.
LIMIT_S = 600.0
_LOOK_AGAIN_S = 0.02


def until(condition: Callable[[], object]) -> object:
    """Look until a condition holds, and give what it gave."""
    end = time.monotonic() + LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {LIMIT_S:g} s in vain"
        time.sleep(_LOOK_AGAIN_S)
    return found


def alive(pid: int) -> bool:
    """Tell whether a process is there and has not ended; needs ``/proc``."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
