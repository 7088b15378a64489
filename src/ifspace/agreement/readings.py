"""Readings of one space by several readers, from a tidy table.

The unit is a hip: one side of one case. Two hips of one person form a cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ifspace.errors import UnreadableInputError
from ifspace.model import Kind, Side
from ifspace.tables import Row, RowProblem, Table, parse_number

# The first name is ours; the others are what `measure` and most people write.
CASE_NAMES = ("case", "study", "study_instance_uid")
PERSON_NAMES = ("person", "patient")
AGE_NAMES = ("age_years", "patient_age_years")
REQUIRED = (CASE_NAMES, "side", "kind", "reader", "value_mm")
UNMEASURED = "not_measured"

# A spreadsheet-safe table marks text that would run as a formula with this.
TEXT_MARK = "'"


@dataclass(frozen=True, order=True)
class Hip:
    """One side of one case, and the person whose it is."""

    person: str
    case: str
    side: Side


@dataclass(frozen=True)
class Facts:
    """What decides which published cut-offs apply to a hip."""

    age_years: float | None = None
    hip_rotation: str | None = None


@dataclass(frozen=True)
class Reading:
    """One number that one reader read once, or the empty place of one that is missing."""

    hip: Hip
    kind: Kind
    reader: str
    repeat: int
    value_mm: float | None
    facts: Facts = Facts()
    row: int = 0


@dataclass(frozen=True)
class Readings:
    """All readings of a table and what was wrong with its other rows."""

    readings: tuple[Reading, ...]
    problems: tuple[RowProblem, ...]
    sha256: str

    def of_kind(self, kind: Kind) -> tuple[Reading, ...]:
        """Give the readings of one space."""
        return tuple(item for item in self.readings if item.kind is kind)


class _ProblemError(Exception):
    """Ends the reading of one row; never leaves this file."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


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
    found: list[Reading] = []
    problems: list[RowProblem] = []
    for row in table.rows:
        try:
            found.append(_reading(row))
        except _ProblemError as problem:
            problems.append(RowProblem(row.number, problem.reason, problem.detail))
    numbered = "reading" in table.columns
    if not numbered:
        found, repeated = _drop_repeated_rows(found, table.rows)
        found, problems = _number_repeats(found), problems + repeated
    kept, clashes = _drop_clashes(found)
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
    case, reader = _plain(row.text(*CASE_NAMES)), _plain(row.text("reader"))
    if not case:
        raise _ProblemError("case_missing", "the row names no case")
    if not reader:
        raise _ProblemError("reader_missing", "the row names no reader")
    hip = Hip(_plain(row.text(*PERSON_NAMES)) or case, case, side_of(row))
    return Reading(
        hip,
        kind_of(row),
        reader,
        _repeat(row),
        value_of(row),
        Facts(age_of(row), row.text("hip_rotation") or None),
        row.number,
    )


def _plain(text: str) -> str:
    return text.removeprefix(TEXT_MARK)


def side_of(row: Row) -> Side:
    """Read the side.

    Raises
    ------
    _ProblemError
        If it is neither left nor right.
    """
    text = row.text("side").lower()
    sides = {"left": Side.LEFT, "l": Side.LEFT, "right": Side.RIGHT, "r": Side.RIGHT}
    if text not in sides:
        raise _ProblemError("side_unknown", f"side is {text!r}, expected left or right")
    return sides[text]


def kind_of(row: Row) -> Kind:
    """Read which space it is."""
    text = row.text("kind").lower()
    if text not in [kind.value for kind in Kind]:
        raise _ProblemError("kind_unknown", f"kind is {text!r}, expected ifs or qfs")
    return Kind(text)


def value_of(row: Row) -> float | None:
    """Read the millimetres; an empty cell is a missing reading, text is a problem."""
    text = row.text("value_mm")
    if not text or row.text("status") == UNMEASURED:
        return None
    value_mm = parse_number(text)
    if value_mm is None:
        hint = "; write a decimal point" if "," in text else ""
        raise _ProblemError("not_a_number", f"value_mm is {text!r}, expected a number{hint}")
    if value_mm <= 0.0:
        raise _ProblemError("not_a_length", f"value_mm is {text}, expected a length above zero")
    return value_mm


def age_of(row: Row) -> float | None:
    """Read the age, where there is one."""
    text = row.text(*AGE_NAMES)
    age_years = parse_number(text) if text else None
    if text and (age_years is None or not 0.0 <= age_years <= 130.0):
        raise _ProblemError("not_an_age", f"age is {text!r}, expected years")
    return age_years


def _repeat(row: Row) -> int:
    text = row.text("reading")
    number = parse_number(text) if text else 1.0
    if number is None or number < 1 or number != int(number):
        raise _ProblemError("repeat_unknown", f"reading is {text!r}, expected 1, 2, 3 ...")
    return int(number)


def _place(item: Reading) -> tuple[object, ...]:
    return (item.kind, item.hip, item.reader, item.repeat)


def _drop_repeated_rows(
    found: Iterable[Reading], rows: Sequence[Row]
) -> tuple[list[Reading], list[RowProblem]]:
    """Drop rows that stand in the table twice, cell for cell: copied, not read again."""
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
