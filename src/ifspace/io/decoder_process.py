"""What runs native decoders: in a process of its own, which imports nothing else of this package.

Started by :mod:`ifspace.io.decoding` as a script. A request is a line of JSON and as many bytes
behind it as its `body_bytes` say; the answer is a line of JSON and the bytes of one array. A crash,
a full memory or a hang ends this process and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Answer = tuple[dict[str, Any], NDArray[Any] | None]


def decode_pixels(content: bytes) -> NDArray[Any]:
    """Decode the compressed pixels of a DICOM file as stored values."""
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    return np.asarray(pixel_array(dcmread(BytesIO(content)), raw=True))


def decode_by_simpleitk(path: str) -> NDArray[Any]:
    """Decode a DICOM file, which holds the compressed stream and its format only, by SimpleITK."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(path)
    return np.asarray(sitk.GetArrayFromImage(reader.Execute()))


def read_volume(path: str, reader_name: str, voxels: bool) -> Answer:
    """Read geometry, metadata and, where asked for, voxels (k, j, i) of a volume file."""
    import SimpleITK as sitk

    # It would print paths to standard error.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    # Named, so that no other reader looks at a hostile file.
    reader.SetImageIO(reader_name)
    reader.SetFileName(path)
    reader.ReadImageInformation()
    image = reader.Execute() if voxels else None
    found = {
        "size": reader.GetSize(),
        "components": reader.GetNumberOfComponents(),
        "spacing": reader.GetSpacing(),
        "origin": reader.GetOrigin(),
        "direction": reader.GetDirection(),
        "metadata": {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()},
    }
    return found, None if image is None else np.asarray(sitk.GetArrayFromImage(image))


def answer(request: dict[str, Any], body: bytes) -> Answer:
    """Do one request."""
    kind = request["kind"]
    if kind == "volume":
        return read_volume(request["path"], request["reader"], request["voxels"])
    if kind == "simpleitk":
        return {}, decode_by_simpleitk(request["path"])
    return {}, decode_pixels(body)


def _bound_memory(more_bytes: int) -> None:
    """Let an allocation beyond what is held now and `more_bytes` fail."""
    try:
        import resource
        from pathlib import Path

        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except (ImportError, OSError):
        # Windows and macOS have no such limit; the time limit and the checks before hold there.
        return
    held = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = held * 1024 + more_bytes
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))


def _import_decoders(kind: str) -> None:
    """Import before memory is bounded: libraries are no part of what a file may ask for."""
    if kind == "pixels":
        import jpeg_ls  # type: ignore[import-untyped]  # noqa: F401
        import openjpeg  # noqa: F401
        import pydicom.pixels  # noqa: F401
    else:
        import SimpleITK  # noqa: F401


def main() -> None:
    """Answer requests until standard input ends."""
    requests = sys.stdin.buffer
    # Libraries print to the file descriptors themselves: answers get one of their own.
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while line := requests.readline():
        request = json.loads(line)
        body = requests.read(request.get("body_bytes", 0))
        try:
            _import_decoders(request["kind"])
            _bound_memory(request["memory_bytes"])
            found, array = answer(request, body)
        except Exception as error:  # noqa: BLE001 - whatever a decoder raises is the answer
            found, array = {"error": type(error).__name__}, None
        _say(answers, found, array)


def _say(answers: BinaryIO, found: dict[str, Any], array: NDArray[Any] | None) -> None:
    if array is not None:
        array = np.ascontiguousarray(array)
        found |= {"dtype": array.dtype.str, "shape": array.shape}
    answers.write(json.dumps(found).encode() + b"\n")
    if array is not None:
        answers.write(array.data.cast("B") if array.size else b"")
    answers.flush()


if __name__ == "__main__":
    main()
