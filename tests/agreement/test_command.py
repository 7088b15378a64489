"""`ifspace agree`, as a shell sees it."""

from __future__ import annotations

import json

import pytest

GOOD = [
    (f"P{n}", side, "ifs", reader, 1, 15 + n + 0.2 * (n % 3) * (reader == "B"))
    for n in range(5)
    for side in ("left", "right")
    for reader in ("A", "B")
]


def test_agree_prints_json_and_ends_with_0(ifspace, readings_csv, tmp_path):
    done = ifspace("agree", readings_csv(GOOD), "-o", tmp_path / "out", "--json")
    assert done.code == 0
    assert json.loads(done.out)["schema"] == "ifspace-agreement/1"
    assert (tmp_path / "out" / "agreement.pdf").is_file()


def test_a_row_that_cannot_be_used_ends_with_3_and_is_named(ifspace, readings_csv, tmp_path):
    rows = [*GOOD, ("P9", "left", "ifs", "A", 1, "wide")]
    done = ifspace("agree", readings_csv(rows), "-o", tmp_path / "out")
    assert done.code == 3
    assert "row 22" in done.out
    assert "not_a_number" in done.out


@pytest.mark.parametrize("content", ["", "case,side\n1,left\n", "\x00\x01"])
def test_a_table_that_cannot_be_used_ends_with_1_and_one_sentence(ifspace, tmp_path, content):
    path = tmp_path / "readings.csv"
    path.write_text(content)
    done = ifspace("agree", path, "-o", tmp_path / "out")
    assert done.code == 1
    assert done.err.startswith("ifspace: ")
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_design_with_one_reader_twice_is_wrong_usage(ifspace, readings_csv, tmp_path):
    done = ifspace(
        "agree", readings_csv(GOOD), "-o", tmp_path / "o", "--design", "--readers", "A,A"
    )
    assert done.code == 2


def test_a_design_records_its_seed(ifspace, readings_csv, tmp_path):
    out = tmp_path / "plan"
    done = ifspace("agree", readings_csv(GOOD), "-o", out, "--design", "--seed", "7", "--json")
    assert done.code == 0
    assert json.loads(done.out)["seed"] == 7
    assert json.loads((out / "plan.json").read_text())["seed"] == 7


def test_filled_lists_are_unblinded_and_kept(ifspace, readings_csv, tmp_path):
    plan, out = tmp_path / "plan", tmp_path / "out"
    ifspace("agree", readings_csv(GOOD), "-o", plan, "--design", "--seed", "7")
    for path in plan.glob("list_*.csv"):
        lines = path.read_text().splitlines()
        filled = [f"{line.rsplit(',', 3)[0]},{12 + n},," for n, line in enumerate(lines[1:])]
        path.write_text("\n".join([lines[0], *filled]))
    done = ifspace("agree", plan, "--key", plan / "key.csv", "-o", out)
    assert done.code == 0
    assert (out / "readings.csv").read_text().startswith("person,case,side,kind,reader")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row for row in GOOD if row[0] == "P0"], "2 hips with every reading; at least 3"),
        ([(*row[:5], 15.0) for row in GOOD], "the hips do not differ from each other"),
        ([row for row in GOOD if row[3] == "A"], "one reader only"),
    ],
)
def test_what_cannot_be_given_ends_with_3_and_is_said(ifspace, readings_csv, tmp_path, rows, says):
    done = ifspace("agree", readings_csv(rows), "-o", tmp_path / "out")
    assert done.code == 3
    assert says in done.out
