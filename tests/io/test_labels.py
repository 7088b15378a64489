from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ifspace.errors import GeometryError, SessionError, UnreadableInputError
from ifspace.io.labels import read_label_map
from ifspace.labels import canonical_name, parse_labels

# Slices go up by 3, rows back by 2, columns left by 1.5 mm.
SPACING_IJK_MM = (1.5, 2.0, 3.0)
ORIGIN_LPS_MM = (-40.0, 60.0, -700.0)
MARKED_KJI, MARKED_LPS_MM = (2, 4, 6), (-31.0, 68.0, -694.0)


def labelled(value: int = 36) -> np.ndarray:
    voxels = np.zeros((5, 7, 9), np.uint16)
    voxels[MARKED_KJI] = value
    return voxels


def write_image(path: Path, voxels: np.ndarray, metadata: dict[str, str] | None = None) -> Path:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(SPACING_IJK_MM)
    image.SetOrigin(ORIGIN_LPS_MM)
    for key, text in (metadata or {}).items():
        image.SetMetaData(key, text)
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz", "map.nrrd", "map.mha"])
def test_a_labelled_voxel_is_found_where_it_was_put(name, tmp_path):
    labels = read_label_map(write_image(tmp_path / name, labelled()))
    (index,) = np.argwhere(labels.mask("femur_left"))
    assert labels.grid.to_lps_mm(index) == pytest.approx(MARKED_LPS_MM, abs=1e-4)


def test_a_metaimage_may_lie_beside_its_header_but_nowhere_else(tmp_path):
    path = write_image(tmp_path / "map.mhd", labelled())
    assert read_label_map(path).mask("femur_left") is not None
    text = path.read_text()
    for elsewhere in ("/etc/passwd", "../map.raw", "missing.raw", "LIST"):
        path.write_text(text.replace("map.raw", elsewhere))
        with pytest.raises(UnreadableInputError):
            read_label_map(path)


@pytest.mark.parametrize("kind", ["pipe", "text", "folder", "png", "missing"])
def test_only_files_of_known_formats_are_label_maps(kind, tmp_path):
    path = tmp_path / "map.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"\x89PNG\r\n" if kind == "png" else b"hello")
    with pytest.raises(UnreadableInputError, match="give one label map"):
        read_label_map(path)


SEG_DAMAGE = {
    "without frames": lambda ds: ds.__delitem__("PerFrameFunctionalGroupsSequence"),
    "frames 0": lambda ds: setattr(ds, "NumberOfFrames", 0),
    "more frames": lambda ds: setattr(ds, "NumberOfFrames", 3),
    "frames huge": lambda ds: setattr(ds, "NumberOfFrames", 2**31 - 1),
    "without pixels": lambda ds: ds.__delitem__("PixelData"),
    "pixels cut": lambda ds: setattr(ds, "PixelData", ds.PixelData[:5]),
    "without shared groups": lambda ds: ds.__delitem__("SharedFunctionalGroupsSequence"),
    "shared groups empty": lambda ds: setattr(ds, "SharedFunctionalGroupsSequence", []),
    "without rows": lambda ds: ds.__delitem__("Rows"),
    "frame without place": lambda ds: ds.PerFrameFunctionalGroupsSequence[1].clear(),
    "place far away": lambda ds: setattr(
        ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0],
        "ImagePositionPatient",
        [0, 0, 1e9],
    ),
    "spacing 0": lambda ds: setattr(
        ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0], "PixelSpacing", [0, 0]
    ),
    "axes": lambda ds: setattr(
        ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0],
        "ImageOrientationPatient",
        [1, 0, 0, 1, 0, 0],
    ),
}


@pytest.mark.parametrize("damage", SEG_DAMAGE)
def test_a_damaged_segmentation_is_one_sentence(damage, tmp_path):
    path = write_segmentation(tmp_path / "seg.dcm")
    ds = pydicom.dcmread(path)
    SEG_DAMAGE[damage](ds)
    ds.save_as(path)
    with pytest.raises((UnreadableInputError, GeometryError)):
        read_label_map(path)


def test_numbers_of_the_user_win(tmp_path):
    path = write_image(tmp_path / "map.nii.gz", labelled(3))
    labels = read_label_map(path, {"femur_right": 3})
    assert labels.mask("femur_right") is not None
    assert labels.mask("femur_left") is None


def test_a_preset_is_chosen_by_name(tmp_path):
    path = write_image(tmp_path / "map.nii.gz", labelled(29))
    assert read_label_map(path, preset="mrsegmentator").mask("femur_left") is not None
    with pytest.raises(SessionError, match="no preset"):
        read_label_map(path, preset="unheard of")


