import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import pydicom
import pytest

from ifspace.cli import app
from ifspace.cli.exits import run
from ifspace.dicom_out import write_objects
from ifspace.dicom_out.content import walk
from ifspace.io.session import read_session
from ifspace.phantom import PhantomSpec, Size, write_phantom
from ifspace.workflow import Settings, assess_study, load_study


@pytest.fixture
def ifspace(monkeypatch):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ifspace", *(str(item) for item in arguments)])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(app)
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """Write a phantom and a report of it, whose lines are read as another program's."""
    folder = tmp_path_factory.mktemp("reported")
    truth = write_phantom(folder / "phantom", PhantomSpec(size=Size.TINY))
    session = read_session(truth.session_path)
    with load_study(truth.image_path) as study:
        result = assess_study(study, session, Settings())
        (path,) = write_objects(result, study.headers, folder, formats=["sr"])
    return truth.image_path, path


def test_lengths_are_listed_and_become_a_session(ifspace, reported, tmp_path) -> None:
    images, report = reported
    code, out, _ = ifspace("lengths", report, "--json")
    assert code == 0
    listed = json.loads(out)
    assert [item["value_mm"] for item in listed] == pytest.approx([20.0, 12.0, 20.0, 12.0])
    left = [item["number"] for item in listed if item["side"] == "left"]
    target = tmp_path / "session.json"
    code, _, err = ifspace(
        "lengths", report, "--images", images, "-o", target,
        "--take", f"{left[0]}=ifs/left", "--take", f"{left[1]}=qfs/left",
    )  # fmt: skip
    assert (code, err) == (0, "ifspace: 4 marks written, placed and not confirmed\n")
    code, _, _ = ifspace(
        "measure", images, "--session", target, "--side", "left", "--format", "json",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert code == 0
    outcomes = json.loads((tmp_path / "out" / "result.json").read_text())["outcomes"]
    values = {item["kind"]: item["value_mm"] for item in outcomes}
    assert values == pytest.approx({"ifs": 20.0, "qfs": 12.0}, abs=0.001)
    assert {item["state"] for item in outcomes} == {"placed"}
    assert ifspace("lengths", report, "--images", images, "-o", target, "--take", "1=ifs/left")[0]


def test_a_length_in_an_unknown_unit_is_named_with_its_reason(ifspace, reported, tmp_path) -> None:
    images, report = reported
    damaged = pydicom.dcmread(report)
    for item in walk(damaged):
        for measured in item.get("MeasuredValueSequence", []):
            measured.MeasurementUnitsCodeSequence[0].CodeValue = "{pixels}"
    damaged.save_as(tmp_path / "pixels.dcm")
    code, out, _ = ifspace("lengths", tmp_path / "pixels.dcm")
    assert code == 0
    assert "cannot be converted" in out
    code, _, err = ifspace(
        "lengths", tmp_path / "pixels.dcm", "--images", images, "-o", tmp_path / "s.json",
        "--take", "1=ifs/left",
    )  # fmt: skip
    assert (code, "'{pixels}'" in err) == (1, True)
    assert not (tmp_path / "s.json").exists()


@pytest.mark.parametrize("text", ["9=ifs/left", "0=ifs/left", "ifs/left", "1=ifi/left", "1=ifs"])
def test_a_choice_that_cannot_be_read_is_wrong_usage(text, ifspace, reported, tmp_path) -> None:
    images, report = reported
    code, _, err = ifspace(
        "lengths", report, "--images", images, "-o", tmp_path / "s.json", "--take", text
    )
    assert code == 2
    assert "1=ifs/left" in err
