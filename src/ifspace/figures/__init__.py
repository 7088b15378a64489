"""Charts and sheets of statistics: the same data become SVG, PNG and a page of the PDF."""

from ifspace.figures.chart import Axis, Bars, Chart, Dots, Level, Line, axis_around
from ifspace.figures.paper import chart_files, sheet_pdf, write_study
from ifspace.figures.sheet import (
    Block,
    Sheet,
    callout,
    charts,
    facts,
    heading,
    items,
    paragraph,
    table,
)

__all__ = [
    "Axis",
    "Bars",
    "Block",
    "Chart",
    "Dots",
    "Level",
    "Line",
    "Sheet",
    "axis_around",
    "callout",
    "chart_files",
    "charts",
    "facts",
    "heading",
    "items",
    "paragraph",
    "sheet_pdf",
    "table",
    "write_study",
]
