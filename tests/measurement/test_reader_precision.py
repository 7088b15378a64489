from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import PLAIN, make_volume

from ifspace.agreement import readings_from_table, study_agreement, write_agreement
from ifspace.errors import UnreadableInputError
from ifspace.geometry import Segment
from ifspace.measurement import Budget, half_width_95_mm, read_reader_precision
from ifspace.measurement.uncertainty import DEFAULT_READER_SOURCE, not_below
from ifspace.model import Kind, UncertaintyPart
from ifspace.tables import read_table


@pytest.fixture
def agreement(tmp_path: Path) -> Path:
    """What `agree` writes for six hips that two readers read 3 mm apart, IFS only."""
    table = tmp_path / "readings.csv"
    rows = [
        f"P{n},left,ifs,{reader},{10 + 2 * n + (3 + 0.2 * (n % 3)) * (reader == 'B')}"
        for n in range(6)
        for reader in "AB"
    ]
    table.write_text("case,side,kind,reader,value_mm\n" + "\n".join(rows))
    study = study_agreement(readings_from_table(read_table(table)))
    write_agreement(study, tmp_path / "out")
    return tmp_path / "out" / "agreement.json"


def test_a_department_replaces_the_default_by_its_own(agreement: Path) -> None:
    own = read_reader_precision(agreement)
    written = json.loads(agreement.read_text())["spaces"]["ifs"]["between_readers"]
    part, _ = Budget(precision=own).reader(Kind.IFS, 1)
    assert part.standard_mm == pytest.approx(written["sem_agreement_mm"]["value"])
    assert part.standard_mm > 1.5
    assert part.source == "the department's own readers over 6 hips"
    other, _ = Budget(precision=own).reader(Kind.QFS, 1)
    assert other.standard_mm == pytest.approx(1.05)


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "ifspace-agreement/1", "spaces": {}}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UnreadableInputError, match="that agree wrote"):
        read_reader_precision(path)


def test_the_default_says_that_its_readers_are_not_radiologists() -> None:
    assert "not radiologists" in DEFAULT_READER_SOURCE


def test_a_proposal_that_nobody_reviewed_is_never_surer_than_a_confirmed_reading() -> None:
    plane = make_volume(PLAIN).slices[0].plane
    reader, _ = Budget().parts(Kind.IFS, Segment(np.zeros(3), np.array([15.0, 0.0, 0.0])), plane)
    sharp = (UncertaintyPart("edges", 0.2, "clearness"),)
    assert half_width_95_mm(not_below(sharp, reader)) == pytest.approx(half_width_95_mm(reader))
    vague = (UncertaintyPart("edges", 3.0, "clearness"),)
    assert not_below(vague, reader) == vague
