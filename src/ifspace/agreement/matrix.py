"""Readings of one comparison: a row per hip, a column per reader or repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.agreement.readings import Reading
from ifspace.hips import Covariates, Hip
from ifspace.statistics import cluster_index
from ifspace.statistics.clusters import Floats, Ints


@dataclass(frozen=True, eq=False)
class Matrix:
    """Complete readings: `values_mm` (n hips, k columns), no gap in it.

    `left_out` counts the hips that some column, but not every one, has a reading of.
    """

    columns: tuple[str, ...]
    hips: tuple[Hip, ...]
    covariates: tuple[Covariates, ...]
    values_mm: Floats
    left_out: int

    @property
    def persons(self) -> Ints:
        """The person of every row, numbered (n,)."""
        return cluster_index([hip.person for hip in self.hips])

    @property
    def person_count(self) -> int:
        """How many persons there are."""
        return len({hip.person for hip in self.hips})


def between_readers(readings: Sequence[Reading], readers: Sequence[str]) -> Matrix:
    """Arrange the first reading of every reader in columns."""
    first = {(item.hip, item.reader): item for item in reversed(_by_repeat(readings))}
    return _matrix(readers, [{h: i for (h, r), i in first.items() if r == n} for n in readers])


def within_reader(readings: Sequence[Reading], reader: str) -> Matrix:
    """Arrange the repeats of one reader in columns."""
    own = [item for item in readings if item.reader == reader and item.value_mm is not None]
    repeats = sorted({item.repeat for item in own})
    columns = [{item.hip: item for item in own if item.repeat == number} for number in repeats]
    return _matrix([f"{reader}, reading {number}" for number in repeats], columns)


def _by_repeat(readings: Sequence[Reading]) -> list[Reading]:
    given = [item for item in readings if item.value_mm is not None]
    return sorted(given, key=lambda item: item.repeat)


def _matrix(names: Sequence[str], columns: Sequence[dict[Hip, Reading]]) -> Matrix:
    everywhere = sorted(set.intersection(*map(set, columns))) if columns else []
    somewhere = set().union(*map(set, columns))
    values = [[column[hip].value_mm for column in columns] for hip in everywhere]
    covariates = tuple(columns[0][hip].covariates for hip in everywhere)
    shape = (len(everywhere), len(columns))
    values_mm = np.asarray(values, dtype=np.float64).reshape(shape)
    return Matrix(
        tuple(names), tuple(everywhere), covariates, values_mm, len(somewhere) - len(everywhere)
    )


def columns_of(matrix: Matrix, first: int, second: int) -> Matrix:
    """Take two columns out of a matrix."""
    picked = [first, second]
    return Matrix(
        tuple(matrix.columns[column] for column in picked),
        matrix.hips,
        matrix.covariates,
        matrix.values_mm[:, picked],
        matrix.left_out,
    )
