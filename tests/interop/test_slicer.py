"""What 3D Slicer makes of our files, by its own arithmetic.

The line import of its QuantitativeReporting extension multiplies pixel coordinates by the spacing
and adds the position of the image, without the orientation. So the lines of a report come out
right on straight axial images only, and ``slicer.mrk.json`` is the file to open there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

HALF_PIXEL = 0.5


def lines_of(report: Dataset) -> Iterator[tuple[str, str, list[float]]]:
    """Give image, tracking identifier and pixel coordinates of each line."""
    measured = next(
        item
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "126010"
    )
    for group in measured.ContentSequence:
        tracking = next(
            item.TextValue
            for item in group.ContentSequence
            if item.ConceptNameCodeSequence[0].CodeValue == "112039"
        )
        number = next(item for item in group.ContentSequence if item.ValueType == "NUM")
        line = next(item for item in number.ContentSequence if item.ValueType == "SCOORD")
        image = line.ContentSequence[0].ReferencedSOPSequence[0]
        yield str(image.ReferencedSOPInstanceUID), tracking, [float(v) for v in line.GraphicData]


def as_slicer_places(image: Dataset, column: float, row: float) -> list[float]:
    """Replay the import of a line: spacing and position, no orientation."""
    x, y, z = (float(value) for value in image.ImagePositionPatient)
    return [column * float(image.PixelSpacing[0]) + x, row * float(image.PixelSpacing[1]) + y, z]


def as_dicom_places(image: Dataset, column: float, row: float) -> list[float]:
    """Place a pixel by PS3.3 equation C.7.6.2.1-1; columns and rows from the corner."""
    axes = [float(value) for value in image.ImageOrientationPatient]
    down, right = (float(value) for value in image.PixelSpacing)
    return [
        float(origin)
        + along_row * right * (column - HALF_PIXEL)
        + along_column * down * (row - HALF_PIXEL)
        for origin, along_row, along_column in zip(
            image.ImagePositionPatient, axes[:3], axes[3:], strict=True
        )
    ]


def markups(study: Any) -> dict[str, list[list[float]]]:
    """Read the lines of slicer.mrk.json by space and side."""
    content = json.loads((study.out / "slicer.mrk.json").read_text())
    found = {}
    for markup in content["markups"]:
        assert markup["type"] == "Line"
        assert markup["coordinateSystem"] == "LPS"
        kind, side = markup["name"].split()[:2]
        found[f"{kind}-{side[0].upper()}"] = [p["position"] for p in markup["controlPoints"]]
    return found


def errors_mm(study: Any, places: Any) -> list[float]:
    """Give how far the ends of each line of the report lie from those of slicer.mrk.json."""
    images = {
        str(image.SOPInstanceUID): image
        for image in (pydicom.dcmread(path, stop_before_pixels=True) for path in study.files())
    }
    expected = markups(study)
    errors = []
    for uid, tracking, (column_1, row_1, column_2, row_2) in lines_of(
        pydicom.dcmread(study.out / "sr.dcm")
    ):
        # A report draws from the femur to the ischium, the markups the other way.
        ends = expected[tracking.rsplit(":", 1)[1]][::-1]
        errors.append(math.dist(places(images[uid], column_1, row_1), ends[0]))
        errors.append(math.dist(places(images[uid], column_2, row_2), ends[1]))
    assert errors
    return errors


@pytest.mark.parametrize("name", ["classic, one not measured", "oblique"])
def test_the_markups_lie_where_the_images_say(name, written) -> None:
    assert max(errors_mm(written(name), as_dicom_places)) < 0.001


def test_a_straight_report_is_half_a_pixel_off_in_slicer(written) -> None:
    # Pixels of 2.4 mm: half of one along rows and columns.
    off_mm = errors_mm(written("classic, one not measured"), as_slicer_places)
    assert off_mm == pytest.approx([math.hypot(1.2, 1.2)] * len(off_mm), abs=0.01)


def test_an_oblique_report_is_far_off_in_slicer_and_the_markups_are_not(written) -> None:
    study = written("oblique")
    assert min(errors_mm(study, as_slicer_places)) > 10.0
    outcomes = json.loads((study.out / "result.json").read_text())["outcomes"]
    for item in outcomes:
        ends = markups(study)[f"{item['kind'].upper()}-{item['side'][0].upper()}"]
        assert ends[0] == pytest.approx(item["start_lps_mm"], abs=0.001)
        assert ends[1] == pytest.approx(item["end_lps_mm"], abs=0.001)


def test_slicer_finds_the_images_of_a_report_first_in_its_evidence(written) -> None:
    study = written("classic, one not measured")
    image = pydicom.dcmread(study.files()[0], stop_before_pixels=True)
    evidence = pydicom.dcmread(study.out / "sr.dcm").CurrentRequestedProcedureEvidenceSequence
    assert evidence[0].ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID
