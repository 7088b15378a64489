"""What the reader switched on or off is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_ifspace.preferences import (
    Preferences,
    load_preferences,
    preferences_file,
    save_preferences,
)


def test_the_switch_is_off_as_delivered_and_remembered() -> None:
    assert load_preferences() == Preferences(snap=False)
    save_preferences(Preferences(snap=True))
    assert load_preferences().snap is True


@pytest.mark.parametrize("content", ["{", "[]", '{"snap": "yes"}', '{"other": true}'])
def test_a_damaged_file_of_switches_counts_as_none(content: str) -> None:
    preferences_file().parent.mkdir(parents=True, exist_ok=True)
    preferences_file().write_text(content)
    assert load_preferences() == Preferences()


def test_switches_that_cannot_be_written_are_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save_preferences(Preferences(), tmp_path / "file" / "window.json")
