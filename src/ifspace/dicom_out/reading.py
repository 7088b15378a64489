"""A structured report as one reading of a study: our own, or one whose lines are named.

Nobody stands by to say what a line of another program measures when a whole cohort is read, so
only lines count that their author named: the space, and the side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ifspace.dicom_out import codes
from ifspace.dicom_out.content import concept, read_report, walk
from ifspace.dicom_out.foreign import ForeignLength, foreign_lengths
from ifspace.dicom_out.readback import read_sr
from ifspace.errors import SessionError
from ifspace.io.values import refused_as
from ifspace.model import Kind, Session, Side

_KINDS = {
    Kind.IFS: re.compile(r"\bIFS\b|\bischio-?femoral space\b", re.IGNORECASE),
    Kind.QFS: re.compile(r"\bQFS\b|\bquadratus femoris space\b", re.IGNORECASE),
}
_SIDES = {side: re.compile(rf"\b{side.value}\b", re.IGNORECASE) for side in Side}

NamedLength = tuple[ForeignLength, Kind, Side]


@dataclass(frozen=True)
class ReportLabel:
    """What a report says of itself: the study it was filed under, and who read, if it is ours."""

    study_uid: str
    reader: str = ""


def label_of_report(path: Path) -> ReportLabel | None:
    """Tell which study a report is a reading of; nothing where it holds no session and no line.

    Raises
    ------
    SessionError
        If the file is no structured report.
    """
    with refused_as(f"{path.name} holds a damaged report; take another copy of it", SessionError):
        uid = str(read_report(path).get("StudyInstanceUID", ""))
    if _is_ours(path):
        try:
            return ReportLabel(uid, read_sr(path).reader or "")
        except SessionError:
            # Damaged: it is still a reading of this study, and says so when it is used.
            return ReportLabel(uid)
    return ReportLabel(uid) if foreign_lengths(path) else None


def read_report_marks(path: Path) -> Session | tuple[NamedLength, ...]:
    """Read the session of our own report, or the lines of another program that are named.

    Raises
    ------
    SessionError
        If the report is damaged, if no line says which space of which side it measures, or if two
        lines say the same.
    """
    if _is_ours(path):
        return read_sr(path)
    lengths = foreign_lengths(path)
    named = named_lengths(lengths)
    if not named:
        message = (
            f"the report holds {len(lengths)} lengths, and none is named IFS or QFS with its side;"
            " name them, or choose them by hand with `ifspace lengths`"
        )
        raise SessionError(message)
    repeated = [key for key, count in Counter(item[1:] for item in named).items() if count > 1]
    if repeated:
        kind, side = repeated[0]
        message = (
            f"the report holds more than one length named {side.value} {kind.name}; choose"
            " one with `ifspace lengths`"
        )
        raise SessionError(message)
    return named


def named_lengths(lengths: Iterable[ForeignLength]) -> tuple[NamedLength, ...]:
    """Give the lengths whose label names one space, and of which label or report name one side."""
    found: list[NamedLength] = []
    for length in lengths:
        kinds = [kind for kind, words in _KINDS.items() if words.search(length.label)]
        sides = {side for side, word in _SIDES.items() if word.search(length.label)}
        if length.side is not None:
            sides.add(length.side)
        if len(kinds) == 1 and len(sides) == 1:
            found.append((length, kinds[0], sides.pop()))
    return tuple(found)


def _is_ours(path: Path) -> bool:
    """Tell whether a report carries a session of this program."""
    ours = (codes.SCHEME, codes.SESSION_DATA.value)
    with refused_as(f"{path.name} holds a damaged report; take another copy of it", SessionError):
        return any(concept(item) == ours for item in walk(read_report(path)))
