from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pypdf import PdfReader
from tests.cli.conftest import Ran

from ifspace.io import load_volume, open_study
from ifspace.io.session import session_schema
from ifspace.phantom import VARIANTS, PhantomTruth, Size, write_phantom
from ifspace.report import result_schema

FILES = {
    "result.json",
    "session.json",
    "measurements.csv",
    "report.pdf",
    "key_left.png",
    "key_right.png",
    "sr.dcm",
    "report.dcm",
    "key_left.dcm",
    "key_right.dcm",
    "slicer.mrk.json",
    "manifest.json",
}

Run = Callable[..., Ran]


def values(result: dict[str, object]) -> dict[tuple[str, str], float]:
    return {
        (item["kind"], item["side"]): item["value_mm"]
        for item in result["outcomes"]
        if item["status"] == "measured"
    }


def reasons(result: dict[str, object]) -> set[str]:
    return {item["reason"] for item in result["outcomes"] if item["status"] == "not_measured"}


def test_one_command_writes_every_file_of_the_contract(measured: Path) -> None:
    assert {path.name for path in measured.iterdir()} == FILES


def test_the_true_marks_give_the_true_millimetres(measured: Path) -> None:
    result = json.loads((measured / "result.json").read_text())
    assert values(result) == pytest.approx(
        {
            ("ifs", "right"): 22.0,
            ("qfs", "right"): 15.0,
            ("ifs", "left"): 13.0,
            ("qfs", "left"): 7.0,
        },
        abs=0.01,
    )


def test_result_and_session_follow_their_published_schemas(measured: Path) -> None:
    for name, schema in (("result.json", result_schema()), ("session.json", session_schema())):
        jsonschema.Draft202012Validator(schema).validate(json.loads((measured / name).read_text()))


def test_files_are_for_their_owner_alone(measured: Path) -> None:
    for path in measured.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def _expected(variant: str) -> tuple[int, set[str]]:
    item = VARIANTS[variant]
    if item.expected_reason:
        return 1, {item.expected_reason}
    if item.spec.view.value != "both":
        return 3, {"side_not_shown"}
    return 0, set()


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_every_variant_measures_right_or_is_refused_with_its_reason(
    variant: str, ifspace: Run, tmp_path: Path
) -> None:
    if "jpeg-l" in variant + "jpeg-12" and shutil.which("dcmcjpeg") is None:
        pytest.skip("dcmcjpeg of dcmtk is not installed, so no JPEG study can be written")
    spec = replace(VARIANTS[variant].spec, size=Size.TINY)
    truth = write_phantom(tmp_path / "study", spec)
    ran = ifspace(
        "measure",
        truth.image_path,
        "--session",
        truth.session_path,
        "-o",
        tmp_path / "out",
        "--format",
        "json",
        "--json",
    )
    code, expected_reasons = _expected(variant)
    assert (ran.code, reasons(ran.json)) == (code, expected_reasons), ran.err
    assert ran.json == json.loads((tmp_path / "out" / "result.json").read_text())
    for (kind, side), value_mm in values(ran.json).items():
        assert value_mm == pytest.approx(truth.value_mm(kind, side), abs=0.01)
    if VARIANTS[variant].faulty and variant != "above-level":
        assert {flag["code"] for flag in ran.json["flags"]} & {
            "missing_slice",
            "repeated_slice",
            "sheared_stack",
            "geometry_untrusted",
        }


