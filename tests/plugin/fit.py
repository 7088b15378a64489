"""Find words that a widget is too small for."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QGroupBox,
    QLabel,
    QListWidget,
    QScrollArea,
    QWidget,
)

# The icon of a row and the margins beside it.
ICON_PX = 28


def cut_words(top: QWidget) -> Iterator[str]:
    """Name every visible widget below `top` whose words do not fit into it."""
    for widget in top.findChildren(QWidget):
        if not widget.isVisible() or widget.width() == 0:
            continue
        words = _words(widget)
        if isinstance(widget, QScrollArea):
            inside = widget.widget()
            if inside is not None and inside.minimumSizeHint().width() > widget.viewport().width():
                yield f"{type(inside).__name__} needs more than {widget.viewport().width()} across"
        elif isinstance(widget, QListWidget):
            yield from _cut_rows(widget)
        elif words and _too_small(widget):
            yield f"{type(widget).__name__} “{words}” has {widget.width()} × {widget.height()}"
        elif _sticks_out(widget):
            yield f"{type(widget).__name__} “{words}” sticks out of its parent"


def _words(widget: QWidget) -> str:
    if isinstance(widget, QLabel | QAbstractButton):
        return str(widget.text())
    if isinstance(widget, QComboBox):
        return str(widget.currentText())
    return str(widget.title()) if isinstance(widget, QGroupBox) else ""


def _too_small(widget: QWidget) -> bool:
    if isinstance(widget, QLabel) and widget.wordWrap():
        return bool(widget.heightForWidth(widget.width()) > widget.height())
    if isinstance(widget, QComboBox):
        if widget.currentText() in widget.toolTip():
            # It shows dots where it cuts, and the whole name when the mouse rests on it.
            return False
        # The arrow takes about as much as the text is high.
        needed = widget.fontMetrics().horizontalAdvance(widget.currentText()) + widget.height()
        return bool(needed > widget.width())
    needs = widget.minimumSizeHint() if isinstance(widget, QGroupBox) else widget.sizeHint()
    return bool(needs.width() > widget.width() or needs.height() > widget.height())


def _cut_rows(widget: QListWidget) -> Iterator[str]:
    for row in range(widget.count()):
        words = widget.item(row).text()
        needed = widget.fontMetrics().horizontalAdvance(words) + ICON_PX
        if needed > widget.viewport().width():
            yield f"row “{words}” needs {needed} and has {widget.viewport().width()}"


def _sticks_out(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    if parent is None or widget.isWindow():
        return False
    # What is scrolled is larger than the hole it is seen through.
    scrolled = isinstance(parent.parentWidget(), QAbstractScrollArea)
    return not scrolled and not parent.rect().contains(widget.geometry())
