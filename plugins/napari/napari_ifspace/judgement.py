"""The table of both sides, the ruler and the caveats."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from ifspace.model import Kind, Measurement, NotMeasured, Severity, Side, StudyResult
from ifspace.report.texts import Texts
from ifspace.report.wording import find_space, not_measured, state_line, value
from napari_ifspace.paint import Colors
from napari_ifspace.ruler import Ruler

_SIDES = (Side.RIGHT, Side.LEFT)
_SEVERITY = {Severity.REFUSAL: "■ ", Severity.CAUTION: "▲ ", Severity.INFO: "· "}


class Judgement(QWidget):
    """What the marks mean now."""

    def __init__(self, colors: Colors, texts: Texts) -> None:
        """Build an empty table."""
        super().__init__()
        self.colors = colors
        self.texts = texts
        self.ruler = Ruler(colors)
        self.caveats = QLabel()
        self.caveats.setWordWrap(True)
        self.caveats.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
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
                self.cells[kind, side] = label
                grid.addWidget(label, row, column)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(0, 0, 0, 0)
        column_box.addLayout(grid)
        column_box.addWidget(self.state)
        column_box.addWidget(self.ruler)
        column_box.addWidget(self.caveats)

    def refresh(self, result: StudyResult | None, problem: str | None = None) -> None:
        """Show another result, or why there is none."""
        self.show_values(result)
        if result is None:
            self.state.setText(problem or "")
            self.caveats.setText("")
            return
        self.state.setText(state_line(result, self.texts))
        self.caveats.setText(self._caveats(result))

    def show_values(self, result: StudyResult | None) -> None:
        """Show the numbers alone; quick enough to follow the mouse."""
        for (kind, side), label in self.cells.items():
            space = find_space(result, kind, side) if result is not None else None
            if space is None:
                label.setText("—")
            elif isinstance(space.outcome, NotMeasured):
                label.setText(f"— {not_measured(space.outcome, self.texts)}")
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
        return f"{words}<br><small>{detail}</small>"

    def _caveats(self, result: StudyResult) -> str:
        rows = [
            f"{_SEVERITY[flag.severity]}{_escaped(flag.detail)}"
            for flag in result.flags
            if flag.severity is not Severity.INFO
        ]
        if result.panel_note:
            rows.append(f"· {_escaped(result.panel_note)}")
        color = self.colors.warning.name()
        return f"<span style='color:{color}'>" + "<br>".join(rows) + "</span>" if rows else ""


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
