"""Names of files as text that a database and a JSON line can hold, and back.

A file name on disk is bytes. Disks written in another country's encoding hold names that are no
valid text here; such bytes are written as ``%XX``, and the percent sign as ``%25``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ifspace.safe_paths import below

_SURROGATE = re.compile("[\udc80-\udcff%]")
_ESCAPED = re.compile("%([0-9A-F]{2})")


def place_of(path: Path, base: Path) -> str:
    """Write the name of a file relative to a folder as sound text."""
    name = path.relative_to(base).as_posix()
    return _SURROGATE.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", name)


def name_of(place: str) -> str:
    """Give the name on disk, relative to the same folder, that a place stands for.

    Raises
    ------
    UnsafePathError
        If it leads out of that folder: a ledger may come from somebody else.
    """
    raw = bytearray()
    at = 0
    for found in _ESCAPED.finditer(place):
        raw += os.fsencode(place[at : found.start()])
        raw.append(int(found[1], 16))
        at = found.end()
    raw += os.fsencode(place[at:])
    return str(below(Path(), os.fsdecode(bytes(raw))))
