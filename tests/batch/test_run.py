from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from tests.batch.conftest import (
    PLAIN,
    Told,
    Undisturbed,
    as_volume_file,
    files_below,
    study,
)

from ifspace.batch import BatchPlan, Request, Shard, Status, merge_outputs, run_batch
from ifspace.errors import OutputError, UnreadableInputError
from ifspace.io import load_volume, open_study
from ifspace.model import Side


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_study_of_a_mixed_folder_ends_as_a_row(undisturbed: Undisturbed) -> None:
    assert undisturbed.told.total == 6
    assert undisturbed.report.counts == {
        Status.MEASURED: 3,
        Status.PARTLY: 1,
        Status.NOT_MEASURED: 2,
        Status.FAILED: 0,
    }


def test_the_table_has_one_row_for_each_hip_and_space(undisturbed: Undisturbed) -> None:
    found = rows(undisturbed.out / "measurements.csv")
    keys = [(row["study"], row["reading"], row["side"], row["kind"]) for row in found]
    assert len(keys) == len(set(keys)) == 6 * 4
    narrow = [row for row in found if row["kind"] == "ifs" and row["side"] == "left"]
    values = sorted(float(row["value_mm"]) for row in narrow if row["value_mm"])
    assert values == pytest.approx([11.0, 17.0, 20.0, 20.0], abs=0.05)


def test_what_was_not_measured_has_its_reason(undisturbed: Undisturbed) -> None:
    found = rows(undisturbed.out / "failures.csv")
    assert Counter(row["reason"] for row in found) == {
        # Nobody pointed at an ischium: proposals were written, and no number.
        "ischium_not_confirmed": 4,
        "geometry_untrusted": 4,
        "side_not_shown": 2,
    }
    assert all(row["sentence"] for row in found)


def test_no_output_names_the_patient_or_a_folder_of_the_input(undisturbed: Undisturbed) -> None:
    for name, content in files_below(undisturbed.out).items():
        assert b"SEEDEDNAME" not in content, name
        assert b"JANETTA" not in content, name
        assert "SEEDEDNAME" not in name


def test_the_typed_table_holds_the_same_numbers(undisturbed: Undisturbed) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is in the extra [cluster]")
    table = parquet.read_table(undisturbed.out / "measurements.parquet").to_pylist()
    text = rows(undisturbed.out / "measurements.csv")
    assert [row["value_mm"] for row in table] == [
        float(row["value_mm"]) if row["value_mm"] else None for row in text
    ]
    assert {type(row["reading"]) for row in table} == {int}


def test_the_input_is_left_as_it_was(undisturbed: Undisturbed) -> None:
    assert files_below(undisturbed.root) == undisturbed.before


def test_a_study_without_marks_gets_a_session_to_complete(undisturbed: Undisturbed) -> None:
    written = [
        json.loads(path.read_text()) for path in undisturbed.out.glob("studies/*/session.json")
    ]
    states = [{mark["state"] for mark in session["marks"]} for session in written]
    assert len(states) == 6
    assert sum(found <= {"proposed"} for found in states) == 1


def test_a_second_run_measures_nothing_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    told = Told()
    report = run_batch(Request(undisturbed.root, out, PLAIN), told)
    assert (told.done_before, told.ended, report.measured_now) == (6, {}, 0)
    assert files_below(out) == files_below(undisturbed.out)


