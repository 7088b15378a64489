"""The Report tab: level range, signature, second reading, session files and export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ifspace.errors import IfspaceError
from ifspace.model import MarkState, Side
from ifspace.reading.blinding import TOGETHER
from ifspace.reading.outputs import (
    FORMAT_LABELS,
    differences,
    findings_text,
    formats_for,
    points_apart,
    short_text,
    signed_words,
    write_outputs,
)
from ifspace.workflow import assess
from napari_ifspace.panel_host import PanelHost
from napari_ifspace.send_row import SendRow


class ReportTab(QWidget):
    """Everything that happens once the marks are set."""

    def __init__(
        self, host: PanelHost, load: Callable[[Path], None], save: Callable[[], object]
    ) -> None:
        """Build the groups in the order of the work; `load` and `save` handle session files."""
        super().__init__()
        self.host = host
        self._load_session, self._save_session = load, save
        self.last_files: tuple[Path, ...] = ()
        # Where the folder of the next reports is looked for: beside that of the last ones.
        self._last_place: Path | None = None
        column = QVBoxLayout(self)
        column.addWidget(self._build_range())
        column.addWidget(self._build_signature())
        column.addWidget(self._build_second())
        column.addWidget(self._build_export())
        column.addWidget(self._build_session())
        column.addStretch(1)

    # ---------------------------------------------------------------------------------- building

    def _build_range(self) -> QGroupBox:
        group = QGroupBox("Slices that show the lesser trochanter")
        grid = QGridLayout(group)
        self.range_labels: dict[Side, QLabel] = {}
        for row, side in enumerate((Side.RIGHT, Side.LEFT)):
            label = QLabel()
            self.range_labels[side] = label
            grid.addWidget(QLabel(f"<b>{side.value.capitalize()}</b>"), row, 0)
            grid.addWidget(label, row, 1)
            for column, (first, words) in enumerate(((True, "First here"), (False, "Last here"))):
                button = QPushButton(words)
                button.setObjectName(f"ifspace_range_{side.value}_{'first' if first else 'last'}")
                button.clicked.connect(
                    lambda _checked=False, where=side, is_first=first: self._set_range(
                        where, first=is_first
                    )
                )
                grid.addWidget(button, row, 2 + column)
        grid.setColumnStretch(1, 1)
        return group

    def _build_signature(self) -> QGroupBox:
        group = QGroupBox("Signature")
        row = QHBoxLayout(group)
        self.signature = QLabel()
        self.signature.setWordWrap(True)
        self.sign_button = QPushButton("Sign")
        self.sign_button.setObjectName("ifspace_sign")
        self.sign_button.clicked.connect(self.sign)
        row.addWidget(self.signature, 1)
        row.addWidget(self.sign_button)
        return group

    def _build_second(self) -> QGroupBox:
        group = QGroupBox("Second reading")
        column = QVBoxLayout(group)
        row = QHBoxLayout()
        self.second_reader = QLineEdit()
        self.second_reader.setObjectName("ifspace_second_reader")
        self.second_reader.setPlaceholderText("ID of the second reader")
        self.second_button = QPushButton("Begin")
        self.second_button.setObjectName("ifspace_second_begin")
        self.second_button.clicked.connect(self.begin_second)
        self.abandon_button = QPushButton("Abandon…")
        self.abandon_button.setObjectName("ifspace_second_abandon")
        self.abandon_button.setToolTip("Give the unfinished second reading up; the log keeps it")
        self.abandon_button.clicked.connect(self.abandon_second)
        self.readings = QComboBox()
        self.readings.setObjectName("ifspace_readings")
        self.readings.activated.connect(self._reading_chosen)
        row.addWidget(self.second_reader, 1)
        row.addWidget(self.second_button)
        row.addWidget(self.abandon_button)
        column.addLayout(row)
        column.addWidget(self.readings)
        self.comparison = QLabel()
        self.comparison.setObjectName("ifspace_comparison")
        self.comparison.setWordWrap(True)
        column.addWidget(self.comparison)
        return group

    def _build_export(self) -> QGroupBox:
        group = QGroupBox("Reports")
        column = QVBoxLayout(group)
        grid = QGridLayout()
        self.format_boxes: dict[str, QCheckBox] = {}
        for number, (name, words) in enumerate(FORMAT_LABELS.items()):
            box = QCheckBox(words)
            box.setChecked(True)
            self.format_boxes[name] = box
            grid.addWidget(box, number // 2, number % 2)
        column.addLayout(grid)
        row = QHBoxLayout()
        self.folder = QLineEdit()
        self.folder.setObjectName("ifspace_folder")
        self.folder.setPlaceholderText("Folder for the reports")
        browse = QPushButton("Choose…")
        browse.clicked.connect(self._browse)
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        column.addLayout(row)
        row = QHBoxLayout()
        self.export_button = QPushButton("Write reports")
        self.export_button.setObjectName("ifspace_export")
        self.export_button.clicked.connect(self.export)
        self.show_button = QPushButton("Show folder")
        self.show_button.setEnabled(False)
        self.show_button.clicked.connect(self._show_folder)
        copy = QPushButton("Copy text")
        copy.setToolTip("Copy the findings paragraph, for a dictation system")
        copy.clicked.connect(lambda: self.copy_text())
        short = QPushButton("Copy 2 lines")
        short.setToolTip("Copy the values alone, one line for each side")
        short.clicked.connect(lambda: self.copy_text(short=True))
        for button in (self.export_button, self.show_button, copy, short):
            row.addWidget(button)
        column.addLayout(row)
        self.written = QLabel()
        self.written.setObjectName("ifspace_written")
        self.written.setWordWrap(True)
        column.addWidget(self.written)
        self.send_row = SendRow(self.host)
        column.addWidget(self.send_row)
        return group

    def _build_session(self) -> QGroupBox:
        group = QGroupBox("Session file")
        row = QHBoxLayout(group)
        load = QPushButton("Load marks…")
        load.clicked.connect(self._load)
        save = QPushButton("Save marks…")
        save.clicked.connect(lambda: self._save_session())
        row.addWidget(load)
        row.addWidget(save)
        return group

    # --------------------------------------------------------------------------------- refreshing

    def refresh(self) -> None:
        """Show what the controller holds."""
        controller = self.host.controller
        self.setEnabled(controller is not None)
        if controller is None:
            return
        for side, label in self.range_labels.items():
            label.setText(self._range_words(side))
        signature = controller.session.signature
        waiting = sum(mark.state is not MarkState.CONFIRMED for mark in controller.session.marks)
        if signature is not None:
            final = self.host.result is not None and self.host.result.is_final
            draft = "" if final else "; the report is still a DRAFT."
            self.signature.setText(f"Signed by {signature.reader}, {signature.signed_at}{draft}")
        elif waiting:
            self.signature.setText(f"{waiting} mark(s) not confirmed yet; the report is a DRAFT.")
        else:
            self.signature.setText("Not signed; the report is a DRAFT.")
        self.readings.clear()
        for number, session in enumerate(controller.state.sessions, start=1):
            self.readings.addItem(f"Reading {number}: {session.reader or 'no reader ID'}")
        self.readings.setCurrentIndex(controller.state.active)
        self.readings.setVisible(len(controller.state.sessions) > 1)
        self.abandon_button.setVisible(controller.blind)
        self.comparison.setText(self._comparison())
        if self.host.study is not None:
            possible = formats_for(self.host.study)
            for name, box in self.format_boxes.items():
                box.setEnabled(name in possible)

    def _range_words(self, side: Side) -> str:
        controller = self.host.controller
        ends = controller.notes.level_range(side) if controller is not None else None
        return "not set" if ends is None else f"slices {ends[0] + 1} to {ends[1] + 1}"

    def _comparison(self) -> str:
        controller = self.host.controller
        if controller is None or len(controller.state.sessions) < 2:
            return ""
        latest = controller.state.sessions[-1]
        unconfirmed = any(mark.state is not MarkState.CONFIRMED for mark in latest.marks)
        if controller.blind or not latest.marks or unconfirmed:
            return (
                "The first reading and the difference are shown once every mark of the second "
                "reading is confirmed or skipped."
            )
        try:
            first, second = (
                assess(controller.volume, replace(session, seeds=()))
                for session in (controller.state.sessions[0], latest)
            )
        except IfspaceError as error:
            return str(error)
        rows = [
            f"{row.side.value.capitalize()} {row.kind.value.upper()}: {row.first_mm:.1f} and "
            f"{row.second_mm:.1f} mm, difference {row.difference_mm:+.1f} mm"
            for row in differences(first, second)
        ]
        if not rows:
            return "No space was measured by both readers."
        apart = points_apart(controller.volume, controller.state.sessions[0], latest)
        return "<br>".join((*rows, f"Between the marks: {'; '.join(apart)}."))

    # ------------------------------------------------------------------------------------- doing

    def sign(self) -> None:
        """Sign the reading."""
        if self.host.controller is not None and self.host.controller.notes.sign():
            result = self.host.result
            final = result is not None and result.is_final
            self.host.say(signed_words(result), warning=not final)

    def begin_second(self) -> None:
        """Hide the first reading and begin a second one."""
        controller = self.host.controller
        if controller is not None and controller.readings.begin_second(self.second_reader.text()):
            self.second_reader.clear()
            self.host.say("Second reading: the first reader's marks are hidden until it is done.")

    def abandon_second(self) -> None:
        """Give an unfinished second reading up, after a question."""
        controller = self.host.controller
        if controller is None:
            return
        reader = controller.session.reader or "This reader"
        answer = self.host.ask(
            self,
            "Abandon the second reading",
            f"The marks of this reading leave the window for good; the log keeps them and says who "
            f"abandoned. {reader} cannot begin another reading of this series here.",
            ("Abandon", "Cancel"),
        )
        if answer == "Abandon":
            controller.readings.abandon()

    def export(self) -> None:
        """Write the chosen files without freezing the window."""
        controller, study = self.host.controller, self.host.study
        if controller is None or study is None:
            return
        if controller.blind:
            self.host.say(TOGETHER, warning=True)
            return
        chosen = self.folder.text() or self._ask_folder()
        if not chosen:
            return
        out = Path(chosen).expanduser()
        possible = formats_for(study)
        formats = [
            name for name, box in self.format_boxes.items() if box.isChecked() and name in possible
        ]
        try:
            overwrite = out.is_dir() and any(out.iterdir())
        except OSError as error:
            self.host.say(
                f"The folder cannot be used: {error.strerror}; choose another one.", warning=True
            )
            return
        if overwrite and self._keep_existing(out):
            return
        self.folder.setText(chosen)
        state, found = controller.state, controller.proposer.found
        told = controller.record.to_write
        self.export_button.setEnabled(False)
        self.host.say("Writing the reports …")

        def done(files: Any) -> None:
            self.last_files = tuple(files)
            self._last_place = out.parent
            # Nothing but the session brings every mark and its state back.
            if controller.state is state and "session" in formats:
                controller.saved()
            self.show_button.setEnabled(True)
            names = ", ".join(path.name for path in files)
            self.written.setText(f"Written to {out}:<br>{names}")
            self.send_row.offer(files)
            self.host.say(f"{len(files)} file(s) written to {out.name}.")

        self.host.run(
            lambda: write_outputs(study, told, out, formats, overwrite=overwrite, found=found),
            done,
            self._export_ended,
        )

    def _export_ended(self) -> None:
        self.export_button.setEnabled(True)

    def _keep_existing(self, out: Path) -> bool:
        answer = self.host.ask(
            self,
            "Folder is not empty",
            f"The folder {out} already holds files. Replace earlier reports in it?",
            ("Replace", "Cancel"),
        )
        return answer != "Replace"

    def copy_text(self, *, short: bool = False) -> None:
        """Copy the findings paragraph, or the values alone in two lines."""
        clipboard = QApplication.clipboard()
        if self.host.result is None or clipboard is None:
            self.host.say("There is nothing to copy yet.")
            return
        clipboard.setText((short_text if short else findings_text)(self.host.result))
        self.host.say("The findings text is in the clipboard.")

    def _set_range(self, side: Side, *, first: bool) -> None:
        if self.host.controller is not None and self.host.viewer_layers is not None:
            self.host.controller.notes.set_level_end(
                side, self.host.viewer_layers.slice_index, first=first
            )

    def _reading_chosen(self, row: int) -> None:
        controller = self.host.controller
        if controller is not None and row != controller.state.active:
            controller.readings.show(row)
            self.readings.setCurrentIndex(controller.state.active)

    def _ask_folder(self) -> str:
        return QFileDialog.getExistingDirectory(
            self, "Folder for the reports", str(self._last_place or Path.home())
        )

    def _browse(self) -> None:
        chosen = self._ask_folder()
        if chosen:
            self.folder.setText(chosen)

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self.folder.text()))

    def _load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Session file", "", "Session (*.json)")
        if name:
            self._load_session(Path(name))
