"""Tables as people bring them: what is used, what is not, and why."""

from __future__ import annotations

import pytest

from ifspace.agreement import readings_from_table
from ifspace.errors import UnreadableInputError
from ifspace.model import Kind, Side
from ifspace.tables import read_table

GOOD = [("P1", "left", "ifs", "A", 1, 13.2), ("P1", "left", "ifs", "B", 1, 14.0)]


def read(path):
    return readings_from_table(read_table(path))


def test_a_tidy_row_becomes_a_reading(readings_csv):
    found = read(readings_csv(GOOD)).readings[0]
    assert (found.hip.case, found.hip.side, found.kind) == ("P1", Side.LEFT, Kind.IFS)
    assert (found.reader, found.repeat, found.value_mm) == ("A", 1, 13.2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("P2", "left", "ifs", "A", 1, "about 13"), "not_a_number"),
        (("P2", "left", "ifs", "A", 1, "13,2"), "not_a_number"),
        (("P2", "left", "ifs", "A", 1, "nan"), "not_a_number"),
        (("P2", "left", "ifs", "A", 1, "-3"), "not_a_length"),
        (("P2", "middle", "ifs", "A", 1, 13), "side_unknown"),
        (("P2", "left", "ifi", "A", 1, 13), "kind_unknown"),
        (("P2", "left", "ifs", "", 1, 13), "reader_missing"),
        (("", "left", "ifs", "A", 1, 13), "case_missing"),
        (("P2", "left", "ifs", "A", "two", 13), "repeat_unknown"),
    ],
)
def test_a_bad_cell_costs_its_row_and_is_named(readings_csv, row, reason):
    found = read(readings_csv([*GOOD, row]))
    assert [(item.row, item.reason) for item in found.problems] == [(4, reason)]
    assert len(found.readings) == 2


def test_a_decimal_comma_is_told_how_to_be_written(readings_csv):
    found = read(readings_csv([*GOOD, ("P2", "left", "ifs", "A", 1, "13,2")]))
    assert "decimal point" in found.problems[0].detail


def test_an_empty_cell_is_a_missing_reading_and_no_mistake(readings_csv):
    found = read(readings_csv([*GOOD, ("P2", "left", "ifs", "A", 1, "")]))
    assert not found.problems
    assert found.readings[2].value_mm is None


def test_a_reading_given_twice_is_used_neither_way(readings_csv):
    found = read(
        readings_csv([*GOOD, ("P2", "left", "ifs", "A", 1, 9), ("P2", "left", "ifs", "A", 1, 8)])
    )
    assert [item.reason for item in found.problems] == ["reading_repeated"] * 2
    assert len(found.readings) == 2


def test_rows_as_measure_writes_them_are_numbered_in_the_order_of_the_file(readings_csv):
    header = ("study_instance_uid", "kind", "side", "status", "value_mm", "reader")
    rows = [
        ("1.2.3", "ifs", "left", "measured", 13.25, "A"),
        ("1.2.3", "ifs", "left", "measured", 13.75, "A"),
        ("1.2.3", "qfs", "left", "not_measured", "", "A"),
    ]
    found = read(readings_csv(rows, header)).readings
    assert [item.repeat for item in found] == [1, 2, 1]
    assert found[2].value_mm is None


def test_a_row_copied_cell_for_cell_is_no_second_reading(readings_csv):
    header = ("case", "kind", "side", "value_mm", "reader")
    rows = [("P1", "ifs", "left", 13.25, "A"), ("P1", "ifs", "left", 13.25, "A")]
    found = read(readings_csv(rows, header))
    assert [item.reason for item in found.problems] == ["row_repeated"]
    assert len(found.readings) == 1


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes(b"\xef\xbb\xbfcase;side;kind;reader;value_mm\r\nP1;left;ifs;A;13.5\r\n")
    assert read(path).readings[0].value_mm == 13.5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no rows"),
        (b"case,side,kind,reader\nP1,left,ifs,A\n", "no column value_mm"),
        (b"case,side,kind,reader,value_mm\nP1,left,ifs,A,soon\n", "no row of the table"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"case,case\n1,2\n", "twice"),
        (b"PK\x03\x04\0\0", "not a text table"),
    ],
)
def test_a_table_that_cannot_be_used_gets_one_sentence(tmp_path, content, words):
    path = tmp_path / "readings.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=words):
        read(path)


@pytest.mark.parametrize("value", ["1e300", "100", "13200"])
def test_a_length_that_no_hip_has_costs_its_row(readings_csv, value):
    found = read(readings_csv([*GOOD, ("P2", "left", "ifs", "A", 1, value)]))
    assert [(item.row, item.reason) for item in found.problems] == [(4, "not_a_length")]


def test_a_number_of_a_repeat_that_is_none_costs_its_row(readings_csv):
    found = read(readings_csv([*GOOD, ("P2", "left", "ifs", "A", "1e300", 13)]))
    assert [(item.row, item.reason) for item in found.problems] == [(4, "repeat_unknown")]


def test_a_decimal_comma_between_commas_is_not_cut_off(tmp_path):
    path = tmp_path / "readings.csv"
    path.write_text("case,side,kind,reader,value_mm\nP1,left,ifs,A,12\nP2,left,ifs,A,12,5\n")
    found = read(path)
    assert [item.value_mm for item in found.readings] == [12.0]
    assert [(item.row, item.reason) for item in found.problems] == [(3, "too_many_cells")]


def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path):
    path = tmp_path / "readings.csv"
    path.write_text('case,side,kind,reader,value_mm\nP1,left,ifs,A,12\n"P2,left,ifs,A,13\nP3,x\n')
    with pytest.raises(UnreadableInputError, match="not a valid CSV"):
        read(path)


def test_between_tabs_a_quote_is_a_letter(tmp_path):
    path = tmp_path / "readings.tsv"
    path.write_text('case\tside\tkind\treader\tvalue_mm\n"P"1\tleft\tifs\tA\t12\n')
    assert [item.value_mm for item in read(path).readings] == [12.0]
