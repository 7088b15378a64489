"""The forms: companion findings of both sides, and how the patient lay."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from ifspace.findings import ACQUISITION, FINDINGS, UNKNOWN, Choice
from ifspace.model import Side
from ifspace.reading.controller import ReadingController

_SIDES = (Side.RIGHT, Side.LEFT)
_NOT_SAID = "—"


class FindingsForm(QWidget):
    """One row per fact; leaving a choice out is always possible."""

    def __init__(self) -> None:
        """Build the rows from the library's catalogue."""
        super().__init__()
        self.controller: ReadingController | None = None
        self._findings: dict[tuple[Side, str], QComboBox] = {}
        self._facts: dict[str, QComboBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 4, 4, 4)
        grid.addWidget(QLabel("<b>Position</b>"), 0, 0, 1, 3)
        row = 1
        for fact, choice in ACQUISITION.items():
            box = _combo(choice, f"ifspace_{fact}")
            box.currentIndexChanged.connect(lambda _row, name=fact: self._fact_chosen(name))
            self._facts[fact] = box
            grid.addWidget(_label(choice.label), row, 0)
            grid.addWidget(box, row, 1, 1, 2)
            row += 1
        grid.addWidget(QLabel("<b>Findings</b>"), row, 0)
        for column, side in enumerate(_SIDES, start=1):
            grid.addWidget(QLabel(f"<b>{side.value.capitalize()}</b>"), row, column)
            grid.setColumnStretch(column, 1)
        row += 1
        for finding, choice in FINDINGS.items():
            grid.addWidget(_label(choice.label), row, 0)
            for column, side in enumerate(_SIDES, start=1):
                box = _combo(choice, f"ifspace_{finding}_{side.value}")
                box.currentIndexChanged.connect(
                    lambda _row, where=side, name=finding: self._finding_chosen(where, name)
                )
                self._findings[side, finding] = box
                grid.addWidget(box, row, column)
            row += 1
        grid.setRowStretch(row, 1)

    def refresh(self, controller: ReadingController) -> None:
        """Show the choices of a controller."""
        self.controller = controller
        for (side, finding), box in self._findings.items():
            _show(box, controller.session.findings.get(side, {}).get(finding))
        for fact, box in self._facts.items():
            _show(box, controller.session.acquisition.get(fact))

    def _finding_chosen(self, side: Side, finding: str) -> None:
        if self.controller is not None:
            code = self._findings[side, finding].currentData()
            self.controller.notes.note_finding(side, finding, code)

    def _fact_chosen(self, fact: str) -> None:
        if self.controller is not None:
            self.controller.notes.note_acquisition(fact, self._facts[fact].currentData())


def _label(words: str) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    label.setMinimumWidth(120)
    return label


def _combo(choice: Choice, name: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(choice.label)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(9)
    box.addItem(_NOT_SAID, None)
    for code, label in choice.codes.items():
        if code != UNKNOWN:
            box.addItem(label, code)
            box.setItemData(box.count() - 1, label, Qt.ItemDataRole.ToolTipRole)
    return box


def _show(box: QComboBox, code: str | None) -> None:
    box.blockSignals(True)
    index = 0 if code is None else box.findData(code)
    box.setCurrentIndex(max(index, 0))
    box.blockSignals(False)
