"""The dock: everything the reader needs beside the image. Shows, and hands commands to the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from napari.qt.threading import create_worker
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ifspace.errors import EvidenceError, IfspaceError, SessionError
from ifspace.io.session import read_session, write_session
from ifspace.model import Flag, Session, StudyResult
from ifspace.notice import NOTICE
from ifspace.quality import check
from ifspace.report.texts import load_texts
from ifspace.workflow import assess, check_belongs
from napari_ifspace import asking
from napari_ifspace.commands import Commands
from napari_ifspace.contributions import PLACEHOLDER
from napari_ifspace.desk import Desk
from napari_ifspace.forms import Forms
from napari_ifspace.guide import Guide
from napari_ifspace.journal import retire, unfinished
from napari_ifspace.judgement import Judgement
from napari_ifspace.paint import colors_of
from napari_ifspace.reports import Reports
from napari_ifspace.scene import Scene
from napari_ifspace.strip import Strip
from napari_ifspace.study import OpenStudy, describe, open_path

MINIMUM_WIDTH_PX = 460
# The disk is asked to write at most this long after an edit.
SYNC_MS = 500
FURNISH_MS = 60

_DOCKS: WeakKeyDictionary[Any, IFSpaceDock] = WeakKeyDictionary()


class IFSpaceDock(QWidget):
    """Guided list, judgement, findings, reports; one per viewer."""

    def __init__(self, napari_viewer: Any) -> None:
        """Build the dock; a second one in the same window only points at the first."""
        super().__init__()
        self.setMinimumWidth(MINIMUM_WIDTH_PX)
        self.setObjectName("ifspace_dock")
        self.viewer = napari_viewer
        self.twin = _DOCKS.get(napari_viewer)
        if self.twin is not None:
            QVBoxLayout(self).addWidget(
                QLabel("IFSpace is already open in this window; this second dock does nothing.")
            )
            return
        _DOCKS[napari_viewer] = self
        self.ask = asking.ask
        self.desk: Desk | None = None
        self.scene: Scene | None = None
        self.study: OpenStudy | None = None
        self.result: StudyResult | None = None
        self._worker: Any = None
        self.colors = colors_of(napari_viewer.theme)
        self._build()
        self.commands = Commands(self)
        self._live = self._timer(0, self._follow)
        self._sync = self._timer(SYNC_MS, self._sync_journal)
        napari_viewer.events.theme.connect(self._retheme)
        window = self._main_window()
        if window is not None:
            window.installEventFilter(self)
            # The strip lies under the image only; the dock needs the height.
            corner, area = Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea
            window.setCorner(corner, area)
            napari_viewer.window.add_dock_widget(self.strip, name="Slices", area="bottom")
        self._refresh()

    # ---------------------------------------------------------------------------------- building

    def _build(self) -> None:
        self.title = QLabel("No study is open.")
        self.title.setWordWrap(True)
        self.open_button = QPushButton("Open…")
        self.open_button.clicked.connect(self.choose_path)
        self.series_box = QComboBox()
        self.series_box.setObjectName("ifspace_series")
        self.series_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.series_box.activated.connect(self._series_chosen)
        self.reader = QLineEdit()
        self.reader.setObjectName("ifspace_reader")
        self.reader.setPlaceholderText("Reader ID")
        self.reader.setMaximumWidth(110)
        self.reader.editingFinished.connect(self._reader_given)
        self.message = QLabel()
        self.message.setObjectName("ifspace_message")
        self.message.setWordWrap(True)
        self.message.setMinimumHeight(self.message.fontMetrics().height() * 2 + 4)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.hide()
        texts = load_texts()
        self.guide = Guide(self.colors, lambda name: self.commands.act(name))
        self.judgement = Judgement(self.colors, texts)
        self.forms = Forms()
        self.reports = Reports(self)
        self.strip = Strip(self.colors)
        self.strip.jumped.connect(self._jump)
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.open_button)
        head.addWidget(self.series_box, 1)
        head.addWidget(self.reader)
        measure = QWidget()
        column = QVBoxLayout(measure)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.guide)
        column.addWidget(self.judgement)
        column.addStretch(1)
        self.tabs = QTabWidget()
        for widget, name in (
            (measure, "Measure"),
            (self.forms, "Findings"),
            (self.reports, "Report"),
        ):
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            area.setWidget(widget)
            self.tabs.addTab(area, name)
        notice = QLabel(f"<small>{NOTICE}</small>")
        notice.setWordWrap(True)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 6, 6)
        whole.addWidget(self.title)
        whole.addLayout(head)
        whole.addWidget(self.message)
        whole.addWidget(self.busy)
        whole.addWidget(self.tabs, 1)
        whole.addWidget(notice)

    def _timer(self, interval_ms: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(call)
        return timer

    def _main_window(self) -> Any:
        window = getattr(self.viewer, "window", None)
        return getattr(window, "_qt_window", None)

    # ----------------------------------------------------------------------------------- opening

    def choose_path(self) -> None:
        """Ask for a folder and open it."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder with the study")
        if chosen:
            self.open_path(Path(chosen))

    def open_path(self, path: Path, series: Any = None) -> None:
        """Open a study without freezing the window."""
        if not self._may_leave():
            return
        self.say(f"Opening {path.name} …")
        self.run(lambda: open_path(path, series), self.show_study)

    def show_study(self, study: OpenStudy, session: Session | None = None) -> None:
        """Put a loaded study on the desk in place of the one before."""
        self._clear()
        for layer in [item for item in self.viewer.layers if PLACEHOLDER in item.metadata]:
            self.viewer.layers.remove(layer)
        self.study = study
        self._image_flags = check(study.volume)
        recovered = self._recovered(study) if session is None else None
        self.desk = Desk(study.volume, reader=self.reader.text() or None, recovered=recovered)
        self.desk.changed.connect(self._refresh)
        self.desk.pointed.connect(self._pointed)
        self.desk.said.connect(self._said)
        self.desk.seeded.connect(self.reports.propose_now)
        if session is not None:
            self.desk.load(session)
            self.desk.saved()
        self.scene = Scene(self.viewer, self.desk, furnished=False)
        self.scene.lost.connect(self._lost)
        self.scene.turned.connect(self._turned)
        self._fill_series(study)
        self.viewer.reset_view()
        self.scene.show_slice(self._first_slice())
        # The image comes first; what is drawn on it follows when it is on the screen.
        QTimer.singleShot(FURNISH_MS, self.scene.furnish)
        self._refresh()
        self.say(study.warning or self.guide_sentence(), warning=study.warning is not None)

    def guide_sentence(self) -> str:
        """Say what to do next."""
        if self.desk is None or self.desk.step is None:
            return "All steps are done: check, confirm, sign and export."
        return f"Click the {self.desk.step.title.lower()}; the wheel changes the slice."

    def _recovered(self, study: OpenStudy) -> Any:
        found = unfinished(study.volume.series)
        if found is None:
            return None
        count = len(found.history.state.session.marks)
        answer = self.ask(
            self,
            "Unfinished reading",
            f"A reading of this series with {count} mark(s) was not closed properly. "
            f"Its last edit was at {found.last_edit_at[:19].replace('T', ' ')} UTC.",
            ("Recover", "Start afresh"),
        )
        if answer == "Recover":
            return found
        retire(found, "started afresh")
        return None

    def _first_slice(self) -> int:
        """Begin where marks are, else in the middle of the lesser trochanter level."""
        if self.desk is None:
            return 0
        for step in [self.desk.step] if self.desk.step else []:
            at = self.desk.slice_of_step(step)
            if at is not None:
                return at
        marks = self.desk.session.marks
        if marks:
            return self.desk.volume.nearest_slice(marks[0].position_lps_mm)[0]
        return len(self.desk.volume.slices) // 2

    def _fill_series(self, study: OpenStudy) -> None:
        self.series_box.clear()
        for item in study.inventory.ranked:
            prefix = "" if item.suitable else "▲ "
            self.series_box.addItem(prefix + describe(item.series), item.series)
            self.series_box.setItemData(
                self.series_box.count() - 1, "; ".join(item.reasons), Qt.ItemDataRole.ToolTipRole
            )
            if item.series == study.volume.series:
                self.series_box.setCurrentIndex(self.series_box.count() - 1)
        self.title.hide()

    def _series_chosen(self, row: int) -> None:
        series = self.series_box.itemData(row)
        if self.study is not None and series != self.study.volume.series:
            self.open_path(self.study.path, series)

    # ---------------------------------------------------------------------------------- refreshing

    def _refresh(self) -> None:
        desk = self.desk
        for widget in (self.guide, self.forms):
            widget.setEnabled(desk is not None)
        self.reports.refresh()
        if desk is None:
            self.judgement.refresh(None)
            return
        self.result, problem = self._judge(desk.session)
        self.guide.refresh(desk)
        self.forms.refresh(desk)
        self.judgement.refresh(self.result, problem)
        if self.scene is not None:
            self.scene.draw(self.result)
            self.strip.show_reading(desk.volume, desk.session, self.result, self.scene.slice_index)
        if not self.reader.hasFocus():
            self.reader.setText(desk.session.reader or "")
        self._sync.start()

    def _judge(self, session: Session) -> tuple[StudyResult | None, str | None]:
        if self.desk is None:
            return None, None
        try:
            # Seeds start a search of seconds; here only marks count, which is what is shown.
            counted = replace(session, seeds=())
            return assess(self.desk.volume, counted, image_flags=self._image_flags), None
        except (SessionError, EvidenceError) as error:
            return None, str(error)

    def _pointed(self) -> None:
        if not self._live.isActive():
            self._live.start()

    def _follow(self) -> None:
        """Let distances, table and ruler follow the mouse."""
        desk, scene = self.desk, self.scene
        if desk is None or scene is None:
            return
        if desk.preview is None:
            if self._showing_preview or desk.cross:
                self._showing_preview = desk.cross
                scene.draw(self.result)
                self.judgement.show_values(self.result)
            return
        self._showing_preview = True
        result, _ = self._judge(desk.shown)
        scene.draw(result)
        self.judgement.show_values(result)

    _showing_preview = False
    _last_words = ("", False)
    _image_flags: tuple[Flag, ...] = ()

    def _turned(self) -> None:
        if self.scene is not None and self.desk is not None:
            self.strip.show_slice(self.scene.slice_index)
            self.desk.carry(self.scene.slice_index)

    def show_step(self) -> None:
        """Bring the slice of the mark in hand into view."""
        if self.desk is not None and self.scene is not None and self.desk.step is not None:
            at = self.desk.slice_of_step(self.desk.step)
            if at is not None:
                self.scene.show_slice(at)

    def _jump(self, slice_index: int) -> None:
        if self.scene is not None:
            self.scene.show_slice(slice_index)

    def _lost(self, name: str) -> None:
        self.say(f"The layer “{name}” was deleted; it is put back, no mark is lost.", warning=True)
        if self.scene is not None:
            QTimer.singleShot(0, self.scene.repair)

    def _retheme(self) -> None:
        self.colors = colors_of(self.viewer.theme)
        for widget in (
            self.guide,
            self.guide.drawing,
            self.judgement,
            self.judgement.ruler,
            self.strip,
        ):
            widget.colors = self.colors
            widget.update()
        message, warning = self._last_words
        self.say(message, warning=warning)
        self._refresh()

    # -------------------------------------------------------------------------------------- words

    def say(self, message: str, *, warning: bool = False) -> None:
        """Show one sentence."""
        self._last_words = (message, warning)
        color = self.colors.warning.name() if warning else self.colors.text.name()
        sign = "▲ " if warning else ""
        escaped = message.replace("&", "&amp;").replace("<", "&lt;")
        self.message.setText(f"<span style='color:{color}'>{sign}{escaped}</span>")
        self.message.setToolTip(message)

    def _said(self, message: str, warning: bool) -> None:
        self.say(message, warning=warning)

    def _reader_given(self) -> None:
        if self.desk is not None:
            self.desk.set_reader(self.reader.text())
        self.reader.clearFocus()

    # ------------------------------------------------------------------------------------ sessions

    def load_session(self, path: Path) -> None:
        """Take the marks of a session file, if it belongs to this series."""
        if self.desk is None:
            return
        try:
            session = read_session(path)
            check_belongs(session, self.desk.volume.series)
        except IfspaceError as error:
            self.say(str(error), warning=True)
            return
        self.desk.load(session)
        self._jump(self._first_slice())
        self.say(f"{len(session.marks)} mark(s) taken from {path.name}.")

    def save_session(self, path: Path) -> bool:
        """Write the reading being made into a session file."""
        if self.desk is None:
            return False
        try:
            write_session(self.desk.session, path)
        except IfspaceError as error:
            self.say(str(error), warning=True)
            return False
        self.desk.saved()
        self.say(f"Session saved as {path.name}.")
        return True

    def ask_and_save(self) -> bool:
        """Ask where to, and save."""
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the session", "session.json", "Session (*.json)"
        )
        return bool(name) and self.save_session(Path(name))

    def _sync_journal(self) -> None:
        if self.desk is not None:
            self.desk.journal.sync()
            if self.desk.journal.problem is not None:
                self.say(self.desk.journal.problem, warning=True)

    # ------------------------------------------------------------------------------------- workers

    def run(self, work: Callable[[], Any], done: Callable[[Any], None]) -> Any:
        """Do slow work in a thread; a problem the user can act on comes back as a sentence."""

        def guarded() -> tuple[Any, str | None]:
            # The problem travels as text: the worker would raise an error that it is handed.
            try:
                return work(), None
            except IfspaceError as error:
                return None, str(error)

        def finish(answer: tuple[Any, str | None]) -> None:
            value, problem = answer
            if problem is not None:
                self.say(problem, warning=True)
            else:
                done(value)

        worker = create_worker(guarded)
        worker.returned.connect(finish)
        worker.errored.connect(
            lambda error: self.say(f"Something unexpected went wrong: {error}", warning=True)
        )
        worker.finished.connect(self.busy.hide)
        self.busy.show()
        self._worker = worker
        worker.start()
        return worker

    # ------------------------------------------------------------------------------------- closing

    def _may_leave(self) -> bool:
        """Ask before a reading with unsaved work goes out of sight."""
        desk = self.desk
        if desk is None or not desk.unsaved or not any(s.marks for s in desk.state.sessions):
            return True
        answer = self.ask(
            self,
            "Unsaved reading",
            "The reading has changes that are in no session file and no report yet. "
            "They are logged and can be recovered when the series is opened again.",
            ("Save session…", "Leave, recover later", "Cancel"),
        )
        if answer == "Save session…":
            return self.ask_and_save()
        return answer == "Leave, recover later"

    def _clear(self) -> None:
        if self.scene is not None:
            self.scene.close()
        if self.desk is not None:
            if self.desk.unsaved:
                self.desk.journal.sync()
                self.desk.journal.release()
            else:
                self.desk.journal.close("saved")
        self.scene = self.desk = self.result = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Ask before the window closes with unsaved work."""
        if event.type() == QEvent.Type.Close and watched is self._main_window():
            if not self._may_leave():
                event.ignore()
                return True
            self._clear()
        return bool(super().eventFilter(watched, event))

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Take the keys while the dock is open."""
        if self.twin is None:
            self.commands.enable(on=True)
        super().showEvent(event)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Give the keys back."""
        if self.twin is None:
            self.commands.enable(on=False)
        super().hideEvent(event)


def dock_of(viewer: Any) -> IFSpaceDock | None:
    """Find the dock of a viewer."""
    return _DOCKS.get(viewer)
