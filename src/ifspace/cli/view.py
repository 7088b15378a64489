"""``ifspace view``: the study in napari."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import typer

from ifspace.cli.exits import Exit, say


def view(
    path: Path | None = typer.Argument(None, help="A file, folder, ZIP or DICOMDIR."),
) -> None:
    """Open napari with the plugin on the study."""
    if importlib.util.find_spec("napari") is None:
        say("the viewer is not installed; install it with: pip install 'ifspace[napari]'")
        raise typer.Exit(Exit.FAILED)
    # The window stands above the library, so the library may name it only here and only late.
    launch = importlib.import_module("napari_ifspace").launch
    launch(path)
