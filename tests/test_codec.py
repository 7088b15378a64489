"""What a file may hold follows the dataclasses, and comes back as it went out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ifspace.codec import (
    FileFormat,
    InvalidContentError,
    built,
    file_type,
    from_text,
    picked,
    plain,
    text_of,
)
from ifspace.geometry import Floats
from ifspace.model import Series, Side
from ifspace.report import result_schema


@dataclass(frozen=True, eq=False)
class Hip:
    """One hip."""

    side: Side
    centre_lps_mm: Floats
    sizes_px: tuple[int, int]
    age_years: float | None = None


@dataclass(frozen=True)
class Row:
    """A row of plain values."""

    path: Path
    sides: tuple[Side, ...]
    seconds: float = 0.0


HIP = Hip(Side.LEFT, np.array([0.1 + 0.2, -1e-9, 3.0]), (3, 4))
FORMAT = FileFormat("hip/1", file_type(Hip, further=False))


def test_a_dataclass_comes_back_from_what_was_written() -> None:
    again = built(Hip, FORMAT.checked(plain(HIP)))
    assert plain(again) == plain(HIP)
    assert again.side is Side.LEFT
    assert again.sizes_px == (3, 4)
    assert again.centre_lps_mm.tolist() == HIP.centre_lps_mm.tolist()


def test_what_is_none_is_absent_unless_null_is_asked_for() -> None:
    assert "age_years" not in plain(HIP)
    assert picked(HIP, ("age_years",), null=True) == {"age_years": None}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"side": "middle"}, "side"),
        ({"centre_lps_mm": [1.0, 2.0]}, "centre_lps_mm"),
        ({"centre_lps_mm": [1.0, 2.0, float("nan")]}, "centre_lps_mm.2"),
        ({"sizes_px": [1, 2, 3]}, "sizes_px"),
        ({"age_years": None}, "age_years"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_the_dataclass_does_not_allow_is_refused(change: dict, place: str) -> None:
    with pytest.raises(InvalidContentError) as caught:
        FORMAT.checked({**plain(HIP), **change})
    assert [sentence.split(":")[0] for sentence in caught.value.problems] == [place]


def test_every_field_of_a_series_but_its_paths_has_a_place_in_the_result_schema() -> None:
    defined = result_schema()["$defs"]
    names = {
        name.removeprefix("header_")
        for part in ("SeriesFile", "StudyFile", "GeometryFile")
        for name in defined[part]["properties"]
    }
    assert names == set(Series.__dataclass_fields__)


def test_a_row_is_one_line_and_comes_back() -> None:
    row = Row(Path("/a/b"), (Side.LEFT,), 0.1 + 0.2)
    assert "\n" not in text_of(row)
    assert from_text(Row, text_of(row)) == row
    with pytest.raises(ValueError, match="JSON compliant"):
        text_of(Row(Path(), (), float("nan")))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"path": "a", "sides": ["middle"]}'])
def test_a_line_that_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_text(Row, text)


def test_a_file_of_another_schema_is_named() -> None:
    with pytest.raises(InvalidContentError, match="this version reads 'hip/1'"):
        FORMAT.checked({"schema": "hip/2"})
