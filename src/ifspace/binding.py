"""Whether a session was made on these images: by their UIDs, and by their fingerprint."""

from __future__ import annotations

from ifspace.errors import SessionError
from ifspace.model import ImageFingerprint, Series, Session

_BINDING_UIDS = ("study_instance_uid", "series_instance_uid")


def check_belongs(session: Session, series: Series, image: ImageFingerprint | None = None) -> None:
    """Refuse a session that was made on other images.

    Parameters
    ----------
    session, series
        The session, and the series that is measured.
    image
        The fingerprint of the loaded images; absent where they could not be loaded.

    Raises
    ------
    SessionError
        If a UID that both give differs, or the fingerprint; says what differs.
    """
    for name in _BINDING_UIDS:
        theirs, ours = getattr(session, name), getattr(series, name)
        if theirs is not None and ours is not None and theirs != ours:
            word = name.split("_", maxsplit=1)[0]
            message = (
                f"the session was made on another {word} than the images; choose the session of"
                " this series, or name its series with --series"
            )
            raise SessionError(message)
    if session.image is None or image is None:
        return
    if difference := session.image.difference(image):
        message = (
            f"the session was made on other images: {difference}; choose the session of these"
            " images"
        )
        raise SessionError(message)


def is_bound(session: Session, series: Series) -> bool:
    """Tell whether a session that belongs to a series says so itself."""
    return session.image is not None or any(
        None not in (getattr(session, name), getattr(series, name)) for name in _BINDING_UIDS
    )


def refuse_unbound(session: Session, series: Series) -> None:
    """Refuse marks that nothing binds to the images.

    Raises
    ------
    SessionError
        If the session has marks or seeds, and neither a fingerprint nor a UID of the images.
    """
    if (session.marks or session.seeds) and not is_bound(session, series):
        message = (
            "the session does not say which images it was made on: it has neither their fingerprint"
            " nor their UIDs; make sure that it is of these images and add --unbound"
        )
        raise SessionError(message)
