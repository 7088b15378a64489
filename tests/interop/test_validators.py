"""Other people's judges of DICOM objects: dciodvfy, PixelMed's validator, dcmtk's readers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

PIXELMED = Path("/usr/share/java/pixelmed.jar")
# Without these, Java's limits for stylesheets end the validation of any larger report.
JAVA_LIMITS = [
    f"-Djdk.xml.{name}=0" for name in ("xpathTotalOpLimit", "xpathExprOpLimit", "xpathExprGrpLimit")
]
# dsrdump writes "12.3" (mm,UCUM,"mm"), dsr2html writes 12.3 mm.
NUMBER_IN_MM = re.compile(r'(\d+(?:\.\d+)?)"? \(?mm')
CASES = [
    "classic, one not measured",
    "enhanced",
    "not square",
    "left only",
    "right only",
    "final, Korean name",
    "proposed",
]
# It takes ten seconds and a gigabyte a file: one of each kind of coordinates and observer.
SLOW_CASES = ["classic, one not measured", "not square", "final, Korean name", "proposed"]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.parametrize("name", CASES)
def test_dciodvfy_finds_no_error_in_any_object(name, written, find_program) -> None:
    dciodvfy = find_program("dciodvfy")
    objects = written(name).objects()
    assert len(objects) >= 4
    for path in objects:
        lines = run(dciodvfy, str(path)).splitlines()
        assert [line for line in lines if line.startswith("Error")] == [], path.name


def test_dcmtk_shows_the_images_as_the_presentation_state_says(
    written, find_program, tmp_path: Path
) -> None:
    study = written("classic, one not measured")
    state = study.out / "presentation.dcm"
    assert "Test passed" in run(find_program("dcmpschk"), str(state))
    windows = {
        str(item.ReferencedImageSequence[0].ReferencedSOPInstanceUID): item
        for item in pydicom.dcmread(state).SoftcopyVOILUTSequence
    }
    shown = 0
    for path in study.files():
        image = pydicom.dcmread(path)
        if image.SOPInstanceUID not in windows:
            continue
        picture = tmp_path / f"{shown}.pgm"
        assert run(find_program("dcmp2pgm"), "-p", str(state), str(path), str(picture)) == ""
        item = windows[image.SOPInstanceUID]
        centre, width = float(item.WindowCenter), float(item.WindowWidth)
        grey = (image.pixel_array - (centre - 0.5)) / (width - 1) + 0.5
        expected = np.clip(grey, 0.0, 1.0) * 255
        assert np.abs(np.asarray(Image.open(picture), dtype=float) - expected).max() <= 1.5
        shown += 1
    assert shown == len(windows)


@pytest.mark.parametrize("name", SLOW_CASES)
def test_pixelmed_finds_no_error_in_the_report(name, written, find_program) -> None:
    java = find_program("java")
    if not PIXELMED.exists():
        pytest.skip("NOT PROVEN HERE: libpixelmed-java is missing; run tests/interop/setup.sh")
    said = run(
        java,
        *JAVA_LIMITS,
        *("-cp", str(PIXELMED), "com.pixelmed.validate.DicomSRValidator"),
        str(written(name).out / "sr.dcm"),
    )
    assert "Found Root Template TID_1500" in said
    assert "IOD validation complete" in said
    assert [line for line in said.splitlines() if "Error" in line] == []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("reader", [("dsrdump", "+Pl"), ("dsr2html",)], ids=lambda parts: parts[0])
def test_dcmtk_reads_the_report(name, reader, written, find_program) -> None:
    program, *options = reader
    study = written(name)
    said = run(find_program(program), *options, str(study.out / "sr.dcm"))
    assert "not a medical device" in said
    read = [float(text) for text in NUMBER_IN_MM.findall(said)]
    for measured in study.result.measurements:
        assert any(value == pytest.approx(measured.value_mm, abs=1e-6) for value in read)
