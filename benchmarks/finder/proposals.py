"""Compare what is proposed on rendered hips with the truth of their surfaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.finder.shapes import ShapeCase

from ifspace import zero_click
from ifspace.automatic import outcome_of
from ifspace.model import Kind, Measurement, Side

# The lesser trochanter around its true apex, as the program takes it.
RANGE_MM = (-9.0, 14.0)


@dataclass(frozen=True)
class ShapeRow:
    """One space of one hip; the error is NaN where nothing was shown, the truth where none is."""

    name: str
    contrast: str
    side: Side
    kind: Kind
    true_mm: float
    error_mm: float
    covered: bool
    level_mm: float


def shape_rows(case: ShapeCase) -> Iterator[ShapeRow]:
    """Propose on one pelvis; truth is the smallest distance on the true range of each hip."""
    found = zero_click.find_sides(case.volume)
    heights = np.array([item.plane.origin_lps_mm[2] for item in case.volume.slices])
    for side, truth in case.truth.items():
        above = heights - truth.apex_height_mm
        inside = (above >= RANGE_MM[0]) & (above <= RANGE_MM[1])
        apex = found[side].apex_slice
        level_mm = np.nan if apex is None else float(above[apex])
        for kind in Kind:
            own = truth.of(kind)[inside]
            true_mm = float(np.nanmin(own)) if np.isfinite(own).any() else np.nan
            outcome = outcome_of(case.volume, found[side], kind)
            shown = isinstance(outcome, Measurement)
            error_mm = outcome.value_mm - true_mm if shown else np.nan
            covered = shown and abs(error_mm) <= outcome.u95_mm
            yield ShapeRow(
                case.name, case.contrast, side, kind, true_mm, error_mm, bool(covered), level_mm
            )
