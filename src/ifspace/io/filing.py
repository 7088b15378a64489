"""Which study one file belongs to, without reading more of it than its first bytes.

Thousands of studies are sorted by this, so nothing else of the header is interpreted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ifspace.errors import UnreadableInputError
from ifspace.io.elements import read_elements
from ifspace.io.sniff import FileKind, kind_of
from ifspace.io.values import raw, text

# Most headers of one slice are 2 to 12 kB; one read gets them whole.
HEAD_BYTES = 16_384
_STUDY_UID, _SOP_UID, _ROWS = 0x0020000D, 0x00080018, 0x00280010
_CLASS_UIDS = (0x00080016, 0x00020002)
# MR and enhanced MR image storage: without rows, such a file ends before its pixels.
_MR_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"})
_PATIENT = (0x00100020, 0x00100021, 0x00100010)
# Two hexadecimal bytes tell two patients apart in all but one of 65536 pairs, and name nobody.
_TAG_LETTERS = 4

VOLUME_KINDS = frozenset({FileKind.NIFTI, FileKind.NRRD, FileKind.MHA})


@dataclass(frozen=True)
class Filing:
    """Where one file belongs.

    Attributes
    ----------
    kind
        What its first bytes say.
    is_image
        Whether it holds pixels; only then are the other fields of a DICOM file given.
    study_uid, sop_uid
        UIDs, absent for files that are not DICOM.
    patient_tag
        Four letters that differ between patients and lead back to none.
    """

    kind: FileKind
    is_image: bool = False
    study_uid: str | None = None
    sop_uid: str | None = None
    patient_tag: str = ""


def filing_of(path: Path) -> Filing:
    """Tell which study a file belongs to.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, or is a damaged DICOM file.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableInputError(f"cannot be read ({error.strerror})") from error
    kind = kind_of(head)
    if kind in VOLUME_KINDS:
        return Filing(kind, is_image=True)
    if kind not in (FileKind.DICOM, FileKind.BARE_DICOM):
        return Filing(kind)
    values = read_elements(path, head).values
    if _ROWS not in values:
        classes = {text(values, tag) for tag in _CLASS_UIDS} - {"", None}
        if not classes or classes & _MR_CLASSES:
            raise UnreadableInputError("damaged or truncated DICOM file")
        return Filing(kind)
    identity = b"\0".join(raw(values, tag).strip(b" \0") for tag in _PATIENT)
    return Filing(
        kind,
        is_image=True,
        study_uid=text(values, _STUDY_UID) or None,
        sop_uid=text(values, _SOP_UID) or None,
        patient_tag=hashlib.sha256(identity).hexdigest()[:_TAG_LETTERS],
    )
