"""What the files of a report are called."""

from __future__ import annotations

from ifspace.model import Side

RESULT_NAME = "result.json"
MANIFEST_NAME = "manifest.json"


def picture_name(side: Side) -> str:
    """Name the key image of one side."""
    return f"key_{side.value}.png"
