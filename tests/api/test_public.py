"""The public names: what they are, when they are loaded, and what a user sees of a result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ifspace

HEAVY = ("numpy", "pydicom", "SimpleITK", "skimage", "scipy", "pandas", "matplotlib", "pydantic")


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, ifspace; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_function_stays_a_function_after_every_module_is_loaded() -> None:
    """A submodule of the same name would take its place."""
    code = (
        "import pkgutil, importlib, ifspace\n"
        "for found in pkgutil.iter_modules(ifspace.__path__):\n"
        "    if found.name not in ('__main__', 'pacs'):\n"
        "        importlib.import_module('ifspace.' + found.name)\n"
        "modules = [n for n in ifspace.__all__ if type(getattr(ifspace, n)).__name__ == 'module']\n"
        "print(modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists_and_is_listed() -> None:
    for name in ifspace.__all__:
        assert getattr(ifspace, name) is not None
        assert name in dir(ifspace)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        _ = ifspace.mesure


def test_the_key_image_is_the_one_of_the_report(phantom_folder: Path, tmp_path: Path) -> None:
    study = ifspace.load_study(phantom_folder / "phantom" / "dicom")
    result = ifspace.measure(study, phantom_folder / "phantom" / "session.json")
    ifspace.export_result(study, result, tmp_path / "out", formats=["png"])
    written = np.asarray(Image.open(tmp_path / "out" / "key_left.png"))
    np.testing.assert_array_equal(ifspace.key_image(result, study, "left"), written)


def test_a_view_shows_text_of_the_result_as_text(phantom_folder: Path) -> None:
    result = ifspace.measure(phantom_folder / "phantom" / "dicom")
    html = ifspace.show(result)._repr_html_()
    assert "<img" not in html
    assert "not measured" in html
    assert "not a medical device" in html


def test_measure_proposes_where_nothing_is_marked(phantom_folder: Path) -> None:
    result = ifspace.measure(phantom_folder / "phantom" / "dicom")
    assert {item.state.value for item in result.measurements} <= {"proposed"}
    assert {mark.state.value for mark in result.session.marks} <= {"proposed"}


def test_a_study_from_a_zip_outlives_its_temporary_folder(
    phantom_folder: Path, tmp_path: Path
) -> None:
    from shutil import make_archive

    archive = make_archive(str(tmp_path / "study"), "zip", phantom_folder / "phantom" / "dicom")
    study = ifspace.load_study(archive)
    result = ifspace.measure(study, phantom_folder / "phantom" / "session.json")
    written = ifspace.export_result(study, result, tmp_path / "out")
    assert (tmp_path / "out" / "sr.dcm") in written


def test_rows_have_every_column_and_frames_the_same(phantom_folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    result = ifspace.measure(
        phantom_folder / "phantom" / "dicom", phantom_folder / "phantom" / "session.json"
    )
    rows = ifspace.result_rows([result, result])
    table = ifspace.result_frame([result, result])
    assert len(rows) == len(table) == 8
    assert list(table.columns) == list(rows[0])
    pandas.testing.assert_series_equal(
        table["value_mm"], pandas.Series([row["value_mm"] for row in rows], name="value_mm")
    )


def test_without_pandas_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['pandas'] = None; import ifspace\n"
        "try:\n    ifspace.result_frame([])\n"
        "except ifspace.IfspaceError as error:\n    print(error)\n"
        "print(ifspace.result_rows([]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'ifspace[pandas]'" in done.stdout
    assert done.stdout.endswith("[]\n")
