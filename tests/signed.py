"""Sign a result that was put together by hand, whatever the state of its marks."""

from __future__ import annotations

from dataclasses import replace

from ifspace.model import Signature, StudyResult
from ifspace.report.contradictions import signed_with
from ifspace.signing import SIGNED, sealed, with_act


def signed_copy(result: StudyResult, reader: str, at: str) -> StudyResult:
    session = replace(
        result.session,
        signed_with=signed_with(result),
        signature=Signature(reader, at),
    )
    session = with_act(sealed(session), SIGNED, at=at, reader=reader)
    return replace(result, session=session)
