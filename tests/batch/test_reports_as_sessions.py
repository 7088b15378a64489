"""Structured reports in the folder of sessions: our own, and those of other programs."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from tests.batch.conftest import PLAIN, Told, study

from ifspace.batch import BatchPlan, BatchReport, Request, run_batch
from ifspace.dicom_out.content import concept, read_report, walk

WITH_REPORTS = BatchPlan(formats=("json", "session", "csv", "sr"))


def rows(out: Path, table: str = "measurements.csv") -> list[dict[str, str]]:
    with (out / table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def _measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    study(folder / "root" / "a", "asymmetric", seed=31)
    run_batch(Request(folder / "root", folder / "first", WITH_REPORTS), Told())
    (folder / "sessions").mkdir()
    (report,) = (folder / "first").rglob("sr.dcm")
    shutil.copy(report, folder / "sessions" / "SEEDEDNAME JANETTA.dcm")
    return folder


@pytest.fixture
def measured(_measured: Path, tmp_path: Path) -> Path:
    """A study, its first results in ``first``, and its report in ``sessions``."""
    shutil.copytree(_measured, tmp_path / "x")
    return tmp_path / "x"


def again(folder: Path) -> BatchReport:
    request = Request(folder / "root", folder / "out", PLAIN, sessions=folder / "sessions")
    return run_batch(request, Told())


def relabel(report: Path, change: object) -> None:
    """Take our session out of a report, and change what its lines are called."""
    dataset = read_report(report)
    for container in dataset.ContentSequence:
        kept = [i for i in container.get("ContentSequence", []) if concept(i)[0] != "99IFSPACE"]
        if concept(container)[1] == "C0034375":
            container.ContentSequence = kept
    for item in walk(dataset):
        if item.get("ValueType") == "TEXT":
            item.TextValue = change(str(item.TextValue))  # type: ignore[operator]
    dataset.save_as(report)


def test_our_report_is_read_as_the_session_that_made_it(measured: Path) -> None:
    assert again(measured).notes == ()
    assert [(row["value_mm"], row["reader"]) for row in rows(measured / "out")] == [
        (row["value_mm"], row["reader"]) for row in rows(measured / "first")
    ]


def test_named_lines_of_another_program_become_marks_that_a_person_placed(measured: Path) -> None:
    relabel(next((measured / "sessions").iterdir()), lambda text: text)
    again(measured)
    found = rows(measured / "out")
    assert {row["state"] for row in found} == {"placed"}
    assert [float(row["value_mm"]) for row in found] == pytest.approx(
        [float(row["value_mm"]) for row in rows(measured / "first")], abs=1e-3
    )


def test_lines_without_a_name_are_a_row_that_says_what_to_do(measured: Path) -> None:
    relabel(next((measured / "sessions").iterdir()), lambda _: "Length 1")
    again(measured)
    (failure,) = rows(measured / "out", "failures.csv")
    assert failure["reason"] == "session_invalid"
    assert "4 lengths, and none is named IFS or QFS" in failure["sentence"]
    assert "SEEDEDNAME" not in failure["sentence"]


def test_two_lines_of_one_name_are_not_chosen_from(measured: Path) -> None:
    words = ("Quadratus femoris", "Ischiofemoral")
    relabel(next((measured / "sessions").iterdir()), lambda text: text.replace(*words))
    again(measured)
    (failure,) = rows(measured / "out", "failures.csv")
    assert "more than one length named right IFS" in failure["sentence"]
