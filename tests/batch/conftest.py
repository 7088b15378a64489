from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
from tests.cli.conftest import ifspace as ifspace

from ifspace.batch import BatchPlan, BatchReport, CaseOutcome, Request, run_batch
from ifspace.batch.ledger import Case
from ifspace.batch.request import PendingCounts
from ifspace.io import load_volume, open_study
from ifspace.phantom import VARIANTS, PhantomSpec, Size, write_phantom

# Pictures take a hundred times longer than numbers; the tests that look at them ask for them.
PLAIN = BatchPlan(formats=("json", "session", "csv", "manifest"))


@dataclass
class Told:
    """A watcher that remembers what it was told, and may do something at the start."""

    at_start: Callable[[], None] = lambda: None
    total: int = 0
    done_before: int = 0
    studies: int = 0
    unusable: int = 0
    ended: dict[str, CaseOutcome] = field(default_factory=dict)

    def started(self, pending: PendingCounts) -> None:
        self.total, self.done_before = pending.cases, pending.done
        self.studies, self.unusable = pending.studies, pending.unusable
        self.at_start()

    def finished(self, case: Case, outcome: CaseOutcome) -> None:
        assert case.case_id not in self.ended
        self.ended[case.case_id] = outcome


def study(folder: Path, variant: str = "plain", **changes: object) -> None:
    """Write one tiny study."""
    spec: PhantomSpec = replace(VARIANTS[variant].spec, size=Size.TINY, **changes)
    write_phantom(folder, spec)


def as_volume_file(folder: Path) -> tuple[sitk.Image, dict[str, Any]]:
    """Give the study in a folder as a volume that names nobody, and its session likewise."""
    with open_study(folder / "dicom") as inventory:
        volume = load_volume(inventory.choose())
    image = sitk.GetImageFromArray(volume.voxels)
    affine = volume.grid.affine_lps_mm[:3, :3]
    spacing_mm = [float((column**2).sum() ** 0.5) for column in affine.T]
    image.SetSpacing(spacing_mm[::-1])
    direction = (affine / spacing_mm)[:, ::-1]
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin(volume.grid.affine_lps_mm[:3, 3].tolist())
    data = json.loads((folder / "session.json").read_text())
    for name in ("study_instance_uid", "series_instance_uid", "frame_of_reference_uid"):
        data[name] = None
    for item in (*data["marks"], *data["seeds"]):
        item["sop_instance_uid"] = None
    del data["level_range"]
    return image, data


@pytest.fixture(scope="session")
def _cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cohort")
    study(
        root / "SEEDEDNAME^JANETTA" / "mr", "asymmetric", seed=11, patient_name="SEEDEDNAME^JANETTA"
    )
    study(root / "b", "zipped", seed=12, ifs_mm=17.0, qfs_mm=9.0, sex="M", age_years=61)
    study(root / "b" / "deeper" / "c", "enhanced", seed=13, age_years=12)
    study(root / "d", "no-pixel-spacing", seed=14)
    study(root / "e", "left-only", seed=15)
    study(root / "f", seed=16)
    (root / "f" / "session.json").unlink()
    (root / "notes.txt").write_text("not an image")
    (root / "empty").mkdir()
    return root


@pytest.fixture
def cohort(_cohort: Path, tmp_path: Path) -> Path:
    """Six studies: three good, one with untrusted geometry, one hip only, one without marks.

    Names are those of a hospital's disk; each test has its own copy, with the same times.
    """
    root = tmp_path / "cohort"
    shutil.copytree(_cohort, root)
    return root


@dataclass(frozen=True)
class Undisturbed:
    """The cohort, and what one run over all of it wrote."""

    root: Path
    out: Path
    report: BatchReport
    told: Told
    before: dict[str, bytes]


@pytest.fixture(scope="session")
def undisturbed(_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """One run over the whole cohort, from beginning to end."""
    told = Told()
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    before = files_below(_cohort)
    report = run_batch(Request(_cohort, out, PLAIN, jobs=1), told)
    return Undisturbed(_cohort, out, report, told, before)


def files_below(out: Path) -> dict[str, bytes]:
    """Every result with its bytes; ledger and timings are those of a run."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("ledger.sqlite", "timings.csv")
    }
