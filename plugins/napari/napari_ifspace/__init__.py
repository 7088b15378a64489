"""The napari plugin of ifspace: the reading of a study on top of the library."""

from __future__ import annotations

from pathlib import Path

# Marks a layer that only stands in for a study still being opened.
PLACEHOLDER = "ifspace_placeholder"


def launch(path: Path | None = None) -> None:
    """Open napari with the dock, and the study if one is given; returns when it is closed."""
    from napari_ifspace.app import launch as start

    start(path)
