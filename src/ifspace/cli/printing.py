"""How results reach standard output: JSON for programs, plain tables for people."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

# Wide enough that no column wraps when the output is a file or a pipe.
PIPE_WIDTH = 200
# Control and format characters, halves of surrogate pairs (file names that are no UTF-8), and
# separators of lines: a terminal obeys them, or a reader is misled by them.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    """Write what a terminal would obey as its code, as Python writes it in a string.

    Descriptions and file names are written by others; everything passes here before it is shown.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in UNSEEN
        else letter
        for letter in text
    )


def print_json(data: Any) -> None:
    """Print JSON, one document, with a newline at its end."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    # JSON escapes the control characters of ASCII, and leaves those beyond it as they are.
    sys.stdout.write("\n".join(_json_line(line) for line in text.split("\n")) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; no colour and no box characters where nobody looks at a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else PIPE_WIDTH, highlight=False)
    table = Table(title=_plain(title) or None, box=box.SIMPLE_HEAD if terminal else box.ASCII2)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    console.print(table)


def print_line(text: str) -> None:
    """Print one line."""
    sys.stdout.write(printable(text) + "\n")


def _json_line(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        json.dumps(letter)[1:-1] if unicodedata.category(letter) in UNSEEN else letter
        for letter in line
    )


def _plain(cell: str) -> str:
    from rich.markup import escape

    return escape(printable(cell))
