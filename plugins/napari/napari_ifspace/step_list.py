"""The guided list: eight steps with their state, and what the active one means."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ifspace.model import MarkState
from ifspace.reading.controller import ReadingController
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import KIND_LABELS, STEPS, Step, step_of
from napari_ifspace.theme import Colors, StepDrawing, state_icon

# What acts on marks: its words and what they mean. Two at a time are buttons, all are in the menu.
BUTTONS: dict[str, tuple[str, str]] = {
    "propose": ("Propose", "Ask the program for proposals; you decide about each"),
    "skip": ("Skip", "Leave the mark of this step out"),
    "confirm": ("Confirm", "Confirm the selected mark, or accept a proposal"),
    "confirm_all": ("Confirm all", "Confirm every mark of this reading"),
    "unconfirm": ("Unconfirm", "Take the confirmation of the selected mark back"),
    "move": ("Move", "Move the selected mark with the next click"),
    "remove": ("Remove", "Remove the selected mark, or reject a proposal"),
    "undo": ("Undo", "Take the last edit back"),
    "redo": ("Redo", "Repeat the edit taken back"),
    "next_open": ("Next open mark", "Go to the next mark that is missing or not confirmed"),
    "zoom": ("Zoom", "Zoom to the side of this step, or back"),
    "sign": ("Sign", "Sign the reading"),
    "export": ("Write reports", "Write the reports"),
    "card": ("Keys…", "Show the key card"),
}


def wanted_actions(controller: ReadingController) -> tuple[str, str]:
    """Choose the two actions that the step in hand most likely calls for."""
    selected, marks = controller.selected, controller.session.marks
    if selected is not None and selected.state is not MarkState.CONFIRMED:
        # A mark just placed stays selected while the next one is to be placed.
        done = controller.step is None or step_of(selected) == controller.step
        if done or selected.state is MarkState.PROPOSED:
            return ("confirm", "remove" if selected.state is MarkState.PROPOSED else "move")
    if controller.step is not None and all(step_of(mark) != controller.step for mark in marks):
        return ("propose", "skip")
    if any(mark.state is not MarkState.CONFIRMED for mark in marks):
        return ("confirm_all", "next_open")
    if controller.session.signature is None:
        return ("sign", "unconfirm")
    return ("export", "next_open")


class StepList(QWidget):
    """Steps on the left, the drawing on the right, the buttons that act on marks below."""

    # A step or a space whose marks are to be seen closely.
    looked_for = Signal(object, object)

    def __init__(self, colors: Colors, act: Callable[[str], None]) -> None:
        """Build the list; `act` carries out an action by its id."""
        super().__init__()
        self.colors = colors
        self.controller: ReadingController | None = None
        self.list = QListWidget()
        self.list.setObjectName("ifspace_steps")
        self.list.setAccessibleName("Steps")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._chosen)
        self.list.itemDoubleClicked.connect(
            lambda item: self.looked_for.emit(STEPS[self.list.row(item)], None)
        )
        for _ in STEPS:
            self.list.addItem(QListWidgetItem())
        self.drawing = StepDrawing(colors)
        self.heading = QLabel()
        self.heading.setWordWrap(True)
        self.definition = QLabel()
        self.definition.setWordWrap(True)
        self.definition.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.definition.setMinimumHeight(self.definition.fontMetrics().height() * 2 + 4)
        self.levels = QCheckBox("Keep marks on other slices (several levels)")
        self.levels.setToolTip(
            "Off: placing a mark again moves it. On: each slice keeps its own pair, "
            "and the smallest distance becomes the value."
        )
        self.levels.toggled.connect(self._levels_toggled)
        self._build(act)

    def _build(self, act: Callable[[str], None]) -> None:
        beside = QVBoxLayout()
        beside.addWidget(self.heading)
        beside.addWidget(self.drawing, 1)
        top = QHBoxLayout()
        top.addWidget(self.list, 6)
        top.addLayout(beside, 5)
        buttons = QHBoxLayout()
        self.first, self.second = QPushButton(), QPushButton()
        for button in (self.first, self.second):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _checked=False, it=button: act(it.property("action")))
            buttons.addWidget(button, 1)
        # What is wanted now, by mouse and keyboard alike.
        self.first.setDefault(True)
        self.first.setObjectName("ifspace_first")
        self.second.setObjectName("ifspace_second_action")
        more = QPushButton("More")
        more.setObjectName("ifspace_more")
        more.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        menu = QMenu(more)
        menu.setToolTipsVisible(True)
        for name, (label, tip) in BUTTONS.items():
            entry = menu.addAction(label)
            entry.setToolTip(tip)
            entry.triggered.connect(lambda _checked=False, it=name: act(it))
        more.setMenu(menu)
        buttons.addWidget(more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.definition)
        column.addWidget(self.levels)
        column.addLayout(buttons)

    def refresh(self, controller: ReadingController) -> None:
        """Show the steps of a controller."""
        self.controller = controller
        line = self.list.fontMetrics().height() + 6
        for row, step in enumerate(STEPS):
            item = self.list.item(row)
            marks = [mark for mark in controller.session.marks if step_of(mark) == step]
            state = marks[0].state if marks else None
            item.setIcon(state_icon(state, self.colors))
            item.setText(_row_text(controller, step))
            item.setToolTip(f"{KIND_LABELS[step.kind]}. {step.definition}")
            item.setSizeHint(QSize(10, line))
        self.list.setFixedHeight(line * len(STEPS) + 6)
        self.list.setCurrentRow(-1 if controller.step is None else STEPS.index(controller.step))
        self.drawing.show_step(controller.step)
        if controller.step is None:
            self.heading.setText("<b>All steps done</b>")
            self.definition.setText("Check every mark, confirm (Shift+C), then sign and export.")
        else:
            kind = controller.step.kind.value.upper()
            self.heading.setText(f"<b>{controller.step.title}</b> ({kind})")
            self.definition.setText(controller.step.definition)
        for button, name in zip((self.first, self.second), wanted_actions(controller), strict=True):
            label, tip = BUTTONS[name]
            button.setProperty("action", name)
            button.setText(label)
            button.setToolTip(tip)
        self.levels.blockSignals(True)
        self.levels.setChecked(controller.active_step.keep_levels)
        self.levels.blockSignals(False)

    def _chosen(self, item: QListWidgetItem) -> None:
        if self.controller is not None:
            self.controller.active_step.choose(STEPS[self.list.row(item)])

    def _levels_toggled(self, checked: bool) -> None:
        if self.controller is not None:
            self.controller.active_step.keep_levels = checked


def _row_text(controller: ReadingController, step: Step) -> str:
    number = STEPS.index(step) + 1
    marks = [mark for mark in controller.session.marks if step_of(mark) == step]
    title = f"{number}  {step.title}"
    if not marks:
        return f"{title}  (skipped)" if step in controller.active_step.skipped else title
    slices = sorted({slice_of(controller.volume, mark) + 1 for mark in marks})
    words = f"{title}  · {', '.join(map(str, slices))}"
    confidence = marks[0].confidence
    return words if confidence is None else f"{words} · {100 * confidence:.0f} %"
