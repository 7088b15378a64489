"""Real windows on a real X server, driven by real mouse and key events. Few, because slow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.plugin.hands import Window

from ifspace.io.session import read_session
from ifspace.model import Kind, Mark, MarkState, Side
from ifspace.pacs import nodes_path
from ifspace.phantom import PhantomTruth
from ifspace.reading.history import flat
from ifspace.reading.steps import STEPS, Step, step_of
from napari_ifspace import attention
from napari_ifspace.app import open_dock
from napari_ifspace.widget import IFSpaceDock

pytestmark = pytest.mark.usefixtures("display")


def place_all(window: Window, true_marks: dict[Step, Mark]) -> None:
    for step in STEPS:
        assert window.dock.controller is not None
        assert window.dock.controller.step == step
        window.click(window.look_at(true_marks[step]))


def test_from_the_phantom_to_the_report_by_hand(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark], tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    controller = window.dock.controller
    assert controller is not None
    place_all(window, true_marks)
    assert len(controller.session.marks) == 8
    placed = flat(controller.state)

    right_ischium = true_marks[STEPS[0]]
    here = window.look_at(right_ischium)
    window.drag(here, (here[0], here[1] + 2.0, here[2] - 3.0))
    moved = next(mark for mark in controller.session.marks if step_of(mark) == STEPS[0])
    gap_mm = np.linalg.norm(moved.position_lps_mm - right_ischium.position_lps_mm)
    assert gap_mm == pytest.approx(np.hypot(2.0, 3.0), abs=0.3)
    window.press("Ctrl+Z")
    assert flat(controller.state) == placed
    for key, count in (("Ctrl+Z", 8), ("Ctrl+Shift+Z", 8)):
        for _ in range(count):
            window.press(key)
            assert len(window.dock.viewer_layers.drawing.marks.data) == len(
                controller.session.marks
            )
    assert flat(controller.state) == placed

    window.dock.reader.setText("A")
    window.dock.reader.editingFinished.emit()
    window.press("Shift+C")
    assert {mark.state for mark in controller.session.marks} == {MarkState.CONFIRMED}
    window.press("G")
    assert controller.session.signature is not None
    out = tmp_path / "report"
    window.dock.reports.folder.setText(str(out))
    window.press("E")
    window.wait(lambda: bool(window.dock.reports.last_files))

    result = json.loads((out / "result.json").read_text())
    pixel_mm = max(controller.display.scale_mm[1:])
    for outcome in result["outcomes"]:
        truth_mm = phantom.value_mm(Kind(outcome["kind"]), Side(outcome["side"]))
        assert outcome["value_mm"] == pytest.approx(truth_mm, abs=0.3 * pixel_mm)
        assert outcome["state"] == "confirmed"
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "sr.dcm").is_file()
    assert not controller.unsaved


def test_the_distance_in_the_table_follows_the_mouse(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    first, second = STEPS[:2]
    window.click(window.look_at(true_marks[first]))
    cell = window.dock.assessment.cells[Kind.IFS, Side.RIGHT]
    assert "mm" not in cell.text()
    window.hover(window.look_at(true_marks[second]))
    truth = pytest.approx(phantom.value_mm(Kind.IFS, Side.RIGHT), abs=0.4)
    window.wait(
        lambda: "mm" in cell.text() and float(cell.text()[3:].split(" ")[0]) == truth,
    )
    assert window.dock.controller is not None
    assert len(window.dock.controller.session.marks) == 1


def test_no_key_of_napari_can_harm_a_confirmed_mark(
    window: Window, phantom: PhantomTruth, tmp_path: Path
) -> None:
    from napari.utils.shortcuts import default_shortcuts
    from qtpy.QtGui import QKeySequence

    window.open(phantom.image_path)
    dock = window.dock
    assert dock.controller is not None
    dock.session_files.load(phantom.session_path)
    dock.controller.confirm(everything=True)
    dock.controller.saved()
    before = dock.controller.session.marks
    dock.reports.folder.setText(str(tmp_path / "out"))
    for name, box in dock.reports.format_boxes.items():
        box.setChecked(name == "json")
    # These two open another window of napari; they cannot reach a layer.
    skipped = {"napari:toggle_console_visibility", "napari:show_shortcuts"}
    window.hands.mouseMove(window.canvas.native, window.canvas.native.rect().center())
    keys = {
        QKeySequence(str(binding).replace("Meta", "Ctrl")).toString()
        for name, bindings in default_shortcuts.items()
        for binding in bindings
        if name not in skipped
    }
    assert {"1", "3", "Del", "Ctrl+Del"} <= keys
    for key in sorted(keys):
        window.viewer.layers.selection.active = dock.viewer_layers.drawing.marks
        dock.viewer_layers.drawing.marks.selected_data = {0, 1}
        window.press(key)
        assert dock.controller is not None
        assert dock.controller.session.marks is before, key
    window.wait(lambda: dock.reports.export_button.isEnabled())
    assert len(dock.viewer_layers.drawing.marks.data) == len(dock.controller.session.marks)


def test_a_second_reading_ends_with_the_difference(window: Window, phantom: PhantomTruth) -> None:
    window.open(phantom.image_path)
    dock = window.dock
    dock.session_files.load(phantom.session_path)
    controller = dock.controller
    assert controller is not None
    controller.notes.set_reader("A")
    dock.reports.second_reader.setText("B")
    dock.reports.second_button.click()
    assert controller.session.marks == ()
    assert len(dock.viewer_layers.drawing.marks.data) == 0
    dock.session_files.load(phantom.session_path)
    controller.notes.set_reader("B")
    controller.unconfirm(everything=True)
    assert "once every mark" in dock.reports.comparison.text()
    controller.confirm(everything=True)
    assert "Right IFS:" in dock.reports.comparison.text()
    assert "difference +0.0 mm" in dock.reports.comparison.text()
    assert [session.reader for session in controller.state.sessions] == ["A", "B"]


def test_an_unfinished_second_reading_shows_nothing_of_the_first_and_can_be_abandoned(
    window: Window, phantom: PhantomTruth, tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    dock, reports = window.dock, window.dock.reports
    dock.session_files.load(phantom.session_path)
    controller = dock.controller
    assert controller is not None
    controller.notes.set_reader("A")
    marks = controller.session.marks
    assert reports.abandon_button.isHidden()
    reports.second_reader.setText("B")
    reports.second_button.click()
    assert not reports.abandon_button.isHidden()

    reports.readings.setCurrentIndex(0)
    reports.readings.activated.emit(0)
    assert reports.readings.currentIndex() == 1
    assert "not finished" in dock.message.text()
    reports.folder.setText(str(tmp_path / "out"))
    reports.export()
    assert "written together" in dock.message.text()
    window.press("Ctrl+Z")
    assert controller.session.marks == ()
    assert len(dock.viewer_layers.drawing.marks.data) == 0

    window.answer = "Cancel"
    reports.abandon_button.click()
    assert len(controller.state.sessions) == 2
    window.answer = "Abandon"
    reports.abandon_button.click()
    assert controller.session.marks == marks
    assert len(dock.viewer_layers.drawing.marks.data) == len(marks)
    assert reports.abandon_button.isHidden()
    assert not (tmp_path / "out").exists()


def test_closing_with_unsaved_marks_asks_and_can_be_called_off(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark], tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    window.click(window.look_at(true_marks[STEPS[0]]))
    window.answer = "Cancel"
    assert not window.window.close()
    assert window.asked == ["Unsaved reading"]
    assert window.dock.controller is not None
    assert window.dock.session_files.save(tmp_path / "session.json")
    assert len(read_session(tmp_path / "session.json").marks) == 1


def test_what_was_left_behind_is_offered_when_the_series_is_opened_again(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    window.click(window.look_at(true_marks[STEPS[0]]))
    assert window.dock.controller is not None
    left = flat(window.dock.controller.state)
    window.answer = "Leave, recover later"
    first = window.dock.controller
    window.dock.open_path(phantom.image_path)
    window.answer = "Recover"
    window.wait(lambda: window.dock.controller not in (None, first))
    assert window.asked[-1] == "Unfinished reading"
    assert flat(window.dock.controller.state) == left


def test_closing_the_question_after_a_reading_left_behind_costs_nothing(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    window.click(window.look_at(true_marks[STEPS[0]]))
    assert window.dock.controller is not None
    left = flat(window.dock.controller.state)
    # The window closes a box as its last answer.
    for answer, marks in (("", 0), ("Recover", 1)):
        before = window.dock.controller
        window.answer = "Leave, recover later"
        window.dock.open_path(phantom.image_path)
        window.answer = answer
        window.wait(lambda here=before: window.dock.controller not in (None, here))
        assert window.asked[-1] == "Unfinished reading"
        assert len(window.dock.controller.session.marks) == marks
    assert flat(window.dock.controller.state) == left


def test_who_leaves_what_could_not_be_logged_is_told_so(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where the folder of the logs should be")
    window.open(phantom.image_path)
    window.click(window.look_at(true_marks[STEPS[0]]))
    window.wait(lambda: "could not be saved by itself" in window.dock.message.text())
    window.answer = "Cancel"
    assert not window.dock.may_leave()
    assert "would be lost" in window.question
    assert "recover" not in window.question
    (tmp_path / "state").unlink()
    assert not window.dock.may_leave()
    assert "can be recovered" in window.question


def test_only_a_written_session_counts_as_saved(
    window: Window, phantom: PhantomTruth, tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    window.dock.session_files.load(phantom.session_path)
    reports = window.dock.reports
    reports.folder.setText(str(tmp_path / "report"))
    for names, unsaved in (({"json"}, True), ({"json", "session"}, False)):
        for name, box in reports.format_boxes.items():
            box.setChecked(name in names)
        window.answer = "Replace"
        reports.last_files = ()
        reports.export()
        window.wait(lambda: bool(reports.last_files))
        assert window.dock.controller is not None
        assert window.dock.controller.unsaved is unsaved


def test_return_in_a_line_of_text_gives_the_text_and_sets_no_mark(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    window.hover(window.look_at(true_marks[STEPS[0]]))
    controller, reader = window.dock.controller, window.dock.reader
    assert controller is not None
    window.wait(lambda: controller.cursor.spot is not None)
    window.focus(reader)
    window.hands.keyClicks(reader, "ABC")
    for key in (window.qt.Key.Key_Up, window.qt.Key.Key_Escape, window.qt.Key.Key_Return):
        window.hands.keyClick(reader, key)
    assert controller.session.reader == "ABC"
    assert controller.session.marks == ()
    assert not controller.cursor.cross


def test_a_wheel_over_the_findings_changes_none(window: Window, phantom: PhantomTruth) -> None:
    from qtpy.QtCore import QPoint, QPointF, Qt
    from qtpy.QtGui import QWheelEvent
    from qtpy.QtWidgets import QApplication, QComboBox

    window.open(phantom.image_path)
    controller, dock = window.dock.controller, window.dock
    assert controller is not None
    dock.tabs.setCurrentIndex(1)
    box = dock.findChild(QComboBox, "ifspace_qf_oedema_left")
    middle = QPointF(box.rect().center())
    for notch in (-120, 120):
        wheel = QWheelEvent(
            middle,
            QPointF(box.mapToGlobal(box.rect().center())),
            QPoint(),
            QPoint(0, notch),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(box, wheel)
    assert box.currentIndex() == 0
    assert not controller.history.can_undo


def test_undo_works_while_a_list_of_findings_has_the_focus(
    window: Window, phantom: PhantomTruth
) -> None:
    from qtpy.QtWidgets import QComboBox

    window.open(phantom.image_path)
    controller, dock = window.dock.controller, window.dock
    assert controller is not None
    dock.tabs.setCurrentIndex(1)
    box = dock.findChild(QComboBox, "ifspace_qf_oedema_left")
    window.focus(box)
    window.hands.keyClick(box, window.qt.Key.Key_Down)
    assert controller.session.findings
    window.hands.keyClick(box, window.qt.Key.Key_Z, window.qt.KeyboardModifier.ControlModifier)
    assert not controller.history.can_undo
    assert box.currentIndex() == 0


def test_a_folder_that_cannot_be_a_folder_gives_a_sentence(
    window: Window, phantom: PhantomTruth
) -> None:
    window.open(phantom.image_path)
    window.dock.reports.folder.setText("/" + 300 * "x")
    window.dock.reports.export()
    assert "The folder cannot be used: File name too long" in window.dock.message.text()
    assert window.dock.reports.export_button.isEnabled()


@pytest.mark.parametrize("button", ["close_button", "hide_button"])
def test_a_dock_that_was_put_away_comes_back_with_its_reading(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark], button: str
) -> None:
    window.open(phantom.image_path)
    window.click(window.look_at(true_marks[STEPS[0]]))
    dock, controller = window.dock, window.dock.controller

    def put_away() -> None:
        left = window.qt.MouseButton.LeftButton
        window.hands.mouseClick(getattr(dock.parentWidget().title, button), left)
        window.wait(lambda: not dock.isVisible())

    put_away()
    window.viewer.window.add_plugin_dock_widget("ifspace", "IFSpace")
    window.wait(dock.isVisible)
    window.wait(lambda: "IFSpace (ifspace)" not in window.viewer.window.dock_widgets)
    put_away()
    assert open_dock(window.viewer) is dock
    window.wait(dock.isVisible)
    assert dock.controller is controller
    window.press("Ctrl+Z")
    assert controller is not None
    assert controller.session.marks == ()


@pytest.mark.parametrize("button", ["close_button", "hide_button"])
def test_no_mark_is_set_while_the_dock_is_put_away_and_napari_says_so(
    window: Window,
    phantom: PhantomTruth,
    true_marks: dict[Step, Mark],
    button: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(attention, "show_warning", told.append)
    window.open(phantom.image_path)
    dock, controller = window.dock, window.dock.controller
    assert controller is not None
    here = window.look_at(true_marks[STEPS[0]])
    left = window.qt.MouseButton.LeftButton
    window.hands.mouseClick(getattr(dock.parentWidget().title, button), left)
    window.wait(lambda: not dock.isVisible())
    for _ in range(2):
        window.click(here)
        assert controller.session.marks == ()
    assert told == [attention.CLOSED]
    open_dock(window.viewer)
    window.wait(lambda: dock.attention.unattended() is None)
    window.click(window.look_at(true_marks[STEPS[0]]))
    assert len(controller.session.marks) == 1


def test_a_dock_behind_another_comes_forward_before_anything_is_changed(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    from qtpy.QtWidgets import QLabel

    window.open(phantom.image_path)
    dock, controller = window.dock, window.dock.controller
    assert controller is not None
    window.viewer.window.add_dock_widget(QLabel("other"), name="Other", area="right", tabify=True)
    window.wait(lambda: dock.attention.unattended() == attention.BEHIND)
    here = window.look_at(true_marks[STEPS[0]])
    window.click(here)
    assert controller.session.marks == ()
    assert attention.BEHIND in dock.message.text()
    window.wait(lambda: dock.attention.unattended() is None)
    window.click(window.look_at(true_marks[STEPS[0]]))
    assert len(controller.session.marks) == 1


def test_a_floating_dock_counts_as_seen(
    window: Window, phantom: PhantomTruth, true_marks: dict[Step, Mark]
) -> None:
    window.open(phantom.image_path)
    dock, controller = window.dock, window.dock.controller
    assert controller is not None
    dock.parentWidget().setFloating(True)
    window.wait(
        lambda: bool(dock.window() is dock.parentWidget() and dock.attention.unattended() is None)
    )
    window.click(window.look_at(true_marks[STEPS[0]]))
    assert len(controller.session.marks) == 1


def test_a_session_of_another_study_is_refused_in_words(
    window: Window, phantom: PhantomTruth, tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    foreign = json.loads(phantom.session_path.read_text())
    foreign["study_instance_uid"] = foreign["series_instance_uid"] = "1.2.3"
    (tmp_path / "other.json").write_text(json.dumps(foreign))
    window.dock.session_files.load(tmp_path / "other.json")
    assert "another study" in window.dock.message.text()
    assert window.dock.controller is not None
    assert window.dock.controller.session.marks == ()


def test_napari_opens_the_study_and_the_sample_in_the_window(
    window: Window, phantom: PhantomTruth
) -> None:
    window.viewer.open(str(phantom.image_path), plugin="ifspace")
    window.wait(lambda: window.dock.viewer_layers is not None)
    assert window.dock.study is not None
    assert window.dock.study.path == phantom.image_path
    window.viewer.open_sample("ifspace", "phantom")
    window.wait(lambda: window.dock.study.path != phantom.image_path)
    assert [layer.name for layer in window.viewer.layers if layer.name == "Images"] == ["Images"]


def test_a_changed_key_works_and_the_old_one_does_not(
    window: Window, phantom: PhantomTruth
) -> None:
    window.open(phantom.image_path)
    window.press("?")
    card = window.dock.commands.shortcut_list
    assert card is not None
    assert card.isVisible()
    card.set_key("skip", "C")
    assert "Confirm this mark" in card.problem.text()
    card.set_key("skip", "Q")
    card._save()
    assert window.dock.controller is not None
    window.activate()
    window.press("K")
    assert window.dock.controller.step == STEPS[0]
    window.press("Q")
    assert window.dock.controller.step == STEPS[1]


def test_a_refusal_goes_with_the_next_act_and_nothing_below_jumps(
    window: Window, phantom: PhantomTruth
) -> None:
    window.open(phantom.image_path)
    dock, controller = window.dock, window.dock.controller
    assert controller is not None
    top = dock.tabs.y()
    dock.say(
        "Opened at the estimated level of the lesser trochanter, slice 12 (right apex 13, left "
        "apex 11). Click the right lesser trochanter; the wheel changes the slice."
    )
    dock.layout().activate()
    assert dock.tabs.y() == top
    window.press("G")
    assert "a signature needs a reader" in dock.message.text()
    window.press("[")
    assert dock.header.words == "Done: set first level slice, right."
    dock.say("Something new.")
    window.press("]")
    assert dock.header.words == "Something new."


def test_a_second_dock_in_the_same_window_does_nothing(window: Window) -> None:
    twin = IFSpaceDock(window.viewer)
    assert twin.twin is window.dock
    twin.close()


def test_rubbish_gives_a_sentence_and_keeps_what_is_open(
    window: Window, phantom: PhantomTruth, tmp_path: Path
) -> None:
    window.open(phantom.image_path)
    (tmp_path / "note.txt").write_text("hello")
    window.dock.open_path(tmp_path)
    window.wait(lambda: "No images were found" in window.dock.message.text())
    assert window.dock.viewer_layers is not None


def test_written_objects_go_to_a_named_node_when_asked(
    window: Window,
    phantom: PhantomTruth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real DICOM server on loopback takes what the button sends, and only after a question."""
    from pynetdicom import AE, AllStoragePresentationContexts, evt

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    taken: list[str] = []
    server = AE(ae_title="ARCHIVE")
    server.supported_contexts = AllStoragePresentationContexts

    def store(event: evt.Event) -> int:
        taken.append(str(event.dataset.SOPInstanceUID))
        return 0

    listening = server.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        port = listening.server_address[1]
        nodes = nodes_path()
        nodes.parent.mkdir(parents=True)
        nodes.write_text(f'[archive]\nhost = "127.0.0.1"\nport = {port}\ncalled_aet = "ARCHIVE"\n')
        window.open(phantom.image_path)
        reports = window.dock.reports
        window.dock.session_files.load(phantom.session_path)
        assert reports.send_row.isHidden()
        reports.folder.setText(str(tmp_path / "report"))
        reports.export()
        window.wait(lambda: bool(reports.last_files))
        assert not reports.send_row.isHidden()
        window.answer = "Cancel"
        reports.send_row.send()
        assert window.asked[-1] == "Send to a node"
        window.answer = "Send"
        reports.send_row.send()
        window.wait(lambda: "are there" in window.dock.message.text())
    finally:
        listening.shutdown()
    assert len(taken) == len([path for path in reports.last_files if path.suffix == ".dcm"]) == 4
