"""Smallest detectable change between two measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ifspace.followup.visits import Visit
from ifspace.model import Kind, Measurement
from ifspace.tables import read_json

AGREEMENT_SCHEMA = "ifspace-agreement/1"

# Of 95 hips scanned twice, 34 % differed by 4 mm or more (hatem_2021_positioning). For normal
# differences around zero that is a spread of 4.2 mm, so that 95 % of them lie within 8.2 mm.
BETWEEN_SCANS_MM = float(stats.norm.ppf(0.975) * 4.0 / stats.norm.ppf(1.0 - 0.34 / 2.0))
BETWEEN_SCANS = (
    "the spread between two scans of the same hip (8.2 mm, derived from Hatem et al. 2021: 34 % of"
    " 95 hips differed by 4 mm or more)"
)


@dataclass(frozen=True)
class Detectable:
    """A smallest detectable change and where it comes from.

    `uncertainty_mm` is what the 95 % uncertainties of both values and the published spread between
    two scans give, added as squares.
    """

    value_mm: float
    source: str
    uncertainty_mm: float


@dataclass(frozen=True)
class AgreementFigures:
    """The smallest detectable changes of an agreement study, by space and by reader."""

    between_mm: Mapping[Kind, float]
    within_mm: Mapping[tuple[Kind, str], float]


def read_agreement(path: Path) -> AgreementFigures:
    """Read the smallest detectable changes from an agreement.json.

    Raises
    ------
    UnreadableInputError
        If it cannot be read or is not such a file.
    """
    return read_json(path, _figures, "an agreement.json that agree wrote")


def _figures(data: Any) -> AgreementFigures:
    """Pick the figures; anything unlike the schema is a ValueError, KeyError or TypeError."""
    if data["schema"] != AGREEMENT_SCHEMA:
        message = f"schema is {data['schema']!r}"
        raise ValueError(message)
    between, within = {}, {}
    for kind in Kind:
        space = data["spaces"].get(kind.value, {})
        sdc_mm = _sdc(space.get("between_readers", {}))
        if sdc_mm is not None:
            between[kind] = sdc_mm
        for reader, item in space.get("within_reader", {}).items():
            sdc_mm = _sdc(item)
            if sdc_mm is not None:
                within[kind, reader] = sdc_mm
    return AgreementFigures(between, within)


def _sdc(comparison: Mapping[str, Any]) -> float | None:
    sdc = comparison.get("sdc_agreement_mm", {})
    if sdc.get("status") != "given":
        return None
    value_mm = float(sdc["value"])
    if not np.isfinite(value_mm) or value_mm <= 0.0:
        message = f"the smallest detectable change is {value_mm}"
        raise ValueError(message)
    return value_mm


def detectable(
    one: Visit, two: Visit, pair: tuple[Measurement, Measurement], figures: AgreementFigures | None
) -> Detectable:
    """Choose the smallest detectable change for two measurements of one space.

    An agreement study is preferred: within the reader where one person measured both times,
    otherwise between readers. Without one, the two uncertainties add as squares. The published
    spread between two scans is added to either: readers of the same images do not see it.
    """
    kind = pair[0].kind
    both_mm = float(np.hypot(pair[0].u95_mm, pair[1].u95_mm))
    readers = (one.result.session.reader, two.result.session.reader)
    least_mm, source = both_mm, "95 % uncertainties of both values"
    if figures is not None:
        same = readers[0] is not None and readers[0] == readers[1]
        if same and (kind, str(readers[0])) in figures.within_mm:
            least_mm = figures.within_mm[kind, str(readers[0])]
            source = f"agreement study, within reader {readers[0]}"
        elif kind in figures.between_mm:
            least_mm, source = figures.between_mm[kind], "agreement study, between readers"
    return Detectable(
        float(np.hypot(least_mm, BETWEEN_SCANS_MM)),
        f"{source}, and {BETWEEN_SCANS}",
        float(np.hypot(both_mm, BETWEEN_SCANS_MM)),
    )