def test_only_what_changed_is_measured_again(
    cohort: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    session = cohort / "b" / "session.json"
    data = json.loads(session.read_text())
    session.write_text(json.dumps({**data, "reader": "another"}))
    # Touched, but the same to the last byte:
    (cohort / "e" / "session.json").touch()
    told = Told()
    report = run_batch(Request(cohort, out, PLAIN), told)
    assert (told.done_before, len(told.ended), report.measured_now) == (4, 2, 1)
    readers = {row["reader"] for row in rows(out / "measurements.csv")}
    assert readers == {"phantom", "another", ""}


def test_other_settings_are_other_results(undisturbed: Undisturbed, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    report = run_batch(Request(undisturbed.root, out, replace(PLAIN, sides=(Side.LEFT,))), Told())
    assert report.measured_now == 6
    assert {row["side"] for row in rows(out / "measurements.csv")} == {"left"}


def test_a_result_that_was_taken_away_is_made_again(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    next((out / "studies").glob("*/result.json")).unlink()
    assert run_batch(Request(undisturbed.root, out, PLAIN), Told()).measured_now == 1
    assert files_below(out) == files_below(undisturbed.out)


@pytest.mark.slow
def test_shards_merged_are_the_bytes_of_one_run(undisturbed: Undisturbed, tmp_path: Path) -> None:
    parts = [tmp_path / "part1", tmp_path / "part2"]
    for number, part in enumerate(parts, start=1):
        run_batch(Request(undisturbed.root, part, PLAIN, shard=Shard(number, 2)), Told())
    merged = merge_outputs(parts, tmp_path / "merged")
    assert merged.complete
    assert files_below(tmp_path / "merged") == files_below(undisturbed.out)
    # Once more, into the same folder: nothing comes twice.
    merge_outputs(parts, tmp_path / "merged")
    assert files_below(tmp_path / "merged") == files_below(undisturbed.out)

    fewer = merge_outputs(parts[:1], tmp_path / "fewer")
    assert not fewer.complete
    assert fewer.notes == ("shard 2/2 is missing",)


def test_parts_of_different_divisions_are_not_called_whole(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    parts = [tmp_path / "half", tmp_path / "third"]
    for count, part in enumerate(parts, start=2):
        run_batch(Request(undisturbed.root, part, PLAIN, shard=Shard(1, count)), Told())
    merged = merge_outputs(parts, tmp_path / "merged")
    assert not merged.complete
    assert "different divisions" in merged.notes[0]
    # One that is whole makes up for it.
    assert merge_outputs([*parts, undisturbed.out], tmp_path / "whole").complete


def test_a_merge_that_lacks_parts_lacks_them_when_merged_again(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, start=1):
        run_batch(Request(undisturbed.root, part, PLAIN, shard=Shard(number, 3)), Told())
    merge_outputs(parts[:2], tmp_path / "fewer")
    again = merge_outputs([tmp_path / "fewer"], tmp_path / "again")
    assert not again.complete
    assert again.notes == ("shard 3/3 is missing",)
    assert merge_outputs([tmp_path / "again", parts[2]], tmp_path / "whole").complete
    assert files_below(tmp_path / "whole") == files_below(undisturbed.out)
    # The part that was missing may also be added where the others are.
    assert merge_outputs(parts[2:], tmp_path / "fewer").complete
    assert merge_outputs([tmp_path / "fewer"], tmp_path / "copy").complete


def test_a_part_given_twice_is_said(undisturbed: Undisturbed, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="given twice"):
        merge_outputs([undisturbed.out, undisturbed.out], tmp_path / "merged")


def test_parts_with_other_settings_are_not_merged(undisturbed: Undisturbed, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(undisturbed.out, other)
    run_batch(Request(undisturbed.root, other, replace(PLAIN, sides=(Side.LEFT,))), Told())
    with pytest.raises(OutputError, match="other settings"):
        merge_outputs([undisturbed.out, other], tmp_path / "merged")


@pytest.mark.slow
def test_two_runs_do_not_write_into_one_folder(undisturbed: Undisturbed, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed.out, out)
    message = ""

    def second() -> None:
        nonlocal message
        with pytest.raises(OutputError) as caught:
            run_batch(Request(undisturbed.root, out, PLAIN), Told())
        message = str(caught.value)

    run_batch(Request(undisturbed.root, out, PLAIN), Told(at_start=second))
    assert "another run is writing" in message


def test_results_never_go_into_the_input(cohort: Path) -> None:
    with pytest.raises(OutputError, match="inside the input"):
        run_batch(Request(cohort, cohort / "out", PLAIN), Told())
    assert not (cohort / "out").exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="cannot be opened"):
        run_batch(Request(tmp_path / "nowhere", tmp_path / "out", PLAIN), Told())


# ------------------------------------------------------------------------- what disks look like


def test_two_readers_of_one_study_are_two_readings(tmp_path: Path) -> None:
    root, sessions = tmp_path / "root", tmp_path / "sessions"
    study(root / "a")
    sessions.mkdir()
    data = json.loads((root / "a" / "session.json").read_text())
    for reader in ("B", "A"):
        (sessions / f"{reader}.json").write_text(json.dumps({**data, "reader": reader}))
    (sessions / "stray.json").write_text(json.dumps({**data, "study_instance_uid": "1.2.3"}))
    told = Told()
    report = run_batch(Request(root, tmp_path / "out", PLAIN, sessions=sessions), told)
    assert (told.studies, told.total) == (1, 2)
    found = rows(tmp_path / "out" / "measurements.csv")
    assert {(row["reading"], row["reader"]) for row in found} == {("1", "A"), ("2", "B")}
    assert len({row["study"] for row in found}) == 1
    assert report.notes == ("1 of the sessions name no study that was found; they were not used",)
    assert len(list((tmp_path / "out" / "studies").glob("s-*/reading-*/result.json"))) == 2


@pytest.mark.parametrize(
    ("link", "target"),
    [("results", "."), ("studies", "studies"), ("around", ".."), ("other.json", "session.json")],
)
def test_results_behind_a_link_are_no_second_readings(
    tmp_path: Path, link: str, target: str
) -> None:
    root, out = tmp_path / "root", tmp_path / "elsewhere" / "out"
    study(root / "a")
    first = run_batch(Request(root, out, PLAIN), Told())
    if target == "session.json":
        target = str(next(out.rglob(target)).relative_to(out))
    (root / link).symlink_to(out / target)
    # The reading of somebody else, as far as its content says.
    for session in out.rglob("session.json"):
        data = json.loads(session.read_text())
        session.write_text(json.dumps({**data, "reader": "Z"}))
    told = Told()
    again = run_batch(Request(root, out, PLAIN), told)
    assert (told.studies, told.total, told.done_before) == (1, 1, 1)
    assert again.counts == first.counts


@pytest.mark.slow
def test_bad_disks_get_reasons_and_cost_nobody_else_anything(tmp_path: Path) -> None:
    root = tmp_path / "root"
    study(root / "good", seed=1)
    # A copy of a whole study in another folder: used once.
    shutil.copytree(root / "good" / "dicom", root / "copy of good")
    # The same study twice, with other pixels under the same UIDs.
    study(root / "changed", seed=2)
    shutil.copytree(root / "changed" / "dicom", root / "changed again")
    for file in (root / "changed again").iterdir():
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    # Two patients under one study UID.
    study(root / "two", seed=3)
    file = next((root / "two" / "dicom").iterdir())
    header = dcmread(file)
    header.PatientID, header.PatientName = "OTHER", "OTHER"
    header.save_as(file)
    # A session that is none, one of another series, and files that are nothing.
    study(root / "spoilt", seed=4)
    session = root / "spoilt" / "session.json"
    session.write_text(session.read_text().replace('"ischium_lateral"', '"ischium_latteral"'))
    study(root / "foreign", seed=5)
    session = root / "foreign" / "session.json"
    data = json.loads(session.read_text())
    session.write_text(json.dumps({**data, "series_instance_uid": "1.2.3"}))
    (root / "damaged").mkdir()
    whole = next((root / "good" / "dicom").iterdir()).read_bytes()
    (root / "damaged" / "x.dcm").write_bytes(whole[:140])
    told = Told()
    report = run_batch(Request(root, tmp_path / "out", PLAIN), told)
    reasons = Counter(row["reason"] for row in rows(tmp_path / "out" / "failures.csv"))
    assert reasons == {
        "duplicate_study": 1,
        "two_patients": 1,
        "session_invalid": 1,
        "session_refused": 1,
        "unreadable_input": 1,
    }
    assert report.counts[Status.MEASURED] == 1
    # Two patients, and the damaged folder; nothing was done before on a first run.
    assert (told.studies, told.done_before, told.unusable) == (6, 0, 2)
    measured = [item for item in told.ended.values() if item.status is Status.MEASURED]
    assert [flag["code"] for flag in measured[0].flags][:1] == ["copies_left_out"]


def test_what_is_left_of_an_image_is_a_row_and_not_lost(tmp_path: Path) -> None:
    root = tmp_path / "root"
    study(root / "good", seed=1)
    whole = next((root / "good" / "dicom").iterdir()).read_bytes()
    for folder, name, content in (
        ("empty", "1.dcm", b""),
        ("empty", "2.dcm", b""),
        ("noise", "1.IMA", b"no image at all" * 40),
        # Cut off behind the file meta information, which names the class.
        ("cut", "1", whole[:300]),
        ("volumes", "hip.nii.gz", b"\x1f\x8bnoise"),
        ("volumes", "knee.mha", b""),
        ("other", "notes.txt", b""),
    ):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / name).write_bytes(content)
    # A file without content among good ones costs its slice, not a row.
    (root / "good" / "dicom" / "extra.dcm").write_bytes(b"")
    run_batch(Request(root, tmp_path / "out", PLAIN), Told())
    reasons = Counter(row["reason"] for row in rows(tmp_path / "out" / "failures.csv"))
    # A folder of slices is one row; a volume file is a study of its own.
    assert reasons == {"unreadable_input": 3, "no_suitable_series": 2}


@pytest.mark.skipif(os.getuid() == 0, reason="root opens every folder")
def test_a_folder_that_may_not_be_opened_is_a_row(tmp_path: Path) -> None:
    closed = tmp_path / "root" / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0)
    try:
        run_batch(Request(tmp_path / "root", tmp_path / "out", PLAIN), Told())
    finally:
        closed.chmod(0o700)
    (failure,) = rows(tmp_path / "out" / "failures.csv")
    assert failure["reason"] == "unreadable_input"
    assert "check its permissions" in failure["sentence"]


def test_volume_files_are_studies_with_sessions_by_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    study(tmp_path / "source")
    image, data = as_volume_file(tmp_path / "source")
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        sitk.WriteImage(image, str(root / name / f"{name}.nii.gz"))
    (root / "a" / "session.json").write_text(json.dumps(data))
    (root / "b" / "b.json").write_text(json.dumps({**data, "reader": "B"}))
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    for name in ("a", "b", "c"):
        (sessions / f"{name}.json").write_text(json.dumps(data))
    report = run_batch(Request(root, tmp_path / "named", PLAIN, sessions=sessions), Told())
    assert report.counts[Status.MEASURED] == 2
    assert report.notes == ("1 of the sessions name no study that was found; they were not used",)
    run_batch(Request(root, tmp_path / "out", PLAIN), Told())
    found = rows(tmp_path / "out" / "measurements.csv")
    ifs = [row for row in found if row["kind"] == "ifs" and row["side"] == "left"]
    assert {row["reader"] for row in ifs} == {"phantom", "B"}
    assert [float(row["value_mm"]) for row in ifs] == pytest.approx([20.0, 20.0], abs=0.05)


def test_label_maps_are_found_by_the_study_they_name(tmp_path: Path) -> None:
    root, masks = tmp_path / "root", tmp_path / "masks"
    for name, seed in (("a", 1), ("b", 2)):
        study(root / name, seed=seed)
        (root / name / "session.json").unlink()
    with open_study(root / "a" / "dicom") as inventory:
        volume = load_volume(inventory.choose())
    uid = volume.series.study_instance_uid
    with open_study(root / "b" / "dicom") as inventory:
        other = inventory.choose().study_instance_uid
    masks.mkdir()
    empty = sitk.GetImageFromArray(np.zeros(volume.voxels.shape, dtype=np.uint8))
    sitk.WriteImage(empty, str(masks / f"{uid}.nii.gz"))
    (masks / str(other)).mkdir()
    for name in ("one.nii.gz", "two.nii.gz"):
        sitk.WriteImage(empty, str(masks / str(other) / name))
    run_batch(Request(root, tmp_path / "out", PLAIN, masks=masks), Told())
    found = rows(tmp_path / "out" / "failures.csv")
    assert Counter(row["reason"] for row in found) == {"label_missing": 4, "label_map_ambiguous": 1}


def test_file_names_in_another_encoding_are_found(tmp_path: Path) -> None:
    root = tmp_path / "root"
    study(root / "x")
    korean = "홍길동 100%".encode("euc-kr")
    (root / "x").rename(Path(str(root) + "/" + korean.decode("utf-8", "surrogateescape")))
    report = run_batch(Request(root, tmp_path / "out", PLAIN), Told())
    assert report.counts[Status.MEASURED] == 1


def test_default_formats_leave_out_what_carries_the_time_of_day() -> None:
    assert set(BatchPlan().formats).isdisjoint({"sr", "dicom-pdf", "dicom-sc"})
