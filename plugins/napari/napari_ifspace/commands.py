"""Keys and buttons: each action by its id, carried out on the controller in front of the reader."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QAction, QKeyEvent, QKeySequence  # type: ignore[attr-defined]
from qtpy.QtWidgets import (  # type: ignore[attr-defined]
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QListView,
    QShortcut,
    QTabBar,
)

from napari_ifspace.keycard import KeyCard
from napari_ifspace.keys import ACTIONS, GUARDED_KEYS, load_keys, save_keys
from napari_ifspace.steps import STEPS, Step, step_of

if TYPE_CHECKING:
    from napari_ifspace.widget import IFSpaceDock

# Displayed pixels of one press; the directions are (down, right).
_NUDGES = {"nudge": 1.0, "fine": 0.1, "coarse": 10.0}
_WAYS = {"up": (-1.0, 0.0), "down": (1.0, 0.0), "left": (0.0, -1.0), "right": (0.0, 1.0)}


class Commands(QObject):
    """The shortcuts of one dock, active while it is open, and what they do."""

    def __init__(self, dock: IFSpaceDock) -> None:
        """Bind the reader's keys."""
        super().__init__(dock)
        self.dock = dock
        self.keys = load_keys()
        self.card: KeyCard | None = None
        self._on = False
        self._shortcuts: list[QShortcut] = []
        self._acts = self._table()
        self._bind()
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def act(self, name: str) -> None:
        """Carry an action out."""
        if name == "card":
            self.show_card()
        elif self.dock.controller is None:
            self.dock.say("Open a study first.")
        elif self.dock.unattended() is not None:
            self.dock.warn_unattended()
        else:
            if self.dock.viewer_layers is not None:
                self.dock.viewer_layers.furnish()
            self._acts[name]()

    def enable(self, *, on: bool) -> None:
        """Take the keys, or give them back."""
        self._on = on
        for shortcut in self._shortcuts:
            shortcut.setEnabled(on)

    def show_card(self) -> None:
        """Show the key card, or hide it."""
        if self.card is not None and self.card.isVisible():
            self.card.hide()
            return
        self.card = KeyCard(self.keys, self._window_keys(), self.dock)
        self.card.accepted_keys.connect(self._rebind)
        self.card.show()

    # ------------------------------------------------------------------------------------ binding

    def _bind(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []
        for action in ACTIONS:
            key = self.keys[action.id]
            if key:
                self._shortcut(key, partial(self.act, action.id))
        for key in GUARDED_KEYS:
            if key not in self.keys.values():
                self._shortcut(key, self._guarded)

    def _shortcut(self, key: str, call: Callable[[], None]) -> None:
        shortcut = QShortcut(QKeySequence(key), self.dock)
        shortcut.setContext(Qt.ShortcutContext.ApplicationShortcut)
        shortcut.activated.connect(call)
        shortcut.setEnabled(self._on)
        self._shortcuts.append(shortcut)

    def _guarded(self) -> None:
        self.dock.say("This key would change layers; it does nothing while IFSpace is open.")

    def _rebind(self, keys: dict[str, str]) -> None:
        try:
            save_keys(keys)
        except (OSError, ValueError) as error:
            self.dock.say(f"The keys could not be saved: {error}", warning=True)
            return
        self.keys = keys
        self._bind()
        self.dock.say("The keys are changed and saved.")

    def _window_keys(self) -> dict[str, str]:
        """List the keys of the window's menus, which would swallow ours."""
        window = self.dock.window()
        portable = QKeySequence.SequenceFormat.PortableText
        return {
            action.shortcut().toString(portable): action.text().replace("&", "")
            for action in window.findChildren(QAction)
            if not action.shortcut().isEmpty()
        }

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Leave the keys to what is typed or chosen in, and the wheel to the page that scrolls."""
        if isinstance(event, QKeyEvent) and self._types(watched, event):
            event.accept()
            return True
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QComboBox):
            # A page scrolled with the wheel would change every list that passes under the mouse.
            event.ignore()
            return bool(self.dock.isAncestorOf(watched))
        return bool(super().eventFilter(watched, event))

    def _types(self, watched: QObject, event: QKeyEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride:
            return False
        # A line that is typed in leaves Return and the arrows to shortcuts, which would set marks.
        if isinstance(watched, QLineEdit | QAbstractSpinBox):
            return True
        if isinstance(watched, QComboBox | QListView | QTabBar):
            # They know the letters and the arrows, not what goes with Ctrl: undo, redo.
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                return False
            return bool(self.dock.isAncestorOf(watched))
        card = self.card
        return card is not None and card.isVisible() and card.isActiveWindow()

    # ------------------------------------------------------------------------------------- actions

    def _table(self) -> dict[str, Callable[[], Any]]:
        def controller() -> Any:
            return self.dock.controller

        acts: dict[str, Callable[[], Any]] = {
            "next_step": lambda: self._walk(1),
            "previous_step": lambda: self._walk(-1),
            "skip": lambda: controller().active_step.skip(),
            "place": self._place,
            "release": lambda: controller().cursor.release(self._slice()),
            "slice_next": lambda: self._turn(1),
            "slice_previous": lambda: self._turn(-1),
            "range_first": lambda: self._range(first=True),
            "range_last": lambda: self._range(first=False),
            "confirm": lambda: controller().confirm(everything=False),
            "confirm_all": lambda: controller().confirm(everything=True),
            "unconfirm": lambda: controller().unconfirm(everything=False),
            "remove": lambda: controller().remove_selected(),
            "remove_too": lambda: controller().remove_selected(),
            "undo": lambda: controller().undo(),
            "redo": lambda: controller().redo(),
            "propose": lambda: controller().proposer.ask_seeds(self._step().side),
            "add_seed": lambda: controller().proposer.ask_further_seed(self._step()),
            "snap": lambda: controller().snap(),
            "unsnap": lambda: controller().unsnap(),
            "snap_switch": lambda: self.dock.snap_panel.toggle(controller()),
            "second": lambda: self.dock.second_bar.toggle(),
            "zoom": self._zoom,
            "sign": lambda: self.dock.reports.sign(),
            "save": self.dock.ask_and_save,
            "export": lambda: self.dock.reports.export(),
            "copy": lambda: self.dock.reports.copy_text(),
        }
        for number, step in enumerate(STEPS, start=1):
            acts[f"step_{number}"] = partial(self._choose, step)
        for size, pixels in _NUDGES.items():
            for way, (down, right) in _WAYS.items():
                acts[f"{size}_{way}"] = partial(self._nudge, down * pixels, right * pixels)
        return acts

    def _nudge(self, down: float, right: float) -> None:
        if self.dock.controller is not None:
            self.dock.controller.nudge(down, right)

    def _slice(self) -> int:
        return self.dock.viewer_layers.slice_index if self.dock.viewer_layers is not None else 0

    def _turn(self, by: int) -> None:
        if self.dock.viewer_layers is not None:
            self.dock.viewer_layers.show_slice(self._slice() + by)

    def _walk(self, direction: int) -> None:
        if self.dock.controller is not None:
            self.dock.controller.active_step.walk(direction)
            self._show_step()

    def _choose(self, step: Any) -> None:
        if self.dock.controller is not None:
            self.dock.controller.active_step.choose(step)
            self._show_step()

    def _show_step(self) -> None:
        """Bring the slice of a step's mark into view, where it has one."""
        if self.dock.controller is not None and self.dock.controller.selected is not None:
            self.dock.show_step()

    def _place(self) -> None:
        controller = self.dock.controller
        if controller is None:
            return
        if controller.cursor.spot is None or controller.cursor.spot.slice_index != self._slice():
            controller.cursor.release(self._slice())
            self.dock.say("Move the cross with the arrow keys, then press the key again.")
            return
        controller.place(controller.cursor.spot)

    def _range(self, *, first: bool) -> None:
        controller = self.dock.controller
        if controller is not None:
            side = self._step().side
            controller.notes.set_level_end(side, self._slice(), first=first)

    def _step(self) -> Step:
        """Give the step in hand; when all are done, that of the selected mark."""
        controller = self.dock.controller
        if controller is not None and controller.step is not None:
            return controller.step
        if controller is not None and controller.selected is not None:
            return step_of(controller.selected)
        return STEPS[0]

    def _zoom(self) -> None:
        controller, viewer_layers = self.dock.controller, self.dock.viewer_layers
        if controller is not None and viewer_layers is not None:
            side = controller.step.side if controller.step is not None else None
            viewer_layers.toggle_zoom(side)
