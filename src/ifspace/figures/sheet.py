"""A page as a row of blocks: what statistics have to say, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ifspace.figures.chart import Chart
from ifspace.notice import NOTICE

Block = dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """A document: its title, a line under it, its blocks and who made it."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
    software: str

    def as_data(self) -> dict[str, Any]:
        """Give the sheet as plain JSON values for the template, the notice included."""
        return {
            "title": self.title,
            "subtitle": self.subtitle,
            "blocks": list(self.blocks),
            "software": self.software,
            "notice": NOTICE,
        }


def heading(text: str, *, level: int = 2, new_page: bool = False) -> Block:
    """Make a heading."""
    return {"kind": "heading", "text": text, "level": level, "new_page": new_page}


def paragraph(text: str, *, small: bool = False) -> Block:
    """Make a paragraph; a small one is a note to what stands above."""
    return {"kind": "paragraph", "text": text, "small": small}


def items(texts: Sequence[str], *, small: bool = False) -> Block:
    """Make a list."""
    return {"kind": "items", "texts": list(texts), "small": small}


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[float] = (),
    bold_first: bool = False,
) -> Block:
    """Make a table; `widths` are shares of the page, equal where not given."""
    return {
        "kind": "table",
        "header": list(header),
        "rows": [list(row) for row in rows],
        "widths": list(widths) or [1.0] * len(header),
        "bold_first": bold_first,
    }


def facts(entries: Sequence[tuple[str, str]]) -> Block:
    """Make the grey panel of labels and values at the head of a page."""
    return {
        "kind": "facts",
        "entries": [{"label": label, "value": value} for label, value in entries],
    }


def callout(title: str, texts: Sequence[str]) -> Block:
    """Make a block with a coloured edge for what must not be overlooked."""
    return {"kind": "callout", "title": title, "texts": list(texts)}


def charts(drawn: Sequence[Chart], *, columns: int = 2) -> Block:
    """Put charts side by side."""
    return {"kind": "charts", "charts": [chart.as_data() for chart in drawn], "columns": columns}