def test_only_musclemap_knows_the_quadratus_femoris(tmp_path):
    path = write_image(tmp_path / "map.nii.gz", labelled(6221))
    assert read_label_map(path, preset="musclemap").mask("quadratus_femoris_left") is not None
    assert read_label_map(path).mask("quadratus_femoris_left") is None


def test_names_in_an_nrrd_come_before_numbers(tmp_path):
    names = {"Segment0_Name": "Femur Right", "Segment0_LabelValue": "36"}
    labels = read_label_map(write_image(tmp_path / "map.nrrd", labelled(), names))
    assert labels.values == {"femur_right": 36}


def test_names_in_a_nifti_extension_come_before_numbers(tmp_path):
    plain = write_image(tmp_path / "plain.nii", labelled()).read_bytes()
    text = (
        b'<CaretExtension><LabelTable><Label Key="36" Red="1">'
        b"<![CDATA[hip_right]]></Label></LabelTable></CaretExtension>"
    )
    size = -(-(len(text) + 8) // 16) * 16
    extension = struct.pack("<ii", size, 30) + text.ljust(size - 8, b"\0")
    head = bytearray(plain[:348])
    head[108:112] = struct.pack("<f", 352.0 + size)
    path = tmp_path / "named.nii.gz"
    path.write_bytes(gzip.compress(bytes(head) + b"\1\0\0\0" + extension + plain[352:]))
    labels = read_label_map(path)
    assert labels.values == {"hip_right": 36}
    assert labels.mask("hip_right") is not None


def write_segmentation(path: Path, kind: str = "BINARY") -> Path:
    """Two segments on two slices, one frame each; only what the reader needs."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.3.4"
    ds.FrameOfReferenceUID, ds.SegmentationType, ds.Modality = "1.2.9", kind, "SEG"
    ds.Rows, ds.Columns, ds.NumberOfFrames = 8, 8, 2
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 1, 0, 0
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [2.0, 1.5], 3.0
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.SegmentSequence, ds.PerFrameFunctionalGroupsSequence = [], []
    frames = np.zeros((2, 8, 8), np.uint8)
    for n, label in enumerate(("Left femur", "Left hip bone")):
        segment, frame, position, which = Dataset(), Dataset(), Dataset(), Dataset()
        segment.SegmentNumber, segment.SegmentLabel = n + 1, label
        position.ImagePositionPatient = [-40.0, 60.0, -700.0 + 3.0 * n]
        which.ReferencedSegmentNumber = n + 1
        frame.PlanePositionSequence, frame.SegmentIdentificationSequence = [position], [which]
        ds.SegmentSequence.append(segment)
        ds.PerFrameFunctionalGroupsSequence.append(frame)
        frames[n, 4, 6] = 1
    ds.PixelData = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def test_a_dicom_segmentation_is_read_by_its_segment_labels(tmp_path):
    labels = read_label_map(write_segmentation(tmp_path / "seg.dcm"))
    assert labels.frame_of_reference_uid == "1.2.9"
    (femur,) = np.argwhere(labels.mask("femur_left"))
    (hip,) = np.argwhere(labels.mask("hip_left"))
    assert labels.grid.to_lps_mm(femur) == pytest.approx((-31.0, 68.0, -700.0), abs=1e-6)
    assert labels.grid.to_lps_mm(hip) == pytest.approx((-31.0, 68.0, -697.0), abs=1e-6)


def test_a_fractional_segmentation_is_refused(tmp_path):
    with pytest.raises(UnreadableInputError, match="fractional"):
        read_label_map(write_segmentation(tmp_path / "seg.dcm", "FRACTIONAL"))


def test_images_are_not_labels(tmp_path):
    path = write_image(tmp_path / "mr.mha", labelled().astype(np.float32) + 0.5)
    with pytest.raises(UnreadableInputError, match="whole label numbers"):
        read_label_map(path)


def test_anything_else_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hip")
    with pytest.raises(UnreadableInputError, match="label map"):
        read_label_map(path)
    with pytest.raises(UnreadableInputError, match="a folder, not a file"):
        read_label_map(tmp_path)
    with pytest.raises(UnreadableInputError, match="no such file"):
        read_label_map(tmp_path / "absent.nii")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("femur_left", "femur_left"),
        ("Right Hip Bone", "hip_right"),
        ("ilium L", "hip_left"),
        ("Femur", None),
        ("left iliopsoas", None),
        ("Gemelli and quadratus femoris left", "quadratus_femoris_left"),
        ("quadratus lumborum right", None),
    ],
)
def test_names_of_others_become_ours(name, expected):
    assert canonical_name(name) == expected


def test_labels_of_the_command_line_are_read():
    assert parse_labels("hip_left=1, femur_left=3") == {"hip_left": 1, "femur_left": 3}
    for wrong in ("hip=1", "hip_left=x", "hip_left=1,femur_left=1"):
        with pytest.raises(SessionError):
            parse_labels(wrong)
