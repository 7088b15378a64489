"""Small files that ask for much, or broke native readers, end as a sentence in little memory."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

from ifspace.errors import UnreadableInputError
from ifspace.io import decoding, load_volume, open_study
from ifspace.io.decoding import native_volume

PEAK_MB = 300
# Lists and loads everything below a path; says why what, and what the process and its child took.
_LOOK = """
import json, os, re, sys
from pathlib import Path
from ifspace.errors import IfspaceError
from ifspace.io import decoding, load_volume, open_study
from ifspace.io.labels import read_label_map
said = []
def attempt(task):
    try:
        task()
        said.append("read")
    except IfspaceError as error:
        said.append(str(error))
path = Path(sys.argv[1])
with open_study(path) as inventory:
    said += [item.reason for item in inventory.skipped]
    for item in inventory.ranked:
        attempt(lambda: load_volume(item.series))
for mask in path.iterdir():
    attempt(lambda: read_label_map(mask))
# The largest resident memory since the program began; what getrusage says includes the parent's.
def peak_kb(process):
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\\s*(\\d+)", status)[1])
child = decoding._DECODER._process
peaks = [peak_kb(os.getpid()), *([] if child is None else [peak_kb(child.pid)])]
print(json.dumps([said, max(peaks) // 1024]))
"""


def _mha(**changes: str) -> bytes:
    fields = {
        "ObjectType": "Image", "NDims": "3", "DimSize": "2 2 2", "ElementType": "MET_UCHAR",
        "ElementSpacing": "1 1 1", **changes, "ElementDataFile": "LOCAL",
    }  # fmt: skip
    return "".join(f"{name} = {value}\n" for name, value in fields.items()).encode() + bytes(8)


def _nrrd(**changes: str) -> bytes:
    fields = {
        "type": "uchar", "dimension": "3", "sizes": "2 2 2", "encoding": "raw", **changes
    }  # fmt: skip
    lines = "".join(f"{name.replace('_', ' ')}: {value}\n" for name, value in fields.items())
    return b"NRRD0004\n" + lines.encode() + b"\n" + bytes(8)


def _nifti(shape: tuple[int, ...] = (2, 2, 2), begin: float = 352.0, kind: int = 2) -> bytes:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<hh", head, 70, kind, {2: 8, 16: 32, 64: 64}[kind])
    struct.pack_into("<8f", head, 76, *[1.0] * 8)
    struct.pack_into("<f", head, 108, begin)
    head[344:348] = b"n+1\0"
    return bytes(head)


HOSTILE = {
    "ndims-100.mha": _mha(NDims="100"),
    "ndims-minus.mha": _mha(NDims="-1"),
    "ndims-none.mha": _mha(NDims="three"),
    "dims-two.mha": _mha(DimSize="2 2"),
    "dims-minus.mha": _mha(DimSize="2 -2 2"),
    "huge.mha": _mha(DimSize="1 1 1000000000"),
    "huge-packed.mha": _mha(DimSize="1 1 1000000000", CompressedData="True"),
    "type.mha": _mha(ElementType="MET_" + "A" * 2000),
    "channels.mha": _mha(ElementNumberOfChannels="1000000000"),
    "spacing.mha": _mha(ElementSpacing="nan 1 1"),
    "matrix.mha": _mha(TransformMatrix="1 0"),
    "skip.mha": _mha(HeaderSize="99999999999"),
    "long.mha": _mha(Comment="x" * 5000),
    "twice.mha": b"NDims = 3\n" + _mha(),
    "type.nrrd": _nrrd(type="A" * 2000),
    "dimension.nrrd": _nrrd(dimension="100"),
    "dimension-minus.nrrd": _nrrd(dimension="-3"),
    "sizes.nrrd": _nrrd(sizes="2 2"),
    "huge.nrrd": _nrrd(sizes="100000 100000 100000"),
    "packed.nrrd": _nrrd(sizes="1000 1000 1000", encoding="gzip"),
    "directions.nrrd": _nrrd(space_directions="(1,0) (0,1) (0,0)"),
    "skip.nrrd": _nrrd(byte_skip="-1"),
    "endless.nrrd": b"NRRD0004\n" + b"type: uchar\n" * 9000,
    "offset-nan.nii": _nifti(begin=float("nan")) + bytes(8),
    "offset-inf.nii.gz": gzip.compress(_nifti(begin=float("inf")) + bytes(8)),
    "huge.nii": _nifti((1000, 1000, 1000)),
    "dims-minus.nii": _nifti((2, -2, 2)) + bytes(8),
    "cut.nii.gz": gzip.compress(_nifti((64, 64, 64)) + os.urandom(64**3))[:9000],
    "cut-header.nii.gz": gzip.compress(_nifti() + bytes(8))[:40],
    "cut-header.nii": _nifti()[:300],
}


def _look(path: Path) -> tuple[list[str], int]:
    """Run everything on a folder in a process of its own."""
    command = [sys.executable, "-c", _LOOK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said, peak_mb = json.loads(done.stdout)
    return said, peak_mb


def test_every_hostile_volume_file_is_a_sentence_in_little_memory(writer, tmp_path) -> None:
    for name, content in HOSTILE.items():
        (tmp_path / name).write_bytes(content)
    writer.write_classic(tmp_path / "good")
    said, peak_mb = _look(tmp_path)
    # The good series is read; each hostile file is refused as an image and as a label map, as the
    # folder beside them is.
    assert said.count("read") == 1
    assert len(said) == 2 * len(HOSTILE) + 2
    assert peak_mb < PEAK_MB


def test_a_gzip_bomb_is_refused_in_little_memory(tmp_path) -> None:
    # 8 bytes per voxel, packed a thousand times: 0.3 MB announce, and hold, 300 MB.
    shape = (300, 500, 250)
    pack = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    with (tmp_path / "bomb.nii.gz").open("wb") as file:
        file.write(pack.compress(_nifti(shape, kind=64)))
        for _ in range(25):
            file.write(pack.compress(bytes(12 * 10**6)))
        file.write(pack.flush())
    assert (tmp_path / "bomb.nii.gz").stat().st_size < 2**20
    said, peak_mb = _look(tmp_path)
    assert "read" not in said
    assert all("unpacks to" in sentence for sentence in said)
    assert peak_mb < PEAK_MB


def test_a_codestream_of_another_size_is_refused_in_little_memory(writer, tmp_path) -> None:
    source = writer.classic_slice(writer.Scan(rows=64, columns=64), 0)
    source.compress(JPEG2000Lossless)
    stream = bytearray(next(generate_frames(source.PixelData, number_of_frames=1)))
    at = stream.find(b"\xff\x4f\xff\x51")
    # Image and tile of 60000 x 60000 under a header of 12 x 14.
    struct.pack_into(">2I", stream, at + 8, 60000, 60000)
    struct.pack_into(">2I", stream, at + 24, 60000, 60000)

    def swell(k, ds):
        ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
        ds.PixelData = encapsulate([bytes(stream)])
        ds["PixelData"].is_undefined_length = True

    writer.write_classic(tmp_path / "a", change=swell)
    said, peak_mb = _look(tmp_path)
    assert any("60000 x 60000" in sentence for sentence in said)
    assert peak_mb < PEAK_MB


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEGLossless])
def test_a_compressed_image_larger_than_the_image_is_refused(syntax, writer, tmp_path) -> None:
    def swell(k, ds):
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([bytes(200_000)])
        ds["PixelData"].is_undefined_length = True

    writer.write_classic(tmp_path, change=swell)
    with open_study(tmp_path) as inventory, pytest.raises(UnreadableInputError, match="larger"):
        load_volume(inventory.ranked[0].series)


def test_a_jpeg_of_another_size_is_refused(writer, tmp_path) -> None:
    other = writer.Scan(rows=48, columns=40)

    def mix(k, ds):
        larger = writer.classic_slice(other, 0)
        larger.compress(JPEGLSLossless)
        ds.file_meta.TransferSyntaxUID = JPEGLSLossless
        ds["PixelData"] = larger["PixelData"]

    writer.write_classic(tmp_path, writer.Scan(rows=32, columns=36), mix)
    with open_study(tmp_path) as inventory, pytest.raises(UnreadableInputError, match="48 x 40"):
        load_volume(inventory.ranked[0].series)


def test_a_deflated_bomb_is_refused_in_little_memory(writer, tmp_path) -> None:
    ds = writer.classic_slice(writer.Scan(), 0)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    path = writer.save(ds, tmp_path / "a")
    content = path.read_bytes()
    begin = 144 + int.from_bytes(content[140:144], "little")
    plain = zlib.decompress(content[begin:], -zlib.MAX_WBITS)
    # The length of the pixel data element grows to 512 MB, and 512 MB follow.
    at = plain.rfind(b"\xe0\x7f\x10\x00OW")
    pack = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    with path.open("wb") as file:
        file.write(content[:begin])
        file.write(pack.compress(plain[: at + 8] + struct.pack("<I", 2**29)))
        for _ in range(2**5):
            file.write(pack.compress(bytes(2**24)))
        file.write(pack.flush())
    assert path.stat().st_size < 2**20
    said, peak_mb = _look(tmp_path)
    assert any("unpacks to more than" in sentence for sentence in said)
    assert "read" not in said
    assert peak_mb < PEAK_MB


def test_a_deflated_set_behind_a_long_file_header_is_not_unpacked(writer, tmp_path) -> None:
    ds = writer.classic_slice(writer.Scan(), 0)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    path = writer.save(ds, tmp_path / "a")
    content = path.read_bytes()
    # Private information of 100 kB before the transfer syntax.
    long = b"\x02\x00\x02\x01OB\0\0" + struct.pack("<I", 100_000) + bytes(100_000)
    path.write_bytes(content[:144] + long + content[144:])
    with open_study(tmp_path) as inventory:
        assert [item.reason for item in inventory.skipped] == ["damaged or truncated DICOM file"]


def _good_volume(path: Path) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5)), path)
    return path


def test_a_decoder_that_crashes_costs_one_file(tmp_path) -> None:
    pipe, refused = tmp_path / "pipe.mha", []
    os.mkfifo(pipe)

    def ask() -> None:
        with pytest.raises(UnreadableInputError, match="crashed") as error:
            native_volume(pipe, "MetaImageIO", 0)
        refused.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    # Opening waits until the decoder has opened the other end.
    with pipe.open("wb"):
        assert decoding._DECODER._process is not None
        os.kill(decoding._DECODER._process.pid, signal.SIGKILL)
        asking.join()
    assert refused
    good = _good_volume(tmp_path / "a.mha")
    assert native_volume(good, "MetaImageIO", 120, voxels=True).voxels.sum() == 59 * 30


def test_a_decoder_that_hangs_is_ended(tmp_path, monkeypatch) -> None:
    pipe = tmp_path / "pipe.mha"
    os.mkfifo(pipe)
    monkeypatch.setattr(decoding, "DECODE_SECONDS", 1)
    with pytest.raises(UnreadableInputError, match="did not come to an end"):
        native_volume(pipe, "MetaImageIO", 0)


def test_a_decoder_gets_no_more_memory_than_the_file_announces(tmp_path) -> None:
    good = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((200, 1000, 1000), np.uint8)), good)
    with pytest.raises(UnreadableInputError, match="damaged"):
        native_volume(good, "MetaImageIO", 1000, voxels=True)
    assert native_volume(good, "MetaImageIO", 2 * 10**8, voxels=True).voxels.shape[0] == 200


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd", "a.nii", "a.nii.gz"])
def test_what_other_programs_write_passes_the_check(name, tmp_path) -> None:
    path = _good_volume(tmp_path / name)
    with open_study(path) as inventory:
        assert inventory.skipped == ()
        voxels = load_volume(inventory.ranked[0].series).voxels
    assert sorted(voxels.ravel().tolist()) == list(range(60))
