"""Where loaded pixels lie in the patient, whatever way they were stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ifspace.errors import GeometryError
from ifspace.io import load_volume, open_study


def _load(path: Path):
    with open_study(path) as inventory:
        return load_volume(inventory.ranked[0].series)


def _value_at(volume, point_lps_mm) -> float:
    """Look a patient point up in the plane it lies on."""
    k, gap_mm = volume.nearest_slice(point_lps_mm)
    assert gap_mm < 1e-4
    j, i = volume.slices[k].plane.to_index_ji(point_lps_mm)
    assert (j, i) == pytest.approx((round(j), round(i)), abs=1e-5)
    return float(volume.voxels[k, round(j), round(i)])


POINTS = [(0, 0, 0), (1, 11, 0), (2, 0, 13), (3, 5, 7), (4, 11, 13)]


def test_every_pixel_of_a_classic_series_is_found_where_the_dicom_equation_puts_it(
    scan, writer, tmp_path
):
    writer.write_classic(tmp_path, scan)
    volume = _load(tmp_path)
    for k, j, i in POINTS:
        assert _value_at(volume, scan.point_lps_mm(k, j, i)) == scan.stored(k)[j, i]


def test_enhanced_frames_lie_where_the_classic_slices_do(scan, writer, tmp_path):
    writer.save(writer.enhanced(scan), tmp_path / "enhanced")
    volume = _load(tmp_path / "enhanced")
    for k, j, i in POINTS:
        assert _value_at(volume, scan.point_lps_mm(k, j, i)) == scan.stored(k)[j, i]
    assert volume.slice_step_mm == pytest.approx(4.4, abs=1e-5)
    assert volume.series.spacing_source == "PixelMeasuresSequence"


def test_the_grid_agrees_with_the_planes(scan, writer, tmp_path):
    writer.write_classic(tmp_path, scan)
    volume = _load(tmp_path)
    ordered = scan.point_lps_mm(3, 5, 7)
    assert volume.grid.to_index_kji(ordered) == pytest.approx([3, 5, 7], abs=1e-5)


def test_slices_rise_along_their_normal(scan, writer, tmp_path):
    writer.write_classic(tmp_path, scan)
    planes = [item.plane for item in _load(tmp_path).slices]
    heights_mm = [float(planes[0].height_mm(plane.origin_lps_mm)) for plane in planes]
    assert heights_mm == pytest.approx([0.0, 4.4, 8.8, 13.2, 17.6], abs=1e-5)


def test_row_and_column_spacing_are_not_swapped(writer, tmp_path):
    writer.write_classic(tmp_path)
    plane = _load(tmp_path).slices[0].plane
    assert (plane.row_spacing_mm, plane.column_spacing_mm) == (0.8, 0.6)


def test_a_missing_slice_does_not_stretch_the_step(writer, tmp_path):
    writer.write_classic(tmp_path, writer.Scan(heights_mm=[0, 4.4, 8.8, 17.6, 22.0, 26.4]))
    volume = _load(tmp_path)
    assert volume.slice_step_mm == pytest.approx(4.4, abs=1e-6)
    assert float(volume.slices[3].plane.origin_lps_mm[2]) == pytest.approx(-702.5 + 17.6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"PixelSpacing": None}, "PixelSpacing is missing"),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [1, 1]}, "ImagerPixelSpacing is no distance"),
        ({"PixelSpacing": None, "NominalScannedPixelSpacing": [1, 1]}, "no distance"),
        ({"PixelSpacing": [0, 0]}, r"PixelSpacing is 0\\0"),
        ({"PixelSpacing": [-0.5, 0.5]}, "PixelSpacing is -0.5"),
        ({"PixelSpacing": ["1e9", "1e9"]}, r"PixelSpacing is 1e\+09"),
        ({"PixelSpacing": [0.5]}, "expected two lengths"),
        ({"ImagePositionPatient": None}, "ImagePositionPatient is missing"),
        ({"ImagePositionPatient": [1, 2]}, "not a point"),
        ({"ImagePositionPatient": [1, 2, "1e9"]}, "not a point"),
        ({"ImageOrientationPatient": None}, "ImageOrientationPatient is missing"),
        ({"ImageOrientationPatient": [1, 0, 0, 0.1, 1, 0]}, "perpendicular"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "perpendicular"),
    ],
)
def test_a_series_without_a_place_in_the_patient_is_refused(change, words, writer, tmp_path):
    def spoil(k, ds):
        for keyword, value in change.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)

    scan = writer.write_classic(tmp_path, change=spoil)
    with open_study(tmp_path) as inventory:
        assert not inventory.ranked[0].suitable
        with pytest.raises(GeometryError, match=words):
            load_volume(inventory.choose(scan.series_uid))


def test_spacing_that_is_not_a_number_is_refused(writer, tmp_path):
    def spoil(k, ds):
        ds.PixelSpacing = ["8.8", "9.9"]

    scan = writer.write_classic(tmp_path, change=spoil)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"8.8\\9.9", b"NaN\\NaN"))
    with open_study(tmp_path) as inventory, pytest.raises(GeometryError, match="nan"):
        load_volume(inventory.choose(scan.series_uid))


def test_one_slice_without_spacing_is_left_out_and_named(writer, tmp_path):
    def spoil(k, ds):
        if k == 2:
            del ds.PixelSpacing

    writer.write_classic(tmp_path, change=spoil)
    volume = _load(tmp_path)
    assert len(volume.slices) == len(volume.series.sources) == 4
    flag = next(flag for flag in volume.flags if flag.code == "slice_left_out")
    assert "1 of 5" in flag.detail
    assert "PixelSpacing is missing" in flag.detail


def test_a_shared_spacing_that_contradicts_the_frames_own_is_refused(writer, tmp_path):
    ds = writer.enhanced(writer.Scan())
    for group in ds.PerFrameFunctionalGroupsSequence:
        measures = type(ds)()
        measures.PixelSpacing = [0.4, 0.4]
        group.PixelMeasuresSequence = [measures]
    writer.save(ds, tmp_path / "enhanced")
    with open_study(tmp_path) as inventory, pytest.raises(GeometryError, match="contradicts"):
        load_volume(inventory.choose(str(ds.SeriesInstanceUID)))


# ------------------------------------------------------------------------------- volume files


def _image(flip_slices: bool) -> sitk.Image:
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.6, 0.8, 4.4))
    image.SetOrigin((-61.3, 17.9, -702.5))
    down = -1.0 if flip_slices else 1.0
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, down))
    return image


@pytest.mark.parametrize("flip_slices", [False, True])
@pytest.mark.parametrize("ending", ["nii", "nii.gz", "nrrd", "mha"])
def test_a_volume_file_keeps_its_voxels_in_place(ending, flip_slices, tmp_path):
    image = _image(flip_slices)
    path = tmp_path / f"volume.{ending}"
    sitk.WriteImage(image, str(path))
    volume = _load(path)
    point_lps_mm = np.array(image.TransformIndexToPhysicalPoint((4, 3, 1)))
    k, gap_mm = volume.nearest_slice(point_lps_mm)
    assert gap_mm < 1e-4
    assert volume.slices[k].plane.to_index_ji(point_lps_mm) == pytest.approx([3, 4], abs=1e-4)
    assert volume.voxels[k, 3, 4] == 1 * 30 + 3 * 6 + 4
    assert volume.series.series_instance_uid is None
    assert [flag.code for flag in volume.flags] == ["no_patient_position"]


def test_nifti_millimetres_are_those_nibabel_gives_with_x_and_y_turned_round(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine_ras_mm = np.array(
        [[0.6, 0, 0, 10.0], [0, -0.8, 0, -20.0], [0, 0, 4.4, 30.0], [0, 0, 0, 1]]
    )
    voxels_ijk = np.arange(6 * 5 * 4, dtype=np.int16).reshape(6, 5, 4)
    nibabel.save(nibabel.Nifti1Image(voxels_ijk, affine_ras_mm), tmp_path / "a.nii.gz")
    volume = _load(tmp_path / "a.nii.gz")
    point_ras_mm = affine_ras_mm @ [4, 3, 2, 1]
    point_lps_mm = point_ras_mm[:3] * [-1, -1, 1]
    k, gap_mm = volume.nearest_slice(point_lps_mm)
    j, i = np.rint(volume.slices[k].plane.to_index_ji(point_lps_mm)).astype(int)
    assert gap_mm < 1e-4
    assert volume.voxels[k, j, i] == voxels_ijk[4, 3, 2]


def test_nifti_without_an_orientation_code_has_no_left_side(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(np.zeros((40, 40, 4), np.int16), np.diag([3.0, 3, 4, 1]))
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    nibabel.save(image, tmp_path / "a.nii")
    with open_study(tmp_path / "a.nii") as inventory:
        volume = load_volume(inventory.ranked[0].series)
    assert any(flag.code == "no_image_direction" and flag.refuses(0) for flag in volume.flags)


# ----------------------------------------------------------------------------------- real data


def _readings(real_data: Path) -> list[dict]:
    return json.loads((real_data / "readings.json").read_text())


@pytest.mark.real_data
@pytest.mark.parametrize("case", ["STS_044", "STS_046", "STS_048", "C3N-01871"])
def test_real_readings_lie_on_the_slice_they_were_read_on(case, real_data):
    path = (
        real_data / "ucec_pelvis_t2" / f"{case}.mha"
        if case.startswith("C3N")
        else real_data / "sts_hip_t1" / case / "MR_T1"
    )
    volume = _load(path)
    checked = 0
    for reading in (item for item in _readings(real_data) if item["case"] == case):
        for kind in ("ifs", "qfs"):
            space = reading.get(kind) or {}
            for name, value in space.items():
                if name.endswith("_lps_mm") and value:
                    k, gap_mm = volume.nearest_slice(np.array(value))
                    assert (k, gap_mm) == (space["k"], pytest.approx(0.0, abs=0.01))
                    checked += 1
    assert checked >= 8


@pytest.mark.real_data
def test_the_real_ct_beside_the_mr_is_listed_but_not_taken(real_data):
    with open_study(real_data / "sts_hip_t1" / "STS_048") as inventory:
        assert inventory.choose().modality == "MR"
        other = inventory.ranked[1]
        assert (other.series.modality, other.suitable) == ("CT", False)
        chosen = inventory.choose(other.series.series_instance_uid)
        assert load_volume(chosen).voxels.shape[0] == 57


@pytest.mark.real_data
def test_the_real_oblique_prostate_series_is_read_with_its_tilt(real_data):
    with open_study(real_data / "prostate_negative") as inventory:
        series = inventory.choose()
    assert series.tilt_from_axial_deg == pytest.approx(3.5, abs=0.1)
    assert series.slice_step_mm == pytest.approx(3.0, abs=0.001)
    assert series.acquisition_matrix == (234, 304)
