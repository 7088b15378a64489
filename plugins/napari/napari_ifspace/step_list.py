"""The guided list: eight steps with their state, and what the active one means."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ifspace.reading.controller import ReadingController
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import KIND_LABELS, STEPS, Step, step_of
from napari_ifspace.theme import Colors, StepDrawing, state_icon


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
        buttons = QGridLayout()
        for number, (action, label, tip) in enumerate(
            (
                ("skip", "Skip", "Leave the mark of this step out"),
                ("remove", "Remove", "Remove the selected mark, or reject a proposal"),
                ("propose", "Propose", "Ask the program for proposals; you decide about each"),
                ("undo", "Undo", "Take the last edit back"),
                ("redo", "Redo", "Repeat the edit taken back"),
                ("confirm", "Confirm", "Confirm the selected mark, or accept a proposal"),
                ("confirm_all", "Confirm all", "Confirm every mark of this reading"),
                ("unconfirm", "Unconfirm", "Take the confirmation of the selected mark back"),
                ("move", "Move", "Move the selected mark with the next click"),
                ("zoom", "Zoom", "Zoom to the side of this step, or back"),
                ("card", "Keys…", "Show the key card"),
            )
        ):
            button = QPushButton(label)
            button.setObjectName(f"ifspace_{action}")
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _checked=False, name=action: act(name))
            buttons.addWidget(button, number // 6, number % 6)
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
