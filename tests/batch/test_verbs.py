from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.batch.conftest import PLAIN, Undisturbed

from ifspace.batch.request import PendingCounts
from ifspace.cli.progress import words_of

FORMATS = ",".join(PLAIN.formats)


def test_the_summary_of_a_run_is_json_and_its_code_says_partly(
    ifspace, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    ran = ifspace("batch", undisturbed.root, "-o", out, "--format", FORMATS, "--json")
    assert ran.code == 3
    assert ran.json["counts"] == {
        "measured": 3,
        "partly_measured": 1,
        "not_measured": 2,
        "failed": 0,
    }
    assert ran.json["measured_now"] == 0
    assert "6 studies, 6 of them done before" in ran.err


def test_merge_prints_what_came_together(ifspace, undisturbed: Undisturbed, tmp_path: Path) -> None:
    ran = ifspace("merge", undisturbed.out, "-o", tmp_path / "merged")
    assert ran.code == 3
    assert "not measured: 2" in ran.out
    cases = json.loads((tmp_path / "merged" / "manifest.json").read_text())["cases"]
    assert len(cases) == 6


def test_a_folder_that_holds_no_batch_is_not_merged(ifspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = ifspace("merge", tmp_path / "empty", "-o", tmp_path / "merged")
    assert ran.code == 1
    assert "holds no batch" in ran.err


def test_wrong_shards_and_labels_are_refused_before_anything_runs(ifspace, tmp_path: Path) -> None:
    assert ifspace("batch", tmp_path, "-o", tmp_path / "o", "--shard", "8/7").code == 2
    assert ifspace("batch", tmp_path, "-o", tmp_path / "o", "--shard", "one").code == 2
    ran = ifspace("batch", tmp_path, "-o", tmp_path / "o", "--scheduler", "nonsense")
    assert ran.code == 2
    assert "tcp://HOST:PORT" in ran.err
    ran = ifspace("batch", tmp_path, "-o", tmp_path / "o", "--labels", "hip=1")
    assert ran.code == 1
    assert "--labels" in ran.err
    assert not (tmp_path / "o").exists()


def test_a_folder_without_studies_ends_with_a_sentence(ifspace, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "notes.txt").write_text("nothing here")
    ran = ifspace("batch", tmp_path / "root", "-o", tmp_path / "out")
    assert ran.code == 1
    assert "no study was found" in ran.err


@pytest.mark.parametrize(
    ("pending", "says"),
    [
        (PendingCounts(1, 1, 0, 0), "1 study, 0 of them done before"),
        (PendingCounts(6, 6, 6, 0), "6 studies, 6 of them done before"),
        (PendingCounts(15, 30, 4, 0), "30 readings of 15 studies, 4 of them done before"),
        (
            PendingCounts(6, 6, 0, 2),
            "6 studies, 0 of them done before, 2 that cannot be measured (why: failures.csv)",
        ),
    ],
)
def test_a_run_counts_studies_and_readings_apart(pending: PendingCounts, says: str) -> None:
    assert words_of(pending) == says
