"""Charts and sheets on paper: the same bytes every time, all files or none."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from ifspace.errors import OutputError
from ifspace.figures import (
    Bars,
    Chart,
    Dots,
    Level,
    Line,
    Sheet,
    axis_around,
    callout,
    chart_files,
    charts,
    facts,
    heading,
    items,
    paragraph,
    sheet_pdf,
    table,
    write_study,
)
from ifspace.notice import NOTICE
from ifspace.report.typeset import PNG_DOTS_PER_INCH

CHART = Chart(
    "bland_altman_ifs",
    "IFS of two readers",
    "differences against means",
    axis_around("mean, mm", [10.0, 30.0]),
    axis_around("difference, mm", [-2.0, 2.0]),
    (
        Dots(((12.0, 0.5), (20.0, -1.0)), "ifs", label="right"),
        Dots(((15.0, 1.5),), "qfs", "diamond", filled=False, label="left"),
        Bars(((25.0, -1.0, 1.0),)),
        Line(((10.0, 0.0), (30.0, 0.5)), "muted", "dotted"),
        Level(0.2, "bias", dash="dashed"),
        Level(17.0, "cut-off", upright=True),
    ),
)
SHEET = Sheet(
    "Reader agreement",
    "two readers",
    (
        facts([("Hips", "12")]),
        heading("Results", new_page=True),
        paragraph("Every number has its interval.", small=True),
        items(["one", "two"]),
        table(["Space", "Bias, mm"], [["IFS", "0.2"]], bold_first=True),
        callout("Few persons", ["The interval is shaky."]),
        charts([CHART]),
    ),
    "ifspace 0.0",
)


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return chart_files([CHART])


def test_a_chart_is_drawn_as_svg_and_png(drawn):
    assert set(drawn) == {"bland_altman_ifs.svg", "bland_altman_ifs.png"}
    assert b"<svg" in drawn["bland_altman_ifs.svg"]
    picture = Image.open(io.BytesIO(drawn["bland_altman_ifs.png"]))
    assert picture.width >= CHART.width_mm / 25.4 * PNG_DOTS_PER_INCH - 1


def test_the_same_chart_has_the_same_bytes(drawn):
    assert chart_files([CHART]) == drawn


def test_a_sheet_says_all_its_blocks_and_the_notice(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    made = sheet_pdf(SHEET)
    reader = PdfReader(io.BytesIO(made))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for words in ("Reader agreement", "Hips", "Results", "Every number", "two", "0.2", "shaky"):
        assert words in text
    assert " ".join(NOTICE.split())[:40] in text
    assert len(reader.pages) >= 2
    assert reader.metadata.creation_date.year == 1980


def test_a_study_is_written_whole_and_never_over_an_older_one(tmp_path: Path):
    data = {"schema": "test/1", "value": 1.5}
    more = {"rows.csv": b"a,b\n"}
    written = write_study("agreement", data, SHEET, [CHART], tmp_path / "out", more=more)
    names = {path.name for path in written}
    assert names == {
        "agreement.json", "agreement.pdf", "rows.csv",
        "bland_altman_ifs.svg", "bland_altman_ifs.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "agreement.json").read_text()) == data
    before = {path.name: path.read_bytes() for path in written}
    with pytest.raises(OutputError):
        write_study("agreement", {}, SHEET, [CHART], tmp_path / "out")
    assert {path.name: path.read_bytes() for path in written} == before


def test_a_number_that_is_none_is_no_json(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_study("agreement", {"value": float("nan")}, SHEET, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()
