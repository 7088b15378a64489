"""Every function that reads what others wrote, and sound files for it, made at run time."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from tests.dicom_out.test_damaged_reports import undamaged_report
from tests.io.test_labels import write_segmentation

from ifspace.codec import read_json
from ifspace.dicom_out import (
    foreign_lengths,
    label_of_report,
    read_report_marks,
    read_sr,
    validate_sr,
)
from ifspace.errors import IfspaceError, SessionError
from ifspace.io import inventory_to_json, load_volume, open_study, read_headers, read_identity
from ifspace.io.classic import read_headers_of_file
from ifspace.io.filing import filing_of
from ifspace.io.labels import read_label_map
from ifspace.io.session import read_session, validate_session
from ifspace.io.sniff import FileKind
from ifspace.io.source import is_dicomdir, listed
from ifspace.io.volume_header import check_volume_header
from ifspace.pacs.objects import files_to_send
from ifspace.phantom import VARIANTS, Size, write_phantom
from ifspace.report import validate_result


@dataclass(frozen=True)
class Reader:
    """One way to read a file: the name that the file gets, sound contents, and how often to try.

    `weight` is high where an execution is cheap, so that all readers take about the same time.
    """

    name: str
    file_name: str
    seeds: tuple[bytes, ...]
    read: Callable[[Path], object]
    weight: int = 1


def readers(room: Path) -> tuple[Reader, ...]:
    """Make the seeds below a folder, and give every reader with its own."""
    slices, enhanced = _phantom(room / "plain"), _phantom(room / "enhanced", "enhanced")
    reports = (_saved(undamaged_report()),)
    compressed = tuple(
        _compressed(slices[0], syntax) for syntax in (JPEG2000Lossless, JPEGLSLossless)
    )
    plain = (*slices[:2], *enhanced)
    segmentation = write_segmentation(room / "seg.dcm").read_bytes()
    volumes = {name: _volume(room / name) for name in ("a.mha", "a.nrrd", "a.nii", "a.nii.gz")}
    marks = (room / "plain" / "session.json").read_bytes()
    result = json.dumps({"schema": "ifspace-result/1", "series": {}, "spaces": []}).encode()
    return (
        Reader("headers", "a", plain, lambda path: read_headers_of_file(path, "a"), 100),
        Reader("filing", "a", plain, filing_of, 100),
        Reader("series", "a", (*plain, _compressed(slices[0], RLELossless)), _series, 20),
        Reader("decoders", "a", compressed, _series, 1),
        Reader("files to send", "a", (*plain, *reports), lambda path: files_to_send([path]), 30),
        Reader("segmentation", "a", (segmentation,), read_label_map, 60),
        Reader("reports", "a", reports, _report, 20),
        Reader("session", "a.json", (marks,), _session, 30),
        Reader("result", "a.json", (result,), lambda path: validate_result(_content(path)), 60),
        Reader("DICOMDIR", "DICOMDIR", (_dicomdir(room),), _dicomdir_read, 40),
        Reader("ZIP", "a.zip", (_zip(slices[:2]),), _series, 10),
        *(
            Reader(f"{name} header", name, (seed,), _volume_header, 100)
            for name, seed in volumes.items()
        ),
        *(Reader(name, name, (seed,), _volume_file, 2) for name, seed in volumes.items()),
    )


def _series(path: Path) -> None:
    """Do all that a command does with images."""
    with open_study(path) as inventory:
        inventory_to_json(inventory)
        for item in inventory.ranked:
            for task in (load_volume, read_headers, read_identity):
                _attempt(lambda task=task, item=item: task(item.series))


def _report(path: Path) -> None:
    for read in (foreign_lengths, label_of_report, read_report_marks, read_sr, validate_sr):
        _attempt(lambda read=read: read(path))


def _content(path: Path) -> object:
    """Read a JSON document as `ifspace validate` does."""
    return read_json(path, "the file", "write it again", SessionError)


def _session(path: Path) -> None:
    _attempt(lambda: validate_session(_content(path)))
    read_session(path)


def _dicomdir_read(path: Path) -> None:
    is_dicomdir(path)
    with listed(path):
        pass


def _volume_header(path: Path) -> None:
    for kind in (FileKind.NIFTI, FileKind.NRRD, FileKind.MHA):
        _attempt(lambda kind=kind: check_volume_header(path, kind))


def _volume_file(path: Path) -> None:
    _attempt(lambda: _series(path))
    read_label_map(path)


def _attempt(task: Callable[[], object]) -> None:
    try:
        task()
    except IfspaceError:
        return


# -------------------------------------------------------------------------------------- seeds


def _phantom(out: Path, variant: str = "plain") -> tuple[bytes, ...]:
    write_phantom(out, replace(VARIANTS[variant].spec, size=Size.TINY))
    files = [path for path in sorted((out / "dicom").rglob("*")) if path.is_file()]
    return tuple(_small(path.read_bytes()) for path in files)


def _small(content: bytes) -> bytes:
    """Cut the pixels down to 8 x 8: what is to be broken is the header."""
    image = dcmread(io.BytesIO(content))
    frames = int(image.get("NumberOfFrames", 1))
    image.Rows = image.Columns = 8
    image.PixelData = np.arange(64 * frames, dtype=np.uint16).tobytes()
    return _saved(image)


def _saved(dataset) -> bytes:
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _compressed(content: bytes, syntax: str) -> bytes:
    image = dcmread(io.BytesIO(content))
    # JPEG 2000 needs room for its five levels.
    image.Rows = image.Columns = 64
    image.PixelData = np.arange(64 * 64, dtype=np.uint16).tobytes()
    image.compress(syntax)
    return _saved(image)


def _volume(path: Path) -> bytes:
    voxels = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _zip(contents: tuple[bytes, ...]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"disc/{number}", content)
    return packed.getvalue()


def _dicomdir(room: Path) -> bytes:
    write_phantom(room / "disc", replace(VARIANTS["dicomdir"].spec, size=Size.TINY))
    return next(iter((room / "disc").rglob("DICOMDIR"))).read_bytes()
