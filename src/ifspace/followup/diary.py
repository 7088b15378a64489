"""The person's own record beside the millimetres: pain, range of motion, training load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ifspace.errors import UnreadableInputError
from ifspace.tables import Row, RowProblem, Table, parse_number

DATE_COLUMN = "date"
# Larger numbers do not come from a person's record, and no axis could show them.
LARGEST_ENTRY = 1e6


@dataclass(frozen=True)
class Record:
    """One thing that was written down over time."""

    name: str
    entries: tuple[tuple[date, float], ...]


@dataclass(frozen=True)
class Diary:
    """All records, and the cells that could not be used."""

    records: tuple[Record, ...]
    problems: tuple[RowProblem, ...]


def diary_from_table(table: Table) -> Diary:
    """Read a table with a column ``date`` and one column per record; empty cells are no entry.

    Raises
    ------
    UnreadableInputError
        If there is no column ``date``, no other column, or no usable entry.
    """
    table.require((DATE_COLUMN,))
    names = [name for name in table.columns if name and name != DATE_COLUMN]
    entries: dict[str, list[tuple[date, float]]] = {name: [] for name in names}
    problems = list(table.problems)
    for row in table.rows:
        day = parse_day(row.text(DATE_COLUMN))
        if day is None:
            detail = f"date is {row.text(DATE_COLUMN)!r}, expected year-month-day"
            problems.append(RowProblem(row.number, "not_a_date", detail))
            continue
        for name, value in _numbers(row, names, problems):
            entries[name].append((day, value))
    records = tuple(
        Record(name, tuple(sorted(values))) for name, values in entries.items() if values
    )
    if not records:
        message = "the diary holds no usable entry; expected a date and a number in each row"
        raise UnreadableInputError(message)
    return Diary(records, tuple(sorted(problems, key=lambda problem: problem.row)))


def parse_day(text: str) -> date | None:
    """Read a day written as 2025-01-31; nothing where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _numbers(row: Row, names: list[str], problems: list[RowProblem]) -> Iterator[tuple[str, float]]:
    for name in names:
        text = row.text(name)
        if not text:
            continue
        value = parse_number(text)
        if value is None or abs(value) > LARGEST_ENTRY:
            detail = f"{name} is {text!r}, expected a number with a decimal point, up to a million"
            problems.append(RowProblem(row.number, "not_a_number", detail))
        else:
            yield name, value
