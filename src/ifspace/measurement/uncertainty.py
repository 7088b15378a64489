"""The uncertainty budget of a distance, between two marks or found by the program.

Two sources, added in quadrature as the Guide to the Expression of Uncertainty in Measurement
(JCGM 100:2008, 5.1.2) says: the pixel footprint of each end point along the line, and how well a
reader places the marks. How the patient lay is not in here: it is no property of the measurement
and is reported as a caveat of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from scipy import stats

from ifspace.geometry import Plane, Segment
from ifspace.model import Kind, UncertaintyPart

# Two careful readers over twelve real hips; standard error of measurement of one reading.
DEFAULT_READER_SEM_MM: Mapping[Kind, float] = MappingProxyType({Kind.IFS: 0.96, Kind.QFS: 1.05})
DEFAULT_READER_SOURCE = "two readers who are not radiologists, over twelve hips"
# Twelve differences between two readers: how much the default weighs beside a reader's own
# repeats. Two readings that agree by chance must not make an interval of nothing.
DEFAULT_READER_FREEDOM = 12

# A point spread evenly over a width w has the standard deviation w / sqrt(12) (JCGM 100, 4.3.7).
EVEN_SPREAD = 1.0 / np.sqrt(12.0)

COVERAGE = 0.95


# What a distance found by the program owes to the scan, in mm: measured on real bone shapes that
# were cut in many planes (docs/accuracy.md). The slice step hides the true minimum between
# slices; a plane that is pitched (flexion) or rolled (one side higher) cuts another distance.
STEP_SHARE = 0.057
PITCH_MM_PER_DEG = 0.12
ROLL_MM_PER_DEG = 0.21
# Gradient scale error of a clinical scanner.
SCALE_SHARE = 0.01
# How far a patient lies turned in the scanner, where nothing tells: standard deviation.
UNSEEN_TILT_DEG = 3.0


@dataclass(frozen=True)
class ReaderPrecision:
    """How well readers place the marks: standard error of one reading by space, and whose it is.

    `freedom` is what it weighs beside a reader's own repeats.
    """

    sem_mm: Mapping[Kind, float] = field(default_factory=lambda: DEFAULT_READER_SEM_MM)
    source: str = DEFAULT_READER_SOURCE
    freedom: int = DEFAULT_READER_FREEDOM


@dataclass(frozen=True)
class RepeatSpread:
    """How far a reader's own repeat readings of one kind of space lie apart."""

    sem_mm: float
    degrees_of_freedom: int


@dataclass(frozen=True)
class Budget:
    """What the uncertainty of one kind of space is made of, apart from the pixels.

    `repeats` holds a reader's own spread where the session has repeat readings; it is pooled with
    the default standard error of measurement, each by its degrees of freedom, so that the reader's
    own spread takes over as readings come in.
    """

    repeats: Mapping[Kind, RepeatSpread] = field(default_factory=dict)
    precision: ReaderPrecision = ReaderPrecision()

    def reader(self, kind: Kind, readings: int) -> tuple[UncertaintyPart, float]:
        """Give the reader's part for a mean of `readings`, and its degrees of freedom."""
        own = self.repeats.get(kind)
        if own is None:
            sem_mm, freedom, source = self._default_mm(kind), np.inf, self.precision.source
        else:
            freedom = float(self.precision.freedom + own.degrees_of_freedom)
            squares = (
                self.precision.freedom * self._default_mm(kind) ** 2
                + own.degrees_of_freedom * own.sem_mm**2
            )
            sem_mm = float(np.sqrt(squares / freedom))
            source = (
                f"own repeat readings ({own.degrees_of_freedom} degrees of freedom) with"
                f" {self.precision.source} ({self.precision.freedom})"
            )
        part = UncertaintyPart("reader placement", sem_mm / float(np.sqrt(readings)), source)
        return part, freedom

    def _default_mm(self, kind: Kind) -> float:
        return self.precision.sem_mm.get(kind, DEFAULT_READER_SEM_MM[kind])

    def parts(
        self,
        kind: Kind,
        segment: Segment,
        plane: Plane,
        readings: int = 1,
        *,
        interpolation: float = 1.0,
    ) -> tuple[tuple[UncertaintyPart, ...], float]:
        """List the parts for one segment in its slice, and the degrees of freedom of the sum.

        `interpolation` tells how many times finer the stored pixels are than the acquired ones;
        only the acquired ones hold information.
        """
        footprint_mm = plane.pixel_footprint_mm(segment.direction_lps) * interpolation
        pixel_mm = float(footprint_mm * EVEN_SPREAD / np.sqrt(readings))
        source = f"pixel footprint {footprint_mm:.2f} mm along the line"
        reader, reader_freedom = self.reader(kind, readings)
        parts = (
            UncertaintyPart("pixel at the ischial end", pixel_mm, source),
            UncertaintyPart("pixel at the femoral end", pixel_mm, source),
            reader,
        )
        return parts, welch_satterthwaite(parts, (np.inf, np.inf, reader_freedom))


