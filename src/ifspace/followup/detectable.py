"""Smallest detectable change between two measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ifspace.followup.visits import Visit
from ifspace.model import Kind, Measurement
from ifspace.tables import read_json

AGREEMENT_SCHEMA = "ifspace-agreement/1"


@dataclass(frozen=True)
class Detectable:
    """A smallest detectable change and where it comes from.

    `uncertainty_mm` is what the 95 % uncertainties of both values give, added as squares.
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
    otherwise between readers. Without one, the two uncertainties add as squares.
    """
    kind = pair[0].kind
    uncertainty_mm = float(np.hypot(pair[0].u95_mm, pair[1].u95_mm))
    readers = (one.result.session.reader, two.result.session.reader)
    if figures is not None:
        same = readers[0] is not None and readers[0] == readers[1]
        if same and (kind, str(readers[0])) in figures.within_mm:
            source = f"agreement study, within reader {readers[0]}"
            return Detectable(figures.within_mm[kind, str(readers[0])], source, uncertainty_mm)
        if kind in figures.between_mm:
            source = "agreement study, between readers"
            return Detectable(figures.between_mm[kind], source, uncertainty_mm)
    return Detectable(uncertainty_mm, "95 % uncertainties of both values", uncertainty_mm)
