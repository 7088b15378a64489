"""Read our own report back: the session behind it, to the last digit."""

from __future__ import annotations

import json
from pathlib import Path

from ifspace.dicom_out import codes
from ifspace.dicom_out.content import concept, read_report, walk
from ifspace.errors import SessionError
from ifspace.io.session import session_from_json
from ifspace.model import Session


def read_sr(path: Path) -> Session:
    """Read the session out of a report that this program wrote.

    Raises
    ------
    SessionError
        If the file is no report, if another program wrote it, or if it contradicts itself.
    """
    report = read_report(path)
    texts = [
        str(item.TextValue)
        for item in walk(report)
        if item.get("ValueType") == "TEXT"
        and concept(item) == (codes.SCHEME, codes.SESSION_DATA.value)
    ]
    if len(texts) != 1:
        message = (
            f"{path.name} holds {len(texts)} sessions, expected one; reports of other programs "
            "hold none, import their lengths as marks"
        )
        raise SessionError(message)
    try:
        data = json.loads(texts[0])
    except ValueError as error:
        message = f"the session in {path.name} is damaged ({error}); take another copy of it"
        raise SessionError(message) from error
    session = session_from_json(data)
    if session.study_instance_uid != str(report.StudyInstanceUID):
        message = f"{path.name} was filed under another study than its session is of"
        raise SessionError(message)
    return session
