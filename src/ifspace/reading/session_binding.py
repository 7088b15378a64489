"""Whether a session file belongs to the images on the screen, and what of it may be taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ifspace.binding import check_belongs, is_bound
from ifspace.errors import SessionError
from ifspace.measurement import slice_of_mark
from ifspace.model import Session, Volume
from ifspace.signing import verified

# Files hold positions with two decimals at least.
ON_SLICE_MM = 0.05


@dataclass(frozen=True)
class BoundSession:
    """A session that fits the images.

    Attributes
    ----------
    session
        As it may be taken: without a signature that does not stand.
    identified
        Whether the file names these images, by their fingerprint or the UID of the series.
    unsigned
        Why a signature was left out; empty where none was.
    off_slice_mm
        How far the marks lie from their slices at most; those of a window lie on them.
    """

    session: Session
    identified: bool
    unsigned: str
    off_slice_mm: float

    @property
    def doubt(self) -> str:
        """Say what speaks against taking the session for one of these images; nothing else."""
        if self.identified:
            return ""
        words = "The file does not say which images it was made on."
        if self.off_slice_mm > ON_SLICE_MM:
            words += f" Its marks lie up to {self.off_slice_mm:.1f} mm off the slices here."
        return words


def bind(session: Session, volume: Volume) -> BoundSession:
    """Accept a session for a volume.

    Raises
    ------
    SessionError
        If it names other images, or a series where the images have no name, or if one of its marks
        or seeds lies on no slice of these images.
    """
    series = volume.series
    check_belongs(session, series, volume.fingerprint)
    identified = is_bound(session, series)
    if session.series_instance_uid is not None and not identified:
        raise SessionError(
            "the session was made on a DICOM series, and these images are none; open the series "
            "that it was made on"
        )
    for mark in session.marks:
        try:
            slice_of_mark(volume, mark)
        except ValueError as error:
            raise SessionError(f"the session was made on other images: {error}") from error
    for seed in session.seeds:
        slice_index, _ = volume.nearest_slice(seed.position_lps_mm)
        if not volume.slices[slice_index].plane.shows(seed.position_lps_mm):
            raise SessionError("the session was made on other images: a seed lies outside of these")
    session, unsigned = verified(session)
    off_mm = [volume.nearest_slice(mark.position_lps_mm)[1] for mark in session.marks]
    return BoundSession(
        session if session.image is not None else replace(session, image=volume.fingerprint),
        identified,
        unsigned,
        float(max(off_mm, default=0.0)),
    )
