"""A statistic that is given with its interval, or not given with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval and how it was made."""

    low: float
    high: float
    method: str

    def __post_init__(self) -> None:
        """Refuse ends that are not numbers, or the wrong way round."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            message = f"interval is {self.low} to {self.high}, expected two rising numbers"
            raise ValueError(message)


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval.

    `interval` is the one to report: it counts persons, not hips. `ignoring_clusters` is what it
    would be if the two hips of a person were independent; it is there only where that differs.
    `p_value` belongs to the hypothesis that the statistic is zero and to `interval`.
    """

    value: float
    interval: Interval | None = None
    ignoring_clusters: Interval | None = None
    p_value: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no number: a missing statistic is a `NotEstimable`."""
        if not math.isfinite(self.value):
            message = f"value is {self.value}, expected a number"
            raise ValueError(message)


@dataclass(frozen=True)
class NotEstimable:
    """A statistic that these data cannot give: a code for programs and a sentence."""

    reason: str
    detail: str


Result = Estimate | NotEstimable


def to_json(value: Any) -> Any:
    """Turn results into plain JSON values; what is absent is left out, never null or NaN."""
    if isinstance(value, NotEstimable):
        return {"status": "not_given", "reason": value.reason, "detail": value.detail}
    if isinstance(value, Estimate):
        return {"status": "given", **_fields(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value


def _fields(value: Any) -> dict[str, Any]:
    pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
    return {name: to_json(item) for name, item in pairs if item is not None and item != ""}
