"""Put finished reports into a folder: all of them or none, and never over older ones unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from ifspace.errors import OutputError
from ifspace.model import Side

RESULT_NAME = "result.json"
MANIFEST_NAME = "manifest.json"


def picture_name(side: Side) -> str:
    """Name the key image of one side."""
    return f"key_{side.value}.png"


def refuse_overwriting(out: Path, names: Collection[str]) -> None:
    """Refuse a folder that already holds one of the files.

    Raises
    ------
    OutputError
        If one is there.
    """
    there = sorted(name for name in names if (out / name).exists())
    if there:
        message = (
            f"{', '.join(there)} already in the output folder; choose another one or ask for"
            " overwriting with --overwrite"
        )
        raise OutputError(message)


def write_all(out: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write every file under a temporary name, then rename them all.

    Raises
    ------
    OutputError
        If one cannot be written; none is left behind.
    """
    temporary: dict[str, Path] = {}
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            temporary[name] = _write_temporary(out, content)
        for name, path in temporary.items():
            path.replace(out / name)
    except OSError as error:
        for path in temporary.values():
            path.unlink(missing_ok=True)
        if is_new and out.is_dir() and not any(out.iterdir()):
            out.rmdir()
        message = (
            f"the reports cannot be written ({error.strerror}); free space or choose another"
            " output folder"
        )
        raise OutputError(message) from error
    return tuple(out / name for name in contents)


def _write_temporary(out: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=".ifspace-", dir=out)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp keeps files private; reports follow the umask like any other file.
        Path(name).chmod(0o666 & ~_umask())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
