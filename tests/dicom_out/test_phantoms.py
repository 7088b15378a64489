"""Every phantom, and a real hip, through the whole program and back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ifspace.dicom_out import read_sr, write_objects
from ifspace.dicom_out.content import read_report
from ifspace.dicom_out.structure import problems
from ifspace.io.session import read_session, session_to_json
from ifspace.model import Mark, MarkName, MarkState, Session, Side, Source
from ifspace.phantom import VARIANTS, Size, write_phantom
from ifspace.workflow import Settings, assess_study, load_study

# Restoring is promised to 0.001 mm; what is written is exact.
EXACT = 0.0


def round_trip(images: Path, session: Session, out: Path, side: Side | None = None) -> int:
    """Measure, write, check and read back; gives how many spaces were measured."""
    settings = Settings() if side is None else Settings(sides=(side,))
    with load_study(images, hint=session.series_instance_uid) as study:
        if not study.headers or study.volume is None:
            pytest.skip("no images that a report could be filed with")
        result = assess_study(study, session, settings)
        (path,) = write_objects(result, study.headers, out, formats=["sr"])
    assert problems(read_report(path)) == ()
    back = read_sr(path)
    assert session_to_json(back) == session_to_json(result.session)
    for mark, original in zip(back.marks, session.marks, strict=True):
        gap_mm = np.linalg.norm(mark.position_lps_mm - original.position_lps_mm)
        assert gap_mm == EXACT
    return len(result.measurements)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_session_of_a_phantom_comes_back_exactly(name, tmp_path) -> None:
    spec = replace(VARIANTS[name].spec, size=Size.TINY)
    truth = write_phantom(tmp_path / "phantom", spec)
    session = read_session(truth.session_path)
    measured = round_trip(truth.image_path, session, tmp_path / "out")
    if not VARIANTS[name].faulty:
        assert measured == 2 * len(truth.sides)


def read_reading(path: Path, case: str) -> dict[MarkName, list[float]]:
    """Take the marks of the first reading of a case."""
    reading = next(item for item in json.loads(path.read_text()) if item["case"] == case)
    return {
        name: reading[kind][f"{name.value}_lps_mm"]
        for kind in ("ifs", "qfs")
        for name in MarkName
        if f"{name.value}_lps_mm" in reading[kind]
    }


@pytest.mark.real_data
def test_the_session_of_a_real_hip_comes_back_exactly(real_data, tmp_path) -> None:
    readings = read_reading(real_data / "readings.json", "STS_048")
    path = real_data / "sts_hip_t1" / "STS_048" / "MR_T1"
    with load_study(path) as study:
        series = study.series
    marks = tuple(
        Mark(name, Side.LEFT, np.array(point), MarkState.PLACED, Source.HUMAN)
        for name, point in readings.items()
    )
    session = Session(
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        reader="A",
        marks=marks,
    )
    assert round_trip(path, session, tmp_path / "out", Side.LEFT) == 2
