"""`ifspace follow-up`, as a shell sees it."""

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


def test_follow_up_prints_json_and_ends_with_0(run, result_file, tmp_path):
    paths = [result_file(1), result_file(2, right=22.0)]
    arguments = ("--dates", "2025-01-10,2025-07-02", "-o", tmp_path / "out", "--json")
    done = run("follow-up", *paths, *arguments)
    assert done.returncode == 0
    found = json.loads(done.stdout)["comparisons"][0]["changes"][0]
    assert found["verdict"] == "wider"


def test_a_forbidden_comparison_ends_with_3_and_says_why(run, result_file, tmp_path):
    paths = [result_file(1), result_file(2, hip_rotation="external")]
    done = run("follow-up", *paths, "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "hip_rotation_differs" in done.stdout


def test_a_wrong_date_is_wrong_usage(run, result_file, tmp_path):
    paths = [result_file(1), result_file(2)]
    done = run("follow-up", *paths, "--dates", "yesterday,2025-07-02", "-o", tmp_path / "out")
    assert done.returncode == 2


def test_a_file_that_is_no_result_ends_with_1(run, result_file, tmp_path):
    other = tmp_path / "x.json"
    other.write_text("{}")
    done = run("follow-up", result_file(1), other, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()
