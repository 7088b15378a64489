"""`ifspace compare-groups`, as a shell sees it."""

from __future__ import annotations

import json

import pytest

HEADER = "case,side,kind,value_mm,group\n"
ROWS = "".join(
    f"P{n},{side},ifs,{(14 if n < 5 else 21) + (n * 7 % 5) + (side == 'left')},"
    f"{'case' if n < 5 else 'control'}\n"
    for n in range(10)
    for side in ("left", "right")
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(HEADER + ROWS)
    return path


def test_compare_groups_prints_json_and_ends_with_0(ifspace, table, tmp_path):
    done = ifspace("compare-groups", table, "--group", "group", "-o", tmp_path / "out", "--json")
    assert done.code == 0
    assert json.loads(done.out)["spaces"]["ifs"]["optimal"]["validated"] is False


def test_the_refusal_of_a_cutoff_on_its_own_data_ends_with_3(ifspace, table, tmp_path):
    ifspace("compare-groups", table, "--group", "group", "-o", tmp_path / "one")
    earlier = tmp_path / "one" / "groups.json"
    arguments = ("--group", "group", "--cutoff-from", earlier, "-o", tmp_path / "two")
    done = ifspace("compare-groups", table, *arguments)
    assert done.code == 3
    assert "cannot validate it" in done.out


def test_a_missing_column_ends_with_1_and_one_sentence(ifspace, table, tmp_path):
    done = ifspace("compare-groups", table, "--group", "pain", "-o", tmp_path / "out")
    assert done.code == 1
    assert "no column pain" in done.err
