"""What others name never leads out of the folder it belongs in."""

from __future__ import annotations

from pathlib import Path

import pytest

from ifspace.errors import UnsafePathError
from ifspace.safe_paths import below, is_uid, uid_path

HOSTILE = ("..", "../x", "/etc/x", "a/../../x", "a//b", ".", "", "a\0b", "./x", "a/")


@pytest.mark.parametrize("place", HOSTILE)
def test_a_hostile_place_gives_no_path(place: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError):
        below(tmp_path, place)
    with pytest.raises(UnsafePathError):
        uid_path(tmp_path, place, ".dcm")


@pytest.mark.parametrize("place", ["x", "a/b c/ü.dcm", "...", "-rf", "a:b"])
def test_a_plain_place_gives_its_path(place: str, tmp_path: Path) -> None:
    assert below(tmp_path, place) == tmp_path / place


def test_a_uid_is_digits_and_dots_of_at_most_64_letters() -> None:
    assert is_uid("1.2.840.10008.1.2")
    assert is_uid("1.02.3")
    for wrong in ("", ".1", "1.", "1..2", "1.2a", "1.2\n", "1.²", "1" * 65):
        assert not is_uid(wrong)
