"""The whole agreement study: every statistic that the readings give, and why others are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ifspace.agreement.bland_altman import BlandAltman, bland_altman
from ifspace.agreement.categories import CategoryAgreement, category_agreement
from ifspace.agreement.icc import Icc, all_iccs
from ifspace.agreement.matrix import Matrix, between_readers, columns_of, within_reader
from ifspace.agreement.precision import Precision, precision
from ifspace.agreement.readings import Reading, Readings
from ifspace.cutoffs import cutoffs_for
from ifspace.model import Kind
from ifspace.notice import NOTICE
from ifspace.statistics import NotEstimable, Result, to_json
from ifspace.statistics.clusters import FEW_CLUSTERS
from ifspace.version import __version__

AGREEMENT_SCHEMA = "ifspace-agreement/1"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two columns compared: readings, differences and categories."""

    matrix: Matrix
    differences: BlandAltman
    categories: tuple[CategoryAgreement, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Readers among each other, or one reader with themselves, for one space."""

    scope: str
    matrix: Matrix
    iccs: tuple[Icc, ...]
    precision: Precision
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, eq=False)
class SpaceAgreement:
    """All comparisons of one space, those that could not be made, and cautions."""

    kind: Kind
    readers: tuple[str, ...]
    between: Comparison | NotEstimable
    within: dict[str, Comparison | NotEstimable]
    missing: int
    cautions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class AgreementStudy:
    """What `agree` found."""

    readings: Readings
    spaces: tuple[SpaceAgreement, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every row was used and readers could be compared in full for every space."""
        compared = all(_is_full(space.between) for space in self.spaces)
        return compared and not self.readings.problems


def _is_full(between: Comparison | NotEstimable) -> bool:
    """Tell whether correlation, error and limits of agreement could all be given."""
    if isinstance(between, NotEstimable):
        return False
    main: list[Result] = [one.result for one in between.iccs]
    main.append(between.precision.sem_agreement_mm)
    main += [pair.differences.lower_limit_mm for pair in between.pairs]
    return not any(isinstance(item, NotEstimable) for item in main)


def study_agreement(readings: Readings) -> AgreementStudy:
    """Compute everything for every space that was read."""
    kinds = [kind for kind in Kind if readings.of_kind(kind)]
    return AgreementStudy(readings, tuple(_space(kind, readings.of_kind(kind)) for kind in kinds))


def _space(kind: Kind, readings: Sequence[Reading]) -> SpaceAgreement:
    given = [item for item in readings if item.value_mm is not None]
    readers = tuple(sorted({item.reader for item in given}))
    between = _between(kind, given, readers)
    within = {reader: _within(kind, given, reader) for reader in readers}
    expected = {(item.hip, item.reader, item.repeat) for item in readings}
    hips = {item.hip for item in readings}
    expected |= {(hip, reader, 1) for hip in hips for reader in readers}
    return SpaceAgreement(
        kind, readers, between, within, len(expected) - len(given), _cautions(given, between)
    )


def _between(
    kind: Kind, readings: Sequence[Reading], readers: tuple[str, ...]
) -> Comparison | NotEstimable:
    if not readers:
        return NotEstimable("no_readings", "every reading of this space is missing")
    if len(readers) < 2:
        detail = "one reader only: agreement between readers cannot be given"
        return NotEstimable("one_reader_only", detail)
    matrix = between_readers(readings, readers)
    pairs = tuple(_pair(kind, between_readers(readings, two)) for two in combinations(readers, 2))
    return _comparison("between readers, first reading of each", matrix, pairs)


def _within(kind: Kind, readings: Sequence[Reading], reader: str) -> Comparison | NotEstimable:
    matrix = within_reader(readings, reader)
    if len(matrix.columns) < 2:
        detail = f"reader {reader} read every hip once: agreement with oneself cannot be given"
        return NotEstimable("one_reading_only", detail)
    numbers = range(len(matrix.columns))
    pairs = tuple(_pair(kind, columns_of(matrix, *two)) for two in combinations(numbers, 2))
    return _comparison(f"within reader {reader}", matrix, pairs)


def _comparison(scope: str, matrix: Matrix, pairs: tuple[Pair, ...]) -> Comparison:
    return Comparison(
        scope,
        matrix,
        all_iccs(matrix.values_mm, matrix.persons),
        precision(matrix.values_mm, matrix.persons),
        pairs,
    )


def _pair(kind: Kind, matrix: Matrix) -> Pair:
    first_mm, second_mm = matrix.values_mm.T
    return Pair(
        matrix,
        bland_altman(first_mm, second_mm, matrix.persons),
        tuple(
            category_agreement(first_mm, second_mm, matrix.persons, cutoff)
            for cutoff in cutoffs_for(kind, matrix.covariates)
        ),
    )


def _cautions(readings: Sequence[Reading], between: Comparison | NotEstimable) -> tuple[str, ...]:
    cautions = []
    persons = {item.hip.person for item in readings}
    if len(persons) < FEW_CLUSTERS:
        cautions.append(
            f"Only {len(persons)} persons: every interval is wide and its coverage uncertain;"
            " treat the figures as a pilot."
        )
    if isinstance(between, Comparison) and between.matrix.left_out:
        cautions.append(
            f"{between.matrix.left_out} hips were not read by every reader; intraclass"
            " correlations and the standard error use the complete hips only, Bland-Altman and"
            " cut-offs every hip that both readers of the pair read."
        )
    if readings and all(item.covariates.age_years is None for item in readings):
        cautions.append(
            "Ages are not in the table: adult cut-offs are used; not for under 18 years."
        )
    return tuple(cautions)


# ------------------------------------------------------------------------------------- to JSON


def study_to_json(study: AgreementStudy) -> dict[str, Any]:
    """Give the study as the content of agreement.json; unrounded, what is missing said."""
    return {
        "schema": AGREEMENT_SCHEMA,
        "software": {"name": "ifspace", "version": __version__},
        "notice": NOTICE,
        "readings_sha256": study.readings.sha256,
        "rows_not_used": to_json(study.readings.problems),
        "spaces": {space.kind.value: _space_json(space) for space in study.spaces},
    }


def _space_json(space: SpaceAgreement) -> dict[str, Any]:
    return {
        "readers": list(space.readers),
        "missing_readings": space.missing,
        "cautions": list(space.cautions),
        "between_readers": _comparison_json(space.between),
        "within_reader": {name: _comparison_json(item) for name, item in space.within.items()},
    }


def _comparison_json(item: Comparison | NotEstimable) -> Any:
    if isinstance(item, NotEstimable):
        return to_json(item)
    return {
        "status": "given",
        "scope": item.scope,
        **_matrix_json(item.matrix),
        "icc": {
            one.name: {"shrout_fleiss": one.shrout_fleiss, **to_json(one.result)}
            for one in item.iccs
        },
        **to_json(item.precision),
        "pairs": [
            {
                **_matrix_json(pair.matrix),
                "bland_altman": to_json(pair.differences),
                "categories": to_json(pair.categories),
            }
            for pair in item.pairs
        ],
    }


def _matrix_json(matrix: Matrix) -> dict[str, Any]:
    return {
        "columns": list(matrix.columns),
        "hips": len(matrix.hips),
        "persons": matrix.person_count,
        "hips_left_out": matrix.left_out,
    }
