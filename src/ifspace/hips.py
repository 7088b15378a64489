"""Cells of a table row about one hip: person, case, side, kind, millimetres, age and sex.

Shared by everything that reads tables of readings or of measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ifspace.model import Kind, Side
from ifspace.tables import Row, RowProblem, Table, parse_number, plain_text

# The first name is ours; the others are what `measure` and most people write.
CASE_NAMES = ("case", "study", "study_instance_uid")
PERSON_NAMES = ("person", "patient")
AGE_NAMES = ("age_years", "patient_age_years")
SEX_NAMES = ("sex", "patient_sex")
UNMEASURED = "not_measured"

OLDEST_YEARS = 130.0
# No hip has a space this wide: what lies above it was written in another unit, or is a slip.
WIDEST_MM = 100.0

SIDE_OF_NAME = {"left": Side.LEFT, "l": Side.LEFT, "right": Side.RIGHT, "r": Side.RIGHT}
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}


class CellError(Exception):
    """A cell that does not hold what its column requires: a code for programs and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, order=True)
class Hip:
    """One side of one case of one person."""

    person: str
    case: str
    side: Side


@dataclass(frozen=True)
class Covariates:
    """Age and hip rotation: they decide which published cut-offs apply to a hip."""

    age_years: float | None = None
    hip_rotation: str | None = None


Value = TypeVar("Value")


def read_rows(
    table: Table, read: Callable[[Row], Value]
) -> tuple[list[tuple[int, Value]], list[RowProblem]]:
    """Read every row, each with its number; a row with a `CellError` becomes a problem."""
    values: list[tuple[int, Value]] = []
    problems = list(table.problems)
    for row in table.rows:
        try:
            values.append((row.number, read(row)))
        except CellError as error:
            problems.append(RowProblem(row.number, error.reason, error.detail))
    return values, problems


def hip_of(row: Row) -> Hip:
    """Read the hip of a row; without a column of persons, every case is one person.

    Raises
    ------
    CellError
        If there is no case or the side is neither left nor right.
    """
    case = plain_text(row.text(*CASE_NAMES))
    if not case:
        raise CellError("case_missing", "the row names no case")
    side = row.text("side").lower()
    if side not in SIDE_OF_NAME:
        raise CellError("side_unknown", f"side is {side!r}, expected left or right")
    return Hip(plain_text(row.text(*PERSON_NAMES)) or case, case, SIDE_OF_NAME[side])


def kind_of(row: Row) -> Kind:
    """Read the kind of space.

    Raises
    ------
    CellError
        If it is neither ifs nor qfs.
    """
    text = row.text("kind").lower()
    if text not in [kind.value for kind in Kind]:
        raise CellError("kind_unknown", f"kind is {text!r}, expected ifs or qfs")
    return Kind(text)


def value_of(row: Row) -> float | None:
    """Read the millimetres; an empty cell is a missing reading, text is a problem.

    Raises
    ------
    CellError
        If it is no number or no length.
    """
    text = row.text("value_mm")
    if not text or row.text("status") == UNMEASURED:
        return None
    value_mm = parse_number(text)
    if value_mm is None:
        hint = "; write a decimal point" if "," in text else ""
        raise CellError("not_a_number", f"value_mm is {text!r}, expected a number{hint}")
    if not 0.0 < value_mm < WIDEST_MM:
        detail = f"value_mm is {text}, expected a length above 0 and below {WIDEST_MM:.0f} mm"
        raise CellError("not_a_length", detail)
    return value_mm


def covariates_of(row: Row) -> Covariates:
    """Read age and hip rotation, where the row has them.

    Raises
    ------
    CellError
        If the age is none.
    """
    text = row.text(*AGE_NAMES)
    age_years = parse_number(text) if text else None
    if text and (age_years is None or not 0.0 <= age_years <= OLDEST_YEARS):
        raise CellError("not_an_age", f"age is {text!r}, expected years")
    return Covariates(age_years, row.text("hip_rotation") or None)


def sex_of(row: Row) -> str | None:
    """Read the sex as F or M; nothing where it is neither."""
    return _SEXES.get(row.text(*SEX_NAMES).lower())
