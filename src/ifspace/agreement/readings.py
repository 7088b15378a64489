"""Readings of one space by several readers, from a tidy table.

The unit is a hip: one side of one case. Two hips of one person form a cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ifspace.errors import UnreadableInputError
from ifspace.hips import (
    CASE_NAMES,
    CellError,
    Covariates,
    Hip,
    covariates_of,
    hip_of,
    kind_of,
    read_rows,
    value_of,
)
from ifspace.model import Kind
from ifspace.tables import Row, RowProblem, Table, parse_number, plain_text

# Nobody reads a hip this often; such a number is something else in the wrong column.
MOST_REPEATS = 1000

REQUIRED = (CASE_NAMES, "side", "kind", "reader", "value_mm")


@dataclass(frozen=True)
class Reading:
    """One number that one reader read once, or a missing reading."""

    hip: Hip
    kind: Kind
    reader: str
    repeat: int
    value_mm: float | None
    covariates: Covariates
    row: int


@dataclass(frozen=True)
class Readings:
    """All readings of a table and what was wrong with its other rows."""

    readings: tuple[Reading, ...]
    problems: tuple[RowProblem, ...]
    sha256: str

    def of_kind(self, kind: Kind) -> tuple[Reading, ...]:
        """Give the readings of one space."""
        return tuple(item for item in self.readings if item.kind is kind)


def readings_from_table(table: Table) -> Readings:
    """Turn a table into readings; rows that cannot be used are named, not fatal.

    Without a column ``reading``, several rows of one reader for one hip count as repeats in the
    order of the file.

    Raises
    ------
    UnreadableInputError
        If a column is missing or not one row can be used.
    """
    table.require(REQUIRED)
    rows, problems = read_rows(table, _reading)
    readings = [reading for _, reading in rows]
    if "reading" not in table.columns:
        readings, repeated = _drop_repeated_rows(readings, table.rows)
        readings, problems = _number_repeats(readings), problems + repeated
    kept, clashes = _drop_clashes(readings)
    problems = sorted([*problems, *clashes], key=lambda problem: problem.row)
    if not any(item.value_mm is not None for item in kept):
        message = (
            "no row of the table holds a usable reading"
            + (f"; row {problems[0].row}: {problems[0].detail}" if problems else "")
            + "; expected one row per reading with its value in value_mm"
        )
        raise UnreadableInputError(message)
    return Readings(tuple(kept), tuple(problems), table.sha256)


def _reading(row: Row) -> Reading:
    hip, reader = hip_of(row), plain_text(row.text("reader"))
    if not reader:
        raise CellError("reader_missing", "the row names no reader")
    return Reading(
        hip, kind_of(row), reader, _repeat(row), value_of(row), covariates_of(row), row.number
    )


def _repeat(row: Row) -> int:
    text = row.text("reading")
    number = parse_number(text) if text else 1.0
    if number is None or not 1 <= number <= MOST_REPEATS or number != int(number):
        raise CellError("repeat_unknown", f"reading is {text!r}, expected 1, 2, 3 ...")
    return int(number)


def _place(item: Reading) -> tuple[object, ...]:
    return (item.kind, item.hip, item.reader, item.repeat)


def _drop_repeated_rows(
    found: Iterable[Reading], rows: Sequence[Row]
) -> tuple[list[Reading], list[RowProblem]]:
    """Drop rows that repeat another cell for cell: they are copies, not second readings."""
    cells = {row.number: tuple(row.cells.items()) for row in rows}
    first: dict[object, int] = {}
    kept, problems = [], []
    for item in found:
        number = first.setdefault(cells[item.row], item.row)
        if number == item.row:
            kept.append(item)
            continue
        detail = f"the row repeats row {number}; a second reading needs a column reading"
        problems.append(RowProblem(item.row, "row_repeated", detail))
    return kept, problems


def _number_repeats(found: Iterable[Reading]) -> list[Reading]:
    counts: dict[tuple[object, ...], int] = defaultdict(int)
    numbered = []
    for item in found:
        counts[_place(item)] += 1
        numbered.append(replace(item, repeat=counts[_place(item)]))
    return numbered


def _drop_clashes(found: Sequence[Reading]) -> tuple[list[Reading], list[RowProblem]]:
    """Drop every row of a reading that is given twice: which one is meant cannot be known."""
    rows: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for item in found:
        rows[_place(item)].append(item.row)
    kept, problems = [], []
    for item in found:
        others = [number for number in rows[_place(item)] if number != item.row]
        if not others:
            kept.append(item)
            continue
        detail = f"the same reading also stands in row {others[0]}; none of them is used"
        problems.append(RowProblem(item.row, "reading_repeated", detail))
    return kept, problems
