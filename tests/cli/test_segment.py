"""The runner of TotalSegmentator, with a stand-in for the program.

The program itself cannot run here: its weights are a download of their own. The stand-in takes the
same arguments, reads settings and weights from the same places, downloads missing weights in the
same way, and writes the true bones of the phantom as a label map with the same numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Ran
from tests.waiting import alive, until

from ifspace.errors import GeometryError
from ifspace.io.nifti import write_nifti
from ifspace.labels import PRESETS
from ifspace.phantom import PhantomSpec, PhantomTruth, Size, write_phantom
from ifspace.phantom.study import build_study
from ifspace.workflow import load_study

Run = Callable[..., Ran]
SPEC = PhantomSpec(ifs_left_mm=14.0, ifs_right_mm=22.0, qfs_left_mm=8.0, qfs_right_mm=15.0)

PROGRAM = """#!{python}
import argparse, json, os, pathlib, subprocess, sys, time, urllib.request

here = pathlib.Path({folder!r})
if "{mode}" == "slow":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    (here / "part").write_text(str(child.pid))
    (here / "part").rename(here / "child")
    time.sleep(3600)

import numpy as np
import SimpleITK as sitk

parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
parser.add_argument("-ta", "--task", choices=["total", "total_mr"], default="total")
parser.add_argument("-ml", "--ml", action="store_true")
parser.add_argument("-q", "--quiet", action="store_true")
given = parser.parse_args()
home = pathlib.Path(os.environ.get("TOTALSEG_HOME_DIR", pathlib.Path.home() / ".totalsegmentator"))
weights = pathlib.Path(os.environ.get("TOTALSEG_WEIGHTS_PATH", home / "nnunet/results"))
settings = json.loads((home / "config.json").read_text())
(here / "seen.json").write_text(json.dumps({{
    "arguments": sys.argv[1:], "settings": settings, "home": str(home),
    "environment": sorted(os.environ), "folder": os.getcwd(),
}}))
parts = ("Dataset850_TotalSegMRI_part1_organs_1088subj",
         "Dataset851_TotalSegMRI_part2_muscles_1088subj")
for part in parts:
    if not (weights / part).is_dir() or "{mode}" == "new-weights":
        print("Downloading model for Task", part)
        urllib.request.urlopen({url!r}, timeout=5)
        (here / "downloaded").write_text(part)
if "{mode}" == "fails":
    print("patient in", given.i)
    sys.exit(1)
image = sitk.ReadImage(given.i)
labels = np.load(here / "labels.npy")
if "{mode}" == "empty":
    labels = np.zeros(image.GetSize()[::-1], np.uint8)
