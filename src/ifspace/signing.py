"""What a signature covers, whether it still fits, and the history of a session.

The hashes have no secret: they show that something was changed after signing, by a slip or with an
editor. They cannot show who changed it, and whoever recomputes them all is not noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ifspace.codec import plain
from ifspace.errors import SessionError
from ifspace.io.session import session_to_json
from ifspace.model import (
    HistoryEntry,
    MarkState,
    PublishedValue,
    Session,
    Signature,
    SignedWith,
)

PREFIX = "sha256:"
DEFAULT_ROLE = "reader"
SIGNED, AMENDED, UNDONE = "signed", "amended", "undone"
REPLACES = "This report replaces an earlier one{who}."
# Seeds and outlines are help for the program and for the eye; no number of a signed session rests
# on them.
_NOT_SIGNED = ("schema", "signature", "history", "seeds", "outlines")

LEFT_OUT = "The signature of {reader} of {signed_at} was left out: {why}. Sign again."
UNHASHED = "it comes from a file of version 1, which does not say what was signed"
CHANGED = "marks, findings or other signed content were changed after signing"
OTHER_SOFTWARE = "it was made with ifspace {signed}, and these numbers with {now}"
OTHER_EVIDENCE = "other published values stood beside the numbers"
NO_HISTORY = "the history of the session does not tell of it"
BROKEN_HISTORY = "the history of the session was changed at entry {number}"


def digest_of(data: Any) -> str:
    """Hash plain values by their canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return PREFIX + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> str:
    """Give the time as signatures and histories hold it, UTC to the second.

    ``SOURCE_DATE_EPOCH`` sets it, for outputs that are the same each time.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)
    return moment.isoformat(timespec="seconds")


# ---------------------------------------------------------------------------------- signature


def evidence_digest(panel: Sequence[PublishedValue]) -> str:
    """Hash the published values that stand beside the numbers."""
    return digest_of(plain(sorted(panel, key=lambda item: (item.evidence_id, item.kind))))


def signed_digest(session: Session) -> str:
    """Hash everything that the signature of a session stands for, but itself."""
    content = session_to_json(session)
    signature = {} if session.signature is None else plain(session.signature)
    return digest_of(
        {
            **{key: value for key, value in content.items() if key not in _NOT_SIGNED},
            "signature": {key: value for key, value in signature.items() if key != "sha256"},
        }
    )


def sign(
    session: Session,
    signed_with: SignedWith,
    reader: str,
    signed_at: str,
    *,
    role: str = DEFAULT_ROLE,
) -> Session:
    """Sign a session: the reader looked at every mark, and each is confirmed.

    Parameters
    ----------
    session
        Bound to its images.
    signed_with
        The software and the published values beside the numbers.
    reader, role, signed_at
        Who signs, as what, and when (ISO 8601).

    Raises
    ------
    SessionError
        If there is nothing to sign, or a mark is not confirmed.
    """
    open_marks = sum(mark.state is not MarkState.CONFIRMED for mark in session.marks)
    if not session.marks or open_marks:
        message = (
            f"{open_marks} of {len(session.marks)} marks are not confirmed; confirm every mark"
            " before signing"
        )
        raise SessionError(message)
    unsealed = replace(
        session,
        reader=reader,
        signed_with=signed_with,
        signature=Signature(reader, signed_at, role),
    )
    return with_act(sealed(unsealed), SIGNED, at=signed_at, reader=reader)


def sealed(session: Session) -> Session:
    """Put the hash of the content into the signature of a session."""
    assert session.signature is not None
    return replace(session, signature=replace(session.signature, sha256=signed_digest(session)))


def problem_of_signature(session: Session, signed_with: SignedWith | None = None) -> str:
    """Say why a signature does not stand; empty where it does, and where there is none.

    Parameters
    ----------
    session
        The session.
    signed_with
        The software and the published values of the result; those of the session where absent.
    """
    signature = session.signature
    if signature is None or not (why := _why_not(session, signature, signed_with)):
        return ""
    return LEFT_OUT.format(reader=signature.reader, signed_at=signature.signed_at, why=why)


def _why_not(session: Session, signature: Signature, signed_with: SignedWith | None) -> str:
    if signature.sha256 is None:
        return UNHASHED
    signed = session.signed_with
    if signed is None or signature.sha256 != signed_digest(session):
        return CHANGED
    if (number := broken_entry(session.history)) is not None:
        return BROKEN_HISTORY.format(number=number)
    if not any(item.act == SIGNED and item.what == signature.sha256 for item in session.history):
        return NO_HISTORY
    if signed_with is None or signed_with == signed:
        return ""
    if signed.software_version != signed_with.software_version:
        now_with = signed_with.software_version
        return OTHER_SOFTWARE.format(signed=signed.software_version, now=now_with)
    return OTHER_EVIDENCE


def verified(session: Session, signed_with: SignedWith | None = None) -> tuple[Session, str]:
    """Give a session without a signature that does not stand, and the sentence that says why."""
    problem = problem_of_signature(session, signed_with)
    return (replace(session, signature=None) if problem else session), problem


def resealed(session: Session) -> Session:
    """Give a copy whose content was replaced throughout, as in de-identification, its own hashes.

    The history of the original names readers and times, so the copy begins its own.
    """
    session = replace(session, history=())
    if session.signature is None or session.signature.sha256 is None:
        return session
    signature = session.signature
    return with_act(sealed(session), SIGNED, at=signature.signed_at, reader=signature.reader)


# ------------------------------------------------------------------------------------ history


def with_act(
    session: Session, act: str, what: str = "", *, at: str = "", reader: str | None = None
) -> Session:
    """Add an act to the history of a session; that of signing names the hash of the signature."""
    if act == SIGNED and session.signature is not None:
        what = session.signature.sha256 or ""
    return replace(
        session,
        history=appended(
            session.history, act, what, at=at or now(), reader=reader or session.reader
        ),
    )


def appended(
    history: Sequence[HistoryEntry], act: str, what: str, *, at: str, reader: str | None
) -> tuple[HistoryEntry, ...]:
    """Add one act to a history."""
    previous = history[-1].hash if history else ""
    entry = HistoryEntry(at, reader or "", act, what, previous, "")
    return (*history, replace(entry, hash=_entry_digest(entry)))


def broken_entry(history: Sequence[HistoryEntry]) -> int | None:
    """Find the first entry, counted from 1, whose hash does not fit; none where all do."""
    previous = ""
    for number, entry in enumerate(history, start=1):
        if entry.previous != previous or entry.hash != _entry_digest(entry):
            return number
        previous = entry.hash
    return None


def earlier_signatures(session: Session) -> list[HistoryEntry]:
    """Give the entries of signatures that the present one replaces, but those taken back."""
    present = None if session.signature is None else session.signature.sha256
    if not session.history:
        return []
    following: list[HistoryEntry | None] = [*session.history[1:], None]
    return [
        entry
        for entry, after in zip(session.history, following, strict=True)
        if entry.act == SIGNED
        and entry.what != present
        and not (after is not None and (after.act, after.what) == (UNDONE, "sign"))
    ]


def _entry_digest(entry: HistoryEntry) -> str:
    return digest_of(plain(replace(entry, hash="")))


def problems_of_session(session: Session) -> list[str]:
    """Say what of a session contradicts itself: its history, and its signature."""
    problems = []
    broken = broken_entry(session.history)
    if broken is not None:
        problems.append(f"history: entry {broken} was changed, removed or added afterwards")
    if session.signature is not None and session.signature.sha256 is not None:
        problem = problem_of_signature(session)
        if problem and broken is None:
            problems.append(f"signature: {problem}")
    return problems
