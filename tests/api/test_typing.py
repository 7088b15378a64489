"""The types of the public names reach a user who runs mypy on their own code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[2]


def _mypy(file: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mypy")
    command = [
        *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"),
        *("--no-error-summary", "--ignore-missing-imports", "--config-file", ""),
        *("--cache-dir", str(cache), str(file)),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=file.parent)


@pytest.mark.slow
def test_a_consumer_is_checked_against_the_public_types(tmp_path: Path) -> None:
    good = tmp_path / "consumer.py"
    good.write_text((Path(__file__).parent / "consumer.py").read_text(encoding="utf-8"))
    checked = _mypy(good, tmp_path / "cache")
    assert (checked.returncode, checked.stdout) == (0, "")
    bad = tmp_path / "wrong.py"
    bad.write_text("import ifspace\n\nvalue: int = ifspace.measure('study')\nifspace.mesure\n")
    refused = _mypy(bad, tmp_path / "cache")
    assert "StudyResult" in refused.stdout
    assert "mesure" in refused.stdout


def test_the_wheel_holds_the_marker_of_typed_packages(tmp_path: Path) -> None:
    wheel_builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder
    (wheel,) = wheel_builder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["standard"])
    names = ZipFile(wheel).namelist()
    assert "ifspace/py.typed" in names
    assert "ifspace/api/studies.py" in names
