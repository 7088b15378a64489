"""Numbers and words out of the raw bytes of a DICOM header.

Converting every value the way pydicom does takes longer than reading the file; the few values
that are needed are read here from the raw bytes, strictly, and many slices share the same bytes.
"""

from __future__ import annotations

import math
import re
import struct
import traceback
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from ifspace.errors import IfspaceError, UnreadableInputError
from ifspace.model import DAYS_PER_YEAR

# What pydicom is known to raise on damaged files. It is long because a header can lie about
# everything; it is a list because a programming error of ours must not hide.
BROKEN_DICOM: tuple[type[Exception], ...] = (
    ArithmeticError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)
# Damage where pydicom raises them itself, a mistake of ours anywhere else.
_BROKEN_WITHIN_PYDICOM = (AssertionError, AttributeError, TypeError)
DAMAGED = "damaged or truncated DICOM file"
Elements = Mapping[int, bytes]
TRANSFER_SYNTAX = 0x00020010
PER_FRAME_GROUPS = 0x52009230
PIXEL_DATA = 0x7FE00010
# Absent in a data set without preamble, which is then implicit little endian.
NATIVE_SYNTAXES = frozenset(
    (
        "",
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
    )
)
_AGE_UNITS_PER_YEAR = {"D": DAYS_PER_YEAR, "W": DAYS_PER_YEAR / 7.0, "M": 12.0, "Y": 1.0}
# Shorter parts of a name stand in too many harmless words.
SHORTEST_IDENTITY = 3
_NAME_PARTS = re.compile(r"[\^=\s,]+")
# PatientAge is rounded down and may be a year old; more is a contradiction.
AGE_TOLERANCE_YEARS = 1.5
_OLDEST_YEARS = 130.0


@contextmanager
def refused_as(
    sentence: str, error_type: type[IfspaceError] = UnreadableInputError
) -> Iterator[None]:
    """Turn what pydicom raises on damaged content into one of our errors.

    Raises
    ------
    IfspaceError
        Of the given type, with the sentence.
    """
    try:
        yield
    except IfspaceError:
        raise
    except BROKEN_DICOM as error:
        raise error_type(sentence) from error
    except _BROKEN_WITHIN_PYDICOM as error:
        if not _raised_by_pydicom(error):
            raise
        raise error_type(sentence) from error


def _raised_by_pydicom(error: BaseException) -> bool:
    """Tell whether pydicom, or what it called, stumbled, and no code of ours that it called."""
    last = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        last = package if package in ("ifspace", "pydicom") else last
    return last == "pydicom"


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Give the items of a sequence; none where the element is absent or no sequence."""
    value = dataset.get(keyword)
    return list(value) if isinstance(value, Sequence) else []


def floats_of(value: object) -> tuple[float, ...]:
    """Give the numbers of a value that pydicom read, none where there is none.

    Raises
    ------
    ValueError
        If it holds anything but numbers.
    """
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        value = value.split("\\")
    parts = value if isinstance(value, (list, tuple, MultiValue)) else (value,)
    if not all(isinstance(part, (str, int, float, Decimal)) for part in parts):
        raise ValueError("not a number")
    return tuple(float(part) for part in parts)


def raw(header: Elements, tag: int) -> bytes:
    """Give the raw bytes of an element; empty where it is absent."""
    return header.get(tag, b"")


@lru_cache(maxsize=8192)
def _text_of(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


@lru_cache(maxsize=8192)
def _numbers_of(value: bytes) -> tuple[float, ...]:
    text = value.decode("ascii", "replace").strip(" \0")
    if not text:
        return ()
    return tuple(float(part) for part in text.split("\\"))


def text(header: Elements, tag: int) -> str:
    """Read an element of plain words (UI, CS, SH and the like, ASCII)."""
    return _text_of(raw(header, tag))


def words(header: Elements, tag: int) -> tuple[str, ...]:
    """Read an element of several plain words."""
    value = text(header, tag)
    return tuple(part.strip() for part in value.split("\\")) if value else ()


def numbers(header: Elements, tag: int) -> tuple[float, ...]:
    """Read a DS or IS element, as it stands: NaN and infinity included.

    Raises
    ------
    ValueError
        If it holds anything but numbers.
    """
    return _numbers_of(raw(header, tag))


def number(header: Elements, tag: int) -> float | None:
    """Read the first finite number of a DS or IS element that nothing vital depends on."""
    try:
        values = numbers(header, tag)
    except ValueError:
        return None
    return values[0] if values and math.isfinite(values[0]) else None


def counts(header: Elements, tag: int) -> tuple[int, ...]:
    """Read a US element: whole numbers of 16 bits."""
    value = raw(header, tag)
    return struct.unpack(f"<{len(value) // 2}H", value[: len(value) // 2 * 2])


def count(header: Elements, tag: int) -> int:
    """Read the first number of a US element; 0 where it is absent."""
    return int.from_bytes(raw(header, tag)[:2], "little")


def without_identity(words: str, identities: tuple[str, ...]) -> str:
    """Take out of a free text what names the patient: scanners let people type anything there."""
    for identity in identities:
        for part in _NAME_PARTS.split(identity):
            if len(part) >= SHORTEST_IDENTITY:
                words = re.sub(re.escape(part), "", words, flags=re.IGNORECASE)
    return " ".join(words.split())


def age_years(age: str, birth_date: str, study_date: str) -> float | None:
    """Tell the age from PatientAge (``047Y``) or, where it is absent, from the two dates.

    The dates give years rounded down to 0.1, so that the birth date cannot be had back. Where
    both are given and contradict each other, the age is unknown: adult values must not be laid
    beside a child's.
    """
    stated: float | None = None
    if len(age) >= 2 and age[:-1].isdigit() and age[-1] in _AGE_UNITS_PER_YEAR:
        stated = int(age[:-1]) / _AGE_UNITS_PER_YEAR[age[-1]]
    born, studied = _date(birth_date), _date(study_date)
    counted = None if born is None or studied is None else _years_between(born, studied)
    if stated is not None and counted is not None and abs(stated - counted) > AGE_TOLERANCE_YEARS:
        return None
    years = counted if stated is None else stated
    if years is None:
        return None
    years = math.floor(years * 10.0 + 1e-9) / 10.0
    return years if 0.0 <= years <= _OLDEST_YEARS else None


def _years_between(born: date, studied: date) -> float:
    """Count birthdays, and the part of the year since the last: a birthday is a whole number."""
    not_yet = (studied.month, studied.day) < (born.month, born.day)
    birthdays = studied.year - born.year - not_yet
    last = _birthday(born, born.year + birthdays)
    return birthdays + (studied - last).days / DAYS_PER_YEAR


def _birthday(born: date, year: int) -> date:
    """Give the birthday in a year; that of 29 February is 1 March where there is none."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def _date(value: str) -> date | None:
    """Read a DA value, also in the old form with dots."""
    digits = value.replace(".", "")
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
