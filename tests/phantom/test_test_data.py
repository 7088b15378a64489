"""The studies that are kept in `test_data/` are what the writer makes today."""

from __future__ import annotations

import io
import json
import runpy
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from ifspace.phantom import write_phantom

KEPT = Path(__file__).parents[2] / "test_data"
STUDIES = runpy.run_path(str(KEPT / "make.py"))["STUDIES"]
LARGEST_STUDY_BYTES = 500_000


def _objects(study: Path) -> dict[str, FileDataset]:
    if (study / "study.zip").exists():
        with zipfile.ZipFile(study / "study.zip") as archive:
            contents = [archive.read(name) for name in archive.namelist()]
    else:
        contents = [path.read_bytes() for path in (study / "dicom").iterdir()]
    found = [dcmread(io.BytesIO(content)) for content in contents]
    return {str(ds.SOPInstanceUID): ds for ds in found}


@pytest.mark.parametrize("name", STUDIES)
def test_a_fresh_study_equals_the_kept_one(name: str, tmp_path: Path) -> None:
    write_phantom(tmp_path, STUDIES[name])
    fresh, kept = _objects(tmp_path), _objects(KEPT / name)
    assert fresh.keys() == kept.keys()
    for uid, new in fresh.items():
        # Another processor may round the last bit of a pixel differently.
        gap = np.abs(new.pixel_array.astype(int) - kept[uid].pixel_array.astype(int))
        assert gap.max() <= 2
        for ds in (new, kept[uid]):
            del ds.PixelData
        assert new == kept[uid]


@pytest.mark.parametrize("name", STUDIES)
def test_the_kept_numbers_are_the_true_ones(name: str, tmp_path: Path) -> None:
    truth = write_phantom(tmp_path, STUDIES[name])
    told = json.loads((KEPT / name / "truth.json").read_text())
    for side, of_side in truth.sides.items():
        for kind, rows in of_side.spaces.items():
            kept = told["sides"][side.value][kind.value]
            assert kept["value_mm"] == pytest.approx(truth.spec.space_mm(kind, side), abs=1e-4)
            assert [row["value_mm"] for row in kept["slices"]] == pytest.approx(
                [row.value_mm for row in rows], abs=1e-5
            )
    marks = json.loads((KEPT / name / "session.json").read_text())["marks"]
    fresh = json.loads(truth.session_path.read_text())["marks"]
    for a, b in zip(marks, fresh, strict=True):
        assert a["position_lps_mm"] == pytest.approx(b["position_lps_mm"], abs=1e-3)
        assert a["sop_instance_uid"] == b["sop_instance_uid"]


@pytest.mark.parametrize("name", STUDIES)
def test_a_kept_study_is_small(name: str) -> None:
    files = [path for path in (KEPT / name).rglob("*") if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) < LARGEST_STUDY_BYTES
