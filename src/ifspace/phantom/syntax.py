"""Store a DICOM object in another transfer syntax, and give the bytes of its file."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from ifspace.errors import OutputError

_PLAIN = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
_COMPRESSED = {"rle": RLELossless, "jpeg-ls": JPEGLSLossless, "jpeg-2000": JPEG2000Lossless}
# dcmcjpeg: lossless process 14, its first-order form, and 12-bit extended (lossy); the last
# keeps the UID, because a phantom's marks name it.
_BY_TOOL = {
    "jpeg-lossless": ("+el",),
    "jpeg-lossless-sv1": ("+e1",),
    "jpeg-12bit": ("+ee", "+q", "98", "+un"),
}
_TOOL = "dcmcjpeg"


def tool_is_missing(transfer_syntax: str) -> bool:
    """Tell whether this transfer syntax needs a program that is not installed."""
    return transfer_syntax in _BY_TOOL and shutil.which(_TOOL) is None


def encode(ds: FileDataset, transfer_syntax: str) -> bytes:
    """Give the bytes of a file in a transfer syntax of `spec.TRANSFER_SYNTAXES`.

    Raises
    ------
    OutputError
        If a program that this needs is not installed, or fails.
    """
    if transfer_syntax in _BY_TOOL:
        return _by_tool(_bytes(ds), _BY_TOOL[transfer_syntax])
    if transfer_syntax in _COMPRESSED:
        ds.compress(_COMPRESSED[transfer_syntax], generate_instance_uid=False)
        return _bytes(ds)
    ds.file_meta.TransferSyntaxUID = _PLAIN[transfer_syntax]
    if transfer_syntax == "big-endian":
        return _big_endian(ds)
    return _bytes(ds)


def _big_endian(ds: FileDataset) -> bytes:
    # pydicom writes OW as it finds it, so the swap is ours.
    ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.set_original_encoding(is_implicit_vr=False, is_little_endian=False)
    return _bytes(ds)


def _bytes(ds: FileDataset) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _by_tool(plain: bytes, options: tuple[str, ...]) -> bytes:
    program = shutil.which(_TOOL)
    if program is None:
        message = f"{_TOOL} was not found; install dcmtk to write JPEG lossless and 12-bit JPEG"
        raise OutputError(message)
    with tempfile.TemporaryDirectory(prefix="ifspace-phantom-") as folder:
        before, after = Path(folder) / "before.dcm", Path(folder) / "after.dcm"
        before.write_bytes(plain)
        done = subprocess.run(  # noqa: S603 - our own file, fixed options
            [program, *options, str(before), str(after)], capture_output=True, check=False
        )
        if done.returncode != 0:
            message = f"{_TOOL} failed with code {done.returncode}; check the dcmtk installation"
            raise OutputError(message)
        return after.read_bytes()
