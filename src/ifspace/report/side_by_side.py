"""Several readings of one study beside each other: both values, their difference, and the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Any

import numpy as np

from ifspace.model import (
    SIDES_AS_SEEN,
    Flag,
    FlagCode,
    Kind,
    Measurement,
    Severity,
    Side,
    StudyResult,
)
from ifspace.report import wording
from ifspace.report.table import table_text

COLUMNS = (
    "kind",
    "side",
    "reading",
    "reader",
    "value_mm",
    "u95_mm",
    "difference_mm",
    "pooled_mm",
    "pooled_u95_mm",
)


@dataclass(frozen=True)
class SpaceReadings:
    """What several readers measured of one space: nothing where a reader has no number."""

    kind: Kind
    side: Side
    readings: tuple[Measurement | None, ...]

    @property
    def values_mm(self) -> list[float]:
        """The numbers that there are."""
        return [item.value_mm for item in self.readings if item is not None]

    @property
    def difference_mm(self) -> float | None:
        """Largest minus smallest; nothing for one number."""
        values_mm = self.values_mm
        return max(values_mm) - min(values_mm) if len(values_mm) > 1 else None

    @property
    def pooled(self) -> tuple[float, float] | None:
        """Mean and 95 % half-width, which is never less than half the difference."""
        measured = [item for item in self.readings if item is not None]
        if len(measured) < 2 or self.difference_mm is None:
            return None
        u95_mm = hypot(*(item.u95_mm for item in measured)) / len(measured)
        return float(np.mean(self.values_mm)), max(u95_mm, self.difference_mm / 2.0)


def reader_names(results: Sequence[StudyResult]) -> list[str]:
    """Name every reading by its reader, or by its number where readers share a name."""
    names = [result.session.reader or "" for result in results]
    return [
        name if name and names.count(name) == 1 else f"{name or 'reading'} {number}"
        for number, name in enumerate(names, start=1)
    ]


def _names(results: Sequence[StudyResult], *, named: bool) -> list[str]:
    if named:
        return reader_names(results)
    return [f"reading {number}" for number in range(1, len(results) + 1)]


def side_by_side(results: Sequence[StudyResult]) -> list[SpaceReadings]:
    """Lay the readings of one study beside each other, the patient's right first."""
    rows = []
    for side in SIDES_AS_SEEN:
        for kind in Kind:
            found = [wording.find_space(result, kind, side) for result in results]
            readings = tuple(
                space.outcome
                if space is not None and isinstance(space.outcome, Measurement)
                else None
                for space in found
            )
            if any(space is not None for space in found):
                rows.append(SpaceReadings(kind, side, readings))
    return rows


def naming_each_other(results: Sequence[StudyResult], *, named: bool) -> list[StudyResult]:
    """Add to every reading a caution that says what the others measured.

    Readers are `named` or only numbered.
    """
    rows, names = side_by_side(results), _names(results, named=named)
    told = []
    for own, result in enumerate(results):
        flags = [
            Flag(FlagCode.OTHER_READING, Severity.CAUTION, _said(rows, own, other, names[other]))
            for other in range(len(results))
            if other != own
        ]
        told.append(replace(result, flags=(*flags, *result.flags)))
    return told


def _said(rows: Sequence[SpaceReadings], own: int, other: int, name: str) -> str:
    parts = []
    for row in rows:
        pair = SpaceReadings(row.kind, row.side, (row.readings[own], row.readings[other]))
        theirs, pooled = row.readings[other], pair.pooled
        space = f"{row.side.value} {row.kind.name}"
        if not pair.values_mm:
            continue
        if theirs is None:
            parts.append(f"{space} not measured")
        elif pooled is None or pair.difference_mm is None:
            parts.append(f"{space} {wording.millimetres(theirs.value_mm)} mm")
        else:
            parts.append(
                f"{space} {wording.millimetres(theirs.value_mm)} mm, difference"
                f" {wording.millimetres(pair.difference_mm)} mm, pooled"
                f" {wording.millimetres(pooled[0])} ± {wording.u95_millimetres(pooled[1])} mm"
            )
    return f"Another reading ({name}) gives {'; '.join(parts)}."


def readings_table(results: Sequence[StudyResult]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Give the column names and one row per space for a terminal, lengths in mm."""
    rows = [
        [
            row.side.value,
            row.kind.name,
            *("–" if item is None else wording.millimetres(item.value_mm) for item in row.readings),
            "–" if row.difference_mm is None else wording.millimetres(row.difference_mm),
            "–"
            if row.pooled is None
            else f"{wording.millimetres(row.pooled[0])} ± {wording.u95_millimetres(row.pooled[1])}",
        ]
        for row in side_by_side(results)
    ]
    return ("side", "space, mm", *reader_names(results), "difference", "pooled"), rows


def readings_csv(results: Sequence[StudyResult], *, named: bool) -> str:
    """Give one row for every space and reading, unrounded, what is missing empty."""
    names = _names(results, named=named)
    rows: list[dict[str, Any]] = []
    for row in side_by_side(results):
        pooled = row.pooled or (None, None)
        for number, item in enumerate(row.readings, start=1):
            rows.append(
                {
                    "kind": row.kind.value,
                    "side": row.side.value,
                    "reading": number,
                    "reader": names[number - 1],
                    "value_mm": None if item is None else item.value_mm,
                    "u95_mm": None if item is None else item.u95_mm,
                    "difference_mm": row.difference_mm,
                    "pooled_mm": pooled[0],
                    "pooled_u95_mm": pooled[1],
                }
            )
    return table_text(COLUMNS, rows)
