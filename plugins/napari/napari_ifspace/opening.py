"""Open a study on the controller of a dock: load it, offer what was left behind, show the image."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from ifspace.errors import SessionError
from ifspace.model import Session, Side
from ifspace.reading.controller import ReadingController
from ifspace.reading.journal import Unfinished, retire, unfinished
from ifspace.reading.opening_level import OpeningLevel, opening_level
from ifspace.reading.session_binding import bind
from ifspace.reading.study import OpenStudy, identity_rows, open_path
from napari_ifspace import PLACEHOLDER
from napari_ifspace.panel_host import StudyHost
from napari_ifspace.viewer_layers import ViewerLayers

# The canvas is painted a few milliseconds after it is asked to; the rest begins when that is over.
DRAWING_MS = 60
# Studies offered again. They are forgotten with the program: names of folders may name patients.
RECENT = 8


class Opening:
    """How studies are opened in one host.

    Attributes
    ----------
    seeks_level
        Whether a study that nobody has marked yet opens at the level of the lesser trochanter.
    recent
        The studies opened in this run, the last one first.
    """

    def __init__(self, host: StudyHost, parent: QWidget) -> None:
        """Begin without a study."""
        self.host = host
        self.parent = parent
        self.seeks_level = True
        self.recent: list[Path] = []
        self.menu = QMenu(parent)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._list_ways)
        self._latest: object = None
        self._drawing_timer = QTimer(parent)
        self._drawing_timer.setSingleShot(True)
        self._drawing_timer.setInterval(DRAWING_MS)
        self._drawing_timer.timeout.connect(self._draw_on_image)
        QTimer.singleShot(0, _warm_up)

    def _list_ways(self) -> None:
        """List what can be opened; the studies of this run by their folders' names."""
        self.menu.clear()
        self.menu.addAction("Folder…").triggered.connect(self._choose_folder)
        self.menu.addAction("File or ZIP…").triggered.connect(self._choose_file)
        for path in self.recent:
            action = self.menu.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda _checked=False, place=path: self.open_path(place))

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.parent, "Folder with the study")
        if chosen:
            self.open_path(Path(chosen))

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self.parent, "File of the study", "", "DICOM, ZIP, MHA, NIfTI (*)"
        )
        if chosen:
            self.open_path(Path(chosen))

    def open_path(self, path: Path, series: Any = None) -> None:
        """Open a study without freezing the window."""
        if not self.host.may_leave():
            return
        self.host.say(f"Opening {path.name} …")
        asked = self._latest = object()

        def show(study: OpenStudy) -> None:
            # Of two studies opened one after the other, the one asked for last stays.
            if self._latest is asked:
                self.show_study(study)

        self.host.run(lambda: open_path(path, series), show)

    def forget(self) -> None:
        """Show nothing of what is still being opened: the window closes."""
        self._latest = None

    def show_study(self, study: OpenStudy, session: Session | None = None) -> None:
        """Put a loaded study on the controller in place of the one before."""
        host = self.host
        self.recent = [study.path, *(path for path in self.recent if path != study.path)][:RECENT]
        host.clear()
        for layer in [item for item in host.viewer.layers if PLACEHOLDER in item.metadata]:
            host.viewer.layers.remove(layer)
        recovered = self._recovered(study) if session is None else None
        controller = ReadingController(
            study.volume, reader=host.reader_id or None, recovered=recovered
        )
        if session is not None:
            controller.load(session)
            controller.saved()
        viewer_layers = ViewerLayers(host.viewer, controller, has_drawing=False)
        viewer_layers.letters.identity = identity_rows(study)
        host.take(study, controller, viewer_layers)
        host.viewer.reset_view()
        viewer_layers.show_slice(first_slice(controller))
        host.refresh()
        host.say(study.warning or guide_sentence(controller), warning=study.warning is not None)
        # The image comes first; what is drawn and written on it follows when it is on the screen.
        self._drawing_timer.start()

    def _draw_on_image(self) -> None:
        host = self.host
        if host.viewer_layers is None:
            return
        if not host.viewer_layers.has_letters:
            host.viewer_layers.add_letters()
            self._drawing_timer.start()
            return
        host.viewer_layers.add_drawing()
        if self.seeks_level and host.study is not None and host.study.warning is None:
            self._seek_level()

    def _seek_level(self) -> None:
        """Turn to the level of the lesser trochanter, unless the reader has begun by then."""
        controller, viewer_layers = self.host.controller, self.host.viewer_layers
        if controller is None or viewer_layers is None or _has_begun(controller):
            return
        turned: list[bool] = []
        viewer_layers.turned.connect(lambda: turned.append(True))

        def show(level: OpeningLevel) -> None:
            if self.host.controller is not controller:
                return
            controller.proposer.hint(level.ranges)
            viewer_layers.framing.hips_lps_mm = level.hips_lps_mm
            if level.absent is not None and not _has_begun(controller):
                controller.active_step.leave_out(level.absent)
            if turned or _has_begun(controller):
                if self.host.message_shown == waiting:
                    self.host.say(guide_sentence(controller))
                return
            if level.slice_index is not None:
                viewer_layers.show_slice(level.slice_index)
            self.host.say(f"{level.words} {guide_sentence(controller)}")

        waiting = f"Looking for the level of the lesser trochanter … {guide_sentence(controller)}"
        self.host.say(waiting)
        self.host.run(lambda: opening_level(controller.volume), show)

    def choose_series(self, series: Any) -> None:
        """Open another series of the same study."""
        study = self.host.study
        if study is None:
            return
        # The list names what is on the screen until the other series is there.
        self.host.name_series(study.volume.series)
        if series != study.volume.series:
            self.open_path(study.path, series)

    def _recovered(self, study: OpenStudy) -> Unfinished | None:
        found = unfinished(study.volume)
        if found is None or not _fits(found, study):
            return None
        count = len(found.history.state.session.marks)
        answer = self.host.ask(
            self.parent,
            "Unfinished reading",
            f"A reading of this series with {count} mark(s) was not closed properly. "
            f"Its last edit was at {found.last_edit_at[:19].replace('T', ' ')} UTC.",
            ("Recover", "Start afresh", "Ask again next time"),
        )
        if answer == "Recover":
            return found
        # A box that is closed by a slip of the hand must cost nothing.
        if answer == "Start afresh":
            retire(found, "started afresh")
        return None


