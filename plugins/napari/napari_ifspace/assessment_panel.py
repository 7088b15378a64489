"""The table of both sides, the ruler and the caveats."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from textwrap import shorten
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from ifspace.landmarks import FoundSide, QualityGrade
from ifspace.model import (
    Kind,
    MarkState,
    Measurement,
    NotMeasured,
    Severity,
    Side,
    StudyResult,
)
from ifspace.reading.caveat_text import caveats_of, panel_words
from ifspace.reading.searches import reason_of
from ifspace.report.texts import Texts
from ifspace.report.wording import find_space, not_measured, state_line, value
from napari_ifspace.ruler import Ruler
from napari_ifspace.theme import Colors

WARNING_LENGTH = 100
_SIDES = (Side.RIGHT, Side.LEFT)
_SEVERITY = {Severity.REFUSAL: "■ ", Severity.CAUTION: "▲ ", Severity.INFO: "· "}
# How clearly the program saw both borders: told apart by shape, word and colour.
_LIGHTS = {
    QualityGrade.GREEN: ("●", "#009E73", "borders clear"),
    QualityGrade.AMBER: ("▲", "#E69F00", "borders faint, look closely"),
}


class AssessmentPanel(QWidget):
    """What the marks mean now."""

    # A measurement whose marks are to be seen closely.
    looked_for = Signal(object, object)

    def __init__(self, colors: Colors, texts: Texts) -> None:
        """Build an empty table."""
        super().__init__()
        self.colors = colors
        self.texts = texts
        self._found: Mapping[Side, FoundSide] = {}
        self.ruler = Ruler(colors)
        self.caveats = QLabel()
        self.caveats.setWordWrap(True)
        self.caveats.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # The caveats may lie below the edge of a low window; that there are some may not.
        self.warning = QLabel()
        self.warning.setObjectName("ifspace_warning")
        self.warning.setWordWrap(True)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.cells: dict[tuple[Kind, Side], QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        for column, side in enumerate(_SIDES, start=1):
            grid.addWidget(QLabel(f"<b>{side.value.capitalize()}</b>"), 0, column)
            grid.setColumnStretch(column, 1)
        for row, kind in enumerate(Kind, start=1):
            grid.addWidget(QLabel(f"<b>{kind.value.upper()}</b>"), row, 0)
            for column, side in enumerate(_SIDES, start=1):
                label = QLabel()
                label.setWordWrap(True)
                label.setObjectName(f"ifspace_{kind.value}_{side.value}")
                label.setMinimumHeight(label.fontMetrics().height() * 2 + 2)
                label.installEventFilter(self)
                self.cells[kind, side] = label
                grid.addWidget(label, row, column)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(0, 0, 0, 0)
        column_box.addWidget(self.warning)
        column_box.addLayout(grid)
        column_box.addWidget(self.state)
        column_box.addWidget(self.ruler)
        column_box.addWidget(self.caveats)

    def refresh(
        self,
        result: StudyResult | None,
        problem: str | None = None,
        found: Mapping[Side, FoundSide] | None = None,
    ) -> None:
        """Show another result, or why there is none; `found` is what the program proposes."""
        self._found = found or {}
        self.show_values(result)
        if result is None:
            self.state.setText(problem or "")
            self.warning.setText("")
            self.caveats.setText("")
            self._claim_height()
            return
        self.state.setText(state_line(result, self.texts))
        self.warning.setText(self._warning(result))
        self.caveats.setText(self._caveats(result))
        self._claim_height()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Words wrap otherwise in another width."""
        super().resizeEvent(event)
        self._claim_height()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take a double click on a value as the wish to see its marks."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            for (kind, side), label in self.cells.items():
                if label is watched:
                    self.looked_for.emit(kind, side)
        return bool(super().eventFilter(watched, event))

    def _claim_height(self) -> None:
        """Ask for the height that the wrapped words need: a scroll area does not find out."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumHeight(max(layout.heightForWidth(self.width()), 0))

    def show_values(self, result: StudyResult | None) -> None:
        """Show the numbers alone; quick enough to follow the mouse."""
        told: set[str] = set()
        for (kind, side), label in self.cells.items():
            space = find_space(result, kind, side) if result is not None else None
            if space is None:
                label.setText("—")
            elif isinstance(space.outcome, NotMeasured):
                label.setText(self._reason(space.outcome, told))
                found = self._found.get(side)
                told.add(f"{side} {reason_of(found, kind) if found is not None else ''}")
                label.setToolTip(space.outcome.detail)
            else:
                label.setText(self._value(space.outcome))
                label.setToolTip("")
        self.ruler.show_result(result)

    def _value(self, outcome: Measurement) -> str:
        words = f"<b>{value(outcome, self.texts)}</b>"
        detail = f"{outcome.state.value}, slice {outcome.slice_index + 1}"
        if outcome.second_best_mm is not None:
            detail += f"; next {outcome.second_best_mm:.1f} mm"
        return f"{words}<br><small>{detail}{self._light(outcome)}</small>"

    def _light(self, outcome: Measurement) -> str:
        """Say how clearly the program saw the borders, where the value is its own."""
        found = self._found.get(outcome.side)
        if found is None or outcome.state is not MarkState.PROPOSED:
            return ""
        for item in found.readings(outcome.kind):
            if item.slice_index == outcome.slice_index:
                sign, color, words = _LIGHTS[item.grade]
                return f"<br><span style='color:{color}'>{sign}</span> {words}"
        return ""

    def _reason(self, outcome: NotMeasured, told: Collection[str]) -> str:
        """Say why there is no value; where the program looked in full, but not twice."""
        words = f"— {_escaped(not_measured(outcome, self.texts))}"
        found = self._found.get(outcome.side)
        # A corrected side is measured by its marks; why there are none, the search knows.
        detail = None if found is None else reason_of(found, outcome.kind)
        if detail is None or f"{outcome.side} {detail}" in told:
            return words
        return f"{words}<br><small>{_escaped(detail)}</small>"

    def _warning(self, result: StudyResult) -> str:
        """Count the caveats and tell the first, which is the most severe."""
        flags = caveats_of(result)
        if not flags:
            return ""
        order = list(Severity)
        worst = max(flags, key=lambda flag: order.index(flag.severity))
        count = "1 caveat" if len(flags) == 1 else f"{len(flags)} caveats, listed below"
        # Two lines; the whole sentence stands in the list.
        detail = _escaped(shorten(worst.detail, WARNING_LENGTH, placeholder=" …"))
        words = f"{_SEVERITY[worst.severity]}<b>{count}:</b> {detail}"
        return f"<span style='color:{self.colors.warning.name()}'>{words}</span>"

    def _caveats(self, result: StudyResult) -> str:
        rows = [f"{_SEVERITY[flag.severity]}{_escaped(flag.detail)}" for flag in caveats_of(result)]
        note = panel_words(result)
        if note:
            rows.append(f"· {_escaped(note)}")
        color = self.colors.warning.name()
        return f"<span style='color:{color}'>" + "<br>".join(rows) + "</span>" if rows else ""


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
