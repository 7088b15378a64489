"""The forms in which one scan can be stored: every one gives the same values at the same places."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from tests.io.conftest import (
    COLUMN_SPACING_MM,
    ORIENTATIONS,
    ROW_SPACING_MM,
    STEP_MM,
    Scan,
    classic_slice,
    enhanced,
    save,
    write_classic,
)

from ifspace.io import load_volume, open_study

Write = Callable[[Path], Scan]
SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
}
DEPTHS = ((16, False), (16, True), (12, False), (12, True), (10, False))
FORMS: dict[str, Write] = {}


def _encode(ds: Dataset, syntax: str) -> None:
    if syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        ds.compress(syntax)
    else:
        ds.file_meta.TransferSyntaxUID = syntax


def _classic(syntax: str = ExplicitVRLittleEndian, change=None, **scan: Any) -> Write:
    def write(folder: Path) -> Scan:
        def both(k: int, ds: Dataset) -> None:
            if change is not None:
                change(k, ds)
            _encode(ds, syntax)

        return write_classic(folder, Scan(rows=32, columns=36, **scan), both)

    return write


def _enhanced(syntax: str = ExplicitVRLittleEndian, change=None, **scan: Any) -> Write:
    def write(folder: Path) -> Scan:
        made = Scan(rows=32, columns=36, **scan)
        ds = enhanced(made)
        if change is not None:
            change(0, ds)
        _encode(ds, syntax)
        save(ds, folder / "a")
        return made

    return write


# 60 forms: encoding by depth by object.
for (_name, _syntax), (_bits, _signed) in itertools.product(SYNTAXES.items(), DEPTHS):
    _depth = f"{_name}, {_bits} bit{' signed' if _signed else ''}"
    FORMS[f"classic {_depth}"] = _classic(_syntax, bits_stored=_bits, signed=_signed)
    FORMS[f"enhanced {_depth}"] = _enhanced(_syntax, bits_stored=_bits, signed=_signed)
# 18 forms: direction by object.
for _name, _axes in ORIENTATIONS.items():
    FORMS[f"classic, {_name}"] = _classic(orientation=_axes)
    FORMS[f"enhanced, {_name}"] = _enhanced(orientation=_axes)


def _set(**attributes: Any) -> Callable[[int, Dataset], None]:
    def change(k: int, ds: Dataset) -> None:
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)

    return change


def _private(k: int, ds: Dataset) -> None:
    """Private data of 70 kB, as the CSA headers of one vendor."""
    block = ds.private_block(0x0029, "MAKER HEADER", create=True)
    block.add_new(0x10, "OB", bytes(70_000))


def _undefined_lengths(k: int, ds: Dataset) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-1", "X", "pelvis"
    item.is_undefined_length_sequence_item = True
    ds.AnatomicRegionSequence = [item]
    ds["AnatomicRegionSequence"].is_undefined_length = True


def _no_preamble(folder: Path) -> Scan:
    scan = _classic()(folder)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    return scan


def _executable_preamble(folder: Path) -> Scan:
    scan = _classic()(folder)
    for path in folder.iterdir():
        path.write_bytes(b"MZ\x90\0" + bytes(124) + path.read_bytes()[128:])
    return scan


def _behind_the_pixels(k: int, ds: Dataset) -> None:
    ds.add_new(0xFFFCFFFC, "OB", bytes(500))


def _big_endian(folder: Path) -> Scan:
    scan = Scan(rows=32, columns=36, signed=True)
    for k in range(len(scan.heights_mm)):
        ds = classic_slice(scan, k)
        ds.PixelData = scan.stored(k).astype(">i2").tobytes()
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        save(ds, folder / str(k))
    return scan


def _zipped(folder: Path) -> Scan:
    scan = _classic()(folder / "in")
    with zipfile.ZipFile(folder / "out.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted((folder / "in").iterdir()):
            packed.write(path, f"disc/{path.name}")
            path.unlink()
    (folder / "in").rmdir()
    return scan


def _nested(folder: Path) -> Scan:
    scan = _classic()(folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        deep = folder / f"d{number}" / "x"
        deep.mkdir(parents=True)
        path.rename(deep / "IMAGE;1")
    return scan


FORMS |= {
    "without preamble": _no_preamble,
    "executable as preamble": _executable_preamble,
    "big endian": _big_endian,
    "private data of 70 kB": _classic(change=_private),
    "undefined lengths": _classic(change=_undefined_lengths),
    "padding behind the pixels": _classic(change=_behind_the_pixels),
    "negative zero in the axes": _classic(
        change=_set(ImageOrientationPatient=["1", "-0", "0", "0", "1", "-0.0"])
    ),
    "exponents in distances": _classic(change=_set(PixelSpacing=["8e-1", "6.0E-01"])),
    "high bit above": _classic(
        bits_stored=12,
        change=lambda _, ds: (
            setattr(ds, "HighBit", 15),
            setattr(ds, "PixelData", (np.frombuffer(ds.PixelData, "<u2") << 4).tobytes()),
        ),
    ),
    "overlay above the bits": _classic(
        bits_stored=12,
        change=lambda _, ds: setattr(
            ds, "PixelData", (np.frombuffer(ds.PixelData, "<u2") | 0xF000).tobytes()
        ),
    ),
    "Japanese series description": _classic(
        change=_set(SpecificCharacterSet="ISO_IR 192", SeriesDescription="骨盤 t1")
    ),
    "one archive in a folder": _zipped,
    "a folder for every file": _nested,
}


def _image(scan: Scan) -> sitk.Image:
    stored = np.stack([scan.stored(k) for k in range(len(scan.heights_mm))])
    image = sitk.GetImageFromArray(stored)
    image.SetSpacing((COLUMN_SPACING_MM, ROW_SPACING_MM, STEP_MM))
    image.SetOrigin(scan.position_lps_mm(scan.heights_mm[0]))
    along_row, along_column = (np.array(axis) for axis in scan.orientation)
    axes = np.stack([along_row, along_column, np.cross(along_row, along_column)], axis=1)
    image.SetDirection(axes.ravel().tolist())
    return image


def _volume(name: str, compressed: bool, orientation: str) -> Write:
    def write(folder: Path) -> Scan:
        scan = Scan(rows=32, columns=36, orientation=ORIENTATIONS[orientation])
        sitk.WriteImage(_image(scan), str(folder / name), compressed)
        return scan

    return write


def _nibabel(folder: Path) -> Scan:
    """Write by another library, which says by NaN that nothing is scaled."""
    scan = Scan(rows=32, columns=36, signed=True)
    sitk.WriteImage(_image(scan), str(folder / "one.nii"))
    first = nibabel.load(folder / "one.nii")
    nibabel.save(nibabel.Nifti1Image(np.asarray(first.dataobj), first.affine), folder / "b.nii.gz")
    (folder / "one.nii").unlink()
    return scan


for (_name, _packed), _axes in itertools.product(
    (("a.nii", False), ("a.nii.gz", True), ("a.nrrd", False), ("a.nrrd", True), ("a.mha", False),
     ("a.mha", True)), ("axial", "oblique", "both flipped"),
):  # fmt: skip
    FORMS[f"{_name}{' packed' if _packed else ''}, {_axes}"] = _volume(_name, _packed, _axes)
FORMS["NIfTI of nibabel"] = _nibabel


def test_there_are_at_least_80_forms() -> None:
    assert len(FORMS) >= 80


@pytest.mark.parametrize("form", FORMS)
def test_a_scan_has_its_values_where_they_were_put_in_every_form(form: str, tmp_path) -> None:
    scan = FORMS[form](tmp_path)
    with open_study(tmp_path) as inventory:
        assert [item.reason for item in inventory.skipped] == []
        volume = load_volume(inventory.ranked[0].series)
    assert len(volume.slices) == len(scan.heights_mm)
    for k, j, i in itertools.product(range(len(scan.heights_mm)), (0, 7, 31), (0, 11, 35)):
        point_lps_mm = scan.point_lps_mm(k, j, i)
        heights_mm = [float(item.plane.height_mm(point_lps_mm)) for item in volume.slices]
        nearest = int(np.argmin(np.abs(heights_mm)))
        assert abs(heights_mm[nearest]) < 1e-3
        at = volume.slices[nearest].plane.to_index_ji(point_lps_mm)
        row, column = (round(float(value)) for value in at)
        assert at == pytest.approx([row, column], abs=1e-3)
        assert volume.voxels[nearest, row, column] == scan.stored(k)[j, i]
