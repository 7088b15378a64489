from __future__ import annotations

from pathlib import Path

import pytest

from napari_ifspace.shortcuts import ACTIONS, clashes, default_keys, load_keys, save_keys


def test_the_keys_as_delivered_do_not_clash() -> None:
    assert clashes(default_keys()) == []
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_a_key_for_two_actions_is_named_with_both() -> None:
    keys = default_keys() | {"undo": "C"}
    assert clashes(keys) == ["c: Confirm this mark, or accept a proposal and Undo"]


def test_a_key_of_the_window_is_a_clash_too() -> None:
    keys = default_keys() | {"save": "Ctrl+S"}
    assert clashes(keys, {"Ctrl+S": "Save"}) == [
        "ctrl+s: Save the session file and napari's “Save”"
    ]


def test_an_action_may_have_no_key() -> None:
    assert clashes(default_keys() | {"undo": "", "redo": ""}) == []


def test_changed_keys_stay_changed(tmp_path: Path) -> None:
    path = tmp_path / "config" / "keys.json"
    save_keys(default_keys() | {"confirm": "Q"}, path)
    assert load_keys(path)["confirm"] == "Q"
    assert load_keys(path)["undo"] == "Ctrl+Z"


def test_clashing_keys_are_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with pytest.raises(ValueError, match="Undo"):
        save_keys(default_keys() | {"undo": "C"}, path)
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "[1]", '{"undo": 3, "unknown": "A"}', '{"undo": "C"}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    assert load_keys(path) == default_keys()
