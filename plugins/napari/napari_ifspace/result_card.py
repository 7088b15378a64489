"""The values of both sides, always in view: what each is, how sure, and in what state."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QEvent, QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel

from ifspace.landmarks import FoundSide, QualityGrade
from ifspace.model import (
    AssessedSpace,
    Kind,
    MarkState,
    Measurement,
    NotMeasured,
    Side,
    StudyResult,
)
from ifspace.reading.searches import reason_of
from ifspace.report.texts import Texts
from ifspace.report.wording import (
    cutoffs_by_relation,
    find_space,
    not_measured,
    plain,
    state_line,
    value,
)

SIDES = (Side.RIGHT, Side.LEFT)
# Value, state and slice, and the comparison in two lines; all but the value are small.
LINES = 3.6
# How clearly the program saw both borders: told apart by shape, word and colour.
_LIGHTS = {
    QualityGrade.GREEN: ("●", "#009E73", "borders clear"),
    QualityGrade.AMBER: ("▲", "#E69F00", "borders faint"),
}


class ResultCard(QFrame):
    """Two spaces on two sides. It lies above the tabs, so that nothing scrolls it away."""

    # A measurement whose marks are to be seen closely.
    looked_for = Signal(object, object)

    def __init__(self, texts: Texts) -> None:
        """Build an empty table."""
        super().__init__()
        self.texts = texts
        self._found: Mapping[Side, FoundSide] = {}
        self.setObjectName("ifspace_card")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.cells: dict[tuple[Kind, Side], QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 4, 6, 4)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        for column, side in enumerate(SIDES, start=1):
            grid.addWidget(QLabel(f"<b>{side.value.capitalize()}</b>"), 0, column)
            grid.setColumnStretch(column, 1)
        for row, kind in enumerate(Kind, start=1):
            grid.addWidget(QLabel(f"<b>{kind.value.upper()}</b>"), row, 0)
            for column, side in enumerate(SIDES, start=1):
                grid.addWidget(self._cell(kind, side), row, column)
        self._grid = grid
        self.state = QLabel()
        self.state.setObjectName("ifspace_state")
        self.state.setWordWrap(True)
        self.add_line(self.state)

    def add_line(self, label: QLabel) -> None:
        """Put a sentence about all values under them."""
        self._grid.addWidget(label, self._grid.rowCount(), 0, 1, 1 + len(SIDES))

    def _cell(self, kind: Kind, side: Side) -> QLabel:
        label = QLabel("—")
        label.setWordWrap(True)
        label.setObjectName(f"ifspace_{kind.value}_{side.value}")
        # Nothing below may jump while the distance follows the mouse.
        label.setMinimumHeight(round(label.fontMetrics().height() * LINES))
        label.installEventFilter(self)
        self.cells[kind, side] = label
        return label

    def refresh(
        self, result: StudyResult | None, problem: str | None, found: Mapping[Side, FoundSide]
    ) -> None:
        """Show another result, or why there is none; `found` is what the program proposes."""
        self._found = found
        self.show_values(result)
        self.state.setText((problem or "") if result is None else state_line(result, self.texts))

    def show_values(self, result: StudyResult | None) -> None:
        """Show the numbers alone; quick enough to follow the mouse."""
        for (kind, side), label in self.cells.items():
            space = find_space(result, kind, side) if result is not None else None
            if space is None:
                label.setText("—")
                label.setToolTip("")
            elif isinstance(space.outcome, NotMeasured):
                # In full it stands below the list; here it would push everything away.
                label.setText(
                    f"— <small>{escaped(not_measured(space.outcome, self.texts))}</small>"
                )
                label.setToolTip(self._why(space.outcome))
            else:
                label.setText(self._value(space.outcome) + self._compared(space))
                label.setToolTip("Double click: see its marks closely")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take a double click on a value as the wish to see its marks."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            for (kind, side), label in self.cells.items():
                if label is watched:
                    self.looked_for.emit(kind, side)
        return bool(super().eventFilter(watched, event))

    def _value(self, outcome: Measurement) -> str:
        words = f"<b>{value(outcome, self.texts)}</b>"
        detail = f"{outcome.state.value}, slice {outcome.slice_index + 1}"
        if outcome.second_best_mm is not None:
            detail += f"; next {outcome.second_best_mm:.1f} mm"
        return f"{words}{self._light(outcome)}<br><small>{detail}</small>"

    def _compared(self, space: AssessedSpace) -> str:
        """Say in words how a value lies to the published cut-offs, where there are any."""
        told = [
            f"{self.texts[f'relation.cell.{relation.value}']} {', '.join(map(plain, cutoffs_mm))}"
            for relation, cutoffs_mm in cutoffs_by_relation(space.comparisons).items()
        ]
        return f"<br><small>{escaped('; '.join(told))} mm</small>" if told else ""

    def _light(self, outcome: Measurement) -> str:
        """Say how clearly the program saw the borders, where the value is its own."""
        found = self._found.get(outcome.side)
        if found is None or outcome.state is not MarkState.PROPOSED:
            return ""
        for item in found.readings(outcome.kind):
            if item.slice_index == outcome.slice_index:
                sign, color, words = _LIGHTS[item.grade]
                return f" <small><span style='color:{color}'>{sign}</span> {words}</small>"
        return ""

    def _why(self, outcome: NotMeasured) -> str:
        found = self._found.get(outcome.side)
        return (reason_of(found, outcome.kind) if found is not None else None) or outcome.detail


def escaped(words: str) -> str:
    """Keep words from being read as markup."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
