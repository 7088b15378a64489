"""slicer.mrk.json: the measured lines for 3D Slicer, in patient millimetres."""

from __future__ import annotations

from typing import Any

from ifspace.geometry import Floats
from ifspace.model import Kind, Mark, Measurement, StudyResult
from ifspace.report import wording
from ifspace.report.texts import load_texts

# 3D Slicer reads the file by this name; it is not fetched.
MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
# Orange and blue of the key images, red-green-blue from 0 to 1.
COLOURS = {Kind.IFS: [1.0, 0.69, 0.0], Kind.QFS: [0.34, 0.78, 1.0]}


def slicer_markups(result: StudyResult) -> dict[str, Any]:
    """Give one line for every space that has a number."""
    return {
        "@schema": MARKUPS_SCHEMA,
        "markups": [_line(item) for item in result.measurements],
    }


def _line(item: Measurement) -> dict[str, Any]:
    texts = load_texts()
    kind = texts[f"kind.short.{item.kind.value}"]
    length = texts["mm"].format(value=wording.millimetres(item.value_mm))
    ends = (item.segment.start_lps_mm, item.segment.end_lps_mm)
    return {
        "type": "Line",
        "name": f"{kind} {item.side.value} {length}",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        # A changed line would keep the name with the old millimetres.
        "locked": True,
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(ends),
        "controlPoints": [
            _control_point(number, end, mark)
            for number, (end, mark) in enumerate(zip(ends, item.marks, strict=False), start=1)
        ],
        "measurements": [
            {
                "name": "length",
                "enabled": True,
                "value": item.value_mm,
                "units": "mm",
                "printFormat": "%-#4.4gmm",
            }
        ],
        "display": {
            "visibility": True,
            "opacity": 1.0,
            "color": COLOURS[item.kind],
            "selectedColor": COLOURS[item.kind],
            "propertiesLabelVisibility": True,
            "pointLabelsVisibility": False,
        },
    }


def _control_point(number: int, end_lps_mm: Floats, mark: Mark) -> dict[str, Any]:
    return {
        "id": str(number),
        "label": mark.name.value,
        "description": mark.state.value,
        "associatedNodeID": "",
        "position": end_lps_mm.tolist(),
        "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": True,
        "visibility": True,
        "positionStatus": "defined",
    }
