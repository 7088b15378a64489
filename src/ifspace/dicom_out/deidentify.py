"""Take the person out of what is written: the basic profile of PS3.15 annex E.

Our objects hold a short, known list of attributes, so identity is left out while they are built
and not searched for afterwards. UIDs are replaced by a keyed hash: consistently within everything
that is written with one key, and without a way back for whoever lacks it.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset

from ifspace.dicom_out import codes
from ifspace.dicom_out.header import series_number_below_ours
from ifspace.model import (
    AssessedSpace,
    FlagCode,
    Mark,
    Measurement,
    Session,
    Side,
    StudyResult,
)
from ifspace.signing import REPLACES, resealed

KEY_BYTES = 32
# The profile asks for dummy dates where a date must be present (PS3.15 table E.1-1, action D).
DUMMY_MOMENT = datetime.datetime(2000, 1, 1)  # DICOM times are local times
METHOD = "PS3.15 Basic Profile: identity left out, UIDs replaced, dates removed"
# What names a reader and a time otherwise.
_UNSIGNED_WORDS: dict[str, str] = {
    FlagCode.SIGNATURE_LEFT_OUT: "A signature that did not stand was left out.",
    FlagCode.REPORT_AMENDED: REPLACES.format(who=""),
}
PROFILE = codes.dcm("113100", "Basic Application Confidentiality Profile")
# What placing a line on an image and showing it needs; nothing of it names anybody.
GEOMETRY = (
    "SOPClassUID",
    "Modality",
    "Rows",
    "Columns",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "PhotometricInterpretation",
    "RescaleIntercept",
    "RescaleSlope",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True)
class UidMap:
    """Replaces UIDs: the same key gives the same replacement, another key another one."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)

    def replaced(self, uid: str) -> str:
        """Give the replacement of a UID (PS3.5 B.2)."""
        digest = hmac.new(self.key, uid.encode(), hashlib.sha256).digest()
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"

    def maybe(self, uid: str | None) -> str | None:
        """Give the replacement of a UID that may be absent."""
        return None if uid is None else self.replaced(uid)

    def reader(self, name: str | None) -> str | None:
        """Give the dummy name of a reader: the same for all that one key was used for."""
        return (
            name and f"Reader-{hmac.new(self.key, name.encode(), hashlib.sha256).hexdigest()[:8]}"
        )

    def slice_name(self, name: str) -> str:
        """Give the replacement of a slice of a level range: a UID, or UID#frame."""
        uid, mark, frame = name.partition("#")
        return f"{self.replaced(uid)}{mark}{frame}"


def deidentified(result: StudyResult, uid_map: UidMap) -> StudyResult:
    """Replace every UID of a result, the reader and the moment of signing; drop the free text.

    Everything else stays: numbers, positions, states.
    """
    series = replace(
        result.series,
        study_instance_uid=uid_map.maybe(result.series.study_instance_uid),
        series_instance_uid=uid_map.maybe(result.series.series_instance_uid),
        frame_of_reference_uid=uid_map.maybe(result.series.frame_of_reference_uid),
        sources=tuple(
            replace(source, sop_instance_uid=uid_map.maybe(source.sop_instance_uid))
            for source in result.series.sources
        ),
        description="",
    )
    return replace(
        result,
        series=series,
        session=resealed(_session(result.session, uid_map)),
        spaces=tuple(_space(space, uid_map) for space in result.spaces),
        flags=tuple(
            replace(flag, detail=_UNSIGNED_WORDS.get(flag.code, flag.detail))
            for flag in result.flags
        ),
    )


def _session(session: Session, uid_map: UidMap) -> Session:
    ranges: dict[Side, tuple[str, str]] = {
        side: (uid_map.slice_name(ends[0]), uid_map.slice_name(ends[1]))
        for side, ends in session.level_range.items()
    }
    signature = session.signature
    if signature is not None:
        reader = uid_map.reader(signature.reader) or ""
        signature = replace(signature, reader=reader, signed_at=DUMMY_MOMENT.isoformat())
    return replace(
        session,
        reader=uid_map.reader(session.reader),
        signature=signature,
        study_instance_uid=uid_map.maybe(session.study_instance_uid),
        series_instance_uid=uid_map.maybe(session.series_instance_uid),
        frame_of_reference_uid=uid_map.maybe(session.frame_of_reference_uid),
        marks=tuple(_mark(mark, uid_map) for mark in session.marks),
        seeds=tuple(
            replace(seed, sop_instance_uid=uid_map.maybe(seed.sop_instance_uid))
            for seed in session.seeds
        ),
        level_range=ranges,
    )


def _mark(mark: Mark, uid_map: UidMap) -> Mark:
    return replace(mark, sop_instance_uid=uid_map.maybe(mark.sop_instance_uid))


def _space(space: AssessedSpace, uid_map: UidMap) -> AssessedSpace:
    outcome = space.outcome
    if not isinstance(outcome, Measurement):
        return space
    outcome = replace(
        outcome,
        sop_instance_uid=uid_map.maybe(outcome.sop_instance_uid),
        marks=tuple(_mark(mark, uid_map) for mark in outcome.marks),
    )
    return replace(space, outcome=outcome)


def without_identity(header: Dataset, uid_map: UidMap) -> Dataset:
    """Reduce an image header to its geometry and replaced UIDs."""
    kept = Dataset()
    for keyword in GEOMETRY:
        if keyword in header:
            kept[keyword] = header[keyword]
    for keyword in UIDS:
        if header.get(keyword):
            setattr(kept, keyword, uid_map.replaced(str(header[keyword].value)))
    return kept


def anonymous_filing(header: Dataset, uid_map: UidMap) -> Dataset:
    """File an object under nobody: what PS3.15 table E.1-1 allows, and how it was done."""
    pseudonym = uid_map.replaced(f"patient {header.get('PatientID', '')}")[-12:]
    filed = Dataset()
    filed.SpecificCharacterSet = "ISO_IR 192"
    filed.PatientName = f"Anonymous^{pseudonym}"
    filed.PatientID = pseudonym
    for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"):
        setattr(filed, keyword, "")
    for keyword in ("AccessionNumber", "StudyID", "ReferringPhysicianName"):
        setattr(filed, keyword, "")
    filed.StudyInstanceUID = uid_map.replaced(str(header.StudyInstanceUID))
    filed.SeriesNumber = series_number_below_ours(header)
    filed.PatientIdentityRemoved = "YES"
    filed.DeidentificationMethod = METHOD[:64]
    filed.DeidentificationMethodCodeSequence = [PROFILE]
    filed.LongitudinalTemporalInformationModified = "REMOVED"
    return filed
