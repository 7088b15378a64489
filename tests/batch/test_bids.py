"""The batch as a BIDS app, and its results as BIDS derivatives."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import SimpleITK as sitk
from tests.batch.conftest import PLAIN, Told, Undisturbed, as_volume_file, files_below, study

from ifspace.batch import Request, run_batch
from ifspace.batch.bids.columns import descriptions
from ifspace.batch.bids.dataset import FAILURE_COLUMNS, MEASUREMENT_COLUMNS, PARTICIPANT_COLUMNS
from ifspace.batch.bids.names import BidsName, session_source
from ifspace.batch.bids.raw import Choice
from ifspace.batch.bids_app import run_group, run_participants

FORMATS = ",".join(PLAIN.formats)
VALIDATOR = shutil.which("bids-validator-deno")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bids")
    raw, marks = folder / "raw", folder / "marks"
    marks.mkdir()
    for number, (stem, marked) in enumerate(
        [
            ("sub-01_T1w", True),
            ("sub-02_ses-post_T1w", True),
            ("sub-02_ses-pre_T1w", True),
            ("sub-03_acq-tse_run-1_PDw", False),
        ]
    ):
        study(folder / str(number), seed=50 + number, ifs_mm=13.0 + number, qfs_mm=8.0)
        image, session = as_volume_file(folder / str(number))
        name = BidsName.parse(stem)
        assert name is not None
        (raw / name.folder).mkdir(parents=True)
        sitk.WriteImage(image, str(raw / name.folder / f"{stem}.nii.gz"))
        (raw / name.folder / f"{stem}.json").write_text('{"MagneticFieldStrength": 3}')
        if marked:
            (marks / f"{stem}.json").write_text(json.dumps(session))
    description = {"Name": "Hips", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (raw / "dataset_description.json").write_text(json.dumps(description))
    (raw / "participants.tsv").write_text(
        "participant_id\tage\tsex\nsub-01\t47\tF\nsub-02\t12\tmale\nsub-03\t89+\tn/a\n"
    )
    # Neither is an image of the anatomy that a space could be measured on.
    shutil.copy(raw / "sub-01/anat/sub-01_T1w.nii.gz", raw / "sub-01/anat/sub-01_T1map.nii.gz")
    (raw / "derivatives").mkdir()
    shutil.copy(raw / "sub-01/anat/sub-01_T1w.nii.gz", raw / "derivatives/sub-01_T1w.nii.gz")
    return folder


@pytest.fixture(scope="module")
def derived(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What both levels make of all participants at once."""
    out = tmp_path_factory.mktemp("derived") / "out"
    request = Request(dataset / "raw", out, PLAIN, sessions=dataset / "marks")
    run_participants(request, Choice(), Told())
    run_group(dataset / "raw", out, Choice())
    return out


def derivatives(out: Path) -> dict[str, bytes]:
    """Every derivative with its bytes, without the ledgers and tables of the runs."""
    found = files_below(out)
    return {name: found[name] for name in found if not name.startswith("ifspace_work")}


@pytest.fixture
def call(ifspace, dataset: Path, tmp_path: Path):
    """Run the app on the dataset, into a folder of this test."""

    def run(level: str, *more: object):
        extra = ["--sessions", dataset / "marks", "--format", FORMATS] if level != "group" else []
        return ifspace("bids", dataset / "raw", tmp_path / "out", level, *extra, *more)

    return run


