"""Keys and buttons: each action by its id, carried out on the controller in front of the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QAction, QKeyEvent, QKeySequence  # type: ignore[attr-defined]
from qtpy.QtWidgets import (  # type: ignore[attr-defined]
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QKeySequenceEdit,
    QLineEdit,
    QMenuBar,
    QPlainTextEdit,
    QShortcut,
    QTabBar,
    QTextEdit,
    QWidget,
)

from ifspace.reading.steps import STEPS, Step, step_of
from napari_ifspace.attention import Attention
from napari_ifspace.panel_host import CommandHost
from napari_ifspace.shortcut_list import ShortcutList
from napari_ifspace.shortcuts import ACTIONS, GUARDED_KEYS, load_keys, save_keys
from napari_ifspace.viewer_layers import ViewerLayers

# Displayed pixels of one press; the directions are (down, right).
_NUDGES = {"nudge": 1.0, "fine": 0.1, "coarse": 10.0}
_WAYS = {"up": (-1.0, 0.0), "down": (1.0, 0.0), "left": (0.0, -1.0), "right": (0.0, 1.0)}

# Text leaves Return and the arrows to shortcuts, which would set marks; so do lists, which know the
# letters and the arrows only. In closed lists undo stays: it takes the last choice back.
_TEXT = (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit, QKeySequenceEdit)
_LISTS = (QComboBox, QAbstractItemView, QTabBar, QAbstractSlider, QMenuBar)


def _keys_are_taken() -> bool:
    """Tell whether an open list, menu or dialog takes every key."""
    if QApplication.activePopupWidget() is not None or QApplication.activeModalWidget() is not None:
        return True
    return isinstance(QApplication.activeWindow(), QDialog)


class Commands(QObject):
    """The shortcuts of one dock, active while it is open, and what they do."""

    def __init__(
        self,
        host: CommandHost,
        parent: QWidget,
        attention: Attention,
        panels: Mapping[str, Callable[[], Any]],
    ) -> None:
        """Bind the reader's keys; `panels` are the actions that parts of the dock carry out."""
        super().__init__(parent)
        self.host = host
        self.panel = parent
        self.attention = attention
        self.keys = load_keys()
        self.shortcut_list: ShortcutList | None = None
        self._on = False
        self._shortcuts: list[QShortcut] = []
        self._acts = self._table() | dict(panels)
        self._bind()
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def act(self, name: str) -> None:
        """Carry an action out."""
        if name == "card":
            self.show_card()
        elif self.host.controller is None:
            self.host.say("Open a study first.")
        elif self.attention.unattended() is not None:
            self.attention.warn()
        else:
            if self.host.viewer_layers is not None:
                self.host.viewer_layers.add_drawing()
            self._acts[name]()

    def enable(self, *, on: bool) -> None:
        """Take the keys, or give them back."""
        self._on = on
        for shortcut in self._shortcuts:
            shortcut.setEnabled(on)

    def show_card(self) -> None:
        """Show the key card, or hide it."""
        if self.shortcut_list is not None and self.shortcut_list.isVisible():
            self.shortcut_list.hide()
            return
        self.shortcut_list = ShortcutList(self.keys, self._window_keys(), self.panel)
        self.shortcut_list.accepted_keys.connect(self._rebind)
        self.shortcut_list.show()

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
        shortcut = QShortcut(QKeySequence(key), self.panel)
        shortcut.setContext(Qt.ShortcutContext.ApplicationShortcut)
        shortcut.activated.connect(lambda: None if _keys_are_taken() else call())
        shortcut.setEnabled(self._on)
        self._shortcuts.append(shortcut)

    def _guarded(self) -> None:
        self.host.say("This key would change layers; it does nothing while IFSpace is open.")

    def _rebind(self, keys: dict[str, str]) -> None:
        try:
            save_keys(keys)
        except (OSError, ValueError) as error:
            self.host.say(f"The keys could not be saved: {error}", warning=True)
            return
        self.keys = keys
        self._bind()
        self.host.say("The keys are changed and saved.")

    def _window_keys(self) -> dict[str, str]:
        """List the keys of the window's menus, which would swallow ours."""
        window = self.panel.window()
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
            return bool(self.panel.isAncestorOf(watched))
        return bool(super().eventFilter(watched, event))

    def _types(self, watched: QObject, event: QKeyEvent) -> bool:
        """Tell whether a key belongs to what has the focus, and to no shortcut."""
        if event.type() != QEvent.Type.ShortcutOverride:
            return False
        if _keys_are_taken() or isinstance(watched, _TEXT):
            return True
        if not isinstance(watched, _LISTS):
            return False
        pressed = QKeySequence(event.keyCombination())
        passed = (self.keys["undo"], self.keys["redo"], *GUARDED_KEYS)
        return all(pressed != QKeySequence(key) for key in passed if key)

    # ------------------------------------------------------------------------------------- actions

    def _table(self) -> dict[str, Callable[[], Any]]:
        def controller() -> Any:
            return self.host.controller

        acts: dict[str, Callable[[], Any]] = {
            "next_step": lambda: self._walk(1),
            "previous_step": lambda: self._walk(-1),
            "skip": lambda: controller().active_step.skip(),
            "place": self._place,
            "move": lambda: controller().ask_to_move(),
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
            "zoom": lambda: self._layers().framing.toggle(self._step().side),
            "restore": lambda: self._layers().restore_view(),
            "next_open": self._next_open,
            "invert": lambda: self._layers().gray.invert(self._layers().layer_in_view),
            "gray_reset": lambda: self._layers().gray.reset(self._layers().layer_in_view),
            "identity": lambda: self._layers().letters.toggle_identity(),
        }
        for name in ("auto", "t1", "fluid", "bone"):
            acts[f"gray_{name}"] = partial(self._gray, name)
        for number, step in enumerate(STEPS, start=1):
            acts[f"step_{number}"] = partial(self._choose, step)
        for size, pixels in _NUDGES.items():
            for way, (down, right) in _WAYS.items():
                acts[f"{size}_{way}"] = partial(self._nudge, down * pixels, right * pixels)
        return acts

    def _nudge(self, down: float, right: float) -> None:
        if self.host.controller is not None:
            self.host.controller.nudge(down, right)

    def _slice(self) -> int:
        return self.host.viewer_layers.slice_index if self.host.viewer_layers is not None else 0

    def _turn(self, by: int) -> None:
        if self.host.viewer_layers is not None:
            self.host.viewer_layers.show_slice(self._slice() + by)

    def _walk(self, direction: int) -> None:
        if self.host.controller is not None:
            self.host.controller.active_step.walk(direction)
            self._show_step()

    def _choose(self, step: Any) -> None:
        if self.host.controller is not None:
            self.host.controller.active_step.choose(step)
            self._show_step()

    def _show_step(self) -> None:
        """Bring the slice of a step's mark into view, where it has one."""
        if self.host.controller is not None and self.host.controller.selected is not None:
            self.host.show_step()

    def _place(self) -> None:
        controller = self.host.controller
        if controller is None:
            return
        if controller.cursor.spot is None or controller.cursor.spot.slice_index != self._slice():
            controller.cursor.release(self._slice())
            self.host.say("Move the cross with the arrow keys, then press the key again.")
            return
        controller.place(controller.cursor.spot)

    def _range(self, *, first: bool) -> None:
        controller = self.host.controller
        if controller is not None:
            side = self._step().side
            controller.notes.set_level_end(side, self._slice(), first=first)

    def _step(self) -> Step:
        """Give the active step; when all are done, that of the selected mark."""
        controller = self.host.controller
        if controller is not None and controller.step is not None:
            return controller.step
        if controller is not None and controller.selected is not None:
            return step_of(controller.selected)
        return STEPS[0]

    def _next_open(self) -> None:
        """Go to the next mark that is missing or not confirmed, and close to it."""
        controller = self.host.controller
        if controller is None:
            return
        step = controller.active_step.next_open()
        if step is None:
            self.host.say("Every mark is there and confirmed.")
            return
        self._choose(step)
        if controller.selected is not None:
            self._layers().framing.show_marks((controller.selected,))

    def _gray(self, name: str) -> None:
        layers = self._layers()
        layers.gray.preset(layers.layer_in_view, name, layers.slice_index)

    def _layers(self) -> ViewerLayers:
        if self.host.viewer_layers is None:
            raise ValueError("no study is open")
        return self.host.viewer_layers
