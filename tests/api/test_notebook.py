"""The notebook of the docs runs from its first to its last cell and leaves a figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "from-folder-to-figure.ipynb"
MOST_LINES = 10


def _code() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_notebook_goes_from_a_folder_to_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in _code():
        exec(compile(cell, NOTEBOOK.name, "exec"), names)
    with Image.open(tmp_path / "figure.png") as figure:
        assert min(figure.size) > 500


def test_the_notebook_takes_ten_lines_and_keeps_no_output() -> None:
    lines = [line for cell in _code() for line in cell.splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)


def test_the_notebook_follows_the_format() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(NOTEBOOK, as_version=4))
