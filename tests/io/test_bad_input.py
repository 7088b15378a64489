"""What is broken or hostile ends in a reason in words, and the rest is used."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from ifspace.errors import SeriesChoiceError, UnreadableInputError, UnsafeArchiveError
from ifspace.io import archive, load_volume, open_study


def _skipped(path: Path) -> dict[str, str]:
    with open_study(path) as inventory:
        return {item.path: item.reason for item in inventory.skipped}


def _slices(path: Path) -> int:
    with open_study(path) as inventory:
        return sum(item.series.slice_count for item in inventory.ranked)


@pytest.fixture
def folder(writer, tmp_path) -> Path:
    """A good series of five slices."""
    writer.write_classic(tmp_path / "study")
    return tmp_path / "study"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"this is a letter, not an image\n" * 20, "not an image file"),
        (b"MZ" + bytes(600), "not an image file"),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" + b"\xff" * 40, "damaged or truncated"),
        (bytes(128) + b"DICM", "damaged or truncated"),
        (bytes(128) + b"DICM" + b"\xff" * 64, "damaged or truncated"),
        (b"\x1f\x8b" + bytes(30), "not an image file"),
        (b"NRRD0005\ntype: short\n\n", "NRRD content needs a name"),
        (b"PK\x03\x04" + bytes(40), "an archive inside"),
    ],
)
def test_a_bad_file_in_a_good_folder_is_named_and_the_rest_is_used(content, words, folder):
    (folder / "bad.dcm").write_bytes(content)
    assert words in _skipped(folder)["bad.dcm"]
    assert _slices(folder) == 5


def test_a_file_cut_within_its_pixels_is_named_and_the_rest_is_used(folder):
    victim = folder / "IM002"
    victim.write_bytes(victim.read_bytes()[:-30])
    assert "truncated" in _skipped(folder)["IM002"]
    assert _slices(folder) == 4


@pytest.mark.parametrize("keep", [140, 200, 333, 700, 900])
def test_a_file_cut_within_its_header_is_named(keep, folder):
    victim = folder / "IM002"
    victim.write_bytes(victim.read_bytes()[:keep])
    assert "IM002" in _skipped(folder)


def test_a_file_without_pixels_is_named(writer, tmp_path):
    scan = writer.Scan()
    writer.save(writer.classic_slice(scan, 0, PixelData=None), tmp_path / "a")
    assert _skipped(tmp_path) == {"a": "the pixel data is missing"}


@pytest.mark.parametrize(("rows", "columns"), [(0, 14), (65535, 65535), (60000, 14)])
def test_absurd_dimensions_are_named(rows, columns, writer, tmp_path):
    ds = writer.classic_slice(writer.Scan(), 0, Rows=rows, Columns=columns)
    writer.save(ds, tmp_path / "a")
    assert "which no image has" in _skipped(tmp_path)["a"]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "but the format needs 168"),
        ({"BitsStored": 12, "HighBit": 5}, "contradicts itself"),
        ({"BitsStored": 20, "HighBit": 19}, "contradicts itself"),
        ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, "contradicts itself"),
        ({"BitsAllocated": 0, "BitsStored": 0, "HighBit": 0}, "contradicts itself"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "give no signal"),
    ],
)
def test_a_bit_depth_that_does_not_fit_is_refused(attributes, words, writer, tmp_path):
    scan = writer.Scan(attributes=attributes)
    writer.write_classic(tmp_path, scan)
    with open_study(tmp_path) as inventory, pytest.raises(UnreadableInputError, match=words):
        load_volume(inventory.ranked[0].series)


def test_more_bits_than_the_file_holds_are_named(writer, tmp_path):
    ds = writer.classic_slice(writer.Scan(), 0, BitsAllocated=32, BitsStored=32, HighBit=31)
    writer.save(ds, tmp_path / "a")
    assert "truncated" in _skipped(tmp_path)["a"]


def test_a_dicom_file_with_an_executable_preamble_is_read_as_dicom(folder):
    victim = folder / "IM000"
    data = victim.read_bytes()
    victim.write_bytes(b"MZ\x90\x00" + b"\xcc" * 124 + data[128:])
    assert _skipped(folder) == {}
    assert _slices(folder) == 5


def test_a_data_set_without_preamble_is_read(writer, tmp_path):
    path = writer.save(writer.classic_slice(writer.Scan(), 0), tmp_path / "a")
    path.write_bytes(path.read_bytes()[132:])
    assert _slices(tmp_path) == 1


def test_frames_that_are_announced_but_not_described_are_named(writer, tmp_path):
    ds = writer.enhanced(writer.Scan())
    ds.NumberOfFrames = 3
    writer.save(ds, tmp_path / "a")
    assert "3 frames are announced and 5 are described" in _skipped(tmp_path)["a"]


def test_objects_that_are_no_images_are_named_by_what_they_are(writer, tmp_path):
    ds = writer.classic_slice(writer.Scan(), 0, Rows=None, Columns=None, PixelData=None)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    writer.save(ds, tmp_path / "a")
    assert _skipped(tmp_path) == {"a": "not an image (Comprehensive SR Storage)"}


def test_a_slice_that_cannot_be_decoded_is_left_out_and_named(writer, tmp_path):
    def spoil(k, ds):
        if k == 1:
            ds.PixelData = ds.PixelData + bytes(40)

    writer.write_classic(tmp_path, change=spoil)
    with open_study(tmp_path) as inventory:
        volume = load_volume(inventory.ranked[0].series)
    assert len(volume.slices) == 4
    assert "1 of 5 slices were left out" in volume.flags[0].detail


def test_a_copy_of_a_file_is_named_and_used_once(folder):
    shutil.copy(folder / "IM000", folder / "copy")
    assert _skipped(folder) == {"copy": "the same image as IM000"}
    assert _slices(folder) == 5


def test_no_identity_is_in_any_message_or_representation(folder):
    (folder / "bad").write_bytes((folder / "IM000").read_bytes()[:-9])
    with open_study(folder) as inventory:
        volume = load_volume(inventory.ranked[0].series)
        shown = repr(inventory) + repr(volume.series) + repr(volume.flags)
    for secret in ("Seed^Ed", "Seed", "ID-4711", "19700315"):
        assert secret not in shown


# ------------------------------------------------------------------------------ paths and folders


def test_nothing_at_the_path_is_said_so(tmp_path):
    with pytest.raises(UnreadableInputError, match="cannot be opened"), open_study(tmp_path / "no"):
        pass


def test_an_empty_folder_is_said_so(tmp_path):
    with pytest.raises(UnreadableInputError, match="empty"), open_study(tmp_path):
        pass


def test_a_folder_without_images_gives_one_sentence_on_choosing(tmp_path):
    (tmp_path / "letter.txt").write_text("dear colleague")
    with open_study(tmp_path) as inventory, pytest.raises(SeriesChoiceError, match="No images"):
        inventory.choose()


def test_a_circle_of_links_ends(folder):
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to("self")
    reasons = _skipped(folder)
    assert reasons["again"] == "link to a folder that was already read"
    assert "self" in reasons
    assert _slices(folder) == 5


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    assert _skipped(folder)["pipe"] == "not a regular file"


@pytest.fixture
def as_nobody():
    """Run without the rights of root, which could read everything."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("cannot become another user here, and root reads everything")
    yield
    os.seteuid(0)


