"""What has to be known beside the values: caveats, the ruler, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from ifspace.landmarks import FoundSide
from ifspace.model import Kind, Severity, Side, StudyResult
from ifspace.reading.caveat_text import caveats_of, panel_words
from ifspace.reading.searches import reason_of
from ifspace.report.texts import Texts
from napari_ifspace.result_card import SIDES, ResultCard, escaped
from napari_ifspace.ruler import Ruler
from napari_ifspace.theme import Colors

WARNING_LENGTH = 100
_SEVERITY = {Severity.REFUSAL: "■ ", Severity.CAUTION: "▲ ", Severity.INFO: "· "}


class AssessmentPanel(QWidget):
    """What the marks mean now."""

    def __init__(self, colors: Colors, texts: Texts) -> None:
        """Build an empty table."""
        super().__init__()
        self.colors = colors
        self.card = ResultCard(texts)
        self.cells = self.card.cells
        self.ruler = Ruler(colors)
        self.caveats = QLabel()
        self.caveats.setWordWrap(True)
        self.caveats.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # The caveats may lie below the edge of a low window; that there are some may not.
        self.warning = QLabel()
        self.warning.setObjectName("ifspace_warning")
        self.warning.setWordWrap(True)
        self.card.add_line(self.warning)
        # Why a space was not found, in full; the card has room for a few words.
        self.reasons = QLabel()
        self.reasons.setObjectName("ifspace_reasons")
        self.reasons.setWordWrap(True)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(0, 0, 0, 0)
        column_box.addWidget(self.ruler)
        column_box.addWidget(self.reasons)
        column_box.addWidget(self.caveats)

    def refresh(
        self,
        result: StudyResult | None,
        problem: str | None = None,
        found: Mapping[Side, FoundSide] | None = None,
    ) -> None:
        """Show another result, or why there is none; `found` is what the program proposes."""
        self.card.refresh(result, problem, found or {})
        self.ruler.show_result(result)
        self.warning.setText("" if result is None else self._warning(result))
        self.caveats.setText("" if result is None else self._caveats(result))
        self.reasons.setText(_reasons(found or {}))
        self._claim_height()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Words wrap otherwise in another width."""
        super().resizeEvent(event)
        self._claim_height()

    def _claim_height(self) -> None:
        """Ask for the height that the wrapped words need: a scroll area does not find out."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumHeight(max(layout.heightForWidth(self.width()), 0))

    def show_values(self, result: StudyResult | None) -> None:
        """Show the numbers alone; quick enough to follow the mouse."""
        self.card.show_values(result)
        self.ruler.show_result(result)

    def _warning(self, result: StudyResult) -> str:
        """Count the caveats and tell the first, which is the most severe."""
        flags = caveats_of(result)
        if not flags:
            return ""
        order = list(Severity)
        worst = max(flags, key=lambda flag: order.index(flag.severity))
        count = "1 caveat" if len(flags) == 1 else f"{len(flags)} caveats, listed below"
        # Two lines; the whole sentence stands in the list.
        detail = escaped(shorten(worst.detail, WARNING_LENGTH, placeholder=" …"))
        words = f"{_SEVERITY[worst.severity]}<b>{count}:</b> {detail}"
        return f"<span style='color:{self.colors.warning.name()}'>{words}</span>"

    def _caveats(self, result: StudyResult) -> str:
        rows = [f"{_SEVERITY[flag.severity]}{escaped(flag.detail)}" for flag in caveats_of(result)]
        note = panel_words(result)
        if note:
            rows.append(f"· {escaped(note)}")
        color = self.colors.warning.name()
        return f"<span style='color:{color}'>" + "<br>".join(rows) + "</span>" if rows else ""


def _reasons(found: Mapping[Side, FoundSide]) -> str:
    """Say in full why the program proposes no value; the same reason once."""
    told: dict[str, list[str]] = {}
    for side in SIDES:
        for kind in Kind if side in found else ():
            reason = reason_of(found[side], kind)
            if reason is not None:
                told.setdefault(reason, []).append(f"{side.value} {kind.value.upper()}")
    rows = (f"No proposal, {', '.join(which)}: {escaped(why)}." for why, which in told.items())
    return "<br>".join(rows)
