"""Read our own report back: the session behind it, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ifspace.dicom_out import codes
from ifspace.dicom_out.content import concept, read_report, walk
from ifspace.dicom_out.foreign import lengths_of
from ifspace.errors import SessionError
from ifspace.io.session import session_from_json
from ifspace.io.values import refused_as
from ifspace.model import MARKS_OF_KIND, Kind, Session
from ifspace.signing import problems_of_session

# Marks between two slices are moved onto one of them; what is off by more was written over.
OFF_MM = 1.0


def read_sr(path: Path) -> Session:
    """Read the session out of a report that this program wrote.

    Raises
    ------
    SessionError
        If the file is no report, if another program wrote it, or if it contradicts itself.
    """
    damaged = f"{path.name} holds a damaged report; take another copy of it"
    with refused_as(damaged, SessionError):
        report = read_report(path)
        texts = _sessions(report)
        study_uid = str(report.get("StudyInstanceUID", ""))
    if len(texts) != 1:
        message = (
            f"{path.name} holds {len(texts)} sessions, expected one; reports of other programs "
            "hold none, import their lengths as marks"
        )
        raise SessionError(message)
    try:
        data = json.loads(texts[0])
    except (ValueError, RecursionError) as error:
        message = f"the session in {path.name} is damaged ({error}); take another copy of it"
        raise SessionError(message) from error
    session = session_from_json(data)
    if session.study_instance_uid != study_uid:
        message = f"{path.name} was filed under another study than its session is of"
        raise SessionError(message)
    for problem in contradictions(report, session):
        raise SessionError(f"{path.name} contradicts itself: {problem}; take another copy of it")
    return session


def contradictions(report: Dataset, session: Session) -> Iterator[str]:
    """Say where the numbers of a report of ours are not those of the marks in its session."""
    for length in lengths_of(report):
        kind = next((kind for kind in Kind if length.label.startswith(kind.full_name)), None)
        if kind is None or length.side is None or length.value_mm is None:
            continue
        ischial, femoral = (
            [mark for mark in session.marks if mark.name is name and mark.side is length.side]
            for name in MARKS_OF_KIND[kind]
        )
        gaps_mm = [
            float(np.linalg.norm(a.position_lps_mm - b.position_lps_mm))
            for a in ischial
            for b in femoral
        ]
        if not gaps_mm:
            continue
        if not min(gaps_mm) - OFF_MM <= length.value_mm <= max(gaps_mm) + OFF_MM:
            yield (
                f"the {length.side} {kind.upper()} is given as {length.value_mm:.4g} mm, but its"
                f" marks lie {min(gaps_mm):.4g} mm apart"
            )
    if report.get("VerificationFlag") == "VERIFIED":
        yield from problems_of_session(session)


def _sessions(report: Dataset) -> list[str]:
    return [
        str(item.get("TextValue", ""))
        for item in walk(report)
        if item.get("ValueType") == "TEXT"
        and concept(item) == (codes.SCHEME, codes.SESSION_DATA.value)
    ]
