import numpy as np
import pytest

from ifspace.model import Kind, Side
from ifspace.report.slicer import slicer_markups


def test_there_is_one_line_for_each_measured_space(make_result):
    data = slicer_markups(make_result(missing=((Kind.QFS, Side.LEFT),)))
    assert [item["name"] for item in data["markups"]] == [
        "IFS right 13.0 mm",
        "QFS right 8.6 mm",
        "IFS left 21.8 mm",
    ]


def test_the_points_are_the_end_points_in_lps_millimetres(make_result):
    line = slicer_markups(make_result())["markups"][0]
    assert (line["coordinateSystem"], line["coordinateUnits"]) == ("LPS", "mm")
    ends = [point["position"] for point in line["controlPoints"]]
    assert ends == [[-52.0, 58.0, -190.0], [-64.0, 53.0, -190.0]]
    assert [point["label"] for point in line["controlPoints"]] == [
        "ischium_lateral",
        "lesser_trochanter_medial",
    ]
    assert np.linalg.norm(np.subtract(*ends)) == pytest.approx(line["measurements"][0]["value"])


def test_the_schema_is_the_one_that_slicer_looks_for(make_result):
    assert slicer_markups(make_result())["@schema"].endswith("/markups-schema-v1.0.3.json#")