def test_an_unreadable_folder_or_file_is_named(writer, request):
    with tempfile.TemporaryDirectory() as room:
        root = Path(room)
        writer.write_classic(root / "good")
        writer.write_classic(root / "closed")
        secret = writer.save(writer.classic_slice(writer.Scan(), 0), root / "closed.dcm")
        root.chmod(0o755)
        (root / "closed").chmod(0)
        secret.chmod(0)
        request.getfixturevalue("as_nobody")
        reasons = _skipped(root)
        slices = _slices(root)
        with pytest.raises(UnreadableInputError, match="cannot be read"), open_study(secret):
            pass
        if os.getuid() == 0:
            os.seteuid(0)
        (root / "closed").chmod(0o700)
    assert "folder cannot be read" in reasons["closed"]
    assert "cannot be read" in reasons["closed.dcm"]
    assert slices == 5


# ---------------------------------------------------------------------------------------- archives


def _zip(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for item in sorted(folder.iterdir()):
            packed.write(item, f"disc/{item.name}")
    return path


def test_a_zip_is_read_like_the_folder_and_leaves_nothing_behind(folder, tmp_path):
    place = _zip(tmp_path / "study.zip", folder)
    with open_study(place) as inventory:
        series = inventory.ranked[0].series
        unpacked = series.sources[0].path
        assert inventory.ranked[0].found_as.startswith("disc/")
        assert load_volume(series).voxels.shape == (5, 12, 14)
    assert not unpacked.exists()
    assert {item.name for item in tmp_path.iterdir()} == {"study", "study.zip"}


def test_an_encrypted_zip_is_refused(folder, tmp_path):
    place = _zip(tmp_path / "study.zip", folder)
    data = bytearray(place.read_bytes())
    # The first flag bit of each local header and each entry of the table of contents.
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(start)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(start, at + 4)
    place.write_bytes(data)
    with pytest.raises(UnsafeArchiveError, match="encrypted"), open_study(place):
        pass


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_a_zip_that_names_paths_outside_itself_is_refused(name, tmp_path):
    place = tmp_path / "study.zip"
    with zipfile.ZipFile(place, "w") as packed:
        packed.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(UnsafeArchiveError, match="outside itself"), open_study(place):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["study.zip"]


def test_a_zip_bomb_is_refused_by_its_ratio(tmp_path):
    place = tmp_path / "bomb.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as packed:
        block = bytes(2**24)
        for number in range(20):
            packed.writestr(f"{number}", block)
    with pytest.raises(UnsafeArchiveError, match="times its size"), open_study(place):
        pass


def test_a_zip_that_lies_about_its_sizes_is_not_believed(folder, tmp_path, monkeypatch):
    place = _zip(tmp_path / "study.zip", folder)
    data = bytearray(place.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = struct.pack("<I", 10)
        at = data.find(b"PK\x01\x02", at + 4)
    place.write_bytes(data)
    with open_study(place) as inventory:
        assert inventory.ranked == ()
        assert len(inventory.skipped) == 5


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("MAX_FILES", 3, "holds 5 files"), ("MAX_BYTES", 2000, "unpacks to more than")],
)
def test_a_zip_beyond_a_limit_is_refused(limit, value, words, folder, tmp_path, monkeypatch):
    place = _zip(tmp_path / "study.zip", folder)
    monkeypatch.setattr(archive, limit, value)
    with pytest.raises(UnsafeArchiveError, match=words), open_study(place):
        pass