def _fits(found: Unfinished, study: OpenStudy) -> bool:
    """Tell whether a reading left behind lies on these images: a file may have been replaced."""
    try:
        for session in found.history.state.sessions:
            bind(session, study.volume)
    except SessionError:
        return False
    return True


def _warm_up() -> None:
    """Import in a thread what napari imports with the first layer of marks; it takes a second."""
    Thread(target=import_module, args=("pandas",), daemon=True).start()


def first_slice(controller: ReadingController) -> int:
    """Begin where marks are, else where the level range is, else in the middle of the stack."""
    if controller.step is not None:
        at = controller.slice_of_step(controller.step)
        if at is not None:
            return at
    marks = controller.session.marks
    if marks:
        return controller.volume.nearest_slice(marks[0].position_lps_mm)[0]
    for side in (Side.RIGHT, Side.LEFT):
        ends = controller.notes.level_range(side)
        if ends is not None:
            return sum(ends) // 2
    return len(controller.volume.slices) // 2


def _has_begun(controller: ReadingController) -> bool:
    """Tell whether the reader has done anything that a turn of the slices would disturb."""
    session = controller.session
    given = session.marks or session.seeds or session.level_range
    return bool(given or controller.proposer.seeding or controller.cursor.cross)


def guide_sentence(controller: ReadingController) -> str:
    """Say what to do next."""
    if controller.step is None:
        return "All steps are done: check, confirm, sign and export."
    return f"Click the {controller.step.title.lower()}; the wheel changes the slice."
