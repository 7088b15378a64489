"""Results of one person, measured by the library on volumes made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.cli.conftest import ifspace as ifspace

from ifspace.model import Mark, MarkName, MarkState, Session, Side, Volume
from ifspace.report import result_to_json
from ifspace.workflow import assess

ISCHIUM_X_MM = {Side.RIGHT: -20.0, Side.LEFT: 20.0}
PELVIS = SimpleNamespace(
    name="pelvis",
    along_row=(1.0, 0.0, 0.0),
    along_column=(0.0, 1.0, 0.0),
    slice_sign=1,
    row_spacing_mm=0.8,
    column_spacing_mm=0.6,
    slice_step_mm=4.4,
    origin_lps_mm=(-55.0, -30.0, -700.0),
    shape_kji=(6, 100, 184),
)
AWAY = {Side.RIGHT: -1.0, Side.LEFT: 1.0}
FIRST, SECOND = (
    (MarkName.ISCHIUM_LATERAL, MarkName.HAMSTRING_SUPEROLATERAL),
    (MarkName.LESSER_TROCHANTER_MEDIAL, MarkName.ILIOPSOAS_POSTEROMEDIAL),
)


def marks(widths_mm, state):
    """Marks `widths_mm[side]` apart for the IFS, and 4 mm less for the QFS."""
    for side, width_mm in widths_mm.items():
        for first, second, gap_mm, y in zip(
            FIRST, SECOND, (width_mm, width_mm - 4.0), (0.0, 5.0), strict=True
        ):
            x = ISCHIUM_X_MM[side]
            for name, place in ((first, x), (second, x + AWAY[side] * gap_mm)):
                position = np.array([place, y, -691.2])
                yield Mark(name, side, position, state)


@pytest.fixture
def result_file(tmp_path: Path, volume_of: Callable[..., Volume]) -> Callable[..., Path]:
    """Write a result: `result_file(1, right=15.0, left=18.0, age=40, hip_rotation="neutral")`."""

    def write(
        number: int,
        *,
        right: float | None = 15.0,
        left: float | None = 18.0,
        age: float | None = 40.0,
        state: MarkState = MarkState.CONFIRMED,
        reader: str = "A",
        series: dict | None = None,
        **acquisition: str,
    ) -> Path:
        volume = volume_of(PELVIS, patient_age_years=age, **(series or {}))
        volume = replace(volume, series=replace(volume.series, study_instance_uid=f"1.2.{number}"))
        widths = {
            side: width
            for side, width in ((Side.RIGHT, right), (Side.LEFT, left))
            if width is not None
        }
        known = {"hip_rotation": "neutral", "knee_bolster": "no", "patient_position": "supine"}
        session = Session(
            reader=reader,
            marks=tuple(marks(widths, state)),
            acquisition={**known, **acquisition},
        )
        path = tmp_path / f"result_{number}.json"
        path.write_text(json.dumps(result_to_json(assess(volume, session))))
        return path

    return write