def test_a_link_inside_a_zip_is_not_made(tmp_path):
    place = tmp_path / "study.zip"
    with zipfile.ZipFile(place, "w") as packed:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    assert _skipped(place) == {"link": "a link inside an archive"}


def test_a_damaged_zip_is_said_so(folder, tmp_path):
    place = _zip(tmp_path / "study.zip", folder)
    place.write_bytes(place.read_bytes()[:-60])
    with pytest.raises(UnreadableInputError, match="ZIP archive is damaged"), open_study(place):
        pass


def test_a_volume_file_inside_a_zip_is_read(tmp_path):
    (tmp_path / "in").mkdir()
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6), np.int16))
    sitk.WriteImage(image, str(tmp_path / "in" / "a.nii.gz"))
    with open_study(_zip(tmp_path / "a.zip", tmp_path / "in")) as inventory:
        assert load_volume(inventory.ranked[0].series).voxels.shape == (4, 5, 6)


def test_a_deflated_data_set_that_swells_without_end_is_not_unpacked(writer, tmp_path):
    ds = writer.classic_slice(writer.Scan(), 0)
    ds.PixelData = bytes(200 * 2**20)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = writer.save(ds, tmp_path / "a")
    assert path.stat().st_size < 300_000
    with open_study(tmp_path) as inventory, pytest.raises(UnreadableInputError, match="unpacks to"):
        load_volume(inventory.ranked[0].series)


