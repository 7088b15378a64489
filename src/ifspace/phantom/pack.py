"""Lay the files of a study out: plain folder, no extensions, ZIP or DICOMDIR."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import UID

from ifspace.atomic import output_errors, whole_folder
from ifspace.errors import OutputError
from ifspace.phantom.spec import Layout

# ZIP cannot tell an earlier time; a fixed one keeps the bytes the same.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def pack(out: Path, files: Sequence[bytes], layout: Layout, file_set_uid: str) -> Path:
    """Write the files under `out` and give the path that a reader is pointed at.

    Raises
    ------
    OutputError
        If something is there already or the folder cannot be written.
    """
    name = {Layout.ZIPPED: "study.zip"}.get(layout, "dicom")
    if (out / name).exists():
        raise OutputError(f"{out} already holds a study; choose another folder")
    with output_errors(str(out)), whole_folder(out, [name], overwrite=False) as stage:
        path = stage / name
        if layout is Layout.ZIPPED:
            _zip(path, files)
        elif layout is Layout.DICOMDIR:
            path.mkdir()
            _dicomdir(path, files, file_set_uid)
        else:
            for index, content in enumerate(files):
                place = path / _name(index, layout)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
    return out / name / "DICOMDIR" if layout is Layout.DICOMDIR else out / name


def _name(index: int, layout: Layout) -> str:
    if layout is Layout.NO_EXTENSION:
        return f"S{index % 3}/I{index:05d}"
    if layout is Layout.IMA:
        return f"PELVIS.MR.{index:04d}.{('IMA', 'ima', 'Ima')[index % 3]}"
    return f"IM{index:04d}.dcm"


def _zip(path: Path, files: Sequence[bytes]) -> None:
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for index, content in enumerate(files):
            entry = zipfile.ZipInfo(f"dicom/{_name(index, Layout.FOLDER)}", ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def _dicomdir(folder: Path, files: Sequence[bytes], file_set_uid: str) -> None:
    file_set = FileSet()
    file_set.UID = UID(file_set_uid)
    file_set.ID = "PHANTOM"
    for content in files:
        file_set.add(dcmread(BytesIO(content)))
    file_set.write(folder)
