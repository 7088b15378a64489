"""The one call into the library for proposals. Pure."""

from __future__ import annotations

from ifspace.model import Mark, Session, Volume


def proposals(volume: Volume, session: Session) -> tuple[Mark, ...]:
    """Ask the library for marks that it can propose."""
    from ifspace import workflow

    propose = getattr(workflow, "propose", None)
    if propose is None:
        return ()
    found: Session = propose(volume, session)
    return found.marks
