"""Readings as tables: made here, or the two readers of the real hips."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from tests.cli.conftest import ifspace as ifspace

HEADER = ("case", "side", "kind", "reader", "reading", "value_mm")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@pytest.fixture
def readings_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write a readings table: `readings_csv(rows)`."""

    def write(rows: Iterable[Sequence[object]], header: Sequence[str] = HEADER) -> Path:
        return write_csv(tmp_path / "readings.csv", header, rows)

    return write


@pytest.fixture
def real_readings(real_data: Path, tmp_path: Path) -> Path:
    """The two readers of the real hips as a table; which hips are of one person is in the case."""
    source = real_data / "readings.json"
    if not source.is_file():
        pytest.skip("the real data hold no readings.json")
    rows = [
        (item["case"], item["side"], kind, item["reader"], 1, item[kind]["mm"])
        for item in json.loads(source.read_text())
        for kind in ("ifs", "qfs")
    ]
    return write_csv(tmp_path / "real.csv", HEADER, rows)
