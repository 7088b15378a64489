"""The dock: what the reader needs beside the image. Hands every command to the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ifspace.errors import EvidenceError, SessionError
from ifspace.model import Flag, Kind, Series, Session, Side, StudyResult
from ifspace.notice import NOTICE
from ifspace.quality import check
from ifspace.reading.controller import ReadingController
from ifspace.reading.steps import Step
from ifspace.reading.study import OpenStudy
from ifspace.report.texts import load_texts
from ifspace.workflow import assess
from napari_ifspace import dialogs, dock_frame, threads
from napari_ifspace.assessment_panel import AssessmentPanel
from napari_ifspace.attention import Attention
from napari_ifspace.commands import Commands
from napari_ifspace.findings_form import FindingsForm
from napari_ifspace.header import Header
from napari_ifspace.opening import Opening
from napari_ifspace.report_tab import ReportTab
from napari_ifspace.second_series_row import SecondSeriesRow
from napari_ifspace.session_files import SessionFiles
from napari_ifspace.slice_strip import SliceStrip
from napari_ifspace.snap_panel import SnapPanel
from napari_ifspace.step_list import StepList
from napari_ifspace.theme import colors_of
from napari_ifspace.viewer_layers import ViewerLayers

DOCK_NAME = "IFSpace"
MINIMUM_WIDTH_PX = 460
# The disk is asked to write at most this long after an edit.
SYNC_MS = 500
# What becomes of a mark that looks like a slip.
KEEP_MARK, TAKE_BACK = "Keep it so, and log that", "Take it back"

_DOCKS: WeakKeyDictionary[Any, IFSpaceDock] = WeakKeyDictionary()


class IFSpaceDock(QWidget):
    """Guided list, assessment, findings, reports; one per viewer."""

    strip: SliceStrip
    commands: Commands

    def __init__(self, napari_viewer: Any) -> None:
        """Build the dock; a second one in the same window only points at the first."""
        super().__init__()
        self.setMinimumWidth(MINIMUM_WIDTH_PX)
        self.setObjectName("ifspace_dock")
        self.viewer = napari_viewer
        self.twin = _DOCKS.get(napari_viewer)
        if self.twin is not None:
            words = QLabel("IFSpace is already open in this window; this second dock does nothing.")
            words.setWordWrap(True)
            QVBoxLayout(self).addWidget(words)
            if self.twin.come_back():
                # Not before napari has put it into the window.
                QTimer.singleShot(0, lambda: dock_frame.make_way(self, napari_viewer))
            return
        _DOCKS[napari_viewer] = self
        self.ask: dialogs.Ask = dialogs.ask
        self.controller: ReadingController | None = None
        self.viewer_layers: ViewerLayers | None = None
        self.study: OpenStudy | None = None
        self.result: StudyResult | None = None
        self._showing_preview = False
        self._image_flags: tuple[Flag, ...] = ()
        self.colors = colors_of(napari_viewer.theme)
        self._build()
        self._live = self._timer(0, self._follow)
        self._sync = self._timer(SYNC_MS, self._sync_journal)
        napari_viewer.events.theme.connect(self._retheme)
        self._window = dock_frame.furnish(napari_viewer, self.strip)
        if self._window is not None:
            self._window.installEventFilter(self)
        self.refresh()

    # ---------------------------------------------------------------------------------- building

    def _build(self) -> None:
        self.opening = Opening(self, self)
        self.attention = Attention(self, lambda words: self.say(words, warning=True))
        self.session_files = SessionFiles(self, self, self._jump)
        self.may_leave = self.session_files.may_leave
        self.header = Header(self.colors)
        self.message, self.reader = self.header.message, self.header.reader
        self.header.open_button.setMenu(self.opening.menu)
        self.header.series_chosen.connect(self.opening.choose_series)
        self.header.reader_given.connect(self._reader_given)
        texts = load_texts()
        self.step_list = StepList(self.colors, lambda name: self.commands.act(name))
        self.snap_panel = SnapPanel(self.colors, lambda name: self.commands.act(name))
        self.second_row = SecondSeriesRow(self, lambda: self.commands.keys["second"])
        self.assessment = AssessmentPanel(self.colors, texts)
        for panel in (self.step_list, self.assessment.card):
            panel.looked_for.connect(self._look_closely)
        self.findings = FindingsForm()
        self.reports = ReportTab(self, self.session_files.load, self.session_files.ask_and_save)
        self.strip = SliceStrip(self.colors)
        self.strip.jumped.connect(self._jump)
        self._lay_out()
        self.commands = Commands(
            self,
            self,
            self.attention,
            {
                "snap_switch": self._toggle_snapping,
                "second": self.second_row.toggle,
                "sign": self.reports.sign,
                "save": self.session_files.ask_and_save,
                "export": self.reports.export,
                "copy": self.reports.copy_text,
                "copy_short": lambda: self.reports.copy_text(short=True),
            },
        )

    def _lay_out(self) -> None:
        measure = QWidget()
        column = QVBoxLayout(measure)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.step_list)
        column.addWidget(self.snap_panel)
        column.addWidget(self.assessment)
        column.addStretch(1)
        self.tabs = QTabWidget()
        for widget, name in (
            (measure, "Measure"),
            (self.findings, "Findings"),
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
        whole.addWidget(self.header)
        whole.addWidget(self.second_row)
        whole.addWidget(self.assessment.card)
        whole.addWidget(self.tabs, 1)
        whole.addWidget(notice)

    def _timer(self, interval_ms: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(call)
        return timer

    # ----------------------------------------------------------------------------------- opening

    def open_path(self, path: Path) -> None:
        """Open a study without freezing the window."""
        self.opening.open_path(path)

    def take(
        self, study: OpenStudy, controller: ReadingController, viewer_layers: ViewerLayers
    ) -> None:
        """Work on another study from now on."""
        self.study, self.controller, self.viewer_layers = study, controller, viewer_layers
        self._image_flags = check(study.volume)
        controller.changed.connect(self.refresh)
        controller.pointed.connect(self._pointed)
        controller.said.connect(self._said)
        controller.settled.connect(self._settled)
        controller.slice_wanted.connect(self._jump)
        controller.overrule = self._overrule
        controller.active_step.unattended = self.attention.unattended
        controller.proposer.run, controller.proposer.answers.flags = self.run, self._image_flags
        controller.proposer.proposed.connect(self._jump)
        viewer_layers.lost.connect(self._lost)
        viewer_layers.turned.connect(self._turned)
        self.header.show_study(study)
        dock_frame.show_sliders(self.viewer, shown=False)
        self.second_row.show_study(study, viewer_layers.second)
        self.snap_panel.begin(controller)

    # ---------------------------------------------------------------------------------- refreshing

    def refresh(self) -> None:
        """Show the reading in every part of the window."""
        controller = self.controller
        for widget in (self.step_list, self.findings, self.snap_panel):
            widget.setEnabled(controller is not None)
        if controller is None:
            self.reports.refresh()
            self.assessment.refresh(None)
            return
        self.result, problem = self._assess(controller.session)
        self.reports.refresh()
        self.step_list.refresh(controller)
        self.snap_panel.refresh(controller)
        self.findings.refresh(controller)
        proposer = controller.proposer
        self.assessment.refresh(self.result, problem, proposer.found)
        if self.viewer_layers is not None:
            self.viewer_layers.draw(self.result)
            self.viewer_layers.show_outlines()
            self.strip.show_reading(
                controller.volume,
                controller.session,
                self.result,
                self.viewer_layers.slice_index,
                found=proposer.found,
                level_hint=proposer.level_hint,
            )
            self.viewer_layers.letters.write_identity()
        self.header.show_reader(controller.session.reader)
        self._sync.start()
        proposer.catch_up()

    def _assess(self, session: Session) -> tuple[StudyResult | None, str | None]:
        if self.controller is None:
            return None, None
        try:
            # What was found from the seeds is handed in: a search would take seconds.
            counted, found = self.controller.proposer.measured(session)
            flags = self._image_flags
            return assess(self.controller.volume, counted, image_flags=flags, found=found), None
        except (SessionError, EvidenceError) as error:
            return None, str(error)

    def _pointed(self) -> None:
        if not self._live.isActive():
            self._live.start()

    def _follow(self) -> None:
        """Let distances, table and ruler follow the mouse."""
        controller, viewer_layers = self.controller, self.viewer_layers
        if controller is None or viewer_layers is None:
            return
        if controller.cursor.preview is None:
            if self._showing_preview or controller.cursor.cross:
                self._showing_preview = controller.cursor.cross
                viewer_layers.draw(self.result)
                self.assessment.show_values(self.result)
            return
        self._showing_preview = True
        result, _ = self._assess(controller.cursor.shown)
        viewer_layers.draw(result)
        self.assessment.show_values(result)

    def _turned(self) -> None:
        if self.viewer_layers is not None and self.controller is not None:
            self.strip.show_slice(self.viewer_layers.slice_index)
            self.second_row.refresh()
            self.controller.cursor.carry(self.viewer_layers.slice_index)

    def show_step(self) -> None:
        """Bring the slice of the selected mark into view."""
        if (
            self.controller is not None
            and self.viewer_layers is not None
            and self.controller.step is not None
        ):
            at = self.controller.slice_of_step(self.controller.step)
            if at is not None:
                self.viewer_layers.show_slice(at)

    def _look_closely(self, what: Step | Kind, side: Side | None) -> None:
        if self.viewer_layers is not None and self.result is not None:
            self.viewer_layers.look_closely(what, side, self.result)

    def _jump(self, slice_index: int) -> None:
        if self.viewer_layers is not None:
            self.viewer_layers.show_slice(slice_index)

    def _lost(self, name: str) -> None:
        self.say(f"The layer “{name}” was deleted; it is put back, no mark is lost.", warning=True)
        if self.viewer_layers is not None:
            QTimer.singleShot(0, self.viewer_layers.repair)

    def _retheme(self) -> None:
        self.colors = colors_of(self.viewer.theme)
        for widget in (
            self.step_list,
            self.step_list.drawing,
            self.assessment,
            self.assessment.ruler,
            self.strip,
        ):
            widget.colors = self.colors
            widget.update()
        self.header.recolor(self.colors)
        self.snap_panel.recolor(self.colors)
        self.second_row.refresh()
        self.refresh()

    # -------------------------------------------------------------------------------------- words

    def say(self, message: str, *, warning: bool = False) -> None:
        """Show one sentence."""
        self.header.say(message, warning=warning)

    def _said(self, message: str, warning: bool) -> None:
        if warning and self.attention.unattended() is not None:
            self.attention.call(message)
        self.say(message, warning=warning)

    def _overrule(self, question: str) -> bool:
        """Let the reader decide about what looks like a slip."""
        return self.ask(self, "Is this right?", question, (KEEP_MARK, TAKE_BACK)) == KEEP_MARK

    def _settled(self, refusal: str, words: str) -> None:
        if self.header.words == refusal:
            self.say(words)

    @property
    def message_shown(self) -> str:
        """The sentence shown now."""
        return self.header.words

    @property
    def reader_id(self) -> str:
        """Who reads, as typed in."""
        return str(self.reader.text())

    def name_series(self, series: Series) -> None:
        """Show which series is read."""
        self.header.show_series(series)

    def _toggle_snapping(self) -> None:
        if self.controller is not None:
            self.snap_panel.toggle(self.controller)

    def _reader_given(self, reader: str) -> None:
        if self.controller is not None:
            self.controller.notes.set_reader(reader)

    def _sync_journal(self) -> None:
        if self.controller is not None:
            self.controller.journal.sync()
            if self.controller.journal.problem is not None:
                self.say(self.controller.journal.problem, warning=True)

    # ------------------------------------------------------------------------------------- workers

    def run(
        self,
        slow: Callable[[], Any],
        done: Callable[[Any], None],
        *ended: Callable[[], None],
    ) -> Any:
        """Do slow work in a thread; a problem the user can act on comes back as a sentence.

        `done` takes what came of it; `ended`, methods of widgets, are called whatever came of it.
        """
        self.header.work_begins()
        return threads.start(
            slow, done, lambda words: self.say(words, warning=True), self.header.work_ends, *ended
        )

    # ------------------------------------------------------------------------------------- closing

    def clear(self) -> None:
        """Put the study away; what is unsaved stays in the log."""
        if self.viewer_layers is not None:
            self.viewer_layers.close()
        if self.controller is not None:
            self.controller.proposer.close()
            if self.controller.unsaved:
                self.controller.journal.sync()
                self.controller.journal.release()
            else:
                self.controller.journal.close("saved")
            dock_frame.show_sliders(self.viewer, shown=True)
        self.viewer_layers = self.controller = self.result = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Ask before the window closes with unsaved work."""
        if event.type() == QEvent.Type.Close and watched is self._window:
            if not self.may_leave():
                event.ignore()
                return True
            self.opening.forget()
            self.clear()
        return bool(super().eventFilter(watched, event))

    def come_back(self) -> bool:
        """Show the dock again, with its reading, where it was closed or hidden; tells if it was."""
        return dock_frame.come_back(self, self.viewer, DOCK_NAME)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Take the keys while the dock is open."""
        if self.twin is None:
            self.commands.enable(on=True)
            self.attention.warned_closed = False
        super().showEvent(event)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Give the keys back."""
        if self.twin is None:
            self.commands.enable(on=False)
            if self.controller is not None:
                self.controller.cursor.point(None)
        super().hideEvent(event)


def dock_of(viewer: Any) -> IFSpaceDock | None:
    """Find the dock of a viewer."""
    return _DOCKS.get(viewer)
