"""One question to the reader, with buttons in words."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QMessageBox, QWidget

Ask = Callable[[QWidget, str, str, tuple[str, ...]], str]


def ask(parent: QWidget, title: str, question: str, answers: tuple[str, ...]) -> str:
    """Show a question and give the answer chosen; closing the box or Return is the last."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(question)
    buttons = [box.addButton(words, QMessageBox.ButtonRole.ActionRole) for words in answers]
    box.setDefaultButton(buttons[-1])
    box.setEscapeButton(buttons[-1])
    box.exec()
    clicked = box.clickedButton()
    return answers[buttons.index(clicked)] if clicked in buttons else answers[-1]
