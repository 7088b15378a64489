"""Whether the reader can see what the dock says: no mark changes while they cannot."""

from __future__ import annotations

from collections.abc import Callable

from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QWidget

# One line of napari's notices; the rest of a longer one would be hidden.
CLOSED = "No mark changed: reopen IFSpace in Plugins."
BEHIND = "IFSpace was out of sight, so nothing was changed; now it is in view: do it again."


class Attention:
    """Looks after one dock.

    Attributes
    ----------
    warned_closed
        Whether napari has said already, since the dock was closed, that nothing changes.
    """

    def __init__(self, widget: QWidget, say: Callable[[str], None]) -> None:
        """Watch a dock; `say` shows a warning in it."""
        self.widget = widget
        self._say = say
        self.warned_closed = False

    def unattended(self) -> str | None:
        """Tell why the reader cannot see the dock: closed, hidden, or behind another one.

        A floating dock counts as seen unless it is minimised; what other programs put over it
        cannot be known.
        """
        if not self.widget.isVisible():
            return CLOSED
        behind = self.widget.window().isMinimized() or self.widget.visibleRegion().isEmpty()
        return BEHIND if behind else None

    def warn(self) -> None:
        """Say that nothing is changed out of sight, where the reader sees it."""
        words = self.unattended()
        if words is not None:
            self.call(words)
            self._say(words)

    def call(self, message: str) -> None:
        """Come forward from behind another dock; closed, let napari say it, once per closing."""
        if not self.widget.isVisible():
            if not self.warned_closed:
                self.warned_closed = True
                show_warning(message)
            return
        if self.widget.window().isMinimized():
            self.widget.window().showNormal()
        frame = self.widget.parentWidget()
        if frame is not None:
            frame.raise_()
