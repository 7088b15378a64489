"""Nothing goes wrong without a word: keys, stray clicks, undo and foreign sessions in a window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.plugin.hands import Window

from ifspace.model import Mark, MarkState
from ifspace.phantom import PhantomTruth
from ifspace.reading.controller import ReadingController
from ifspace.reading.history import flat
from ifspace.reading.steps import STEPS, Step
from napari_ifspace.dialogs import ask

# What they do to marks: confirm, unconfirm, nudge, nudge far, place, remove, undo, skip.
HARMFUL = (
    "C",
    "U",
    "Left",
    "Shift+Left",
    "Ctrl+Right",
    "Return",
    "Del",
    "Backspace",
    "Ctrl+Z",
    "K",
)


def read_right(window: Window, marks: dict[Step, Mark], count: int = 2) -> ReadingController:
    """Place the first marks with the mouse; the last one stays selected."""
    for step in STEPS[:count]:
        window.click(window.look_at(marks[step]))
    controller = window.dock.controller
    assert controller is not None
    assert len(controller.session.marks) == count
    assert controller.selected is not None
    return controller


def type_into(window: Window, target: Any, keys: tuple[str, ...]) -> None:
    """Press keys; they are not let go, because some close what they are typed into."""
    from qtpy.QtGui import QKeySequence

    for key in keys:
        pressed = QKeySequence(key)[0]
        window.hands.keyPress(target, pressed.key(), pressed.keyboardModifiers())


@pytest.mark.parametrize("name", ["ifspace_qf_oedema_left", "ifspace_series"])
def test_no_key_in_an_open_list_reaches_a_mark(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark], name: str
) -> None:
    from qtpy.QtWidgets import QComboBox

    window.open(phantom.image_path)
    controller = read_right(window, true_marks)
    marks, edits = controller.session.marks, len(controller.history.past)
    window.dock.tabs.setCurrentIndex(1)
    box = window.dock.findChild(QComboBox, name)
    window.activate()
    for key in HARMFUL:
        window.hands.mouseClick(box, window.qt.MouseButton.LeftButton)
        window.wait(box.view().isVisible)
        type_into(window, box.view(), (key,))
        box.hidePopup()
        window.wait(lambda: not box.view().isVisible())
    assert controller.session.marks == marks
    # Only the list itself may have taken a choice.
    assert all("note" in edit.action for edit in controller.history.past[edits:])


def test_no_key_in_a_menu_a_card_or_a_closed_list_reaches_a_mark(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    from qtpy.QtWidgets import QComboBox

    window.open(phantom.image_path)
    controller = read_right(window, true_marks)
    before = flat(controller.state)
    window.activate()
    menu = window.window.menuBar().actions()[0].menu()
    menu.popup(window.window.mapToGlobal(window.window.rect().center()))
    window.wait(menu.isVisible)
    # Neither chooses in the menu.
    type_into(window, menu.windowHandle(), ("Del", "Ctrl+Right", "Shift+Left"))
    menu.close()
    window.dock.commands.show_card()
    card = window.dock.commands.shortcut_list
    assert card is not None
    window.wait(lambda: bool(card.isActiveWindow() or card.activateWindow()))
    type_into(window, card.windowHandle(), ("C", "Del", "Left", "Ctrl+Right"))
    card.hide()
    window.dock.tabs.setCurrentIndex(1)
    box = window.dock.findChild(QComboBox, "ifspace_qf_oedema_left")
    window.focus(box)
    type_into(window, box, ("Del", "Ctrl+Right", "Shift+Left", "Ctrl+Left"))
    assert flat(controller.state) == before


def test_a_stray_click_while_reviewing_moves_nothing(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    controller = read_right(window, true_marks)
    before = flat(controller.state)
    window.press("2")
    world = window.look_at(true_marks[STEPS[1]])
    window.click((world[0], world[1] + 20.0, world[2] + 12.0))
    assert flat(controller.state) == before
    assert "Nothing was placed" in window.dock.message.text()
    window.press("M")
    window.click((world[0], world[1] + 1.0, world[2]))
    assert flat(controller.state) != before
    assert len(controller.session.marks) == 2


def test_undo_turns_to_the_slice_and_the_next_click_is_the_same_landmark(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    controller = read_right(window, true_marks)
    viewer_layers = window.dock.viewer_layers
    assert viewer_layers is not None
    placed_on = viewer_layers.slice_index
    viewer_layers.show_slice(0)
    window.press("Ctrl+Z")
    window.wait(lambda: viewer_layers.slice_index == placed_on)
    assert controller.step == STEPS[1]
    assert "Right lesser trochanter gone from slice" in window.dock.message.text()
    window.click(window.look_at(true_marks[STEPS[1]]))
    assert controller.session.marks[-1].name is STEPS[1].name


def test_a_doubtful_mark_is_asked_about_and_return_takes_it_back(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    window.open(phantom.image_path)
    controller = read_right(window, true_marks, count=1)
    window.dock.ask = ask
    asked: list[str] = []

    def answer() -> None:
        box = QApplication.activeModalWidget()
        if box is None:
            QTimer.singleShot(20, answer)
            return
        asked.append(box.text())
        window.hands.keyClick(box, window.qt.Key.Key_Return)

    QTimer.singleShot(0, answer)
    world = window.look_at(true_marks[STEPS[0]])
    # The screen's left is the patient's right: the trochanter lies there, but not that near.
    window.click((world[0], world[1], world[2] - 1.5))
    assert len(asked) == 1
    assert "hardly ever outside 3 to 45 mm" in asked[0]
    window.dock.ask = window._ask
    assert len(controller.session.marks) == 1
    assert controller.step == STEPS[1]


def test_marks_are_replaced_by_a_file_only_after_a_question(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    controller = read_right(window, true_marks)
    controller.confirm(everything=True)
    before = flat(controller.state)
    window.answer = "Cancel"
    window.dock.session_files.load(phantom.session_path)
    assert window.asked == ["Load marks"]
    assert "2 of them confirmed, would be replaced" in window.question
    assert flat(controller.state) == before
    window.answer = "Load the marks"
    window.dock.session_files.load(phantom.session_path)
    assert flat(controller.state) != before


def test_a_signed_session_that_names_no_series_is_loaded_unsigned_and_after_a_question(
    window: Window, phantom: PhantomTruth, tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    loose = json.loads(phantom.session_path.read_text())
    loose |= dict.fromkeys(("study_instance_uid", "series_instance_uid", "frame_of_reference_uid"))
    loose["signature"] = {"reader": "A", "signed_at": "2026-01-01T00:00:00+00:00"}
    loose["marks"] = [
        mark | {"state": MarkState.CONFIRMED.value, "sop_instance_uid": None}
        for mark in loose["marks"]
    ]
    (tmp_path / "loose.json").write_text(json.dumps(loose))
    window.answer = "Load the marks"
    window.dock.session_files.load(tmp_path / "loose.json")
    assert "does not say which images" in window.question
    controller = window.dock.controller
    assert controller is not None
    assert controller.session.marks
    assert controller.session.signature is None
    assert "was left out" in window.dock.message.text()
