"""What the reader switched on or off, remembered for the next time. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ifspace.atomic import write_file
from napari_ifspace.shortcuts import keys_file


@dataclass(frozen=True)
class Preferences:
    """The switches of the window.

    `snap` is off as delivered: the reader's click is the reader's.
    """

    snap: bool = False


def preferences_file() -> Path:
    """Give the file of the switches, beside that of the keys."""
    return keys_file().with_name("window.json")


def load_preferences(path: Path | None = None) -> Preferences:
    """Read the switches; a damaged file counts as none."""
    try:
        stored = json.loads((path or preferences_file()).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Preferences()
    if not isinstance(stored, dict):
        return Preferences()
    known = {item.name for item in fields(Preferences)}
    return Preferences(
        **{name: on for name, on in stored.items() if name in known and isinstance(on, bool)}
    )


def save_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Write the switches.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    target = path or preferences_file()
    write_file(target, (json.dumps(asdict(preferences), indent=1) + "\n").encode())