assert given.ml and given.task == "total_mr" and labels.shape == image.GetSize()[::-1]
out = sitk.GetImageFromArray(labels)
out.CopyInformation(image)
sitk.WriteImage(out, given.o)
"""


@dataclass(frozen=True)
class Installed:
    """A stand-in on the PATH, and what it leaves behind."""

    folder: Path

    @property
    def seen(self) -> dict[str, object]:
        return json.loads((self.folder / "seen.json").read_text())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    return write_phantom(tmp_path_factory.mktemp("study"), SPEC)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    """A study that only has to be read, where the program fails anyway."""
    spec = PhantomSpec(ifs_left_mm=14.0, ifs_right_mm=22.0, size=Size.TINY)
    return write_phantom(tmp_path_factory.mktemp("small"), spec)


@pytest.fixture(scope="module")
def true_labels(study: PhantomTruth) -> np.ndarray:
    """The bones of the phantom on the image grid, with the numbers of the task."""
    with load_study(study.image_path) as loaded:
        grid = loaded.volume.grid
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape_kji), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(grid.to_lps_mm(index), -1, 0)
    labels = np.zeros(grid.shape_kji, np.uint8)
    for side, hip in build_study(SPEC).hips.items():
        labels[hip.ischium(x, y, z) < 0] = PRESETS["total_mr"][f"hip_{side}"]
        labels[hip.femur(x, y, z) < 0] = PRESETS["total_mr"][f"femur_{side}"]
    return labels


@pytest.fixture
def server() -> Iterator[str]:
    """A place to download from: whoever reaches it has used a network."""

    class Weights(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    web = HTTPServer(("127.0.0.1", 0), Weights)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{web.server_port}/weights.zip"
    web.shutdown()
    web.server_close()


@pytest.fixture
def install(
    tmp_path: Path, true_labels: np.ndarray, server: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Installed]:
    def make(mode: str = "", *, weights: bool = True) -> Installed:
        folder = tmp_path / "installed"
        folder.mkdir()
        np.save(folder / "labels.npy", true_labels)
        program = folder / "TotalSegmentator"
        program.write_text(
            PROGRAM.format(python=sys.executable, folder=str(folder), mode=mode, url=server)
        )
        program.chmod(0o755)
        home = folder / "home"
        for part in ("850_TotalSegMRI_part1_organs", "851_TotalSegMRI_part2_muscles"):
            if weights:
                (home / "nnunet" / "results" / f"Dataset{part}_1088subj").mkdir(parents=True)
        monkeypatch.setenv("TOTALSEG_HOME_DIR", str(home))
        monkeypatch.delenv("TOTALSEG_WEIGHTS_PATH", raising=False)
        monkeypatch.setenv("IFSPACE_TOTALSEGMENTATOR", str(program))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        return Installed(folder)

    return make


def test_its_label_map_gives_the_distances_of_the_phantom(
    study: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
) -> None:
    installed = install()
    out = tmp_path / "labels.nii.gz"
    ran = ifspace("segment", study.image_path, "-o", out)
    assert ran.code == 0, ran.err
    assert ran.out.strip() == str(out)
    assert list((tmp_path / "temporary").iterdir()) == []
    seen = installed.seen
    assert seen["settings"]["send_usage_stats"] is False
    assert Path(str(seen["home"])).parent == Path(str(seen["folder"]))
    assert not (installed.folder / "home" / "config.json").exists()
    assert "PYTHONPATH" not in seen["environment"]
    measured = ifspace(
        "measure", study.image_path, "--masks", out, "-o", tmp_path / "o", "--format", "json",
        "--json",
    )  # fmt: skip
    values = {item["side"]: item["value_mm"] for item in measured.json["outcomes"][::2]}
    assert values == pytest.approx({"right": 22.0, "left": 14.0}, abs=1.0)


def test_the_image_it_gets_names_no_patient(
    small: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
) -> None:
    installed = install()
    ifspace("segment", small.image_path, "-o", tmp_path / "labels.nii.gz")
    given = " ".join(str(item) for item in installed.seen["arguments"])
    assert str(small.image_path) not in given
    assert "image.nii.gz" in given


def test_missing_weights_are_named_before_anything_runs(
    small: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
) -> None:
    installed = install(weights=False)
    ran = ifspace("segment", small.image_path, "-o", tmp_path / "labels.nii.gz")
    assert ran.code == 1
    assert "totalseg_download_weights -t total_mr" in ran.err
    assert not (installed.folder / "seen.json").exists()


def test_it_cannot_download_weights_by_itself(
    small: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
) -> None:
    installed = install("new-weights")
    ran = ifspace("segment", small.image_path, "-o", tmp_path / "labels.nii.gz")
    assert ran.code == 1
    assert "would have to download" in ran.err
    assert (installed.folder / "seen.json").exists()
    assert not (installed.folder / "downloaded").exists()


def test_a_run_that_takes_too_long_is_ended_with_all_that_it_started(
    small: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = install("slow")
    wait = subprocess.Popen.wait

    child_started = (installed.folder / "child").exists

    def wait_from_then_on(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        # However busy the machine is: time runs from when there is a child to be ended.
        while timeout is not None and self.poll() is None and not child_started():
            time.sleep(0.02)
        return wait(self, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait_from_then_on)
    ran = ifspace("segment", small.image_path, "-o", tmp_path / "l.nii.gz", "--time-limit", "2")
    assert ran.code == 1
    assert "ended after 2 seconds" in ran.err
    child = int((installed.folder / "child").read_text())
    until(lambda: not alive(child))


def test_what_it_prints_is_not_shown(
    small: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
) -> None:
    install("fails")
    ran = ifspace("segment", small.image_path, "-o", tmp_path / "labels.nii.gz")
    assert ran.code == 1
    assert "ended with code 1" in ran.err
    assert "patient in" not in ran.err + ran.out


def test_a_map_without_bones_is_not_kept(
    small: PhantomTruth,
    install: Callable[..., Installed],
    ifspace: Run,
    tmp_path: Path,
) -> None:
    install("empty")
    ran = ifspace("segment", small.image_path, "-o", tmp_path / "labels.nii.gz")
    assert ran.code == 1
    assert "found no side" in ran.err
    assert not (tmp_path / "labels.nii.gz").exists()


def test_doctor_tells_what_is_missing(
    install: Callable[..., Installed],
    ifspace: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def detail() -> str:
        checks = ifspace("doctor", "--json").json["checks"]
        return next(item["detail"] for item in checks if "TotalSegmentator" in item["name"])

    installed = install()
    assert detail() == "installed, with weights"
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(installed.folder / "elsewhere"))
    assert "totalseg_download_weights" in detail()
    monkeypatch.setenv("IFSPACE_TOTALSEGMENTATOR", str(installed.folder / "absent"))
    assert "IFSPACE_TOTALSEGMENTATOR" in detail()


def test_an_uneven_stack_is_not_written_as_if_it_were_even(
    small: PhantomTruth, tmp_path: Path
) -> None:
    with load_study(small.image_path) as loaded:
        volume = loaded.volume
    gap = [n for n in range(len(volume.slices)) if n != 3]
    holed = replace(volume, slices=tuple(volume.slices[n] for n in gap), voxels=volume.voxels[gap])
    with pytest.raises(GeometryError, match="no even, straight stack"):
        write_nifti(holed, tmp_path / "image.nii.gz")
