"""What the parts of the dock may ask of it; they know this and not the dock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ifspace.model import Series, StudyResult
from ifspace.reading.controller import ReadingController
from ifspace.reading.study import OpenStudy
from napari_ifspace.dialogs import Ask
from napari_ifspace.theme import Colors
from napari_ifspace.viewer_layers import ViewerLayers


class PanelHost(Protocol):
    """The study that is open, the person in front of it, and threads.

    `ask` shows a question with answers and gives the one chosen.
    """

    viewer: Any
    colors: Colors
    study: OpenStudy | None
    controller: ReadingController | None
    viewer_layers: ViewerLayers | None
    result: StudyResult | None
    ask: Ask

    def say(self, message: str, *, warning: bool = False) -> None:
        """Show one sentence."""

    def run(
        self, slow: Callable[[], Any], done: Callable[[Any], None], *ended: Callable[[], None]
    ) -> Any:
        """Do slow work in a thread."""


class StudyHost(PanelHost, Protocol):
    """What opening a study needs besides."""

    @property
    def message_shown(self) -> str:
        """The sentence shown now."""

    @property
    def reader_id(self) -> str:
        """Who reads, as typed in."""

    def may_leave(self) -> bool:
        """Ask before unsaved work goes out of sight."""

    def clear(self) -> None:
        """Put the study away."""

    def take(
        self, study: OpenStudy, controller: ReadingController, viewer_layers: ViewerLayers
    ) -> None:
        """Work on another study."""

    def refresh(self) -> None:
        """Show the reading in every part of the window."""

    def name_series(self, series: Series) -> None:
        """Show which series is read."""


class CommandHost(PanelHost, Protocol):
    """What keys and buttons need besides."""

    def show_step(self) -> None:
        """Bring the slice of the active step into view."""
