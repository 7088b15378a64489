"""The napari plugin of ifspace: the reading of a study on top of the library."""

from __future__ import annotations

from pathlib import Path


def launch(path: Path | None = None) -> None:
    """Open napari with the dock, and the study if one is given; returns when it is closed."""
    from napari_ifspace.app import launch as start

    start(path)
