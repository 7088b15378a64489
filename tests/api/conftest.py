"""A folder with a phantom study, as the examples of the public functions expect it."""

from __future__ import annotations

from pathlib import Path

import pytest

import ifspace


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `phantom/dicom` and `phantom/session.json`."""
    folder = tmp_path_factory.mktemp("api")
    ifspace.write_phantom(folder / "phantom", size="tiny")
    return folder
