"""Whether the images of one series belong together: one patient, one study, one frame of reference.

A series that mixes them is refused with the slices on both sides, never with the values.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from ifspace.io.header import ImageHeader
from ifspace.safe_paths import is_uid

PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
# The tags of patients differ from run to run and lead back to nobody.
_KEY = secrets.token_bytes(16)
# A sentence of more numbers is read by nobody.
_MOST_NAMED = 8

_Value = Callable[[ImageHeader], str]
_UIDS: tuple[tuple[str, _Value], ...] = (
    ("StudyInstanceUID", lambda header: header.file.study_instance_uid or ""),
    ("SeriesInstanceUID", lambda header: header.file.series_instance_uid or ""),
    ("SOPInstanceUID", lambda header: header.file.sop_instance_uid),
    ("FrameOfReferenceUID", lambda header: header.file.frame_of_reference_uid or ""),
)


@lru_cache(maxsize=1024)
def patient_tags(*values: str) -> tuple[str, ...]:
    """Give a tag for each value of `PATIENT`: equal for one patient, readable by nobody.

    Letter case, spaces and empty ends are no difference: machines write names their own way.
    """
    plain = (" ".join(value.casefold().split()).rstrip("^= ") for value in values)
    return tuple(
        hashlib.blake2b(value.encode(), key=_KEY, digest_size=8).hexdigest() for value in plain
    )


def contradiction(headers: Sequence[ImageHeader], *, one_frame: bool = True) -> str:
    """Say why images cannot be one series; empty where they can.

    Parameters
    ----------
    headers
        The images in the order of their slices.
    one_frame
        Whether they have to be of one frame of reference, as the slices of one stack have.
    """
    return next(_contradictions(headers, one_frame), "")


def _contradictions(headers: Sequence[ImageHeader], one_frame: bool) -> Iterator[str]:
    for name, value in _UIDS:
        wrong = [
            k for k, header in enumerate(headers) if (uid := value(header)) and not is_uid(uid)
        ]
        if wrong:
            yield f"{name} is no valid UID in {_slices(wrong)}"
    compared: list[tuple[str, _Value]] = [
        (name, lambda header, at=at: header.file.patient[at : at + 1])  # type: ignore[misc]
        for at, name in enumerate(PATIENT)
    ]
    compared += [_UIDS[0], *([_UIDS[3]] if one_frame else [])]
    for name, value in compared:
        groups = list(_groups(headers, value).values())
        if len(groups) > 1:
            yield f"{name} differs between {_slices(groups[0])} and {_slices(groups[1])}"
    for uid, group in _groups(headers, _image).items():
        if uid and len(group) > 1:
            yield f"SOPInstanceUID is the same in {_slices(group)}"


def _image(header: ImageHeader) -> str:
    uid = header.file.sop_instance_uid
    return uid and f"{uid} {header.frame_number}"


def _groups(headers: Sequence[ImageHeader], value: _Value) -> dict[str, list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for k, header in enumerate(headers):
        groups[value(header)].append(k)
    return groups


def _slices(indices: Sequence[int]) -> str:
    """Name slices by their number in the stack, counted from 1."""
    shown = ", ".join(str(k + 1) for k in indices[:_MOST_NAMED])
    more = f" and {len(indices) - _MOST_NAMED} more" if len(indices) > _MOST_NAMED else ""
    return f"slice{'s' if len(indices) > 1 else ''} {shown}{more}"
