"""The keys: what they do, what they are by default, and the reader's own choice. Pure."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from ifspace.atomic import write_file


@dataclass(frozen=True)
class Action:
    """Something a key can do; `default` is a key in Qt's portable spelling."""

    id: str
    label: str
    default: str


# The digits and Delete replace napari's own meaning of them, which is to delete points and shapes.
ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"step_{number}", label, str(number))
        for number, label in enumerate(
            (
                "Step 1: right ischium",
                "Step 2: right lesser trochanter",
                "Step 3: right hamstring origin",
                "Step 4: right iliopsoas tendon",
                "Step 5: left ischium",
                "Step 6: left lesser trochanter",
                "Step 7: left hamstring origin",
                "Step 8: left iliopsoas tendon",
            ),
            start=1,
        )
    ),
    Action("next_step", "Next step of the list", "N"),
    Action("previous_step", "Previous step of the list", "B"),
    Action("skip", "Skip this step", "K"),
    Action("place", "Place the mark at the cross", "Return"),
    Action("release", "Let go of the mark, move the cross", "Escape"),
    Action("move", "Move this mark with the next click", "M"),
    Action("nudge_up", "Up by 1 pixel", "Up"),
    Action("nudge_down", "Down by 1 pixel", "Down"),
    Action("nudge_left", "Left by 1 pixel", "Left"),
    Action("nudge_right", "Right by 1 pixel", "Right"),
    Action("fine_up", "Up by 0.1 pixel", "Shift+Up"),
    Action("fine_down", "Down by 0.1 pixel", "Shift+Down"),
    Action("fine_left", "Left by 0.1 pixel", "Shift+Left"),
    Action("fine_right", "Right by 0.1 pixel", "Shift+Right"),
    Action("coarse_up", "Up by 10 pixels", "Ctrl+Up"),
    Action("coarse_down", "Down by 10 pixels", "Ctrl+Down"),
    Action("coarse_left", "Left by 10 pixels", "Ctrl+Left"),
    Action("coarse_right", "Right by 10 pixels", "Ctrl+Right"),
    Action("slice_next", "Next slice", "PgUp"),
    Action("slice_previous", "Previous slice", "PgDown"),
    Action("range_first", "First slice of the lesser trochanter, this side", "["),
    Action("range_last", "Last slice of the lesser trochanter, this side", "]"),
    Action("confirm", "Confirm this mark, or accept a proposal", "C"),
    Action("confirm_all", "Confirm all marks", "Shift+C"),
    Action("unconfirm", "Take the confirmation back", "U"),
    Action("remove", "Remove this mark, or reject a proposal", "Del"),
    Action("remove_too", "Remove this mark", "Backspace"),
    Action("undo", "Undo", "Ctrl+Z"),
    Action("redo", "Redo", "Ctrl+Shift+Z"),
    Action("propose", "Ask for proposals", "P"),
    Action("add_seed", "Point into the bone of this step again", "Shift+P"),
    Action("snap", "Bring this mark to its edge", "A"),
    Action("unsnap", "Return this mark to the click", "X"),
    Action("snap_switch", "Snap every mark to its edge, on or off", "S"),
    Action("second", "Show or hide the second series", "F"),
    Action("zoom", "Zoom to this side, or back", "Z"),
    Action("next_open", "Next mark that is missing or not confirmed", "J"),
    Action("restore", "Show the acquired slices again, whole", "R"),
    Action("gray_auto", "Grey levels: from this slice", "F5"),
    Action("gray_t1", "Grey levels: T1", "F6"),
    Action("gray_fluid", "Grey levels: fluid-sensitive", "F7"),
    Action("gray_bone", "Grey levels: cortex and tendon", "F8"),
    Action("gray_reset", "Grey levels: as opened", "F9"),
    Action("invert", "Exchange black and white", "I"),
    Action("identity", "Show or hide patient and reader on the image", "H"),
    Action("sign", "Sign the reading", "G"),
    Action("save", "Save the session file", "W"),
    Action("export", "Write the reports", "E"),
    Action("copy", "Copy the findings text", "T"),
    Action("copy_short", "Copy the values alone, in two lines", "Shift+T"),
    Action("card", "Show or hide this card", "?"),
)

# Keys with which napari deletes or hides layers or pastes points; they do nothing while the dock
# is open.
GUARDED_KEYS = ("Ctrl+Del", "Ctrl+Backspace", "Ctrl+V", "V", "9", "0")

_BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def default_keys() -> dict[str, str]:
    """Give the key of each action as delivered."""
    return {action.id: action.default for action in ACTIONS}


def clashes(keys: Mapping[str, str], taken: Mapping[str, str] | None = None) -> list[str]:
    """Say which keys do two things.

    Parameters
    ----------
    keys
        Action id to key.
    taken
        Keys that belong to the window's own menus, with what they do there.
    """
    found = []
    users: dict[str, list[str]] = {}
    for action_id, key in keys.items():
        if key:
            users.setdefault(key.casefold(), []).append(_BY_ID[action_id].label)
    for key, labels in users.items():
        if len(labels) > 1:
            found.append(f"{key}: {' and '.join(labels)}")
        for other, label in (taken or {}).items():
            if other.casefold() == key:
                found.append(f"{key}: {labels[0]} and napari's “{label}”")
    return found


def keys_file() -> Path:
    """Give the file of the reader's own keys; ``IFSPACE_CONFIG_DIR`` moves it."""
    moved = os.environ.get("IFSPACE_CONFIG_DIR")
    return (Path(moved) if moved else user_config_path("ifspace")) / "keys.json"


def load_keys(path: Path | None = None) -> dict[str, str]:
    """Read the reader's own keys over the defaults; a damaged file counts as none."""
    keys = default_keys()
    try:
        stored = json.loads((path or keys_file()).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return keys
    if isinstance(stored, dict):
        keys |= {name: key for name, key in stored.items() if name in keys and isinstance(key, str)}
    return keys if not clashes(keys) else default_keys()


def save_keys(keys: Mapping[str, str], path: Path | None = None) -> None:
    """Write the keys that differ from the defaults.

    Raises
    ------
    ValueError
        If a key would do two things.
    OSError
        If the file cannot be written.
    """
    problems = clashes(keys)
    if problems:
        raise ValueError(problems[0])
    defaults = default_keys()
    own = {name: key for name, key in keys.items() if key != defaults[name]}
    target = path or keys_file()
    write_file(target, (json.dumps(own, indent=1) + "\n").encode())
