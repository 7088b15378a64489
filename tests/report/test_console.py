from ifspace.model import Kind, Side
from ifspace.report import spaces_table


def test_there_is_a_row_for_each_space_right_side_first(make_result):
    result = make_result(sides=(Side.LEFT, Side.RIGHT), missing=((Kind.QFS, Side.LEFT),))
    columns, rows = spaces_table(result)
    assert [row[:2] for row in rows] == [
        ["right", "IFS"],
        ["right", "QFS"],
        ["left", "IFS"],
        ["left", "QFS"],
    ]
    assert all(len(row) == len(columns) for row in rows)


def test_a_row_gives_the_value_or_the_reason(make_result):
    _, rows = spaces_table(make_result(missing=((Kind.QFS, Side.LEFT),)))
    assert rows[0][2:5] == ["13.0 ± 1.9 mm", "slice 3 of 5", "PLACED, not confirmed"]
    assert "15 mm: yes" in rows[0][5]
    assert rows[3][2] == "not measured: hamstring_superolateral is not placed"


def test_a_cut_off_of_two_studies_is_listed_once(make_result, make_published):
    two = tuple(make_published(name, Kind.IFS, 16.0) for name in ("one_2025", "other_2026"))
    _, rows = spaces_table(make_result(cutoffs={Kind.IFS: two, Kind.QFS: ()}))
    assert rows[0][5] == "16 mm: yes"
