"""The key card: what each key does, and a place to change it."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_ifspace.shortcuts import ACTIONS, clashes, default_keys


class ShortcutList(QDialog):
    """A list of actions with an editable key each; changes hold once they clash with nothing."""

    accepted_keys = Signal(dict)

    def __init__(
        self, keys: Mapping[str, str], taken: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        """Show the keys in use; `taken` are the window's own menu keys."""
        super().__init__(parent)
        self.setWindowTitle("IFSpace keys")
        self.setModal(False)
        self._taken = dict(taken)
        self._edits: dict[str, QKeySequenceEdit] = {}
        self.table = QTableWidget(len(ACTIONS), 2)
        self.table.setHorizontalHeaderLabels(["What it does", "Key"])
        self.table.verticalHeader().setVisible(False)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, action in enumerate(ACTIONS):
            item = QTableWidgetItem(action.label)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(row, 0, item)
            edit = QKeySequenceEdit(QKeySequence(keys[action.id]))
            edit.keySequenceChanged.connect(self._check)
            self._edits[action.id] = edit
            self.table.setCellWidget(row, 1, edit)
        self.table.setColumnWidth(1, 150)
        self.mouse = QLabel(
            "<b>Mouse:</b> click places a mark · drag a mark moves it · wheel changes the slice · "
            "Ctrl or Shift + wheel zooms · drag beside a mark pans, so does the middle button · "
            "right drag changes the grey levels"
        )
        self.mouse.setWordWrap(True)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save
            | QDialogButtonBox.StandardButton.RestoreDefaults
            | QDialogButtonBox.StandardButton.Close
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Save).clicked.connect(self._save)
        restore = self.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        restore.clicked.connect(self._restore)
        self.buttons.rejected.connect(self.hide)
        column = QVBoxLayout(self)
        for widget in (self.mouse, self.table, self.problem, self.buttons):
            column.addWidget(widget)
        self.resize(520, 640)
        self._check()

    def keys(self) -> dict[str, str]:
        """Give the keys as they stand in the card."""
        portable = QKeySequence.SequenceFormat.PortableText
        return {name: edit.keySequence().toString(portable) for name, edit in self._edits.items()}

    def set_key(self, action_id: str, key: str) -> None:
        """Put another key into the card."""
        self._edits[action_id].setKeySequence(QKeySequence(key))

    def _check(self) -> None:
        problems = clashes(self.keys(), self._taken)
        self.problem.setText("\n".join(f"▲ {line}" for line in problems))
        self.buttons.button(QDialogButtonBox.StandardButton.Save).setEnabled(not problems)

    def _restore(self) -> None:
        for name, key in default_keys().items():
            self.set_key(name, key)

    def _save(self) -> None:
        self.accepted_keys.emit(self.keys())
        self.hide()
