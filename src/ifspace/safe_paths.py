"""Names from outside that become paths: only plain names get through.

A UID in a received object, a place in a DICOMDIR, an archive or a ledger is written by others. All
of them pass :func:`below` before anything is opened or written under them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from ifspace.errors import UnsafePathError

# PS3.5 9.1: digits and dots, at most 64. Leading zeros of a part are wrong but common and harmless.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_UID_LETTERS = 64


def is_uid(text: str) -> bool:
    """Tell whether a text is a DICOM unique identifier."""
    return len(text) <= _UID_LETTERS and _UID.fullmatch(text) is not None


def is_plain_name(text: str) -> bool:
    """Tell whether a text names one entry of a folder and leads nowhere else."""
    if os.name == "nt" and ("\\" in text or PureWindowsPath(text).drive):
        return False
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text


def plain_name(text: str) -> str:
    """Let a text out that names one entry of a folder.

    Raises
    ------
    UnsafePathError
        If it leads anywhere else.
    """
    if not is_plain_name(text):
        raise UnsafePathError("a name from outside leads out of its folder; it is not used")
    return text


def leads_outside(place: str) -> bool:
    """Tell whether a place is absolute, has a drive or climbs up, in the eyes of any system."""
    for flavour in (PurePosixPath(place), PureWindowsPath(place)):
        if flavour.is_absolute() or flavour.drive or flavour.root or ".." in flavour.parts:
            return True
    return "\0" in place


def below(folder: Path, place: str) -> Path:
    """Give the path of a place below a folder, both named by somebody else.

    Links are not looked at: what lies behind one in the user's own folder is the user's decision.

    Parameters
    ----------
    folder
        A folder of ours.
    place
        One name, or several with ``/`` between.

    Raises
    ------
    UnsafePathError
        If a part is no plain name: absolute, with a drive, climbing up, or empty.
    """
    return folder.joinpath(*(plain_name(part) for part in place.split("/")))


def uid_path(folder: Path, uid: str, ending: str) -> Path:
    """Give the path of the file of an object below a folder, named after its UID.

    Raises
    ------
    UnsafePathError
        If the UID is none.
    """
    if not is_uid(uid):
        raise UnsafePathError("an object has no valid SOP Instance UID; it is not used")
    return below(folder, uid + ending)
