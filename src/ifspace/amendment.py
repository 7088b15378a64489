"""A final report that replaces another one: never by accident, and never without saying so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ifspace.dicom_out import read_sr
from ifspace.errors import OutputError, SessionError, UnreadableInputError
from ifspace.model import Flag, FlagCode, Severity, Signature, StudyResult
from ifspace.report import read_result
from ifspace.report.files import RESULT_NAME
from ifspace.signing import AMENDED, REPLACES, earlier_signatures, with_act


def amended(result: StudyResult, earlier: Path | None, out: Path) -> StudyResult:
    """Give a result that names the report it replaces; refuse a second final report otherwise.

    Parameters
    ----------
    result
        What was measured.
    earlier
        The report that is replaced: a structured report, or a result.json; absent where none is.
    out
        The folder that is written to.

    Raises
    ------
    OutputError
        If the result is final, `earlier` is absent, and the session or the folder holds another
        final report.
    UnreadableInputError
        If `earlier` is a result that cannot be read.
    """
    if earlier is None:
        _refuse_second_final(result, out)
        return result
    signature = _signature_of(earlier)
    session = with_act(result.session, AMENDED, (signature and signature.sha256) or "")
    flags = result.flags
    if not any(flag.code == FlagCode.REPORT_AMENDED for flag in flags):
        who = "" if signature is None else f" of {signature.reader} of {signature.signed_at}"
        flags = (Flag(FlagCode.REPORT_AMENDED, Severity.CAUTION, REPLACES.format(who=who)), *flags)
    return replace(result, session=session, flags=flags)


def predecessor_of(earlier: Path | None) -> Path | None:
    """Give the report that a structured report can refer to: a structured report itself."""
    return None if earlier is None or earlier.suffix == ".json" else earlier


def _signature_of(earlier: Path) -> Signature | None:
    if predecessor_of(earlier) is None:
        return read_result(earlier).session.signature
    try:
        return read_sr(earlier).signature
    except SessionError:
        # A report of another program, or a damaged one, which is refused where it is referred to.
        return None


def _refuse_second_final(result: StudyResult, out: Path) -> None:
    signature = result.session.signature
    if signature is None or not result.is_final:
        return
    found = [(item.reader, item.at) for item in earlier_signatures(result.session)]
    try:
        other = read_result(out / RESULT_NAME).session.signature
    except UnreadableInputError:
        other = None
    if other is not None and other.sha256 != signature.sha256:
        found.append((other.reader, other.signed_at))
    if found:
        reader, at = found[-1]
        message = (
            f"a final report of {reader} of {at} exists for this session or in this folder; to"
            " replace it, name it with --amends (its sr.dcm or result.json)"
        )
        raise OutputError(message)
