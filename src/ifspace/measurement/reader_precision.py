"""How well the readers of a department place the marks, from the file that `agree` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ifspace.measurement.uncertainty import ReaderPrecision
from ifspace.model import Kind
from ifspace.tables import read_json

AGREEMENT_SCHEMA = "ifspace-agreement/1"


def read_reader_precision(path: Path) -> ReaderPrecision:
    """Read the standard error of one reading, between readers, from an agreement.json.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, is no such file, or gives the figure for no space.
    """
    return read_json(path, _precision, "an agreement.json with a standard error that agree wrote")


def _precision(data: Any) -> ReaderPrecision:
    """Pick the figures; anything unlike the schema is a ValueError, KeyError or TypeError."""
    sem_mm: dict[Kind, float] = {}
    hips = []
    for kind in Kind:
        between = data["spaces"].get(kind.value, {}).get("between_readers", {})
        sem = between.get("sem_agreement_mm", {})
        if sem.get("status") != "given":
            continue
        sem_mm[kind] = float(sem["value"])
        hips.append(int(between["hips"]))
        if not np.isfinite(sem_mm[kind]) or sem_mm[kind] <= 0.0:
            message = f"the standard error is {sem_mm[kind]}"
            raise ValueError(message)
    if data["schema"] != AGREEMENT_SCHEMA or not sem_mm:
        message = f"schema is {data['schema']!r} with {len(sem_mm)} standard errors"
        raise ValueError(message)
    least = min(hips)
    return ReaderPrecision(sem_mm, f"the department's own readers over {least} hips", least)
