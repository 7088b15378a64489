"""Images that cannot be referred to are measured all the same; what cannot be written is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from tests.cli.conftest import ifspace as ifspace

from ifspace.phantom import VARIANTS, Size, write_phantom

FORMATS = "json,csv,sr,dicom-sc"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiny")
    write_phantom(out, replace(VARIANTS["plain"].spec, size=Size.TINY))
    return out


def _changed(source: Path, out: Path, change) -> Path:
    out.mkdir()
    for number, path in enumerate(sorted(p for p in source.rglob("*") if p.is_file())):
        image = dcmread(path)
        change(image)
        image.save_as(out / str(number))
    return out


def _without(keyword: str):
    def change(image) -> None:
        del image[keyword]
        image.file_meta.pop(f"MediaStorage{keyword}", None)

    return change


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SOPInstanceUID"])
def test_a_missing_uid_costs_the_dicom_objects_only(keyword, tiny, ifspace, tmp_path) -> None:
    images = _changed(tiny / "dicom", tmp_path / "in", _without(keyword))
    data = json.loads((tiny / "session.json").read_text())
    for item in (*data["marks"], *data["seeds"]):
        item["sop_instance_uid"] = None
    data.pop("level_range", None)
    session = tmp_path / "session.json"
    session.write_text(json.dumps(data))
    out = tmp_path / "out"
    ran = ifspace("measure", images, "-o", out, "--session", session, "--format", FORMATS)
    assert ran.code == 3, ran.err
    assert f"no valid {keyword}" in ran.err
    assert {path.name for path in out.iterdir()} == {"result.json", "measurements.csv"}


def test_distances_in_texts_are_written_like_numbers(tiny, ifspace, tmp_path) -> None:
    def as_text(image) -> None:
        for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
            text = "\\".join(str(value) for value in image[keyword].value)
            image[keyword] = DataElement(image[keyword].tag, "UT", text)

    images = _changed(tiny / "dicom", tmp_path / "in", as_text)
    out = tmp_path / "out"
    session = tiny / "session.json"
    ran = ifspace("measure", images, "-o", out, "--session", session, "--format", FORMATS)
    assert ran.code == 0, ran.err
    assert (out / "sr.dcm").is_file()
