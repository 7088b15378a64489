"""Hips of cases and of controls, from a table with one row per hip and space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    sex_of,
    value_of,
)
from ifspace.model import Kind
from ifspace.statistics import cluster_index
from ifspace.statistics.clusters import Floats, Ints
from ifspace.tables import Row, RowProblem, Table, plain_text

# Group names that are recognised as cases or as controls.
CASE_WORDS = ("case", "cases", "symptomatic", "ifi", "positive", "yes", "true", "1")
CONTROL_WORDS = ("control", "controls", "asymptomatic", "negative", "no", "false", "0", "healthy")


@dataclass(frozen=True)
class HipValue:
    """One space of one hip, and to which group the hip belongs."""

    hip: Hip
    kind: Kind
    value_mm: float
    is_case: bool
    covariates: Covariates
    sex: str | None


@dataclass(frozen=True)
class GroupTable:
    """All usable hips, what the groups are called, and what could not be used."""

    values: tuple[HipValue, ...]
    column: str
    case_name: str
    control_name: str
    problems: tuple[RowProblem, ...]
    missing: int
    averaged: int
    sha256: str

    def of_kind(self, kind: Kind) -> Hips:
        """Give the hips of one space as arrays."""
        return Hips(tuple(item for item in self.values if item.kind is kind))


@dataclass(frozen=True, eq=False)
class Hips:
    """Hips of one space as arrays of one length (n,)."""

    items: tuple[HipValue, ...]

    @property
    def values_mm(self) -> Floats:
        """The distances."""
        return np.asarray([item.value_mm for item in self.items], dtype=np.float64)

    @property
    def is_case(self) -> NDArray[np.bool_]:
        """Which hips belong to the cases."""
        return np.asarray([item.is_case for item in self.items], dtype=np.bool_)

    @property
    def persons(self) -> Ints:
        """The person of every hip, numbered."""
        return cluster_index([item.hip.person for item in self.items])

    def where(self, chosen: Sequence[bool]) -> Hips:
        """Keep some of the hips."""
        return Hips(tuple(item for item, one in zip(self.items, chosen, strict=True) if one))


def groups_from_table(table: Table, column: str, cases: str | None = None) -> GroupTable:
    """Read hips and their groups; several readings of a hip are averaged.

    Parameters
    ----------
    table
        One row per hip, space and reading.
    column
        The column that holds two different names, one per group.
    cases
        The name of the cases, where it is not recognised.

    Raises
    ------
    UnreadableInputError
        If a column is missing, there are not two groups, or none is known as the cases.
    """
    name = column.strip().lower()
    table.require((CASE_NAMES, "side", "kind", "value_mm", name))
    case_name, control_name = _names(table, name, cases)
    read: dict[tuple[Kind, Hip], list[tuple[int, HipValue]]] = defaultdict(list)
    rows, problems = read_rows(table, lambda row: _value(row, name, case_name))
    for number, value in rows:
        if value is not None:
            read[value.kind, value.hip].append((number, value))
    missing = sum(value is None for _, value in rows)
    kept, contradicted = _drop_contradicted(read)
    problems = sorted([*problems, *contradicted], key=lambda problem: problem.row)
    averaged = sum(len(items) > 1 for items in kept.values())
    values = tuple(_mean(items) for _, items in sorted(kept.items()))
    if not values:
        message = "no row of the table holds a usable value; expected millimetres in value_mm"
        raise UnreadableInputError(message)
    return GroupTable(
        values, name, case_name, control_name, tuple(problems), missing, averaged, table.sha256
    )


def _names(table: Table, column: str, cases: str | None) -> tuple[str, str]:
    """Find the two group names of the column, cases first."""
    words = sorted({plain_text(row.text(column)) for row in table.rows if row.text(column)})
    if len(words) != 2:
        shown = ", ".join(words[:6]) or "nothing"
        count = f"{len(words)} {'group' if len(words) == 1 else 'groups'}"
        message = (
            f"column {column} holds {count} ({shown}), expected two; keep the rows of two groups"
        )
        raise UnreadableInputError(message)
    if cases is not None:
        if cases not in words:
            message = f"no group is called {cases!r}; column {column} holds {' and '.join(words)}"
            raise UnreadableInputError(message)
        return cases, next(word for word in words if word != cases)
    for first, second in (words, reversed(words)):
        if first.lower() in CASE_WORDS or second.lower() in CONTROL_WORDS:
            return first, second
    message = f"which of {' and '.join(words)} are the cases is not clear; name them with --cases"
    raise UnreadableInputError(message)


def _value(row: Row, column: str, case_name: str) -> HipValue | None:
    group = plain_text(row.text(column))
    if not group:
        raise CellError("group_missing", f"the row has nothing in column {column}")
    value_mm = value_of(row)
    hip, kind, covariates = hip_of(row), kind_of(row), covariates_of(row)
    if value_mm is None:
        return None
    return HipValue(hip, kind, value_mm, group == case_name, covariates, sex_of(row))


def _drop_contradicted(
    read: Mapping[tuple[Kind, Hip], Sequence[tuple[int, HipValue]]],
) -> tuple[dict[tuple[Kind, Hip], list[HipValue]], list[RowProblem]]:
    """Drop every row of a hip that is in both groups: which one is meant cannot be known."""
    kept: dict[tuple[Kind, Hip], list[HipValue]] = {}
    problems: list[RowProblem] = []
    detail = "another row puts the same hip into the other group; none of them is used"
    for place, rows in read.items():
        if len({item.is_case for _, item in rows}) == 1:
            kept[place] = [item for _, item in rows]
        else:
            problems += [RowProblem(row, "group_contradicted", detail) for row, _ in rows]
    return kept, problems


def _mean(items: Sequence[HipValue]) -> HipValue:
    first = items[0]
    value_mm = float(np.mean([item.value_mm for item in items]))
    return HipValue(first.hip, first.kind, value_mm, first.is_case, first.covariates, first.sex)
