"""Published cut-offs that apply to the hips of a table, by age and hip position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ifspace.evidence import choose_panel, published_rows
from ifspace.hips import Covariates
from ifspace.model import Kind

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cutoff:
    """One published cut-off, its rows, and the hips (n,) that it applies to."""

    cutoff_mm: float
    evidence_ids: tuple[str, ...]
    applies: Flags


def cutoffs_for(kind: Kind, covariates: Sequence[Covariates]) -> tuple[Cutoff, ...]:
    """Collect the published cut-offs of a space, each with the hips whose age and position fit."""
    rows = published_rows()
    panels = {
        hip: choose_panel(rows, age_years=hip.age_years, hip_rotation=hip.hip_rotation)
        for hip in set(covariates)
    }
    hips_of_length: dict[float, dict[str, set[int]]] = {}
    for number, hip in enumerate(covariates):
        for value in panels[hip].cutoffs(kind):
            ids = hips_of_length.setdefault(float(value.cutoff_mm or 0.0), {})
            ids.setdefault(value.evidence_id, set()).add(number)
    return tuple(
        Cutoff(cutoff_mm, tuple(sorted(ids)), _marked(set().union(*ids.values()), len(covariates)))
        for cutoff_mm, ids in sorted(hips_of_length.items())
    )


def _marked(numbers: set[int], count: int) -> Flags:
    return np.asarray([number in numbers for number in range(count)], dtype=np.bool_)
