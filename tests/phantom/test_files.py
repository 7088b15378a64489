"""What is written: read back by other people's programs, never by the library itself."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset

import ifspace.phantom
from ifspace.errors import OutputError
from ifspace.model import Kind, SeedName, Side
from ifspace.phantom import VARIANTS, PhantomSpec, PhantomTruth, Size, write_phantom
from ifspace.phantom.syntax import tool_is_missing

TinyOf = Callable[[str], PhantomTruth]
IN_FOLDERS = [name for name, v in VARIANTS.items() if v.spec.layout.value != "zipped"]
LOSSLESS = [
    name
    for name in ("implicit", "big-endian", "deflated", "rle", "jpeg-ls", "jpeg-2000")
    if name in VARIANTS
] + ["jpeg-lossless", "jpeg-lossless-sv1"]
ORIENTATIONS = [
    *("plain", "flipped-columns", "flipped-rows", "flipped-slices", "transposed", "feet-first"),
    *("prone", "anisotropic", "oblique-20", "sheared", "left-only", "jpeg-12bit"),
]


def files_of(truth: PhantomTruth) -> list[Path]:
    """The DICOM files of a study that lies in a folder."""
    folder = truth.image_path if truth.image_path.is_dir() else truth.image_path.parent
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    return sorted(found)


def _skip_without_tool(name: str) -> None:
    if tool_is_missing(VARIANTS[name].spec.transfer_syntax):
        pytest.skip("dcmcjpeg is not installed (dcmtk)")


@pytest.mark.parametrize("name", VARIANTS)
def test_each_mark_lies_in_the_slice_it_names_by_the_dicom_equation(
    name: str, tiny_of: TinyOf
) -> None:
    _skip_without_tool(name)
    truth = tiny_of(name)
    slices = _slices(truth)
    session = json.loads(truth.session_path.read_text())
    assert session["reader"] == "phantom"
    assert len(session["marks"]) == 4 * len(truth.sides)
    for mark in session["marks"]:
        origin, row, column, shape, spacing = slices[mark["sop_instance_uid"]]
        offset = np.array(mark["position_lps_mm"]) - origin
        assert offset @ np.cross(row, column) == pytest.approx(0.0, abs=1e-6)
        if spacing is not None:
            assert -0.5 <= offset @ column / spacing[0] <= shape[0] - 0.5
            assert -0.5 <= offset @ row / spacing[1] <= shape[1] - 0.5
        assert (mark["position_lps_mm"][0] > 0.0) == (mark["side"] == "left")


@pytest.mark.parametrize("name", VARIANTS)
def test_the_marks_of_the_session_are_as_far_apart_as_asked(name: str, tiny_of: TinyOf) -> None:
    _skip_without_tool(name)
    truth = tiny_of(name)
    marks = json.loads(truth.session_path.read_text())["marks"]
    told = json.loads(truth.truth_path.read_text())["sides"]
    pairs = {
        Kind.IFS: ("ischium_lateral", "lesser_trochanter_medial"),
        Kind.QFS: ("hamstring_superolateral", "iliopsoas_posteromedial"),
    }
    for side in truth.sides:
        for kind, names in pairs.items():
            a, b = (
                np.array(mark["position_lps_mm"])
                for wanted in names
                for mark in marks
                if mark["mark"] == wanted and mark["side"] == side.value
            )
            wanted_mm = truth.spec.space_mm(kind, side)
            assert np.linalg.norm(a - b) == pytest.approx(wanted_mm, abs=1e-4)
            assert told[side.value][kind.value]["value_mm"] == pytest.approx(wanted_mm, abs=1e-4)


def _slices(truth: PhantomTruth) -> dict[str, tuple]:
    """Origin, directions, shape and spacing of every slice of every file, from the attributes."""
    if truth.image_path.suffix == ".zip":
        with zipfile.ZipFile(truth.image_path) as archive:
            archive.extractall(truth.image_path.parent / "unzipped")
        paths = sorted((truth.image_path.parent / "unzipped").rglob("*.dcm"))
    else:
        paths = files_of(truth)
    found = {}
    for path in paths:
        ds = dcmread(path, stop_before_pixels=True)
        if "PerFrameFunctionalGroupsSequence" in ds:
            shared = ds.SharedFunctionalGroupsSequence[0]
            for number, frame in enumerate(ds.PerFrameFunctionalGroupsSequence, start=1):
                found[f"{ds.SOPInstanceUID}#{number}"] = _geometry(
                    frame.PlanePositionSequence[0],
                    shared.PlaneOrientationSequence[0],
                    shared.PixelMeasuresSequence[0],
                    (ds.Rows, ds.Columns),
                )
        else:
            found[str(ds.SOPInstanceUID)] = _geometry(ds, ds, ds, (ds.Rows, ds.Columns))
    return found


def _geometry(position: Dataset, turn: Dataset, measures: Dataset, shape: tuple) -> tuple:
    cosines = np.array(turn.ImageOrientationPatient, dtype=float)
    spacing = measures.get("PixelSpacing")
    origin = np.array(position.ImagePositionPatient, dtype=float)
    return origin, cosines[:3], cosines[3:], shape, spacing and [float(v) for v in spacing]


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_marrow_is_bright_where_an_independent_reader_finds_the_seeds(
    name: str, tiny_of: TinyOf
) -> None:
    _skip_without_tool(name)
    truth = tiny_of(name)
    by_uid = {str(dcmread(p, stop_before_pixels=True).SOPInstanceUID): p for p in files_of(truth)}
    for of_side in truth.sides.values():
        path = by_uid[truth.sop_instance_uids[of_side.seed_slice]]
        image = sitk.ReadImage(str(path))
        for seed in SeedName:
            assert _signal(image, of_side.seeds_lps_mm[seed]) > 480.0
        start, end = (
            getattr(of_side.smallest(Kind.IFS), f"{which}_lps_mm") for which in ("start", "end")
        )
        image = sitk.ReadImage(
            str(by_uid[truth.sop_instance_uids[of_side.smallest(Kind.IFS).slice_index]])
        )
        assert _signal(image, 0.5 * (start + end)) < 420.0


def _signal(image: sitk.Image, point_lps_mm: np.ndarray) -> float:
    """The value at a patient point of a one-slice image, between its pixels."""
    index = image.TransformPhysicalPointToContinuousIndex([float(v) for v in point_lps_mm])
    assert index[2] == pytest.approx(0.0, abs=1e-4)
    return float(image.EvaluateAtContinuousIndex([index[0], index[1], 0.0]))


def test_the_lesser_trochanter_is_seen_on_its_slices_and_not_below(tmp_path: Path) -> None:
    truth = write_phantom(tmp_path, PhantomSpec(contrast="T2", view=ifspace.phantom.View.LEFT))
    by_uid = {str(dcmread(p, stop_before_pixels=True).SOPInstanceUID): p for p in files_of(truth)}
    of_side = truth.sides[Side.LEFT]
    marrow = of_side.seeds_lps_mm[SeedName.FEMUR_MARROW]
    # 13 mm medially and back from the middle of the femur is marrow of the trochanter, and lower
    # down the thick dark cortex of the shaft.
    backwards = np.array([-13.0 * np.cos(0.576), 13.0 * np.sin(0.576), 0.0])
    middle = of_side.seed_slice
    seen = {}
    for below in (0, 6):
        image = sitk.ReadImage(str(by_uid[truth.sop_instance_uids[middle - below]]))
        lower = np.array([-0.44 * below, 0.0, -4.4 * below])
        seen[below] = _signal(image, marrow + backwards + lower)
    assert seen[0] > 400.0
    assert seen[6] < 200.0


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_transfer_syntaxes_keep_every_pixel(name: str, tiny_of: TinyOf) -> None:
    _skip_without_tool(name)
    plain, packed = (files_of(tiny_of(which)) for which in ("plain", name))
    assert len(plain) == len(packed)
    for one, other in zip(plain[:2], packed[:2], strict=True):
        assert (
            dcmread(other).file_meta.TransferSyntaxUID != dcmread(one).file_meta.TransferSyntaxUID
        )
        a, b = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (one, other))
        assert np.array_equal(a, b)


def test_twelve_bit_jpeg_stays_close(tiny_of: TinyOf) -> None:
    _skip_without_tool("jpeg-12bit")
    plain, lossy = (files_of(tiny_of(which))[4] for which in ("plain", "jpeg-12bit"))
    assert dcmread(lossy).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.51"
    a, b = (sitk.GetArrayFromImage(sitk.ReadImage(str(p))).astype(float) for p in (plain, lossy))
    assert 0.0 < np.abs(a - b).max() < 120.0


def test_enhanced_frames_hold_the_pixels_of_the_classic_slices(tiny_of: TinyOf) -> None:
    frames = dcmread(files_of(tiny_of("enhanced"))[0]).pixel_array
    slices = [dcmread(path).pixel_array for path in files_of(tiny_of("plain"))]
    assert np.array_equal(frames, np.stack(slices))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
# dciodvfy does not inflate, and a missing PixelSpacing is the fault of that variant.
@pytest.mark.parametrize(
    "name", [n for n in IN_FOLDERS if n not in {"deflated", "no-pixel-spacing"}]
)
def test_dciodvfy_finds_no_error(name: str, tiny_of: TinyOf) -> None:
    _skip_without_tool(name)
    paths = files_of(tiny_of(name))
    for path in {paths[0], paths[-1]}:
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        assert errors == []


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    spec = replace(VARIANTS["dicomdir"].spec, size=Size.TINY, contrast="STIR", shuffled=True)
    prints = []
    for name in ("one", "two"):
        write_phantom(tmp_path / name, spec)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        prints.append(
            [
                (p.relative_to(tmp_path / name), hashlib.sha256(p.read_bytes()).digest())
                for p in files
            ]
        )
    assert prints[0] == prints[1]


def test_another_seed_gives_other_noise_and_other_uids_but_the_same_truth(tmp_path: Path) -> None:
    a, b = (
        write_phantom(tmp_path / str(seed), PhantomSpec(size=Size.TINY, seed=seed))
        for seed in (1, 2)
    )
    assert a.study_uid != b.study_uid
    assert a.value_mm(Kind.QFS, Side.LEFT) == b.value_mm(Kind.QFS, Side.LEFT)
    pixels = [dcmread(files_of(truth)[0]).PixelData for truth in (a, b)]
    assert pixels[0] != pixels[1]


def test_a_missing_slice_leaves_a_gap_and_a_repeated_one_comes_twice(tiny_of: TinyOf) -> None:
    heights = {
        name: sorted(
            float(dcmread(p, stop_before_pixels=True).ImagePositionPatient[2])
            for p in files_of(tiny_of(name))
        )
        for name in ("plain", "missing-slice", "repeated-slice")
    }
    assert np.diff(heights["plain"]) == pytest.approx(np.full(9, 4.4), abs=1e-6)
    assert sorted(np.diff(heights["missing-slice"]))[-2:] == pytest.approx([4.4, 8.8], abs=1e-6)
    assert sorted(np.diff(heights["repeated-slice"]))[:2] == pytest.approx([0.0, 4.4], abs=1e-6)
    assert None in tiny_of("missing-slice").sop_instance_uids


def test_a_scan_above_the_level_has_no_truth_and_no_marks(tiny_of: TinyOf) -> None:
    truth = tiny_of("above-level")
    assert truth.sides == {}
    assert json.loads(truth.session_path.read_text())["marks"] == []
    lowest_mm = min(origin[2] for origin, *_ in _slices(truth).values())
    highest_trochanter_mm = max(
        of_side.seeds_lps_mm[SeedName.FEMUR_MARROW][2]
        for of_side in tiny_of("plain").sides.values()
    )
    assert lowest_mm > highest_trochanter_mm + 25.0


def test_shuffled_files_follow_no_order(tiny_of: TinyOf) -> None:
    heads = [dcmread(p, stop_before_pixels=True) for p in files_of(tiny_of("shuffled"))]
    heights = [float(ds.ImagePositionPatient[2]) for ds in heads]
    assert [int(ds.InstanceNumber) for ds in heads] == sorted(int(d.InstanceNumber) for d in heads)
    assert heights != sorted(heights)
    assert heights != sorted(heights, reverse=True)


def test_one_series_uid_holds_two_echoes_or_two_orientations(tiny_of: TinyOf) -> None:
    echoes = [dcmread(p, stop_before_pixels=True) for p in files_of(tiny_of("two-echoes"))]
    assert len({ds.SeriesInstanceUID for ds in echoes}) == 1
    assert sorted({float(ds.EchoTime) for ds in echoes}) == [31.0, 92.0]
    mixed = [dcmread(p, stop_before_pixels=True) for p in files_of(tiny_of("mixed-orientation"))]
    assert len({ds.SeriesInstanceUID for ds in mixed}) == 1
    assert len({tuple(ds.ImageOrientationPatient) for ds in mixed}) == 2


def test_extra_contrasts_are_series_of_their_own_in_the_same_frame(tiny_of: TinyOf) -> None:
    heads = [dcmread(p, stop_before_pixels=True) for p in files_of(tiny_of("with-fat-suppressed"))]
    assert len({ds.SeriesInstanceUID for ds in heads}) == 3
    assert len({ds.FrameOfReferenceUID for ds in heads}) == 1


@pytest.mark.parametrize("name", ["korean-name", "korean-name-utf8"])
def test_the_korean_name_comes_back(name: str, tiny_of: TinyOf) -> None:
    ds = dcmread(files_of(tiny_of(name))[0])
    assert ds.PatientName.ideographic == "\u6d2a^\u5409\u6d1e"
    assert ds.PatientName.phonetic == "\ud64d^\uae38\ub3d9"


@pytest.mark.parametrize(
    ("name", "age"), [("child", "009Y"), ("teen", "015Y"), ("plain", "047Y"), ("unknown-age", None)]
)
def test_the_age_is_as_asked(name: str, age: str | None, tiny_of: TinyOf) -> None:
    assert dcmread(files_of(tiny_of(name))[0]).get("PatientAge") == age


def test_every_level_can_be_marked(tmp_path: Path) -> None:
    truth = write_phantom(tmp_path, PhantomSpec(size=Size.TINY, every_level_marked=True))
    marks = json.loads(truth.session_path.read_text())["marks"]
    levels = sum(len(of_side.level_slices) for of_side in truth.sides.values())
    assert len(marks) == 4 * levels


def test_a_folder_that_holds_a_study_is_not_written_over(tmp_path: Path) -> None:
    write_phantom(tmp_path, PhantomSpec(size=Size.TINY))
    with pytest.raises(OutputError, match="already holds a study"):
        write_phantom(tmp_path, PhantomSpec(size=Size.TINY, seed=2))


def test_a_missing_encoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = PhantomSpec(size=Size.TINY, transfer_syntax="jpeg-lossless")
    with pytest.raises(OutputError, match="install dcmtk"):
        write_phantom(tmp_path / "out", spec)
    assert not (tmp_path / "out").exists()


def test_the_phantom_does_not_know_the_geometry_of_the_library() -> None:
    for path in Path(ifspace.phantom.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "ifspace.geometry"
                assert not {"Grid", "Plane", "Segment"} & {alias.name for alias in node.names}