def program_parts(
    segment: Segment, plane: Plane, edge_u95_mm: float, slice_step_mm: float | None
) -> tuple[UncertaintyPart, ...]:
    """List the parts for a distance that the program found.

    Parameters
    ----------
    segment, plane
        The distance and the slice that it lies in.
    edge_u95_mm
        Half-width of the 95 % interval of the two edges, as the finder of landmarks gives it.
    slice_step_mm
        Distance between slices; unknown for a single one.
    """
    edge_mm = edge_u95_mm / float(stats.norm.ppf((1.0 + COVERAGE) / 2.0))
    across, _, along = plane.normal_lps
    pitch_deg = float(np.degrees(np.arctan2(plane.normal_lps[1], along)))
    roll_deg = float(np.degrees(np.arctan2(across, along)))
    tilt_mm = float(
        np.hypot(
            PITCH_MM_PER_DEG * np.hypot(_folded(pitch_deg), UNSEEN_TILT_DEG),
            ROLL_MM_PER_DEG * np.hypot(_folded(roll_deg), UNSEEN_TILT_DEG),
        )
    )
    parts = [
        UncertaintyPart("edges of bone or tendon", edge_mm, "clearness of the outlines"),
        UncertaintyPart("tilt of the slices", tilt_mm, "slices against the patient's axes"),
        UncertaintyPart("scanner scale", SCALE_SHARE * segment.length_mm, "1 % of the distance"),
    ]
    if slice_step_mm is not None:
        source = f"slice step {slice_step_mm:.1f} mm"
        parts.append(UncertaintyPart("slice step", STEP_SHARE * slice_step_mm, source))
    return tuple(parts)


def not_below(
    parts: Sequence[UncertaintyPart], least: Sequence[UncertaintyPart]
) -> tuple[UncertaintyPart, ...]:
    """Widen a budget that nobody reviewed to at least that of a confirmed reading."""
    missing = sum(part.standard_mm**2 for part in least) - sum(
        part.standard_mm**2 for part in parts
    )
    if missing <= 0.0:
        return tuple(parts)
    source = "never less than a confirmed reading"
    return (*parts, UncertaintyPart("not reviewed by a person", float(np.sqrt(missing)), source))


def _folded(angle_deg: float) -> float:
    """Fold the tilt of a plane, whose normal may point up or down, to 0 to 90 degrees."""
    folded = abs(angle_deg) % 180.0
    return min(folded, 180.0 - folded)


def welch_satterthwaite(parts: Sequence[UncertaintyPart], freedoms: Sequence[float]) -> float:
    """Effective degrees of freedom of a sum of variances (JCGM 100:2008, G.4.1)."""
    total = sum(part.standard_mm**2 for part in parts)
    share = sum(
        part.standard_mm**4 / freedom
        for part, freedom in zip(parts, freedoms, strict=True)
        if np.isfinite(freedom)
    )
    return total**2 / share if share > 0.0 else np.inf


def smallest_of_several(values_mm: Sequence[float], standards_mm: Sequence[float]) -> float:
    """Expect how far a minimum over noisy slices falls below the true one, in mm.

    The minimum over several readings picks out the one that erred downwards. The expectation of
    the minimum of independent normal values around `values_mm` is integrated numerically; how far
    it lies below the smallest of them is what the choice adds to the uncertainty.
    """
    values, standards = np.asarray(values_mm), np.asarray(standards_mm)
    reach_mm = 8.0 * float(standards.max())
    grid = np.linspace(values.min() - reach_mm, values.min() + reach_mm, 2001)
    above = stats.norm.sf((grid[:, None] - values) / standards).prod(axis=1)
    expected_mm = float(grid[0] + np.trapezoid(above, grid))
    return max(0.0, float(values.min()) - expected_mm)


def half_width_95_mm(parts: Sequence[UncertaintyPart], freedom: float = np.inf) -> float:
    """Half-width of the 95 % interval from the parts of a budget."""
    total_mm = float(np.sqrt(sum(part.standard_mm**2 for part in parts)))
    quantile = (1.0 + COVERAGE) / 2.0
    factor = stats.norm.ppf(quantile) if np.isinf(freedom) else stats.t.ppf(quantile, freedom)
    return float(factor) * total_mm


def repeat_spread(repeats_mm: Sequence[Sequence[float]]) -> RepeatSpread | None:
    """Pool the spread within several sets of repeat readings, one set per slice and side.

    Within-subject standard deviation: root of the pooled variance (Bland and Altman, BMJ
    1996;313:744). Nothing where no set holds two readings, or all agree to the last digit.
    """
    sets = [np.asarray(values_mm, dtype=np.float64) for values_mm in repeats_mm]
    freedom = sum(len(values_mm) - 1 for values_mm in sets if len(values_mm) > 1)
    squares = sum(
        float(((values_mm - values_mm.mean()) ** 2).sum())
        for values_mm in sets
        if len(values_mm) > 1
    )
    if freedom < 1 or squares == 0.0:
        return None
    return RepeatSpread(float(np.sqrt(squares / freedom)), freedom)