def test_a_child_is_compared_with_paediatric_rows_only(ifspace: Run, tmp_path: Path) -> None:
    truth = write_phantom(tmp_path / "s", replace(VARIANTS["child"].spec, size=Size.TINY))
    ran = ifspace(
        "measure", truth.image_path, "--session", truth.session_path, "-o", tmp_path / "o",
        "--format", "json", "--json",
    )  # fmt: skip
    ids = {c["evidence_id"] for item in ran.json["outcomes"] for c in item["comparisons"]}
    assert ids == {"goldberg_stein_2018_preteen"}


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_side_can_be_asked_for(
    side: str, phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "-o", tmp_path / "o",
        "--side", side, "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 0
    assert {item["side"] for item in ran.json["outcomes"]} == {side}


def test_an_older_result_is_kept_unless_overwriting_is_asked_for(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    call = (
        "measure", phantom.image_path, "--session", phantom.session_path, "-o", tmp_path / "o",
        "--format", "json",
    )  # fmt: skip
    assert ifspace(*call).code == 0
    before = (tmp_path / "o" / "result.json").read_bytes()
    refused = ifspace(*call, "--side", "left")
    assert (refused.code, refused.out) == (1, "")
    assert "--overwrite" in refused.err
    assert (tmp_path / "o" / "result.json").read_bytes() == before
    assert ifspace(*call, "--side", "left", "--overwrite").code == 0
    assert (tmp_path / "o" / "result.json").read_bytes() != before


def test_the_same_input_gives_the_same_bytes(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for name in ("a", "b"):
        ifspace(
            "measure", phantom.image_path, "--session", phantom.session_path, "-o",
            tmp_path / name, "--format", "json,session,csv,pdf,png,slicer,manifest",
        )  # fmt: skip
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 8
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_nothing_is_written_into_the_input(phantom: PhantomTruth, ifspace: Run) -> None:
    before = sorted(phantom.image_path.rglob("*"))
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path,
        "-o", phantom.image_path / "report",
    )  # fmt: skip
    assert ran.code == 1
    assert "inside the input" in ran.err
    assert sorted(phantom.image_path.rglob("*")) == before


def test_a_place_that_cannot_be_written_leaves_nothing_behind(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path,
        "-o", tmp_path / "file" / "out",
    )  # fmt: skip
    assert ran.code == 1
    assert "cannot be written" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_nothing_behind(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own full device stands in for the disk: every byte written to it fails."""
    out = tmp_path / "out"
    real = Path.hardlink_to

    def onto_full_disk(self: Path, target: Path) -> None:
        if self.parent == out:
            with Path("/dev/full").open("wb", buffering=0) as device:
                device.write(b"x")
        real(self, target)

    monkeypatch.setattr(Path, "hardlink_to", onto_full_disk)
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "-o", out,
        "--format", "json",
    )  # fmt: skip
    assert ran.code == 1
    assert "No space left" in ran.err
    assert not out.exists()


def _changed_session(phantom: PhantomTruth, path: Path, **changes: object) -> Path:
    data = json.loads(phantom.session_path.read_text())
    path.write_text(json.dumps({**data, **changes}))
    return path


@pytest.mark.parametrize("uid", ["study_instance_uid", "series_instance_uid"])
def test_a_session_of_another_series_is_refused(
    uid: str, phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    session = _changed_session(phantom, tmp_path / "s.json", **{uid: "1.2.3"})
    ran = ifspace("measure", phantom.image_path, "--session", session, "-o", tmp_path / "o")
    assert ran.code == 1
    assert "made on another" in ran.err
    assert not (tmp_path / "o").exists()


def test_marks_in_another_frame_of_reference_are_refused(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    session = _changed_session(phantom, tmp_path / "s.json", frame_of_reference_uid="1.2.3")
    ran = ifspace(
        "measure", phantom.image_path, "--session", session, "-o", tmp_path / "o",
        "--format", "json", "--json",
    )  # fmt: skip
    assert (ran.code, reasons(ran.json)) == (1, {"other_frame_of_reference"})


def test_the_session_names_the_series_among_several(ifspace: Run, tmp_path: Path) -> None:
    """Marks made on the T2 are measured there, though the T1 would be chosen."""
    spec = replace(VARIANTS["with-fat-suppressed"].spec, size=Size.TINY)
    truth = write_phantom(tmp_path / "study", spec)
    listed = ifspace("series", truth.image_path, "--json").json["series"]
    other = next(item for item in listed if item["contrast"] == "T2")
    assert not other["chosen"]
    data = json.loads(truth.session_path.read_text())
    data["series_instance_uid"] = other["series_instance_uid"]
    for mark in data["marks"]:
        mark.pop("sop_instance_uid", None)
    data.pop("level_range", None)
    session = tmp_path / "t2.json"
    session.write_text(json.dumps(data))
    ran = ifspace(
        "measure", truth.image_path, "--session", session, "-o", tmp_path / "o",
        "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 0
    assert ran.json["study"]["series_instance_uid"] == other["series_instance_uid"]


def test_signing_needs_confirmed_marks_and_ends_the_draft(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    call = ("measure", phantom.image_path, "-o", tmp_path / "o", "--format", "session", "--sign")
    marks = json.loads(phantom.session_path.read_text())["marks"]
    placed = [{**mark, "state": "placed"} for mark in marks]
    session = _changed_session(phantom, tmp_path / "s.json", marks=placed)
    refused = ifspace(*call, "--session", session, "--reader", "B")
    assert refused.code == 1
    assert "confirm every mark" in refused.err
    assert ifspace(*call, "--session", phantom.session_path, "--reader", "B").code == 0
    written = json.loads((tmp_path / "o" / "session.json").read_text())
    assert written["signature"]["reader"] == written["reader"] == "B"


def test_the_report_can_be_made_again_from_the_result(
    measured: Path, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace("report", measured / "result.json", "-o", tmp_path / "again", "--json")
    assert ran.code == 0
    for name in ("result.json", "measurements.csv", "slicer.mrk.json", "key_left.png"):
        assert (tmp_path / "again" / name).read_bytes() == (measured / name).read_bytes(), name


@pytest.mark.parametrize(
    ("name", "word"),
    [("result.json", "result"), ("session.json", "session"), ("sr.dcm", "structured report")],
)
def test_validate_accepts_what_measure_writes(
    name: str, word: str, measured: Path, ifspace: Run
) -> None:
    ran = ifspace("validate", measured / name)
    assert (ran.code, ran.out) == (0, f"valid {word}\n")


def test_validate_names_what_is_wrong(measured: Path, ifspace: Run, tmp_path: Path) -> None:
    data = json.loads((measured / "result.json").read_text())
    data["outcomes"][0]["value_mm"] = -1
    broken = tmp_path / "result.json"
    broken.write_text(json.dumps(data))
    ran = ifspace("validate", broken, "--json")
    assert ran.code == 1
    assert any("value_mm" in problem for problem in ran.json["problems"])


def test_two_sessions_of_different_readers_are_both_reported(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    second = json.loads(phantom.session_path.read_text())
    second["reader"] = "B"
    for mark in second["marks"]:
        if (mark["mark"], mark["side"]) == ("lesser_trochanter_medial", "left"):
            mark["position_lps_mm"][0] += 2.0
    other = tmp_path / "b.json"
    other.write_text(json.dumps(second))
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "--session", other,
        "-o", tmp_path / "o", "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 0
    readings = ran.json["readings"]
    assert [item["session"]["reader"] for item in readings][1] == "B"
    assert all(item["flags"][0]["code"] == "other_reading" for item in readings)
    assert (tmp_path / "o" / "reading_2" / "result.json").is_file()
    assert "pooled_mm" in (tmp_path / "o" / "comparison.csv").read_text()
    assert ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "--session", other,
        "-o", tmp_path / "p", "--reader", "C",
    ).code == 2  # fmt: skip


def test_the_findings_paragraph_can_be_printed(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "-o", tmp_path / "o",
        "--format", "json", "--text",
    )  # fmt: skip
    assert "13.0 ± " in ran.out
    assert "mm" in ran.out


def test_no_output_but_the_pdf_and_dicom_names_the_patient(
    ifspace: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = replace(
        VARIANTS["asymmetric"].spec, size=Size.TINY, patient_name="SEEDED^NAME", age_years=None
    )
    truth = write_phantom(tmp_path / "study", spec)
    with caplog.at_level("DEBUG"):
        ran = ifspace(
            "measure", truth.image_path, "--session", truth.session_path, "-o", tmp_path / "o"
        )
    assert ran.code == 0
    secrets = [b"SEEDED", b"PHANTOM-0001", b"19780101", b"1978-01-01", b"PH0001"]
    for path in (tmp_path / "o").iterdir():
        if path.suffix in (".pdf", ".dcm"):
            continue
        assert not any(secret in path.read_bytes() for secret in secrets), path.name
    told = (ran.out + ran.err + caplog.text).encode()
    assert not any(secret in told for secret in secrets)


def test_deidentify_leaves_the_patient_and_the_uids_out_of_everything(
    ifspace: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A new UID is forty random digits, among which a date may stand; these are always the same.
    monkeypatch.setattr("ifspace.dicom_out.deidentify.secrets.token_bytes", bytes)
    spec = replace(VARIANTS["plain"].spec, size=Size.TINY, patient_name="SEEDED^NAME")
    truth = write_phantom(tmp_path / "study", spec)
    ran = ifspace(
        "measure", truth.image_path, "--session", truth.session_path, "-o", tmp_path / "o",
        "--deidentify", "--reader", "ReaderName",
    )  # fmt: skip
    assert ran.code == 0
    secrets = [b"SEEDED", b"PHANTOM-0001", b"19780101", b"PH0001", b"ReaderName"]
    secrets += [truth.study_uid.encode(), truth.series_uid.encode()]
    for path in (tmp_path / "o").iterdir():
        assert not any(secret in path.read_bytes() for secret in secrets), path.name
    text = _pdf_text(tmp_path / "o" / "report.pdf")
    assert "SEEDED" not in text
    assert "PHANTOM-0001" not in text
    assert "ReaderName" not in text


def _pdf_text(path: Path) -> str:
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["measure"], 2),
        (["measure", "x", "-o", "y", "--format", "docx"], 2),
        (["measure", "x", "-o", "y", "--side", "up"], 2),
        (["nonsense"], 2),
        (["measure", "/nonexistent/study", "-o", "y"], 1),
        (["report", "/nonexistent/result.json", "-o", "y"], 1),
        (["validate", "/nonexistent/file"], 1),
        (["validate"], 2),
        (["phantom", "y", "--variant", "purple"], 2),
        (["phantom", "y", "--ifs-mm", "-3"], 2),
    ],
)
def test_wrong_usage_and_failure_have_their_codes(
    arguments: list[str], code: int, ifspace: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = ifspace(*arguments)
    assert ran.code == code
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_study_in_a_zip_keeps_its_input_hashes(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(phantom.image_path.rglob("*")):
            if path.is_file():
                zipped.write(path, path.name)
    ran = ifspace(
        "measure", archive, "--session", phantom.session_path, "-o", tmp_path / "o",
        "--format", "json,manifest",
    )  # fmt: skip
    assert ran.code == 0
    manifest = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert all(len(item["sha256"]) == 64 for item in manifest["inputs"])


def test_deidentified_output_on_the_terminal_is_deidentified_too(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "-o", tmp_path / "o",
        "--deidentify", "--format", "json,session", "--json",
    )  # fmt: skip
    assert ran.code == 0
    assert phantom.study_uid not in ran.out
    assert phantom.series_uid not in ran.out
    assert ran.json == json.loads((tmp_path / "o" / "result.json").read_text())


def test_a_session_of_other_pixels_is_refused_and_it_is_said_what_differs(
    phantom: PhantomTruth, ifspace: Run, measured: Path, tmp_path: Path
) -> None:
    session = json.loads((measured / "session.json").read_text())
    assert session["schema"] == "ifspace-session/2"
    other = write_phantom(tmp_path / "other", replace(phantom.spec, seed=phantom.spec.seed + 1))
    for uid in ("study_instance_uid", "series_instance_uid", "frame_of_reference_uid"):
        session[uid] = json.loads(other.session_path.read_text())[uid]
    path = tmp_path / "s.json"
    path.write_text(json.dumps(session))
    ran = ifspace("measure", other.image_path, "--session", path, "-o", tmp_path / "o")
    assert ran.code == 1
    assert "made on other images: they have the same size and place, but other pixels" in ran.err
    assert not (tmp_path / "o").exists()


@pytest.fixture
def mha(phantom: PhantomTruth, tmp_path: Path) -> Path:
    """The images of the phantom in a file without UIDs."""
    with open_study(phantom.image_path) as inventory:
        volume = load_volume(inventory.choose())
    first, last = volume.slices[0].plane, volume.slices[-1].plane
    image = sitk.GetImageFromArray(volume.voxels)
    image.SetOrigin(first.origin_lps_mm.tolist())
    step_mm = (last.origin_lps_mm - first.origin_lps_mm) / (len(volume.slices) - 1)
    length_mm = float(np.linalg.norm(step_mm))
    image.SetSpacing([first.column_spacing_mm, first.row_spacing_mm, length_mm])
    axes = [first.along_row_lps, first.along_column_lps, step_mm / length_mm]
    image.SetDirection(np.stack(axes, axis=1).ravel().tolist())
    (tmp_path / "mha").mkdir()
    sitk.WriteImage(image, str(tmp_path / "mha" / "hip.mha"))
    return tmp_path / "mha" / "hip.mha"


def test_marks_that_name_no_images_need_a_word_and_the_report_says_so(
    phantom: PhantomTruth, ifspace: Run, mha: Path, tmp_path: Path
) -> None:
    loose = json.loads(phantom.session_path.read_text())
    loose |= dict.fromkeys(("study_instance_uid", "series_instance_uid", "frame_of_reference_uid"))
    del loose["level_range"]
    for item in (*loose["marks"], *loose["seeds"]):
        item["sop_instance_uid"] = None
    path = tmp_path / "loose.json"
    path.write_text(json.dumps(loose))
    for images in (mha, phantom.image_path):
        refused = ifspace("measure", images, "--session", path, "-o", tmp_path / "o")
        assert refused.code == 1
        assert "add --unbound" in refused.err
    given = ("measure", mha, "--format", "json,session,pdf", "--session")
    ran = ifspace(*given, path, "-o", tmp_path / "o", "--unbound", "--text")
    assert ran.code == 0
    assert "does not say which images it was made on" in ran.out
    # What is written then is bound by the fingerprint, and needs no word any more.
    again = ifspace(*given, tmp_path / "o" / "session.json", "-o", tmp_path / "p", "--json")
    assert again.code == 0
    assert "series_not_checked" not in {flag["code"] for flag in again.json["flags"]}
    shorter = sitk.ReadImage(str(mha))[:, :, 1:]
    sitk.WriteImage(shorter, str(mha))
    refused = ifspace(*given, tmp_path / "o" / "session.json", "-o", tmp_path / "q")
    assert refused.code == 1
    assert "those have" in refused.err


def test_a_signature_is_its_readers_own(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    signed = _signed_session(phantom, ifspace, tmp_path)
    call = ("measure", phantom.image_path, "--session", signed, "--format", "session")
    assert ifspace(*call, "--reader", "A", "-o", tmp_path / "a").code == 0
    assert ifspace(*call, "--reader", "B", "-o", tmp_path / "b").code == 0
    kept = json.loads((tmp_path / "a" / "session.json").read_text())
    dropped = json.loads((tmp_path / "b" / "session.json").read_text())
    assert kept["signature"]["reader"] == "A"
    assert "signature" not in dropped


def _signed_session(phantom: PhantomTruth, ifspace: Run, tmp_path: Path) -> Path:
    """A session that A signed at the command line."""
    marks = json.loads(phantom.session_path.read_text())["marks"]
    confirmed = _changed_session(
        phantom, tmp_path / "c.json", marks=[mark | {"state": "confirmed"} for mark in marks]
    )
    out = tmp_path / "signed"
    ran = ifspace(
        "measure", phantom.image_path, "--session", confirmed, "--reader", "A", "--sign",
        "-o", out,
    )  # fmt: skip
    assert ran.code == 0
    return out / "session.json"


def test_one_mark_moved_in_a_signed_session_makes_a_draft_of_every_output(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    signed = _signed_session(phantom, ifspace, tmp_path)
    assert json.loads((signed.parent / "result.json").read_text())["final"] is True
    assert dcmread(signed.parent / "sr.dcm").VerificationFlag == "VERIFIED"
    assert ifspace("validate", signed).code == 0
    data = json.loads(signed.read_text())
    data["marks"][0]["position_lps_mm"][0] += 8.0
    moved = tmp_path / "moved.json"
    moved.write_text(json.dumps(data))
    checked = ifspace("validate", moved)
    assert checked.code == 1
    assert "changed after signing" in checked.out
    ran = ifspace("measure", phantom.image_path, "--session", moved, "-o", tmp_path / "o", "--text")
    assert "DRAFT" in ran.out
    assert "The signature of A of" in ran.out
    result = json.loads((tmp_path / "o" / "result.json").read_text())
    assert result["final"] is False
    assert "signature_left_out" in {flag["code"] for flag in result["flags"]}
    assert "signature" not in json.loads((tmp_path / "o" / "session.json").read_text())
    report = dcmread(tmp_path / "o" / "sr.dcm")
    assert (report.CompletionFlag, report.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    pages = "".join(page.extract_text() for page in PdfReader(tmp_path / "o" / "report.pdf").pages)
    assert "DRAFT" in pages
    assert "was left out" in " ".join(pages.split())


def test_a_second_final_report_names_the_one_that_it_replaces_or_is_refused(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path
) -> None:
    signed = _signed_session(phantom, ifspace, tmp_path)
    out = signed.parent
    first_uid = str(dcmread(out / "sr.dcm").SOPInstanceUID)
    call = ("measure", phantom.image_path, "--session", signed, "--reader", "B", "--sign")
    refused = ifspace(*call, "-o", tmp_path / "other")
    assert refused.code == 1
    assert "a final report of A of" in refused.err
    assert "--amends" in refused.err
    assert not (tmp_path / "other").exists()
    ran = ifspace(*call, "-o", tmp_path / "other", "--amends", out / "sr.dcm", "--text")
    assert ran.code == 0
    assert "This report replaces an earlier one of A of" in ran.out
    report = dcmread(tmp_path / "other" / "sr.dcm")
    reference = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first_uid
    history = json.loads((tmp_path / "other" / "session.json").read_text())["history"]
    assert [entry["act"] for entry in history] == ["signed", "signed", "amended"]
    assert [entry["reader"] for entry in history[:2]] == ["A", "B"]
    assert ifspace("validate", tmp_path / "other" / "result.json").code == 0
    pdf = PdfReader(tmp_path / "other" / "report.pdf")
    text = " ".join("".join(page.extract_text() for page in pdf.pages).split())
    assert "This report replaces an earlier one of A of" in text
    hidden = ifspace(
        *call, "-o", tmp_path / "hidden", "--amends", out / "result.json", "--deidentify",
        "--format", "json,session",
    )  # fmt: skip
    assert hidden.code == 0
    result = json.loads((tmp_path / "hidden" / "result.json").read_text())
    assert "This report replaces an earlier one." in {flag["detail"] for flag in result["flags"]}
    assert ifspace("validate", tmp_path / "hidden" / "session.json").code == 0


def test_a_number_written_over_is_invalid_and_not_reported_again(
    measured: Path, ifspace: Run, tmp_path: Path
) -> None:
    data = json.loads((measured / "result.json").read_text())
    data["outcomes"][0]["value_mm"] = 8.0
    path = tmp_path / "result.json"
    path.write_text(json.dumps(data))
    checked = ifspace("validate", path)
    assert checked.code == 1
    assert "value_mm is 8, but its end points lie" in checked.out
    ran = ifspace("report", path, "-o", tmp_path / "o")
    assert ran.code == 1
    assert "value_mm is 8" in ran.err
    assert not (tmp_path / "o").exists()


def test_a_file_that_another_run_put_there_meanwhile_is_kept(
    phantom: PhantomTruth, ifspace: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o"
    real = Path.hardlink_to

    def raced(self: Path, target: Path) -> None:
        if self == out / "session.json":
            self.write_text("theirs")
        real(self, target)

    monkeypatch.setattr(Path, "hardlink_to", raced)
    ran = ifspace(
        "measure", phantom.image_path, "--session", phantom.session_path, "-o", out,
        "--format", "json,session",
    )  # fmt: skip
    assert ran.code == 1
    assert "--overwrite" in ran.err
    assert [path.name for path in out.iterdir()] == ["session.json"]
    assert (out / "session.json").read_text() == "theirs"


def test_a_lost_slice_at_the_end_of_the_range_costs_the_range_and_no_more(
    ifspace: Run, tmp_path: Path
) -> None:
    truth = write_phantom(tmp_path / "s", replace(VARIANTS["plain"].spec, size=Size.TINY))
    data = json.loads(truth.session_path.read_text())
    used = {mark["sop_instance_uid"] for mark in data["marks"]}
    ends = [uid for pair in data["level_range"].values() for uid in pair if uid not in used]
    lost = _file_of(truth.image_path, ends[0])
    lost.write_bytes(lost.read_bytes()[:2000])
    ran = ifspace(
        "measure", truth.image_path, "--session", truth.session_path, "-o", tmp_path / "o",
        "--format", "json", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    for (kind, side), value_mm in values(ran.json).items():
        assert value_mm == pytest.approx(truth.value_mm(kind, side), abs=0.01)
    codes = {flag["code"] for flag in ran.json["flags"]}
    assert "level_range_not_found" in codes


def _file_of(folder: Path, sop_instance_uid: str) -> Path:
    from pydicom import dcmread

    return next(
        path
        for path in folder.rglob("*")
        if path.is_file() and dcmread(path, force=True).get("SOPInstanceUID") == sop_instance_uid
    )


def test_what_a_scanner_user_typed_of_the_patient_stays_out_of_the_result(
    ifspace: Run, tmp_path: Path
) -> None:
    from pydicom import dcmread

    truth = write_phantom(tmp_path / "s", replace(VARIANTS["plain"].spec, size=Size.TINY))
    for path in truth.image_path.rglob("*.dcm"):
        image = dcmread(path)
        image.PatientName = "SEEDED^NAME"
        image.SeriesDescription = "Seeded name T1 ax"
        image.Manufacturer = "SEEDED Scanners"
        image.save_as(path)
    ran = ifspace(
        "measure", truth.image_path, "--session", truth.session_path, "-o", tmp_path / "o",
        "--format", "json,session,csv,slicer,manifest", "--json",
    )  # fmt: skip
    assert ran.code == 0
    assert ran.json["series"]["description"] == "T1 ax"
    for path in (tmp_path / "o").iterdir():
        assert b"seeded" not in path.read_bytes().lower(), path.name
    assert "seeded" not in ifspace("series", truth.image_path, "--json").out.lower()


def test_a_full_standard_output_is_one_sentence(phantom: PhantomTruth) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "ifspace", "series", str(phantom.image_path), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr.startswith("ifspace: the system refused: No space left")
    assert "Traceback" not in ran.stderr


def test_an_interrupted_run_says_so_and_leaves_nothing(
    phantom: PhantomTruth, tmp_path: Path
) -> None:
    # The signal arrives as soon as the run has begun to load the study.
    program = """
import os, signal, ifspace.workflow as w
signal.signal(signal.SIGINT, signal.default_int_handler)
real = w.load_volume
def stopped(series):
    os.kill(os.getpid(), signal.SIGINT)
    return real(series)
w.load_volume = stopped
from ifspace.cli import main
main()
"""
    marks = ("--session", str(phantom.session_path), "-o", str(tmp_path / "o"))
    command = [sys.executable, "-c", program, "measure", str(phantom.image_path), *marks]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "stopped" in ran.stderr
    assert not (tmp_path / "o").exists()
