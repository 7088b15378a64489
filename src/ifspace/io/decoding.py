"""Ask a process of its own to run native decoders, so that a file can only break that process.

The process is started with the first request and lives as long as the program. A worker of a batch
is such a process itself and decodes within it.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifspace.errors import UnreadableInputError
from ifspace.io import decoder_process
from ifspace.io.limits import DECODE_MEMORY_BYTES, DECODE_SECONDS

# A decoder holds the stream, its own image, ours and one conversion between.
_COPIES = 4
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
CRASHED = "the decoder crashed on it; the file is damaged"
TOO_SLOW = "the decoder did not come to an end; the file is damaged"
FAILED = "damaged or truncated, or no such image"


@dataclass(frozen=True, eq=False)
class NativeVolume:
    """A volume file as SimpleITK reads it, LPS; `voxels` (k, j, i) where they were asked for."""

    size_ijk: tuple[int, ...]
    components: int
    spacing_ijk_mm: tuple[float, ...]
    origin_lps_mm: tuple[float, ...]
    direction: tuple[float, ...]
    metadata: dict[str, str]
    voxels: NDArray[Any] | None


def native_pixels(content: bytes, expected_bytes: int) -> NDArray[Any]:
    """Decode the compressed pixels of a DICOM file, given whole.

    Raises
    ------
    UnreadableInputError
        If they cannot be decoded within the limits.
    """
    return _array(_DECODER.ask({"kind": "pixels"}, expected_bytes, content))


def native_by_simpleitk(content: bytes, expected_bytes: int) -> NDArray[Any]:
    """Decode the compressed pixels of a DICOM file, given whole, by GDCM.

    Raises
    ------
    UnreadableInputError
        If they cannot be decoded within the limits.
    """
    with TemporaryDirectory(prefix="ifspace-") as room:
        place = Path(room) / "pixels.dcm"
        place.write_bytes(content)
        request = {"kind": "simpleitk", "path": str(place)}
        return _array(_DECODER.ask(request, expected_bytes))


def native_volume(
    path: Path, reader: str, expected_bytes: int, *, voxels: bool = False
) -> NativeVolume:
    """Read a NIfTI, NRRD or MetaImage file whose header was checked.

    Raises
    ------
    UnreadableInputError
        If it cannot be read within the limits.
    """
    request = {"kind": "volume", "path": str(path), "reader": reader, "voxels": voxels}
    found, array = _DECODER.ask(request, expected_bytes if voxels else 0)
    return NativeVolume(
        tuple(found["size"]),
        found["components"],
        tuple(found["spacing"]),
        tuple(found["origin"]),
        tuple(found["direction"]),
        found["metadata"],
        array,
    )


def decode_here() -> None:
    """Decode within this process from now on: it is one that may die alone."""
    _DECODER.here = True


def _array(answer: decoder_process.Answer) -> NDArray[Any]:
    array = answer[1]
    if array is None:
        raise UnreadableInputError(FAILED)
    return array


class _Decoder:
    """Owns the decoding process, and starts another when that one is gone."""

    def __init__(self) -> None:
        self.here = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(
        self, request: dict[str, Any], expected_bytes: int, body: bytes = b""
    ) -> decoder_process.Answer:
        """Have one request done.

        Raises
        ------
        UnreadableInputError
            If the decoder fails, crashes, wants more memory than the file announces, or hangs.
        """
        if self.here:
            try:
                return decoder_process.answer(request, body)
            except MemoryError:
                raise
            except Exception as error:
                raise UnreadableInputError(FAILED) from error
        request |= {
            "body_bytes": len(body),
            "memory_bytes": DECODE_MEMORY_BYTES + _COPIES * expected_bytes + len(body),
        }
        with self._lock:
            found, array = self._exchange(request, body)
        if "error" in found:
            raise UnreadableInputError(FAILED)
        return found, array

    def _exchange(self, request: dict[str, Any], body: bytes) -> decoder_process.Answer:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        out_of_time = threading.Event()

        def end() -> None:
            out_of_time.set()
            process.kill()

        timer = threading.Timer(DECODE_SECONDS, end)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n" + body)
            process.stdin.flush()
            found = json.loads(process.stdout.readline())
            return found, _read_array(process, found)
        except (OSError, ValueError) as error:
            # The process is gone: its line, or its array, is cut.
            self.close()
            raise UnreadableInputError(TOO_SLOW if out_of_time.is_set() else CRASHED) from error
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is None or process.poll() is not None:
            self.close()
            process = self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                # Nothing that lies beside the script or in the current folder is imported.
                [sys.executable, "-P", decoder_process.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
                # No console window flashes up on Windows.
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        return process

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue


def _read_array(process: subprocess.Popen[bytes], found: dict[str, Any]) -> NDArray[Any] | None:
    """Read the array behind an answer; a ValueError where it is cut."""
    if "shape" not in found:
        return None
    array = np.empty(found["shape"], np.dtype(found["dtype"]))
    assert process.stdout is not None
    view = array.reshape(-1).view(np.uint8).data
    at = 0
    while at < len(view):
        count = process.stdout.readinto(view[at:])  # type: ignore[attr-defined]
        if not count:
            raise ValueError("the answer is cut")
        at += count
    return array


_DECODER = _Decoder()
atexit.register(_DECODER.close)
