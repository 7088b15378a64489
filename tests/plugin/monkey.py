"""Random real events in a window, by a seed: what must hold whatever a reader's hands do."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.plugin.hands import Window

from ifspace.model import MarkState
from ifspace.reading.history import flat
from ifspace.reading.journal import replay
from ifspace.reading.screen import slice_of
from napari_ifspace.shortcuts import ACTIONS, GUARDED_KEYS

# These open a dialog of the system, which no event of ours would close.
LEFT_OUT = frozenset({"save", "export", "card"})
KEYS = tuple(action.default for action in ACTIONS if action.id not in LEFT_OUT) + GUARDED_KEYS
NAPARI_KEYS = ("Ctrl+R", "Ctrl+E", "Ctrl+T", "Ctrl+G", "Home", "Space", "Tab", "End")
SIZES = ((1100, 760), (1280, 800), (1500, 950))


class Monkey:
    """Random hands on one window.

    Attributes
    ----------
    broken
        What must hold and did not, one sentence each.
    done
        The events so far, for the sentence about what broke.
    """

    def __init__(self, window: Window, seed: int) -> None:
        """Take a window with a study that has a session loaded."""
        self.window = window
        self.random = random.Random(seed)
        self.broken: list[str] = []
        self.done: list[str] = []
        self._confirmed = self._confirmed_marks()
        self._lines = self._log_lines()
        self._hook = sys.excepthook
        sys.excepthook = self._raised
        window.dock.ask = self._ask
        self._acts: tuple[tuple[int, Callable[[], str]], ...] = (
            (30, self._click),
            (10, self._drag),
            (30, self._key),
            (12, self._wheel),
            (8, self._widget),
            (3, self._tab),
            (1, self._resize),
        )

    def act(self, count: int) -> None:
        """Do some events, and look after each whether everything holds."""
        weights = [weight for weight, _ in self._acts]
        for _ in range(count):
            _, act = self.random.choices(self._acts, weights)[0]
            self.done.append(act())
            self._check()

    def finish(self) -> None:
        """Let go, and compare the log with what is in the window."""
        sys.excepthook = self._hook
        controller = self.window.dock.controller
        if controller is None:
            self.broken.append("the study is gone")
            return
        controller.journal.sync()
        found = replay(controller.journal.path)
        if found is None:
            if controller.history.past:
                self.broken.append("the log holds nothing that could be recovered")
        elif flat(found.history.state) != flat(controller.state):
            self.broken.append("the log gives another state than the window has")

    # -------------------------------------------------------------------------------------- events

    def _place(self) -> Any:
        from qtpy.QtCore import QPoint

        size = self.window.canvas.native.size()
        return QPoint(
            self.random.randrange(2, size.width() - 2), self.random.randrange(2, size.height() - 2)
        )

    def _click(self) -> str:
        native, at = self.window.canvas.native, self._place()
        buttons = self.window.qt.MouseButton
        button = self.random.choice((buttons.LeftButton,) * 4 + (buttons.RightButton,))
        twice = self.random.random() < 0.1
        self.window.hands.mouseMove(native, at)
        (self.window.hands.mouseDClick if twice else self.window.hands.mouseClick)(
            native, button, pos=at
        )
        return f"click {button} at {at.x()}, {at.y()}"

    def _drag(self) -> str:
        native, first, last = self.window.canvas.native, self._place(), self._place()
        buttons = self.window.qt.MouseButton
        button = self.random.choice((buttons.LeftButton, buttons.RightButton, buttons.MiddleButton))
        self.window.hands.mousePress(native, button, pos=first)
        for share in (0.5, 1.0):
            self.window.move_held(first + (last - first) * share, button)
        self.window.hands.mouseRelease(native, button, pos=last)
        return f"drag {button}"

    def _key(self) -> str:
        key = self.random.choice(KEYS + NAPARI_KEYS)
        self.window.press(key)
        return f"key {key}"

    def _wheel(self) -> str:
        modifier = self.random.choice(("NoModifier",) * 3 + ("ControlModifier", "ShiftModifier"))
        notches = self.random.choice((-1, 1))
        self.window.wheel_at(self._place(), notches, modifier)
        return f"wheel {notches} {modifier}"

    def _widget(self) -> str:
        dock = self.window.dock
        rows = dock.step_list.list
        row = self.random.randrange(rows.count())
        targets = (
            (rows.viewport(), rows.visualItemRect(rows.item(row)).center()),
            (dock.step_list.first, None),
            (dock.step_list.second, None),
            (dock.step_list.levels, None),
        )
        widget, place = self.random.choice(targets)
        if widget.property("action") in LEFT_OUT or not widget.isVisible():
            return "nothing"
        at = widget.rect().center() if place is None else place
        self.window.hands.mouseClick(widget, self.window.qt.MouseButton.LeftButton, pos=at)
        return f"widget {widget.objectName()}"

    def _tab(self) -> str:
        tabs = self.window.dock.tabs
        tabs.setCurrentIndex(self.random.randrange(tabs.count()))
        return "tab"

    def _resize(self) -> str:
        self.window.window.resize(*self.random.choice(SIZES))
        self.window.hands.qWait(5)
        return "resize"

    def _ask(self, _parent: Any, title: str, _question: str, answers: tuple[str, ...]) -> str:
        # Who leaves the study ends the run.
        stay = title in ("Unsaved reading", "Unfinished reading")
        return answers[-1] if stay else self.random.choice(answers)

    # --------------------------------------------------------------------------------------- looks

    def _check(self) -> None:
        confirmed = self._confirmed_marks()
        if confirmed != self._confirmed:
            lines = self._log_lines()
            if lines <= self._lines:
                self._broke("a confirmed mark changed without a line in the log")
            self._confirmed, self._lines = confirmed, lines

    def _confirmed_marks(self) -> frozenset[tuple[Any, ...]]:
        controller = self.window.dock.controller
        assert controller is not None
        return frozenset(
            (mark.name, mark.side, slice_of(controller.volume, mark), *mark.position_lps_mm)
            for mark in controller.session.marks
            if mark.state is MarkState.CONFIRMED
        )

    def _log_lines(self) -> int:
        controller = self.window.dock.controller
        assert controller is not None
        path = Path(controller.journal.path)
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def _raised(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        self._broke(f"{kind.__name__}: {error}")
        self._hook(kind, error, trace)

    def _broke(self, words: str) -> None:
        self.broken.append(f"after {len(self.done)} events ({self.done[-3:]}): {words}")
