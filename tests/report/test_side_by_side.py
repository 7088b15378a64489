"""Two readers of one study: neither is silently left out."""

import csv
import io
from dataclasses import replace

import pytest

from ifspace.model import AssessedSpace, Kind, NotMeasured, Reason, Side
from ifspace.report import findings_paragraph
from ifspace.report.side_by_side import (
    naming_each_other,
    reader_names,
    readings_csv,
    readings_table,
    side_by_side,
)


@pytest.fixture
def two(make_result):
    """Two readings; the second reader B has the right IFS 2 mm wider and no left QFS."""
    first = make_result()
    spaces = []
    for space in first.spaces:
        outcome = space.outcome
        if (outcome.kind, outcome.side) == (Kind.IFS, Side.RIGHT):
            outcome = replace(outcome, value_mm=outcome.value_mm + 2.0)
        if (outcome.kind, outcome.side) == (Kind.QFS, Side.LEFT):
            outcome = NotMeasured(Kind.QFS, Side.LEFT, Reason.MARK_MISSING, "not placed")
        spaces.append(AssessedSpace(outcome))
    session = replace(first.session, reader="B")
    return [first, replace(first, session=session, spaces=tuple(spaces))]


def test_both_values_their_difference_and_the_pooled_value_stand_side_by_side(two):
    row = side_by_side(two)[0]
    assert (row.kind, row.side) == (Kind.IFS, Side.RIGHT)
    assert row.difference_mm == pytest.approx(2.0)
    mean_mm, u95_mm = row.pooled
    assert mean_mm == pytest.approx(row.values_mm[0] + 1.0)
    assert u95_mm == pytest.approx(1.9 / 2**0.5)
    columns, rows = readings_table(two)
    assert columns[2:] == ("A", "B", "difference", "pooled")
    assert rows[0] == ["right", "IFS", "13.0", "15.0", "2.0", "14.0 ± 1.3"]
    assert rows[3][3:] == ["–", "–", "–"]


def test_readers_far_apart_are_not_pooled_to_a_sure_value(two):
    far = replace(two[1].spaces[0].outcome, value_mm=25.0)
    other = replace(two[1], spaces=(AssessedSpace(far), *two[1].spaces[1:]))
    mean_mm, u95_mm = side_by_side([two[0], other])[0].pooled
    assert mean_mm - u95_mm <= two[0].spaces[0].outcome.value_mm
    assert mean_mm + u95_mm >= 25.0 - 1e-9


def test_every_report_names_the_other_reading(two):
    first, second = naming_each_other(two, named=True)
    assert (
        "Another reading (B) gives right IFS 15.0 mm, difference 2.0 mm, pooled 14.0 ± 1.3 mm"
        in (findings_paragraph(first))
    )
    assert "left QFS not measured" in first.flags[0].detail
    assert "Another reading (A)" in second.flags[0].detail
    numbered, _ = naming_each_other(two, named=False)
    assert "Another reading (reading 2)" in numbered.flags[0].detail


def test_the_table_for_programs_is_unrounded_and_holds_every_reading(two):
    rows = list(csv.DictReader(io.StringIO(readings_csv(two, named=True))))
    assert len(rows) == 8
    assert {row["reader"] for row in rows} == {"A", "B"}
    missing = next(
        row for row in rows if (row["kind"], row["side"], row["reader"]) == ("qfs", "left", "B")
    )
    assert missing["value_mm"] == ""


def test_one_reader_twice_is_numbered(two):
    again = [two[0], replace(two[1], session=two[0].session)]
    assert reader_names(again) == ["A 1", "A 2"]
