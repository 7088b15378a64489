"""The list of second series, the switch that shows the chosen one, and its warning."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ifspace.reading.controller import ReadingController
from ifspace.reading.study import OpenStudy, describe
from napari_ifspace.header import SeriesBox
from napari_ifspace.panel_host import PanelHost
from napari_ifspace.second_series import LinkedSeries, SecondSeries, load_linked

NONE_CHOSEN = "No second series"


class SecondSeriesRow(QWidget):
    """One row: which series, shown or not, how much of the measured images shines through."""

    def __init__(self, host: PanelHost, key: Callable[[], str]) -> None:
        """Begin without a study; `key` gives the key that flips between both series."""
        super().__init__()
        self.host = host
        self._key = key
        self.box = SeriesBox()
        self.box.setObjectName("ifspace_second_series")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.currentTextChanged.connect(self._name)
        self.box.activated.connect(self._chosen)
        self.shown = QCheckBox("Show")
        self.shown.setObjectName("ifspace_second_shown")
        self.shown.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.shown.clicked.connect(self.toggle)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(10, 100)
        self.slider.setValue(100)
        self.slider.setFixedWidth(90)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.setToolTip("To the left the measured images shine through")
        self.slider.valueChanged.connect(self._faded)
        self.warning = QLabel()
        self.warning.setObjectName("ifspace_second_warning")
        self.warning.setWordWrap(True)
        row = QHBoxLayout()
        for widget, stretch in ((self.box, 1), (self.shown, 0), (self.slider, 0)):
            row.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.warning)
        self.hide()

    @property
    def second(self) -> SecondSeries | None:
        """The second series of the viewer layers in view."""
        return self.host.viewer_layers.second if self.host.viewer_layers is not None else None

    def show_study(self, study: OpenStudy, second: SecondSeries) -> None:
        """List what can be looked at beside the series that is read."""
        second.changed.connect(self.refresh)
        second.gone.connect(self._gone)
        self.box.clear()
        self.box.addItem(NONE_CHOSEN, None)
        for item in study.inventory.ranked:
            if item.series != study.volume.series:
                self.box.addItem(describe(item.series), item.series)
        self.setVisible(self.box.count() > 1)
        self.refresh()

    def refresh(self) -> None:
        """Show whether a second series is in view, and its warning."""
        second = self.second
        there = second is not None and second.layer is not None
        self.shown.setEnabled(there)
        self.slider.setEnabled(there)
        self.shown.setChecked(second is not None and second.visible)
        warning = second.warning if second is not None and second.visible else None
        color = self.host.colors.warning.name()
        self.warning.setText(f"<span style='color:{color}'>▲ {warning}</span>" if warning else "")
        self.warning.setVisible(warning is not None)

    def toggle(self) -> None:
        """Flip between the measured images and the second series."""
        second = self.second
        if second is None or second.layer is None:
            self.host.say(
                "Choose a second series first, in the list below the one that is read."
                if self.box.count() > 1
                else "This study has no second series."
            )
        else:
            second.toggle()
        self.refresh()

    def _name(self, name: str) -> None:
        """Give the whole name to a mouse that rests on the list."""
        self.box.setToolTip(f"{name}. A second series to look at, at the same patient position")

    def _faded(self, percent: int) -> None:
        if self.second is not None:
            self.second.set_opacity(percent / 100.0)

    def _chosen(self, row: int) -> None:
        series, study, controller = self.box.itemData(row), self.host.study, self.host.controller
        if study is None or controller is None or self.second is None:
            return
        self.second.remove()
        self.refresh()
        if series is None:
            return
        self.host.say(f"Loading {describe(series)} …")
        volume = controller.volume
        self.host.run(
            lambda: load_linked(study.path, series, volume),
            lambda linked: self._loaded(linked, controller, row),
            lambda: self._ended(controller, row),
        )

    def _loaded(self, linked: LinkedSeries, controller: ReadingController, row: int) -> None:
        """Show a second series, unless another study or series was chosen in the meantime."""
        second = self.second
        if (
            self.host.controller is not controller
            or second is None
            or self.box.currentIndex() != row
        ):
            return
        second.show(linked)
        second.set_opacity(self.slider.value() / 100.0)
        key = self._key()
        flips = f"{key} flips" if key else "“Show” flips"
        self.host.say(
            f"{describe(linked.series)} is shown at the same patient position; {flips} between it "
            "and the series that is measured."
        )

    def _ended(self, controller: ReadingController, row: int) -> None:
        """Take the choice back where loading came to nothing."""
        second = self.second
        if self.host.controller is not controller or second is None or second.layers:
            return
        if self.box.currentIndex() == row:
            self.box.setCurrentIndex(0)

    def _gone(self) -> None:
        self.box.setCurrentIndex(0)
        self.refresh()
        self.host.say("The second series was taken out of the viewer; marks can be placed again.")
