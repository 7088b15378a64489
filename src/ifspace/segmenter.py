"""Run an installed TotalSegmentator on a series, in a process and an environment of its own.

The program is never part of this package. It is found on the PATH or by name, gets an image file
without a patient in a folder that is removed afterwards, and writes a label map. It keeps its
settings in a private folder here, in which its usage statistics are switched off, so that those of
the user stay as they are; a download is made impossible, because nobody asked for one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ifspace.atomic import copy_file
from ifspace.errors import SegmenterError
from ifspace.io.labels import read_label_map
from ifspace.io.nifti import write_nifti
from ifspace.labels import REQUIRED
from ifspace.model import Volume

EXECUTABLE = "TotalSegmentator"
# Names the executable where it is not on the PATH: an environment of its own is the usual place.
EXECUTABLE_VARIABLE = "IFSPACE_TOTALSEGMENTATOR"
TASK = "total_mr"
HOW_TO_GET_WEIGHTS = f"fetch them once with: totalseg_download_weights -t {TASK}"

# Where TotalSegmentator looks for its settings and weights (its config.py, releases 2.x).
HOME_VARIABLE, WEIGHTS_VARIABLE = "TOTALSEG_HOME_DIR", "TOTALSEG_WEIGHTS_PATH"
HOME_FOLDER, WEIGHTS_FOLDER = ".totalsegmentator", Path("nnunet", "results")
# The two networks of the task; the number in front differs between releases.
WEIGHTS = ("Dataset*_TotalSegMRI_part1_organs_*", "Dataset*_TotalSegMRI_part2_muscles_*")
# Its own settings file: no statistics sent, no licence, no run counted before.
PRIVATE_SETTINGS = {
    "totalseg_id": "totalseg_ifspace",
    "send_usage_stats": False,
    "prediction_counter": 0,
    "statistics_disclaimer_shown": True,
}
# Nothing listens on the discard port: whoever honours a proxy finds no network.
NOWHERE = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# What belongs to our interpreter must not reach another one.
OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP")
# How a program ends that the system stopped for want of memory: itself, or below a shell.
KILLED = (-9, 137)
# On a laptop without a graphics card the two networks take some ten minutes.
TIME_LIMIT_S = 3600.0


@dataclass(frozen=True)
class Installation:
    """A TotalSegmentator that was found: its program, and the folder of its weights."""

    program: Path
    weights: Path

    @property
    def has_weights(self) -> bool:
        """Tell whether both networks of the task are there."""
        return all(any(self.weights.glob(pattern)) for pattern in WEIGHTS)


def find(environment: Mapping[str, str] | None = None) -> Installation | None:
    """Find the program that the environment names, or the one on its PATH."""
    around = os.environ if environment is None else environment
    named = around.get(EXECUTABLE_VARIABLE)
    program = shutil.which(named or EXECUTABLE, path=around.get("PATH", ""))
    if program is None:
        return None
    home = Path(around.get(HOME_VARIABLE) or Path.home() / HOME_FOLDER)
    return Installation(
        Path(program).absolute(), Path(around.get(WEIGHTS_VARIABLE) or home / WEIGHTS_FOLDER)
    )


def segment(volume: Volume, out: Path, *, time_limit_s: float = TIME_LIMIT_S) -> None:
    """Write a label map of a volume.

    Parameters
    ----------
    volume
        The series; its slices have to be evenly spaced.
    out
        The NIfTI file to write; what was there is replaced.
    time_limit_s
        The program and all that it started are ended after this.

    Raises
    ------
    SegmenterError
        If the program or its weights are not there, if it fails, takes too long, or finds no
        hip bone or no femur.
    GeometryError
        If the slices are unevenly spaced.
    """
    installation = find()
    if installation is None:
        message = (
            f"{EXECUTABLE} was not found; install it in an environment of its own and name its"
            f" program in {EXECUTABLE_VARIABLE}"
        )
        raise SegmenterError(message)
    if not installation.has_weights:
        message = f"the weights of {EXECUTABLE} for MRI are missing; {HOW_TO_GET_WEIGHTS}"
        raise SegmenterError(message)
    with tempfile.TemporaryDirectory(prefix="ifspace-") as name:
        folder = Path(name)
        image, labels = folder / "image.nii.gz", folder / "labels.nii.gz"
        write_nifti(volume, image)
        command = [str(installation.program), "-i", str(image), "-o", str(labels)]
        command += ["--task", TASK, "--ml", "--quiet"]
        _run(command, _environment(installation, folder), folder, time_limit_s)
        _check(labels)
        copy_file(labels, out)


def _environment(installation: Installation, folder: Path) -> dict[str, str]:
    """Make the environment of the program: private settings, the user's weights, no network."""
    home = folder / "settings"
    home.mkdir()
    (home / "config.json").write_text(json.dumps(PRIVATE_SETTINGS), encoding="utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OURS and name.lower() not in (*PROXIES, "no_proxy")
    }
    proxies = {spelt: NOWHERE for name in PROXIES for spelt in (name, name.upper())}
    return {
        **kept,
        **proxies,
        HOME_VARIABLE: str(home),
        WEIGHTS_VARIABLE: str(installation.weights),
    }


def _run(command: list[str], environment: dict[str, str], folder: Path, limit_s: float) -> None:
    """Run the program to its end, or end it and everything that it started."""
    with (folder / "said.txt").open("wb") as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - the program that the user installed
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            message = f"{EXECUTABLE} cannot be started: {error.strerror}; check its installation"
            raise SegmenterError(message) from error
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            message = (
                f"{EXECUTABLE} was ended after {limit_s:.0f} seconds; allow more with --time-limit"
            )
            raise SegmenterError(message) from error
        finally:
            _end(process)
    if code != 0:
        raise SegmenterError(_why(code, (folder / "said.txt").read_bytes()))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and its children, which share a group of their own."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _why(code: int, said: bytes) -> str:
    """Put a failure into words; what the program printed is only looked through, never shown."""
    if b"Downloading" in said:
        return f"{EXECUTABLE} lacks weights that it would have to download; {HOW_TO_GET_WEIGHTS}"
    if code in KILLED or b"out of memory" in said.lower():
        return f"{EXECUTABLE} ran out of memory; segment on a machine with more of it"
    return (
        f"{EXECUTABLE} ended with code {code}; check that release 2.5 or later segments an image"
        f" with --task {TASK} when you start it yourself"
    )


def _check(labels: Path) -> None:
    """Refuse a map that no hip can be measured on."""
    if not labels.is_file():
        raise SegmenterError(
            f"{EXECUTABLE} ended without a label map; start it yourself to see why"
        )
    found = read_label_map(labels)
    sides = ("left", "right")
    whole = [s for s in sides if all(found.mask(n) is not None for n in REQUIRED if n.endswith(s))]
    if not whole:
        message = (
            f"{EXECUTABLE} found no side with both hip bone and femur in these images; measure"
            " with marks or seeds"
        )
        raise SegmenterError(message)
