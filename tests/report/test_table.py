import csv
import io
from dataclasses import replace

import pytest

from ifspace.model import Kind, Side
from ifspace.report.table import COLUMNS, measurements_csv


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_there_is_one_row_for_each_space_and_side(make_result):
    found = rows(measurements_csv(make_result(missing=((Kind.QFS, Side.LEFT),))))
    assert [(row["kind"], row["side"], row["status"]) for row in found] == [
        ("ifs", "right", "measured"),
        ("qfs", "right", "measured"),
        ("ifs", "left", "measured"),
        ("qfs", "left", "not_measured"),
    ]


def test_a_measured_row_has_its_number_and_a_missing_one_its_reason(make_result):
    found = rows(measurements_csv(make_result(missing=((Kind.QFS, Side.LEFT),))))
    assert float(found[0]["value_mm"]) == 13.0
    assert float(found[2]["value_mm"]) == pytest.approx(21.840329667841555, abs=1e-12)
    assert float(found[0]["start_x_lps_mm"]) == -52.0
    assert found[3]["value_mm"] == ""
    assert found[3]["reason"] == "mark_missing"


def test_every_column_of_a_length_names_millimetres():
    lengths = [name for name in COLUMNS if "value" in name or "u95" in name or "spacing" in name]
    assert all(name.endswith("_mm") for name in lengths)


def test_lines_end_as_rfc_4180_asks(make_result):
    text = measurements_csv(make_result())
    assert text.count("\r\n") == 5
    assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_made_plain(make_result, start):
    result = make_result()
    session = replace(result.session, reader=f'{start}HYPERLINK("evil"),x')
    found = rows(measurements_csv(replace(result, session=session)))
    assert found[0]["reader"] == f'\'{start}HYPERLINK("evil"),x'


def test_a_negative_number_stays_a_number(make_result):
    assert float(rows(measurements_csv(make_result()))[0]["end_x_lps_mm"]) == -64.0


def test_two_runs_write_the_same(make_result):
    assert measurements_csv(make_result()) == measurements_csv(make_result())