# ---------------------------------------------------------------------------------------- DICOMDIR


def _dicomdir(folder: Path, references: list[list[str]]) -> Path:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    records = []
    for reference in references:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = reference
        records.append(record)
    ds.DirectoryRecordSequence = records
    ds.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_a_dicomdir_gives_the_files_it_names_in_whatever_case(folder):
    place = _dicomdir(folder, [["IM000"], ["im001"], ["IM002"]])
    assert _slices(place) == 3
    assert _slices(folder) == 5
    assert "DICOMDIR" in _skipped(folder)["DICOMDIR"]


def test_the_order_on_the_disk_does_not_decide_which_file_a_dicomdir_means(folder, monkeypatch):
    place = _dicomdir(folder, [["IM7"]])
    for name, origin in (("Im7", "IM000"), ("iM7", "IM001")):
        shutil.copy(folder / origin, folder / name)
    listed, taken = Path.iterdir, set()
    for backwards in (False, True):
        monkeypatch.setattr(
            Path, "iterdir", lambda self, way=backwards: sorted(listed(self), reverse=way)
        )
        with open_study(place) as inventory:
            taken.add(inventory.ranked[0].series.sources[0].path.name)
    assert taken == {"Im7"}


@pytest.mark.parametrize(
    "reference", [["..", "secret"], ["../secret"], ["/etc/passwd"], [".."], ["a", "..", "IM000"]]
)
def test_a_dicomdir_cannot_name_files_outside_its_folder(reference, folder):
    shutil.copy(folder / "IM000", folder.parent / "secret")
    place = _dicomdir(folder, [reference])
    assert _skipped(place) == {"/".join(reference): "named by the DICOMDIR but outside its folder"}
    assert _slices(place) == 0


def test_a_dicomdir_cannot_reach_outside_through_a_link(folder):
    shutil.copy(folder / "IM000", folder.parent / "secret")
    (folder / "LINK").symlink_to(folder.parent / "secret")
    place = _dicomdir(folder, [["LINK"]])
    assert "outside its folder" in _skipped(place)["LINK"]


def test_a_file_that_a_dicomdir_names_but_that_is_gone_is_named(folder):
    assert _skipped(_dicomdir(folder, [["NONE"]])) == {"NONE": "named by the DICOMDIR but missing"}


def test_a_damaged_dicomdir_is_said_so(folder):
    place = _dicomdir(folder, [["IM000"]])
    ds = dcmread(place)
    del ds.DirectoryRecordSequence
    ds.save_as(place, enforce_file_format=True)
    with pytest.raises(UnreadableInputError, match="names no images"), open_study(place):
        pass


# ------------------------------------------------------------------------------------ volume files


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.mha", (b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\n"
                  b"ElementType = MET_UCHAR\nElementDataFile = /etc/passwd\n"), "another file"),
        ("a.nrrd", (b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\n"
                   b"data file: /etc/passwd\nencoding: raw\n\n"), "another file"),
        ("a.mha", (b"ObjectType = Image\nNDims = 3\nDimSize = 9 9\n"
                  b"ElementDataFile = LOCAL\n"), "damaged"),
        ("a.mha", (b"ObjectType = Image\nNDims = 3\nDimSize = 99999 99999 9\n"
                  b"ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"), "which no scan has"),
        ("a.nii.gz", b"\x1f\x8b" + zlib.compress(bytes(400)), "not an image file"),
    ],
)  # fmt: skip
def test_a_hostile_or_damaged_volume_file_is_named(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert words in _skipped(tmp_path)[name]


def test_a_truncated_volume_file_is_named(tmp_path):
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((9, 40, 40), np.int16)), str(path))
    path.write_bytes(path.read_bytes()[:-5000])
    assert "truncated" in _skipped(path)["a.mha"]
