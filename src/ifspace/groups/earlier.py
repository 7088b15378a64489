"""Validate the cut-off of an earlier comparison on other persons."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ifspace.groups.roc import Accuracy, accuracy, too_few
from ifspace.groups.table import GroupTable, Hips
from ifspace.model import Kind
from ifspace.statistics import NotEstimable
from ifspace.tables import read_json


@dataclass(frozen=True)
class EarlierStudy:
    """What an earlier groups.json says: its cut-offs and on whom they were chosen."""

    table_sha256: str
    persons_sha256: frozenset[str]
    cutoffs_mm: Mapping[Kind, float]


@dataclass(frozen=True)
class EarlierCutoff:
    """An earlier cut-off on other persons: what may be called a validation."""

    accuracy: Accuracy
    statement: str


class _Apparent(BaseModel):
    cutoff_mm: Annotated[float, Field(gt=0.0, lt=100.0)]


class _Optimal(BaseModel):
    apparent: _Apparent | None = None


class _Space(BaseModel):
    optimal: _Optimal


class _File(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    table_sha256: Annotated[str, Field(min_length=64, max_length=64)]
    persons_sha256: Annotated[list[str], Field(min_length=1)]
    spaces: dict[Kind, _Space]


def read_earlier(path: Path) -> EarlierStudy:
    """Read the groups.json of an earlier comparison.

    Raises
    ------
    UnreadableInputError
        If it cannot be read or is not such a file.
    """
    file = read_json(path, _File.model_validate, "a groups.json that compare-groups wrote")
    cutoffs_mm = {
        kind: space.optimal.apparent.cutoff_mm
        for kind, space in file.spaces.items()
        if space.optimal.apparent is not None
    }
    return EarlierStudy(file.table_sha256, frozenset(file.persons_sha256), cutoffs_mm)


def judge_earlier(
    earlier: EarlierStudy, kind: Kind, table: GroupTable, hips: Hips
) -> EarlierCutoff | NotEstimable:
    """Evaluate the earlier cut-off, unless it was chosen on the same persons."""
    if kind not in earlier.cutoffs_mm:
        return NotEstimable("no_earlier_cutoff", "the earlier comparison chose no cut-off")
    if earlier.table_sha256 == table.sha256:
        detail = "this very table chose the cut-off, so it cannot validate it"
        return NotEstimable("cutoff_chosen_on_these_data", detail)
    persons = {item.hip.person for item in hips.items}
    shared = sum(
        hashlib.sha256(person.encode()).hexdigest() in earlier.persons_sha256 for person in persons
    )
    if shared:
        detail = (
            f"{shared} of {len(persons)} persons also chose the cut-off, so they cannot validate it"
        )
        return NotEstimable("cutoff_chosen_on_these_persons", detail)
    missing = too_few(hips.is_case)
    if missing is not None:
        return missing
    result = accuracy(earlier.cutoffs_mm[kind], hips.values_mm, hips.is_case, hips.persons)
    statement = "chosen on other persons and measured here without being changed"
    return EarlierCutoff(result, statement)
