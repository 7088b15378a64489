"""What the program finds itself, from seeds, from a label map, and without either."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from tests.cli.conftest import Ran

from ifspace.io.session import read_session
from ifspace.model import MarkName, MarkState, SeedName, Side, Source
from ifspace.phantom import VARIANTS, PhantomSpec, PhantomTruth, Size, write_phantom
from ifspace.phantom.study import build_study

Run = Callable[..., Ran]

# With this left hip every slice that may hold the smallest distance can be read.
SPEC = PhantomSpec(ifs_left_mm=15.0, ifs_right_mm=22.0, qfs_left_mm=8.0, qfs_right_mm=15.0)
# A single phantom may be off by this; the accuracy over many hips stands in the benchmark.
NEAR_MM = 2.0
# Iso-centric voxels of the label map, as networks write them.
LABEL_MM = 1.5
NUMBERS = {"hip_left": 1, "hip_right": 2, "femur_left": 3, "femur_right": 4}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    return write_phantom(tmp_path_factory.mktemp("study"), SPEC)


@pytest.fixture(scope="module")
def label_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bones of the phantom on a grid of their own, in the same frame of reference."""
    hips = build_study(SPEC).hips
    low, high = np.array([-140.0, -60.0, -262.0]), np.array([140.0, 60.0, -160.0])
    axes = [np.arange(a, b, LABEL_MM) for a, b in zip(low, high, strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    voxels = np.zeros(x.shape, dtype=np.uint8)
    for side, hip in hips.items():
        voxels[hip.ischium(x, y, z) < 0] = NUMBERS[f"hip_{side}"]
        voxels[hip.femur(x, y, z) < 0] = NUMBERS[f"femur_{side}"]
    image = sitk.GetImageFromArray(voxels)
    image.SetOrigin(low.tolist())
    image.SetSpacing([LABEL_MM] * 3)
    path = tmp_path_factory.mktemp("labels") / "labels.nii.gz"
    sitk.WriteImage(image, str(path))
    return path


def seeded(study: PhantomTruth, path: Path, *, marks: bool = False) -> Path:
    """The session with the seeds of the truth instead of its marks."""
    truth = json.loads(study.truth_path.read_text())
    data = json.loads(study.session_path.read_text())
    data["marks"] = data["marks"] if marks else []
    data["seeds"] = [
        {"mark": name, "side": side, "position_lps_mm": position}
        for side, item in truth["sides"].items()
        for name, position in item["seeds_lps_mm"].items()
    ]
    path.write_text(json.dumps(data))
    return path


def values(result: dict[str, object]) -> dict[tuple[str, str], float]:
    return {(item["kind"], item["side"]): item["value_mm"] for item in result["outcomes"]}


TRUE_MM = {
    ("ifs", "right"): 22.0,
    ("qfs", "right"): 15.0,
    ("ifs", "left"): 15.0,
    ("qfs", "left"): 8.0,
}


def test_two_seeds_a_side_give_both_spaces_as_proposals(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    session = seeded(study, tmp_path / "seeds.json")
    ran = ifspace(
        "measure", study.image_path, "--session", session, "-o", tmp_path / "o",
        "--format", "json,session,pdf,png", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert values(ran.json) == pytest.approx(TRUE_MM, abs=NEAR_MM)
    for item in ran.json["outcomes"]:
        assert item["state"] == "proposed"
        assert item["method"].startswith("seeds/")
        assert abs(item["value_mm"] - TRUE_MM[item["kind"], item["side"]]) <= item["u95_mm"]
        assert len(item["curve"]) > 1
        assert item["second_best_mm"] >= item["value_mm"]
    written = read_session(tmp_path / "o" / "session.json")
    assert len(written.marks) == 8
    assert {mark.source for mark in written.marks} == {Source.PROGRAM}
    assert len(written.seeds) == 4


def test_the_proposals_can_be_measured_again_with_the_same_result(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    session = seeded(study, tmp_path / "seeds.json")
    call = ("measure", study.image_path, "--format", "json,session", "--json")
    first = ifspace(*call, "--session", session, "-o", tmp_path / "a")
    again = ifspace(*call, "--session", tmp_path / "a" / "session.json", "-o", tmp_path / "b")
    assert values(again.json) == values(first.json)


def test_a_persons_marks_come_before_the_programs(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    session = seeded(study, tmp_path / "both.json", marks=True)
    ran = ifspace(
        "measure", study.image_path, "--session", session, "-o", tmp_path / "o",
        "--format", "json", "--json",
    )  # fmt: skip
    assert values(ran.json) == pytest.approx(TRUE_MM, abs=0.01)
    assert {item["method"] for item in ran.json["outcomes"]} == {"marks/1"}


def test_a_seed_in_fat_gives_a_reason_and_no_number(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    session = seeded(study, tmp_path / "seeds.json")
    data = json.loads(session.read_text())
    for seed in data["seeds"]:
        if seed["mark"] == SeedName.ISCHIUM_MARROW and seed["side"] == Side.LEFT:
            seed["position_lps_mm"][0] += 6.0
            seed["position_lps_mm"][1] += 62.0
    session.write_text(json.dumps(data))
    ran = ifspace(
        "measure", study.image_path, "--session", session, "-o", tmp_path / "o",
        "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 3
    left = [item for item in ran.json["outcomes"] if item["side"] == "left"]
    assert {item["status"] for item in left} == {"not_measured"}
    reasons = {item["reason"] for item in left}
    assert reasons <= {"seed_not_in_marrow", "marrow_abnormal", "low_confidence"}


def test_a_label_map_gives_both_spaces_and_keeps_its_own_value(
    study: PhantomTruth, label_map: Path, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace(
        "measure", study.image_path, "--masks", label_map, "-o", tmp_path / "o",
        "--labels", ",".join(f"{name}={number}" for name, number in NUMBERS.items()),
        "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert values(ran.json) == pytest.approx(TRUE_MM, abs=NEAR_MM)
    ifs = [item for item in ran.json["outcomes"] if item["kind"] == "ifs"]
    assert all(abs(item["label_mm"] - item["value_mm"]) < 3.0 for item in ifs if "label_mm" in item)
    assert any("label_mm" in item for item in ifs)


def test_swapped_labels_are_refused(
    study: PhantomTruth, label_map: Path, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace(
        "measure", study.image_path, "--masks", label_map, "-o", tmp_path / "o",
        "--labels", "hip_left=2,hip_right=1,femur_left=4,femur_right=3",
        "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 1
    assert {item["reason"] for item in ran.json["outcomes"]} == {"labels_swapped"}


@pytest.mark.parametrize("labels", ["hip_left=1", "left=1", "hip_left=x", "hip_left=1,hip_right=1"])
def test_labels_that_make_no_sense_are_refused(
    labels: str, study: PhantomTruth, label_map: Path, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace(
        "measure", study.image_path, "--masks", label_map, "--labels", labels,
        "-o", tmp_path / "o", "--format", "json",
    )  # fmt: skip
    assert ran.code == 1
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("without_network")
def test_without_marks_and_network_it_proposes_and_measures_nothing(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("measure", study.image_path, "-o", tmp_path / "o", "--json")
    assert ran.code == 1
    assert "unreviewed" in ran.err
    assert {item["reason"] for item in ran.json["outcomes"]} == {"ischium_not_confirmed"}
    session = read_session(tmp_path / "o" / "session.json")
    assert {mark.state for mark in session.marks} == {MarkState.PROPOSED}
    assert {mark.name for mark in session.marks} == {MarkName.LESSER_TROCHANTER_MEDIAL}
    assert all(mark.confidence is not None for mark in session.marks)


def test_without_marks_the_network_gives_proposals_near_the_truth(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("measure", study.image_path, "-o", tmp_path / "o", "--json")
    assert ran.code in (0, 3), ran.err
    assert "unreviewed" in ran.err
    for item in ran.json["outcomes"]:
        if "value_mm" in item:
            true_mm = TRUE_MM[item["kind"], item["side"]]
            assert item["state"] == "proposed"
            assert item["value_mm"] == pytest.approx(true_mm, abs=item["u95_mm"])
    session = read_session(tmp_path / "o" / "session.json")
    assert session.signature is None
    assert {mark.state for mark in session.marks} == {MarkState.PROPOSED}


@pytest.mark.usefixtures("without_network")
def test_propose_without_the_network_says_what_is_missing(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("propose", study.image_path, "-o", tmp_path / "s.json")
    assert ran.code == 0, ran.err
    assert "ifspace[auto]" in ran.err


@pytest.mark.usefixtures("without_network")
def test_propose_finds_the_level_and_the_femur_of_both_sides(
    study: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("propose", study.image_path, "-o", tmp_path / "s.json")
    assert ran.code == 0, ran.err
    session = read_session(tmp_path / "s.json")
    truth = json.loads(study.truth_path.read_text())
    assert set(session.level_range) == set(Side)
    assert {seed.name for seed in session.seeds} == {SeedName.FEMUR_MARROW}
    assert {outline.structure for outline in session.outlines} == {"femur", "ischium_region"}
    for side in Side:
        shown = [int(k) for k in truth["sides"][side]["level_slices"]]
        ends = [study.sop_instance_uids.index(uid) for uid in session.level_range[side]]
        overlap = min(max(ends), max(shown)) - max(min(ends), min(shown)) + 1
        assert overlap >= len(shown) / 2
        outside = read_session(study.session_path).marks
        ischium = next(m for m in outside if m.side is side and m.name is MarkName.ISCHIUM_LATERAL)
        region = next(
            item.points_lps_mm
            for item in session.outlines
            if item.structure == "ischium_region" and item.side is side
        )
        assert np.linalg.norm(region.mean(axis=0)[:2] - ischium.position_lps_mm[:2]) < 45.0


def test_a_scan_above_the_level_proposes_nothing(ifspace: Run, tmp_path: Path) -> None:
    truth = write_phantom(tmp_path / "study", VARIANTS["above-level"].spec)
    ran = ifspace("propose", truth.image_path, "-o", tmp_path / "s.json")
    assert ran.code == 1
    assert not (tmp_path / "s.json").exists()
    measured = ifspace("measure", truth.image_path, "-o", tmp_path / "o", "--json")
    reasons = {item["reason"] for item in measured.json["outcomes"]}
    assert reasons <= {"level_not_covered", "femur_not_covered", "side_not_shown", "low_confidence"}


@pytest.mark.real_data
@pytest.mark.parametrize(
    "folder", ["prostate_negative", "ucec_pelvis_t2/C3N-01876.mha"], ids=["prostate", "C3N-01876"]
)
def test_a_real_scan_that_does_not_show_the_level_gives_no_number(
    folder: str, real_data: Path, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("measure", real_data / folder, "-o", tmp_path / "o", "--json")
    assert ran.code == 1
    assert {item["status"] for item in ran.json["outcomes"]} == {"not_measured"}


@pytest.mark.real_data
@pytest.mark.usefixtures("without_network")
@pytest.mark.parametrize(
    "folder", ["prostate_negative", "ucec_pelvis_t2/C3N-01876.mha"], ids=["prostate", "C3N-01876"]
)
def test_without_the_network_the_missing_femur_is_the_reason(
    folder: str, real_data: Path, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("measure", real_data / folder, "-o", tmp_path / "o", "--json")
    assert {item["reason"] for item in ran.json["outcomes"]} == {"femur_not_covered"}


def test_slices_of_two_patients_are_not_measured(ifspace, tmp_path: Path) -> None:
    write_phantom(tmp_path, replace(VARIANTS["plain"].spec, size=Size.TINY))
    images = sorted(path for path in (tmp_path / "dicom").rglob("*") if path.is_file())
    for path in images[::2]:
        image = dcmread(path)
        image.PatientID, image.PatientName, image.PatientSex = "OTHER-1", "Other^Name", "M"
        image.save_as(path)
    session = tmp_path / "session.json"
    ran = ifspace("measure", tmp_path / "dicom", "-o", tmp_path / "out", "--session", session)
    assert ran.code == 1
    assert "PatientID differs between slice" in ran.err
    assert "OTHER" not in ran.err + ran.out
    assert not (tmp_path / "out").exists()
