"""What stands above the tabs: the series, the reader, one sentence, and whether work goes on."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from ifspace.model import Series
from ifspace.reading.study import OpenStudy, describe
from napari_ifspace.theme import Colors

# Qt's own bar without an end moves so often that drawing the window around it costs more than the
# work does where no graphics card helps.
PULSE_MS, PULSE_STEP = 250, 7
BUSY_HEIGHT_PX = 6
NAME_MARGIN_PX = 8
MESSAGE_LINES = 3


class SeriesBox(QComboBox):
    """A list of series whose names may be longer than the dock is wide."""

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Paint the name with dots where it had to be cut."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room.width() - NAME_MARGIN_PX
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class Header(QWidget):
    """The open button, the list of series, the reader's ID and the sentence of the moment."""

    series_chosen = Signal(object)
    reader_given = Signal(str)

    def __init__(self, colors: Colors) -> None:
        """Begin without a study."""
        super().__init__()
        self.colors = colors
        self._last_words = ("", False)
        self._works = 0
        self._build_row()
        self.message = QLabel()
        self.message.setObjectName("ifspace_message")
        self.message.setWordWrap(True)
        # Nothing below may jump when a sentence of another length comes.
        self.message.setMinimumHeight(self.message.fontMetrics().height() * MESSAGE_LINES + 4)
        self.busy = QProgressBar()
        self.busy.setTextVisible(False)
        self.busy.setFixedHeight(BUSY_HEIGHT_PX)
        # Nothing below may jump away from under the mouse when work begins or ends.
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(policy)
        self.busy.hide()
        self._pulse = QTimer(self)
        self._pulse.setInterval(PULSE_MS)
        self._pulse.timeout.connect(self._move_on)
        self._lay_out()

    def _build_row(self) -> None:
        self.title = QLabel("No study is open.")
        self.title.setWordWrap(True)
        self.open_button = QPushButton("Open…")
        self.series_box = SeriesBox()
        self.series_box.setObjectName("ifspace_series")
        self.series_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.series_box.activated.connect(
            lambda row: self.series_chosen.emit(self.series_box.itemData(row))
        )
        self.reader = QLineEdit()
        self.reader.setObjectName("ifspace_reader")
        self.reader.setPlaceholderText("Reader ID")
        self.reader.setMaximumWidth(110)
        self.reader.editingFinished.connect(self._reader_given)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.series_box, 1)
        row.addWidget(self.reader)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addLayout(row)
        column.addWidget(self.message)
        column.addWidget(self.busy)

    def say(self, message: str, *, warning: bool = False) -> None:
        """Show one sentence."""
        self._last_words = (message, warning)
        color = self.colors.warning.name() if warning else self.colors.text.name()
        sign = "▲ " if warning else ""
        escaped = message.replace("&", "&amp;").replace("<", "&lt;")
        self.message.setText(f"<span style='color:{color}'>{sign}{escaped}</span>")
        self.message.setToolTip(message)

    @property
    def words(self) -> str:
        """The sentence shown now."""
        return self._last_words[0]

    def work_begins(self) -> None:
        """Show that something goes on; ends with as many calls of :meth:`work_ends`."""
        self._works += 1
        self.busy.show()
        self._pulse.start()

    def work_ends(self) -> None:
        """Hide the sign again when nothing else goes on."""
        self._works -= 1
        if not self._works:
            self._pulse.stop()
            self.busy.hide()

    def _move_on(self) -> None:
        self.busy.setValue((self.busy.value() + PULSE_STEP) % self.busy.maximum())

    def recolor(self, colors: Colors) -> None:
        """Say the same in the colours of another theme."""
        self.colors = colors
        message, warning = self._last_words
        self.say(message, warning=warning)

    def show_study(self, study: OpenStudy) -> None:
        """List the series of a study, the one that is read in front."""
        self.series_box.clear()
        for item in study.inventory.ranked:
            prefix = "" if item.suitable else "▲ "
            self.series_box.addItem(prefix + describe(item.series), item.series)
            self.series_box.setItemData(
                self.series_box.count() - 1, "; ".join(item.reasons), Qt.ItemDataRole.ToolTipRole
            )
        self.show_series(study.volume.series)
        self.title.hide()

    def show_series(self, series: Series) -> None:
        """Name the series that is read."""
        for row in range(self.series_box.count()):
            if self.series_box.itemData(row) == series:
                self.series_box.setCurrentIndex(row)
        self.series_box.setToolTip(self.series_box.currentText())

    def show_reader(self, reader: str | None) -> None:
        """Show who reads, unless somebody is typing just that."""
        if not self.reader.hasFocus():
            self.reader.setText(reader or "")

    def _reader_given(self) -> None:
        self.reader_given.emit(self.reader.text())
        self.reader.clearFocus()
