"""Names of studies and readings in the outputs, and the secret that de-identified ones need.

A plain hash names a study without saying whose it is, but whoever has the UID of a study can work
out its name and look it up. De-identified outputs therefore use a keyed hash: without the key
nobody can test a guess, and with it every run and every shard gives the same names.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from ifspace.dicom_out import UidMap
from ifspace.errors import UnreadableInputError

_STUDY_LETTERS = 16
_READING_LETTERS = 8
_KEY_BYTES = 32
# 32 hexadecimal letters are 128 bits; what a person makes up is shorter, and can be guessed.
_LEAST_SECRET_BYTES = 32


@dataclass(frozen=True)
class Names:
    """Names studies and readings; `key` is empty where nothing is de-identified."""

    key: str = ""

    def study(self, study_key: str, letter: str = "s") -> str:
        """Name a study: safe as a folder name, and no name of a patient in it."""
        return f"{letter}-{self._digest(study_key)[:_STUDY_LETTERS]}"

    def reading(self, study_id: str, place: str) -> str:
        """Name one of several readings of a study, by where its session lies."""
        return f"{study_id}/reading-{self._digest(place)[:_READING_LETTERS]}"

    def uid(self, uid: str | None) -> str | None:
        """Give the UID that stands in the outputs."""
        return uid_map_of(self.key).maybe(uid) if self.key else uid

    def _digest(self, text: str) -> str:
        if self.key:
            return hmac.new(bytes.fromhex(self.key), text.encode(), hashlib.sha256).hexdigest()
        return hashlib.sha256(text.encode()).hexdigest()


def uid_map_of(key: str) -> UidMap:
    """Give the replacement of UIDs that belongs to a key."""
    return UidMap(bytes.fromhex(key))


def fingerprint_of(key: str) -> str:
    """Tell two keys apart without giving either away; empty where there is none."""
    if not key:
        return ""
    return hmac.new(bytes.fromhex(key), b"ifspace fingerprint", hashlib.sha256).hexdigest()[:16]


def new_key() -> str:
    """Draw a key."""
    return secrets.token_hex(_KEY_BYTES)


def read_key(path: Path) -> str:
    """Make the key of what a file holds: long random text, made once for a whole project.

    Raises
    ------
    UnreadableInputError
        If the file cannot be read, or holds less than a secret needs.
    """
    try:
        content = path.read_bytes().strip()
    except OSError as error:
        message = f"the key file cannot be read ({error.strerror}); check its path"
        raise UnreadableInputError(message) from error
    if len(content) < _LEAST_SECRET_BYTES:
        message = (
            f"the key file holds {len(content)} bytes, expected at least {_LEAST_SECRET_BYTES} of"
            " random text; make one with: openssl rand -hex 32"
        )
        raise UnreadableInputError(message)
    return hashlib.sha256(content).hexdigest()
