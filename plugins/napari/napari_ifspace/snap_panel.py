"""The switch that brings marks to their edges, and what came of it for the selected mark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ifspace.reading.controller import ReadingController
from ifspace.reading.snapping import moved_words
from ifspace.reading.steps import step_of
from napari_ifspace.preferences import load_preferences, save_preferences
from napari_ifspace.profile_view import ProfileView
from napari_ifspace.theme import Colors


class SnapPanel(QWidget):
    """One row of controls; below it the profile of the chosen mark, if it was snapped."""

    def __init__(self, colors: Colors, act: Callable[[str], None]) -> None:
        """Build the row; `act` carries out an action by its id."""
        super().__init__()
        self.colors = colors
        self.switch = QCheckBox("Snap to the edge")
        self.switch.setObjectName("ifspace_snap_switch")
        self.switch.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.switch.setToolTip(
            "On: a mark that you place or drag goes to the outer edge of cortex or tendon on its "
            "line, where that is clear. Off: it stays where you clicked."
        )
        self.switch.clicked.connect(lambda: act("snap_switch"))
        self.snap = self._button("snap", "Snap this mark", "Bring the selected mark to its edge")
        self.back = self._button(
            "unsnap", "Back to the click", "Return the selected mark to where you clicked"
        )
        for button, name in ((self.snap, "snap"), (self.back, "unsnap")):
            button.clicked.connect(lambda _checked=False, action=name: act(action))
        self.words = QLabel()
        self.words.setObjectName("ifspace_snap_words")
        self.words.setWordWrap(True)
        self.profile = ProfileView(colors)
        row = QHBoxLayout()
        row.addWidget(self.switch, 1)
        row.addWidget(self.snap)
        row.addWidget(self.back)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.words)
        column.addWidget(self.profile)
        self._show_none()

    def _button(self, name: str, label: str, tip: str) -> QPushButton:
        button = QPushButton(label)
        button.setObjectName(f"ifspace_{name}")
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button

    def begin(self, controller: ReadingController) -> None:
        """Switch a fresh controller as the reader left the last one."""
        controller.snapper.on = load_preferences().snap

    def toggle(self, controller: ReadingController) -> None:
        """Switch snapping on or off, and remember it."""
        controller.snapper.on = not controller.snapper.on
        words = (
            "Marks that you place or drag now go to their edge where it is clear."
            if controller.snapper.on
            else "Marks stay where you put them."
        )
        try:
            save_preferences(replace(load_preferences(), snap=controller.snapper.on))
        except OSError as error:
            words += f" This could not be remembered for the next time: {error.strerror}."
        self.refresh(controller)
        controller.say(words)

    def recolor(self, colors: Colors) -> None:
        """Take the colours of another theme."""
        self.colors = self.profile.colors = colors
        self.update()

    def refresh(self, controller: ReadingController) -> None:
        """Show the switch, and the profile of the selected mark."""
        self.switch.setChecked(controller.snapper.on)
        mark = controller.selected
        clicked = controller.snapper.clicked(mark) if mark is not None else None
        self.snap.setEnabled(mark is not None and clicked is None)
        self.back.setEnabled(clicked is not None)
        seen = controller.snapper.seen(mark) if mark is not None and clicked is not None else None
        if mark is None or seen is None:
            self._show_none(reserved=controller.snapper.on)
            return
        self.words.setText(f"{step_of(mark).title}: moved {moved_words(seen)}")
        self.profile.show_seen(seen)
        self.words.show()
        self.profile.show()

    def _show_none(self, *, reserved: bool = False) -> None:
        """Keep the room while the switch is on, so that nothing jumps with every click."""
        self.words.setText("The profile of the selected mark appears here once it is snapped.")
        self.words.setVisible(reserved)
        self.profile.setVisible(reserved)
        self.profile.show_seen(None)
