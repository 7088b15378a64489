"""Read and write CSV tables with named columns and numbered rows.

A table is read leniently (comma or semicolon, with or without a byte order mark) and its cells
strictly: a cell that is not what its column says becomes a :class:`RowProblem` with the number of
its row, so that one bad cell excludes one row only.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ifspace.errors import UnreadableInputError

Content = TypeVar("Content")

# Spreadsheets of countries with a decimal comma write semicolons between the cells.
DELIMITERS = (",", ";", "\t")

# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# What makes it plain text.
TEXT_MARK = "'"


@dataclass(frozen=True)
class RowProblem:
    """A row, or a cell of it, that cannot be used: where, a code for programs, a sentence."""

    row: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Row:
    """One row: its number as a spreadsheet shows it, and its cells by column name."""

    number: int
    cells: Mapping[str, str]

    def text(self, *names: str) -> str:
        """Give the first cell that is not empty among columns that mean the same."""
        for name in names:
            if self.cells.get(name):
                return self.cells[name]
        return ""


@dataclass(frozen=True)
class Table:
    """A table and the hash of the file that it was read from.

    `problems` names rows that are not among `rows`: their cells do not fit under the header.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    sha256: str
    problems: tuple[RowProblem, ...] = ()

    def require(self, names: Sequence[str | tuple[str, ...]]) -> None:
        """Refuse a table that lacks a column; a tuple holds names that mean the same.

        Raises
        ------
        UnreadableInputError
            If one is missing; names it and what is there.
        """
        for name in names:
            choices = (name,) if isinstance(name, str) else name
            if not set(choices) & set(self.columns):
                message = (
                    f"the table has no column {' or '.join(choices)}; its columns are"
                    f" {', '.join(self.columns)}; rename or add it"
                )
                raise UnreadableInputError(message)

    def require_every_row(self, name: str) -> None:
        """Refuse a table of which a row was left out, where none may be missing.

        Raises
        ------
        UnreadableInputError
            If there is one; names it.
        """
        if self.problems:
            first = self.problems[0]
            message = f"{name}, row {first.row}: {first.detail}"
            raise UnreadableInputError(message)


def read_table(path: Path) -> Table:
    """Read a CSV file with a header row.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, is no text, or has no header or no rows.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}; check its path"
        raise UnreadableInputError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path.name} is not UTF-8 text; save the table as CSV in UTF-8"
        raise UnreadableInputError(message) from error
    if "\0" in text:
        message = f"{path.name} is not a text table; save it as CSV in UTF-8"
        raise UnreadableInputError(message)
    columns, lines = _parse(text, path.name)
    problems = tuple(
        RowProblem(number, "too_many_cells", _too_many_cells(len(line), len(columns)))
        for number, line in lines
        if len(line) > len(columns)
    )
    rows = tuple(
        Row(number, {key: cell.strip() for key, cell in zip(columns, line, strict=False) if key})
        for number, line in lines
        if len(line) <= len(columns)
    )
    return Table(columns, rows, hashlib.sha256(content).hexdigest(), problems)


def _too_many_cells(found: int, expected: int) -> str:
    # In a table with commas, 12,5 without quotes would be read as 12.
    return (
        f"the row has {found} cells, the header {expected}; write decimal points, and put a cell"
        " that holds a separator into quotes"
    )


def _parse(text: str, name: str) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    """Give the names of the columns, and the cells of every row that is not empty."""
    first_line = text.lstrip().split("\n", maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    try:
        source = io.StringIO(text.lstrip(), newline="")
        # A quote that is never closed would swallow the rows after it without a word. Between tabs
        # (BIDS) quotes are letters like others.
        lines = list(csv.reader(source, delimiter=delimiter, strict=delimiter != "\t"))
    except csv.Error as error:
        message = f"{name} is not a valid CSV table ({error}); save it as CSV in UTF-8"
        raise UnreadableInputError(message) from error
    columns = tuple(cell.strip().lower() for cell in lines[0]) if lines else ()
    repeated = sorted({column for column in columns if column and columns.count(column) > 1})
    if repeated:
        message = f"{name} has the column {repeated[0]} twice; keep one of them"
        raise UnreadableInputError(message)
    held = [
        (number, line)
        for number, line in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in line)
    ]
    if not held:
        message = f"{name} holds no rows below its header; expected a table with one row per value"
        raise UnreadableInputError(message)
    return columns, held


def csv_bytes(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Write a table as spreadsheets and `read_table` read it.

    Text that a spreadsheet would run is marked; `plain_text` takes the mark away. Numbers stay.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_safe_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode("utf-8")


def _safe_cell(cell: object) -> object:
    """Mark text that is no number: what was read as text may be a length below zero."""
    if not isinstance(cell, str) or parse_number(cell) is not None:
        return cell
    return marked_text(cell)


def marked_text(text: str) -> str:
    """Make text that a spreadsheet would run plain text."""
    return f"{TEXT_MARK}{text}" if text.startswith(FORMULA_STARTS) else text


def plain_text(text: str) -> str:
    """Take the mark away that tells a spreadsheet to run nothing."""
    return text.removeprefix(TEXT_MARK)


def parse_number(text: str) -> float | None:
    """Read a finite number with a decimal point; nothing where it is not one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """Write JSON as all our files have it: indented by one, unrounded, half characters as ``?``."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode(errors="replace")


def read_json(path: Path, parse: Callable[[Any], Content], expected: str) -> Content:
    """Read a JSON file of another command; `parse` raises where it is unlike its schema.

    Raises
    ------
    UnreadableInputError
        If it cannot be read or is not what is `expected`.
    """
    try:
        return parse(json.loads(path.read_bytes()))
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}; check its path"
        raise UnreadableInputError(message) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path.name} is not {expected}; choose another"
        raise UnreadableInputError(message) from error