@pytest.mark.slow
def test_both_levels_measure_a_dataset(call, derived: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    # The labels as BIDS apps take them: many after one option, with or without sub-.
    assert call("participant", "--participant_label", "01", "sub-02", "--jobs", 1).code == 0
    assert call("participant", "--participant-label", "03").code == 1
    ran = call("group", "--json")
    assert ran.code == 3
    assert ran.json["counts"]["measured"] == 3
    found = rows(out / "measurements.tsv")
    narrow = [row for row in found if row["kind"] == "ifs" and row["side"] == "left"]
    assert [(row["participant_id"], row["session_id"], row["image"]) for row in narrow] == [
        ("sub-01", "n/a", "sub-01_T1w"),
        ("sub-02", "ses-post", "sub-02_ses-post_T1w"),
        ("sub-02", "ses-pre", "sub-02_ses-pre_T1w"),
        ("sub-03", "n/a", "sub-03_acq-tse_run-1_PDw"),
    ]
    assert [float(row["value_mm"]) for row in narrow[:3]] == pytest.approx([13, 14, 15], abs=0.05)
    assert narrow[3]["value_mm"] == "n/a"
    assert {row["reason"] for row in rows(out / "failures.tsv")} == {"ischium_not_confirmed"}
    assert [tuple(row.values()) for row in rows(out / "participants.tsv")] == [
        ("sub-01", "47", "F"),
        ("sub-02", "12", "M"),
        ("sub-03", "n/a", "n/a"),
    ]
    page = (out / "cohort.html").read_text()
    assert "sub-02_ses-pre_T1w" in page
    place = "sub-03/anat/sub-03_acq-tse_run-1_mod-PDw_desc-ifspace_session.json"
    assert (out / place).is_file()
    # One after another or all at once: the same bytes.
    assert derivatives(out) == derivatives(derived)


def test_the_age_of_the_table_decides_which_published_values_apply(derived: Path) -> None:
    def compared(place: str) -> set[str]:
        data = json.loads((derived / place).read_text())
        outcomes = data["outcomes"]
        return {item["evidence_id"] for found in outcomes for item in found["comparisons"]}

    child = compared("sub-02/ses-pre/anat/sub-02_ses-pre_mod-T1w_desc-ifspace_result.json")
    adult = compared("sub-01/anat/sub-01_mod-T1w_desc-ifspace_result.json")
    assert child
    assert not child & adult


@pytest.mark.slow
def test_a_session_that_a_reader_completed_is_kept_and_taken_back(
    call, ifspace, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call("participant", "--participant-label", "03")
    (session,) = out.glob("sub-03/anat/*_session.json")
    data = json.loads((dataset / "marks" / "sub-01_T1w.json").read_text())
    session.write_text(json.dumps(data))
    os.utime(session, (session.stat().st_atime + 60, session.stat().st_mtime + 60))
    call("participant", "--participant-label", "03")
    assert json.loads(session.read_text()) == data
    ran = ifspace(
        "bids", dataset / "raw", out, "participant", "--participant-label", "03",
        "--sessions", session.parent, "--format", FORMATS,
    )  # fmt: skip
    assert ran.code == 0


@pytest.mark.slow
def test_pseudonyms_hide_the_labels_of_participants(call, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    assert call("participant", "--deidentify", "--participant-label", "01").code == 2
    call("participant", "--participant-label", "01", "--deidentify", "--key-file", key)
    call("group")
    for name, content in files_below(tmp_path / "out").items():
        assert b"sub-01" not in content, name
        assert "sub-01" not in name
        assert "ledger" not in name
    assert len(rows(tmp_path / "out" / "participants.tsv")) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["participant", "--participant-label", "07"], "the dataset has 01, 02, 03"),
        (["participant", "--session-label", "later"], "the dataset has post, pre"),
        (["group"], "run the participant level first"),
    ],
)
def test_what_is_not_there_is_said(call, arguments: list[str], says: str) -> None:
    ran = call(*arguments)
    assert ran.code == 1
    assert says in ran.err


def test_only_raw_datasets_are_measured_and_nothing_is_written_into_them(
    ifspace, dataset: Path, tmp_path: Path
) -> None:
    ran = ifspace("bids", dataset / "marks", tmp_path / "out", "participant")
    assert "dataset_description.json cannot be read" in ran.err
    ran = ifspace("bids", dataset / "raw", dataset / "raw" / "derivatives" / "x", "participant")
    assert "never written to" in ran.err
    derived = tmp_path / "derived"
    shutil.copytree(dataset / "raw", derived)
    (derived / "dataset_description.json").write_text(
        '{"Name": "x", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}'
    )
    ran = ifspace("bids", derived, tmp_path / "out", "participant")
    assert "of type derivative, expected raw" in ran.err
    assert ran.code == 1


@pytest.mark.slow
def test_a_batch_of_dicom_studies_becomes_derivatives_without_identity(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    run_batch(Request(undisturbed.root, out, PLAIN, bids=True), Told())
    names = {path.name for path in (out / "studies").iterdir()}
    folders = {path.name for path in (out / "bids").glob("sub-*")}
    assert folders == {f"sub-{name.replace('-', '')}" for name in names}
    for name, content in files_below(out / "bids").items():
        assert b"SEEDEDNAME" not in content, name
        assert not name.endswith((".pdf", ".dcm"))


def test_a_result_made_again_within_one_tick_of_the_clock_is_taken_over(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    request = Request(undisturbed.root, out, PLAIN, bids=True)
    run_batch(request, Told())
    made = min((out / "studies").glob("*/session.json"))
    (taken,) = (
        path
        for path in (out / "bids").rglob("*_session.json")
        if path.read_bytes() == made.read_bytes()
    )
    before = made.stat()
    made.write_text("{}")
    os.utime(made, ns=(before.st_atime_ns, before.st_mtime_ns))
    run_batch(request, Told())
    assert taken.read_text() == "{}"


def test_every_column_is_described() -> None:
    for columns in (MEASUREMENT_COLUMNS, FAILURE_COLUMNS, PARTICIPANT_COLUMNS):
        found = descriptions(columns, "A table.")
        assert set(found) == {"Description", *columns}
    assert descriptions(["value_mm"], "")["value_mm"]["Units"] == "mm"


@pytest.mark.parametrize(
    "name",
    ["hip.nii.gz", "sub-_T1w.nii", "sub-01_xyz-2_T1w.nii", "ses-1_T1w.nii", "sub-J Doe_T1w.nii"],
)
def test_names_that_are_not_of_bids_are_left_alone(name: str) -> None:
    assert BidsName.parse(name) is None


def test_a_session_of_ours_leads_back_to_its_image() -> None:
    name = "sub-01_ses-2_acq-tse_run-1_mod-PDw_desc-ifspace_session.json"
    assert session_source(name) == "sub-01_ses-2_acq-tse_run-1_PDw"
    assert session_source("sub-01_T1w.json") is None


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_bids_validator_finds_no_error(derived: Path) -> None:
    ran = subprocess.run([str(VALIDATOR), str(derived), "--json"], capture_output=True, check=False)
    issues = json.loads(ran.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
