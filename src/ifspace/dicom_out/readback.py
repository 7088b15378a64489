"""Read our own report back: the session behind it, to the last digit."""

from __future__ import annotations

import json
from pathlib import Path

from pydicom.dataset import Dataset

from ifspace.dicom_out import codes
from ifspace.dicom_out.content import concept, read_report, walk
from ifspace.errors import SessionError
from ifspace.io.session import session_from_json
from ifspace.io.values import refused_as
from ifspace.model import Session


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
    return session


def _sessions(report: Dataset) -> list[str]:
    return [
        str(item.get("TextValue", ""))
        for item in walk(report)
        if item.get("ValueType") == "TEXT"
        and concept(item) == (codes.SCHEME, codes.SESSION_DATA.value)
    ]
