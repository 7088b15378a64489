"""`ifspace follow-up`, as a shell sees it."""

from __future__ import annotations

import json


def test_follow_up_prints_json_and_ends_with_0(ifspace, result_file, tmp_path):
    paths = [result_file(1), result_file(2, right=26.0)]
    arguments = ("--dates", "2025-01-10,2025-07-02", "-o", tmp_path / "out", "--json")
    done = ifspace("follow-up", *paths, *arguments)
    assert done.code == 0
    found = json.loads(done.out)["comparisons"][0]["changes"][0]
    assert found["verdict"] == "wider"


def test_a_forbidden_comparison_ends_with_3_and_says_why(ifspace, result_file, tmp_path):
    paths = [result_file(1), result_file(2, hip_rotation="external")]
    done = ifspace("follow-up", *paths, "-o", tmp_path / "out")
    assert done.code == 3
    assert "hip_rotation_differs" in done.out


def test_a_wrong_date_is_wrong_usage(ifspace, result_file, tmp_path):
    paths = [result_file(1), result_file(2)]
    done = ifspace("follow-up", *paths, "--dates", "yesterday,2025-07-02", "-o", tmp_path / "out")
    assert done.code == 2


def test_a_file_that_is_no_result_ends_with_1(ifspace, result_file, tmp_path):
    other = tmp_path / "x.json"
    other.write_text("{}")
    done = ifspace("follow-up", result_file(1), other, "-o", tmp_path / "out")
    assert done.code == 1
    assert not (tmp_path / "out").exists()


def test_entries_of_the_diary_that_were_not_used_are_named(ifspace, result_file, tmp_path):
    diary = tmp_path / "diary.csv"
    diary.write_text("date,pain\n2025-01-10,3\n2025-02-10,1e300\n2025-03-10,2,5\n")
    paths = [result_file(1), result_file(2)]
    done = ifspace("follow-up", *paths, "--diary", diary, "-o", tmp_path / "out")
    assert done.code == 3
    assert "row 3" in done.out
    assert "(not_a_number)" in done.out
    assert "row 4" in done.out
    assert "(too_many_cells)" in done.out
