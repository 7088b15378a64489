"""Files that are whole or not there: written under a temporary name, then renamed.

Nothing else in the program creates a file that outlives it, but logs that grow line by line. Nearly
every one may name a patient: new files are for their owner alone (0600, less what the umask takes).
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ifspace.errors import OutputError

# Whoever finds such a name after a crash may delete it.
TEMPORARY_PREFIX = ".ifspace-"
# The mode of whatever is created: read and written by its owner.
OWNER_ONLY = 0o600

# What file systems without hard links answer.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


@contextmanager
def output_errors(what: str) -> Iterator[None]:
    """Turn an OSError into one sentence about `what` could not be written.

    Raises
    ------
    OutputError
        In place of every OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"{what} cannot be written: {reason}; free space or choose another folder"
        raise OutputError(message) from error


@contextmanager
def whole_file(
    path: Path, *, overwrite: bool = True, modified_ns: int | None = None
) -> Iterator[BinaryIO]:
    """Give a file to write into that gets its name when all of it is on the disk.

    Parameters
    ----------
    path
        The name; folders above it are made.
    overwrite
        Whether a file that has the name already is replaced.
    modified_ns
        When it counts as changed, in nanoseconds since 1970; now, where absent.

    Raises
    ------
    FileExistsError
        If something has the name and `overwrite` is false.
    OSError
        If it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if modified_ns is not None:
            os.utime(temporary, ns=(modified_ns, modified_ns))
        _rename(temporary, path, overwrite=overwrite)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_file(path: Path, content: bytes, *, overwrite: bool = True) -> None:
    """Write a file at once, see :func:`whole_file`."""
    with whole_file(path, overwrite=overwrite) as file:
        file.write(content)


def copy_file(source: Path, target: Path, *, keep_time: bool = False) -> None:
    """Copy a file, with the time of its last change where asked, see :func:`whole_file`."""
    with source.open("rb") as old:
        modified_ns = os.fstat(old.fileno()).st_mtime_ns if keep_time else None
        with whole_file(target, modified_ns=modified_ns) as new:
            shutil.copyfileobj(old, new)


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
            f"{', '.join(there)} exists already in the output folder; choose another one or ask"
            " for overwriting with --overwrite"
        )
        raise OutputError(message)


@contextmanager
def whole_folder(out: Path, names: Collection[str], *, overwrite: bool) -> Iterator[Path]:
    """Give a folder to write into, on the same disk; at its end all files move to `out` or none.

    Parameters
    ----------
    out
        Where the files go; made if need be, and gone again where nothing came.
    names
        What belongs together. A name that was not written is no longer in `out` afterwards where
        `overwrite` is true.
    overwrite
        Whether older files are replaced; where that fails halfway they are put back.

    Raises
    ------
    OutputError
        If a file is in the way.
    OSError
        If the folder cannot be written.
    """
    if not overwrite:
        refuse_overwriting(out, names)
    made = not out.exists()
    stage = None
    try:
        out.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=out))
        yield stage
        _move_all(stage, out, names, overwrite=overwrite)
    except FileExistsError:
        # Another run was faster.
        refuse_overwriting(out, names)
        raise
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        if made and out.is_dir() and not any(out.iterdir()):
            out.rmdir()


def write_folder(
    out: Path, contents: Mapping[str, bytes], *, overwrite: bool, what: str = "the reports"
) -> tuple[Path, ...]:
    """Write every file, or none.

    Raises
    ------
    OutputError
        If a file is in the way or cannot be written.
    """
    with output_errors(what), whole_folder(out, contents, overwrite=overwrite) as stage:
        for name, content in contents.items():
            write_file(stage / name, content)
    return tuple(out / name for name in contents)


def _move_all(stage: Path, out: Path, names: Collection[str], *, overwrite: bool) -> None:
    """Rename the finished files into place; what went before a failure is taken back."""
    older = Path(tempfile.mkdtemp(dir=stage))
    touched: list[str] = []
    try:
        for name in names:
            if overwrite and (out / name).exists():
                _keep(out / name, older / name)
            if (stage / name).exists():
                _rename(stage / name, out / name, overwrite=overwrite)
            elif overwrite:
                (out / name).unlink(missing_ok=True)
            else:
                continue
            touched.append(name)
    except BaseException:
        for name in touched:
            (out / name).unlink(missing_ok=True)
            if (older / name).exists():
                (older / name).replace(out / name)
        raise


def _keep(path: Path, copy: Path) -> None:
    """Give an older file a second name, to put it back from."""
    try:
        copy.hardlink_to(path)
    except OSError:
        shutil.copy2(path, copy)


def _rename(finished: Path, target: Path, *, overwrite: bool) -> None:
    """Give a file its name; without `overwrite` by a link, which fails where something is."""
    if overwrite:
        finished.replace(target)
        return
    if finished.is_dir():
        # Fails where a file or a folder with content is.
        finished.rename(target)
        return
    try:
        target.hardlink_to(finished)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The name is taken first, then its empty file replaced.
        target.open("xb").close()
        try:
            finished.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
