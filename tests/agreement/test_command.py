"""`ifspace agree`, as a shell sees it."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from ifspace import cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program in this process, to its exit code and what it printed."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ifspace", *map(str, arguments)])
        code = cli.exits.run(cli.app)
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=printed.out, stderr=printed.err)

    return call


GOOD = [
    (f"P{n}", side, "ifs", reader, 1, 15 + n + 0.2 * (n % 3) * (reader == "B"))
    for n in range(5)
    for side in ("left", "right")
    for reader in ("A", "B")
]


def test_agree_prints_json_and_ends_with_0(run, readings_csv, tmp_path):
    done = run("agree", readings_csv(GOOD), "-o", tmp_path / "out", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["schema"] == "ifspace-agreement/1"
    assert (tmp_path / "out" / "agreement.pdf").is_file()


def test_a_row_that_cannot_be_used_ends_with_3_and_is_named(run, readings_csv, tmp_path):
    rows = [*GOOD, ("P9", "left", "ifs", "A", 1, "wide")]
    done = run("agree", readings_csv(rows), "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "row 22" in done.stdout
    assert "not_a_number" in done.stdout


@pytest.mark.parametrize("content", ["", "case,side\n1,left\n", "\x00\x01"])
def test_a_table_that_cannot_be_used_ends_with_1_and_one_sentence(run, tmp_path, content):
    path = tmp_path / "readings.csv"
    path.write_text(content)
    done = run("agree", path, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith("ifspace: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_design_with_one_reader_twice_is_wrong_usage(run, readings_csv, tmp_path):
    done = run("agree", readings_csv(GOOD), "-o", tmp_path / "o", "--design", "--readers", "A,A")
    assert done.returncode == 2


def test_a_design_records_its_seed(run, readings_csv, tmp_path):
    out = tmp_path / "plan"
    done = run("agree", readings_csv(GOOD), "-o", out, "--design", "--seed", "7", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["seed"] == 7
    assert json.loads((out / "plan.json").read_text())["seed"] == 7


def test_filled_lists_are_unblinded_and_kept(run, readings_csv, tmp_path):
    plan, out = tmp_path / "plan", tmp_path / "out"
    run("agree", readings_csv(GOOD), "-o", plan, "--design", "--seed", "7")
    for path in plan.glob("list_*.csv"):
        lines = path.read_text().splitlines()
        filled = [f"{line.rsplit(',', 3)[0]},{12 + n},," for n, line in enumerate(lines[1:])]
        path.write_text("\n".join([lines[0], *filled]))
    done = run("agree", plan, "--key", plan / "key.csv", "-o", out)
    assert done.returncode == 0
    assert (out / "readings.csv").read_text().startswith("person,case,side,kind,reader")
