"""From stored bytes to signal, to the last bit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from ifspace.errors import UnreadableInputError
from ifspace.io import load_volume, open_study

DEPTHS = [(16, False), (16, True), (12, False), (12, True)]


def _load(path: Path):
    with open_study(path) as inventory:
        assert inventory.skipped == ()
        return load_volume(inventory.ranked[0].series)


def _expect_stored(volume, scan) -> None:
    assert volume.voxels.dtype == np.float32
    for k in range(len(scan.heights_mm)):
        np.testing.assert_array_equal(volume.voxels[k], scan.stored(k))


@pytest.mark.parametrize(("bits", "signed"), DEPTHS)
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
def test_native_pixels_are_kept_to_the_bit(syntax, bits, signed, writer, tmp_path):
    scan = writer.Scan(bits_stored=bits, signed=signed)
    writer.write_classic(
        tmp_path, scan, lambda _, ds: setattr(ds.file_meta, "TransferSyntaxUID", syntax)
    )
    volume = _load(tmp_path)
    _expect_stored(volume, scan)
    assert volume.series.transfer_syntax_uid == syntax


def test_big_endian_pixels_and_header_are_read(writer, tmp_path):
    scan = writer.Scan(signed=True)
    for k in range(5):
        ds = writer.classic_slice(scan, k)
        ds.PixelData = scan.stored(k).astype(">i2").tobytes()
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        ds.save_as(tmp_path / f"{k}", enforce_file_format=True)
    _expect_stored(_load(tmp_path), scan)


@pytest.mark.parametrize(("bits", "signed"), DEPTHS)
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_pixels_are_decoded_to_the_bit(syntax, bits, signed, writer, tmp_path):
    scan = writer.Scan(bits_stored=bits, signed=signed, rows=32, columns=36)
    writer.write_classic(tmp_path, scan, lambda _, ds: ds.compress(syntax))
    _expect_stored(_load(tmp_path), scan)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_enhanced_frames_are_decoded_to_the_bit(syntax, writer, tmp_path):
    scan = writer.Scan(bits_stored=12, rows=32, columns=36)
    ds = writer.enhanced(scan)
    ds.compress(syntax)
    writer.save(ds, tmp_path / "a")
    _expect_stored(_load(tmp_path), scan)


def _dcmcjpeg(source: Path, target: Path, option: str) -> None:
    tool = shutil.which("dcmcjpeg", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if tool is None:
        pytest.skip("dcmcjpeg (dcmtk) is not installed: JPEG lossless stays untested here")
    subprocess.run([tool, option, source, target], check=True, capture_output=True)


# +el is process 14 (.57), +e1 its selection value 1 (.70).
@pytest.mark.parametrize("option", ["+el", "+e1"])
@pytest.mark.parametrize(("bits", "signed"), DEPTHS)
def test_jpeg_lossless_is_decoded_to_the_bit(option, bits, signed, writer, tmp_path):
    scan = writer.Scan(
        bits_stored=bits,
        signed=signed,
        rows=32,
        columns=36,
        attributes={"RescaleSlope": 1, "RescaleIntercept": 0},
    )
    (tmp_path / "jpeg").mkdir()
    writer.write_classic(tmp_path / "plain", scan)
    for path in (tmp_path / "plain").iterdir():
        _dcmcjpeg(path, tmp_path / "jpeg" / path.name, option)
    volume = _load(tmp_path / "jpeg")
    assert volume.series.transfer_syntax_uid.startswith("1.2.840.10008.1.2.4.")
    _expect_stored(volume, scan)


def test_twelve_bit_jpeg_is_decoded_quietly_within_its_loss_and_said_to_be_lossy(
    writer, tmp_path, capfd
):
    scan = writer.Scan(bits_stored=12, rows=64, columns=64)
    smooth = (np.add.outer(np.arange(64), np.arange(64)) * 30).astype(np.uint16)
    (tmp_path / "jpeg").mkdir()

    def fill(k, ds):
        ds.PixelData = smooth.tobytes()

    writer.write_classic(tmp_path / "plain", scan, fill)
    for path in (tmp_path / "plain").iterdir():
        _dcmcjpeg(path, tmp_path / "jpeg" / path.name, "+ee")
    volume = _load(tmp_path / "jpeg")
    assert volume.series.transfer_syntax_uid == "1.2.840.10008.1.2.4.51"
    assert np.abs(volume.voxels - smooth).max() < 60
    assert capfd.readouterr().err == ""
    assert "lossy_compression" in {flag.code for flag in volume.flags}


def test_lossy_jpeg_ls_is_said_to_be_lossy(writer, tmp_path):
    scan = writer.Scan(rows=32, columns=36)
    writer.write_classic(tmp_path, scan, lambda _, ds: ds.compress(JPEGLSNearLossless, jls_error=2))
    volume = _load(tmp_path)
    assert np.abs(volume.voxels[0] - scan.stored(0)).max() <= 2
    assert [flag.code for flag in volume.flags] == ["lossy_compression"]


def test_pixels_that_were_ever_lossy_are_said_to_be(writer, tmp_path):
    writer.write_classic(tmp_path, writer.Scan(attributes={"LossyImageCompression": "01"}))
    assert [flag.code for flag in _load(tmp_path).flags] == ["lossy_compression"]


def test_a_damaged_compressed_stream_is_refused(writer, tmp_path):
    def spoil(k, ds):
        ds.compress(JPEGLSLossless)
        ds.PixelData = ds.PixelData[:30] + bytes(len(ds.PixelData) - 30)

    writer.write_classic(tmp_path, writer.Scan(rows=32, columns=36), spoil)
    with open_study(tmp_path) as inventory, pytest.raises(UnreadableInputError, match="decoded"):
        load_volume(inventory.ranked[0].series)


def test_each_slice_is_rescaled_by_its_own_slope(writer, tmp_path):
    def rescale(k, ds):
        ds.RescaleSlope, ds.RescaleIntercept = 0.5 + k, -10 * k

    scan = writer.write_classic(tmp_path, change=rescale)
    volume = _load(tmp_path)
    for k in range(5):
        expected = scan.stored(k) * (0.5 + k) - 10 * k
        np.testing.assert_allclose(volume.voxels[k], expected, rtol=1e-6, atol=1e-2)


def test_each_enhanced_frame_is_rescaled_by_its_own_slope(writer, tmp_path):
    scan = writer.Scan()
    ds = writer.enhanced(scan)
    for group in ds.PerFrameFunctionalGroupsSequence:
        k = group.FrameContentSequence[0].InStackPositionNumber - 1
        item = type(ds)()
        item.RescaleSlope, item.RescaleIntercept = 0.5 + k, -10 * k
        group.PixelValueTransformationSequence = [item]
    writer.save(ds, tmp_path / "a")
    volume = _load(tmp_path / "a")
    for k in range(5):
        expected = scan.stored(k) * (0.5 + k) - 10 * k
        np.testing.assert_allclose(volume.voxels[k], expected, rtol=1e-6, atol=1e-2)


@pytest.mark.parametrize(("signed", "ends_sum"), [(False, 4095), (True, -1)])
def test_monochrome1_is_turned_round(signed, ends_sum, writer, tmp_path):
    scan = writer.Scan(
        bits_stored=12, signed=signed, attributes={"PhotometricInterpretation": "MONOCHROME1"}
    )
    writer.write_classic(tmp_path, scan)
    volume = _load(tmp_path)
    expected = ends_sum - scan.stored(2).astype(np.float32)
    np.testing.assert_array_equal(volume.voxels[2], expected)


def test_bits_above_the_stored_ones_are_ignored(writer, tmp_path):
    scan = writer.Scan(bits_stored=12)

    def overlay(k, ds):
        ds.PixelData = (scan.stored(k) | 0xF000).tobytes()

    writer.write_classic(tmp_path, scan, overlay)
    _expect_stored(_load(tmp_path), scan)


def test_a_high_bit_above_the_stored_ones_shifts_them_down(writer, tmp_path):
    scan = writer.Scan(bits_stored=12, signed=True, attributes={"HighBit": 15})

    def shift(k, ds):
        ds.PixelData = (scan.stored(k) << 4).astype(np.int16).tobytes()

    writer.write_classic(tmp_path, scan, shift)
    _expect_stored(_load(tmp_path), scan)


def test_eight_bit_pixels_are_read_with_their_padding_byte(writer, tmp_path):
    scan = writer.Scan(rows=11, columns=13)
    values = np.arange(143, dtype=np.uint8).reshape(11, 13)

    def eight(k, ds):
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        ds.PixelData = values.tobytes() + b"\0"

    writer.write_classic(tmp_path, scan, eight)
    np.testing.assert_array_equal(_load(tmp_path).voxels[4], values)


def test_inputs_are_not_touched(writer, tmp_path):
    writer.write_classic(tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    _load(tmp_path)
    assert before == {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()
    }


def test_headers_and_identity_can_be_had_again(writer, tmp_path):
    from ifspace.io import read_headers, read_identity

    writer.write_classic(tmp_path)
    series = _load(tmp_path).series
    headers = read_headers(series)
    assert [header.SOPInstanceUID for header in headers] == [
        source.sop_instance_uid for source in series.sources
    ]
    assert "PixelData" not in headers[0]
    identity = read_identity(series)
    assert (identity.name, identity.birth_date) == ("Seed^Ed", "19700315")
    assert dcmread(series.sources[0].path).PatientID == identity.patient_id
